package bmp

import (
	"context"
	"encoding/binary"
	"io"
	"math/bits"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// pixels are the stored rows of a bitmap.
type pixels struct {
	h      *info
	s      *codec.Stream
	stride int      // bytes of a row
	used   int      // bytes of it that hold pixels
	held   [][]byte // all rows, in blocks of blockRows, if they were read at once
	row    []byte
	y      int // rows read
}

func newPixels(h *info, s *codec.Stream) *pixels {
	p := &pixels{h: h, s: s}
	p.stride = (h.width*h.bits + 31) / 32 * 4
	p.used = (h.width*h.bits + 7) / 8
	return p
}

// blockRows is how many rows are read at a time.
func (p *pixels) blockRows() int { return max(1, min(p.h.height, 64<<10/p.stride)) }

// memory is how many bytes the rows take, with the indexes of one. All have to be read before the
// first is shown where the last row comes first, or a profile behind them.
func (p *pixels) memory() int64 {
	rows := int64(1)
	if !p.h.topDown || p.held != nil {
		rows = int64(p.h.height)
	}
	n := rows * int64(p.stride)
	if p.h.bits <= 8 {
		n += int64(p.h.width)
	}
	return n
}

// read reads n rows, but for the padding of the last row of all, which some tools omit.
func (p *pixels) read(b []byte, n int) error {
	need := n * p.stride
	if p.y+n == p.h.height {
		need -= p.stride - p.used
	}
	got, err := io.ReadFull(p.s, b[:need])
	if err != nil {
		if p.s.Err() == nil {
			offset := p.h.pixels + int64(p.y*p.stride+got)
			return p.s.Corrupt(offset, "the file ends in row %d of %d", p.y+got/p.stride+1, p.h.height)
		}
		return err
	}
	if p.y += n; p.y == p.h.height {
		_, _ = p.s.Discard(p.stride - p.used)
	}
	return nil
}

// hold reads all rows. It allocates as they come, not as the header promises.
func (p *pixels) hold(ctx context.Context) error {
	for p.y < p.h.height {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(p.blockRows(), p.h.height-p.y)
		b := make([]byte, n*p.stride)
		if err := p.read(b, n); err != nil {
			return err
		}
		p.held = append(p.held, b)
	}
	return nil
}

// next returns the next row from the top.
func (p *pixels) next(y int) ([]byte, error) {
	if p.held == nil {
		if p.row == nil {
			p.row = make([]byte, p.stride)
		}
		return p.row, p.read(p.row, 1)
	}
	if !p.h.topDown {
		y = p.h.height - 1 - y
	}
	n := p.blockRows()
	return p.held[y/n][y%n*p.stride:][:p.stride], nil
}

// decode fills the rows of the picture.
func (p *pixels) decode(ctx context.Context, b *codec.Bands, table []uint32) error {
	if !p.h.topDown && p.held == nil {
		if err := p.hold(ctx); err != nil {
			return err
		}
	}
	split := p.splitter(table)
	for y := range p.h.height {
		row, err := p.next(y)
		if err != nil {
			return err
		}
		split(b.Next(), row[:p.used])
		if err := b.Push(); err != nil {
			return err
		}
	}
	return nil
}

// splitter returns the function that writes a stored row to the rows of the planes.
func (p *pixels) splitter(table []uint32) func(dst [][]byte, row []byte) {
	switch p.h.bits {
	case 24:
		return splitBGR
	case 16, 32:
		return p.splitMasked()
	}
	var colours [256]uint32 // indexes beyond the table are black
	copy(colours[:], table)
	depth := p.h.bits
	indexes := make([]byte, p.h.width)
	return func(dst [][]byte, row []byte) {
		splitIndexes(dst, unpack(indexes, row, depth), &colours)
	}
}

func splitBGR(dst [][]byte, row []byte) {
	r, g, b := dst[0], dst[1], dst[2]
	g, b = g[:len(r)], b[:len(r)]
	i := 0
	for x := range r {
		b[x], g[x], r[x] = row[i], row[i+1], row[i+2]
		i += 3
	}
}

// unpack returns the colour indexes of a row, of depth bits each.
func unpack(dst, row []byte, depth int) []byte {
	if depth == 8 {
		return row[:len(dst)]
	}
	perByte := 8 / depth
	mask := byte(1<<depth - 1)
	x := 0
	for _, b := range row {
		pixels := dst[x:min(x+perByte, len(dst))]
		for k := range pixels {
			pixels[k] = b >> (8 - depth) & mask
			b <<= depth
		}
		x += len(pixels)
	}
	return dst
}

// splitIndexes writes a row of colour indexes to one plane or three.
func splitIndexes(dst [][]byte, indexes []byte, colours *[256]uint32) {
	r := dst[0][:len(indexes)]
	if len(dst) == 1 {
		for x, v := range indexes {
			r[x] = byte(colours[v])
		}
		return
	}
	g, b := dst[1][:len(indexes)], dst[2][:len(indexes)]
	for x, v := range indexes {
		c := colours[v]
		r[x], g[x], b[x] = byte(c), byte(c>>8), byte(c>>16)
	}
}

// field is one sample of a pixel of 16 or 32 bits.
type field struct {
	shift int
	mask  uint32
	scale [256]byte
}

// newField returns the field of a mask. Samples of more than 8 bits are reduced to their upper 8;
// those of fewer are scaled so that the largest becomes 255.
func newField(mask uint32, absent byte) *field {
	f := &field{}
	n := bits.OnesCount32(mask)
	if n == 0 {
		f.scale[0] = absent
		return f
	}
	f.shift = bits.TrailingZeros32(mask) + max(0, n-8)
	f.mask = 1<<min(n, 8) - 1
	for v := range f.mask + 1 {
		f.scale[v] = byte((v*255*2 + f.mask) / (2 * f.mask))
	}
	return f
}

// aligned returns which byte of a pixel the field is, and whether it is one.
func (f *field) aligned() (i int, ok bool) { return f.shift / 8, f.mask == 255 && f.shift%8 == 0 }

// split16 and split32 write the samples of a row.
func (f *field) split16(dst, row []byte) {
	shift, mask, scale := f.shift, uint16(f.mask), &f.scale
	row = row[:2*len(dst)]
	for x := range dst {
		dst[x] = scale[byte(binary.LittleEndian.Uint16(row[2*x:])>>(shift&15)&mask)]
	}
}

func (f *field) split32(dst, row []byte) {
	row = row[:4*len(dst)]
	if i, ok := f.aligned(); ok {
		for x := range dst {
			dst[x] = row[4*x+i]
		}
		return
	}
	shift, mask, scale := f.shift, f.mask, &f.scale
	for x := range dst {
		dst[x] = scale[byte(binary.LittleEndian.Uint32(row[4*x:])>>(shift&31)&mask)]
	}
}

func (p *pixels) splitMasked() func(dst [][]byte, row []byte) {
	var fields []*field
	for _, m := range p.h.masks[:3] {
		fields = append(fields, newField(m, 0))
	}
	fields = append(fields, newField(p.h.masks[3], 255))
	split := (*field).split16
	if p.h.bits == 32 {
		split = (*field).split32
	}
	return func(dst [][]byte, row []byte) {
		for i, d := range dst {
			split(fields[i], d, row)
		}
	}
}
