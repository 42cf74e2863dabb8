package gif

import (
	"encoding/binary"
	"math/bits"
)

// The variant of LZW is that of appendix F: codes of up to 12 bits, the lowest bit first, in a chain
// of sub-blocks of up to 255 bytes.
//
// The string of every code is somewhere in the output since the last clear code: it is the string of
// the code before, and one more byte, which follows it there. So the table holds places in the
// output, and a code is decoded by a copy.
const (
	maxWidth = 12
	maxCodes = 1 << maxWidth
	// slack is how many bytes behind the wanted ones a decode may write: the longest string, and
	// the rest of a copy of eight bytes.
	slack = maxCodes + 8
	// literals is where the output begins: the strings of one byte come before it.
	literals = 256
)

// maxKept bounds the output since a clear code that codes refer to: none of the codes that are
// defined is longer than the number of those before it.
const maxKept = maxCodes * maxCodes / 2

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
	prev  span // the string of the code before; empty behind a clear code

	out  []byte // the literals, and then output
	p    int    // its end
	kept int    // from there on codes refer to it,
	full int    // up to here, if all codes are defined
	// The strings of the codes.
	table [maxCodes]span
}

// span is a place in the output: 16 bits of length, and the offset above them.
type span uint64

func spanOf(at, n int) span { return span(at)<<16 | span(n) }

func (s span) at() int  { return int(s >> 16) }
func (s span) len() int { return int(s & 0xffff) }

// moved returns the span when the output was moved by a number of bytes.
func (s span) moved(by int) span { return s + span(by<<16) }

// start prepares to decode the data at offset i, which begins with the minimum code size, and to put
// out window bytes at a time. It reports whether the code size is valid.
func (z *codes) start(f *file, i, window int) bool {
	size := f.at(i)
	if size < 1 || size > 8 {
		return false
	}
	z.file, z.i = f, i+1
	z.out = make([]byte, literals+2*window+slack)
	z.p = literals
	z.clear = 1 << size
	for c := range int(z.clear) {
		z.out[c] = byte(c)
		z.table[c] = spanOf(c, 1)
	}
	z.reset()
	return true
}

// reset empties the table.
func (z *codes) reset() {
	z.next = z.clear + 2
	z.prev = 0
	z.width = uint(bits.Len(z.clear))
	z.kept = z.p
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

// decode decodes until there are n bytes of output from at on, or up to slack more, and returns
// where they are now. There are fewer where the data ends or a code is invalid. No more than all
// bytes from at on will ever be wanted.
func (z *codes) decode(at, n, all int) int {
	at = z.room(at, n, all)
	for z.p < at+n {
		if z.n < z.width && !z.refill() {
			break
		}
		z.run(at + n)
		if z.n < z.width {
			continue
		}
		if z.p >= at+n {
			break
		}
		// The next code is special or invalid.
		code := uint(z.ahead) & (1<<z.width - 1)
		z.ahead >>= z.width
		z.n -= z.width
		if code != z.clear {
			z.ended, z.src, z.n = true, nil, 0
			break
		}
		z.reset()
	}
	return at
}

// run decodes the codes that were read ahead while they are strings and the output ends before end,
// reading ahead within the sub-block. It stops at a code that is no string, which is then the next
// one.
func (z *codes) run(end int) {
	ahead, n, width, next, prev := z.ahead, z.n, z.width, z.next, z.prev
	clear := z.clear
	src, out, p := z.src, z.out, z.p
	table := &z.table
	for p < end {
		if n < width {
			if len(src) < 8 {
				break
			}
			ahead |= binary.LittleEndian.Uint64(src) << n
			k := (63 - n) >> 3
			src, n = src[k:], n+8*k
		}
		code := uint(ahead) & (1<<width - 1)
		if code-clear <= 1 || code >= next && (code > next || prev == 0) {
			break
		}
		ahead >>= width
		n -= width

		if prev != 0 && next < maxCodes {
			table[next%maxCodes] = prev + 1 // and the first byte of this string, which follows it
			next++
			if next == maxCodes {
				z.full = p + 1
			}
		}
		s := table[code%maxCodes]
		length := s.len()
		from := out[s.at():]
		binary.LittleEndian.PutUint64(out[p:], binary.LittleEndian.Uint64(from))
		if length > 8 {
			for k := 8; k < length; k += 8 {
				binary.LittleEndian.PutUint64(out[p+k:], binary.LittleEndian.Uint64(from[k:]))
			}
		}
		prev = spanOf(p, length)
		p += length
		if code+1 == next { // it may be the one that was just defined, by its own first byte
			out[p-1] = from[length-1]
		}
		// Where codes have one bit, the table outgrows its width without a definition.
		if next>>width != 0 && width < maxWidth {
			width++
		}
	}
	z.src, z.p = src, p
	z.ahead, z.n, z.width, z.next, z.prev = ahead, n, width, next, prev
}

// room makes room for n bytes of output from at on, and slack more, and returns where that is then.
// Output that is neither behind at nor referred to is dropped. The buffer grows fourfold, so that
// what was allocated for it until then is little, and to no more than is needed without another move
// or, where codes refer to much, half as much again as they can refer to.
func (z *codes) room(at, n, all int) int {
	if at+n+slack <= len(z.out) {
		return at
	}
	from, to, split := z.kept, z.p, at
	if z.next == maxCodes && z.full < at {
		to = z.full
	} else {
		from, split = min(from, at), z.p
	}
	size := to - from + z.p - split
	old := z.out
	if need := literals + size + n + slack; need > len(old)*3/4 {
		z.out = make([]byte, min(4*need, need+all-n, (literals+maxKept+n+slack)*3/2))
		copy(z.out, old[:literals])
	}
	move := literals - from
	copy(z.out[literals:], old[from:to])
	copy(z.out[to+move:], old[split:z.p])
	for c := z.clear + 2; c < z.next; c++ {
		z.table[c] = z.table[c].moved(move)
	}
	if z.prev != 0 {
		z.prev = z.prev.moved(move)
	}
	z.kept, z.full = z.kept+move, z.full+move
	if split == z.p {
		at += move
	} else {
		at = to + move
	}
	z.p = literals + size
	return at
}
