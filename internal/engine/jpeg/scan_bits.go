package jpeg

import "encoding/binary"

const (
	// cleanSize is how much entropy-coded data is freed of stuffed zeros at a time.
	cleanSize = 16 << 10
	// slack is more than a block can take: 64 symbols of at most 32 bits each, and the width of a load.
	slack = 272
)

// bitReader reads entropy-coded data, which is first copied without stuffed zeros (T.81 F.1.2.3) up to the next marker.
// Past the marker there are zeros for ever, as libjpeg has it. Whoever reads a block calls ensure before it and may then
// load from any place in it without another check.
type bitReader struct {
	mem    [cleanSize + slack]byte
	pos    uint // the next bit, counted from the first of mem
	end    uint // the first bit past the data in mem
	safe   uint // up to here a block may begin
	ended  bool // nothing but a marker or the end of the stream follows the data in mem
	found  byte // that marker, 0 at the end of the stream
	bad    bool // a code was none
	source *source
}

// start implements segment.
func (b *bitReader) start() {
	b.pos, b.end, b.safe = 0, 0, 0
	b.ended = false
	b.load()
}

// ensure makes a whole block available from pos on.
func (b *bitReader) ensure() {
	if b.pos > b.safe {
		b.load()
	}
}

// starved tells whether bits past the end of the data have been used.
func (b *bitReader) starved() bool { return b.ended && b.pos > b.end }

// load moves what is left to the front and adds to it until there is no more room or the data ends.
func (b *bitReader) load() {
	if b.ended {
		if b.pos > b.end {
			b.pos = b.end + 1 // all the same zeros, but never past mem
		}
		return
	}
	n := copy(b.mem[:], b.mem[b.pos>>3:b.end>>3])
	b.pos &= 7
	var k int
	k, b.found, b.ended = b.source.clean(b.mem[n:cleanSize])
	n += k
	b.end = uint(n) * 8
	b.safe = b.end
	if b.ended {
		clear(b.mem[n:])
	} else {
		b.safe -= slack * 8
	}
}

// finish implements segment.
func (b *bitReader) finish() (left int, found byte) {
	if b.pos < b.end {
		left = int(b.end-b.pos) / 8
	}
	for !b.ended {
		b.pos = b.end
		b.load()
		left += int(b.end / 8)
	}
	b.pos, b.end, b.safe = 0, 0, 0
	clear(b.mem[:])
	return left, b.found
}

// beyond implements segment: the source has read the marker and no more.
func (b *bitReader) beyond() int { return 0 }

// load64 gives at least 57 bits from pos on, at the top.
func load64(mem []byte, pos uint) uint64 {
	i := pos >> 3
	return binary.BigEndian.Uint64(mem[i:i+8:i+8]) << (pos & 7)
}

// one is the next bit.
func (b *bitReader) one() bool { return b.take(1) != 0 }

// take is the next k bits, 0 to 57.
func (b *bitReader) take(k uint) uint64 {
	v := load64(b.mem[:], b.pos) >> ((64 - k) & 63)
	if k == 0 {
		v = 0
	}
	b.pos += k
	return v
}

// symbol is the next code of a table with the value after it, 0 if it has none.
func (b *bitReader) symbol(t *decodeTable) (symbol uint8, value int32) {
	symbol, value, length := t.resolve(load64(b.mem[:], b.pos))
	if length == badLength && symbol == 0 {
		b.bad = true
	}
	b.pos += length
	return symbol, value
}
