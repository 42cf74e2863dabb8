//go:build amd64 && !purego

package vp8l

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/cpu/cputest"
)

func pixels(r *rand.Rand, n int) []uint32 {
	p := make([]uint32, n)
	for i := range p {
		p[i] = r.Uint32()
		if i > 0 && r.IntN(3) > 0 {
			p[i] = p[i-1] + r.Uint32N(5)*0x01010101
		}
	}
	return p
}

func TestPredictVectorEqualsGo(t *testing.T) {
	cputest.NeedVector(t)
	r := rand.New(rand.NewPCG(3, 4))
	for mode := range uint8(16) {
		for n := 1; n < 60; n++ {
			row, upper, out := pixels(r, n), pixels(r, n+2), pixels(r, n+1)
			want := slices.Clone(out)
			predictRun(mode, row, want, upper)
			predictVector(mode, row, out, upper)
			if !slices.Equal(out, want) {
				t.Fatalf("mode %d, %d pixels: %x, want %x", mode, n, out, want)
			}
		}
	}
}

func TestTransformsVectorEqualGo(t *testing.T) {
	cputest.NeedVector(t)
	r := rand.New(rand.NewPCG(5, 6))
	for n := 1; n < 80; n++ {
		argb := pixels(r, n)
		e := [3]int8{int8(r.Uint32()), int8(r.Uint32()), int8(r.Uint32())}
		for name, both := range map[string][2]transform{
			"colour": {
				&colour{width: n, blocks: 1, bits: 9, elements: [][3]int8{e}},
				&colour{width: n, blocks: 1, bits: 9, elements: [][3]int8{e}, vector: true},
			},
			"green": {subtractGreen{width: n}, subtractGreen{n, true}},
		} {
			want := both[0].invert(0, argb, make([]uint32, n))
			if got := both[1].invert(0, argb, make([]uint32, n)); !slices.Equal(got, want) {
				t.Fatalf("%s of %d pixels: %x, want %x", name, n, got, want)
			}
		}
		var got, want [4][]byte
		for i := range got {
			got[i], want[i] = make([]byte, n), make([]byte, n)
		}
		separatePixels(want[0], want[1], want[2], want[3], argb)
		k := separateWhole(got[0], got[1], got[2], got[3], argb)
		separatePixels(got[0][k:], got[1][k:], got[2][k:], got[3][k:], argb[k:])
		for i := range got {
			if !bytes.Equal(got[i], want[i]) {
				t.Fatalf("component %d of %d pixels differs", i, n)
			}
		}
	}
}

func TestResiduesVectorEqualGo(t *testing.T) {
	cputest.NeedVector(t)
	r := rand.New(rand.NewPCG(17, 18))
	for n := 1; n < 40; n++ {
		var got, want blockResidues
		for _, b := range []*blockResidues{&got, &want} {
			b.area = 3 * n
			b.out = make([]uint32, predictors*b.area)
		}
		got.vector = true
		for y := range 3 {
			pix, upper := pixels(r, n+1), pixels(r, n+2)
			got.row(y*n, pix, upper)
			want.row(y*n, pix, upper)
			got.sums, want.sums = joined(got.sums), joined(want.sums)
		}
		if !slices.Equal(got.out, want.out) || got.sums != want.sums {
			t.Fatalf("%d pixels: %x, want %x", n, got.sums, want.sums)
		}
	}
}

// joined has the parts of each sum in the first one.
func joined(sums [predictors][4]uint64) (out [predictors][4]uint64) {
	for m, s := range sums {
		out[m][0] = s[0] + s[1] + s[2] + s[3]
	}
	return out
}

func TestCorrelationVectorEqualsGo(t *testing.T) {
	cputest.NeedVector(t)
	r := rand.New(rand.NewPCG(19, 20))
	for n := 1; n < 200; n++ {
		samples, by, factor := cputest.Noise(r, n), cputest.Noise(r, n), int8(r.Uint32())
		got, want := make([]byte, n), make([]byte, n)
		(&colourBlock{}).subtractCorrelated(want, samples, by, factor)
		(&colourBlock{vector: true}).subtractCorrelated(got, samples, by, factor)
		if !bytes.Equal(got, want) {
			t.Fatalf("factor %d, %d samples: %x, want %x", factor, n, got, want)
		}
		cost := (&colourBlock{vector: true}).correlationCost(samples, by, factor)
		if want := (&colourBlock{}).correlationCost(samples, by, factor); cost != want {
			t.Fatalf("factor %d, %d samples cost %d, want %d", factor, n, cost, want)
		}
	}
}
