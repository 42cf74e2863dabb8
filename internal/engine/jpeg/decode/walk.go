package decode

import (
	"encoding/binary"
	"sync"

	"github.com/imgmill/imgmill/internal/engine/dct"
	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
)

// stretch is a piece of entropy-coded data without stuffed zeros, and the decoded MCUs that start
// in it. A block of n×n samples has n rows of dct.Pitch(n) coefficients, of which the n lowest are
// significant. All are dequantised except the first, which is the difference of the DC coefficient.
// A block of one sample has only this difference.
type stretch struct {
	mem   [memSize]byte
	size  uint  // bytes of data in mem; zeros follow
	fresh bool  // whether it starts a segment; the data in mem then starts at leadSize
	last  bool  // whether only a marker or the end of the stream follows the data
	found byte  // that marker; 0 at the end of the stream
	at    int64 // offset in the stream of what follows
	until uint  // bit before which its MCUs start
	first uint  // bit at which the first walked MCU starts
	pos   uint  // bit at which the next MCU starts
	coef  []int16
	// ends holds by block the index in the zigzag order of the last coefficient that may be nonzero. Tracks do
	// not set it on amd64, where transforms do not use it.
	ends  []uint8
	mcus  int  // number of MCUs in coef
	taken int  // number of those that have been taken
	bad   bool // whether there was an invalid code

	unit, place int // where tracks are within an MCU: the block, and the place in it
	cleared     int // number of coefficients that are zero, or that tracks have written

	tracked bool          // whether the only thread is walking it ahead or has done so
	group   *group        // of several threads; nil if it is not walked ahead
	done    chan struct{} // receives a value after a walk ahead; nil in the pool and for one thread
	failed  bool          // whether that walk panicked
}

// stretches holds unused ones: for a small picture, clearing a new stretch takes as long as walking
// one. They have no channels, which would belong to a bubble of package testing/synctest for good.
var stretches = sync.Pool{New: func() any { return new(stretch) }}

// begin discards the MCUs; the next one starts at bit pos.
func (c *stretch) begin(pos uint) {
	c.first, c.pos = pos, pos
	c.mcus, c.taken, c.bad = 0, 0, false
	c.unit, c.place, c.cleared = 0, 0, 0
}

// lead is the bit at which a walk ahead starts.
func (c *stretch) lead() uint {
	if c.fresh {
		return leadSize * 8
	}
	return 0
}

// starved reports whether bits after the end of the data have been used.
func (c *stretch) starved() bool { return c.last && c.pos > c.size*8 }

// window holds the next bits of a stretch. It is separate from the stretch so that its fields stay
// in registers.
type window struct {
	bits uint64 // the next bits, starting at the most significant one
	have uint   // number of valid bits, at most 63
	next uint   // index in mem of the byte that follows them
}

// minFill is the least number of bits in a window after fill.
const minFill = 56

// from returns the window at bit pos.
func (c *stretch) from(pos uint) window {
	w := c.fill(window{next: pos >> 3})
	return w.drop(pos & 7)
}

// pos is the bit at which the window starts.
func (w window) pos() uint { return w.next*8 - w.have }

// fill adds as many whole bytes to the window as fit. The load does not depend on codes looked up
// since the previous one, so nothing has to wait for it.
func (c *stretch) fill(w window) window {
	w.bits |= binary.BigEndian.Uint64(c.mem[w.next:w.next+8:w.next+8]) >> (w.have & 63)
	w.next += (63 - w.have) >> 3
	w.have |= minFill
	return w
}

func (w window) drop(n uint) window {
	w.bits <<= n & 63
	w.have -= n
	return w
}

// walkTables are the look-up tables of a unit. The kernels for amd64 and arm64 rely on this layout.
type walkTables struct {
	dc    *[1 << lookBits]uint32
	pairs *[1 << pairBits]uint64
	skip  *[2 << skipBits]uint16
	steps *[advances]uint32
	ends  *[advances]uint8
	keep  uint
	at    uint // offset of the block in those of an MCU, in bytes
	look  *[1 << lookBits]uint32
}

const (
	// advances is more than the largest index in a block plus what the symbols of one look-up can
	// add to it.
	advances = 63 + 16 + endAfter
	// blockRoom is how many coefficients from a block's first on must be writable.
	blockRoom = 65
	// unended is the value in walkEnds for a block that is not complete or that has run past its
	// end.
	unended = 64
)

// walkEnds maps the sum of all advances of a block to the index in the zigzag order of its last
// coefficient.
var walkEnds = func() *[advances]uint8 {
	ends := new([advances]uint8)
	for k := range ends {
		ends[k] = unended
		for _, code := range []int{0, endWith, endAfter} {
			if place := k - code; place >= 0 && place < 63 && code > 0 || place == 63 && code == 0 {
				ends[k] = uint8(place)
			}
		}
	}
	return ends
}()

// stepTable maps the sum of advances to the quantisation step, in the upper half, and to the
// position of the coefficient in the block, in the lower half. Coefficients that scale n does not
// need go to a position that it does not read: the end of a row if rows have unused room, else
// the one after the block.
func stepTable(quant *[64]uint16, n int) *[advances]uint32 {
	pitch := dct.Pitch(n)
	unread := uint32(pitch - 1)
	if n == pitch {
		unread = uint32(n * n)
	}
	t := new([advances]uint32)
	for k := range t {
		t[k] = unread
		place := k
		if k >= endWith {
			place -= endWith
		}
		if place > 63 {
			continue
		}
		if z := stream.Zigzag[place]; int(z&7) < n && int(z>>3) < n {
			t[k] = uint32(quant[place])<<16 | uint32(int(z>>3)*pitch+int(z&7))
		}
	}
	return t
}

