package codec

import (
	"context"

	"github.com/imgmill/imgmill/internal/engine/plane"
)

// Rows is a Decoder of a format whose rows are decoded one after another at full size.
type Rows struct {
	header Header
	stream *Stream
	memory int64
	decode func(ctx context.Context, b *Bands) error
}

// NewRows returns a Decoder of the picture that h describes. memory estimates how many bytes decode
// holds, beside the bands. decode is called once, by Decode; it fills every row of the picture from
// the top. Its own errors pass through Stream.Fault.
func NewRows(h Header, s *Stream, memory int64, decode func(ctx context.Context, b *Bands) error) *Rows {
	return &Rows{h, s, memory, decode}
}

// Header implements Decoder.
func (d *Rows) Header() Header { return d.header }

// Shrink returns the layout of the whole picture.
func (d *Rows) Shrink(int, int) plane.Layout { return d.header.Layout }

// Memory implements Decoder.
func (d *Rows) Memory() int64 { return d.memory + BandMemory(d.header.Layout) }

// Length implements Decoder.
func (d *Rows) Length(enough int64) (int64, error) { return d.stream.Length(enough) }

// Decode implements Decoder.
func (d *Rows) Decode(ctx context.Context, sink plane.Sink) (Report, error) {
	b := NewBands(ctx, d.header.Layout, sink)
	err := d.decode(ctx, b)
	if b.err != nil {
		return Report{}, b.err
	}
	if err != nil && ctx.Err() != nil {
		return Report{}, ctx.Err()
	}
	return Report{}, d.stream.Fault(err)
}

// Bands pushes a picture without subsampled planes to a sink while its rows are filled one by one.
// It collects a band of rows before it pushes them, and checks the context with every band.
type Bands struct {
	ctx    context.Context
	sink   plane.Sink
	width  int
	height int
	most   int // rows in a band
	y, n   int // the band begins with row y of the picture and has n rows until now
	pix    [][]byte
	row    [][]byte
	err    error
}

// NewBands returns an empty band at the top of a picture of layout l.
func NewBands(ctx context.Context, l plane.Layout, sink plane.Sink) *Bands {
	b := &Bands{ctx: ctx, sink: sink, width: l.Width(), height: l.Height(), most: BandRows(l)}
	for range l.Planes {
		b.pix = append(b.pix, make([]byte, b.most*b.width))
	}
	b.row = make([][]byte, len(b.pix))
	return b
}

// BandRows is how many rows a band of a picture has: 16, or fewer of a very wide one.
func BandRows(l plane.Layout) int {
	return max(1, min(16, l.Height(), 1<<20/l.Width()))
}

// BandMemory is how many bytes the bands of a picture hold.
func BandMemory(l plane.Layout) int64 {
	return int64(BandRows(l)) * int64(l.Width()) * int64(len(l.Planes))
}

// Next returns the next row of every plane, to be filled before Push is called. Its bytes are those
// of an earlier row.
func (b *Bands) Next() [][]byte {
	for i, p := range b.pix {
		b.row[i] = p[b.n*b.width:][:b.width:b.width]
	}
	return b.row
}

// Push appends the row that Next returned. An error is the sink's or the context's, and ends the
// picture.
func (b *Bands) Push() error {
	b.n++
	if b.n < b.most && b.y+b.n < b.height {
		return nil
	}
	if b.err = b.ctx.Err(); b.err != nil {
		return b.err
	}
	for i, p := range b.pix {
		if b.err = b.sink.Rows(i, b.y, plane.Rows{Pix: p, Stride: b.width, N: b.n}); b.err != nil {
			return b.err
		}
	}
	b.y, b.n = b.y+b.n, 0
	return nil
}
