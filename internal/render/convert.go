package render

import "github.com/imgmill/imgmill/internal/plane"

// Conversions between YCbCr and RGB are JFIF's (ITU-T T.871, section 7) in 16-bit fixed point, rounded to nearest.

func toYCbCr(r, g, b int32) (y, cb, cr uint8) {
	const half = 1 << 15
	return uint8((19595*r + 38470*g + 7471*b + half) >> 16),
		clamp((-11059*r - 21709*g + 32768*b + 128<<16 + half) >> 16),
		clamp((32768*r - 27439*g - 5329*b + 128<<16 + half) >> 16)
}

func toRGB(y, cb, cr int32) (r, g, b uint8) {
	const half = 1 << 15
	cb, cr = cb-128, cr-128
	return clamp(y + (91881*cr+half)>>16),
		clamp(y + (-22554*cb-46802*cr+half)>>16),
		clamp(y + (116130*cb+half)>>16)
}

func clamp(v int32) uint8 { return uint8(min(255, max(0, v))) }

// convert gives p in the layout that the encoder wants, of the same size. Transparent pixels are laid over the
// background where the layout has no alpha. Without a colour management module CMYK is taken as plain ink on white.
func convert(p *plane.Picture, want plane.Layout, background [3]uint8) *plane.Picture {
	if p.Model != want.Model && p.Model != plane.RGB {
		p = inModel(p, plane.RGB)
	}
	if p.Alpha && !want.Alpha {
		p = flatten(p, background)
	}
	if p.Model != want.Model {
		p = subsample(inModel(p, want.Model), want)
	}
	return p
}

// inModel gives p in another colour model; all planes are of full size, alpha stays.
func inModel(p *plane.Picture, m plane.Model) *plane.Picture {
	q := plane.New(plane.NewLayout(m, p.Alpha, p.Width(), p.Height(), 1, 1))
	for y := range p.Height() {
		convertRow(q, p, y)
	}
	if p.Alpha {
		copy(q.Pix[len(q.Pix)-1], p.Pix[len(p.Pix)-1])
	}
	return q
}

// convertRow converts the colours of a row; all planes are of full size.
func convertRow(dst, src *plane.Picture, y int) {
	a, b, c := dst.Row(0, y), dst.Row(1, y), dst.Row(2, y)
	rgb := func(x int) (r, g, b uint8) { v := src.Row(0, y)[x]; return v, v, v }
	switch src.Model {
	case plane.RGB:
		s0, s1, s2 := src.Row(0, y), src.Row(1, y), src.Row(2, y)
		rgb = func(x int) (r, g, b uint8) { return s0[x], s1[x], s2[x] }
	case plane.YCbCr:
		s0, s1, s2 := src.Row(0, y), src.Row(1, y), src.Row(2, y)
		rgb = func(x int) (r, g, b uint8) { return toRGB(int32(s0[x]), int32(s1[x]), int32(s2[x])) }
	case plane.CMYK:
		s0, s1, s2, s3 := src.Row(0, y), src.Row(1, y), src.Row(2, y), src.Row(3, y)
		rgb = func(x int) (r, g, b uint8) { return ink(s0[x], s3[x]), ink(s1[x], s3[x]), ink(s2[x], s3[x]) }
	}
	for x := range a {
		a[x], b[x], c[x] = rgb(x)
	}
	if dst.Model == plane.YCbCr {
		for x := range a {
			a[x], b[x], c[x] = toYCbCr(int32(a[x]), int32(b[x]), int32(c[x]))
		}
	}
}

// ink is the light that one ink and black let through.
func ink(c, k uint8) uint8 { return uint8(((255-int(c))*(255-int(k)) + 127) / 255) }

// flatten lays p over the background. A gray picture takes the background's luma; job.model has chosen colour where
// that matters.
func flatten(p *plane.Picture, background [3]uint8) *plane.Picture {
	q := &plane.Picture{Layout: p.Layout, Pix: p.Pix[:len(p.Pix)-1], Stride: p.Stride[:len(p.Stride)-1]}
	q.Alpha, q.Planes = false, p.Planes[:len(p.Planes)-1]
	fill := planeBackground(q.Model, background)
	last := len(p.Planes) - 1
	for i := range q.Planes {
		for y := range p.Height() {
			row, alpha := q.Row(i, y), p.Row(last, y)
			for x, a := range alpha {
				row[x] = uint8((int(row[x])*int(a) + int(fill[i])*(255-int(a)) + 127) / 255)
			}
		}
	}
	return q
}

// subsample averages the chroma of a full-size YCbCr picture onto want's grid.
func subsample(p *plane.Picture, want plane.Layout) *plane.Picture {
	q := plane.New(want)
	q.Pix[0] = p.Pix[0]
	w, h := p.Width(), p.Height()
	subX, subY := (w+want.Planes[1].Width-1)/want.Planes[1].Width, (h+want.Planes[1].Height-1)/want.Planes[1].Height
	for i := 1; i < 3; i++ {
		for y := range want.Planes[i].Height {
			row := q.Row(i, y)
			for x := range row {
				sum, n := 0, 0
				for yy := y * subY; yy < min(h, (y+1)*subY); yy++ {
					for xx := x * subX; xx < min(w, (x+1)*subX); xx++ {
						sum += int(p.Row(i, yy)[xx])
						n++
					}
				}
				row[x] = uint8((sum + n/2) / n)
			}
		}
	}
	return q
}

// planeBackground is a colour as one sample per plane of a model.
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
