package jpeg

import (
	"errors"
	"math/bits"
)

// A decodeTable decodes a Huffman code and the value bits after it in one look-up of the next
// lookBits bits. Its pairs table decodes up to two coefficients per look-up. Its skip table decodes
// as many whole symbols as possible per look-up, for coefficients whose values are not needed.
const (
	lookBits = 11
	pairBits = 10
	skipBits = 12
	// badLength is the number of bits that libjpeg skips if they match no code.
	badLength = 17
)

// Fields of a decodeTable.look entry, from bit 0 on: 6 bits of length (code and value bits; 0 if
// the code is longer than lookBits), the special bit, an unused bit, 8 bits of advance in the
// block, and the value in the upper 16 bits. A special entry has the symbol in place of the value:
// either its value does not fit in lookBits, or it stands for no coefficient, or the code is
// longer.
const (
	lengthMask   = 63
	entrySpecial = 1 << 6
	advanceShift = 8
	advanceMask  = 255
	valueShift   = 16

	endOfBlock = 128 // advance of an end-of-block code
	// endAfter is the advance of an end-of-block code by itself in pairs: two symbols and endWith
	// add up to less.
	endAfter = 224
	// endWith is what an end-of-block code adds to the advance of the symbol before it in pairs:
	// two symbols add up to less.
	endWith = 128
	unknown = 255 // advance of a skip entry that holds no symbol
	maxRun  = 64  // largest advance of all symbols of a skip entry together
	maxSkip = 18  // largest number of their bits: three entries have at most minFill bits
)

type decodeTable struct {
	look [1 << lookBits]uint32
	// limit[l] is one more than the last code of length l or less, left-aligned in 16 bits.
	limit  [17]uint32
	delta  [17]int32 // index of a code of length l in symbols, less the code
	symbol [256]uint8
	count  int
	pairs  *[1 << pairBits]uint64
	skip   *[2 << skipBits]uint16
	tracks *trackCodes // for walking several stretches at a time
}

var errBadTable = errors.New("invalid Huffman table: more codes than their lengths allow")

// Standard tables of T.81 K.3.3, which the files of some cameras omit, as Motion JPEG does.
var (
	standardDC = [2]huffmanSpec{
		{
			counts:  [17]uint8{0, 0, 1, 5, 1, 1, 1, 1, 1, 1},
			symbols: []uint8{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11},
		},
		{
			counts:  [17]uint8{0, 0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1},
			symbols: []uint8{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11},
		},
	}
	standardAC = [2]huffmanSpec{
		{counts: [17]uint8{0, 0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7D}, symbols: []uint8{
			0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51,
			0x61, 0x07,
			0x22, 0x71, 0x14, 0x32, 0x81, 0x91, 0xA1, 0x08, 0x23, 0x42, 0xB1, 0xC1, 0x15, 0x52,
			0xD1, 0xF0,
			0x24, 0x33, 0x62, 0x72, 0x82, 0x09, 0x0A, 0x16, 0x17, 0x18, 0x19, 0x1A, 0x25, 0x26,
			0x27, 0x28,
			0x29, 0x2A, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3A, 0x43, 0x44, 0x45, 0x46, 0x47,
			0x48, 0x49,
			0x4A, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5A, 0x63, 0x64, 0x65, 0x66, 0x67,
			0x68, 0x69,
			0x6A, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7A, 0x83, 0x84, 0x85, 0x86, 0x87,
			0x88, 0x89,
			0x8A, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0xA2, 0xA3, 0xA4, 0xA5,
			0xA6, 0xA7,
			0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA, 0xC2, 0xC3,
			0xC4, 0xC5,
			0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA,
			0xE1, 0xE2,
			0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF1, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6,
			0xF7, 0xF8,
			0xF9, 0xFA,
		}},
		{counts: [17]uint8{0, 0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77}, symbols: []uint8{
			0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07,
			0x61, 0x71,
			0x13, 0x22, 0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xA1, 0xB1, 0xC1, 0x09, 0x23, 0x33,
			0x52, 0xF0,
			0x15, 0x62, 0x72, 0xD1, 0x0A, 0x16, 0x24, 0x34, 0xE1, 0x25, 0xF1, 0x17, 0x18, 0x19,
			0x1A, 0x26,
			0x27, 0x28, 0x29, 0x2A, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3A, 0x43, 0x44, 0x45, 0x46,
			0x47, 0x48,
			0x49, 0x4A, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5A, 0x63, 0x64, 0x65, 0x66,
			0x67, 0x68,
			0x69, 0x6A, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7A, 0x82, 0x83, 0x84, 0x85,
			0x86, 0x87,
			0x88, 0x89, 0x8A, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0xA2, 0xA3,
			0xA4, 0xA5,
			0xA6, 0xA7, 0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA,
			0xC2, 0xC3,
			0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8,
			0xD9, 0xDA,
			0xE2, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6,
			0xF7, 0xF8,
			0xF9, 0xFA,
		}},
	}
)

