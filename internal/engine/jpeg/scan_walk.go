package jpeg

import (
	"encoding/binary"
	"sync"
	"sync/atomic"

	"github.com/imgmill/imgmill/internal/engine/dct"
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

// window is the bits of a stretch that come next. Its fields are kept apart from the stretch so that they stay in registers.
type window struct {
	bits uint64 // the next ones, at the top
	have uint   // how many of bits are accounted for, at most 63
	next uint   // byte in mem at which the bits after these begin
}

// minFill is how many bits a window has at least after fill.
const minFill = 56

// from is the window at bit pos.
func (c *stretch) from(pos uint) window {
	w := c.fill(window{next: pos >> 3})
	return w.drop(pos & 7)
}

// pos is the bit at which the window begins.
func (w window) pos() uint { return w.next*8 - w.have }

// fill adds to the window what there is room for in whole bytes. The load does not depend on the codes that were looked up
// since the last one, so nothing waits for it.
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

// walkTables are what a kernel looks a unit's bits up in. Those of amd64 and arm64 know this layout.
type walkTables struct {
	dc    *[1 << lookBits]uint32
	pairs *[1 << pairBits]uint64
	skip  *[2 << skipBits]uint16
	steps *[advances]uint32
	ends  *[advances]uint8
	keep  uint
	at    uint // bytes before the block in those of an MCU
	look  *[1 << lookBits]uint32
}

const (
	// advances is more than the places of a block and what the symbols of one look-up can add to them.
	advances = 63 + 16 + endAfter
	// blockRoom is how many coefficients from a block's first on must be there to be written.
	blockRoom = 65
	// unended is what walkEnds has for a block of which more is to come or which has gone too far.
	unended = 64
)

// walkEnds gives the place in the zigzag order of a block's last coefficient by the sum of all advances.
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

// stepTable has, by the sum of advances, the quantisation step in the upper half and the place of the coefficient in the
// block in the lower. The places of coefficients that scale n does not need are one beyond what it reads: at the end of a row of 8
// if rows are less full, else behind the block.
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
		if z := zigzag[place]; int(z&7) < n && int(z>>3) < n {
			t[k] = uint32(quant[place])<<16 | uint32(int(z>>3)*pitch+int(z&7))
		}
	}
	return t
}

// walk keeps the coefficients of the MCUs that begin before bit end, up to limit of them. If the data ends in one, that one is
// completed with zero bits, as libjpeg does, and is the last.
func (c *stretch) walk(m *mcu, end uint, limit int) {
	c.reserve(m, limit)
	c.pos = c.walkMCUs(m, c.from(c.pos), end, limit).pos()
}

// reserve makes room for n MCUs, and to point behind them.
func (c *stretch) reserve(m *mcu, n int) {
	if need := n*len(m.units) + 1; len(c.ends) < need {
		c.ends = make([]uint8, need)
	}
	if need := n*m.size + blockRoom; len(c.coef) < need {
		c.coef = make([]int16, need)
	}
}

func (c *stretch) walkMCUsGo(m *mcu, w window, end uint, limit int) window {
	for ; c.mcus < limit && w.pos() < end; c.mcus++ {
		coef := c.coef[c.mcus*m.size:][:m.size+blockRoom]
		ends := c.ends[c.mcus*len(m.units):][:len(m.units)]
		if m.size > len(m.units) { // else every coefficient is written
			clear(coef[:m.size])
		}
		for i := range m.units {
			u := &m.units[i]
			ends[i], w = c.walkBlock(u, (*[blockRoom]int16)(coef[u.at:]), w)
		}
	}
	return w
}

// walkBlock decodes a block as far as its scale needs it: the difference of its DC coefficient, and the AC coefficients
// times their steps. end is the place in the zigzag order of the last that may be other than zero.
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

// walkAC decodes a block's AC coefficients behind place k (T.81 F.2.2.2).
func (c *stretch) walkAC(u *unit, block *[blockRoom]int16, w window, k uint) (end uint8, after window) {
	look := &u.ac.look
	left := 0 // look-ups that the bits of the window are enough for
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
			left = 2 // a code and a value are at most 31 bits
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
		z := u.steps[min(k, 63)] // a coefficient beyond is the last, as libjpeg has it
		block[z&127] = int16(v * int32(z>>16))
	}
	if k < 63 {
		w = c.passAC(u.ac, w, k)
	}
	return uint8(min(k, 63)), w
}

// passAC passes over the rest of a block's AC coefficients, of which the one at place k was the last.
func (c *stretch) passAC(t *decodeTable, w window, k uint) window {
	skip := t.skip
	for {
		w = c.fill(w) // three entries are within minFill bits
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
		// The entry holds no symbol, or some that are the next block's.
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
