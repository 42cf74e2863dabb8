//go:build !purego

package decode

import (
	"slices"
	"unsafe"
)

// A track's state holds the number of bits that have been used, from bit 0 on, and from placeShift on
// the place in the block, which is placeStart after its DC coefficient. Entries of look-ups have the
// same fields. From placeEnd on, the block has ended.
const (
	// maxTracks is the number of tracks.
	maxTracks = 4

	placeShift = 7
	placeEnd   = 256
	placeStart = placeEnd - 63
	placeCount = 512
	// placeEnds is what an end-of-block code adds: more than other symbols of an entry together.
	placeEnds = maxRun + 63
	// placeUnknown is what an entry adds that holds no symbol: more than all others.
	placeUnknown = placeEnds + maxRun + 63
	// placeSpecial is the class of places that are not valid after a block.
	placeSpecial = 128

	keptBits = 11 // of a look-up of a coefficient that is kept
	// keptLong is the number of bits of an entry of trackTables.dc that holds no symbol: more than a
	// window has.
	keptLong = 64
	// maxKeptDC is the largest number of bits of an entry of trackTables.dc: after it, a window has
	// enough bits for two look-ups of skip.
	maxKeptDC = 20
	// firstLong is the least code, left-aligned in 16 bits, for which there may be an entry in long.
	// The tables of encoders have their long codes at the end of the code space.
	firstLong = 1<<16 - 1<<13
)

// trackTables are the look-up tables of a unit for tracksKernel, which relies on this layout.
type trackTables struct {
	dc, kept *[1 << keptBits]uint32
	skip     *[1 << skipBits]uint16
	steps    *[placeCount][2]int32 // by place: the step, and the position of the coefficient in the block
	long     *uint16               // of codes longer than kept, from least on
	least    uint
	keep     uint // the state at the last index that the scale needs
	offset   uint // of the block in those of an MCU, in bytes
	index    uint // of the block in an MCU
}

// track is the state of a walk through a stretch.
type track struct {
	next *byte // where the next MCU starts, plus bits
	bits uint
	coef *int16 // coefficients of the next MCU
	ends *uint8 // ends of its blocks
	end  *byte  // MCUs start before it
	// Within an MCU:
	at        *byte
	block     *int16 // coefficients of the current block
	start     *byte  // where it starts, plus startBits
	startBits uint
	state     uint
}

// tracksRun is the state of tracksKernel.
type tracksRun struct {
	left                int // number of MCUs left
	units, past         *trackTables
	size, clear, blocks uint // of an MCU: bytes of its coefficients, how many to clear, and blocks
	classes             *[placeCount]uint8
	unread              *int16
	zero                uint
	unit                *trackTables
	keep                uint
	tracks              [maxTracks]track
	scrap               [blockRoom]int16
}

// tracksKernel walks MCUs of all tracks, until one has reached its end or no MCUs are left. It stops
// before an MCU if one of the tracks is at something that its tables do not cover. r points to a
// tracksRun.
//
//go:noescape
func tracksKernel(r *byte) (stopped bool)

// placeClasses maps the place after the last look-up in a block to the index in the zigzag order of
// its last coefficient, or to placeSpecial.
var placeClasses = func() *[placeCount]uint8 {
	t := new([placeCount]uint8)
	for p := range t {
		switch before := p - placeEnds; {
		case p >= placeStart && p <= placeEnd:
			t[p] = uint8(p - placeStart)
		case before >= placeStart && before < placeEnd:
			t[p] = uint8(before - placeStart)
		default:
			t[p] = placeSpecial
		}
	}
	return t
}()

// maxTrackScale is the largest scale at which stretches are walked on tracks: at larger ones, the
// kernel executes almost twice as many instructions as walkKernel; see docs/performance.md.
const maxTrackScale = 3

// trackable reports whether the processor supports the kernel, and whether it pays at the scale.
func (m *mcu) trackable() bool {
	large := func(u unit) bool { return u.n > maxTrackScale }
	return m.tables != nil && !slices.ContainsFunc(m.units, large)
}

