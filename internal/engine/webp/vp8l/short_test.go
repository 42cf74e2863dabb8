package vp8l

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// TestShortCodes decodes pictures of so many pixels that a table of short codes is made where it pays, and
// compares what comes out with and without one.
func TestShortCodes(t *testing.T) {
	for _, c := range []struct {
		name  string
		alpha bool
		noise uint32 // levels
		step  uint32 // between the levels that occur
		short bool   // whether a table pays
		cache bool   // whether there is a colour cache
	}{
		{"short", false, 6, 1, true, false}, {"long", false, 16, 1, false, false},
		{"cached", false, 64, 64, false, true}, {"alpha", true, 4, 1, false, false},
	} {
		r := rand.New(rand.NewPCG(2, 3))
		want := make([]uint32, 400*300)
		for i := range want {
			x, y := float64(i%400), float64(i/400)
			for shift := uint(0); shift < 32; shift += 8 {
				v := uint32(128 + 120*math.Sin(x/float64(17+shift))*math.Cos(y/23))
				if v = (v/2 + 64 + r.Uint32N(c.noise)) / c.step * c.step; shift == 24 && !c.alpha {
					v = 255
				}
				want[i] |= v << shift
			}
		}
		file, err := Encode(t.Context(), slices.Clone(want), 400, 300, c.alpha, codec.NormalEffort, 0)
		if err != nil {
			t.Fatal(err)
		}
		var pix [2][]uint32
		for i := range pix {
			l, err := NewReader(file[5:], 0, new(codec.Format)).ReadPicture(t.Context(), 400, 300)
			if err != nil {
				t.Fatal(err)
			}
			if forced := i == 1; forced && !c.alpha {
				for k := range l.image.groups {
					g := &l.image.groups[k]
					g.short, _ = g.shortTable()
				}
			}
			err = l.Advance(t.Context(), 300, func(_ int, row []uint32) error {
				pix[i] = append(pix[i], row...)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if got := l.image.groups[0].short != nil; i == 0 && got != c.short {
				t.Errorf("%s: there is a table: %v, want %v", c.name, got, c.short)
			}
			if got := l.image.cache != nil; got != c.cache {
				t.Errorf("%s: there is a colour cache: %v, want %v", c.name, got, c.cache)
			}
		}
		if !slices.Equal(pix[0], want) {
			t.Errorf("%s: another picture", c.name)
		}
		if !slices.Equal(pix[1], want) {
			t.Errorf("%s: another picture with a table from the start", c.name)
		}
	}
}
