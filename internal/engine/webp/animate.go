package webp

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"math"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// bitstream is a coded picture: a VP8 or VP8L chunk, and the ALPH chunk beside it, or nil.
type bitstream struct {
	kind       string
	data, alph []byte
	alpha      bool // there is alpha, beside the data or in them
}

// pictureEncoder encodes a picture, which may be a part of a frame.
type pictureEncoder interface {
	encodePicture(ctx context.Context, p *plane.Picture, threads int) (bitstream, error)
}

// animation collects frames (WebP Container Specification, "Animation"). A frame covers what has
// changed since the one before it, and replaces what was there or, if it is lossless, is drawn over it
// where that is simpler. The coded frames and two pictures are in memory.
type animation struct {
	encoder pictureEncoder
	file    file
	threads int
	loops   int
	last    *plane.Picture
	delay   int    // of the last frame
	chunks  []byte // of all frames
	at      int    // of the last frame's header in chunks
	first   bitstream
	alpha   bool
	frames  int
}

// maxDelay is the longest time of a frame in milliseconds.
const maxDelay = 1<<24 - 1

func newAnimation(e pictureEncoder, l plane.Layout, loops int, o codec.EncodeOptions) (codec.FrameWriter, error) {
	if err := checkSize(l); err != nil {
		return nil, err
	}
	return &animation{encoder: e, file: newFile(l, o), threads: o.Threads, loops: loops, last: plane.New(l)}, nil
}

// lastMemory is the bytes of the last picture of an animation.
func lastMemory(l plane.Layout) (n int64) {
	for _, p := range l.Planes {
		n += int64(p.Width) * int64(p.Height)
	}
	return n
}

// WriteFrame implements codec.FrameWriter. A frame that shows nothing new prolongs the last one, and one
// that lasts too long becomes several.
func (a *animation) WriteFrame(ctx context.Context, p *plane.Picture, delay int) error {
	if delay > maxDelay {
		if err := a.WriteFrame(ctx, p, delay/2); err != nil {
			return err
		}
		return a.WriteFrame(ctx, p, delay-delay/2)
	}
	box := image.Rect(0, 0, p.Width(), p.Height())
	if a.frames > 0 {
		box = changed(a.last, p)
		if box.Empty() && a.delay+delay <= maxDelay {
			a.setDelay(a.delay + delay)
			return nil
		}
		if box.Empty() {
			box = image.Rect(0, 0, 1, 1)
		}
	}
	frame, flags := part(p, box), byte(replaces)
	if _, exact := a.encoder.(losslessEncoder); exact && a.frames > 0 {
		if drawn, ok := holes(a.last, p, box); ok {
			frame, flags = drawn, 0
		}
	}
	coded, err := a.encoder.encodePicture(ctx, frame, a.threads)
	if err != nil {
		return err
	}
	if a.frames == 0 {
		a.first = coded
	}
	a.frames++
	a.alpha = a.alpha || coded.alpha
	a.at = len(a.chunks) + 8
	a.chunks = appendFrame(a.chunks, box, flags, coded)
	a.setDelay(delay)
	for i := range p.Planes {
		for y := range p.Planes[i].Height {
			copy(a.last.Row(i, y), p.Row(i, y))
		}
	}
	return nil
}

// Size implements codec.FrameWriter.
func (a *animation) Size() int64 { return int64(len(a.chunks)) }

func (a *animation) setDelay(delay int) {
	a.delay = delay
	put24(a.chunks[a.at+12:], delay)
}

// frameHeaderLength is the length of what an ANMF chunk begins with.
const frameHeaderLength = 16

// replaces is the flag that a frame is not blended with what it covers.
const replaces = 2

// appendFrame appends an ANMF chunk, without its delay.
func appendFrame(out []byte, box image.Rectangle, flags byte, b bitstream) []byte {
	body := make([]byte, frameHeaderLength, frameHeaderLength+len(b.alph)+len(b.data)+24)
	put24(body, box.Min.X/2)
	put24(body[3:], box.Min.Y/2)
	put24(body[6:], box.Dx()-1)
	put24(body[9:], box.Dy()-1)
	body[15] = flags
	if b.alph != nil {
		body = appendChunk(body, "ALPH", b.alph)
	}
	return appendChunk(out, "ANMF", appendChunk(body, b.kind, b.data))
}

// Close implements codec.FrameWriter. An animation of one frame becomes a still.
func (a *animation) Close(ctx context.Context) ([]byte, error) {
	switch a.frames {
	case 0:
		return nil, fmt.Errorf("%w: an animation without frames", codec.ErrUnsupported)
	case 1:
		return a.file.still(a.first)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	control := make([]byte, 6) // a background that nobody shows, and the number of loops
	binary.LittleEndian.PutUint16(control[4:], uint16(min(a.loops, math.MaxUint16)))
	flags := byte(flagAnimation)
	if a.alpha {
		flags |= flagAlpha
	}
	return a.file.extended(flags, append(appendChunk(nil, "ANIM", control), a.chunks...))
}

// changed returns the smallest rectangle outside of which two pictures of the same layout are equal.
// Its left and upper edges are even, as those of a frame have to be.
func changed(a, b *plane.Picture) (box image.Rectangle) {
	for i, size := range a.Planes {
		scaleX := (a.Width() + size.Width - 1) / size.Width
		scaleY := (a.Height() + size.Height - 1) / size.Height
		for y := range size.Height {
			rowA, rowB := a.Row(i, y), b.Row(i, y)
			if bytes.Equal(rowA, rowB) {
				continue
			}
			x0, x1 := 0, len(rowA)
			for rowA[x0] == rowB[x0] {
				x0++
			}
			for rowA[x1-1] == rowB[x1-1] {
				x1--
			}
			box = box.Union(image.Rect(x0*scaleX, y*scaleY, x1*scaleX, (y+1)*scaleY))
		}
	}
	box.Min.X &^= 1
	box.Min.Y &^= 1
	return box.Intersect(image.Rect(0, 0, a.Width(), a.Height()))
}

// part returns the pixels of a picture within a box, whose left and upper edges are even.
func part(p *plane.Picture, box image.Rectangle) *plane.Picture {
	subX, subY := p.Subsampling()
	l := plane.NewLayout(p.Model, p.HasAlpha(), box.Dx(), box.Dy(), subX, subY)
	l.Space = p.Space
	out := &plane.Picture{Layout: l, Stride: p.Stride}
	for i, size := range p.Planes {
		x, y := box.Min.X, box.Min.Y
		if size.Kind == plane.Chroma {
			x, y = x/subX, y/subY
		}
		out.Pix = append(out.Pix, p.Pix[i][y*p.Stride[i]+x:])
	}
	return out
}
