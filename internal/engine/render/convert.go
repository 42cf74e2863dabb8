package render

import (
	"context"

	"github.com/imgmill/imgmill/internal/engine/colour"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// convert brings p to the layout that the encoder takes, at the same size, but keeps chroma that a score needs. Transparent pixels are
// laid over the background where that layout has no alpha. Without a colour management module, CMYK
// counts as plain ink on white.
func (j *job) convert(ctx context.Context, p *plane.Picture) (_ *plane.Picture, err error) {
	want := j.working(p.Width(), p.Height())
	if p.Model != want.Model && p.Model != plane.RGB {
		if p, err = inModel(ctx, p, plane.RGB); err != nil {
			return nil, err
		}
	}
	if p.HasAlpha() && !want.HasAlpha() {
		if p, err = flatten(ctx, p, j.background); err != nil {
			return nil, err
		}
	}
	if p.Model != want.Model {
		if p, err = inModel(ctx, p, want.Model); err != nil {
			return nil, err
		}
	}
	return plane.Subsample(ctx, p, want, j.format.Interpolated)
}

// inModel returns p in another colour model, in its planes as far as there are enough. All planes have
// the full grid; alpha stays.
func inModel(ctx context.Context, p *plane.Picture, m plane.Model) (*plane.Picture, error) {
	q := &plane.Picture{Layout: plane.NewLayout(m, p.HasAlpha(), p.Width(), p.Height(), 1, 1)}
	q.Space = p.Space.For(m)
	for i, s := range q.Planes {
		pix, stride := []byte(nil), s.Width
		switch a, _ := p.Alpha(); {
		case s.Kind == plane.Alpha:
			pix, stride = p.Pix[a], p.Stride[a]
		case i < p.Model.Colours():
			pix, stride = p.Pix[i], p.Stride[i]
		default:
			pix = make([]byte, s.Width*s.Height)
		}
		q.Pix, q.Stride = append(q.Pix, pix), append(q.Stride, stride)
	}
	if err := eachRow(ctx, p.Height(), func(y int) { convertRow(q, p, y) }); err != nil {
		return nil, err
	}
	return q, nil
}

// convertRow converts the colours of a row. All planes have the full grid.
func convertRow(dst, src *plane.Picture, y int) {
	var from, to [][]byte
	for i := range src.Model.Colours() {
		from = append(from, src.Row(i, y))
	}
	if dst.Model == plane.Gray {
		grayRow(dst.Row(0, y), from, src.Model)
		return
	}
	for i := range dst.Model.Colours() {
		to = append(to, dst.Row(i, y))
	}
	rgbRow(to, from, src.Model)
	if dst.Model == plane.YCbCr {
		colour.YCbCrRow(to[0], to[1], to[2], to[0], to[1], to[2])
	}
}

// grayRow converts one row of the planes of model m to luma.
func grayRow(dst []byte, src [][]byte, m plane.Model) {
	if m == plane.YCbCr || m == plane.Gray {
		copy(dst, src[0])
		return
	}
	rgb := [][]byte{make([]byte, len(dst)), make([]byte, len(dst)), make([]byte, len(dst))}
	rgbRow(rgb, src, m)
	colour.LumaRow(dst, rgb[0], rgb[1], rgb[2])
}

// rgbRow converts one row of the planes of model m, all of one length, to red, green and blue.
func rgbRow(dst, src [][]byte, m plane.Model) {
	r, g, b := dst[0], dst[1], dst[2]
	switch m {
	case plane.Gray:
		copy(r, src[0])
		copy(g, src[0])
		copy(b, src[0])
	case plane.RGB:
		copy(r, src[0])
		copy(g, src[1])
		copy(b, src[2])
	case plane.YCbCr:
		colour.RGBRow(r, g, b, src[0], src[1], src[2])
	case plane.CMYK:
		for x, k := range src[3] {
			r[x], g[x], b[x] = ink(src[0][x], k), ink(src[1][x], k), ink(src[2][x], k)
		}
	}
}

// ink returns the light that one ink and black let through.
func ink(c, k uint8) uint8 { return uint8(((255-int(c))*(255-int(k)) + 127) / 255) }

// flatten lays p over the background. A gray picture gets the background's luma; job.model has
// chosen colour where that matters.
func flatten(ctx context.Context, p *plane.Picture, background [3]uint8) (*plane.Picture, error) {
	a, _ := p.Alpha()
	q := &plane.Picture{Layout: p.Layout}
	q.Planes = nil
	fill := planeBackground(p.Model, background)
	for i, s := range p.Planes {
		if s.Kind == plane.Alpha {
			continue
		}
		q.Planes, q.Pix, q.Stride = append(q.Planes, s), append(q.Pix, p.Pix[i]), append(q.Stride, p.Stride[i])
		err := eachRow(ctx, p.Height(), func(y int) {
			row, alpha := p.Row(i, y), p.Row(a, y)
			for x, a := range alpha {
				row[x] = uint8((int(row[x])*int(a) + int(fill[i])*(255-int(a)) + 127) / 255)
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return q, nil
}

// planeBackground returns a colour as one sample for each colour plane of a model.
func planeBackground(m plane.Model, c [3]uint8) [3]uint8 {
	y, cb, cr := colour.ToYCbCr(c[0], c[1], c[2])
	switch m {
	case plane.Gray:
		return [3]uint8{y}
	case plane.YCbCr:
		return [3]uint8{y, cb, cr}
	}
	return c
}
