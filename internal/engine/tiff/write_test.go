package tiff

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/setting"
	"github.com/imgmill/imgmill/internal/engine/webp"
)

// drawing is a TIFF that the tests write: a grid of samples, and how it is stored.
type drawing struct {
	order                 binary.AppendByteOrder // nil for little-endian
	big                   bool
	w, h                  int
	bits, samples, format int // bits 0 is 8, samples 0 is 1
	photometric           int
	planar                bool
	tileW, tileH          int // 0 for strips
	rows                  int // per strip, 0 for all
	compression           int
	oldLZW                bool
	predictor             int
	lsbFirst              bool
	t4                    int
	subX, subY            int
	atEnd                 bool // the directory is behind the pixels
	noLengths             bool // of strips
	tags                  []tag
	coded                 []byte                   // the data of each strip or tile, if it is compressed already
	at                    func(x, y, k int) uint64 // a sample as it is stored
}

// tag is a field to write: value is []uint16, []uint32 or []byte.
type tag struct {
	tag   uint16
	value any
}

func (d drawing) normal() drawing {
	if d.order == nil {
		d.order = binary.LittleEndian
	}
	if d.bits == 0 {
		d.bits = 8
	}
	if d.samples == 0 {
		d.samples = 1
	}
	if d.rows == 0 {
		d.rows = d.h
	}
	if d.compression == 0 {
		d.compression = uncompressed
	}
	return d
}

// file writes the drawing.
func (d drawing) file(t testing.TB) []byte {
	t.Helper()
	d = d.normal()
	blocks := d.blocks(t)
	mark, magic := "II", uint16(42)
	if d.order == binary.BigEndian {
		mark = "MM"
	}
	if d.big {
		magic = 43
	}
	out := d.order.AppendUint16([]byte(mark), magic)
	head := 8
	if d.big {
		head = 16
		out = d.order.AppendUint16(d.order.AppendUint16(out, 8), 0)
	}
	var pixels []byte
	var offsets, counts []uint32
	for _, b := range blocks {
		offsets, counts = append(offsets, uint32(len(pixels))), append(counts, uint32(len(b)))
		pixels = append(pixels, b...)
		if len(pixels)%2 == 1 {
			pixels = append(pixels, 0)
		}
	}
	size := len(d.directory(offsets, counts, head))
	first, base := head, head+size
	if d.atEnd {
		first, base = head+len(pixels), head
	}
	for i := range offsets {
		offsets[i] += uint32(base)
	}
	if d.big {
		out = d.order.AppendUint64(out, uint64(first))
	} else {
		out = d.order.AppendUint32(out, uint32(first))
	}
	dir := d.directory(offsets, counts, first)
	if d.atEnd {
		return append(append(out, pixels...), dir...)
	}
	return append(append(out, dir...), pixels...)
}

// directory returns the directory with its values, as it is at an offset.
func (d drawing) directory(offsets, counts []uint32, at int) []byte {
	all := slices.Repeat([]uint16{uint16(d.bits)}, d.samples)
	if d.noLengths {
		counts = make([]uint32, len(counts))
	}
	tags := []tag{
		{tagImageWidth, []uint32{uint32(d.w)}}, {tagImageLength, []uint32{uint32(d.h)}}, {tagBitsPerSample, all},
		{tagCompression, []uint16{uint16(d.compression)}}, {tagPhotometric, []uint16{uint16(d.photometric)}},
		{tagSamplesPerPixel, []uint16{uint16(d.samples)}},
	}
	if d.tileW > 0 {
		tags = append(tags, tag{tagTileWidth, []uint16{uint16(d.tileW)}}, tag{tagTileLength, []uint16{uint16(d.tileH)}},
			tag{tagTileOffsets, offsets}, tag{tagTileByteCounts, counts})
	} else {
		tags = append(tags, tag{tagRowsPerStrip, []uint32{uint32(d.rows)}}, tag{tagStripOffsets, offsets}, tag{tagStripByteCounts, counts})
	}
	short := func(t uint16, v int, write bool) {
		if write {
			tags = append(tags, tag{t, []uint16{uint16(v)}})
		}
	}
	short(tagPlanarConfig, 2, d.planar)
	short(tagFillOrder, 2, d.lsbFirst)
	short(tagPredictor, d.predictor, d.predictor > 0)
	short(tagSampleFormat, d.format, d.format > 0)
	short(tagT4Options, d.t4, d.t4 > 0)
	if d.subX > 0 {
		tags = append(tags, tag{tagYCbCrSubSampling, []uint16{uint16(d.subX), uint16(d.subY)}})
	}
	tags = append(tags, d.tags...)
	return appendTags(d.order, d.big, tags, at)
}

