package vp8l

// Most pixels of a photograph are literals whose three codes have few bits together. Those that fit in
// shortBits are decoded by one look-up, five of them with one refill.
const (
	shortBits   = 10
	shortSize   = 1 << shortBits
	shortAtOnce = 5 // 5*shortBits are at most 56
)

// shortCodes are the literals whose codes begin the next bits: red, green and blue, and above them the
// length of the codes, which is at least 1. Where there is none, the element is zero.
type shortCodes [shortSize]uint32

// worthShort is after how many pixels of a group the table pays for itself.
const worthShort = 16 * shortSize

// shortMemory is at most how many bytes the tables of a w×h picture take.
func shortMemory(w, h int) int64 { return int64(w) * int64(h) / worthShort * 4 * shortSize }

// use counts pixels that are decoded with the group's codes. Once there are enough of them, it makes the
// table of short codes, and keeps it if a third of all pixels are likely to be in it: if codes are well
// chosen, their bits look random.
func (g *prefixGroup) use(n int) {
	if g.coded >= worthShort || g.alpha.mask != 0 {
		return
	}
	if g.coded += n; g.coded < worthShort {
		return
	}
	if table, found := g.shortTable(); found > shortSize/3 {
		g.short = table
	}
}

// shortTable returns the table of short codes, and how many of its elements are not zero.
func (g *prefixGroup) shortTable() (table *shortCodes, found int) {
	table = new(shortCodes)
	for i := range table {
		if table[i] = g.shortCode(uint64(i)); table[i] != 0 {
			found++
		}
	}
	return table, found
}

// shortCode returns the element of shortCodes for the next bits, of which only shortBits are known.
func (g *prefixGroup) shortCode(val uint64) uint32 {
	green := g.green.entry(val)
	red := g.red.entry(val >> (green & 15))
	blue := g.blue.entry(val >> (green&15 + red&15))
	length := green&15 + red&15 + blue&15
	if green>>4 >= 256 || length > shortBits {
		return 0
	}
	return uint32(length)<<24 | uint32(red>>4)<<16 | uint32(green>>4)<<8 | uint32(blue>>4)
}
