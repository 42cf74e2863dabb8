package webp

import (
	"context"
	"encoding/binary"
	"errors"
	"image"
	"io"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/webp/vp8"
	"github.com/imgmill/imgmill/internal/engine/webp/vp8l"
)

// decoder decodes a file, which it holds whole: metadata follows the pixels.
type decoder struct {
	header  codec.Header
	file    *container
	bytes   int64 // of the file
	stream  *codec.Stream
	options codec.OpenOptions
	canvas  *canvas // once NextFrame was called for an animation
	shown   bool    // NextFrame was called for a still
}

// still reports whether the file is no animation.
func (d *decoder) still() bool { return d.file.frames[0].size == (image.Point{}) }

// open reads the file and the headers of its chunks.
func open(s *codec.Stream, o codec.OpenOptions) (codec.Decoder, error) {
	b, err := readFile(s)
	if err != nil {
		return nil, err
	}
	f := s.Format()
	c, err := readContainer(b, f, o.Limits.Frames)
	if err != nil {
		return nil, err
	}
	first := &c.frames[0]
	if err := first.check(c.canvas, f); err != nil {
		return nil, err
	}
	w, h, alpha, err := first.header(f)
	if err != nil {
		return nil, err
	}
	if c.canvas == (image.Point{}) {
		c.canvas = first.at.Add(image.Pt(w, h))
	}
	d := &decoder{header: c.codecHeader(f), file: c, bytes: int64(cap(b)), stream: s, options: o}
	switch {
	case !d.still():
		d.header.Layout = plane.NewLayout(plane.RGB, c.transparent(f), c.canvas.X, c.canvas.Y, 1, 1)
	case first.lossy:
		d.header.Layout = plane.NewLayout(plane.YCbCr, alpha, w, h, 2, 2)
	default:
		d.header.Layout = plane.NewLayout(plane.RGB, alpha || c.flags&flagAlpha != 0, w, h, 1, 1)
	}
	d.header.Layout.Space.ICC = c.icc
	return d, nil
}

// readFile reads the stream to its end. The buffer grows to the size that the RIFF header declares,
// but to no more than sixteen times of what has been read, so that a lie costs little, and a file
// that is as long as it says is copied twice only.
func readFile(s *codec.Stream) ([]byte, error) {
	head, err := s.Peek(12)
	if err != nil {
		return nil, err
	}
	declared := int(binary.LittleEndian.Uint32(head[4:])) + 8
	b := make([]byte, 0, min(declared+1, 64<<10))
	for {
		n, err := s.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if errors.Is(err, io.EOF) {
			return b, nil
		}
		if err != nil {
			return nil, err
		}
		if len(b) == cap(b) {
			size := 2 * cap(b)
			if declared >= cap(b) { // one more byte, for the read that finds the end
				size = min(16*cap(b), declared+1)
			}
			b = append(make([]byte, 0, size), b...)
		}
	}
}

func (d *decoder) Header() codec.Header { return d.header }

// Shrink returns the layout of the whole picture: there is no cheaper scale.
func (d *decoder) Shrink(int, int) plane.Layout { return d.header.Layout }

func (d *decoder) Length(enough int64) (int64, error) { return d.stream.Length(enough) }

// outputRows is how many rows are pushed at a time.
const outputRows = 16

// Memory implements codec.Decoder: the file, the largest frame's working memory, rows of output,
// and a canvas if frames are composed.
func (d *decoder) Memory() int64 {
	frames := d.file.frames
	if d.canvas == nil {
		frames = frames[:1]
	}
	var most int64
	for i := range frames {
		most = max(most, frames[i].memory(d.header.Format, d.options.Threads))
	}
	rows := 8 * int64(d.header.Width) * outputRows
	if d.canvas != nil {
		rows = 4 * int64(d.header.Width) * int64(d.header.Height)
	}
	return d.bytes + most + rows
}

// memory is how many bytes decoding the picture takes.
func (p *picture) memory(f *codec.Format, threads int) int64 {
	w, h, _, err := p.header(f)
	switch {
	case err != nil:
		return 0
	case !p.lossy:
		return vp8l.Memory(w, h, threads)
	case p.hasAlph:
		return vp8.Memory(w, threads) + alphaMemory(p.alph, w, h)
	}
	return vp8.Memory(w, threads)
}

// Decode implements codec.Decoder.
func (d *decoder) Decode(ctx context.Context, sink plane.Sink) (codec.Report, error) {
	var err error
	first := &d.file.frames[0]
	switch {
	case d.canvas != nil:
		err = d.canvas.push(ctx, d.header.Layout, sink)
	case d.header.Layout.Model == plane.YCbCr:
		err = d.pushLossy(ctx, &first.picture, sink)
	default:
		err = d.pushFirst(ctx, first, sink)
	}
	return codec.Report{}, err
}