// newDecodeTable builds the canonical code of T.81 C.2. Like libjpeg, it accepts lengths that leave
// codes unused, but not more codes than the lengths allow.
func newDecodeTable(spec *huffmanSpec, dc bool) (*decodeTable, error) {
	t := &decodeTable{count: len(spec.symbols)}
	for i := range t.look {
		t.look[i] = entrySpecial
	}
	copy(t.symbol[:], spec.symbols)
	code, index := uint32(0), 0
	for l := 1; l <= 16; l++ {
		t.delta[l] = int32(index) - int32(code)
		for range spec.counts[l] {
			if code >= 1<<l || index >= t.count || dc && t.symbol[index] > 15 {
				return nil, errBadTable
			}
			if l <= lookBits {
				t.fill(code, uint(l), t.symbol[index], dc)
			}
			code++
			index++
		}
		t.limit[l] = code << (16 - l)
		code <<= 1
	}
	return t, nil
}

// fill writes the entries of all look-ups that start with one code.
func (t *decodeTable) fill(code uint32, length uint, symbol uint8, dc bool) {
	size := uint(symbol & 15)
	run := uint32(symbol>>4) + 1
	rest := lookBits - length
	entries := t.look[code<<rest:][:1<<rest]
	special, payload := uint32(entrySpecial), uint32(symbol)<<valueShift
	switch {
	case dc && size == 0:
		special, payload = 0, 0
	case size == 0 && run == 16:
		// Sixteen zeros advance as far as a run of 15 and its coefficient.
	case size == 0:
		run = endOfBlock
	case size <= rest:
		for i := range entries {
			v := extend(uint32(i)>>(rest-size), size)
			entries[i] = uint32(length+size) | run<<advanceShift | uint32(v)<<valueShift
		}
		return
	}
	for i := range entries {
		entries[i] = uint32(length+size) | special | run<<advanceShift | payload
	}
}

// extend returns the value that size bits stand for, 1 to 15 of them (T.81 figure F.12). It has no
// branch, because the sign is unpredictable.
func extend(bits uint32, size uint) int32 {
	v := int32(bits)
	negative := v>>(size-1) - 1 // all ones if the first bit is 0
	return v + negative&(1-1<<size)
}

// long decodes a code for which look has no entry, from the most significant bits of acc. Bits that
// match no code count as badLength bits and stand for symbol 0, as in libjpeg.
func (t *decodeTable) long(acc uint64) (symbol uint8, length uint) {
	code := uint32(acc >> 48)
	for l := uint(lookBits + 1); l <= 16; l++ {
		if code < t.limit[l] {
			return t.symbol[uint8(int32(code>>(16-l))+t.delta[l])], l
		}
	}
	return 0, badLength
}

// resolve decodes the code in the most significant bits of acc and the value that follows it.
// length is that of both.
func (t *decodeTable) resolve(acc uint64) (symbol uint8, value int32, length uint) {
	e := t.look[acc>>(64-lookBits)]
	switch {
	case e&lengthMask == 0:
		symbol, length = t.long(acc)
	case e&entrySpecial != 0:
		symbol = uint8(e >> valueShift)
		length = uint(e&lengthMask) - uint(symbol&15)
	default:
		value = int32(e) >> valueShift
		size := t.valueBits(e)
		run := uint8(e>>advanceShift) - 1
		return run<<4 | uint8(size), value, uint(e & lengthMask)
	}
	size := uint(symbol & 15)
	if size > 0 {
		value = extend(uint32(acc<<length>>(64-size)), size)
	}
	return symbol, value, length + size
}

