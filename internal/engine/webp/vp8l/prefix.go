package vp8l

// maxCodeLength is the longest prefix code in bits (section 6.2).
const maxCodeLength = 15

// The first table of a code is indexed with rootBits bits; where there are few codes, with
// wideRootBits, so that hardly any symbol needs a second table.
const (
	rootBits     = 8
	wideRootBits = 11
)

// prefixCode is one prefix code in two levels of tables. An entry is a symbol in its upper 12 bits
// and the length of its code in its lower 4. Codes that are longer than root share an entry of the
// first table, which holds the index of their second table and the length of the longest of them.
// With rootBits, the largest alphabet, of 2328 symbols, needs 2704 entries, so that indexes fit. A
// code of one symbol has one entry, whose length is zero.
type prefixCode struct {
	table []uint16
	mask  uint32 // of the bits that index the first table
	root  uint16 // their number
}

// single returns the symbol of a code that has only one, which takes no bits.
func (c *prefixCode) single() (symbol int, ok bool) { return int(c.table[0] >> 4), c.mask == 0 }

// entry returns the entry of the code that val begins with.
func (c *prefixCode) entry(val uint64) uint16 {
	e := c.table[uint32(val)&c.mask]
	if e&15 > c.root {
		e = c.table[uint32(e>>4)+uint32(val>>(c.root&15))&(1<<((e-c.root)&15)-1)]
	}
	return e
}

// symbol reads a symbol of up to 15 bits.
func (c *prefixCode) symbol(r *bitReader) int {
	if r.n < maxCodeLength {
		r.fill()
	}
	e := c.entry(r.val)
	r.val >>= e & 15
	r.n -= uint(e & 15)
	return int(e >> 4)
}

// prefixBuilder builds prefix codes. Their tables lie in shared blocks of memory.
type prefixBuilder struct {
	free    []uint16
	wide    bool // use wideRootBits
	made    int  // entries of all tables
	symbols [maxAlphabet]uint16
}

// maxTable is the size of the largest table whose indexes fit in an entry.
const maxTable = 1 << 12

// maxAlphabet is the size of the largest alphabet: green with the largest colour cache.
const maxAlphabet = 256 + lengthCodes + 1<<maxCacheBits

// maxEntries bounds the tables of a picture, 16 MB. The largest that encoders write have a few
// thousand groups of codes and take half of that; a hostile file could ask for 460 bytes of tables
// with each of its own.
const maxEntries = 8 << 20

// alloc returns memory for a table of n entries.
func (b *prefixBuilder) alloc(n int) []uint16 {
	if n > len(b.free) {
		b.free = make([]uint16, max(n, 4096))
	}
	b.made += n
	t := b.free[:n:n]
	b.free = b.free[n:]
	return t
}

// build makes the canonical code of the given lengths, 0 for a symbol without a code. ok is false
// if they describe no complete code.
func (b *prefixBuilder) build(lengths []uint8) (c prefixCode, ok bool) {
	var count, next [maxCodeLength + 2]int
	for _, l := range lengths {
		count[l]++
	}
	count[0] = 0
	left, used, longest := 1, 0, 0
	for l := 1; l <= maxCodeLength; l++ {
		left = left<<1 - count[l]
		if left < 0 {
			return c, false
		}
		next[l+1] = next[l] + count[l]
		used += count[l]
		if count[l] > 0 {
			longest = l
		}
	}
	if used == 0 || used > 1 && left != 0 {
		return c, false
	}
	symbols := b.symbols[:used] // in the order of their codes
	for s, l := range lengths {
		if l > 0 {
			symbols[next[l]] = uint16(s)
			next[l]++
		}
	}
	if used == 1 {
		c.table = b.alloc(1)
		c.table[0] = symbols[0] << 4
		return c, true
	}
	root, size := min(longest, rootBits), 0
	if b.wide {
		root = min(longest, wideRootBits)
	}
	if size = tableSize(&count, root); size > maxTable {
		root = rootBits
		size = tableSize(&count, root)
	}
	c.mask, c.root = 1<<root-1, uint16(root)
	c.table = b.alloc(size)
	fillTables(c.table, symbols, &count, root)
	return c, true
}

