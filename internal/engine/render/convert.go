package render

import (
	"context"
	"slices"

	"github.com/imgmill/imgmill/internal/engine/plane"
)

// Conversions between YCbCr and RGB are JFIF's (ITU-T T.871, section 7) in 16-bit fixed point,
// rounded to nearest.

func toYCbCr(r, g, b int32) (y, cb, cr uint8) {
	const half = 1 << 15
	// The sums for Cb and Cr are the halves of one: neither is negative, or more than 256<<16.
	const up = 1 << 32
	c := (32768*up-11059)*int64(r) - (27439*up+21709)*int64(g) + (32768-5329*up)*int64(b) +
		(128<<16+half)*(up+1)
	return uint8((19595*r + 38470*g + 7471*b + half) >> 16),
		uint8(min(uint32(c)>>16, 255)), uint8(min(c>>48, 255))
}

// rowToYCbCr converts a row of red, green and blue in place.
func rowToYCbCr(r, g, b []byte) {
	g, b = g[:len(r)], b[:len(r)]
	for x := range r {
		r[x], g[x], b[x] = toYCbCr(int32(r[x]), int32(g[x]), int32(b[x]))
	}
}

func toRGB(y, cb, cr int32) (r, g, b uint8) {
	const half = 1 << 15
	cb, cr = cb-128, cr-128
	return clamp(y + (91881*cr+half)>>16),
		clamp(y + (-22554*cb-46802*cr+half)>>16),
		clamp(y + (116130*cb+half)>>16)
}

func clamp(v int32) uint8 { return uint8(min(255, max(0, v))) }

// convert brings p to the layout that the encoder takes, at the same size. Transparent pixels are
// laid over the background where that layout has no alpha. Without a colour management module, CMYK
// counts as plain ink on white.
func (j *job) convert(ctx context.Context, p *plane.Picture) (_ *plane.Picture, err error) {
	want := j.layout(p.Width(), p.Height())
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
	return subsample(ctx, p, want)
}

// inModel returns p in another colour model. All planes have the full grid; alpha stays.
func inModel(ctx context.Context, p *plane.Picture, m plane.Model) (*plane.Picture, error) {
	l := plane.NewLayout(m, p.HasAlpha(), p.Width(), p.Height(), 1, 1)
	l.Space = p.Space.For(m)
	q := plane.New(l)
	if err := eachRow(ctx, p.Height(), func(y int) { convertRow(q, p, y) }); err != nil {
		return nil, err
	}
	if from, ok := p.Alpha(); ok {
		to, _ := q.Alpha()
		q.Pix[to], q.Stride[to] = p.Pix[from], p.Stride[from]
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
		rowToYCbCr(to[0], to[1], to[2])
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
	for x := range dst {
		dst[x], _, _ = toYCbCr(int32(rgb[0][x]), int32(rgb[1][x]), int32(rgb[2][x]))
	}
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
		luma, cb, cr := src[0], src[1][:len(r)], src[2][:len(r)]
		for x := range r {
			r[x], g[x], b[x] = toRGB(int32(luma[x]), int32(cb[x]), int32(cr[x]))
		}
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

// subsample averages full-grid chroma onto want's grid, each sample weighted by its alpha, if there
// is alpha. All other planes stay as they are.
func subsample(ctx context.Context, p *plane.Picture, want plane.Layout) (*plane.Picture, error) {
	subX, subY := want.Subsampling()
	if x, y := p.Subsampling(); x == subX && y == subY {
		return p, nil
	}
	q := &plane.Picture{Layout: want, Pix: slices.Clone(p.Pix), Stride: slices.Clone(p.Stride)}
	q.Space = p.Space
	var alpha func(y int) []byte
	if a, ok := p.Alpha(); ok {
		alpha = func(y int) []byte { return p.Row(a, y) }
	}
	for i, s := range q.Planes {
		if s.Kind != plane.Chroma {
			continue
		}
		q.Pix[i], q.Stride[i] = make([]byte, s.Width*s.Height), s.Width
		err := eachRow(ctx, s.Height, func(y int) {
			row := q.Row(i, y)
			if subX == 2 && subY == 2 && alpha == nil && 2*y+1 < p.Height() {
				row = row[meanRow(row, p.Row(i, 2*y), p.Row(i, 2*y+1)):]
			}
			for x := s.Width - len(row); x < s.Width; x++ {
				q.Row(i, y)[x] = blockMean(p, i, x*subX, y*subY, subX, subY, alpha)
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return q, nil
}

// meanRow stores the rounded means of all whole blocks of 2×2 samples of two rows, and returns how
// many there are.
func meanRow(dst, above, below []byte) int {
	n := len(above) / 2
	dst, above, below = dst[:n], above[:2*n], below[:2*n]
	for x := range dst {
		a, b := above[2*x:2*x+2], below[2*x:2*x+2]
		dst[x] = uint8((int(a[0]) + int(a[1]) + int(b[0]) + int(b[1]) + 2) / 4)
	}
	return n
}

// blockMean returns the rounded mean of a w×h block of a plane, cut off at the picture's edge and
// weighted by alpha where that is not 0 throughout.
func blockMean(p *plane.Picture, i, left, top, w, h int, alpha func(y int) []byte) uint8 {
	var sum, n, weighted, weight int
	for y := top; y < min(p.Height(), top+h); y++ {
		for x := left; x < min(p.Width(), left+w); x++ {
			v := int(p.Row(i, y)[x])
			sum, n = sum+v, n+1
			if alpha != nil {
				a := int(alpha(y)[x])
				weighted, weight = weighted+a*v, weight+a
			}
		}
	}
	if weight > 0 {
		sum, n = weighted, weight
	}
	return uint8((sum + n/2) / n)
}

// planeBackground returns a colour as one sample for each colour plane of a model.
func planeBackground(m plane.Model, c [3]uint8) [3]uint8 {
	y, cb, cr := toYCbCr(int32(c[0]), int32(c[1]), int32(c[2]))
	switch m {
	case plane.Gray:
		return [3]uint8{y}
	case plane.YCbCr:
		return [3]uint8{y, cb, cr}
	}
	return c
}
