package hevc

import "math/bits"

// bitReader reads the syntax elements of parameter sets and slice headers (7.2, 9.2). Behind the end
// it reads zeros and remembers that it did.
type bitReader struct {
	data []byte
	at   int // in bits
}

// over reports whether more was read than there is.
func (r *bitReader) over() bool { return r.at > 8*len(r.data) }

// u reads n bits, at most 32, the first one highest: u(n).
func (r *bitReader) u(n int) uint32 {
	var v uint64
	first := r.at >> 3
	for i := first; i < first+5; i++ {
		v <<= 8
		if i < len(r.data) {
			v |= uint64(r.data[i])
		}
	}
	v = v >> (40 - n - r.at&7) & (1<<n - 1)
	r.at += n
	return uint32(v)
}

// flag reads one bit.
func (r *bitReader) flag() bool { return r.u(1) != 0 }

// skip leaves out n bits.
func (r *bitReader) skip(n int) { r.at += n }

// ue reads an unsigned Exp-Golomb code (9.2). Codes of more than 32 bits, which no element has, give
// the highest number.
func (r *bitReader) ue() uint32 {
	zeros := bits.LeadingZeros32(r.u(32))
	r.at -= 32
	if zeros > 31 {
		r.at = max(r.at+64, 8*len(r.data)+1)
		return 1<<32 - 1
	}
	r.at += zeros
	return uint32(uint64(r.u(zeros+1)) - 1)
}

// se reads a signed Exp-Golomb code (9.2.2).
func (r *bitReader) se() int {
	k := int(r.ue())
	if k&1 != 0 {
		return (k + 1) / 2
	}
	return -k / 2
}

// ueMax reads an unsigned Exp-Golomb code that is at most limit. If it is more, ok becomes false.
func (r *bitReader) ueMax(limit int, ok *bool) int {
	v := r.ue()
	if uint64(v) > uint64(limit) {
		*ok = false
		return 0
	}
	return int(v)
}

// seWithin reads a signed Exp-Golomb code from lo to hi. If it is outside, ok becomes false.
func (r *bitReader) seWithin(lo, hi int, ok *bool) int {
	v := r.se()
	if v < lo || v > hi {
		*ok = false
		return 0
	}
	return v
}
