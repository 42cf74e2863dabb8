package tiff

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
)

const (
	lzwClear = 256
	lzwEnd   = 257
	lzwFirst = 258
	lzwMost  = 4096
)

// lzwCode is the string of a code, as its last 1 to 8 bytes and the code of those before them. In
// this form a string is written backwards eight bytes at a time.
type lzwCode struct {
	tail   uint64 // little-endian; the length of it is (length-1)%8+1
	head   uint16 // code of the string without the tail
	length uint16
	first  byte
}

// lzwReader reads LZW data (TIFF 6.0, section 13): codes of 9 to 12 bits, the highest bit first, one
// bit longer one code early. Files of before 1993 have the lowest bit first and become longer on
// time; their data begins with a clear code of which the first byte is 0 and the second odd.
type lzwReader struct {
	s     *section
	run   []byte
	acc   uint64
	n     uint // bits in acc
	early int  // 1, or 0 in old data
	lsb   bool
	ended bool

	codes [lzwMost]lzwCode
	next  int // code to be defined
	width uint
	prev  int // code before, or -1 behind a clear code

	spill [lzwMost + 8]byte // of a string that did not fit
	rest  []byte            // of spill, to be returned first
}

func (r *lzwReader) begin(_ context.Context, s *section) error {
	if r.codes[0].length == 0 {
		for i := range 256 {
			r.codes[i] = lzwCode{tail: uint64(i), length: 1, first: byte(i)}
		}
	}
	r.s, r.run, r.acc, r.n, r.rest, r.ended = s, nil, 0, 0, nil, false
	r.early, r.lsb = 1, false
	r.clear()
	// Both bytes are in one run, but for a strip that is cut by a piece of the file.
	b, err := s.ReadByte()
	if err != nil {
		return err
	}
	b2, err := s.ReadByte()
	if err != nil {
		return err
	}
	if b == 0 && b2&1 == 1 {
		r.early, r.lsb = 0, true
		r.acc = uint64(b) | uint64(b2)<<8
	} else {
		r.acc = uint64(b)<<56 | uint64(b2)<<48
	}
	r.n = 16
	r.run, s.run = s.run, nil
	return nil
}

func (r *lzwReader) clear() { r.next, r.width, r.prev = lzwFirst, 9, -1 }

// refill makes more than 32 bits available, or as many as there are.
func (r *lzwReader) refill() error {
	for r.n <= 48 {
		if len(r.run) == 0 {
			run, err := r.s.next()
			if err == io.EOF {
				return nil
			} else if err != nil {
				return err
			}
			r.run = run
		}
		if r.lsb {
			r.acc |= uint64(r.run[0]) << r.n
			r.run = r.run[1:]
			r.n += 8
			continue
		}
		if len(r.run) >= 8 {
			k := (64 - r.n) / 8
			r.acc |= binary.BigEndian.Uint64(r.run) >> r.n &^ (1<<(64-r.n-8*k) - 1)
			r.run = r.run[k:]
			r.n += 8 * k
			return nil
		}
		r.acc |= uint64(r.run[0]) << (56 - r.n)
		r.run = r.run[1:]
		r.n += 8
	}
	return nil
}

// code reads the next code. The error is io.ErrUnexpectedEOF if there is none.
func (r *lzwReader) code() (int, error) {
	if r.n < r.width {
		if err := r.refill(); err != nil {
			return 0, err
		}
		if r.n < r.width {
			return 0, io.ErrUnexpectedEOF
		}
	}
	r.n -= r.width
	if r.lsb {
		c := int(r.acc & (1<<r.width - 1))
		r.acc >>= r.width
		return c, nil
	}
	c := int(r.acc >> (64 - r.width))
	r.acc <<= r.width
	return c, nil
}

var errLZWCode = errors.New("invalid LZW code")

