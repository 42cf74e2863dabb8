package render

import (
	"context"
	"math"

	"github.com/imgmill/imgmill/internal/engine/plane"
)

// crop chooses which part of the reduced picture is shown, turns that upright and cuts it out. From then on it is
// what the frame's window shows, of this picture and of what is made like it: the gain map, and further frames of
// an animation. An error is that of the context.
func (j *job) crop(ctx context.Context) error {
	if j.upright = false; !j.frame.looks() {
		return nil
	}
	p, err := turn(ctx, j.reduced, j.header.Orientation)
	if err != nil {
		return err
	}
	subX, subY := p.Subsampling()
	f := &j.frame
	at, of, length, whole, step := &f.window.x, &f.window.width, f.cutWidth, f.width, subX
	if f.axis == 1 {
		at, of, length, whole, step = &f.window.y, &f.window.height, f.cutHeight, f.height, subY
	}
	size := *of
	// A quarter of a pixel is less than a filter spreads.
	first := math.Ceil(float64(f.starts.from)*float64(whole)/(size*unit) - 0.25)
	last := math.Floor(float64(f.starts.to)*float64(whole)/(size*unit) + 0.25)
	scores, err := attention(ctx, p, f.axis)
	if err != nil {
		return err
	}
	start := scores.best(max(int(first), 0), min(int(last), whole-length), length, whole, step)
	*at, *of = float64(start)*size/float64(whole), float64(length)*size/float64(whole)
	x, y := start, 0
	if f.axis == 1 {
		x, y = 0, start
	}
	j.reduced, err = cut(ctx, p, x, y, f.cutWidth, f.cutHeight)
	j.upright = true
	f.width, f.height, f.starts = f.cutWidth, f.cutHeight, interval{}
	return err
}

// cut returns the w×h part of p that begins at x, y, which are multiples of its subsampling.
func cut(ctx context.Context, p *plane.Picture, x, y, w, h int) (*plane.Picture, error) {
	subX, subY := p.Subsampling()
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
