package deflate

import (
	"encoding/binary"
	"math/bits"
)

// lengthSymbols are the symbols of lengths, from 0 on for 3 bytes.
var lengthSymbols = func() (symbols [maxMatch - minMatch + 1]uint16) {
	for i := range symbols {
		symbols[i] = uint16(257 + lengthSymbol(i))
	}
	return symbols
}()

// lengthSymbol returns which of the 29 symbols a length of 3 + n has (section 3.2.5).
func lengthSymbol(n int) int {
	switch {
	case n == maxMatch-minMatch:
		return 28
	case n < 8:
		return n
	}
	k := bits.Len(uint(n)) - 3
	return 4*k + n>>k
}

// lengthExtra returns how many bits follow a symbol of a length, and lengthBase the first n that has it.
func lengthExtra(s int) uint {
	if s < 8 || s == 28 {
		return 0
	}
	return uint(s/4 - 1)
}

func lengthBase(s int) int {
	switch {
	case s == 28:
		return maxMatch - minMatch
	case s < 8:
		return s
	}
	return (4 + s%4) << (s/4 - 1)
}

// distanceSymbol returns the symbol of a distance, and distanceExtra how many bits follow it.
func distanceSymbol(d int) int {
	d--
	if d < 4 {
		return d
	}
	k := bits.Len(uint(d)) - 2
	return 2*k + d>>k
}

func distanceExtra(s int) uint {
	if s < 4 {
		return 0
	}
	return uint(s/2 - 1)
}

// histogram counts the symbols of a block.
type histogram struct {
	lit  [litSymbols]uint32
	dist [distSymbols]uint32
}

func (h *histogram) add(tokens []token) {
	for _, t := range tokens {
		if n := t.length(); n > 0 {
			h.lit[lengthSymbols[n-minMatch]]++
			h.dist[distanceSymbol(t.distance())]++
		} else {
			h.lit[byte(t)]++
		}
	}
}

// addLiterals counts in two tables in turn: equal neighbours would wait for one another.
func (h *histogram) addLiterals(data []byte) {
	var other [256]uint32
	for len(data) >= 2 {
		h.lit[data[0]]++
		other[data[1]]++
		data = data[2:]
	}
	for _, v := range data {
		h.lit[v]++
	}
	for v, n := range other {
		h.lit[v] += n
	}
}

// join adds the counts of another histogram.
func (h *histogram) join(other *histogram) {
	for s, n := range other.lit {
		h.lit[s] += n
	}
	for s, n := range other.dist {
		h.dist[s] += n
	}
}

// prefixes are the codes of a block.
type prefixes struct {
	lit  [288]uint8 // lengths
	dist [32]uint8
	// The lengths as they are written (section 3.2.7): symbols, and of those from 16 on the repetitions
	// above them.
	header  []uint16
	lengths [lenSymbols]uint8
	nLit    int
	nDist   int
	nLen    int
	size    int // bits of the block, without its first three
}

// lengthOrder is the order in which the lengths of the codes of code lengths are written.
var lengthOrder = [lenSymbols]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// headerExtra is how many bits follow the symbols from 16 on.
var headerExtra = [...]uint{2, 3, 7}

// choose finds the codes of a block. The histogram contains the end of the block.
func (p *prefixes) choose(h *histogram) {
	lengths(p.lit[:litSymbols], h.lit[:], 15)
	lengths(p.dist[:distSymbols], h.dist[:], 15)
	p.nLit, p.nDist = litSymbols, distSymbols
	for p.nLit > 257 && p.lit[p.nLit-1] == 0 {
		p.nLit--
	}
	for p.nDist > 1 && p.dist[p.nDist-1] == 0 {
		p.nDist--
	}
	p.header = p.header[:0]
	var all [litSymbols + distSymbols]uint8
	n := copy(all[:], p.lit[:p.nLit])
	n += copy(all[n:], p.dist[:p.nDist])
	var counts [lenSymbols]uint32
	add := func(s, repeat int) {
		p.header = append(p.header, uint16(s|repeat<<8))
		counts[s]++
	}
	for i := 0; i < n; {
		v, run := all[i], 1
		for i+run < n && all[i+run] == v {
			run++
		}
		i += run
		if v == 0 {
			for ; run >= 11; run -= min(run, 138) {
				add(18, min(run, 138)-11)
			}
			if run >= 3 {
				add(17, run-3)
				run = 0
			}
		} else if run > 3 {
			add(int(v), 0)
			for run--; run >= 3; {
				k := min(run, 6)
				add(16, k-3)
				run -= k
			}
		}
		for range run {
			add(int(v), 0)
		}
	}
	lengths(p.lengths[:], counts[:], 7)
	p.nLen = lenSymbols
	for p.nLen > 4 && p.lengths[lengthOrder[p.nLen-1]] == 0 {
		p.nLen--
	}
	p.size = 14 + 3*p.nLen
	for s, n := range counts {
		p.size += int(n) * int(p.lengths[s])
		if s >= 16 {
			p.size += int(n) * int(headerExtra[s-16])
		}
	}
	p.size += h.bits(p.lit[:], p.dist[:])
}

