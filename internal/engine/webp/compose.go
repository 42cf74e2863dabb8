package webp

import (
	"context"
	"image"
	"io"

	"github.com/imgmill/imgmill/internal/engine/plane"
)

// canvas is what an animation shows.
type canvas struct {
	width, height int
	pix           [4][]byte // red, green, blue and alpha
	next          int       // frame
	dispose       image.Rectangle
}

// Loops implements codec.FrameDecoder.
func (d *decoder) Loops() int { return d.file.loops }

// NextFrame implements codec.FrameDecoder. Areas are cleared to transparent, as browsers do it: no
// reader uses the background colour of the file.
func (d *decoder) NextFrame(ctx context.Context) (delay int, err error) {
	if d.still() { // Decode works on its only frame
		if d.shown {
			return 0, io.EOF
		}
		d.shown = true
		return 0, nil
	}
	if d.canvas == nil {
		c := &canvas{width: d.header.Width, height: d.header.Height}
		d.canvas = c
		if err := d.options.Limits.TakeMemory(d); err != nil {
			return 0, err
		}
		for i := range c.pix {
			c.pix[i] = make([]byte, c.width*c.height)
		}
	}
	c := d.canvas
	if c.next == len(d.file.frames) {
		if err := d.options.Limits.CheckFrames(d.header); err != nil {
			return 0, err
		}
		return 0, io.EOF
	}
	f := &d.file.frames[c.next]
	c.next++
	c.clear(c.dispose)
	if err := f.check(d.file.canvas, d.header.Format); err != nil {
		return 0, err
	}
	w, h, _, err := f.header(d.header.Format)
	if err != nil {
		return 0, err
	}
	err = f.rgba(ctx, d.header.Format, d.options.Threads, func(y int, rows [4][]byte) error {
		c.draw(f.at.X, f.at.Y+y, rows, f.replace)
		return nil
	})
	if err != nil {
		return 0, err
	}
	c.dispose = image.Rectangle{}
	if f.dispose {
		c.dispose = image.Rect(f.at.X, f.at.Y, f.at.X+w, f.at.Y+h)
	}
	return f.delay, nil
}

// clear makes an area transparent.
func (c *canvas) clear(r image.Rectangle) {
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for _, pix := range c.pix {
			clear(pix[y*c.width+r.Min.X : y*c.width+r.Max.X])
		}
	}
}

// draw lays a row of a frame, which is opaque without alpha, over the canvas.
func (c *canvas) draw(x, y int, rows [4][]byte, replace bool) {
	at := y*c.width + x
	n := len(rows[0])
	alpha := c.pix[3][at:][:n]
	for i, p := range rows[:3] {
		dst := c.pix[i][at:][:n]
		switch {
		case replace || rows[3] == nil:
			copy(dst, p)
		default:
			blendRow(dst, p, alpha, rows[3])
		}
	}
	switch {
	case rows[3] == nil:
		fillOpaque(alpha)
	case replace:
		copy(alpha, rows[3])
	default:
		for i, a := range rows[3] {
			alpha[i] = uint8(int(a) + (int(alpha[i])*(255-int(a))+127)/255)
		}
	}
}

// blendRow lays colours over others, both straight, weighted by alpha above and below:
//
//	(above*alphaAbove + below*alphaBelow*(1-alphaAbove)) / (alphaAbove + alphaBelow*(1-alphaAbove))
func blendRow(below, above, alphaBelow, alphaAbove []byte) {
	for i, a := range alphaAbove {
		switch a {
		case 0:
		case 255:
			below[i] = above[i]
		default:
			wa, wb := 255*int(a), int(alphaBelow[i])*(255-int(a))
			below[i] = uint8((int(above[i])*wa + int(below[i])*wb + (wa+wb)/2) / (wa + wb))
		}
	}
}

// push sends the canvas to a sink.
func (c *canvas) push(ctx context.Context, l plane.Layout, sink plane.Sink) error {
	for y := 0; y < c.height; y += outputRows {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(outputRows, c.height-y)
		for i := range l.Planes {
			r := plane.Rows{Pix: c.pix[i][y*c.width:][:n*c.width], Stride: c.width, N: n}
			if err := sink.Rows(i, y, r); err != nil {
				return err
			}
		}
	}
	return nil
}
