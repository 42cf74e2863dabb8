package png

import "encoding/binary"

// expander turns unfiltered rows into rows of planes of 8 bits. Deeper samples keep their upper 8
// bits.
type expander struct {
	f       *format
	tables  [][256]byte // of each plane by index or gray sample, where pixels are looked up
	indices []byte      // room for the unpacked samples of a row
}

func newExpander(f *format) *expander {
	e := &expander{f: f}
	switch {
	case f.colour == typePalette:
		e.tables = paletteTables(f)
	case f.colour == typeGray && f.depth <= 8 && (f.depth < 8 || f.transparent != nil):
		e.tables = grayTables(f)
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
	if e.tables != nil {
		if f.depth < 8 {
			if len(e.indices) < w+7 {
				e.indices = make([]byte, w+7)
			}
			unpack(e.indices, src, w, f.depth)
			src = e.indices
		}
		for i := range e.tables {
			lookUp(dst[i][:w], src[:w], &e.tables[i])
		}
		return
	}
	n, step := f.channels(), f.bits()/8
	switch {
	case step == 1:
		copy(dst[0][:w], src)
	case step == 3:
		split3(dst[0][:w], dst[1][:w], dst[2][:w], src[:3*w])
	case step == 4 && n == 4:
		split4(dst[0][:w], dst[1][:w], dst[2][:w], dst[3][:w], src[:4*w])
	default:
		for i := range n {
			gather(dst[i][:w], src[i*f.depth/8:], step)
		}
	}
	if f.transparent != nil {
		e.key(dst[n][:w], src[:w*step])
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

func lookUp(dst, src []byte, table *[256]byte) {
	for len(src) >= 8 && len(dst) >= 8 {
		v := binary.LittleEndian.Uint64(src)
		binary.LittleEndian.PutUint64(dst, uint64(table[byte(v)])|uint64(table[byte(v>>8)])<<8|
			uint64(table[byte(v>>16)])<<16|uint64(table[byte(v>>24)])<<24|
			uint64(table[byte(v>>32)])<<32|uint64(table[byte(v>>40)])<<40|
			uint64(table[byte(v>>48)])<<48|uint64(table[byte(v>>56)])<<56)
		dst, src = dst[8:], src[8:]
	}
	for i, v := range src {
		dst[i] = table[v]
	}
}

// split3 deinterleaves pixels of three bytes.
func split3(d0, d1, d2, src []byte) {
	n := vectorSplit3(d0, d1, d2, src)
	d0, d1, d2, src = d0[n:], d1[n:], d2[n:], src[3*n:]
	n = len(d0)
	d1, d2 = d1[:n], d2[:n]
	for i := range d0 {
		s := src[3*i : 3*i+3 : 3*i+3]
		d0[i], d1[i], d2[i] = s[0], s[1], s[2]
	}
}

// split4 deinterleaves pixels of four bytes.
func split4(d0, d1, d2, d3, src []byte) {
	n := len(d0)
	d1, d2, d3 = d1[:n], d2[:n], d3[:n]
	for i := range d0 {
		v := binary.LittleEndian.Uint32(src[4*i:])
		d0[i], d1[i], d2[i], d3[i] = byte(v), byte(v>>8), byte(v>>16), byte(v>>24)
	}
}

// gather copies every step-th byte.
func gather(dst, src []byte, step int) {
	src = src[:(len(dst)-1)*step+1]
	for i := range dst {
		dst[i] = src[i*step]
	}
}
