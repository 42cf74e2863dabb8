package png

import "math/bits"

// Sizes of the tables: how many bits select an entry, and how many entries there are with those for
// longer codes. 2342 and 402 are the most that complete codes of up to 15 bits need for 288 and 32
// symbols.
const (
	litBits, litTable   = 11, 2342
	distBits, distTable = 8, 402
)

// entry of a decoding table:
//
//	bits 0-5    how many bits a code and its extra bits have, or the codes of two literals
//	bits 8-11   how many bits the first code has
//	bit 12      it is a literal
//	bit 13      there are two literals
//	bits 16-31  the literals, the base of the length, or that of the distance
//
// A special one has bit 15 set. If bit 14 is set too, more bits are needed: bits 0-3 are their
// number and bits 16-31 the place of their entries. If bit 13 is set, the block ends. Otherwise the
// code is invalid.
type entry uint32

const (
	pairEntry    = entry(1) << 13
	literalEntry = entry(1) << 12
	specialEntry = entry(1) << 15
	subEntry     = specialEntry | 1<<14
	endEntry     = specialEntry | 1<<13
)

func (e entry) literal() bool { return e&literalEntry != 0 }
func (e entry) special() bool { return e&specialEntry != 0 }
func (e entry) sub() bool     { return e&subEntry == subEntry }
func (e entry) ends() bool    { return e&endEntry == endEntry }

// lengths and distances are the entries of section 3.2.5 without their codes.
var lengths, distances = func() (l [32]entry, d [32]entry) {
	base := 3
	for i := range 28 {
		extra := max(i/4-1, 0)
		l[1+i] = entry(base<<16 | extra)
		base += 1 << extra
	}
	l[0], l[29], l[30], l[31] = endEntry, 258<<16, specialEntry, specialEntry
	base = 1
	for i := range 30 {
		extra := max(i/2-1, 0)
		d[i] = entry(base<<16 | extra)
		base += 1 << extra
	}
	d[30], d[31] = specialEntry, specialEntry
	return l, d
}()

// litSymbol returns the entry of a literal or length symbol without its code.
func litSymbol(s int) entry {
	if s < 256 {
		return literalEntry | entry(s)<<16
	}
	return lengths[s-256]
}

// pair joins two literals into one entry wherever the bits that select an entry hold both codes.
// Most codes of photographs are short, so this halves the number of look-ups.
func pair(table *[litTable]entry, codes []uint8) {
	shortest := uint8(15)
	for _, n := range codes[:256] {
		if n > 0 {
			shortest = min(shortest, n)
		}
	}
	if 2*shortest > litBits {
		return
	}
	for i := 1<<litBits - 1; i >= 0; i-- { // downwards, because i>>n is an entry that is still single
		e := table[i]
		if n := int(e & 63); e.literal() && n < litBits {
			if next := table[i>>n]; next.literal() && n+int(next&63) <= litBits {
				table[i] = e + next&63 | pairEntry | next>>16&255<<24
			}
		}
	}
}

func distSymbol(s int) entry { return distances[s] }