// secondBits is how many bits index the second table that begins with a code of length l, where
// count holds the codes that are not yet in a table.
func secondBits(count *[maxCodeLength + 2]int, l, root int) int {
	for left := 1 << (l - root); l < maxCodeLength; l++ {
		if left -= count[l]; left <= 0 {
			break
		}
		left <<= 1
	}
	return l - root
}

// walkCodes calls visit with each code in order: its bits reversed, as they are read, and its
// length.
func walkCodes(count *[maxCodeLength + 2]int, visit func(i, reversed, length int)) {
	code, i := 0, 0
	for l := 1; l <= maxCodeLength; l++ {
		for range count[l] {
			visit(i, code, l)
			i++
			// Add one to the number whose most significant bit is bit 0.
			step := 1 << (l - 1)
			for code&step != 0 {
				code ^= step
				step >>= 1
			}
			code |= step
		}
	}
}

// tableSize is how many entries the tables of a complete code have.
func tableSize(count *[maxCodeLength + 2]int, root int) int {
	size, second := 1<<root, -1
	remaining := *count
	walkCodes(count, func(_, code, l int) {
		if l > root && code&(1<<root-1) != second {
			second = code & (1<<root - 1)
			size += 1 << secondBits(&remaining, l, root)
		}
		remaining[l]--
	})
	return size
}

// fillTables writes the entries of the symbols, which are in the order of their codes.
func fillTables(table, symbols []uint16, count *[maxCodeLength + 2]int, root int) {
	remaining := *count
	second, at, bits := -1, 0, 0
	end := 1 << root
	walkCodes(count, func(i, code, l int) {
		entry := symbols[i]<<4 | uint16(l)
		if l <= root {
			for k := code; k < 1<<root; k += 1 << l {
				table[k] = entry
			}
		} else {
			if low := code & (1<<root - 1); low != second {
				second, at = low, end
				bits = secondBits(&remaining, l, root)
				end += 1 << bits
				table[low] = uint16(at)<<4 | uint16(root+bits)
			}
			for k := code >> root; k < 1<<bits; k += 1 << (l - root) {
				table[at+k] = entry
			}
		}
		remaining[l]--
	})
}

// codeLengthOrder is the order in which the lengths of the code length code are stored (section
// 6.2.1).
var codeLengthOrder = [19]uint8{17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}

// readCode reads one prefix code of an alphabet.
func (d *Reader) readCode(alphabet int) (prefixCode, error) {
	lengths := d.lengths[:max(alphabet, 256)]
	clear(lengths)
	if d.bits(1) == 1 { // simple code length code
		two := d.bits(1) == 1
		lengths[d.bits(1+7*uint(d.bits(1)))] = 1
		if two {
			lengths[d.bits(8)] = 1
		}
	} else if err := d.readCodeLengths(lengths[:alphabet]); err != nil {
		return prefixCode{}, err
	}
	c, ok := d.build(lengths[:alphabet])
	if !ok {
		return c, d.corrupt("an incomplete prefix code")
	}
	return c, nil
}

// readCodeLengths reads a normal code length code, and with it the lengths of a code.
func (d *Reader) readCodeLengths(lengths []uint8) error {
	var first [19]uint8
	for i := range 4 + d.bits(4) {
		first[codeLengthOrder[i]] = uint8(d.bits(3))
	}
	d.scratch.free = d.scratchTable[:]
	code, ok := d.scratch.build(first[:])
	if !ok {
		return d.corrupt("an incomplete code length code")
	}
	symbols := len(lengths)
	if d.bits(1) == 1 {
		symbols = 2 + d.bits(2+2*uint(d.bits(3)))
		if symbols > len(lengths) {
			return d.corrupt("%d code lengths for %d symbols", symbols, len(lengths))
		}
	}
	previous := uint8(8)
	for i := 0; i < len(lengths) && symbols > 0; symbols-- {
		s := code.symbol(&d.bitReader)
		if s < 16 {
			lengths[i] = uint8(s)
			i++
			if s != 0 {
				previous = uint8(s)
			}
			continue
		}
		var n int
		var l uint8
		switch s {
		case 16:
			n, l = 3+d.bits(2), previous
		case 17:
			n = 3 + d.bits(3)
		case 18:
			n = 11 + d.bits(7)
		}
		if n > len(lengths)-i {
			return d.corrupt("more code lengths than symbols")
		}
		for range n {
			lengths[i] = l
			i++
		}
	}
	return nil
}
