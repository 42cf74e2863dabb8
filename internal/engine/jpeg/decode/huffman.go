package decode

import (
	"errors"
	"math/bits"

	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
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

// newDecodeTable builds the canonical code of T.81 C.2. Like libjpeg, it accepts lengths that leave
// codes unused, but not more codes than the lengths allow.
func newDecodeTable(spec *stream.HuffmanTable, dc bool) (*decodeTable, error) {
	t := &decodeTable{count: len(spec.Symbols)}
	for i := range t.look {
		t.look[i] = entrySpecial
	}
	copy(t.symbol[:], spec.Symbols)
	code, index := uint32(0), 0
	for l := 1; l <= 16; l++ {
		t.delta[l] = int32(index) - int32(code)
		for range spec.Counts[l] {
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
		if length = e & lengthMask; length != 0 && e&entrySpecial != 0 && e>>valueShift == stream.ZRL {
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

// endsBlock reports whether an AC symbol is an end-of-block code.
func endsBlock(symbol uint8) bool { return symbol&15 == 0 && symbol>>4 < 15 }
