package jpeg

import (
	"bytes"
	"encoding/binary"
)

// cleanSize is how much entropy-coded data is freed of stuffed zeros at a time.
const cleanSize = 16 << 10

// bitReader reads entropy-coded data: first copied without stuffed zeros (T.81 F.1.2.3) up to the next marker, then drawn
// through a reservoir that is refilled by whole words. Past the marker it gives zeros for ever, as libjpeg does.
//
// acc holds n bits at its top; those below are not all zero, so that a refill may simply write over them. buf[p:] follows
// them.
type bitReader struct {
	acc uint64
	n   uint
	p   int
	buf []byte

	over  uint // how many of the n bits lie past the end of the data
	ended bool // nothing but a marker or the end of the stream follows buf
	found byte // the marker that ended the data, not yet acted upon; 0 at the end of the stream
	src   *source
	mem   [cleanSize]byte
	bad   bool // a code was none
}

// start begins a segment at the source's position.
func (b *bitReader) start() {
	b.acc, b.n, b.p, b.over = 0, 0, 0, 0
	b.buf = b.mem[:0]
	b.ended, b.found = false, 0
}

// starved tells whether bits past the end of the data have been used.
func (b *bitReader) starved() bool { return b.over > b.n }

// load moves what is left of buf to the front and adds to it until it is full or the data ends.
func (b *bitReader) load() {
	n := copy(b.mem[:], b.buf[b.p:])
	for n < len(b.mem) && !b.ended {
		c := b.src.peek()
		if len(c) == 0 {
			b.ended = true
			break
		}
		c = c[:min(len(c), len(b.mem)-n)]
		i := bytes.IndexByte(c, 0xFF)
		if i < 0 {
			n += copy(b.mem[n:], c)
			b.src.pos += len(c)
			continue
		}
		n += copy(b.mem[n:], c[:i])
		b.src.pos += i
		if b.escape() {
			b.mem[n] = 0xFF
			n++
		}
	}
	b.buf, b.p = b.mem[:n], 0
}

// escape consumes the 0xFF at the source's position with what belongs to it and reports whether it was data.
func (b *bitReader) escape() bool {
	c := byte(0xFF)
	ok := true
	for c == 0xFF && ok {
		c, ok = b.src.next()
	}
	if ok && c == 0 {
		return true
	}
	b.ended, b.found = true, c
	if !ok {
		b.found = 0
	}
	return false
}

// refill brings the reservoir to at least 57 bits. It takes and returns the state so that loops keep it in registers.
func (b *bitReader) refill(acc uint64, n uint, p int) (uint64, uint, int) {
	if len(b.buf)-p < 8 {
		return b.refillSlow(acc, n, p)
	}
	acc |= binary.BigEndian.Uint64(b.buf[p:]) >> (n & 63)
	p += int((63 - n) >> 3)
	return acc, n | 56, p
}

func (b *bitReader) refillSlow(acc uint64, n uint, p int) (uint64, uint, int) {
	if !b.ended {
		b.p = p
		b.load()
		p = 0
	}
	acc &^= 1<<(64-n) - 1 // what a word refill left below the n bits comes again
	for n <= 56 {
		if p < len(b.buf) {
			acc |= uint64(b.buf[p]) << (56 - n)
			p++
		} else {
			b.over += 8
		}
		n += 8
	}
	return acc, n, p
}

// need makes at least k bits available, k up to 32.
func (b *bitReader) need(k uint) {
	if b.n < k {
		b.acc, b.n, b.p = b.refill(b.acc, b.n, b.p)
	}
}

func (b *bitReader) drop(k uint) {
	b.acc <<= k & 63
	b.n -= k
}

// one is the next bit.
func (b *bitReader) one() bool {
	b.need(1)
	v := b.acc>>63 != 0
	b.drop(1)
	return v
}

// take is the next k bits, 1 to 16.
func (b *bitReader) take(k uint) uint32 {
	b.need(k)
	v := uint32(b.acc >> ((64 - k) & 63))
	b.drop(k)
	return v
}

// symbol is the next code of a table with the value after it, 0 if it has none.
func (b *bitReader) symbol(t *decodeTable) (symbol uint8, value int32) {
	b.need(32)
	symbol, value, length := t.resolve(b.acc)
	if length == badLength && symbol == 0 {
		b.bad = true
	}
	b.drop(length)
	return symbol, value
}

// finish passes over what is left of the data, up to the marker that ends it, and gives the number of whole bytes. From
// here on there are only zeros.
func (b *bitReader) finish() (left int) {
	if b.n > b.over {
		left = int(b.n-b.over) / 8
	}
	left += len(b.buf) - b.p
	b.p = len(b.buf)
	for !b.ended {
		b.load()
		left += len(b.buf)
		b.p = len(b.buf)
	}
	b.acc, b.n, b.over = 0, 0, 0
	return left
}
