package tiff

import (
	"context"
	"io"

	"github.com/imgmill/imgmill/internal/engine/plane"
)

// band decodes strips or tiles of some planes of the file, and pushes them as rows of the layout's
// planes: a few rows of a strip at a time, or a row of tiles.
type band struct {
	d     *decoder
	sink  plane.Sink
	lanes []*lane
	out   []int    // planes of the layout that are pushed
	pix   [][]byte // rows of each of them
	dst   [][]byte // a row of each of them
}

// lane is a plane of the file, or all of it where samples are interleaved.
type lane struct {
	index   int
	data    section
	expand  expander
	raw     []byte // rows as they are stored
	scratch []byte
}

func (d *decoder) newBand(lanes []int, sink plane.Sink) *band {
	b := &band{d: d, sink: sink}
	for _, k := range lanes {
		l := &lane{index: k, raw: make([]byte, d.rawBytes(d.step()))}
		l.data = section{f: d.c.file, mirror: d.f.lsbFirst}
		l.expand = newExpander(d.f, d.f.blockW, int(d.rawBytes(1)))
		if d.f.predictor == 3 {
			l.scratch = make([]byte, d.rawBytes(1))
		}
		b.lanes = append(b.lanes, l)
	}
	planes := d.header.Layout.Planes
	for i := range planes {
		if !d.independent() || i == lanes[0] {
			b.out = append(b.out, i)
		}
	}
	rows := d.step()
	if d.f.tiled {
		rows = min(d.f.blockH, d.f.height)
	}
	for _, i := range b.out {
		b.pix = append(b.pix, make([]byte, planes[i].Width*d.chromaRows(i, rows)))
	}
	b.dst = make([][]byte, len(b.out))
	return b
}

// chromaRows is how many rows of a plane cover n rows of the picture.
func (d *decoder) chromaRows(p, n int) int {
	if d.header.Layout.Planes[p].Kind == plane.Chroma {
		return ceilDiv(n, d.f.subY)
	}
	return n
}

// blocks decodes a row of strips or tiles and pushes it.
func (b *band) blocks(ctx context.Context, row int) error {
	f := b.d.f
	height := min(f.blockH, f.height-row*f.blockH)
	for col := range b.d.across {
		if err := b.begin(ctx, row, col); err != nil {
			return err
		}
		width := min(f.blockW, f.width-col*f.blockW)
		step := b.d.step()
		for y := 0; y < height; y += step {
			if err := ctx.Err(); err != nil {
				return err
			}
			n := min(step, height-y)
			if err := b.read(n, row, col); err != nil {
				return err
			}
			if f.tiled {
				b.convert(col*f.blockW, y, width, n)
				continue
			}
			b.convert(0, 0, width, n)
			if err := b.push(row*f.blockH+y, n); err != nil {
				return err
			}
		}
	}
	if f.tiled {
		return b.push(row*f.blockH, height)
	}
	return nil
}

// number is the index of a strip or tile of a lane.
func (b *band) number(l *lane, row, col int) int64 {
	i := int64(row)*int64(b.d.across) + int64(col)
	if b.d.f.planar {
		i += int64(l.index) * int64(b.d.across) * int64(b.d.down)
	}
	return i
}

// begin starts the decompression of a strip or tile in all lanes.
func (b *band) begin(ctx context.Context, row, col int) error {
	for _, l := range b.lanes {
		i := b.number(l, row, col)
		at, end, err := b.d.block(i)
		if err != nil {
			return err
		}
		l.data.reset(at, end)
		if err := l.expand.begin(ctx, &l.data); ctx.Err() != nil {
			return ctx.Err()
		} else if err != nil {
			return b.d.fault(err, &l.data, i)
		}
	}
	return nil
}

// read decompresses the next n rows of a strip or tile in all lanes, and undoes the predictor.
func (b *band) read(n, row, col int) error {
	for _, l := range b.lanes {
		raw := l.raw[:b.d.rawBytes(n)]
		if _, err := io.ReadFull(l.expand, raw); err != nil {
			return b.d.fault(err, &l.data, b.number(l, row, col))
		}
		if b.d.f.predictor == 1 {
			continue
		}
		size := int(b.d.rawBytes(1))
		for i := 0; i < len(raw); i += size {
			unpredict(b.d.f.predictor, raw[i:i+size], &b.d.col.pack, l.scratch)
		}
	}
	return nil
}

// convert writes n rows of width pixels into the planes, at x and y of the band.
func (b *band) convert(x, y, width, n int) {
	if b.d.f.subsampled() {
		b.convertUnits(x, y, width, n)
		return
	}
	size := int(b.d.rawBytes(1))
	src := make(source, b.d.lanes)
	for k := range n {
		for i := range b.out {
			b.dst[i] = b.row(i, y+k)[x : x+width]
		}
		for _, l := range b.lanes {
			src[l.index] = l.raw[k*size:][:size]
		}
		if b.d.independent() {
			b.d.col.pack.split(b.dst, src[b.lanes[0].index])
			if b.d.f.photometric == whiteIsZero {
				invert(b.dst[0])
			}
			continue
		}
		b.d.col.row(b.dst, src)
	}
}

// row returns row y of the i-th plane that is pushed.
func (b *band) row(i, y int) []byte {
	w := b.d.header.Layout.Planes[b.out[i]].Width
	return b.pix[i][y*w:][:w]
}

// convertUnits is convert for data units of several rows.
func (b *band) convertUnits(x, y, width, n int) {
	f := b.d.f
	size := int(b.d.rawBytes(f.subY))
	rows := make([][][]byte, len(b.out))
	for u := 0; u*f.subY < n; u++ {
		for i, p := range b.out {
			rows[i] = rows[i][:0]
			left, w, from, count := x, width, y+u*f.subY, min(f.subY, n-u*f.subY)
			if b.d.header.Layout.Planes[p].Kind == plane.Chroma {
				left, w, from, count = x/f.subX, ceilDiv(width, f.subX), from/f.subY, 1
			}
			for k := range count {
				rows[i] = append(rows[i], b.row(i, from+k)[left:left+w])
			}
		}
		b.d.col.units(rows, b.lanes[0].raw[u*size:][:size])
	}
}

// push passes n rows to the sink, of which the first is row y of the picture.
func (b *band) push(y, n int) error {
	for i, p := range b.out {
		rows := plane.Rows{Pix: b.pix[i], Stride: b.d.header.Layout.Planes[p].Width, N: b.d.chromaRows(p, n)}
		if err := b.sink.Rows(p, b.d.chromaRows(p, y), rows); err != nil {
			return err
		}
	}
	return nil
}
