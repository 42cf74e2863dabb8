//go:build !nohevc

package heif

import (
	"context"
	"image"

	"github.com/imgmill/imgmill/internal/engine/exif"
	"github.com/imgmill/imgmill/internal/engine/hevc"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// unsignalled is what a picture that is not coded itself says about its colours.
var unsignalled = hevc.Colour{Primaries: unspecified, Transfer: unspecified, Matrix: unspecified}

// composed passes on the rows of an overlay, or of a grid whose tiles are turned or cropped. It composes
// all of it on a canvas of red, green, blue and opacity.
func (s *shown) composed(ctx context.Context, out emit) error {
	p := s.p
	canvas := plane.New(plane.NewLayout(plane.RGB, true, p.width, p.height, 1, 1))
	if p.kind == overlay {
		for i, v := range p.fill {
			fill(canvas.Pix[i], uint8((int(v)*255+32767)/65535))
		}
	}
	for k, in := range s.inputs {
		var at image.Point
		if p.kind == grid {
			size := in.p.view.size()
			at = image.Pt(k%p.columns*size.X, k/p.columns*size.Y)
		} else {
			at = p.at[k]
		}
		if err := in.draw(ctx, canvas, at); err != nil {
			return err
		}
	}
	if s.alpha != nil {
		opacity, err := s.opacityOf(ctx)
		if err != nil {
			return err
		}
		for y := range opacity.Height() {
			copy(canvas.Row(3, p.view.crop.Min.Y+y)[p.view.crop.Min.X:], opacity.Row(0, y))
		}
	}
	return s.push(canvas, out)
}

// push passes on the part of a canvas that is shown.
func (s *shown) push(canvas *plane.Picture, out emit) error {
	const together = 16
	crop := s.p.view.crop
	rows := &stripe{make([][]byte, 4), canvas.Stride}
	for y := 0; y < crop.Dy(); y += together {
		for i := range rows.pix {
			rows.pix[i] = canvas.Pix[i][(crop.Min.Y+y)*canvas.Stride[i]+crop.Min.X:]
		}
		n := min(together, crop.Dy()-y)
		if s.p.premultiplied {
			divide(rows, crop.Dx(), n)
		}
		if err := out(y, n, rows); err != nil {
			return err
		}
	}
	return nil
}

// draw lays a picture over a canvas, turned as it is shown, with its top left corner at a place.
func (s *shown) draw(ctx context.Context, canvas *plane.Picture, at image.Point) error {
	w, h := s.layout.Width(), s.layout.Height()
	o := s.p.view.orientation()
	return s.decode(ctx, func(y, n int, rows *stripe) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		for k := range n {
			var src [4][]byte
			for i := range src[:len(s.layout.Planes)] {
				src[i] = rows.row(i, k, 0, w)
			}
			for x := range w {
				to := displayed(o, x, y+k, w, h).Add(at)
				if to.X >= 0 && to.Y >= 0 && to.X < canvas.Width() && to.Y < canvas.Height() {
					over(canvas, to, src, x)
				}
			}
		}
		return nil
	})
}

// displayed returns where the sample at x and y of w×h is shown (package exif has the table).
func displayed(o exif.Orientation, x, y, w, h int) image.Point {
	switch o {
	case exif.TopRight, exif.BottomRight, exif.RightBottom, exif.LeftBottom:
		x = w - 1 - x
	}
	switch o {
	case exif.BottomRight, exif.BottomLeft, exif.RightTop, exif.RightBottom:
		y = h - 1 - y
	}
	if o.Swaps() {
		return image.Pt(y, x)
	}
	return image.Pt(x, y)
}

// over lays sample x of some rows over a pixel of a canvas. With the opacity a above and b below, the
// opacity is c = a + b·(1-a), and each colour (A·a + B·b·(1-a))/c, rounded to nearest.
func over(canvas *plane.Picture, to image.Point, src [4][]byte, x int) {
	k := to.Y*canvas.Stride[0] + to.X
	a, b := 255, int(canvas.Pix[3][k])
	if src[3] != nil {
		a = int(src[3][x])
	}
	if a == 255 || b == 0 {
		for i := range 3 {
			canvas.Pix[i][k] = src[i][x]
		}
		canvas.Pix[3][k] = uint8(a)
		return
	}
	below := b * (255 - a)
	c := 255*a + below // in 65025ths
	for i := range 3 {
		canvas.Pix[i][k] = uint8((int(src[i][x])*255*a + int(canvas.Pix[i][k])*below + c/2) / c)
	}
	canvas.Pix[3][k] = uint8((c + 127) / 255)
}

func fill(row []byte, v uint8) {
	for i := range row {
		row[i] = v
	}
}
