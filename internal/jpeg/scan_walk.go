package jpeg

import (
	"sync"
	"sync/atomic"
)

// stretch is a piece of entropy-coded data, freed of stuffed zeros, and what the MCUs say that begin in it. A block of n×n
// samples has n rows of 8 coefficients, of which the n lowest count, dequantised but for the first: that is the difference
// of its DC coefficient. A block of one sample has only this.
type stretch struct {
	mem   [memSize]byte
	size  uint  // bytes of data in mem; zeros follow
	fresh bool  // it begins a segment: the data in mem begins at leadSize
	last  bool  // nothing but a marker follows the data
	found byte  // that marker, 0 at the end of the stream
	at    int64 // offset in the stream of what follows
	until uint  // bit before which its MCUs begin
	first uint  // bit at which the first MCU begins that was walked
	pos   uint  // bit at which the next MCU begins
	coef  []int16
	ends  []uint8 // by block: place in the zigzag order of the last coefficient that may be other than zero
	mcus  int     // in coef
	taken int     // of them
	bad   bool    // a code was none

	claimed atomic.Bool   // someone walks it or has
	done    chan struct{} // told once it was walked ahead
	failed  bool          // that walk panicked
}

// stretches are those that no decode uses: a small picture takes as long to clear new ones as to walk through some.
var stretches = sync.Pool{New: func() any { return &stretch{done: make(chan struct{}, 1)} }}

// begin forgets the MCUs; the next one begins at bit pos.
func (c *stretch) begin(pos uint) {
	c.first, c.pos = pos, pos
	c.mcus, c.taken, c.bad = 0, 0, false
}

// lead is the bit at which a walk ahead begins.
func (c *stretch) lead() uint {
	if c.fresh {
		return leadSize * 8
	}
	return 0
}

// starved tells whether bits past the end of the data have been used.
func (c *stretch) starved() bool { return c.last && c.pos > c.size*8 }

// walk keeps the coefficients of the MCUs that begin before bit end, until limit are there. If the data ends in one, that one is
// completed with zero bits, as libjpeg does, and is the last.
func (c *stretch) walk(m *mcu, end uint, limit int) {
	c.reserve(m, limit)
	for ; c.mcus < limit && c.pos < end; c.mcus++ {
		coef := c.coef[c.mcus*m.size:][:m.size+64]
		ends := c.ends[c.mcus*len(m.units):][:len(m.units)]
		if m.size > len(m.units) { // else every coefficient is written
			clear(coef[:m.size])
		}
		for i := range m.units {
			u := &m.units[i]
			if u.n == 1 {
				coef[u.at] = int16(c.passBlock(u))
			} else {
				ends[i], _ = c.walkBlock(u, (*[64]int16)(coef[u.at:]), 0, 1)
			}
		}
	}
}

// reserve makes room for n MCUs.
func (c *stretch) reserve(m *mcu, n int) {
	if need := n * len(m.units); len(c.ends) < need {
		c.ends = make([]uint8, need)
	}
	if need := n*m.size + 64; len(c.coef) < need {
		c.coef = make([]int16, need)
	}
}

// passBlock decodes a block's DC coefficient and passes over the others.
func (c *stretch) passBlock(u *unit) (diff int32) {
	pos := c.pos
	acc := load64(c.mem[:], pos)
	if e := u.dc.look[acc>>(64-lookBits)]; e&entrySpecial == 0 {
		acc <<= e & lengthMask
		pos += uint(e & lengthMask)
		diff = int32(e) >> valueShift
	} else {
		symbol, v, l := u.dc.resolve(acc)
		c.bad = c.bad || l == badLength && symbol == 0
		pos += l
		acc = load64(c.mem[:], pos)
		diff = v
	}
	c.pos = c.passAC(u.ac, acc, pos, 0)
	return diff
}

// walkBlock decodes a block (T.81 F.2.2), as far as its scale needs it: to a sum of the differences of DC coefficients it
// adds the next, and the new sum times step is the first coefficient. end is the place in the zigzag order of the last
// that may be other than zero.
func (c *stretch) walkBlock(u *unit, block *[64]int16, sum, step int32) (end uint8, newSum int32) {
	mem, pos := &c.mem, c.pos
	acc := load64(mem[:], pos)
	left := looks - 1 // look-ups that the bits in acc are enough for
	if e := u.dc.look[acc>>(64-lookBits)]; e&entrySpecial == 0 {
		acc <<= e & lengthMask
		pos += uint(e & lengthMask)
		sum += int32(e) >> valueShift
	} else {
		symbol, v, l := u.dc.resolve(acc)
		c.bad = c.bad || l == badLength && symbol == 0
		pos += l
		acc = load64(mem[:], pos)
		sum += v
	}
	block[0] = int16(sum * step)
	k, keep, look := uint(0), u.keep, &u.ac.look
	for k < keep {
		if left == 0 {
			acc = load64(mem[:], pos)
			left = looks
		}
		left--
		e := look[acc>>(64-lookBits)]
		v, l := int32(e)>>valueShift, uint(e&lengthMask)
		if e&entrySpecial != 0 {
			if e>>advanceShift&advanceMask == endOfBlock {
				c.pos = pos + l
				return uint8(k), sum
			}
			acc = load64(mem[:], pos)
			left = 2 // 57 bits less a code and a value, which are at most 32
			if size := uint(e>>valueShift) & 15; l != 0 && size != 0 {
				v = extend(uint32(acc<<((l-size)&63)>>((64-size)&63)), size)
			} else {
				var symbol uint8
				symbol, v, l = u.ac.resolve(acc)
				c.bad = c.bad || l == badLength && symbol == 0
				e = (uint32(symbol>>4) + 1) << advanceShift
				if symbol&15 == 0 && symbol>>4 < 15 {
					c.pos = pos + l
					return uint8(k), sum
				}
			}
		}
		acc <<= l & 63
		pos += l
		k += uint(e >> advanceShift & advanceMask)
		z := u.scale[uint8(k)]
		block[z&63] = int16(v * int32(z>>6))
	}
	if k < 63 {
		pos = c.passAC(u.ac, load64(mem[:], pos), pos, k)
	}
	c.pos = pos
	return uint8(min(k, 63)), sum
}

// passAC passes over the rest of a block's AC coefficients, of which the one at place k was the last. acc holds the bits
// from pos on, enough of them for two skip entries.
func (c *stretch) passAC(t *decodeTable, acc uint64, pos, k uint) uint {
	mem, skip := &c.mem, t.skip
	for {
		e := uint(skip[1<<skipBits+acc>>(64-skipBits)])
		next := k + e>>5
		if next < 63 {
			acc <<= e & 31
			pos += e & 31
			e = uint(skip[1<<skipBits+acc>>(64-skipBits)])
			k = next
			next += e >> 5
			if next < 63 {
				pos += e & 31
				acc = load64(mem[:], pos)
				e = uint(skip[1<<skipBits+acc>>(64-skipBits)])
				k = next
				next += e >> 5
				if next < 63 {
					acc <<= e & 31
					pos += e & 31
					k = next
					continue
				}
			}
		}
		if next == 63 || next-endOfBlock < 63 {
			return pos + e&31
		}
		// The entry holds no symbol, or some that are the next block's.
		symbol, _, l := t.resolve(load64(mem[:], pos))
		c.bad = c.bad || l == badLength && symbol == 0
		pos += l
		k += uint(symbol>>4) + 1
		if k >= 63 || symbol&15 == 0 && symbol>>4 < 15 {
			return pos
		}
		acc = load64(mem[:], pos)
	}
}
