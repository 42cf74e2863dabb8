package gif

import (
	"encoding/binary"
	"math/bits"
)

// The variant of LZW is that of appendix F: codes of up to 12 bits, the lowest bit first, in a chain
// of sub-blocks of up to 255 bytes.
//
// The string of a code is kept in pieces of eight bytes, the last of which may be shorter: it has
// that last piece and the code of the string before it, whose length is a multiple of eight. A
// string is therefore written from its end in stores of eight bytes, instead of byte by byte. The
// idea is that of the Wuffs library's LZW decoder, as its documentation describes it.
const (
	maxWidth = 12
	maxCodes = 1 << maxWidth
	// slack is how many bytes behind the wanted ones a decode may write: the longest string, and
	// the rest of a store.
	slack = maxCodes + 8
)

// text is the string of a code.
type text struct {
	piece  uint64 // the last piece, its first byte lowest; zero above
	less1  uint16 // the length of the whole string, less one
	prefix uint16 // the code of the string before the piece, if there is one
}

// and returns the string of t, whose code is given, and one more byte.
func (t text) and(last byte, code uint) text {
	t.less1++
	if k := t.less1 & 7; k == 0 {
		t.piece, t.prefix = uint64(last), uint16(code)
	} else {
		t.piece |= uint64(last) << (8 * k)
	}
	return t
}

// texts are the strings of all codes. Each field has its own array, because a load that is wider
// than the stores before it waits for them.
type texts struct {
	piece         [maxCodes]uint64
	less1, prefix [maxCodes]uint16
}

func (s *texts) get(code uint) text {
	code %= maxCodes
	return text{s.piece[code], s.less1[code], s.prefix[code]}
}

func (s *texts) set(code uint, t text) {
	code %= maxCodes
	s.piece[code], s.less1[code], s.prefix[code] = t.piece, t.less1, t.prefix
}

// codes decodes the data of one frame.
type codes struct {
	file  *file
	i     int    // offset of the next sub-block
	src   []byte // what was not read of the one before
	ended bool   // no further sub-block

	ahead uint64 // bits read ahead, the next one lowest; those above the n-th are undefined or the stream's
	n     uint
	width uint // of the next code

	clear uint // the code that empties the table; the end code follows it
	next  uint // the code that is defined next
	prev  uint // the code before, or noCode
	first byte // of the string of prev
	table texts
}

// noCode is what prev is behind a clear code.
const noCode = maxCodes

// start prepares to decode the data at offset i, which begins with the minimum code size. It
// reports whether that is valid.
func (z *codes) start(f *file, i int) bool {
	size := f.at(i)
	if size < 1 || size > 8 {
		return false
	}
	z.file, z.i, z.src, z.ended = f, i+1, nil, false
	z.ahead, z.n = 0, 0
	z.clear = 1 << size
	for c := range z.clear {
		z.table.set(c, text{piece: uint64(c)})
	}
	z.reset()
	return true
}

// reset empties the table.
func (z *codes) reset() {
	z.next = z.clear + 2
	z.prev = noCode
	z.width = uint(bits.Len(z.clear))
}

// refill reads ahead until there is a code. It reports whether there is one.
func (z *codes) refill() bool {
	for z.n < z.width {
		switch {
		case len(z.src) >= 8:
			z.ahead |= binary.LittleEndian.Uint64(z.src) << z.n
			k := (63 - z.n) >> 3
			z.src, z.n = z.src[k:], z.n+8*k
		case len(z.src) > 0:
			z.ahead = z.ahead&(1<<z.n-1) | uint64(z.src[0])<<z.n
			z.src, z.n = z.src[1:], z.n+8
		case z.ended || z.i >= z.file.size || z.file.at(z.i) == 0:
			z.ended = true
			return false
		default:
			z.src = z.file.bytes(z.i+1, int(z.file.at(z.i)))
			z.i += 1 + len(z.src)
		}
	}
	return true
}

// decode writes colour indexes to out until there are at least want, from the p-th on, and returns
// how many there are then: up to slack more, or fewer where the data ends or a code is invalid. out
// has at least want+slack bytes.
func (z *codes) decode(out []byte, p, want int) int {
	for p < want {
		if z.n < z.width && !z.refill() {
			return p
		}
		p = z.run(out, p, want)
		if z.n < z.width {
			continue
		}
		if p >= want {
			return p
		}
		// The next code is special or invalid.
		code := uint(z.ahead) & (1<<z.width - 1)
		z.ahead >>= z.width
		z.n -= z.width
		if code != z.clear {
			z.ended, z.src, z.n = true, nil, 0
			return p
		}
		z.reset()
	}
	return p
}

// run decodes the codes that were read ahead while they are strings and out has fewer than want
// bytes, reading ahead within the sub-block, and returns the offset behind the last one. It stops at
// a code that is no string, which is then the next one.
func (z *codes) run(out []byte, p, want int) int {
	ahead, n, width, next, prev, first := z.ahead, z.n, z.width, z.next, z.prev, z.first
	clear := z.clear
	src := z.src
	table := &z.table
	last := table.get(prev)
	for p < want {
		if n < width {
			if len(src) < 8 {
				break
			}
			ahead |= binary.LittleEndian.Uint64(src) << n
			k := (63 - n) >> 3
			src, n = src[k:], n+8*k
		}
		code := uint(ahead) & (1<<width - 1)
		if code-clear <= 1 || code >= next && (code > next || prev == noCode) {
			break
		}
		ahead >>= width
		n -= width

		if code == next { // the string of prev and its first byte
			table.set(next, last.and(first, prev))
		}
		t := table.get(code)
		q := p + int(t.less1&^7)
		binary.LittleEndian.PutUint64(out[q:], t.piece)
		first = byte(t.piece)
		for prefix := uint(t.prefix); q > p; {
			q -= 8
			before := table.get(prefix)
			binary.LittleEndian.PutUint64(out[q:], before.piece)
			first, prefix = byte(before.piece), uint(before.prefix)
		}
		p += int(t.less1) + 1
		if next < maxCodes && prev != noCode {
			table.set(next, last.and(first, prev))
			next++
		}
		last = t
		// Where codes have one bit, the table outgrows its width without a definition.
		if next>>width != 0 && width < maxWidth {
			width++
		}
		prev = code
	}
	z.src = src
	z.ahead, z.n, z.width, z.next, z.prev, z.first = ahead, n, width, next, prev, first
	return p
}