// newTracks returns tracks for an MCU whose tables are ready.
func newTracks(m *mcu) *tracks {
	tables := make([]trackTables, len(m.units)+1) // The last is the end that past points to.
	r := &tracks{tracksRun: tracksRun{
		units: &tables[0], past: &tables[len(m.units)], classes: placeClasses,
		size: uint(m.size) * 2, blocks: uint(len(m.units)),
	}}
	if m.size > len(m.units) { // Otherwise every coefficient is written.
		r.clear = r.size
	}
	r.unread = &r.scrap[0]
	for i := range m.units {
		u := &m.units[i]
		dc, ac := u.dc.forTracks(true), u.ac.forTracks(false)
		t := &tables[i]
		*t = trackTables{
			dc: &dc.kept, kept: &ac.kept, skip: ac.skip, long: &ac.long[0], least: ac.least,
			keep: (placeStart + u.keep) << placeShift, offset: uint(u.at) * 2, index: uint(i),
		}
		if i > 0 && m.units[i-1].component == u.component {
			t.steps = tables[i-1].steps
			continue
		}
		t.steps = new([placeCount][2]int32)
		for p := range t.steps {
			e := u.steps[63+1] // not read
			if k := p - placeStart; k >= 0 && k <= 63 {
				e = u.steps[k]
			}
			t.steps[p] = [2]int32{int32(e >> 16), int32(e & 0xFFFF)}
		}
	}
	return r
}

// trackCodes are the look-up tables of a Huffman code for tracksKernel. The entries of kept have, from
// bit 0 on, the number of bits of a code and its value, from placeShift on how far they advance in the
// block, and the lowest 16 bits of what must be subtracted from all these bits to give the value. An
// entry of skip stands for one or more symbols without their values, and one of long has the number of
// bits of the code, that of its value from bit 5 on, and the advance from bit 9 on, or is 0.
type trackCodes struct {
	kept  [1 << keptBits]uint32
	skip  *[1 << skipBits]uint16
	long  []uint16
	least uint
}

// forTracks returns the tables for tracksKernel, and builds them if necessary.
func (t *decodeTable) forTracks(dc bool) *trackCodes {
	if t.tracks != nil {
		return t.tracks
	}
	s := new(trackCodes)
	t.tracks = s
	for x := range s.kept {
		s.kept[x] = t.keptEntry(uint32(x), dc)
	}
	if dc {
		return s
	}
	s.skip = new([1 << skipBits]uint16)
	for x := range s.skip {
		s.skip[x] = t.passEntry(uint64(x))
	}
	s.least = uint(max(t.limit[keptBits-1], firstLong))
	s.long = make([]uint16, 1<<16-s.least+1)
	for l := uint32(keptBits); l <= 16; l++ {
		for at := t.limit[l-1]; at < t.limit[l]; at += 1 << (16 - l) {
			symbol := t.symbol[uint8(int32(at>>(16-l))+t.delta[l])]
			if uint(at) < s.least || endsBlock(symbol) {
				continue
			}
			entries := s.long[uint(at)-s.least:][:1<<(16-l)]
			for i := range entries {
				entries[i] = (uint16(symbol>>4)+1)<<9 | uint16(symbol&15)<<5 | uint16(l)
			}
		}
	}
	return s
}

// passEntry returns the entry of trackCodes.skip for skipBits bits. It has at most maxSkip.
func (t *decodeTable) passEntry(x uint64) uint16 {
	e := t.skip[1<<skipBits+x]
	n, advance := uint(e&63), uint(e>>6)
	switch {
	case advance != unknown && advance >= endOfBlock:
		advance += placeEnds
		advance -= endOfBlock
	case advance == unknown: // Its code may be too long for look, or its value for skip.
		var symbol uint8
		symbol, _, n = t.whole(x<<(64-skipBits), skipBits)
		switch advance = uint(symbol>>4) + 1; {
		case n == 0 || n > maxSkip:
			n, advance = 0, placeUnknown
		case endsBlock(symbol):
			advance = placeEnds
		}
	}
	return uint16(advance<<placeShift | n)
}