// appendTags returns a directory of tags, as it is at an offset.
func appendTags(order binary.AppendByteOrder, big bool, tags []tag, at int) []byte {
	slices.SortFunc(tags, func(a, b tag) int { return int(a.tag) - int(b.tag) })
	var out, tail []byte
	word, entry, link := 4, 12, 4
	if big {
		word, entry, link = 8, 20, 8
		out = order.AppendUint64(out, uint64(len(tags)))
	} else {
		out = order.AppendUint16(out, uint16(len(tags)))
	}
	values := at + len(out) + entry*len(tags) + link
	number := func(v int) {
		if big {
			out = order.AppendUint64(out, uint64(v))
		} else {
			out = order.AppendUint32(out, uint32(v))
		}
	}
	for _, t := range tags {
		var b []byte
		typ, n := typeByte, 0
		switch v := t.value.(type) {
		case []byte:
			b, n = v, len(v)
			typ = typeUndefined
		case string:
			b, n, typ = []byte(v), len(v), typeASCII
		case []uint16:
			typ, n = typeShort, len(v)
			for _, x := range v {
				b = order.AppendUint16(b, x)
			}
		case []uint32:
			typ, n = typeLong, len(v)
			for _, x := range v {
				b = order.AppendUint32(b, x)
			}
		case []float64:
			typ, n = typeDouble, len(v)
			for _, x := range v {
				b = order.AppendUint64(b, math.Float64bits(x))
			}
		}
		out = order.AppendUint16(order.AppendUint16(out, t.tag), uint16(typ))
		number(n)
		if len(b) <= word {
			out = append(out, append(b, make([]byte, word-len(b))...)...)
			continue
		}
		number(values + len(tail))
		tail = append(tail, b...)
		if len(tail)%2 == 1 {
			tail = append(tail, 0)
		}
	}
	number(0)
	return append(out, tail...)
}

// blocks returns the strips or tiles of all planes, compressed.
func (d drawing) blocks(t testing.TB) (blocks [][]byte) {
	w, h := d.w, d.rows
	if d.tileW > 0 {
		w, h = d.tileW, d.tileH
	}
	lanes := 1
	if d.planar {
		lanes = d.samples
	}
	for lane := range lanes {
		for y := 0; y < d.h; y += h {
			for x := 0; x < d.w; x += w {
				n := h
				if d.tileW == 0 {
					n = min(h, d.h-y)
				}
				if d.coded != nil {
					blocks = append(blocks, d.coded)
					continue
				}
				blocks = append(blocks, d.compress(t, d.raw(x, y, w, n, lane), w, n))
			}
		}
	}
	return blocks
}

// sample is the sample at a place, or that at the picture's nearest edge.
func (d drawing) sample(x, y, k int) uint64 {
	return d.at(min(x, d.w-1), min(y, d.h-1), k) & (1<<d.bits - 1 | -uint64(d.bits/64))
}

// raw returns the samples of a strip or tile, predicted and packed.
func (d drawing) raw(x0, y0, w, h, lane int) []byte {
	if d.subX > 0 {
		return d.units(x0, y0, w, h)
	}
	first, per := 0, d.samples
	if d.planar {
		first, per = lane, 1
	}
	var out []byte
	for y := y0; y < y0+h; y++ {
		values := make([]uint64, 0, w*per)
		for x := x0; x < x0+w; x++ {
			for k := first; k < first+per; k++ {
				values = append(values, d.sample(x, y, k))
			}
		}
		if d.predictor == 2 {
			for i := len(values) - 1; i >= per; i-- {
				values[i] -= values[i-per]
			}
		}
		row := packBitsOf(values, d.bits, d.order)
		if d.predictor == 3 {
			row = predictFloat(row, d.bits/8, per, d.order)
		}
		out = append(out, row...)
	}
	return out
}

// units returns data units of subsampled chroma; the chroma sample is that of the first pixel.
func (d drawing) units(x0, y0, w, h int) (out []byte) {
	for y := y0; y < y0+h; y += d.subY {
		for x := x0; x < x0+w; x += d.subX {
			for j := range d.subY {
				for i := range d.subX {
					out = append(out, byte(d.sample(x+i, y+j, 0)))
				}
			}
			out = append(out, byte(d.sample(x, y, 1)), byte(d.sample(x, y, 2)))
		}
	}
	return out
}

func packBitsOf(values []uint64, n int, order binary.AppendByteOrder) (row []byte) {
	var acc, have uint64
	for _, v := range values {
		switch n {
		case 16:
			row = order.AppendUint16(row, uint16(v))
			continue
		case 24:
			b := []byte{byte(v >> 16), byte(v >> 8), byte(v)}
			if order == binary.LittleEndian {
				slices.Reverse(b)
			}
			row = append(row, b...)
			continue
		case 32:
			row = order.AppendUint32(row, uint32(v))
			continue
		case 64:
			row = order.AppendUint64(row, v)
			continue
		}
		acc, have = acc<<n|v&(1<<n-1), have+uint64(n)
		for ; have >= 8; have -= 8 {
			row = append(row, byte(acc>>(have-8)))
		}
	}
	if have > 0 {
		row = append(row, byte(acc<<(8-have)))
	}
	return row
}

