package webp

import (
	"container/heap"
	"math/bits"
)

// prefixWriter is a prefix code with which symbols are written.
type prefixWriter struct {
	lengths []uint8
	codes   []uint16 // with the first bit lowest, as they are written
	single  bool     // there is one symbol, which takes no bits
}

// write writes a symbol.
func (c *prefixWriter) write(e *bitEncoder, symbol int) {
	if !c.single {
		e.bits(uint32(c.codes[symbol]), uint(c.lengths[symbol]))
	}
}

// newPrefixWriter returns the shortest code, of at most limit bits, for symbols that occur so often.
func newPrefixWriter(counts []uint32, limit int) *prefixWriter {
	c := &prefixWriter{lengths: codeLengths(counts, limit)}
	used := 0
	for _, l := range c.lengths {
		used += int(min(l, 1))
	}
	c.single = used <= 1
	c.codes = canonicalCodes(c.lengths)
	return c
}

// canonicalCodes returns the codes that follow from their lengths (RFC 1951 section 3.2.2), reversed.
func canonicalCodes(lengths []uint8) []uint16 {
	var count, next [maxCodeLength + 2]uint16
	for _, l := range lengths {
		count[l]++
	}
	count[0] = 0
	for l := 1; l <= maxCodeLength; l++ {
		next[l+1] = (next[l] + count[l]) << 1
	}
	codes := make([]uint16, len(lengths))
	for s, l := range lengths {
		if l > 0 {
			codes[s] = bits.Reverse16(next[l]) >> (16 - l)
			next[l]++
		}
	}
	return codes
}

// huffmanNode is a symbol or a pair of nodes.
type huffmanNode struct {
	count       uint64
	order       int // of nodes with equal counts
	symbol      int // or -1 for a pair
	left, right *huffmanNode
}

type huffmanHeap []*huffmanNode

func (h huffmanHeap) Len() int { return len(h) }
func (h huffmanHeap) Less(i, j int) bool {
	if h[i].count != h[j].count {
		return h[i].count < h[j].count
	}
	return h[i].order < h[j].order
}
func (h huffmanHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *huffmanHeap) Push(n any)   { *h = append(*h, n.(*huffmanNode)) }
func (h *huffmanHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// codeLengths returns Huffman's code lengths. Where a code would be longer than limit, rare symbols
// are counted as more frequent than they are until none is. A lone symbol has length 1.
func codeLengths(counts []uint32, limit int) []uint8 {
	lengths := make([]uint8, len(counts))
	for floor := uint64(1); ; floor *= 2 {
		var h huffmanHeap
		for s, n := range counts {
			if n > 0 {
				h = append(h, &huffmanNode{count: max(uint64(n), floor), order: s, symbol: s})
			}
		}
		switch len(h) {
		case 0:
			return lengths
		case 1:
			lengths[h[0].symbol] = 1
			return lengths
		}
		heap.Init(&h)
		for order := len(counts); len(h) > 1; order++ {
			a, b := heap.Pop(&h).(*huffmanNode), heap.Pop(&h).(*huffmanNode)
			heap.Push(&h, &huffmanNode{count: a.count + b.count, order: order, symbol: -1, left: a, right: b})
		}
		if setLengths(lengths, h[0], 0) <= limit {
			return lengths
		}
	}
}

// setLengths stores the lengths of the codes below a node, and returns the longest.
func setLengths(lengths []uint8, n *huffmanNode, depth int) int {
	if n.symbol >= 0 {
		lengths[n.symbol] = uint8(min(depth, 255))
		return depth
	}
	return max(setLengths(lengths, n.left, depth+1), setLengths(lengths, n.right, depth+1))
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
