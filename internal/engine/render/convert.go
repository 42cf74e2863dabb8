package render

import "github.com/imgmill/imgmill/internal/engine/plane"

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
	to := [][]byte{dst.Row(0, y), dst.Row(1, y), dst.Row(2, y)}
	var from [][]byte
	for i := range src.Model.Colours() {
		from = append(from, src.Row(i, y))
	}
	rgbRow(to, from, src.Model)
	if dst.Model == plane.YCbCr {
		a, b, c := to[0], to[1], to[2]
		for x := range a {
			a[x], b[x], c[x] = toYCbCr(int32(a[x]), int32(b[x]), int32(c[x]))
		}
	}
}

// rgbRow makes red, green and blue of a row of the planes of model m, all of one length.
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
	subX, subY := chromaRatio(want)
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

// chromaRatio is how many samples of luma there are to one of chroma; 1 if there is no chroma.
func chromaRatio(l plane.Layout) (x, y int) {
	if l.Model != plane.YCbCr {
		return 1, 1
	}
	c := l.Planes[1]
	return (l.Width() + c.Width - 1) / c.Width, (l.Height() + c.Height - 1) / c.Height
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