// walk decodes the coefficients of the MCUs that start before bit end, up to limit of them. If the
// data ends within an MCU, that MCU is completed with zero bits, as libjpeg does, and is the last.
func (c *stretch) walk(m *mcu, end uint, limit int) {
	c.reserve(m, limit)
	c.pos = c.walkMCUs(m, c.from(c.pos), end, limit).pos()
}

// reserve makes room for n MCUs, and for a pointer to the position after them.
func (c *stretch) reserve(m *mcu, n int) {
	if need := n*len(m.units) + 1; len(c.ends) < need {
		c.ends = make([]uint8, need)
	}
	if need := n*m.size + blockRoom; len(c.coef) < need {
		c.coef = make([]int16, need)
	}
}

// room is for how many MCUs a stretch has room. One that has been used for another MCU may have room for more of their
// coefficients.
func (c *stretch) room(m *mcu) int {
	return min((len(c.coef)-blockRoom)/m.size, (len(c.ends)-1)/len(m.units))
}

func (c *stretch) walkMCUsGo(m *mcu, w window, end uint, limit int) window {
	for ; c.mcus < limit && w.pos() < end; c.mcus++ {
		coef := c.coef[c.mcus*m.size:][:m.size+blockRoom]
		ends := c.ends[c.mcus*len(m.units):][:len(m.units)]
		if m.size > len(m.units) { // Otherwise every coefficient is written.
			clear(coef[:m.size])
		}
		for i := range m.units {
			u := &m.units[i]
			ends[i], w = c.walkBlock(u, (*[blockRoom]int16)(coef[u.at:]), w)
		}
	}
	return w
}

// walkBlock decodes a block as far as its scale needs it: the difference of its DC coefficient, and
// the AC coefficients times their steps. end is the index in the zigzag order of the last
// coefficient that may be nonzero.
func (c *stretch) walkBlock(u *unit, block *[blockRoom]int16, w window) (end uint8, after window) {
	diff, w := c.walkDC(u, w)
	block[0] = int16(diff)
	return c.walkAC(u, block, w, 0)
}

// walkDC decodes the difference of a block's DC coefficient (T.81 F.2.2.1).
func (c *stretch) walkDC(u *unit, w window) (diff int32, after window) {
	w = c.fill(w)
	e := u.dc.look[w.bits>>(64-lookBits)]
	if e&entrySpecial == 0 {
		return int32(e) >> valueShift, w.drop(uint(e & lengthMask))
	}
	symbol, v, l := u.dc.resolve(w.bits)
	c.bad = c.bad || l == badLength && symbol == 0
	return v, w.drop(l)
}

// walkAC decodes a block's AC coefficients after index k (T.81 F.2.2.2).
func (c *stretch) walkAC(u *unit, block *[blockRoom]int16, w window, k uint) (end uint8, after window) {
	look := &u.ac.look
	left := 0 // number of look-ups for which the window has enough bits
	for k < u.keep {
		if left == 0 {
			w = c.fill(w)
			left = minFill / lookBits
		}
		left--
		e := look[w.bits>>(64-lookBits)]
		v, l := int32(e)>>valueShift, uint(e&lengthMask)
		if e&entrySpecial != 0 {
			if e>>advanceShift&advanceMask == endOfBlock {
				return uint8(k), w.drop(l)
			}
			w = c.fill(w)
			left = 2 // A code and its value have at most 31 bits.
			if size := uint(e>>valueShift) & 15; l != 0 && size != 0 {
				v = extend(uint32(w.bits<<((l-size)&63)>>((64-size)&63)), size)
			} else {
				var symbol uint8
				symbol, v, l = u.ac.resolve(w.bits)
				c.bad = c.bad || l == badLength && symbol == 0
				e = (uint32(symbol>>4) + 1) << advanceShift
				if symbol&15 == 0 && symbol>>4 < 15 {
					return uint8(k), w.drop(l)
				}
			}
		}
		w = w.drop(l)
		k += uint(e >> advanceShift & advanceMask)
		z := u.steps[min(k, 63)] // One past the end counts as the last, as in libjpeg.
		block[z&127] = int16(v * int32(z>>16))
	}
	if k < 63 {
		w = c.passAC(u.ac, w, k)
	}
	return uint8(min(k, 63)), w
}

// passAC skips the rest of a block's AC coefficients after the one at index k.
func (c *stretch) passAC(t *decodeTable, w window, k uint) window {
	skip := t.skip
	for {
		w = c.fill(w) // Three entries have at most minFill bits.
		e := uint(skip[1<<skipBits+w.bits>>(64-skipBits)])
		next := k + e>>6
		if next < 63 {
			w = w.drop(e & 63)
			e = uint(skip[1<<skipBits+w.bits>>(64-skipBits)])
			k = next
			next += e >> 6
			if next < 63 {
				w = w.drop(e & 63)
				e = uint(skip[1<<skipBits+w.bits>>(64-skipBits)])
				k = next
				next += e >> 6
				if next < 63 {
					w = w.drop(e & 63)
					k = next
					continue
				}
			}
		}
		if next == 63 || next-endOfBlock < 63 {
			return w.drop(e & 63)
		}
		// The entry holds no symbol, or some that belong to the next block.
		w = c.fill(w)
		symbol, _, l := t.resolve(w.bits)
		c.bad = c.bad || l == badLength && symbol == 0
		w = w.drop(l)
		k += uint(symbol>>4) + 1
		if k >= 63 || symbol&15 == 0 && symbol>>4 < 15 {
			return w
		}
	}
}
