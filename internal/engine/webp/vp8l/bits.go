package vp8l

import "encoding/binary"

// bitReader reads the bits of a VP8L bit stream, the least significant of each byte first
// (WebP Lossless Bitstream Specification, section 2). Behind the end of the data it supplies zeros;
// past reports that.
type bitReader struct {
	data []byte
	pos  int    // of the next byte to load; beyond the data, of one that does not exist
	val  uint64 // the next n bits; what is above them is of data[pos], or zero
	n    uint
}

// fill loads bytes until at least 56 bits are loaded.
func (r *bitReader) fill() {
	if r.pos+8 <= len(r.data) {
		r.val |= binary.LittleEndian.Uint64(r.data[r.pos:]) << (r.n & 63)
		r.pos += int(63-r.n) >> 3
		r.n |= 56
		return
	}
	r.fillSlowly()
}

// fillSlowly is fill near the end of the data.
func (r *bitReader) fillSlowly() {
	for ; r.n <= 56; r.n += 8 {
		if r.pos < len(r.data) {
			r.val |= uint64(r.data[r.pos]) << r.n
		}
		r.pos++
	}
}

// bits reads a number of up to 32 bits.
func (r *bitReader) bits(k uint) int {
	if r.n < k {
		r.fill()
	}
	v := r.val & (1<<(k&63) - 1)
	r.val >>= k & 63
	r.n -= k
	return int(v)
}

// past reports whether more bits were read than there are.
func (r *bitReader) past() bool { return 8*r.pos-int(r.n) > 8*len(r.data) }

// offset is the number of bytes that were read from.
func (r *bitReader) offset() int { return min((8*r.pos-int(r.n)+7)/8, len(r.data)) }
