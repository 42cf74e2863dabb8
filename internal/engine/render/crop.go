package render

import (
	"context"

	"github.com/imgmill/imgmill/internal/engine/plane"
)

// focus chooses which width×height part of an upright, reduced picture is shown, by its top left
// corner.
type focus func(p *plane.Picture, width, height int) (x, y int)

// crop cuts out the part that the variant's focus chooses. Where Cover shows the centre there is
// nothing left to do: only that part was resampled.
func (j *job) crop(ctx context.Context, p *plane.Picture) (*plane.Picture, error) {
	w, h := j.frame.cutWidth, j.frame.cutHeight
	if p.Width() == w && p.Height() == h {
		return p, nil
	}
	subX, subY := p.Subsampling()
	x, y := j.variant.focus(p, w, h)
	x, y = min(max(x, 0), p.Width()-w), min(max(y, 0), p.Height()-h)
	x, y = x-x%subX, y-y%subY // so that subsampled chroma lies on whole samples
	l := plane.NewLayout(p.Model, p.HasAlpha(), w, h, subX, subY)
	l.Space = p.Space
	q := plane.New(l)
	for i, s := range q.Planes {
		left, top := x, y
		if s.Kind == plane.Chroma {
			left, top = x/subX, y/subY
		}
		err := eachRow(ctx, s.Height, func(y int) { copy(q.Row(i, y), p.Row(i, top+y)[left:]) })
		if err != nil {
			return nil, err
		}
	}
	return q, nil
}