// Read implements io.Reader.
func (r *lzwReader) Read(p []byte) (n int, err error) {
	n = copy(p, r.rest)
	r.rest = r.rest[n:]
	for n < len(p) {
		if r.ended {
			return n, io.EOF
		}
		if !r.lsb {
			if n += r.many(p[n:]); n == len(p) {
				return n, nil
			}
		}
		c, err := r.code()
		if err != nil {
			return n, err
		}
		switch {
		case c == lzwClear:
			r.clear()
			continue
		case c == lzwEnd:
			r.ended = true
			continue
		case c > r.next || c >= lzwFirst && r.prev < 0 || c == r.next && r.prev < 0:
			return n, errLZWCode
		}
		if r.prev >= 0 && r.next < lzwMost {
			r.define(c)
		} else if c >= r.next {
			return n, errLZWCode // the table is full
		}
		r.prev = c
		n += r.write(p[n:], c)
	}
	return n, nil
}

// many decodes codes as long as nothing is special: their bits lie in run, their strings fit p with
// room to spare, and they are neither the end nor invalid. It returns how many bytes it wrote.
func (r *lzwReader) many(p []byte) (n int) {
	acc, have, run := r.acc, r.n, r.run
	width, next, prev := r.width, r.next, r.prev
	codes := &r.codes
	before := &codes[prev&(lzwMost-1)]
loop:
	for len(run) >= 8 {
		// What is below the bits that are counted is read again, and is the same then.
		acc |= binary.BigEndian.Uint64(run) >> (have & 63)
		k := (63 - have) >> 3
		run = run[k:]
		have += 8 * k
		for range 4 { // which have 48 bits at most
			c := int(acc >> ((64 - width) & 63))
			if c == lzwClear {
				acc, have = acc<<(width&63), have-width
				width, next, prev = 9, lzwFirst, -1
				continue
			}
			e := &codes[c&(lzwMost-1)]
			length, first := int(e.length), e.first
			if c == next {
				length, first = int(before.length)+1, before.first
			}
			if c > next || c == lzwEnd || n+length+7 > len(p) || next >= lzwMost {
				break loop
			}
			if prev < 0 {
				if c > 255 {
					break loop
				}
			} else {
				d := &codes[next&(lzwMost-1)]
				d.first, d.length = before.first, before.length+1
				if k := before.length % 8; k == 0 {
					d.tail, d.head = uint64(first), uint16(prev)
				} else {
					d.tail, d.head = before.tail|uint64(first)<<(8*k&63), before.head
				}
				next++
			}
			acc, have = acc<<(width&63), have-width
			if next+1 == 1<<(width&63) && width < 12 {
				width++
			}
			prev, before = c, e
			if length <= 8 {
				binary.LittleEndian.PutUint64(p[n:], e.tail)
			} else {
				put(p[n:], codes[:], e)
			}
			n += length
		}
	}
	r.acc, r.n, r.run = acc&^(1<<(64-have)-1), have, run
	r.width, r.next, r.prev = width, next, prev
	return n
}

// define gives the next code its string: that of the previous code, and the first byte of code c,
// which may be the very code.
func (r *lzwReader) define(c int) {
	prev := &r.codes[r.prev]
	b := r.codes[c].first
	if c == r.next {
		b = prev.first
	}
	e := &r.codes[r.next]
	e.first, e.length = prev.first, prev.length+1
	if k := prev.length % 8; k == 0 {
		e.tail, e.head = uint64(b), uint16(r.prev)
	} else {
		e.tail, e.head = prev.tail|uint64(b)<<(8*k), prev.head
	}
	r.next++
	if r.next+r.early == 1<<r.width && r.width < 12 {
		r.width++
	}
}

// write stores the string of a code at the start of p and returns its length; what does not fit goes
// to rest.
func (r *lzwReader) write(p []byte, c int) int {
	e := &r.codes[c]
	length := int(e.length)
	if length+7 > len(p) {
		put(r.spill[:], r.codes[:], e)
		n := copy(p, r.spill[:length])
		r.rest = r.spill[n:length]
		return n
	}
	put(p, r.codes[:], e)
	return length
}

// put writes the string of e to p, which has room for 7 bytes more.
func put(p []byte, codes []lzwCode, e *lzwCode) {
	at := (int(e.length) - 1) &^ 7
	for {
		binary.LittleEndian.PutUint64(p[at:], e.tail)
		if at == 0 {
			return
		}
		at -= 8
		e = &codes[e.head&(lzwMost-1)]
	}
}
