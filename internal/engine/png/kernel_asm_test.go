//go:build amd64 && linux && !purego

package png

import (
	"bytes"
	"compress/flate"
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

func TestVectorNarrowMatchesPlain(t *testing.T) {
	cputest.NeedVector(t)
	r := rand.New(rand.NewPCG(2, 1))
	for _, n := range []int{1, 31, 32, 33, 64, 100} {
		src, got, want := between(t, r, 2*n-1), between(t, r, n), make([]byte, n)
		narrow(got, src)
		plainly(func() { narrow(want, src) })
		if !bytes.Equal(got, want) {
			t.Errorf("%d bytes differ", n)
		}
	}
}

func TestVectorLookUpMatchesPlain(t *testing.T) {
	cputest.NeedVector(t)
	r := rand.New(rand.NewPCG(6, 1))
	for _, used := range []int{0, 1, 2, 16, 17, 100, 128, 129, 250, 256} {
		for _, rest := range []byte{0, 255} {
			var values [256]byte
			for i := range values {
				values[i] = rest
				if i < used {
					values[i] = byte(r.Uint32())
				}
			}
			table := newTable(&values)
			for _, n := range []int{127, 128, 129, 256, 1000} {
				src, got, want := between(t, r, n), between(t, r, n), make([]byte, n)
				for i := range src {
					src[i] = byte(r.Uint32())
				}
				table.lookUp(got, src)
				plainly(func() { table.lookUp(want, src) })
				if !bytes.Equal(got, want) {
					t.Errorf("%d bytes with a table of %d values and %d: they differ", n, used, rest)
				}
			}
		}
	}
}

func TestVectorInflateMatchesPlain(t *testing.T) {
	cputest.NeedVector(t)
	r := rand.New(rand.NewPCG(7, 1))
	all := plains()
	all["periods"] = nil
	for period := 1; period < 40; period++ {
		for _, n := range []int{3, 31, 32, 33, 258, 1000} {
			unit := between(t, r, period)
			all["periods"] = append(all["periods"], bytes.Repeat(unit, n/period+2)[:period+n]...)
		}
	}
	for name, plain := range all {
		for _, level := range []int{flate.HuffmanOnly, 1, 6, 9} {
			var b bytes.Buffer
			w, _ := flate.NewWriter(&b, level)
			w.Write(plain)
			w.Close()
			for i := range 50 {
				data := bytes.Clone(b.Bytes())
				if i > 0 {
					data[r.IntN(len(data))] ^= 1 << r.IntN(8)
				}
				compareKernel(t, name, data, between(t, r, bufferLen(5000)))
			}
		}
	}
}

// compareKernel decompresses data with the kernel, into a buffer that touches an inaccessible page,
// and without.
func compareKernel(t *testing.T, name string, data, buf []byte) {
	t.Helper()
	inflate := func(buf []byte) (out []byte, err error) {
		z := &zlibReader{inflater: inflater{r: bytes.NewReader(data)}, to: windowSize, at: windowSize, begun: true}
		for n := 0; err == nil && len(out) < 1<<20; out = append(out, buf[windowSize:][:n]...) {
			z.begin(buf)
			n, err = z.fill(len(buf) - bufferLen(0))
		}
		return out, err
	}
	got, gotErr := inflate(buf)
	var want []byte
	var wantErr error
	plainly(func() { want, wantErr = inflate(make([]byte, len(buf))) })
	if !bytes.Equal(got, want) || gotErr != wantErr {
		t.Errorf("%s: %d bytes, %v; without the kernel %d bytes, %v", name, len(got), gotErr, len(want), wantErr)
	}
}

func TestVectorInflateRuns(t *testing.T) {
	cputest.NeedVector(t)
	const n = 20000
	for _, name := range []string{"skewed", "near"} {
		var b bytes.Buffer
		w, _ := flate.NewWriter(&b, 6)
		w.Write(plains()[name][:n])
		w.Close()
		z := &inflater{r: bytes.NewReader(b.Bytes())}
		z.more()
		if err := z.block(); err != nil {
			t.Fatal(err)
		}
		out := make([]byte, bufferLen(n))
		if at := vectorInflate(z, out, windowSize, windowSize, windowSize+n); at < windowSize+n/10 {
			t.Errorf("%s: the kernel stopped after %d of %d bytes", name, at-windowSize, n)
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
		var gots, wants [3][]byte
		for i := range gots {
			gots[i], wants[i] = between(t, r, n+lead), make([]byte, n+lead)
		}
		differences(gots[0], gots[1], gots[2], row, left, above, n)
		plainly(func() { differences(wants[0], wants[1], wants[2], row, left, above, n) })
		for i := range gots {
			if !bytes.Equal(gots[i][:n], wants[i][:n]) {
				t.Errorf("filter %d of %d bytes differs", filterSub+i, n)
			}
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
