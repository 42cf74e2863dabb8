package decode

import (
	"encoding/binary"
	"math/bits"
)

// refine decodes one more bit of a block's nonzero coefficients, and those that become nonzero with
// it (T.81 G.1.2.3).
func (s *progressiveScan) refine(t *decodeTable, c *coefficients, low []int16, nonzero *uint64) {
	mask := *nonzero
	mem, pos := s.bits.mem[:], s.bits.pos
	if s.endRun > 0 {
		s.endRun--
		if set := mask & band(s.ss, s.se); set != 0 {
			s.bits.pos = s.correct(c, low, set, load64(mem, pos), pos)
		}
		return
	}
	// A run counts coefficients that are zero, so that where it ends is looked up in the list of
	// those, and the nonzero ones that it passes are the rest of the distance.
	next, zeros, n := s.ss, 0, -1 // zeros is how many of the n in the list are passed
	fresh := uint64(0)
	acc, have := load64(mem, pos), 57 // the bits from pos on, and how many of them are valid
	for next <= s.se {
		if have < 32 { // the longest symbol
			acc, have = load64(mem, pos), 57
		}
		e := t.look[acc>>(64-lookBits)]
		l, v := uint(e&lengthMask), int32(e)>>valueShift
		run := int(e>>advanceShift&advanceMask) - 1
		if e&entrySpecial != 0 {
			var symbol uint8
			symbol, v, l = t.resolve(acc)
			s.bits.bad = s.bits.bad || l == badLength && symbol == 0
			if run = int(symbol >> 4); symbol&15 == 0 && run < 15 {
				s.bits.pos = pos + l
				s.startEndRun(uint8(run))
				s.endRun--
				pos = s.bits.pos
				pos = s.correct(c, low, mask&band(next, s.se), load64(mem, pos), pos)
				break
			}
		}
		if n < 0 {
			n = s.list(band(s.ss, s.se) &^ mask)
		}
		pos += l
		zeros += run
		if zeros >= n { // The run ends past the band.
			pos = s.correct(c, low, mask&band(next, s.se), load64(mem, pos), pos)
			break
		}
		stop := int(s.places[zeros&63])
		zeros++
		passed := uint(stop - next - run)
		if next <= c.keep && passed > 0 {
			s.correct(c, low, mask&band(next, stop), load64(mem, pos), pos)
		}
		pos += passed
		acc <<= (l + passed) & 63
		have -= int(l + passed)
		next = stop + 1
		if v != 0 {
			fresh |= 1 << (stop & 63)
			if stop > c.keep {
				continue
			}
			if at := c.at[stop&63]; at != dropped {
				low[at] = int16(v << s.al)
			}
		}
	}
	*nonzero = mask | fresh
	s.bits.pos = pos
}

// band returns the set of the indices from first to last.
func band(first, last int) uint64 {
	return ^uint64(0) >> ((63 - last) & 63) & (^uint64(0) << (first & 63))
}

// list lists the members of a set in places, and returns how many there are.
func (s *progressiveScan) list(set uint64) (n int) {
	for from := uint64(0); set != 0; from += 8 * inEach {
		b := uint8(set)
		binary.LittleEndian.PutUint64(s.places[n&63:], places[b]+from)
		n += bits.OnesCount8(b)
		set >>= 8
	}
	return n
}

// inEach is 1 in each byte.
const inEach = 0x0101010101010101

// places holds the indices of the bits that are set in a byte, the lowest first, in a byte each.
var places = func() (t [256]uint64) {
	for b := range t {
		n := 0
		for i := range uint64(8) {
			if b>>i&1 != 0 {
				t[b] |= i << n
				n += 8
			}
		}
	}
	return t
}()

// correct reads a correction bit for each coefficient in set, starting at pos, and returns the
// position after them. acc holds at least 26 bits from pos on. Kept coefficients come first in the
// zigzag order, so the bits of the others need not be examined. A bit can be neither foreseen nor
// worth a jump.
func (s *progressiveScan) correct(c *coefficients, low []int16, set, acc uint64, pos uint) uint {
	after := pos + uint(bits.OnesCount64(set))
	set &= ^uint64(0) >> (63 - c.keep)
	one, up := int16(1)<<s.al, uint(15-s.al)&15
	for ; set != 0; set &= set - 1 {
		if pos&15 == 0 {
			acc = load64(s.bits.mem[:], pos)
		}
		if at := c.at[bits.TrailingZeros64(set)&63]; at != dropped {
			v := low[at]
			sign := v >> 15
			add := int16(int64(acc)>>63) &^ (v << up >> 15) // all ones if the bit is 1, and not yet there
			low[at] = v + (one^sign-sign)&add
		}
		acc <<= 1
		pos++
	}
	return after
}
