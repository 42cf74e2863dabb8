package plane

import (
	"context"

	"github.com/imgmill/imgmill/internal/engine/colour"
)

// Subsample averages full-grid chroma onto want's grid, in the upper left of its planes, each sample
// weighted by its alpha, if there is alpha. All other planes stay as they are.
func Subsample(ctx context.Context, p *Picture, want Layout) (*Picture, error) {
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
	for i, s := range q.Planes {
		if s.Kind != Chroma {
			continue
		}
		for y := range s.Height {
			if y%16 == 0 && ctx.Err() != nil {
				return nil, ctx.Err()
			}
			row := q.Row(i, y)
			if subX == 2 && subY == 2 && alpha == nil && 2*y+1 < p.Height() {
				whole := p.Width() / 2
				colour.MeanRow(row[:whole], p.Row(i, 2*y), p.Row(i, 2*y+1))
				row = row[whole:]
			}
			for x := s.Width - len(row); x < s.Width; x++ {
				q.Row(i, y)[x] = blockMean(p, i, x*subX, y*subY, subX, subY, alpha)
			}
		}
	}
	return q, nil
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
