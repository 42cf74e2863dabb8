//go:build !nohevc

package heif

import (
	"image"
	"math"

	"github.com/imgmill/imgmill/internal/engine/colour"
	"github.com/imgmill/imgmill/internal/engine/hevc"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// samples turns the samples of coded pictures into those of planes: 8 bits, and luma and chroma as JFIF
// has them. The conversion is affine, with v the sample of d bits and one rounding to nearest at its end:
//
//	y = v/(2^d - 1)                        c = (v - 2^(d-1))/(2^d - 1)            full range
//	y = (v - 16·2^(d-8))/(219·2^(d-8))     c = (v - 2^(d-1))/(224·2^(d-8))        limited range
//	Y  = 255·(y + k01·cb + k02·cr)         Cb = 128 + 255·(k11·cb + k12·cr)       and Cr alike
//
// (ITU-T H.273, 8.3). k is the matrix from the file's luma and chroma to RGB, followed by JFIF's from RGB:
// gray stays gray, so luma does not change chroma. It is the identity for BT.601. Sums have 16
// fractional bits; their error is less than 0.0001 of a level.
type samples struct {
	model      plane.Model
	subX, subY int        // of the coded chroma
	spread     bool       // chroma is written on the grid of luma
	source     [3]int     // of each plane: a plane of the coded picture
	level      [3][]uint8 // of the planes by themselves; nil if a sample of 8 bits stays as it is
	mix        *mix       // where k is not the identity
}

// mix holds the terms of the sums above, by the sample.
type mix struct {
	luma   []int32       // of Y, with the rounding
	onLuma [2][]int32    // of Cb and Cr in Y
	chroma [2][2][]int32 // of Cb and Cr in Cb, then in Cr
}

// weights give the matrices from luma, Cb and Cr, the latter from -1/2 to 1/2, to red, green and blue, by matrix
// coefficients (ITU-T H.273, table 4): those of red and blue in luma.
var weights = map[int][2]float64{
	1: {0.2126, 0.0722}, 4: {0.30, 0.11}, 5: {0.299, 0.114}, 6: {0.299, 0.114}, 7: {0.212, 0.087}, 9: {0.2627, 0.0593},
}

const (
	matrixIdentity = 0
	matrixYCgCo    = 8
	matrixBT601    = 6
)

// toJFIF returns k for matrix coefficients, and whether they are known.
func toJFIF(coefficients int) (k [3][3]float64, ok bool) {
	rgb := [3][3]float64{{1, -1, 1}, {1, 1, 0}, {1, -1, -1}}
	if coefficients != matrixYCgCo {
		w, ok := weights[coefficients]
		if !ok {
			return k, false
		}
		r, b := w[0], w[1]
		g := 1 - r - b
		rgb = [3][3]float64{
			{1, 0, 2 * (1 - r)},
			{1, -2 * b * (1 - b) / g, -2 * r * (1 - r) / g},
			{1, 2 * (1 - b), 0},
		}
	}
	const kr, kb = 0.299, 0.114
	ycc := [3][3]float64{
		{kr, 1 - kr - kb, kb},
		{-kr / (2 * (1 - kb)), -(1 - kr - kb) / (2 * (1 - kb)), 0.5},
		{0.5, -(1 - kr - kb) / (2 * (1 - kr)), -kb / (2 * (1 - kr))},
	}
	for i := range k {
		for j := range k[i] {
			for n := range 3 {
				k[i][j] += ycc[i][n] * rgb[n][j]
			}
		}
	}
	return k, true
}

// signal is what the samples of a coded picture mean (ITU-T H.273).
type signal struct {
	primaries, transfer, matrix int
	fullRange                   bool
}

// unspecified is the code point of what a file leaves open.
const unspecified = 2

// leftOpen reports whether matrix coefficients are unspecified or reserved, which decoders take for the same
// (ITU-T H.265, E.3.1).
func leftOpen(matrix int) bool { return matrix == unspecified || matrix == 3 || matrix > 17 }

// signalOf returns the meaning of samples by the colour properties and the video usability information,
// in this order. What neither says is BT.601 in the limited range, the default of HEVC.
func signalOf(b colourBoxes, v hevc.Colour) signal {
	s := signal{v.Primaries, v.Transfer, v.Matrix, v.FullRange}
	if n := b.nclx; n != nil {
		s.primaries, s.transfer, s.fullRange = n.primaries, n.transfer, n.fullRange
		if !leftOpen(n.matrix) {
			s.matrix = n.matrix
		}
	}
	if leftOpen(s.matrix) {
		s.matrix = matrixBT601
	}
	return s
}

// space returns the colour space of the samples once they are in planes of a model. A profile counts
// before code points. Cameras write the transfer characteristics of video (1, 6, 14, 15) for what the
// profile beside them, where there is one, says has sRGB's curve, and the primaries of BT.601 (5, 6, 7)
// beside profiles of others: with these, the space is sRGB's in curve and primaries.
func (s signal) space(b colourBoxes, model plane.Model) plane.Space {
	if b.icc != nil {
		return plane.Space{ICC: b.icc}
	}
	switch s.transfer {
	case 1, unspecified, 6, 14, 15:
		s.transfer = 13
	}
	switch s.primaries {
	case unspecified, 5, 6, 7:
		s.primaries = 1
	}
	if s.transfer == 13 && (s.primaries == 1 || model == plane.Gray) || max(s.primaries, s.transfer) > 255 {
		return plane.Space{}
	}
	c := colour.CICP{Primaries: uint8(s.primaries), Transfer: uint8(s.transfer), FullRange: true}
	source, err := c.Source()
	if model == plane.Gray {
		source, err = c.Gray()
	}
	if err != nil {
		return plane.Space{} // a value that is reserved
	}
	return plane.Space{Source: source}
}

// newSamples returns the conversion of a coded picture.
func (c *container) newSamples(in hevc.Info, s signal) (*samples, error) {
	out := &samples{source: [3]int{0, 1, 2}}
	out.subX, out.subY = in.Chroma.Subsampling()
	luma := func() []uint8 { return levels(in.BitDepthLuma, s.fullRange, false) }
	if in.Chroma == hevc.Chroma400 {
		out.model = plane.Gray
		out.level[0] = luma()
		return out, nil
	}
	if s.matrix == matrixIdentity {
		if in.Chroma != hevc.Chroma444 {
			return nil, c.unsupported("red, green and blue with chroma in %v", in.Chroma)
		}
		out.model, out.source = plane.RGB, [3]int{2, 0, 1} // coded are green, blue and red
		out.level = [3][]uint8{luma(), luma(), luma()}
		return out, nil
	}
	out.model = plane.YCbCr
	k, ok := toJFIF(s.matrix)
	switch {
	case !ok:
		return nil, c.unsupported("matrix coefficients %d", s.matrix)
	case s.matrix == 5 || s.matrix == matrixBT601:
		chroma := levels(in.BitDepthChroma, s.fullRange, true)
		out.level = [3][]uint8{luma(), chroma, chroma}
	default:
		out.mix = newMix(k, in, s.fullRange)
	}
	return out, nil
}

// affine returns scale and offset from a sample to y or c above.
func affine(depth int, full, chroma bool) (scale, offset float64) {
	unit := float64(int(1) << (depth - 8))
	scale = 1 / (256*unit - 1)
	if !full {
		scale, offset = 1/(219*unit), 16*unit
		if chroma {
			scale = 1 / (224 * unit)
		}
	}
	if chroma {
		offset = 128 * unit
	}
	return scale, offset
}

// levels returns the level of each sample, or nil if they are the same.
func levels(depth int, full, chroma bool) []uint8 {
	if depth == 8 && full {
		return nil
	}
	scale, offset := affine(depth, full, chroma)
	base := 0.0
	if chroma {
		base = 128
	}
	t := make([]uint8, 1<<depth)
	for v := range t {
		t[v] = uint8(max(0, min(255, math.Floor(base+255*scale*(float64(v)-offset)+0.5))))
	}
	return t
}

func newMix(k [3][3]float64, in hevc.Info, full bool) *mix {
	terms := func(depth int, factor, base float64, chroma bool) []int32 {
		scale, offset := affine(depth, full, chroma)
		t := make([]int32, 1<<depth)
		for v := range t {
			t[v] = int32(math.Round(65536 * (base + 255*factor*scale*(float64(v)-offset))))
		}
		return t
	}
	m := &mix{luma: terms(in.BitDepthLuma, 1, 0.5, false)}
	for j := range 2 {
		m.onLuma[j] = terms(in.BitDepthChroma, k[0][j+1], 0, true)
		for i := range 2 {
			base := 0.0
			if j == 0 {
				base = 128.5
			}
			m.chroma[i][j] = terms(in.BitDepthChroma, k[i+1][j+1], base, true)
		}
	}
	return m
}

// stripe is some rows of a picture in planes.
type stripe struct {
	pix    [][]byte
	stride []int
}

// newStripe makes room for n rows of a layout without alpha.
func newStripe(l plane.Layout, n int) *stripe {
	s := &stripe{}
	_, subY := l.Subsampling()
	for _, p := range l.Planes {
		rows := n
		if p.Kind == plane.Alpha {
			continue
		}
		if p.Kind == plane.Chroma {
			rows = (n + subY - 1) / subY
		}
		s.pix = append(s.pix, make([]byte, rows*p.Width))
		s.stride = append(s.stride, p.Width)
	}
	return s
}

func (s *stripe) row(p, y, x, n int) []byte { return s.pix[p][y*s.stride[p]+x:][:n:n] }

// write converts what a band has of a part of a coded picture, and stores it in s so that the top left
// corner of the part is at a place.
func (c *samples) write(s *stripe, at image.Point, b hevc.Band, part image.Rectangle) {
	top, bottom := max(b.Y, part.Min.Y), min(b.Y+b.Planes[0].Height, part.Max.Y)
	if top >= bottom {
		return
	}
	x0, n := part.Min.X, part.Dx()
	for y := top; y < bottom; y++ {
		to := at.Y + y - part.Min.Y
		dst := s.row(0, to, at.X, n)
		if c.mix != nil {
			u, v := bandRow(b, 1, (y-b.Y)/c.subY), bandRow(b, 2, (y-b.Y)/c.subY)
			c.mixLuma(dst, bandRow(b, 0, y-b.Y)[x0:], u, v, x0)
		} else {
			convert(dst, bandRow(b, c.source[0], y-b.Y)[x0:], c.level[0])
		}
		if c.spread && c.model != plane.Gray {
			for p := 1; p < 3; p++ {
				c.spreadRow(s.row(p, to, at.X, n), b, p, y, x0)
			}
		}
	}
	if c.model == plane.Gray || c.spread {
		return
	}
	x0, n = x0/c.subX, (part.Max.X+c.subX-1)/c.subX-x0/c.subX
	for y := top / c.subY; y < (bottom+c.subY-1)/c.subY; y++ {
		to, from := at.Y/c.subY+y-part.Min.Y/c.subY, y-b.Y/c.subY
		for p := 1; p < 3; p++ {
			dst := s.row(p, to, at.X/c.subX, n)
			if c.mix != nil {
				c.mixChroma(dst, bandRow(b, 1, from)[x0:], bandRow(b, 2, from)[x0:], p)
			} else {
				convert(dst, bandRow(b, c.source[p], from)[x0:], c.level[p])
			}
		}
	}
}

// bandRow is a row of a plane of a band.
func bandRow(b hevc.Band, p, y int) []uint16 {
	return b.Planes[p].Pix[y*b.Planes[p].Stride:][:b.Planes[p].Width]
}

// convert looks up the level of each sample.
func convert(dst []byte, src []uint16, level []uint8) {
	src = src[:len(dst)]
	if level == nil {
		for x, v := range src {
			dst[x] = uint8(v)
		}
		return
	}
	for x, v := range src {
		dst[x] = level[v]
	}
}

// mixLuma computes a row of Y. u and v begin with the picture, luma at column x0 of it.
func (c *samples) mixLuma(dst []byte, luma, u, v []uint16, x0 int) {
	m := c.mix
	for x := range dst {
		k := (x0 + x) / c.subX
		dst[x] = clamp(m.luma[luma[x]] + m.onLuma[0][u[k]] + m.onLuma[1][v[k]])
	}
}

// mixChroma computes a row of plane p, Cb or Cr.
func (c *samples) mixChroma(dst []byte, u, v []uint16, p int) {
	t := &c.mix.chroma[p-1]
	for x := range dst {
		dst[x] = clamp(t[0][u[x]] + t[1][v[x]])
	}
}

// spreadRow writes plane p beside row y of luma, from column x0 on, each sample as often as it covers
// luma.
func (c *samples) spreadRow(dst []byte, b hevc.Band, p, y, x0 int) {
	from := (y - b.Y) / c.subY
	if c.mix == nil {
		row, level := bandRow(b, c.source[p], from), c.level[p]
		for x := range dst {
			v := row[(x0+x)/c.subX]
			if level != nil {
				dst[x] = level[v]
			} else {
				dst[x] = uint8(v)
			}
		}
		return
	}
	u, v, t := bandRow(b, 1, from), bandRow(b, 2, from), &c.mix.chroma[p-1]
	for x := range dst {
		k := (x0 + x) / c.subX
		dst[x] = clamp(t[0][u[k]] + t[1][v[k]])
	}
}

func clamp(v int32) uint8 { return uint8(max(0, min(255, v>>16))) }
