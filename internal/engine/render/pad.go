package render

import (
	"context"

	"github.com/imgmill/imgmill/internal/engine/plane"
)

// pad puts p on a canvas of the background colour, which is opaque. The canvas has the planes that
// the encoder takes.
func (j *job) pad(ctx context.Context, p *plane.Picture) (*plane.Picture, error) {
	f := j.frame
	if f.canvasWidth == p.Width() && f.canvasHeight == p.Height() {
		return p, nil
	}
	l := j.working(f.canvasWidth, f.canvasHeight)
	l.Space = p.Space
	q := plane.New(l)
	subX, subY := l.Subsampling()
	fill := planeBackground(p.Model, j.background)
	for i, s := range q.Planes {
		left, top, v := f.left, f.top, uint8(255)
		if s.Kind != plane.Alpha {
			v = fill[i]
		}
		if s.Kind == plane.Chroma {
			left, top = left/subX, top/subY
		}
		err := eachRow(ctx, s.Height, func(y int) {
			row := q.Row(i, y)
			for x := range row {
				row[x] = v
			}
			if y >= top && y < top+p.Planes[i].Height {
				copy(row[left:], p.Row(i, y-top))
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return q, nil
}
