package plane

import (
	"context"

	"github.com/imgmill/imgmill/internal/engine/colour"
)

// Subsample averages full-grid chroma onto want's grid, in the upper left of its planes, each sample
// weighted by its alpha, if there is alpha. All other planes stay as they are. But if interpolated is set, and chroma is
// halved in both directions without alpha, chroma and luma are what halving makes of them.
func Subsample(ctx context.Context, p *Picture, want Layout, interpolated bool) (*Picture, error) {
	subX, subY := want.Subsampling()
	if x, y := p.Subsampling(); x == subX && y == subY {
		return p, nil
	}
	q := &Picture{Layout: want, Pix: p.Pix, Stride: p.Stride}
	q.Space = p.Space
	var alpha func(y int) []byte
	if a, ok := p.Alpha(); ok {
		alpha = func(y int) []byte { return p.Row(a, y) }
	}
	if interpolated && subX == 2 && subY == 2 && alpha == nil {
		return q, halve(ctx, p, q)
	}
	for i, s := range q.Planes {
		if s.Kind != Chroma {
			continue
		}
		for y := range s.Height {
			if y%16 == 0 && ctx.Err() != nil {
				return nil, ctx.Err()
			}
			meanRow(q.Row(i, y), p, i, y, subX, subY, alpha)
		}
	}
	return q, nil
}

// meanRow computes row y of plane i with each sample the mean of w×h of p's.
func meanRow(dst []byte, p *Picture, i, y, w, h int, alpha func(y int) []byte) {
	whole := 0
	if w == 2 && h == 2 && alpha == nil && 2*y+1 < p.Height() {
		whole = p.Width() / 2
		colour.MeanRow(dst[:whole], p.Row(i, 2*y), p.Row(i, 2*y+1))
	}
	for x := whole; x < len(dst); x++ {
		dst[x] = blockMean(p, i, x*w, y*h, w, h, alpha)
	}
}

// blockMean returns the rounded mean of a w×h block of a plane, cut off at the picture's edge and
// weighted by alpha where that is not 0 throughout.
func blockMean(p *Picture, i, left, top, w, h int, alpha func(y int) []byte) uint8 {
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
