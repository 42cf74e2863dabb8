package webp

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

// TestShortCodes decodes pictures of so many pixels that a table of short codes is made where it pays, and
// compares what comes out with and without one.
func TestShortCodes(t *testing.T) {
	for _, c := range []struct {
		name  string
		alpha bool
		noise uint32 // levels
		step  uint8  // between the levels that occur
		short bool   // whether a table pays
		cache bool   // whether there is a colour cache
	}{
		{"short", false, 6, 1, true, false}, {"long", false, 16, 1, false, false},
		{"cached", false, 64, 64, false, true}, {"alpha", true, 4, 1, false, false},
	} {
		p := draw(plane.NewLayout(plane.RGB, c.alpha, 400, 300, 1, 1), smooth, 1)
		r := rand.New(rand.NewPCG(2, 3))
		for i := range p.Planes {
			for y := range p.Planes[i].Height {
				row := p.Row(i, y)
				for x := range row {
					row[x] = (row[x]/2 + 64 + uint8(r.Uint32N(c.noise))) / c.step * c.step
				}
			}
		}
		file := encodeWith(t, p, setting.Values{"lossless": "true"}, codec.EncodeOptions{})
		checkLossless(t, p, file)

		f, err := readContainer(file, Format, 1)
		if err != nil {
			t.Fatal(err)
		}
		var pix [2][]uint32
		for i := range pix {
			l, err := newLosslessReader(f.frames[0].data[5:], 0, Format).readPicture(t.Context(), 400, 300)
			if err != nil {
				t.Fatal(err)
			}
			if forced := i == 1; forced && !c.alpha {
				for k := range l.image.groups {
					g := &l.image.groups[k]
					g.short, _ = g.shortTable()
				}
			}
			err = l.advance(t.Context(), 300, func(_ int, row []uint32) error {
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
		if !slices.Equal(pix[0], pix[1]) {
			t.Errorf("%s: another picture with a table from the start", c.name)
		}
	}
}
