//go:build (amd64 || arm64) && !purego

package jpeg

import "unsafe"

const (
	keptBits = 11
	// keptLong is the number of bits of an entry of trackTables.dc that holds no symbol: more than a
	// window has.
	keptLong = 64
	// maxKeptDC is the largest number of bits of an entry of trackTables.dc: after it, a window has
	// enough bits for two look-ups of skip.
	maxKeptDC = 20
	// placeSpecial is the class of places that are not valid after a block.
	placeSpecial = 128
	// trackEnds is what an end-of-block code adds: more than other symbols of an entry together.
	trackEnds = maxRun + 63
	// trackUnknown is what an entry adds that holds no symbol: more than all others.
	trackUnknown = trackEnds + maxRun + 63
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
		switch before := p - trackEnds; {
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

// trackable reports whether the processor supports the kernel.
func (m *mcu) trackable() bool { return m.tables != nil }

// newTracks returns the state of tracksKernel for an MCU.
func newTracks(m *mcu) *tracksRun {
	tables := make([]trackTables, len(m.units)+1) // The last is the end that past points to.
	r := &tracksRun{
		units: &tables[0], past: &tables[len(m.units)], classes: placeClasses,
		size: uint(m.size) * 2, blocks: uint(len(m.units)),
	}
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
// block, and the lowest 16 bits of what must be subtracted from all these bits to give the value.
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
		s.kept[x] = t.keptEntry(uint64(x), dc)
	}
	if dc {
		return s
	}
	s.skip = new([1 << skipBits]uint16)
	for x := range s.skip {
		n, advance := t.startLook(uint64(x), trackEnds, trackUnknown)
		if n > maxSkip {
			n, advance = 0, trackUnknown // tracksKernel relies on it.
		}
		s.skip[x] = uint16(advance<<placeShift | n)
	}
	s.least = uint(max(t.limit[keptBits-1], firstLong))
	s.long = make([]uint16, 1<<16-s.least+1)
	for i := range s.long[:1<<16-s.least] {
		symbol, _, n := t.resolve(uint64(s.least+uint(i)) << 48)
		if size := uint(symbol & 15); !(n == badLength && symbol == 0) && !endsBlock(symbol) {
			s.long[i] = uint16((uint(symbol>>4)+1)<<9 | size<<5 | (n - size))
		}
	}
	return s
}

// keptEntry returns the entry of trackCodes.kept for keptBits bits. They must hold the first bit of the
// value, which is its sign.
func (t *decodeTable) keptEntry(x uint64, dc bool) uint32 {
	symbol, value, n := t.whole(x<<(64-keptBits), keptBits)
	size := uint(symbol & 15)
	advance := uint32(symbol>>4) + 1
	switch {
	case dc && n > maxKeptDC:
		return keptLong
	case n == 0 || size > 0 && n-size == keptBits:
		if dc {
			return keptLong
		}
		return trackUnknown << placeShift
	case dc:
		advance = 0
	case endsBlock(symbol):
		advance = trackEnds
	}
	bits := uint32(x << (64 - keptBits) >> (64 - n))
	return uint32(n) | advance<<placeShift | (bits-uint32(value))<<valueShift
}

// walkTracks walks up to maxTracks stretches until one of them has reached its end or has no more room.
func (w *walker) walkTracks(list []*stretch) {
	r, m, units := w.tracks, w.mcu, len(w.mcu.units)
	n := w.trackLimit()
	for i := range r.tracks {
		c := list[i%len(list)] // If there are fewer, some do the same.
		n = min(n, w.reserveTrack(c)-c.mcus)
		r.tracks[i] = track{
			next: &c.mem[c.pos>>3], bits: c.pos & 7, end: &c.mem[c.trackEnd()],
			coef: &c.coef[c.mcus*m.size], ends: &c.ends[c.mcus*units],
		}
	}
	r.left = n
	stopped := tracksKernel((*byte)(unsafe.Pointer(r)))
	n -= r.left
	for i, c := range list {
		t := &r.tracks[i]
		next := uint(uintptr(unsafe.Pointer(t.next)) - uintptr(unsafe.Pointer(&c.mem[0])))
		c.passTrack(n, next*8+t.bits)
		if stopped {
			pos := c.walkMCUs(m, c.from(c.pos), c.trackEnd()*8, c.mcus+1).pos()
			c.passTrack(0, pos)
		}
	}
	w.steps += n
	if stopped {
		w.stops++
	}
}
