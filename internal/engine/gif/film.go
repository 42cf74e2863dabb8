package gif

import (
	"context"
	"io"

	"github.com/imgmill/imgmill/internal/engine/plane"
)

// film composes the frames of an animation on one canvas, one after another.
type film struct {
	d       *decoder
	blocks  *blocks
	canvas  *plane.Picture // what the frames until the last composed one show; nil before the first
	pending []frame        // that are not composed yet
	last    frame          // the last composed frame
	saved   [][]byte       // what the canvas was under the last frame, if that is to be restored
	err     error
}

// Loops implements codec.FrameDecoder.
func (d *decoder) Loops() int { return d.loops }

// NextFrame implements codec.FrameDecoder. The frame is composed by Decode.
func (d *decoder) NextFrame(ctx context.Context) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if d.film == nil {
		walk, _, _, err := newBlocks(d.file, d.stream)
		if err != nil {
			return 0, err
		}
		d.film = &film{d: d, blocks: walk}
	}
	f, ok, err := d.film.blocks.next()
	if err != nil {
		return 0, err
	}
	if !ok {
		return 0, io.EOF
	}
	d.film.pending = append(d.film.pending, f)
	return f.delay, nil
}

// show composes what is pending and pushes the canvas.
func (m *film) show(ctx context.Context, sink plane.Sink) error {
	if m.canvas == nil {
		m.canvas = plane.New(m.d.Shrink(0, 0))
	}
	for ; len(m.pending) > 0 && m.err == nil; m.pending = m.pending[1:] {
		m.dispose()
		m.err = m.draw(ctx, m.pending[0])
	}
	if m.err != nil {
		return m.err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return m.canvas.Push(sink)
}

// clip returns the part of a frame that lies on the canvas.
func (m *film) clip(f *frame) (x0, y0, x1, y1 int) {
	w, h := m.canvas.Width(), m.canvas.Height()
	return min(f.x, w), min(f.y, h), min(f.x+f.w, w), min(f.y+f.h, h)
}

// dispose takes the last frame off the canvas as it asks for.
func (m *film) dispose() {
	x0, y0, x1, y1 := m.clip(&m.last)
	switch m.last.disposal {
	case restoreBackground: // which browsers show as transparent
		for i := range m.canvas.Pix {
			for y := y0; y < y1; y++ {
				clear(m.canvas.Row(i, y)[x0:x1])
			}
		}
	case restorePrevious:
		for i := range m.canvas.Pix {
			for y := y0; y < y1; y++ {
				copy(m.canvas.Row(i, y)[x0:x1], m.saved[i][(y-y0)*(x1-x0):])
			}
		}
	}
	m.saved = nil
}

// draw draws a frame over the canvas.
func (m *film) draw(ctx context.Context, f frame) error {
	m.last = f
	x0, y0, x1, y1 := m.clip(&f)
	if f.disposal == restorePrevious {
		for i := range m.canvas.Pix {
			under := make([]byte, 0, (x1-x0)*(y1-y0))
			for y := y0; y < y1; y++ {
				under = append(under, m.canvas.Row(i, y)[x0:x1]...)
			}
			m.saved = append(m.saved, under)
		}
	}
	if f.w == 0 || f.h == 0 {
		return nil
	}
	rows, err := m.d.frameRows(&f)
	if err != nil {
		return err
	}
	look := newColours(&f)
	dst := make([][]byte, len(m.canvas.Pix))
	for k := range f.h {
		if k%64 == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		indexes, err := rows.next()
		if err != nil {
			return err
		}
		y := f.y + k
		if f.interlaced {
			y = f.y + interlacedRow(k, f.h)
		}
		if y >= y1 || x0 == x1 {
			continue
		}
		for i := range dst {
			dst[i] = m.canvas.Row(i, y)[x0:x1]
		}
		if f.transparent < 0 {
			look.apply(dst, indexes[:x1-x0])
		} else {
			look.over(dst, indexes[:x1-x0], byte(f.transparent))
		}
	}
	return nil
}
