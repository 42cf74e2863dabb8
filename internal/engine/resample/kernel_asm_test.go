//go:build (amd64 || arm64) && !purego

package resample

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/cpu"
	"github.com/imgmill/imgmill/internal/engine/cpu/cputest"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// needVector calls cputest.NeedVector, and also fails if a Plane would run plain Go anyway.
func needVector(t *testing.T) {
	t.Helper()
	cputest.NeedVector(t)
	if newKernels(newTable(whole(9, 4), Lanczos3), 1).lanes == nil {
		t.Fatal("the processor has vector instructions, but a Plane would run plain Go")
	}
}

// TestVectorRuns clears the lane weights, which only the vector kernels use: if that does not
// change the result, plain Go has run.
func TestVectorRuns(t *testing.T) {
	needVector(t)
	for _, x := range []Axis{whole(100, 70), whole(100, 7)} {
		src := noise(1, x.Src*4)
		run := func(spoil bool) (rows []byte) {
			p, err := NewPlane(x, whole(4, 3), Lanczos3, func(_ int, row []byte) error {
				rows = append(rows, row...)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			p.run = newKernels(newTable(x, Lanczos3), 1)
			if spoil {
				clear(p.run.lanes.coef)
			}
			if err := p.Rows(0, plane.Rows{Pix: src, Stride: x.Src, N: 4}); err != nil {
				t.Fatal(err)
			}
			return rows
		}
		if bytes.Equal(run(false), run(true)) {
			t.Errorf("%+v: vector kernels did not run", x)
		}
	}
}

// testAxes returns axes of every width up to 70 and of every kind of lanes.
func testAxes() []Axis {
	axes := []Axis{
		whole(4000, 3), whole(333, 33), whole(500, 123), whole(1000, 999),
		{Src: 90, Dst: 40, Start: 30.3, Step: 1.1},
		{Src: 40, Dst: 70, Start: -10, Step: 60.0 / 70}, {Src: 64, Dst: 9, Start: 1, Step: 7},
	}
	for w := 1; w <= 70; w++ {
		axes = append(axes, whole(1+w*37%101, w), whole(w, 1+w*29%67))
	}
	return axes
}

// guardedNoise returns noise that ends where readable memory ends.
func guardedNoise(t *testing.T, seed uint64, n int) []byte {
	m := guarded(t, n)
	copy(m, noise(seed, n))
	return m
}

func TestHorizontalVectorEqualsGo(t *testing.T) {
	needVector(t)
	seen := map[string]int{}
	for _, f := range filters {
		for n, a := range testAxes() {
			tb := newTable(a, f)
			want := make([]int16, a.Dst)
			got := make([]int16, blocks(a.Dst)+1)
			for size := 1; size <= 2; size++ {
				k := newKernels(tb, size)
				seen[fmt.Sprint(size, k.lanes.mask != nil, size == 1 && k.lanes.mask != nil && k.lanes.whole)]++
				// The rows end where memory ends, at various alignments, or are followed by others.
				for i, length := range []int{a.Src, max(a.Src, k.need()), a.Src + 1 + n%7,
					2*a.Src + 64} {
					if size == 2 {
						length = max(length, k.need())
					}
					got[blocks(a.Dst)] = 12345
					if size == 1 {
						src := guardedNoise(t, uint64(n), length)
						horizontal8(want, src[:a.Src], tb)
						k.horizontal8(got, src, a.Src)
					} else {
						src := int16s(guardedNoise(t, uint64(n), 2*length))
						horizontal16(want, src, tb)
						k.horizontal16(got, src)
					}
					if !slices.Equal(got[:a.Dst], want) || got[blocks(a.Dst)] != 12345 {
						t.Fatalf("%v %+v, size %d, row %d: vector kernel differs from plain Go",
							f, a, size, i)
					}
				}
			}
		}
	}
	if len(seen) != 5 {
		t.Errorf("tested kinds of lanes: %v, want both kinds for both sizes, and whole views", seen)
	}
}

func TestVerticalVectorEqualsGo(t *testing.T) {
	needVector(t)
	r := rand.New(rand.NewPCG(1, 2))
	for _, f := range filters {
		for n, a := range testAxes() {
			ring := newRing(newTable(a, f), 1+n%50)
			k := newKernels(newTable(whole(9, 4), f), 1)
			columns := blocks(1 + n%50)
			h := int16s(guarded(t, 2*ring.slots*ring.stride))
			for i := range h {
				h[i] = int16(r.IntN(2*25300+1) - 25300)
				if i%ring.stride < 3 {
					h[i] = 25300 * int16(1-2*(i&1))
				}
			}
			levels, want := guarded(t, columns), make([]byte, columns)
			wide, wantWide := int32s(guarded(t, 4*columns)), make([]int32, columns)
			for ring.next < a.Dst {
				ring.advance()
				k.vertical8(levels, h, ring.stride, ring.coef)
				vertical8(want, h, ring.stride, ring.coef)
				if !bytes.Equal(levels, want) {
					t.Fatalf("%v %+v, row %d: vector kernel differs from plain Go", f, a, ring.next-1)
				}
				k.vertical16(wide, h, ring.stride, ring.coef)
				vertical16(wantWide, h, ring.stride, ring.coef)
				if !slices.Equal(wide, wantWide) {
					t.Fatalf("%v %+v, wide row %d: vector kernel differs from plain Go",
						f, a, ring.next-1)
				}
			}
		}
	}
}

func TestPremultiplyVectorEqualsGo(t *testing.T) {
	needVector(t)
	k := newKernels(newTable(whole(9, 4), Box), 2)
	for n := 1; n < 100; n++ {
		colour, alpha := guardedNoise(t, uint64(n), n), guardedNoise(t, uint64(n+1), n)
		got, want := int16s(guarded(t, 2*n)), make([]int16, n)
		k.premultiply(got, colour, alpha)
		for i := range want {
			want[i] = int16(int(colour[i])*int(alpha[i]) - 32768)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%d values: vector kernel differs", n)
		}
	}
}

// TestPlaneVectorEqualsGo checks that whole planes and pictures are the same, bit for bit, with and
// without vector kernels.
func TestPlaneVectorEqualsGo(t *testing.T) {
	needVector(t)
	axes := testAxes()
	for n, x := range axes {
		y := axes[(n*31+7)%len(axes)]
		if x.Src*y.Src > 1<<17 {
			continue
		}
		src := noise(uint64(n), x.Src*y.Src)
		alpha := ramp(uint64(n), x.Src, y.Src)
		f := filters[n%len(filters)]
		fast := resize(t, src, x, y, f, 3)
		fastAlpha := resizeAlpha(t, [][]byte{src, alpha}, x, y, f, 3)
		restore := cpu.Plain()
		slow := resize(t, src, x, y, f, 5)
		slowAlpha := resizeAlpha(t, [][]byte{src, alpha}, x, y, f, 5)
		restore()
		if !bytes.Equal(fast, slow) || !bytes.Equal(fastAlpha[0], slowAlpha[0]) ||
			!bytes.Equal(fastAlpha[1], slowAlpha[1]) {
			t.Fatalf("%v %+v %+v: vector kernels differ from plain Go", f, x, y)
		}
	}
}
