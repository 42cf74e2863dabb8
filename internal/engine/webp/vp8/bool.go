package vp8

import (
	"encoding/binary"
	"math/bits"
)

// boolDecoder is the arithmetic decoder of RFC 6386 section 7. Behind the end of the data it
// supplies zeros; past reports that.
type boolDecoder struct {
	data  []byte
	pos   int    // of the next byte to load; beyond the data, of one that does not exist
	value uint64 // the next n bits, from the top; what is below them is of data[pos], or zero
	n     int
	rng   uint32 // "range", 128 to 255
}

func newBoolDecoder(data []byte) boolDecoder { return boolDecoder{data: data, rng: 255} }

// fill loads bytes until at least 56 bits are loaded.
func (d *boolDecoder) fill() {
	if d.pos+8 <= len(d.data) {
		d.value |= binary.BigEndian.Uint64(d.data[d.pos:]) >> (uint(d.n) & 63)
		loaded := (63 - d.n) >> 3
		d.pos += loaded
		d.n += 8 * loaded
		return
	}
	for ; d.n <= 55; d.n += 8 {
		if d.pos < len(d.data) {
			d.value |= uint64(d.data[d.pos]) << (uint(56-d.n) & 63)
		}
		d.pos++
	}
}

// past reports whether more bits were read than there are.
func (d *boolDecoder) past() bool { return 8*d.pos-d.n > 8*len(d.data) }

// threshold divides a range by the probability of a zero, in 256ths: it is the range of a zero, and
// at the top of a value it is the smallest that is a one.
func threshold(rng uint32, prob uint8) uint32 { return 1 + (rng-1)*uint32(prob)>>8 }

// normalise shifts a range to be at least 128.
func normalise(value uint64, rng uint32, n int) (uint64, uint32, int) {
	shift := bits.LeadingZeros32(rng) - 24
	return value << (uint(shift) & 63), rng << (uint(shift) & 31), n - shift
}

// bool reads a bool whose probability of being false is prob/256.
func (d *boolDecoder) bool(prob uint8) bool {
	if d.n < 16 {
		d.fill()
	}
	s := threshold(d.rng, prob)
	if b := uint64(s) << 56; d.value >= b {
		d.value, d.rng, d.n = normalise(d.value-b, d.rng-s, d.n)
		return true
	}
	d.value, d.rng, d.n = normalise(d.value, s, d.n)
	return false
}

// bit reads a bool as 0 or 1.
func (d *boolDecoder) bit(prob uint8) int {
	if d.bool(prob) {
		return 1
	}
	return 0
}

// flag reads a bool of even probability.
func (d *boolDecoder) flag() bool { return d.bool(128) }

// literal reads an unsigned number of n bits, the most significant first.
func (d *boolDecoder) literal(n int) int {
	v := 0
	for range n {
		v = v<<1 | d.bit(128)
	}
	return v
}

// signed reads a magnitude of n bits and a sign.
func (d *boolDecoder) signed(n int) int {
	v := d.literal(n)
	if d.flag() {
		return -v
	}
	return v
}

// optionalSigned reads a flag, and a signed number if it is set.
func (d *boolDecoder) optionalSigned(n int) int {
	if d.flag() {
		return d.signed(n)
	}
	return 0
}
