package vp8l

import (
	"math/bits"
	"slices"
)

// prefixSymbol is how a symbol is written: the bits of its code, the first one lowest.
type prefixSymbol struct {
	bits   uint16
	length uint8
}

// prefixWriter is a prefix code with which symbols are written. A lone symbol takes no bits.
type prefixWriter struct {
	codes   []prefixSymbol
	lengths []uint8 // as they are stored: that of a lone symbol is 1
}

// write writes a symbol.
func (c *prefixWriter) write(e *bitEncoder, symbol int) {
	s := c.codes[symbol]
	e.bits(uint32(s.bits), uint(s.length))
}

// newPrefixWriter returns the shortest code, of at most limit bits, for symbols that occur so often.
func newPrefixWriter(counts []uint32, limit int) *prefixWriter {
	lengths, used := codeLengths(counts, limit)
	c := &prefixWriter{make([]prefixSymbol, len(lengths)), lengths}
	if used > 1 {
		c.number()
	}
	return c
}

// number sets the codes that follow from their lengths (RFC 1951 section 3.2.2).
func (c *prefixWriter) number() {
	var count, next [maxCodeLength + 2]uint16
	for _, l := range c.lengths {
		count[l]++
	}
	count[0] = 0
	for l := 1; l <= maxCodeLength; l++ {
		next[l+1] = (next[l] + count[l]) << 1
	}
	for s, l := range c.lengths {
		if l > 0 {
			c.codes[s] = prefixSymbol{bits.Reverse16(next[l]) >> (16 - l), l}
			next[l]++
		}
	}
}

// codeLengths returns Huffman's code lengths and how many symbols have one. Where a code would be
// longer than limit, rare symbols are counted as more frequent than they are until none is. A lone
// symbol has length 1.
func codeLengths(counts []uint32, limit int) (lengths []uint8, used int) {
	lengths = make([]uint8, len(counts))
	leaves := make([]uint64, 0, len(counts)) // counts above symbols
	for s, n := range counts {
		if n > 0 {
			leaves = append(leaves, uint64(n)<<16|uint64(s))
		}
	}
	used = len(leaves)
	if used == 1 {
		lengths[leaves[0]&0xffff] = 1
	}
	if used < 2 {
		return lengths, used
	}
	slices.Sort(leaves)
	sums, parents := make([]uint64, used-1), make([]uint16, 2*used-1)
	for floor := uint64(1); ; floor *= 2 {
		pairNodes(leaves, sums, parents, floor)
		depths := parents // of a node, once its parent's is known
		depths[2*used-2] = 0
		longest := uint16(0)
		for i := 2*used - 3; i >= 0; i-- {
			depths[i] = depths[parents[i]] + 1
			longest = max(longest, depths[i])
		}
		if longest > uint16(limit) {
			continue
		}
		for i, leaf := range leaves {
			lengths[leaf&0xffff] = uint8(depths[i])
		}
		return lengths, used
	}
}

// pairNodes joins the two rarest nodes until one is left. Nodes are the leaves and then the pairs in
// the order in which they are made, which is that of their sums too. No leaf counts less than floor.
func pairNodes(leaves, sums []uint64, parents []uint16, floor uint64) {
	leaf, pair := 0, 0
	for made := range sums {
		var sum uint64
		for range 2 {
			node := leaf
			if leaf < len(leaves) && (pair == made || max(leaves[leaf]>>16, floor) <= sums[pair]) {
				sum += max(leaves[leaf]>>16, floor)
				leaf++
			} else {
				node = len(leaves) + pair
				sum += sums[pair]
				pair++
			}
			parents[node] = uint16(len(leaves) + made)
		}
		sums[made] = sum
	}
}

// store writes the code itself (section 6.2.1).
func (c *prefixWriter) store(e *bitEncoder) {
	var used []int
	for s, l := range c.lengths {
		if l > 0 {
			if used = append(used, s); len(used) > 2 {
				break
			}
		}
	}
	if len(used) == 0 {
		used = []int{0}
	}
	if len(used) <= 2 && used[len(used)-1] < 256 {
		storeSimple(e, used)
		return
	}
	c.storeLengths(e)
}

// storeSimple writes a code of one or two symbols below 256.
func storeSimple(e *bitEncoder, symbols []int) {
	e.bits(1, 1)
	e.bits(uint32(len(symbols)-1), 1)
	if symbols[0] < 2 {
		e.bits(0, 1)
		e.bits(uint32(symbols[0]), 1)
	} else {
		e.bits(1, 1)
		e.bits(uint32(symbols[0]), 8)
	}
	if len(symbols) == 2 {
		e.bits(uint32(symbols[1]), 8)
	}
}

// lengthToken is a symbol of the code of code lengths, with its extra bits.
type lengthToken struct{ symbol, extra, bits uint8 }

// Symbols of the code of code lengths that repeat.
const (
	repeatLast   = 16 // 3 to 6 times
	fewZeros     = 17 // 3 to 10
	manyZeros    = 18 // 11 to 138
	lengthLimit  = 7  // bits of that code
	firstLast    = 8  // the length that repeatLast repeats where there was none
	mostRepeated = 6
	mostZeros    = 138
)

// storeLengths writes the lengths of all codes with a code of their own.
func (c *prefixWriter) storeLengths(e *bitEncoder) {
	tokens := lengthTokens(c.lengths)
	var counts [19]uint32
	for _, t := range tokens {
		counts[t.symbol]++
	}
	code := newPrefixWriter(counts[:], lengthLimit)
	e.bits(0, 1)
	n := 19
	for n > 4 && code.lengths[codeLengthOrder[n-1]] == 0 {
		n--
	}
	e.bits(uint32(n-4), 4)
	for _, s := range codeLengthOrder[:n] {
		e.bits(uint32(code.lengths[s]), 3)
	}
	e.bits(0, 1) // the lengths of all symbols follow
	for _, t := range tokens {
		code.write(e, int(t.symbol))
		e.bits(uint32(t.extra), uint(t.bits))
	}
}

// lengthTokens shortens runs of lengths.
func lengthTokens(lengths []uint8) (tokens []lengthToken) {
	last := uint8(firstLast)
	for i := 0; i < len(lengths); {
		l, run := lengths[i], 1
		for i+run < len(lengths) && lengths[i+run] == l {
			run++
		}
		i += run
		if l != 0 && l != last {
			tokens = append(tokens, lengthToken{symbol: l})
			last = l
			run--
		}
		for run > 0 {
			switch {
			case run < 3:
				tokens = append(tokens, lengthToken{symbol: l})
				run--
			case l != 0:
				n := min(run, mostRepeated)
				tokens = append(tokens, lengthToken{repeatLast, uint8(n - 3), 2})
				run -= n
			case run < 11:
				tokens = append(tokens, lengthToken{fewZeros, uint8(run - 3), 3})
				run = 0
			default:
				n := min(run, mostZeros)
				tokens = append(tokens, lengthToken{manyZeros, uint8(n - 11), 7})
				run -= n
			}
		}
	}
	return tokens
}
