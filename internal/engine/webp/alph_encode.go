package webp

import (
	"context"

	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/webp/vp8l"
)

// alphaChunk returns an ALPH chunk with the alpha plane of a picture, without loss: filtered, and
// compressed as the green of a VP8L image. A picture that is opaque everywhere needs none: nil.
func alphaChunk(ctx context.Context, p *plane.Picture) ([]byte, error) {
	if p.Opaque() {
		return nil, nil
	}
	alpha, _ := p.Alpha()
	w, h := p.Width(), p.Height()
	filter, values, err := chooseFilter(ctx, p, alpha)
	if err != nil {
		return nil, err
	}
	var colours []uint32
	for v, n := range values {
		if n > 0 {
			colours = append(colours, vp8l.Black|uint32(v)<<8)
		}
	}
	out, pix := make([]byte, w), make([]uint32, w)
	head := []byte{byte(1 | filter<<2)} // compressed
	return vp8l.EncodeIndexed(ctx, head, w, h, colours, func(y int) []uint32 {
		filterRow(out, p, alpha, y, filter)
		for x, v := range out {
			pix[x] = vp8l.Black | uint32(v)<<8
		}
		return pix
	})
}

// chooseFilter returns the filter after which the samples of an alpha plane have the least entropy, and
// how often each value then occurs. Planes of few values are not filtered, since then several samples
// share a byte.
func chooseFilter(ctx context.Context, p *plane.Picture, alpha int) (filter int, values *[256]uint32, err error) {
	var counts [alphaGradient + 1][256]uint32
	out := make([]byte, p.Width())
	for filter := range counts {
		for y := range p.Height() {
			if err := ctx.Err(); err != nil {
				return 0, nil, err
			}
			filterRow(out, p, alpha, y, filter)
			for _, v := range out {
				counts[filter][v]++
			}
		}
		if values := len(counts[0]) - count0(counts[0][:]); filter == 0 && vp8l.Packing(values) > 0 {
			return alphaUnfiltered, &counts[filter], nil
		}
	}
	best := 0
	for filter := range counts {
		if vp8l.Entropy(counts[filter][:]) < vp8l.Entropy(counts[best][:]) {
			best = filter
		}
	}
	return best, &counts[best], nil
}

// count0 is how many counts are zero.
func count0(counts []uint32) (n int) {
	for _, c := range counts {
		if c == 0 {
			n++
		}
	}
	return n
}

// filterRow subtracts the predictions of row y, the opposite of alphaReader.unfilter.
func filterRow(out []byte, p *plane.Picture, alpha, y, filter int) {
	row := p.Row(alpha, y)
	switch {
	case filter == alphaUnfiltered:
		copy(out, row)
		return
	case y == 0:
		subtractLeft(out, row, 0)
		return
	}
	above := p.Row(alpha, y-1)
	switch filter {
	case alphaHorizontal:
		subtractLeft(out, row, above[0])
	case alphaVertical:
		for x, v := range row {
			out[x] = v - above[x]
		}
	default:
		left, corner := int32(above[0]), int32(above[0])
		for x, v := range row {
			up := int32(above[x])
			out[x] = v - gradient(left, up, corner)
			left, corner = int32(v), up
		}
	}
}

// subtractLeft subtracts from each sample the one before it.
func subtractLeft(out, row []byte, left byte) {
	for x, v := range row {
		out[x] = v - left
		left = v
	}
}
