package psd

import (
	"context"
	"fmt"
	"io"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// decoder implements codec.Decoder.
type decoder struct {
	header codec.Header
	s      *codec.Stream
	h      *info
	rows   *channelRows
}

func open(s *codec.Stream, _ codec.OpenOptions) (codec.Decoder, error) {
	r := &reader{s: s}
	h, err := readHeader(r)
	if err != nil {
		return nil, err
	}
	d := &decoder{s: s, h: h}
	d.header = codec.Header{Format: s.Format(), Width: h.width, Height: h.height, Frames: 1, Orientation: 1}
	if d.header.Metadata = h.meta; h.meta.EXIF != nil {
		d.header.SetEXIF(h.meta.EXIF)
	}
	d.header.Layout = h.layout()
	switch compression := r.u16(); {
	case r.err != nil:
		return nil, r.err
	case compression > 1:
		return nil, fmt.Errorf("%w: a PSD whose picture has compression %d", codec.ErrUnsupported, compression)
	default:
		d.rows = &channelRows{r: r, h: h, packed: compression == 1}
	}
	return d, nil
}

func (h *info) layout() plane.Layout {
	model := plane.Gray
	switch h.mode {
	case indexed, rgb:
		model = plane.RGB
	case cmyk:
		model = plane.CMYK
	}
	l := plane.NewLayout(model, h.alpha || h.transparent >= 0, h.width, h.height, 1, 1)
	l.Space.ICC = h.icc
	return l
}

// Header implements codec.Decoder.
func (d *decoder) Header() codec.Header { return d.header }

// Shrink implements codec.Decoder.
func (d *decoder) Shrink(int, int) plane.Layout { return d.header.Layout }

// Length implements codec.Decoder.
func (d *decoder) Length(enough int64) (int64, error) { return d.s.Length(enough) }

// Memory implements codec.Decoder.
func (d *decoder) Memory() int64 {
	memory := codec.BandMemory(d.header.Layout) + 4*d.h.rowLength()
	if d.rows.packed {
		memory += 4 * int64(d.h.channels) * int64(d.h.height)
	}
	if d.h.alpha {
		memory += int64(len(d.header.Layout.Planes)) * int64(d.h.width) * int64(d.h.height)
	}
	return memory
}

// Decode implements codec.Decoder.
func (d *decoder) Decode(ctx context.Context, sink plane.Sink) (codec.Report, error) {
	if err := d.rows.start(); err != nil {
		return codec.Report{}, d.s.Fault(err)
	}
	if d.h.mode == indexed {
		return codec.Report{}, d.decodeIndexed(ctx, sink)
	}
	if !d.h.alpha {
		return codec.Report{}, d.decodePlanes(ctx, sink)
	}
	p := plane.New(d.header.Layout)
	if err := d.decodePlanes(ctx, p); err != nil {
		return codec.Report{}, err
	}
	if err := takeWhiteBack(ctx, p, d.h.mode == cmyk); err != nil {
		return codec.Report{}, err
	}
	return codec.Report{}, p.Push(sink)
}

// decodePlanes pushes the channels as planes, one after another.
func (d *decoder) decodePlanes(ctx context.Context, sink plane.Sink) error {
	l := d.header.Layout
	most := codec.BandRows(l)
	w := d.h.width
	band := make([]byte, w*most)
	for i := range l.Planes {
		// Black bits are 1, and full ink is 0.
		invert := d.h.mode == bitmap || d.h.mode == cmyk && l.Planes[i].Kind != plane.Alpha
		for y := 0; y < d.h.height; {
			if err := ctx.Err(); err != nil {
				return err
			}
			n := min(most, d.h.height-y)
			for k := range n {
				if err := d.rows.next(band[k*w:][:w], i, y+k); err != nil {
					return d.s.Fault(err)
				}
			}
			if invert {
				for k, v := range band {
					band[k] = ^v
				}
			}
			if err := sink.Rows(i, y, plane.Rows{Pix: band, Stride: w, N: n}); err != nil {
				return err
			}
			y += n
		}
	}
	return nil
}

// decodeIndexed pushes the colours of an indexed picture.
func (d *decoder) decodeIndexed(ctx context.Context, sink plane.Sink) error {
	b := codec.NewBands(ctx, d.header.Layout, sink)
	row := make([]byte, d.h.width)
	for y := range d.h.height {
		if err := d.rows.next(row, 0, y); err != nil {
			return d.s.Fault(err)
		}
		for i, dst := range b.Next() {
			for x, v := range row {
				switch {
				case i == 3 && int(v) == d.h.transparent:
					dst[x] = 0
				case i == 3:
					dst[x] = 255
				default:
					dst[x] = d.h.palette[256*i+int(v)]
				}
			}
		}
		if err := b.Push(); err != nil {
			return err
		}
	}
	return nil
}

// rowLength is how many bytes a row of a channel has.
func (h *info) rowLength() int64 { return (int64(h.width)*int64(h.depth) + 7) / 8 }

// channelRows reads the rows of the channels in order.
type channelRows struct {
	r       *reader
	h       *info
	packed  bool
	lengths []uint32 // of the packed rows
	raw     []byte   // a row as it is before and
	packet  []byte   // while it is packed
}

// start reads the lengths of the packed rows that are shown. It allocates as they come, not as the
// header promises.
func (c *channelRows) start() error {
	c.raw = make([]byte, c.h.rowLength())
	if !c.packed {
		return nil
	}
	size := 2
	if c.h.large {
		size = 4
	}
	used := len(c.h.layout().Planes)
	if c.h.mode == indexed {
		used = 1
	}
	for range used {
		b := c.r.bytes(size * c.h.height)
		if c.r.err != nil {
			return c.r.err
		}
		for ; len(b) > 0; b = b[size:] {
			n := uint32(b[0])<<8 | uint32(b[1])
			if size == 4 {
				n = n<<16 | uint32(b[2])<<8 | uint32(b[3])
			}
			// PackBits adds a byte to every 128 at most; no-operation bytes are not that many.
			if int64(n) > 4*c.h.rowLength()+16 {
				return c.r.s.Corrupt(c.r.at, "a row of %d bytes", n)
			}
			c.lengths = append(c.lengths, n)
		}
	}
	c.r.skip(c.r.at + int64(size)*int64(c.h.height)*int64(c.h.channels-used)) // of other channels
	return c.r.err
}

// next reads row y of a channel as 8-bit samples.
func (c *channelRows) next(dst []byte, channel, y int) error {
	if !c.packed {
		n, err := io.ReadFull(c.r.s, c.raw)
		c.r.at += int64(n)
		if err != nil {
			return err
		}
	} else if err := c.unpack(int(c.lengths[channel*c.h.height+y])); err != nil {
		return err
	}
	switch c.h.depth {
	case 1:
		for x := range dst {
			dst[x] = -(c.raw[x/8] >> (7 - x%8) & 1)
		}
	case 8:
		copy(dst, c.raw)
	default:
		for x := range dst {
			dst[x] = c.raw[2*x]
		}
	}
	return nil
}

// unpack reads a row of n packed bytes.
func (c *channelRows) unpack(n int) error {
	if cap(c.packet) < n {
		c.packet = make([]byte, n)
	}
	b := c.packet[:n]
	k, err := io.ReadFull(c.r.s, b)
	c.r.at += int64(k)
	if err != nil {
		return err
	}
	dst := c.raw
	for len(b) > 0 && len(dst) > 0 {
		count := int(int8(b[0]))
		b = b[1:]
		switch {
		case count == -128:
		case count < 0:
			if len(b) == 0 {
				break
			}
			run := dst[:min(1-count, len(dst))]
			for i := range run {
				run[i] = b[0]
			}
			b, dst = b[1:], dst[len(run):]
		default:
			k := copy(dst[:min(count+1, len(dst))], b)
			b, dst = b[min(count+1, len(b)):], dst[k:]
		}
	}
	if len(dst) > 0 {
		return c.r.s.Corrupt(c.r.at, "a packed row of too few bytes")
	}
	return nil
}
