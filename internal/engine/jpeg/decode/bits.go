package decode

import "encoding/binary"

const (
	// unstuffedSize is the amount of entropy-coded data from which stuffed zeros are removed at a
	// time.
	unstuffedSize = 16 << 10
	// slack is more bytes than a block can have: 64 symbols of at most 32 bits each, and the width
	// of a load.
	slack = 272
)

// bitReader reads entropy-coded data. It first copies the data up to the next marker, without
// stuffed zeros (T.81 F.1.2.3). After the data it supplies endless zeros, as libjpeg does. Callers
// that read a block call ensure before it, and may then load from any position in the block without
// further checks.
type bitReader struct {
	mem    [unstuffedSize + slack]byte
	pos    uint // index of the next bit in mem
	end    uint // index of the first bit after the data in mem
	safe   uint // last bit at which a block may start
	ended  bool // whether only a marker or the end of the stream follows the data in mem
	found  byte // that marker; 0 at the end of the stream
	bad    bool // whether there was an invalid code
	source *source
}

// start implements segment.
func (b *bitReader) start() {
	b.pos, b.end, b.safe = 0, 0, 0
	b.ended = false
	b.load()
}

// ensure makes a whole block available, starting at pos.
func (b *bitReader) ensure() {
	if b.pos > b.safe {
		b.load()
	}
}

// starved reports whether bits after the end of the data have been used.
func (b *bitReader) starved() bool { return b.ended && b.pos > b.end }

// load moves the remaining data to the front and appends to it until the buffer is full or the data
// ends.
func (b *bitReader) load() {
	if b.ended {
		if b.pos > b.end {
			b.pos = b.end + 1 // Supply zeros again without leaving mem.
		}
		return
	}
	n := copy(b.mem[:], b.mem[b.pos>>3:b.end>>3])
	b.pos &= 7
	var k int
	k, b.found, b.ended = b.source.unstuff(b.mem[n:unstuffedSize])
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
func (b *bitReader) finish() (rest remainder, found byte) {
	rest = remainderAt(b.mem[:], b.pos, b.end)
	for !b.ended {
		b.pos = b.end
		b.load()
		rest.bytes += int(b.end / 8)
	}
	b.pos, b.end, b.safe = 0, 0, 0
	clear(b.mem[:])
	return rest, b.found
}

// beyond implements segment: the source has read nothing after the marker.
func (b *bitReader) beyond() int { return 0 }

// load64 returns at least 57 bits from pos on, starting at the most significant bit.
func load64(mem []byte, pos uint) uint64 {
	i := pos >> 3
	return binary.BigEndian.Uint64(mem[i:i+8:i+8]) << (pos & 7)
}

// take consumes the next k bits, 0 to 57.
func (b *bitReader) take(k uint) uint64 {
	v := load64(b.mem[:], b.pos) >> ((64 - k) & 63)
	if k == 0 {
		v = 0
	}
	b.pos += k
	return v
}

// symbol decodes the next code of a table and the value after it, which is 0 if the symbol has
// none.
func (b *bitReader) symbol(t *decodeTable) (symbol uint8, value int32) {
	symbol, value, length := t.resolve(load64(b.mem[:], b.pos))
	if length == badLength && symbol == 0 {
		b.bad = true
	}
	b.pos += length
	return symbol, value
}
