package gif

import (
	"encoding/binary"
	"math/bits"
)

// The variant of LZW is that of appendix F: codes of up to 12 bits, the lowest bit first, in a chain
// of sub-blocks of up to 255 bytes.
//
// The string of a code is kept in pieces of eight bytes, the last of which may be shorter: an entry
// has that last piece and the code of the string before it, whose length is a multiple of eight. A
// string is therefore written from its end in stores of eight bytes, instead of byte by byte. The
// idea is that of the Wuffs library's LZW decoder, as its documentation describes it.
const (
	maxWidth = 12
	maxCodes = 1 << maxWidth
	// slack is how many bytes behind the wanted ones a decode may write: the longest string, and
	// the rest of a store.
	slack = maxCodes + 8
)

// entry is the string of a code.
type entry struct {
	piece  uint64 // the last piece, its first byte lowest; zero above
	prefix uint16 // the code of the string before the piece, if there is one
	less1  uint16 // the length of the whole string, less one
}

// lzw decodes the data of one frame.
type lzw struct {
	b     []byte // the file
	i     int    // offset of the next byte
	left  int    // bytes of the sub-block from there
	ended bool   // no further sub-block

	ahead uint64 // bits read ahead, the next one lowest; those above the n-th are undefined or the stream's
	n     uint
	width uint // of the next code

	clear uint // the code that empties the table; the end code follows it
	next  uint // the code that is defined next
	prev  uint // the code before, or noCode
	first byte // of the string of prev
	table [maxCodes]entry
}

// noCode is what prev is behind a clear code.
const noCode = maxCodes

// start prepares to decode the data at offset i, which begins with the minimum code size. It
// reports whether that is valid.
func (z *lzw) start(b []byte, i int) bool {
	if i >= len(b) || b[i] < 1 || b[i] > 8 {
		return false
	}
	z.b, z.i, z.left, z.ended = b, i+1, 0, false
	z.ahead, z.n = 0, 0
	z.clear = 1 << b[i]
	for c := range z.clear {
		z.table[c] = entry{piece: uint64(c)}
	}
	z.reset()
	return true
}

// reset empties the table.
func (z *lzw) reset() {
	z.next = z.clear + 2
	z.prev = noCode
	z.width = uint(bits.Len(z.clear))
}

// refill reads ahead until there is a code. It reports whether there is one.
func (z *lzw) refill() bool {
	for z.n < z.width {
		switch {
		case z.left >= 8:
			z.ahead |= binary.LittleEndian.Uint64(z.b[z.i:]) << z.n
			k := (63 - z.n) >> 3
			z.i, z.left, z.n = z.i+int(k), z.left-int(k), z.n+8*k
		case z.left > 0:
			z.ahead = z.ahead&(1<<z.n-1) | uint64(z.b[z.i])<<z.n
			z.i, z.left, z.n = z.i+1, z.left-1, z.n+8
		case z.ended || z.i >= len(z.b) || z.b[z.i] == 0:
			z.ended = true
			return false
		default:
			z.left = min(int(z.b[z.i]), len(z.b)-z.i-1)
			z.i++
		}
	}
	return true
}

// decode writes colour indexes to out until there are at least want, from the p-th on, and returns
// how many there are then: up to slack more, or fewer where the data ends or a code is invalid. out
// has at least want+slack bytes.
func (z *lzw) decode(out []byte, p, want int) int {
	for p < want {
		if z.n < z.width && !z.refill() {
			return p
		}
		code := uint(z.ahead) & (1<<z.width - 1)
		z.ahead >>= z.width
		z.n -= z.width
		if code-z.clear <= 1 {
			if code != z.clear {
				z.ended, z.left, z.n = true, 0, 0
				return p
			}
			z.reset()
			continue
		}
		if code >= z.next {
			if code > z.next || z.prev == noCode {
				z.ended, z.left, z.n = true, 0, 0
				return p
			}
			z.define(z.first) // the string of this very code: that of prev and its first byte
			p = z.write(out, p, code)
		} else {
			start := p
			p = z.write(out, p, code)
			z.first = out[start]
			switch {
			case z.prev == noCode: // with codes of one bit, the table outgrows its width at once
				z.grow()
			case z.next < maxCodes:
				z.define(z.first)
			}
		}
		z.prev = code
	}
	return p
}

// define makes the string of prev and one more byte the next code.
func (z *lzw) define(last byte) {
	e := z.table[z.prev%maxCodes]
	e.less1++
	if k := e.less1 & 7; k == 0 {
		e.piece, e.prefix = uint64(last), uint16(z.prev)
	} else {
		e.piece |= uint64(last) << (8 * k)
	}
	z.table[z.next%maxCodes] = e
	z.next++
	z.grow()
}

// grow makes codes wider once the next one to be defined does not fit.
func (z *lzw) grow() {
	if z.next>>z.width != 0 && z.width < maxWidth {
		z.width++
	}
}

// write writes the string of a code at p and returns the offset behind it.
func (z *lzw) write(out []byte, p int, code uint) int {
	e := &z.table[code%maxCodes]
	end := p + int(e.less1) + 1
	for q := p + int(e.less1&^7); ; q -= 8 {
		binary.LittleEndian.PutUint64(out[q:], e.piece)
		if q <= p {
			return end
		}
		e = &z.table[e.prefix%maxCodes]
	}
}
