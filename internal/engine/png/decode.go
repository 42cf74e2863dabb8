package png

import (
	"context"
	"errors"
	"io"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// decoder decodes one file. It implements codec.FrameDecoder.
type decoder struct {
	*reader
	threads int
	limits  codec.Limits
	canvas  *canvas // the frame that is shown, once NextFrame has been called
}

func newDecoder(r *reader, o codec.OpenOptions) *decoder {
	return &decoder{reader: r, threads: max(o.Threads, 1), limits: o.Limits}
}

// Header implements codec.Decoder.
func (d *decoder) Header() codec.Header { return d.head }

// Shrink returns the layout of the whole picture: a PNG has no cheaper scale.
func (d *decoder) Shrink(int, int) plane.Layout { return d.head.Layout }

// Length implements codec.Decoder.
func (d *decoder) Length(enough int64) (int64, error) { return d.s.Length(enough) }

// streamMemory is the buffer of codec.Stream.
const streamMemory = 64 << 10

// Memory implements codec.Decoder. It counts buffers that hold some rows; of an interlaced picture,
// every other row as well, because the last pass holds the rows between them; of an animation, the
// canvas.
func (d *decoder) Memory() int64 {
	planes := int64(len(d.head.Layout.Planes))
	n := streamMemory + inflateMemory + d.scanMemory(d.width, d.height)
	if d.canvas != nil {
		n += planes * int64(d.width) * int64(d.height) * 3 // the canvas, the one before it, a frame
	}
	return n
}

// scanMemory is what a scan of a w×h picture holds.
func (d *decoder) scanMemory(w, h int) int64 {
	planes := int64(len(d.head.Layout.Planes))
	passes := d.passes(w, h)
	var batch, band int64
	for i := range passes {
		p := &passes[i]
		rows := p.batchRows()
		batch = max(batch, int64(rows)*int64(p.rowLen))
		if !d.interlaced {
			band = int64(rows) * int64(w) * planes
		}
	}
	if batch > firstGrowth { // both at once, for a moment
		batch += firstGrowth
	}
	batch += windowSize + overrun
	n := 2*int64(d.rowLen(w)) + band
	if d.depth < 8 {
		n += int64(w)
	}
	if d.ahead(w, h) {
		n += batches * batch
	} else {
		n += batch
	}
	if d.interlaced {
		n += planes * int64(w) * (int64(h+1)/2 + 1)
	}
	return n
}

// ahead reports whether a second thread is worth its start for a w×h picture.
func (d *decoder) ahead(w, h int) bool {
	return d.threads > 1 && int64(d.rowLen(w))*int64(h) > 4*batchSize
}

// Decode implements codec.Decoder.
func (d *decoder) Decode(ctx context.Context, sink plane.Sink) (codec.Report, error) {
	if d.canvas != nil {
		return codec.Report{}, d.canvas.push(ctx, sink)
	}
	if err := d.scan(ctx, "IDAT", d.width, d.height, sink); err != nil {
		return codec.Report{}, err
	}
	return codec.Report{}, d.drain(ctx)
}

// drain reads to the end of the file, so that a limit on its length holds. Nothing that it finds
// there changes the picture.
func (d *decoder) drain(ctx context.Context) error {
	for d.kind != "IEND" {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := d.next(); err != nil {
			return d.s.Err()
		}
	}
	d.skip(4) // the CRC of IEND; a file may end without it
	return d.s.Err()
}

// scan decodes the w×h pixels in the chunks of a type, the first of which is the current chunk, and
// pushes them to sink.
func (d *decoder) scan(ctx context.Context, kind string, w, h int, sink plane.Sink) error {
	data := &pixelData{chunks: d.chunks, kind: kind}
	z := newZlibReader(data)
	supply := newSupply(d.passes(w, h), z, d.ahead(w, h))
	err := d.rows(ctx, supply, w, h, sink)
	supply.close()
	if err != nil {
		return err
	}
	sound := z.vouched()
	for !data.ended {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := io.CopyN(io.Discard, data, 1<<20); err != nil {
			break
		}
	}
	if err := d.s.Err(); err != nil {
		return err
	}
	if data.wrong && !sound {
		return d.s.Corrupt(d.offset, "the pixels are damaged: a CRC and the checksum over all of them are wrong")
	}
	return nil
}

// rows turns batches into rows of planes.
func (d *decoder) rows(ctx context.Context, supply *supply, w, h int, sink plane.Sink) error {
	var to target
	if d.interlaced {
		to = newWeave(&d.format, w, h, sink)
	} else {
		to = newBand(&d.format, w, sink)
	}
	var above, row []byte
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		b := supply.next()
		if b == nil {
			return to.finish()
		}
		n := b.rowLen - 1
		if need := n + slack; b.y == 0 && b.whole > 0 {
			if cap(row) < need {
				above, row = make([]byte, need), make([]byte, need)
			}
			above, row = above[:need], row[:need]
			clear(above)
		}
		for i := range b.whole {
			src := b.row(i)
			if !unfilter(src[0], row, src[1:], above, n, max(1, d.bits()/8)) {
				return d.s.Corrupt(b.offset, "filter type %d in row %d", src[0], b.pass.y+(b.y+i)*b.dy)
			}
			to.row(b, i, row)
			above, row = row, above
		}
		if err := to.end(b); err != nil {
			return err
		}
		if b.err != nil {
			return d.fault(b)
		}
	}
}

// fault describes why the data ended before the last row.
func (d *decoder) fault(b *batch) error {
	if err := d.s.Err(); err != nil {
		return err
	}
	row := b.pass.y + (b.y+b.whole)*b.dy
	switch {
	case errors.Is(b.err, codec.ErrCorrupt):
		return b.err
	case errors.Is(b.err, io.EOF), errors.Is(b.err, io.ErrUnexpectedEOF):
		return d.s.Corrupt(b.offset, "the pixel data ends in row %d of %d", row, d.height)
	}
	return d.s.Corrupt(b.offset, "row %d: %v", row, b.err)
}

// target is where unfiltered rows go.
type target interface {
	// row takes row i of a batch.
	row(b *batch, i int, row []byte)
	// end follows the last row of a batch.
	end(b *batch) error
	// finish follows the last batch.
	finish() error
}

// band collects the rows of a batch as planes and pushes them together.
type band struct {
	*expander
	w    int
	sink plane.Sink
	pix  [][]byte // of each plane
	dst  [][]byte // the row of each plane that is being made
}

func newBand(f *format, w int, sink plane.Sink) *band {
	n := len(f.layout(w, 1).Planes)
	return &band{expander: newExpander(f), w: w, sink: sink, pix: make([][]byte, n), dst: make([][]byte, n)}
}

func (t *band) row(b *batch, i int, row []byte) {
	if t.pix[0] == nil {
		for p := range t.pix {
			t.pix[p] = make([]byte, b.n*t.w)
		}
	}
	for p, pix := range t.pix {
		t.dst[p] = pix[i*t.w:][:t.w]
	}
	t.expander.row(t.dst, row, t.w)
}

func (t *band) end(b *batch) error {
	if b.whole == 0 {
		return nil
	}
	for p, pix := range t.pix {
		if err := t.sink.Rows(p, b.y, plane.Rows{Pix: pix, Stride: t.w, N: b.whole}); err != nil {
			return err
		}
	}
	return nil
}

func (t *band) finish() error { return nil }