// fixed sets the fixed codes (section 3.2.6).
func (p *prefixes) fixed(h *histogram) {
	for s := range p.lit {
		switch {
		case s < 144, s >= 280:
			p.lit[s] = 8
		case s < 256:
			p.lit[s] = 9
		default:
			p.lit[s] = 7
		}
	}
	for s := range p.dist {
		p.dist[s] = 5
	}
	p.size = h.bits(p.lit[:], p.dist[:])
}

// bits returns the bits of the symbols with codes of these lengths.
func (h *histogram) bits(lit, dist []uint8) (n int) {
	for s, count := range h.lit {
		l := uint(lit[s])
		if s > endOfBlock {
			l += lengthExtra(s - 257)
		}
		n += int(count) * int(l)
	}
	for s, count := range h.dist {
		n += int(count) * int(uint(dist[s])+distanceExtra(s))
	}
	return n
}

// bitWriter appends bits, the lowest first.
type bitWriter struct {
	out  []byte
	acc  uint64
	n    uint // bits in acc, fewer than 8 between calls
	dyn  prefixes
	fix  prefixes
	lit  [288]uint32 // codes, with their lengths above them
	dist [32]uint32
}

func (w *bitWriter) put(v uint64, n uint) {
	w.acc |= v << w.n
	for w.n += n; w.n >= 8; w.n -= 8 {
		w.out = append(w.out, byte(w.acc))
		w.acc >>= 8
	}
}

// align fills the last byte, if more is to follow with an empty block that is stored.
func (w *bitWriter) align(more bool) {
	if more {
		w.put(0, 3)
	}
	if w.n > 0 {
		w.put(0, 8-w.n)
	}
	if more {
		w.out = append(w.out, 0, 0, 0xff, 0xff)
	}
}

// choose finds the codes of a block, and reports whether they are its own.
func (w *bitWriter) choose(h *histogram) (p *prefixes, dynamic bool) {
	h.lit[endOfBlock]++
	w.dyn.choose(h)
	w.fix.fixed(h)
	if w.fix.size <= w.dyn.size {
		return &w.fix, false
	}
	return &w.dyn, true
}

// block writes a block of tokens, which stand for the first bytes of data, and returns their number.
func (w *bitWriter) block(data []byte, tokens []token, last bool) (n int) {
	for _, t := range tokens {
		n += max(1, t.length())
	}
	var h histogram
	h.add(tokens)
	if p := w.begin(data[:n], &h, last); p != nil {
		w.symbols(p, tokens)
	}
	return n
}

// literalBlock writes a block without matches.
func (w *bitWriter) literalBlock(data []byte, last bool) {
	var h histogram
	h.addLiterals(data)
	if p := w.begin(data, &h, last); p != nil {
		w.literals(p, data)
	}
}

// begin writes the head of a block and returns its codes, or it writes the whole block as it is and returns
// nil.
func (w *bitWriter) begin(data []byte, h *histogram, last bool) *prefixes {
	p, dynamic := w.choose(h)
	final := uint64(0)
	if last {
		final = 1
	}
	if n := len(data); n > 0 && (n+65534)/65535*40+8*n <= p.size {
		w.stored(data, final)
		return nil
	}
	if !dynamic {
		w.put(final|1<<1, 3)
	} else {
		w.put(final|2<<1, 3)
		w.head(p)
	}
	w.codes(p)
	return p
}