// pushLossy pushes a VP8 picture as it is: YCbCr, and alpha if it has that.
func (d *decoder) pushLossy(ctx context.Context, p *picture, sink plane.Sink) error {
	r, err := vp8.NewReader(p.data, p.base, d.header.Format)
	if err != nil {
		return err
	}
	var alpha *alphaReader
	if p.hasAlph {
		if alpha, err = p.alphaReader(ctx, r.Width, r.Height, d.header.Format); err != nil {
			return err
		}
	}
	l := d.header.Layout
	var out [4][]byte // the rows of each plane, in the range of the layout
	for i, size := range l.Planes {
		out[i] = make([]byte, size.Width*vp8.MostRows)
	}
	return r.Decode(ctx, d.options.Threads, func(rows vp8.Rows) error {
		for i, size := range l.Planes {
			y, n := rows.Y, rows.N
			switch size.Kind {
			case plane.Alpha:
				if err := alpha.advance(ctx, y, y+n, out[i], size.Width); err != nil {
					return err
				}
			default:
				chroma := size.Kind == plane.Chroma
				if chroma {
					y, n = y/2, (n+1)/2
				}
				for k := range n {
					vp8.StretchRow(out[i][k*size.Width:][:size.Width], rows.Pix[i][k*rows.Stride[i]:], chroma)
				}
			}
			if err := sink.Rows(i, y, plane.Rows{Pix: out[i], Stride: size.Width, N: n}); err != nil {
				return err
			}
		}
		return nil
	})
}

// emitRGBA consumes a row of red, green, blue and alpha, which is nil for a picture without it. The
// row is valid until it returns.
type emitRGBA func(y int, rows [4][]byte) error

// rgba decodes a picture to rows of components.
func (p *picture) rgba(ctx context.Context, f *codec.Format, threads int, emit emitRGBA) error {
	if !p.lossy {
		return p.losslessRGBA(ctx, f, threads, emit)
	}
	r, err := vp8.NewReader(p.data, p.base, f)
	if err != nil {
		return err
	}
	var alpha *alphaReader
	var a []byte
	if p.hasAlph {
		if alpha, err = p.alphaReader(ctx, r.Width, r.Height, f); err != nil {
			return err
		}
		a = make([]byte, r.Width)
	}
	c := vp8.NewRGBRows(r.Width, r.Height, func(y int, red, green, blue []byte) error {
		if alpha != nil {
			if err := alpha.advance(ctx, y, y+1, a, len(a)); err != nil {
				return err
			}
		}
		return emit(y, [4][]byte{red, green, blue, a})
	})
	return r.Decode(ctx, threads, c.Add)
}

func (p *picture) losslessRGBA(ctx context.Context, f *codec.Format, threads int, emit emitRGBA) error {
	w, h, _, err := p.header(f)
	if err != nil {
		return err
	}
	l, err := vp8l.NewReader(p.data[5:], p.base+5, f).ReadPicture(ctx, w, h)
	if err != nil {
		return err
	}
	var rows [4][]byte
	for i := range rows {
		rows[i] = make([]byte, w)
	}
	rowDone := func(y int, argb []uint32) error {
		vp8l.Separate(rows, argb)
		return emit(y, rows)
	}
	if threads > 1 {
		return l.Decode(ctx, rowDone)
	}
	return l.Advance(ctx, h, rowDone)
}

// pushFirst pushes the first frame on an empty canvas.
func (d *decoder) pushFirst(ctx context.Context, f *frame, sink plane.Sink) error {
	b := newBander(d.header.Layout, sink)
	if err := b.skipTo(ctx, f.at.Y); err != nil {
		return err
	}
	add := func(_ int, rows [4][]byte) error { return b.add(f.at.X, rows) }
	if err := f.rgba(ctx, d.header.Format, d.options.Threads, add); err != nil {
		return err
	}
	return b.skipTo(ctx, d.header.Height)
}

// bander collects rows into bands of all planes.
type bander struct {
	layout plane.Layout
	sink   plane.Sink
	pix    [][]byte
	y, n   int // of the first row in pix, and how many there are
}

func newBander(l plane.Layout, sink plane.Sink) *bander {
	b := &bander{layout: l, sink: sink}
	for range l.Planes {
		b.pix = append(b.pix, make([]byte, outputRows*l.Width()))
	}
	return b
}

// add appends a row of red, green, blue and alpha that begins at column x. The rest of the row is
// transparent. Without alpha it is opaque.
func (b *bander) add(x int, rows [4][]byte) error {
	for i := range b.pix {
		row := b.pix[i][b.n*b.layout.Width():][:b.layout.Width()]
		end := x + len(rows[0])
		clear(row[:x])
		clear(row[end:])
		if rows[i] != nil {
			copy(row[x:end], rows[i])
		} else {
			fillOpaque(row[x:end])
		}
	}
	b.n++
	if b.n == outputRows || b.y+b.n == b.layout.Height() {
		return b.flush()
	}
	return nil
}

// skipTo appends transparent rows before row y.
func (b *bander) skipTo(ctx context.Context, y int) error {
	var empty [4][]byte
	for i := range empty {
		empty[i] = []byte{}
	}
	for b.y+b.n < y {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := b.add(0, empty); err != nil {
			return err
		}
	}
	return nil
}

func (b *bander) flush() error {
	for i := range b.pix {
		r := plane.Rows{Pix: b.pix[i], Stride: b.layout.Width(), N: b.n}
		if err := b.sink.Rows(i, b.y, r); err != nil {
			return err
		}
	}
	b.y, b.n = b.y+b.n, 0
	return nil
}

func fillOpaque(alpha []byte) {
	for i := range alpha {
		alpha[i] = 255
	}
}
