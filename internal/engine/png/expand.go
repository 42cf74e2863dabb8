package png

import (
	"encoding/binary"

	"github.com/imgmill/imgmill/internal/engine/plane"
)

// expander turns unfiltered rows into rows of planes of 8 bits. Deeper samples keep their upper 8
// bits.
type expander struct {
	f      *format
	tables []*table // of each plane by index or gray sample, where pixels are looked up
	bytes  []byte   // room for the samples of a row, a byte each
}

func newExpander(f *format) *expander {
	e := &expander{f: f}
	var tables [][256]byte
	switch {
	case f.colour == typePalette:
		tables = paletteTables(f)
	case f.colour == typeGray && f.depth <= 8 && (f.depth < 8 || f.transparent != nil):
		tables = grayTables(f)
	}
	for i := range tables {
		e.tables = append(e.tables, newTable(&tables[i]))
	}
	return e
}

// paletteTables returns the tables of red, green, blue and, if there is any, alpha. An index beyond
// the palette is opaque black, as in browsers.
func paletteTables(f *format) [][256]byte {
	tables := make([][256]byte, 3, 4)
	for i, v := range f.palette {
		tables[i%3][i/3] = v
	}
	if f.alphas != nil {
		var alpha [256]byte
		for i := copy(alpha[:], f.alphas); i < 256; i++ {
			alpha[i] = 255
		}
		tables = append(tables, alpha)
	}
	return tables
}

// grayTables returns the tables of gray and, if there is any, alpha.
func grayTables(f *format) [][256]byte {
	tables := make([][256]byte, 1, 2)
	most := 1<<f.depth - 1
	for i := range most + 1 {
		tables[0][i] = byte(i * 255 / most)
	}
	if f.transparent != nil {
		var alpha [256]byte
		for i := range alpha {
			alpha[i] = 255
		}
		alpha[f.transparent[0]] = 0
		tables = append(tables, alpha)
	}
	return tables
}

// row writes a row of w pixels to one row for each plane.
func (e *expander) row(dst [][]byte, src []byte, w int) {
	f := e.f
	n := f.channels()
	if f.depth != 8 && len(e.bytes) < n*w+7 {
		e.bytes = make([]byte, n*w+7)
	}
	samples := src
	switch {
	case f.depth < 8:
		samples = e.bytes
		unpack(samples, src, w, f.depth)
	case f.depth == 16 && n == 1:
		samples = dst[0]
		narrow(samples[:w], src)
	case f.depth == 16:
		samples = e.bytes
		narrow(samples[:n*w], src)
	}
	samples = samples[:n*w]
	switch {
	case e.tables != nil:
		for i, t := range e.tables {
			t.lookUp(dst[i][:w], samples)
		}
		return
	case n == 1:
		copy(dst[0], samples)
	case n == 2:
		narrow(dst[0][:w], samples)
		narrow(dst[1][:w], samples[1:])
	case n == 3:
		plane.Split3(dst[0][:w], dst[1][:w], dst[2][:w], samples)
	case n == 4:
		plane.Split4(dst[0][:w], dst[1][:w], dst[2][:w], dst[3][:w], samples)
	}
	if f.transparent != nil {
		e.key(dst[n][:w], src[:w*f.bits()/8])
	}
}

// key writes alpha: 0 for pixels of the transparent colour, 255 for others.
func (e *expander) key(alpha, src []byte) {
	f := e.f
	var colour [6]byte
	n := 0
	for _, v := range f.transparent {
		if f.depth == 16 {
			colour[n] = byte(v >> 8)
			n++
		}
		colour[n] = byte(v)
		n++
	}
	switch n {
	case 2:
		want := binary.BigEndian.Uint16(colour[:])
		for x := range alpha {
			alpha[x] = opacity(binary.BigEndian.Uint16(src[2*x:]) == want)
		}
	case 3:
		r, g, b := colour[0], colour[1], colour[2]
		for x := range alpha {
			s := src[3*x : 3*x+3 : 3*x+3]
			alpha[x] = opacity(s[0] == r && s[1] == g && s[2] == b)
		}
	case 6:
		rg, b := binary.BigEndian.Uint32(colour[:]), binary.BigEndian.Uint16(colour[4:])
		for x := range alpha {
			s := src[6*x : 6*x+6 : 6*x+6]
			alpha[x] = opacity(binary.BigEndian.Uint32(s) == rg && binary.BigEndian.Uint16(s[4:]) == b)
		}
	}
}

func opacity(transparent bool) byte {
	if transparent {
		return 0
	}
	return 255
}

// unpack writes w samples of depth 1, 2 or 4 bits to a byte each. dst has room for whole bytes of
// src.
func unpack(dst, src []byte, w, depth int) {
	switch depth {
	case 1:
		for i, v := range src[:(w+7)/8] {
			d := dst[8*i : 8*i+8 : 8*i+8]
			d[0], d[1], d[2], d[3] = v>>7, v>>6&1, v>>5&1, v>>4&1
			d[4], d[5], d[6], d[7] = v>>3&1, v>>2&1, v>>1&1, v&1
		}
	case 2:
		for i, v := range src[:(w+3)/4] {
			d := dst[4*i : 4*i+4 : 4*i+4]
			d[0], d[1], d[2], d[3] = v>>6, v>>4&3, v>>2&3, v&3
		}
	case 4:
		for i, v := range src[:(w+1)/2] {
			d := dst[2*i : 2*i+2 : 2*i+2]
			d[0], d[1] = v>>4, v&15
		}
	}
}

// table is what each value of a byte becomes.
type table struct {
	values [256]byte
	// parts are the values in parts of 16. All but the first of each half are stored as what differs,
	// bit by bit, from the part before. The parts behind the low first ones of the lower half and the
	// high first ones of the other half are zeros.
	parts     [256]byte
	low, high int
}

func newTable(values *[256]byte) *table {
	t := &table{values: *values, parts: *values, low: 1}
	for i := range t.parts {
		if i&127 >= 16 {
			t.parts[i] ^= values[i-16]
		}
		switch {
		case t.parts[i] == 0:
		case i < 128:
			t.low = i/16 + 1
		default:
			t.high = i/16 - 7
		}
	}
	return t
}

// lookUp looks up each byte of src.
func (t *table) lookUp(dst, src []byte) {
	n := vectorLookUp(dst, src, t)
	dst, src = dst[n:], src[n:]
	for len(src) >= 8 && len(dst) >= 8 {
		v := binary.LittleEndian.Uint64(src)
		values := &t.values
		binary.LittleEndian.PutUint64(dst, uint64(values[byte(v)])|uint64(values[byte(v>>8)])<<8|
			uint64(values[byte(v>>16)])<<16|uint64(values[byte(v>>24)])<<24|
			uint64(values[byte(v>>32)])<<32|uint64(values[byte(v>>40)])<<40|
			uint64(values[byte(v>>48)])<<48|uint64(values[byte(v>>56)])<<56)
		dst, src = dst[8:], src[8:]
	}
	for i, v := range src {
		dst[i] = t.values[v]
	}
}

// narrow copies every second byte of src, beginning with the first.
func narrow(dst, src []byte) {
	n := vectorNarrow(dst, src)
	dst, src = dst[n:], src[2*n:]
	for len(dst) >= 4 && len(src) >= 8 {
		v := binary.LittleEndian.Uint64(src) & 0x00ff00ff00ff00ff
		v = (v | v>>8) & 0x0000ffff0000ffff
		binary.LittleEndian.PutUint32(dst, uint32(v|v>>16))
		dst, src = dst[4:], src[8:]
	}
	for i := range dst {
		dst[i] = src[2*i]
	}
}