// stored writes blocks without compression (section 3.2.4).
func (w *bitWriter) stored(data []byte, final uint64) {
	for len(data) > 0 {
		n := min(len(data), 65535)
		last := final
		if n < len(data) {
			last = 0
		}
		w.put(last, 3)
		if w.n > 0 {
			w.put(0, 8-w.n)
		}
		w.out = binary.LittleEndian.AppendUint16(w.out, uint16(n))
		w.out = binary.LittleEndian.AppendUint16(w.out, ^uint16(n))
		w.out = append(w.out, data[:n]...)
		data = data[n:]
	}
}

// head writes the code lengths.
func (w *bitWriter) head(p *prefixes) {
	w.put(uint64(p.nLit-257)|uint64(p.nDist-1)<<5|uint64(p.nLen-4)<<10, 14)
	for _, s := range lengthOrder[:p.nLen] {
		w.put(uint64(p.lengths[s]), 3)
	}
	var code [lenSymbols]uint16
	codes(code[:], p.lengths[:])
	for _, v := range p.header {
		s := v & 255
		w.put(uint64(code[s]), uint(p.lengths[s]))
		if s >= 16 {
			w.put(uint64(v>>8), headerExtra[s-16])
		}
	}
}

// codes prepares the codes of a block.
func (w *bitWriter) codes(p *prefixes) {
	var code [288]uint16
	codes(code[:], p.lit[:])
	for s := range code {
		w.lit[s] = uint32(code[s]) | uint32(p.lit[s])<<16
	}
	codes(code[:], p.dist[:])
	for s := range w.dist {
		w.dist[s] = uint32(code[s]) | uint32(p.dist[s])<<16
	}
}

// end writes the end of a block, the first at bytes of which are written.
func (w *bitWriter) end(out []byte, at int, acc uint64, n uint) {
	w.out, w.acc, w.n = out[:at], acc, n
	c := w.lit[endOfBlock]
	w.put(uint64(c&0xffff), uint(c>>16))
}

// literals writes data and the end of the block, three codes of up to 15 bits at a time.
func (w *bitWriter) literals(p *prefixes, data []byte) {
	at := len(w.out)
	w.out = append(w.out, make([]byte, p.size/8+16)...)
	out, acc, n := w.out, w.acc, w.n
	lit := (*[256]uint32)(w.lit[:256])
	for ; len(data) >= 3; data = data[3:] {
		a, b, c := lit[data[0]], lit[data[1]], lit[data[2]]
		acc |= uint64(a&0xffff) << (n & 63)
		n += uint(a >> 16)
		acc |= uint64(b&0xffff) << (n & 63)
		n += uint(b >> 16)
		acc |= uint64(c&0xffff) << (n & 63)
		n += uint(c >> 16)
		binary.LittleEndian.PutUint64(out[at:], acc)
		at += int(n >> 3)
		acc >>= n & 56
		n &= 7
	}
	for _, v := range data {
		a := lit[v]
		acc |= uint64(a&0xffff) << (n & 63)
		n += uint(a >> 16)
		binary.LittleEndian.PutUint64(out[at:], acc)
		at += int(n >> 3)
		acc >>= n & 56
		n &= 7
	}
	w.end(out, at, acc, n)
}

// symbols writes tokens and the end of the block.
func (w *bitWriter) symbols(p *prefixes, tokens []token) {
	at := len(w.out)
	w.out = append(w.out, make([]byte, p.size/8+16)...)
	out, acc, n := w.out, w.acc, w.n
	for _, t := range tokens {
		length := t.length()
		if length == 0 {
			c := w.lit[byte(t)]
			acc |= uint64(c&0xffff) << n
			n += uint(c >> 16)
		} else {
			length -= minMatch
			s := lengthSymbols[length]
			c := w.lit[s]
			acc |= uint64(c&0xffff) << n
			n += uint(c >> 16)
			k := int(s) - 257
			acc |= uint64(length-lengthBase(k)) << n
			n += lengthExtra(k)
			d := t.distance()
			ds := distanceSymbol(d)
			c = w.dist[ds]
			acc |= uint64(c&0xffff) << n
			n += uint(c >> 16)
			extra := distanceExtra(ds)
			acc |= uint64((d-1)&(1<<extra-1)) << n
			n += extra
		}
		binary.LittleEndian.PutUint64(out[at:], acc)
		at += int(n >> 3)
		acc >>= n &^ 7
		n &= 7
	}
	w.end(out, at, acc, n)
}
