package vp8l

import (
	"context"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// Reader reads a VP8L bit stream.
type Reader struct {
	bitReader
	prefixBuilder
	format *codec.Format
	base   int64 // offset of the data in the file

	scratch      prefixBuilder // for the codes of code lengths
	scratchTable [256]uint16
	lengths      [maxAlphabet]uint8
}

// NewReader returns a reader of a bit stream that begins at offset base of the file.
func NewReader(data []byte, base int64, f *codec.Format) *Reader {
	return &Reader{bitReader: bitReader{data: data}, format: f, base: base}
}

// corrupt returns an error at the current position.
func (d *Reader) corrupt(format string, args ...any) error {
	if d.past() {
		return codec.CorruptAt(d.format, d.base+int64(len(d.data)), "the picture is truncated")
	}
	return codec.CorruptAt(d.format, d.base+int64(d.offset()), format, args...)
}

// signature is the first byte of a VP8L bit stream (section 3).
const signature = 0x2f

// ReadHeader returns what the header of a VP8L bit stream declares (section 3).
func ReadHeader(data []byte) (w, h int, alpha, ok bool) {
	if len(data) < 5 || data[0] != signature || data[4]>>5 != 0 {
		return 0, 0, false, false
	}
	r := bitReader{data: data[1:]}
	w, h = 1+r.bits(14), 1+r.bits(14)
	return w, h, r.bits(1) == 1, true
}

// Memory is at most how many bytes decoding a w×h VP8L stream takes: the pixels that
// backward references reach, what the smallest blocks of 4×4 pixels need for a predictor, a colour
// transform and a number of prefix codes, and tables of short codes.
func Memory(w, h, threads int) int64 {
	n := 4*int64(bufferPixels(w, h)) + 6*int64((w+3)/4)*int64((h+3)/4) + shortMemory(w, h)
	if threads > 1 {
		n += 4 * pixelRowsAhead * pixelRowsBand * int64(w)
	}
	return n
}

// subSize is the number of blocks of 1<<bits that cover n pixels.
func subSize(n int, bits uint) int { return (n + 1<<bits - 1) >> bits }

// Picture is a spatially coded picture whose rows are decoded one after another.
type Picture struct {
	height     int
	transforms transforms
	image      entropyImage
}

// ReadPicture reads a w×h spatially coded picture without its header (section 3) up to its pixels:
// transforms and prefix codes.
func (d *Reader) ReadPicture(ctx context.Context, w, h int) (*Picture, error) {
	p := &Picture{height: h}
	xsize := w
	for seen := [4]bool{}; d.bits(1) == 1; {
		kind := transformKind(d.bits(2))
		if seen[kind] {
			return nil, d.corrupt("a transform that is used twice")
		}
		seen[kind] = true
		t, err := d.readTransform(ctx, kind, xsize, h)
		if err != nil {
			return nil, err
		}
		xsize = t.codedWidth()
		p.transforms.list = append(p.transforms.list, t)
	}
	p.image = entropyImage{r: d, width: xsize, height: h}
	if err := d.readCodes(ctx, &p.image, true); err != nil {
		return nil, err
	}
	if len(p.transforms.list) > 0 {
		p.transforms.row = make([]uint32, w)
	}
	return p, nil
}

// Advance decodes the rows before row end, and calls emit with each of them once. A row is valid
// until emit returns.
func (p *Picture) Advance(ctx context.Context, end int, emit EmitRow) error {
	return p.image.advance(ctx, min(end, p.height), func(y int, row []uint32) error {
		return emit(y, p.transforms.invert(y, row))
	})
}

// pixelRows are rows that wait for their transforms.
type pixelRows struct {
	y, n int
	pix  []uint32
}

// pixelRowsAhead is how many bands of how many rows are decoded ahead of their transforms if two
// threads share the work.
const pixelRowsAhead, pixelRowsBand = 3, 16

// Decode is Advance for the whole picture, in two threads.
func (p *Picture) Decode(ctx context.Context, emit EmitRow) error {
	width := p.image.width
	bands := make([]*pixelRows, pixelRowsAhead)
	for i := range bands {
		bands[i] = &pixelRows{pix: make([]uint32, pixelRowsBand*width)}
	}
	next := 0
	read := func(b *pixelRows) (more bool, err error) {
		b.y, b.n = next, min(pixelRowsBand, p.height-next)
		next += b.n
		err = p.image.advance(ctx, next, func(y int, row []uint32) error {
			copy(b.pix[(y-b.y)*width:], row)
			return nil
		})
		return next < p.height, err
	}
	return codec.Pipeline(bands, read, func(b *pixelRows) error {
		for k := range b.n {
			if err := emit(b.y+k, p.transforms.invert(b.y+k, b.pix[k*width:][:width])); err != nil {
				return err
			}
		}
		return nil
	})
}

// readSubImage reads an entropy-coded image that belongs to a picture (section 5).
func (d *Reader) readSubImage(ctx context.Context, w, h int,
	emit func(y int, row []uint32),
) error {
	m := entropyImage{r: d, width: w, height: h}
	if err := d.readCodes(ctx, &m, false); err != nil {
		return err
	}
	return m.advance(ctx, h, func(y int, row []uint32) error {
		emit(y, row)
		return nil
	})
}

// readCodes reads the colour cache's size, the entropy image of the main picture, and the prefix
// codes (sections 5.2.3 and 6.2).
func (d *Reader) readCodes(ctx context.Context, m *entropyImage, main bool) error {
	cacheSize := 0
	if d.bits(1) == 1 {
		bits := d.bits(4)
		if bits < 1 || bits > maxCacheBits {
			return d.corrupt("a colour cache of %d bits", bits)
		}
		cacheSize = 1 << bits
		m.cache, m.cacheShift = make([]uint32, cacheSize), uint(32-bits)
	}
	groups := 1
	used := []bool{true}
	if main && d.bits(1) == 1 {
		var err error
		if groups, used, err = d.readMeta(ctx, m); err != nil {
			return err
		}
	}
	d.wide = groups <= 128
	alphabets := [5]int{256 + lengthCodes + cacheSize, 256, 256, 256, distanceCodes}
	for i := range groups {
		var codes [5]prefixCode
		for k, n := range alphabets {
			free, made := d.free, d.made
			c, err := d.readCode(n)
			if err != nil {
				return err
			}
			if !used[i] { // its table is not needed; the file must still be right
				d.free, d.made = free, made
			}
			codes[k] = c
		}
		if d.past() {
			return d.corrupt("prefix codes")
		}
		if d.made > maxEntries {
			return d.corrupt("prefix codes that take more than %d MB", maxEntries>>19)
		}
		if used[i] {
			g := prefixGroup{
				green: codes[0], red: codes[1], blue: codes[2], alpha: codes[3],
				distance: codes[4],
			}
			g.classify()
			m.groups = append(m.groups, g)
		}
		if i&63 == 63 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
	}
	return nil
}

// readMeta reads the entropy image (section 6.2.2), which numbers the group of codes of each block.
// It returns how many groups the file has and which of them are used; those are numbered anew.
func (d *Reader) readMeta(ctx context.Context, m *entropyImage) (
	groups int, used []bool, err error,
) {
	m.metaBits = 2 + uint(d.bits(3))
	m.metaWidth = subSize(m.width, m.metaBits)
	rows := subSize(m.height, m.metaBits)
	m.meta = make([]uint16, m.metaWidth*rows)
	used = make([]bool, 1<<16)
	err = d.readSubImage(ctx, m.metaWidth, rows, func(y int, row []uint32) {
		to := m.meta[y*m.metaWidth:][:len(row)]
		for x, argb := range row {
			group := argb >> 8 & 0xffff
			to[x] = uint16(group)
			used[group] = true
		}
	})
	if err != nil {
		return 0, nil, err
	}
	var number [1 << 16]uint16
	n := uint16(0)
	for i, u := range used {
		if u {
			groups = i + 1
			number[i] = n
			n++
		}
	}
	for i, group := range m.meta {
		m.meta[i] = number[group]
	}
	return groups, used, nil
}
