package png

import (
	"context"
	"encoding/binary"
	"errors"
	"io"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// frame is an fcTL chunk (section 11.3.4.2).
type frame struct {
	sequence           uint32
	w, h, x, y         int
	delay              int // milliseconds
	disposal, blending byte
	broken             bool // a length or value that the specification does not allow
}

// Values of frame.disposal and frame.blending.
const (
	disposeNone       = 0
	disposeBackground = 1
	disposePrevious   = 2

	blendSource = 0
	blendOver   = 1
)

// parseFrame reads the data of an fcTL chunk.
func parseFrame(data []byte) *frame {
	if len(data) != 26 {
		return &frame{broken: true}
	}
	be := binary.BigEndian
	f := &frame{
		sequence: be.Uint32(data),
		w:        int(be.Uint32(data[4:])), h: int(be.Uint32(data[8:])),
		x: int(be.Uint32(data[12:])), y: int(be.Uint32(data[16:])),
		disposal: data[24], blending: data[25],
	}
	perSecond := int(be.Uint16(data[22:]))
	if perSecond == 0 {
		perSecond = 100
	}
	f.delay = codec.ShownDelay((int(be.Uint16(data[20:]))*1000 + perSecond/2) / perSecond)
	f.broken = f.disposal > disposePrevious || f.blending > blendOver
	return f
}

// sequence reads the sequence number of an fdAT chunk (section 11.3.4.3) and checks it.
func (c *chunks) sequence() error {
	var b [4]byte
	if _, err := io.ReadFull(c, b[:]); err != nil {
		return err
	}
	return c.follow(binary.BigEndian.Uint32(b[:]))
}

// follow checks that chunks of the animation are in order.
func (c *chunks) follow(n uint32) error {
	if n != c.ordinal {
		return c.s.Corrupt(c.at, "sequence number %d of the animation where %d belongs", n, c.ordinal)
	}
	c.ordinal++
	return nil
}

// canvas is the picture that an animation shows.
type canvas struct {
	*plane.Picture
	shown int            // frames so far
	last  *frame         // the one that is shown
	saved *plane.Picture // what is to be put back in its place, or nil
}

// Loops implements codec.FrameDecoder.
func (d *decoder) Loops() int { return d.plays }

// NextFrame implements codec.FrameDecoder. Of a file whose default image is not a part of its
// animation, it passes over that image. What an animation without alpha leaves transparent is
// black.
func (d *decoder) NextFrame(ctx context.Context) (int, error) {
	if d.canvas == nil {
		d.canvas = &canvas{}
		if err := d.limits.TakeMemory(d); err != nil {
			return 0, err
		}
		d.canvas.Picture = plane.New(d.head.Layout)
	}
	c := d.canvas
	if c.shown == d.head.Frames {
		return 0, io.EOF
	}
	f, kind, err := d.nextControl(ctx)
	if err != nil {
		return 0, d.s.Fault(err)
	}
	if f.broken || f.w <= 0 || f.h <= 0 || f.w > d.width-f.x || f.h > d.height-f.y {
		return 0, d.s.Corrupt(d.at, "frame %d is %d×%d at %d,%d, disposal %d, blending %d",
			c.shown+1, f.w, f.h, f.x, f.y, f.disposal, f.blending)
	}
	c.dispose()
	if f.disposal == disposePrevious && c.shown > 0 {
		c.saved = c.cut(f)
	}
	part := plane.New(d.layout(f.w, f.h))
	if err := d.scan(ctx, kind, f.w, f.h, part); err != nil {
		return 0, err
	}
	c.compose(part, f)
	c.last, c.shown = f, c.shown+1
	return f.delay, nil
}

// nextControl goes to the data of the next frame and returns its fcTL and the type of its chunks.
func (d *decoder) nextControl(ctx context.Context) (*frame, string, error) {
	if d.canvas.shown == 0 && (d.control != nil || d.head.Frames == 1) {
		f := d.control
		if f == nil {
			f = &frame{w: d.width, h: d.height}
		} else if err := d.follow(f.sequence); err != nil {
			return nil, "", err
		}
		if f.w != d.width || f.h != d.height {
			f.broken = true // section 11.3.4.2: it has the size of the picture
		}
		return f, "IDAT", nil
	}
	var f *frame
	for {
		if err := ctx.Err(); err != nil {
			return nil, "", err
		}
		switch d.kind {
		case "IEND", "":
			return nil, "", d.s.Corrupt(d.offset, "the animation ends after frame %d of %d",
				d.canvas.shown, d.head.Frames)
		case "fcTL":
			data, ok, err := d.data()
			if err != nil {
				return nil, "", err
			}
			f = parseFrame(data[:min(len(data), 27)])
			f.broken = f.broken || !ok
			if err := d.follow(f.sequence); err != nil {
				return nil, "", err
			}
		case "fdAT":
			if f != nil {
				return f, "fdAT", d.chunks.sequence()
			}
		}
		if err := d.next(); err != nil && !errors.Is(err, io.EOF) {
			return nil, "", err
		}
	}
}

// dispose prepares the canvas for the next frame as the last one asked for. Before the first frame,
// the canvas is transparent.
func (c *canvas) dispose() {
	f := c.last
	switch {
	case f == nil || f.disposal == disposeNone:
	case c.saved != nil:
		for p := range c.Planes {
			for y := range f.h {
				copy(c.Row(p, f.y+y)[f.x:], c.saved.Row(p, y))
			}
		}
	default:
		for p := range c.Planes {
			for y := range f.h {
				clear(c.Row(p, f.y+y)[f.x:][:f.w])
			}
		}
	}
	c.saved = nil
}

// cut returns a copy of what is below a frame.
func (c *canvas) cut(f *frame) *plane.Picture {
	part := plane.New(plane.NewLayout(c.Model, c.HasAlpha(), f.w, f.h, 1, 1))
	for p := range c.Planes {
		for y := range f.h {
			copy(part.Row(p, y), c.Row(p, f.y+y)[f.x:])
		}
	}
	return part
}

// compose draws a frame.
func (c *canvas) compose(part *plane.Picture, f *frame) {
	alpha, ok := c.Alpha()
	for y := range f.h {
		if !ok || f.blending == blendSource {
			for p := range c.Planes {
				copy(c.Row(p, f.y+y)[f.x:], part.Row(p, y))
			}
			continue
		}
		above, below := part.Row(alpha, y), c.Row(alpha, f.y+y)[f.x:][:f.w]
		for p := range alpha {
			over(c.Row(p, f.y+y)[f.x:][:f.w], part.Row(p, y), below, above)
		}
		for x, a := range above {
			below[x] = byte((int(a)*255 + int(below[x])*(255-int(a)) + 127) / 255)
		}
	}
}

// over draws samples src with alpha above over dst with alpha below (section 13.16, with the result
// not multiplied by alpha).
func over(dst, src, below, above []byte) {
	for x, v := range src {
		switch a := int(above[x]); a {
		case 255:
			dst[x] = v
		case 0:
		default:
			up, down := a*255, int(below[x])*(255-a)
			dst[x] = byte((int(v)*up + int(dst[x])*down + (up+down)/2) / (up + down))
		}
	}
}

// push pushes the canvas.
func (c *canvas) push(ctx context.Context, sink plane.Sink) error {
	return c.Push(checked{ctx, sink})
}

// checked is a sink that ends with its context.
type checked struct {
	ctx  context.Context
	sink plane.Sink
}

func (c checked) Rows(p, y int, r plane.Rows) error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	return c.sink.Rows(p, y, r)
}
