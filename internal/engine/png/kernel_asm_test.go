//go:build amd64 && linux && !purego

package png

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/cpu"
	"github.com/imgmill/imgmill/internal/engine/cpu/cputest"
)

// plainly runs f without vector kernels.
func plainly(f func()) {
	defer cpu.Plain()()
	f()
}

// between returns n random bytes that touch an inaccessible page at their end.
func between(t *testing.T, r *rand.Rand, n int) []byte {
	b := cputest.Guarded[byte](t, n, true)
	for i := range b {
		b[i] = byte(r.Uint32())
		if r.IntN(4) == 0 {
			b[i] = byte(255 * r.IntN(2))
		}
	}
	return b
}

func TestVectorPaethMatchesPlain(t *testing.T) {
	cputest.NeedVector(t)
	r := rand.New(rand.NewPCG(1, 1))
	for _, unit := range []int{1, 2, 3, 4, 6, 8} {
		for _, pixels := range []int{1, 2, 5, 100} {
			n := unit * pixels
			src, above, got := between(t, r, n+slack), between(t, r, n+slack), between(t, r, n+slack)
			want := make([]byte, n+slack)
			unfilter(filterPaeth, got, src, above, n, unit)
			plainly(func() { unfilter(filterPaeth, want, src, above, n, unit) })
			if !bytes.Equal(got[:n], want[:n]) {
				t.Errorf("%d pixels of %d bytes differ", pixels, unit)
			}
		}
	}
}

func TestVectorSplitMatchesPlain(t *testing.T) {
	cputest.NeedVector(t)
	r := rand.New(rand.NewPCG(2, 1))
	for _, n := range []int{1, 15, 16, 17, 31, 32, 100} {
		src := between(t, r, 3*n)
		var got, want [3][]byte
		for i := range got {
			got[i], want[i] = between(t, r, n), make([]byte, n)
		}
		split3(got[0], got[1], got[2], src)
		plainly(func() { split3(want[0], want[1], want[2], src) })
		for i := range got {
			if !bytes.Equal(got[i], want[i]) {
				t.Errorf("%d pixels: plane %d differs", n, i)
			}
		}
	}
}

func TestVectorAdlerMatchesPlain(t *testing.T) {
	cputest.NeedVector(t)
	r := rand.New(rand.NewPCG(3, 1))
	for _, n := range []int{0, 1, 31, 32, 33, 1000, adlerRun, 3*adlerRun + 7} {
		for _, data := range [][]byte{between(t, r, n), bytes.Repeat([]byte{255}, n)} {
			got, want := adler(0xfff0fff0), adler(0xfff0fff0)
			got.update(data)
			plainly(func() { want.update(data) })
			if got != want {
				t.Errorf("%d bytes: %x, want %x", n, got, want)
			}
		}
	}
}

func TestVectorFiltersMatchPlain(t *testing.T) {
	cputest.NeedVector(t)
	r := rand.New(rand.NewPCG(4, 1))
	for _, n := range []int{1, 15, 16, 17, 100} {
		row, left, above, corner := between(t, r, n+lead), between(t, r, n+lead), between(t, r, n+lead), between(t, r, n+lead)
		got, want := between(t, r, n+lead), make([]byte, n+lead)
		subtractNearest(got, row, left, above, corner, n)
		plainly(func() { subtractNearest(want, row, left, above, corner, n) })
		if !bytes.Equal(got[:n], want[:n]) {
			t.Errorf("Paeth of %d bytes differs", n)
		}
	}
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for i := range all {
		one := append(make([]byte, 63), all[i])
		if got := cost(one); got != int(costs[i]) {
			t.Errorf("the cost of %d is %d, want %d", i, got, costs[i])
		}
	}
	for _, n := range []int{0, 1, 31, 32, 33, 1000} {
		b := between(t, r, n)
		got, want := cost(b), 0
		plainly(func() { want = cost(b) })
		if got != want {
			t.Errorf("the cost of %d bytes is %d, want %d", n, got, want)
		}
	}
}