// keptEntry returns the entry of trackCodes.kept for keptBits bits, as many as look has. They must hold
// the first bit of the value, which is its sign.
func (t *decodeTable) keptEntry(x uint32, dc bool) uint32 {
	e := t.look[x]
	n := e & lengthMask
	size := e >> valueShift & 15 // of a special entry
	least := x >> (keptBits - min(n, keptBits))
	switch {
	case n == 0 || e&entrySpecial != 0 && n-size == keptBits && size > 0 || dc && n > maxKeptDC:
		if dc {
			return keptLong
		}
		return placeUnknown << placeShift
	case e&entrySpecial == 0:
		least -= e >> valueShift
	case size > 0:
		code := n - size
		least = x >> (keptBits - code) << size
		if x>>(keptBits-1-code)&1 == 0 {
			least += 1<<size - 1
		}
	}
	advance := e >> advanceShift & advanceMask
	switch {
	case dc:
		advance = 0
	case advance == endOfBlock:
		advance = placeEnds
	}
	return n | advance<<placeShift | least<<valueShift
}

// whole resolves the code in the most significant bits of acc, of which only the first are known. n
// is 0 if they do not hold the whole code.
func (t *decodeTable) whole(acc uint64, known uint) (symbol uint8, value int32, n uint) {
	symbol, value, n = t.resolve(acc)
	if n == badLength && symbol == 0 || n-uint(symbol&15) > known {
		n = 0
	}
	return symbol, value, n
}

// tracks are those of a thread.
type tracks struct {
	tracksRun
	room         int // number of MCUs for which tracks make room
	steps, stops int // number of MCUs of each track, and how often tracks have stopped
}

// another returns tracks for another thread.
func (t *tracks) another() *tracks {
	if t == nil {
		return nil
	}
	a := &tracks{tracksRun: tracksRun{
		units: t.units, past: t.past, classes: t.classes, size: t.size, clear: t.clear, blocks: t.blocks,
	}}
	a.unread = &a.scrap[0]
	return a
}

// useless reports whether tracks have stopped too often.
func (t *tracks) useless() bool { return t.stops*maxStops > t.steps+256 }

// walk walks up to maxTracks stretches until one of them has reached its end or has no more room.
func (t *tracks) walk(w *walker, list []*stretch) {
	m, units := w.mcu, len(w.mcu.units)
	n := w.aheadLimit()
	for i := range t.tracks {
		c := list[i%len(list)] // If there are fewer, some do the same.
		n = min(n, t.reserve(w, c)-c.mcus)
		t.tracks[i] = track{
			next: &c.mem[c.pos>>3], bits: c.pos & 7, end: &c.mem[c.aheadEnd()],
			coef: &c.coef[c.mcus*m.size], ends: &c.ends[c.mcus*units],
		}
	}
	t.left = n
	stopped := tracksKernel((*byte)(unsafe.Pointer(&t.tracksRun)))
	n -= t.left
	for i, c := range list {
		at := &t.tracks[i]
		next := uint(uintptr(unsafe.Pointer(at.next)) - uintptr(unsafe.Pointer(&c.mem[0])))
		c.passTrack(n, next*8+at.bits)
		if stopped {
			pos := c.walkMCUs(m, c.from(c.pos), c.aheadEnd()*8, c.mcus+1).pos()
			c.passTrack(0, pos)
		}
	}
	t.steps += n
	if stopped {
		t.stops++
	}
}

// reserve makes room for another MCU of a stretch, and returns for how many there is room: if there
// was none, for as many as the rest of the stretch probably has.
func (t *tracks) reserve(w *walker, c *stretch) (room int) {
	limit := w.aheadLimit()
	if t.room == 0 {
		t.room = min(max(firstRoom/w.mcu.size, 1), limit)
	}
	room = min(c.room(w.mcu), limit)
	if room > c.mcus {
		return room
	}
	if c.mcus > 0 {
		walked := int(c.pos-c.first)>>3 + 1
		t.room = min(max(t.room, c.mcus*w.stretchSize/walked*9/8, c.mcus+c.mcus/8+1), limit)
	}
	c.extend(w.mcu, t.room)
	return t.room
}

// passTrack accounts for n MCUs up to bit pos that a track has walked.
func (c *stretch) passTrack(n int, pos uint) {
	c.mcus += n
	c.pos = pos
	if c.first < leadSize*8 {
		c.begin(pos)
	}
}
