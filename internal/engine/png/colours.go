package png

import (
	"context"

	"github.com/imgmill/imgmill/internal/engine/palette"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

var coloursSetting = &setting.Setting{
	Name: "colours", Type: setting.Int, Min: 2, Max: maxColours, Example: "256", MayGrow: true,
	Absent: "all, without loss",
	Help:   "the most colours of a still picture; fewer make a smaller file",
}

// reduceColours returns a picture of at most n colours, the transparent one among them.
func reduceColours(ctx context.Context, p *plane.Picture, n int, d palette.Dither) (*plane.Picture, error) {
	h := palette.NewHistogram()
	row := make([]palette.Colour, p.Width())
	holes := false
	each := func(do func(y int)) error {
		for y := range p.Height() {
			if y%16 == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			colourRow(row, p, y)
			do(y)
		}
		return nil
	}
	err := each(func(int) {
		h.Add(row)
		for _, c := range row {
			holes = holes || c == 0
		}
	})
	if err != nil {
		return nil, err
	}
	if holes {
		n--
	}
	if _, exact := h.Colours(n); exact {
		return p, nil
	}
	table := append(h.Quantise(n), 0)
	out := plane.New(p.Layout)
	indexes := make([]byte, p.Width())
	m := palette.NewMapper(palette.NewFinder(table), d, p.Width())
	err = each(func(y int) {
		m.Row(indexes, row, y, byte(len(table)-1))
		for i, size := range p.Planes {
			shift := 16 - 8*i
			if size.Kind == plane.Alpha {
				shift = 24
			}
			dst := out.Row(i, y)
			for x, v := range indexes {
				dst[x] = byte(table[v] >> shift)
			}
		}
	})
	return out, err
}

// colourRow reads a row of a picture.
func colourRow(dst []palette.Colour, p *plane.Picture, y int) {
	r, g, b := p.Row(0, y), p.Row(0, y), p.Row(0, y)
	if p.Model == plane.RGB {
		g, b = p.Row(1, y), p.Row(2, y)
	}
	for x := range dst {
		dst[x] = palette.RGB(r[x], g[x], b[x])
	}
	if a, ok := p.Alpha(); ok {
		for x, v := range p.Row(a, y) {
			if dst[x] = dst[x]&0xffffff | palette.Colour(v)<<24; v == 0 {
				dst[x] = 0
			}
		}
	}
}