// withPairs adds a table that decodes one or two AC coefficients per look-up, and an end-of-block
// code after them. The lower half of an entry has the layout of look, with the length of
// everything. The upper half has the second symbol's advance and value; if there is no second
// symbol, it repeats the value with advance 0.
func (t *decodeTable) withPairs() {
	if t.pairs != nil {
		return
	}
	t.pairs = new([1 << pairBits]uint64)
	for x := range t.pairs {
		t.pairs[x] = t.pair(uint32(x))
	}
}

func (t *decodeTable) pair(x uint32) uint64 {
	const rest = lookBits - pairBits
	following := func(n uint32) (e, length uint32) {
		e = t.look[x<<n&(1<<pairBits-1)<<rest]
		if length = e & lengthMask; length != 0 && e&entrySpecial != 0 && e>>valueShift == symZRL {
			e = length | 16<<advanceShift // a coefficient of 0 after 15 others
		}
		return e, length
	}
	ends := func(e uint32) bool { return e>>advanceShift&advanceMask == endOfBlock }
	e, n := following(0)
	size := uint32(t.valueBits(e))
	switch {
	case n == 0 || n-size > pairBits:
		return entrySpecial // The code is longer.
	case ends(e):
		return uint64(n | endAfter<<advanceShift)
	case e&entrySpecial != 0 || n > pairBits:
		return uint64(n | entrySpecial | e&(advanceMask<<advanceShift) | size<<valueShift)
	}
	first, second := e, e&^(1<<valueShift-1)
	if e, l := following(n); l != 0 && n+l <= pairBits {
		if ends(e) {
			return uint64(first+l) | endAfter<<(advanceShift+32)
		}
		if e&entrySpecial == 0 {
			first, second = first+l, e
			n += l
			if e, l := following(n); ends(e) && n+l <= pairBits {
				first += l
				second += endWith << advanceShift
			}
		}
	}
	return uint64(second)<<32 | uint64(first)
}

// withSkip adds the table for skipping AC coefficients. Entry 1<<w+x describes the symbols in the w
// bits x: their length in the lowest 6 bits, which may exceed w by the value bits of the last
// symbol, and above it how far they advance in the block, plus endOfBlock if they end it. Entries
// for all w are kept because longer ones are built from shorter ones.
func (t *decodeTable) withSkip() {
	if t.skip != nil {
		return
	}
	t.skip = new([2 << skipBits]uint16)
	t.skip[0] = unknown << 6
	t.skip[1] = unknown << 6
	for w := uint(1); w <= skipBits; w++ {
		for x := range uint(1) << w {
			t.skip[1<<w+x] = t.skipEntry(w, x)
		}
	}
}

func (t *decodeTable) skipEntry(w, x uint) uint16 {
	e := t.look[x<<(skipBits-w)>>(skipBits-lookBits)]
	length := uint(e & lengthMask)
	advance := uint(e >> advanceShift & advanceMask)
	if length == 0 || length-t.valueBits(e) > w || length > maxSkip {
		return unknown << 6
	}
	if length >= w || advance == endOfBlock {
		return uint16(advance<<6 | length)
	}
	rest := t.skip[1<<(w-length)+x&(1<<(w-length)-1)]
	more, moreLength := uint(rest>>6), uint(rest&63)
	if more == unknown || more&^endOfBlock+advance > maxRun || length+moreLength > maxSkip {
		return uint16(advance<<6 | length)
	}
	return uint16((advance+more)<<6 | (length + moreLength))
}

// valueBits is the number of an entry's bits that follow the code.
func (t *decodeTable) valueBits(e uint32) uint {
	if e&entrySpecial != 0 {
		return uint(e >> valueShift & 15)
	}
	v := int32(e) >> valueShift
	return uint(bits.Len32(uint32(max(v, -v))))
}
