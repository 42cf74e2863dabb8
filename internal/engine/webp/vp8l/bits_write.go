package vp8l

import "encoding/binary"

// bitEncoder writes the bits of a VP8L bit stream, the least significant of each byte first
// (WebP Lossless Bitstream Specification, section 2).
type bitEncoder struct {
	out []byte
	val uint64 // n bits
	n   uint
}

// bits writes the lowest k bits of v, which has no others; k is at most 32.
func (e *bitEncoder) bits(v uint32, k uint) {
	e.val |= uint64(v) << (e.n & 63)
	if e.n += k; e.n >= 32 {
		e.out = binary.LittleEndian.AppendUint32(e.out, uint32(e.val))
		e.val >>= 32
		e.n -= 32
	}
}

// close returns what was written, padded to whole bytes.
func (e *bitEncoder) close() []byte {
	for ; e.n > 0; e.n -= min(e.n, 8) {
		e.out = append(e.out, byte(e.val))
		e.val >>= 8
	}
	return e.out
}

func bit(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}
