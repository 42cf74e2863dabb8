package render

import (
	"context"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/exif"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// upright returns the size of the picture once it is turned as its orientation declares.
func upright(h codec.Header) (w, ht int) {
	if h.Orientation.Swaps() {
		return h.Height, h.Width
	}
	return h.Width, h.Height
}

// mirrored reports for each stored axis whether the upright picture runs against it (EXIF 2.32,
// 4.6.4.A, tag 274).
func mirrored(o exif.Orientation) (x, y bool) {
	switch o {
	case 2:
		return true, false
	case 3:
		return true, true
	case 4:
		return false, true
	case 6:
		return false, true
	case 7:
		return true, true
	case 8:
		return true, false
	}
	return false, false
}

// turn makes the stored picture upright, unless crop has done so.
func (j *job) turn(ctx context.Context, p *plane.Picture) (*plane.Picture, error) {
	if j.upright {
		return p, nil
	}
	return turn(ctx, p, j.header.Orientation)
}

// turn returns the upright form of a picture stored with orientation o.
func turn(ctx context.Context, p *plane.Picture, o exif.Orientation) (*plane.Picture, error) {
	mx, my := mirrored(o)
	if !mx && !my && !o.Swaps() {
		return p, nil
	}
	l := p.Layout
	if o.Swaps() {
		l = l.Transposed()
	}
	q := plane.New(l)
	for i, s := range p.Planes {
		err := eachRow(ctx, s.Height, func(y int) {
			ty := y
			if my {
				ty = s.Height - 1 - y
			}
			turnRow(q, i, ty, p.Row(i, y), mx, o.Swaps())
		})
		if err != nil {
			return nil, err
		}
	}
	return q, nil
}

// turnRow copies a stored row to row t of a plane, or to column t if the axes are exchanged.
func turnRow(q *plane.Picture, i, t int, row []byte, reverse, column bool) {
	at, step := t*q.Stride[i], 1
	if column {
		at, step = t, q.Stride[i]
	}
	if reverse {
		at, step = at+(len(row)-1)*step, -step
	}
	pix := q.Pix[i]
	for _, v := range row {
		pix[at] = v
		at += step
	}
}
