package render

import "github.com/imgmill/imgmill/internal/engine/plane"

// pad puts p on a canvas of the background colour, which is opaque. The canvas has the planes that the encoder wants.
func pad(p *plane.Picture, f frame, canvas plane.Layout, background [3]uint8) *plane.Picture {
	if f.canvasWidth == f.width && f.canvasHeight == f.height {
		return p
	}
	q := plane.New(canvas)
	subX, subY := chromaRatio(canvas)
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
