package webp

import (
	"image"

	"github.com/imgmill/imgmill/internal/engine/plane"
)

// holes returns a part of a picture without the pixels that last shows too: they are transparent. It is
// drawn over last, which shows p if the other pixels are opaque or have nothing below them; otherwise, or
// if the part is simpler with all of its pixels, ok is false.
func holes(last, p *plane.Picture, box image.Rectangle) (drawn *plane.Picture, ok bool) {
	all, below := part(p, box), part(last, box)
	l := plane.NewLayout(p.Model, true, box.Dx(), box.Dy(), 1, 1)
	l.Space = p.Space
	drawn = plane.New(l)
	top, _ := drawn.Alpha()
	alpha, hasAlpha := all.Alpha()
	for y := range box.Dy() {
		mask := drawn.Row(top, y)
		for i := range top {
			for x, v := range all.Row(i, y) {
				if v != below.Row(i, y)[x] {
					mask[x] = 255
				}
			}
		}
		if hasAlpha {
			above, under := all.Row(alpha, y), below.Row(alpha, y)
			for x, v := range above {
				if v != under[x] {
					mask[x] = 255
				}
				if mask[x] == 255 && v != 255 && under[x] != 0 {
					return nil, false
				}
				mask[x] &= v
			}
		}
		for i := range top {
			dst := drawn.Row(i, y)
			for x, v := range all.Row(i, y) {
				if mask[x] != 0 {
					dst[x] = v
				}
			}
		}
	}
	return drawn, corners(drawn) < corners(all)
}

// corners returns how many pixels differ from both their left and their upper neighbour: what lossless
// coding spends most of its bits on.
func corners(p *plane.Picture) (n int) {
	w := p.Width()
	above := make([]bool, w)
	left := make([]bool, w)
	for y := 1; y < p.Height(); y++ {
		clear(above)
		clear(left)
		for i := range p.Planes {
			row, upper := p.Row(i, y), p.Row(i, y-1)
			for x := 1; x < w; x++ {
				left[x] = left[x] || row[x] != row[x-1]
				above[x] = above[x] || row[x] != upper[x]
			}
		}
		for x := range w {
			if left[x] && above[x] {
				n++
			}
		}
	}
	return n
}