// makeTable fills the table of the codes with these lengths (section 3.2.2). It reports whether the
// codes are valid: complete, or a single one of one bit, or none at all.
func makeTable(table []entry, tableBits int, codes []uint8, symbol func(int) entry) bool {
	var count, next [16]int
	for _, n := range codes {
		count[n]++
	}
	used := len(codes) - count[0]
	count[0] = 0
	code, left := 0, 1
	for n := 1; n < 16; n++ {
		code = (code + count[n-1]) << 1
		next[n] = code
		if left = left<<1 - count[n]; left < 0 {
			return false
		}
	}
	if left > 0 {
		if used > 1 || used == 1 && count[1] == 0 {
			return false
		}
		for i := range 1 << tableBits {
			table[i] = specialEntry
		}
	}
	const begun = 0x80              // entries have been set aside for it
	var longest [1 << litBits]uint8 // code with these first bits, if longer than tableBits
	if count[15]+count[14]+count[13]+count[12]+count[11]+count[10]+count[9] > 0 {
		follow := next
		for _, n := range codes {
			if int(n) > tableBits {
				prefix := reverse(follow[n], int(n)) & (1<<tableBits - 1)
				longest[prefix] = max(longest[prefix], n)
			}
			follow[n]++
		}
	}
	free := 1 << tableBits
	for s, n := range codes {
		if n == 0 {
			continue
		}
		length := int(n)
		r := reverse(next[n], length)
		next[n]++
		to, size := table, tableBits
		if length > tableBits {
			prefix := r & (1<<tableBits - 1)
			more := int(longest[prefix]&15) - tableBits
			if longest[prefix]&begun == 0 {
				longest[prefix] |= begun
				table[prefix] = subEntry | entry(free)<<16 | entry(more)
				free += 1 << more
			}
			start := int(table[prefix]>>16) & 0xfff
			to, size = table[start:start+1<<more], more
			r >>= tableBits
			length -= tableBits
		}
		e := symbol(s)
		if e.special() && !e.ends() {
			e = specialEntry
		} else {
			e += entry(length<<8 | length)
		}
		for i := r; i < 1<<size; i += 1 << length {
			to[i] = e
		}
	}
	return true
}

// reverse returns the n bits of a code in the order in which they are read.
func reverse(code, n int) int { return int(bits.Reverse16(uint16(code))) >> (16 - n) }

// fixed makes the tables of section 3.2.6.
func (z *inflater) fixed() error {
	var codes [288]uint8
	for i := range codes {
		switch {
		case i < 144:
			codes[i] = 8
		case i < 256:
			codes[i] = 9
		case i < 280:
			codes[i] = 7
		default:
			codes[i] = 8
		}
	}
	makeTable(z.lit[:], litBits, codes[:], litSymbol)
	pair(&z.lit, codes[:])
	var far [32]uint8
	for i := range far {
		far[i] = 5
	}
	makeTable(z.dist[:], distBits, far[:], distSymbol)
	return nil
}

// lengthOrder is the order in which the lengths of the codes for code lengths are stored (section
// 3.2.7).
var lengthOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// dynamic reads the codes of a block and makes their tables (section 3.2.7).
func (z *inflater) dynamic() error {
	lits, dists, n := int(z.take(5))+257, int(z.take(5))+1, int(z.take(4))+4
	if lits > 286 || dists > 30 {
		return errCodes
	}
	var first [19]uint8
	for _, i := range lengthOrder[:n] {
		first[i] = uint8(z.take(3))
	}
	const tableBits = 7
	var table [1 << tableBits]entry
	if !makeTable(table[:], tableBits, first[:], func(s int) entry { return entry(s) << 16 }) {
		return errCodes
	}
	var codes [286 + 30]uint8
	for i := 0; i < lits+dists; {
		if z.past() {
			return z.truncated()
		}
		z.refill()
		e := table[z.bits&(1<<tableBits-1)]
		if e.special() {
			return errCodes
		}
		z.take(uint(e & 63))
		s := uint8(e >> 16)
		if s < 16 {
			codes[i] = s
			i++
			continue
		}
		var value uint8
		var times int
		switch s {
		case 16:
			if i == 0 {
				return errCodes
			}
			value, times = codes[i-1], 3+int(z.take(2))
		case 17:
			times = 3 + int(z.take(3))
		default:
			times = 11 + int(z.take(7))
		}
		if times > lits+dists-i {
			return errCodes
		}
		for range times {
			codes[i] = value
			i++
		}
	}
	if codes[256] == 0 || !makeTable(z.lit[:], litBits, codes[:lits], litSymbol) ||
		!makeTable(z.dist[:], distBits, codes[lits:lits+dists], distSymbol) {
		return errCodes
	}
	pair(&z.lit, codes[:])
	return nil
}
