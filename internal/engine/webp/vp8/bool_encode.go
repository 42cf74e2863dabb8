package vp8

import (
	"encoding/binary"
	"math/bits"
)

// boolEncoder is the arithmetic encoder of RFC 6386 section 7.
type boolEncoder struct {
	out []byte
	interval
}

// interval is the state of a boolEncoder, small enough to be in registers.
type interval struct {
	low uint64 // lower end: n bits before the 8 that can still change, and a carry
	n   int    // at most 55
	rng uint32 // "range", 128 to 255
}

func newBoolEncoder(size int) *boolEncoder {
	return &boolEncoder{out: make([]byte, 0, size), interval: interval{rng: 255}}
}

// bool returns the interval of a bool whose probability of being false is prob/256. It adds 7 bits at
// most; one of even probability adds 1.
func (s interval) bool(v bool, prob uint8) interval {
	split := threshold(s.rng, prob)
	if v {
		s.low += uint64(split)
		split = s.rng - split
	}
	shift := bits.LeadingZeros32(split) - 24
	return interval{s.low << (uint(shift) & 63), s.n + shift, split << (uint(shift) & 31)}
}

// bool writes a bool whose probability of being false is prob/256.
func (e *boolEncoder) bool(v bool, prob uint8) {
	if e.interval = e.interval.bool(v, prob); e.n >= 32 {
		e.flush()
	}
}

// bit writes a bool that is true if v is not 0.
func (e *boolEncoder) bit(v int, prob uint8) { e.bool(v != 0, prob) }

// flush moves 32 bits to the output.
func (e *boolEncoder) flush() {
	e.n -= 32
	at := uint(e.n + 8)
	word := e.low >> at
	if word>>32 != 0 {
		e.carry()
	}
	e.out = binary.BigEndian.AppendUint32(e.out, uint32(word))
	e.low &= 1<<at - 1
}

// carry adds one to what has been written. There is always a byte that can take it.
func (e *boolEncoder) carry() {
	i := len(e.out) - 1
	for ; e.out[i] == 255; i-- {
		e.out[i] = 0
	}
	e.out[i]++
}

// literal writes an unsigned number of n bits, the most significant first.
func (e *boolEncoder) literal(v, n int) {
	for n--; n >= 0; n-- {
		e.bit(v>>n&1, 128)
	}
}

// flag writes a bool of even probability.
func (e *boolEncoder) flag(v bool) { e.bool(v, 128) }

// optionalSigned writes a flag that v is not 0, and then its magnitude of n bits and its sign.
func (e *boolEncoder) optionalSigned(v, n int) {
	e.flag(v != 0)
	if v != 0 {
		e.literal(max(v, -v), n)
		e.flag(v < 0)
	}
}

// close returns what was written, with all bits that matter.
func (e *boolEncoder) close() []byte {
	for range 5 { // the bits before the window, and the window itself
		e.literal(0, 8)
	}
	return e.out
}