func predictFloat(row []byte, size, per int, order binary.AppendByteOrder) []byte {
	n := len(row) / size
	out := make([]byte, len(row))
	for i := range n {
		for k := range size {
			at := k
			if order == binary.LittleEndian {
				at = size - 1 - k
			}
			out[k*n+i] = row[i*size+at]
		}
	}
	for i := len(out) - 1; i >= per; i-- {
		out[i] -= out[i-per]
	}
	return out
}

// zlibs and zstds are compressors for thousands of small pictures, each of which takes longer to make than to use.
var (
	zlibs = sync.Pool{New: func() any { return zlib.NewWriter(nil) }}
	zstds = sync.Pool{New: func() any {
		z, err := zstd.NewWriter(nil, zstd.WithWindowSize(1<<20), zstd.WithEncoderConcurrency(1))
		if err != nil {
			panic(err)
		}
		return z
	}}
)

func (d drawing) compress(t testing.TB, raw []byte, w, h int) []byte {
	var b bytes.Buffer
	switch d.compression {
	case lzw:
		b.Write(lzwEncode(raw, d.oldLZW))
	case packBits:
		b.Write(packBitsEncode(raw))
	case deflate, deflateOld:
		z := zlibs.Get().(*zlib.Writer)
		defer zlibs.Put(z)
		z.Reset(&b)
		z.Write(raw)
		z.Close()
	case zstandard:
		z := zstds.Get().(*zstd.Encoder)
		defer zstds.Put(z)
		z.Reset(&b)
		z.Write(raw)
		z.Close()
	case webpFile:
		b.Write(webpEncode(t, raw, w, h, d.samples))
	case faxRLE, faxRLEW, faxT4, faxT6:
		b.Write(faxEncode(raw, w, h, d.compression, d.t4))
	default:
		b.Write(raw)
	}
	out := b.Bytes()
	if d.lsbFirst {
		for i, v := range out {
			out[i] = bits.Reverse8(v)
		}
	}
	return out
}

// webpEncode writes pixels of 3 or 4 samples without loss.
func webpEncode(t testing.TB, raw []byte, w, h, samples int) []byte {
	p := plane.New(plane.NewLayout(plane.RGB, samples == 4, w, h, 1, 1))
	for k, pix := range p.Pix {
		for i := range pix {
			pix[i] = raw[i*samples+k]
		}
	}
	var v setting.Values
	v.Set("lossless", "true")
	b, err := webp.Format.Encoder(v).Encode(t.Context(), p, codec.EncodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func packBitsEncode(raw []byte) (out []byte) {
	for i := 0; i < len(raw); {
		n := 1
		for n < 128 && i+n < len(raw) && raw[i+n] == raw[i] {
			n++
		}
		if n > 1 {
			out = append(out, byte(257-n), raw[i])
		} else {
			for n < 128 && i+n < len(raw) && (i+n+1 == len(raw) || raw[i+n] != raw[i+n+1]) {
				n++
			}
			out = append(append(out, byte(n-1)), raw[i:i+n]...)
		}
		if i += n; i%5 == 0 {
			out = append(out, 128) // has no effect
		}
	}
	return out
}

func lzwEncode(raw []byte, old bool) []byte {
	w := &bitWriter{lsb: old}
	early := 1
	if old {
		early = 0
	}
	// A text is its code, and the table has the code of a text and one more byte.
	type longer struct {
		text int
		c    byte
	}
	table := map[longer]int{}
	width, next := 9, lzwFirst
	w.put(lzwClear, width)
	text := -1
	for _, c := range raw {
		if code, ok := table[longer{text, c}]; ok || text < 0 {
			if text = code; !ok {
				text = int(c)
			}
			continue
		}
		w.put(text, width)
		table[longer{text, c}] = next
		next++
		// The decoder is one entry behind.
		if next-1+early == 1<<width && width < 12 {
			width++
		}
		text = int(c)
		if next == 4094 {
			w.put(text, width)
			w.put(lzwClear, width)
			width, next, text = 9, lzwFirst, -1
			clear(table)
		}
	}
	if text >= 0 {
		w.put(text, width)
		if next+early == 1<<width && width < 12 {
			width++
		}
	}
	w.put(lzwEnd, width)
	return w.bytes()
}

// bitWriter collects bits, the highest first unless lsb is set.
type bitWriter struct {
	lsb bool
	out []byte
	n   int
}

func (w *bitWriter) put(v, n int) {
	for i := range n {
		bit := v >> (n - 1 - i) & 1
		if w.lsb {
			bit = v >> i & 1
		}
		if w.n%8 == 0 {
			w.out = append(w.out, 0)
		}
		if w.lsb {
			w.out[len(w.out)-1] |= byte(bit << (w.n % 8))
		} else {
			w.out[len(w.out)-1] |= byte(bit << (7 - w.n%8))
		}
		w.n++
	}
}

func (w *bitWriter) code(s string) {
	for _, c := range s {
		w.put(int(c-'0'), 1)
	}
}

func (w *bitWriter) align(n int) {
	for w.n%n != 0 {
		w.put(0, 1)
	}
}

func (w *bitWriter) bytes() []byte { return w.out }
