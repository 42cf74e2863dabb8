package render

import "github.com/imgmill/imgmill/internal/plane"

// pad puts p on a canvas of the background colour, which is opaque.
func pad(p *plane.Picture, f frame, background [3]uint8) *plane.Picture {
	if f.canvasWidth == f.width && f.canvasHeight == f.height {
		return p
	}
	subX, subY := 1, 1
	if p.Model == plane.YCbCr {
		if p.Planes[1].Width < p.Width() {
			subX = 2
		}
		if p.Planes[1].Height < p.Height() {
			subY = 2
		}
	}
	q := plane.New(plane.NewLayout(p.Model, p.Alpha, f.canvasWidth, f.canvasHeight, subX, subY))
	fill := planeBackground(p.Model, background)
	for i, s := range q.Planes {
		v, left, top := uint8(255), f.left, f.top
		if i < p.Model.Colours() {
			v = fill[i]
		}
		if p.Model == plane.YCbCr && i > 0 {
			left, top = left/subX, top/subY
		}
		for y := range s.Height {
			row := q.Row(i, y)
			for x := range row {
				row[x] = v
			}
			if y >= top && y < top+p.Planes[i].Height {
				copy(row[left:], p.Row(i, y-top))
			}
		}
	}
	return q
}
