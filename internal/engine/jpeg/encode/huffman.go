package encode

import (
	"slices"

	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
)

// optimalSpec returns the code that needs the fewest bits for symbols of the given frequencies,
// with no code longer than 16 bits and none consisting only of ones (T.81 K.2). Ties are resolved
// as in libjpeg, so that the same pictures produce the same bytes. If no symbol occurs, the code is
// empty.
func optimalSpec(freq *[256]uint32) stream.HuffmanTable {
	// The procedure of figure K.1. A chain of symbols is linked by next. Its key has its weight in the high
	// bits and the complement of its first symbol in the low ones: of equal weights, the last is lightest.
	// Keys are in ascending order.
	const symbolMask = 1<<9 - 1
	var next [257]int
	var length [257]uint8
	keys := make([]uint64, 0, 257)
	for i, f := range freq {
		next[i] = -1
		if f > 0 {
			keys = append(keys, uint64(f)<<9|symbolMask-uint64(i))
		}
	}
	if len(keys) == 0 {
		return stream.HuffmanTable{}
	}
	next[256] = -1
	keys = append(keys, 1<<9|symbolMask-256) // reserves the code that consists only of ones
	slices.Sort(keys)
	for ; len(keys) > 1; keys = keys[1:] {
		a, b := symbolMask-int(keys[0]&symbolMask), symbolMask-int(keys[1]&symbolMask)
		last := a
		for i := a; i >= 0; i = next[i] {
			length[i]++
			last = i
		}
		next[last] = b
		for i := b; i >= 0; i = next[i] {
			length[i]++
		}
		both := (keys[0]&^symbolMask + keys[1]&^symbolMask) | (symbolMask - uint64(a))
		rest := keys[2:]
		at, _ := slices.BinarySearch(rest, both)
		copy(keys[1:], rest[:at])
		keys[1+at] = both
	}
	return limitLengths(&length)
}

// limitLengths reduces all lengths to 16 or less (T.81 figure K.3), removes the reserved code, and
// sorts the symbols by their original lengths.
func limitLengths(length *[257]uint8) stream.HuffmanTable {
	var bits [257]int
	for _, l := range length {
		bits[l]++
	}
	for i := 256; i > 16; i-- {
		for bits[i] > 0 {
			j := i - 2
			for bits[j] == 0 {
				j--
			}
			bits[i] -= 2
			bits[i-1]++
			bits[j+1] += 2
			bits[j]--
		}
	}
	i := 16
	for bits[i] == 0 {
		i--
	}
	bits[i]--

	var s stream.HuffmanTable
	for i := 1; i <= 16; i++ {
		s.Counts[i] = uint8(bits[i])
	}
	for i, l := range length[:256] {
		if l > 0 {
			s.Symbols = append(s.Symbols, uint8(i))
		}
	}
	slices.SortStableFunc(s.Symbols, func(a, b uint8) int { return int(length[a]) - int(length[b]) })
	return s
}

// tokenCounts counts how often each token symbol occurs, by class as in a codeTable.
type tokenCounts [2 * classSize]uint32

// join adds other counts.
func (c *tokenCounts) join(other *tokenCounts) {
	for i, n := range other {
		c[i] += n
	}
}

// dc returns how often each DC size occurs in a class.
func (c *tokenCounts) dc(class int) (freq [256]uint32) {
	for size := range 12 {
		freq[size] = c[class*classSize+dcSymbol(size)]
	}
	return freq
}

// ac returns how often each AC symbol of a sequential scan occurs in a class.
func (c *tokenCounts) ac(class int) (freq [256]uint32) {
	for sym := range 256 {
		if s := sym & 15; s > 0 && s <= 10 || sym == stream.EOB || sym == stream.ZRL {
			freq[sym] = c[class*classSize+sym]
		}
	}
	return freq
}

// acProgressive returns how often each AC symbol of a progressive scan occurs. These include runs
// of blocks without further coefficients (T.81 G.1.2.2).
func (c *tokenCounts) acProgressive() (freq [256]uint32) {
	for sym := range 256 {
		if s := sym & 15; s <= 10 {
			freq[sym] = c[sym]
		}
	}
	return freq
}

// setDC adds a table of DC sizes.
func (t *codeTable) setDC(class int, s *stream.HuffmanTable) {
	s.Each(func(size uint8, code, length uint32) {
		t[class*classSize+dcSymbol(int(size))] = codeEntry(code, length, uint32(size))
	})
}

// setAC adds a sequential scan's table of AC symbols.
func (t *codeTable) setAC(class int, s *stream.HuffmanTable) {
	s.Each(func(sym uint8, code, length uint32) {
		t[class*classSize+int(sym)] = codeEntry(code, length, uint32(sym&15))
	})
}

// setACProgressive adds a progressive scan's table of AC symbols, in which a run of 2^r blocks or
// more is followed by r bits.
func (t *codeTable) setACProgressive(s *stream.HuffmanTable) {
	s.Each(func(sym uint8, code, length uint32) {
		t[sym] = codeEntry(code, length, uint32(extraBits(int(sym))))
	})
}

// extraBits is the number of bits that follow an AC symbol of a progressive scan.
func extraBits(symbol int) int {
	if size := symbol & 15; size > 0 || symbol == stream.ZRL {
		return size
	}
	return symbol >> 4
}
