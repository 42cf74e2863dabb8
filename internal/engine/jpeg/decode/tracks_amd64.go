//go:build !purego

package decode

import (
	"encoding/binary"
	"math/bits"
	"unsafe"

	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
)

// On amd64 no jump of the kernel depends on the data: each look-up of each track is the same few instructions.
// An entry has the number of its bits, how far they advance in the block, and what turns them into a
// coefficient. The place in the block selects what is to be done next: where the coefficient belongs, its
// quantisation step, and the table of the next look-up, which is that of DC coefficients after the end of a
// block, or one of several symbols after the last coefficient that the scale needs. A coefficient that it
// does not need is written where the next block's DC coefficient will be. The tracks do not wait for each
// other, so that a kernel returns amid blocks.

const (
	// maxTracks is the number of tracks.
	maxTracks = 3
	// roundBits is more than the bits of the three look-ups that the kernel makes for each load of a window.
	roundBits = 64
	// placeCount is the number of places of a unit: 0 before the DC coefficient, and from then on the index in
	// the zigzag order after the last coefficient. The block ends at 64.
	placeCount = placeLong + 64
	// What an entry adds to a place if it ends the block, if it holds no symbol, if it holds none after the
	// start of a code, and if it is that start.
	placeEnds, placeUnknown, placeLost, placeLong = 64, 128, 191, 254
	// maxMany is the largest advance of an entry of several symbols. From place 64-maxMany on, symbols are
	// looked up one by one, so that none belongs to the next block.
	maxMany = 16

	// The largest numbers of bits of entries: of a DC coefficient, AC coefficients, some that end a block, and
	// the rest of a long code. Three entries in a row have at most the 57 bits of a window: between two DC
	// coefficients a block ends, and before the rest of a long code is its start.
	maxDCBits, maxACBits, maxEndBits, maxLongBits = 20, 18, 17, 19

	dcLook, keptLook, manyLook = 10, 11, 12 // bits of a look-up
	// minStart and maxStart bound the number of ones that all long codes start with. A code has at most 16
	// bits; those after its start, and the first of its value, must fit into a look-up.
	minStart, maxStart = 17 - keptLook, 10
)

// Fields of an entry of trackCodes, from bit 0 on: the number of bits, the advance in the block, and the lowest
// 16 bits of what must be subtracted from all these bits to give the value.
const (
	trackAdvance = 8
	trackValue   = 16
	unknownEntry = placeUnknown << trackAdvance
)

// trackRows say what happens at each place of a unit. The kernel relies on this layout.
type trackRows struct {
	table [placeCount]uint // address of the table of the next look-up, whose lowest bits are 64 less its bits
	step  [placeCount]int  // quantisation step
	to    [placeCount]int  // offset of the coefficient in those of the MCU, in bytes
	back  [placeCount]int  // -to, plus the size of an MCU if that has ended; see flatTracksKernel, too
	move  [placeCount]int  // distance to the place from which to go on, in bytes
}

// track is the state of a walk through a stretch.
type track struct {
	at    uint // address of the next bit
	row   uint // that of the table of the current place in its rows
	block *int16
	table uint   // of the next look-up
	end   uint   // no round starts if less than roundBits are left before it
	limit *int16 // or if less than two MCUs are left before it
}

// tracksRun is the state of tracksKernel.
type tracksRun struct {
	stuck  uint // the table of places from which the kernel cannot go on
	shift  uint // binary logarithm of at least the size of two MCUs in bytes
	tracks [maxTracks]track
}

// tracksKernel decodes all tracks, until one of them reaches its end or its limit, or is stuck because its
// tables do not cover something. r points to a tracksRun.
//
//go:noescape
func tracksKernel(r *byte) (stuck bool)

// flatTracksKernel is tracksKernel for scans of which only DC coefficients are kept. Each is written at block,
// which then moves on.
//
//go:noescape
func flatTracksKernel(r *byte) (stuck bool)

// maxTrackUnits is the largest number of blocks of an MCU for which there are rows (T.81 B.2.3).
const maxTrackUnits = 10

// trackable reports whether the processor supports the kernel, and the MCU is no larger than T.81 allows.
func (m *mcu) trackable() bool { return m.tables != nil && len(m.units) <= maxTrackUnits }

// tracks are those of a thread.
type tracks struct {
	tracksRun
	rows         []trackRows // by unit
	none         []byte      // the table for stuck
	flat         bool        // whether only DC coefficients are kept
	room         int         // number of MCUs for which tracks make room
	steps, stops int         // number of MCUs of all tracks, and how often one has been stuck
}

// newTracks returns tracks for an MCU whose tables are ready.
func newTracks(m *mcu) *tracks {
	t := &tracks{rows: make([]trackRows, len(m.units)), none: lookTable(1), flat: m.size == len(m.units)}
	t.stuck = address(&t.none[0])
	t.shift = uint(bits.Len(uint(2*2*m.size - 1)))
	for i := range m.units {
		u, next := &m.units[i], (i+1)%len(m.units)
		dc, ac := u.dc.forTracks(true), u.ac.forTracks(false)
		kept := address(&ac.kept[0])
		r := &t.rows[i]
		unneeded := 2 * (u.at + blockSize(u.n))
		for p := range placeCount {
			r.table[p], r.to[p], r.back[p] = t.stuck, unneeded, -unneeded
		}
		r.table[0] = address(&dc.kept[0])
		for p := 1; p < 64; p++ {
			r.table[p] = kept
			if p > int(u.keep) && p < 64-maxMany {
				r.table[p] = address(&ac.many[0])
			}
			if ac.long != nil {
				r.table[placeLong+p], r.move[placeLong+p] = address(&ac.long[0]), -8*placeLong
			}
		}
		apart := int(unsafe.Sizeof(*r)) * (next - i)
		for p := 64; p < placeUnknown; p++ {
			r.table[p], r.move[p] = address(&m.units[next].dc.forTracks(true).kept[0]), apart-8*p
		}
		for k := 0; k <= int(u.keep); k++ {
			if z := stream.Zigzag[k]; int(z&7) < u.n && int(z>>3) < u.n {
				r.place(k+1, u.at, u.steps[k])
			}
		}
		r.step[1] = 1
		if u.keep == 63 {
			for p := 65; p < 64+16; p++ {
				r.place(p, u.at, u.steps[63]) // One past the end counts as the last, as in libjpeg.
			}
		}
		if t.flat {
			clear(r.back[:])
			r.back[1] = 2
		} else if next == 0 {
			for p := 64; p < placeUnknown; p++ {
				r.back[p] += 2 * m.size
			}
		}
	}
	return t
}

// place sets where the coefficient before a place belongs, and its step, by an entry of stepTable.
func (r *trackRows) place(p, at int, e uint32) {
	r.step[p], r.to[p] = int(e>>16), 2*(at+int(e&0xFFFF))
	r.back[p] = -r.to[p]
}

// address is that of something in memory that other pointers keep and that is not on a stack.
func address[T any](p *T) uint { return uint(uintptr(unsafe.Pointer(p))) }

// lookTable returns a table for look-ups of n bits, with entries of 4 bytes. The lowest 6 bits of its
// address are 64-n: where to shift a window to.
func lookTable(n int) []byte {
	b := make([]byte, 4<<n+63)
	return b[(64-n-int(address(&b[0])))&63:][:4<<n]
}

func entryAt(t []byte, x uint32) uint32 { return binary.LittleEndian.Uint32(t[4*x:]) }
func setEntry(t []byte, x, e uint32)    { binary.LittleEndian.PutUint32(t[4*x:], e) }
func fillEntries(t []byte, x, n, e uint32) {
	for i := range n {
		setEntry(t, x+i, e)
	}
}

// trackCodes are the look-up tables of a Huffman code for tracksKernel.
type trackCodes struct {
	kept  []byte // of a coefficient that is kept
	many  []byte // of one or more symbols without their values; nil for DC coefficients
	long  []byte // of codes too long for kept, after their start; nil if there are none
	start uint   // number of bits of that start, which are ones
}

// forTracks returns the tables for tracksKernel, and builds them if necessary.
func (t *decodeTable) forTracks(dc bool) *trackCodes {
	if t.tracks != nil {
		return t.tracks
	}
	s := &trackCodes{start: maxStart}
	t.tracks = s
	if dc {
		s.kept = t.trackTable(dcLook, 0, true)
		return s
	}
	s.kept = t.trackTable(keptLook, 0, false)
	for code := t.limit[keptLook-1]; code < t.limit[16]; code += 1 << (16 - keptLook) {
		s.start = min(s.start, uint(bits.LeadingZeros16(^uint16(code))))
	}
	if s.start >= minStart && t.limit[keptLook-1] < t.limit[16] {
		s.long = t.trackTable(keptLook, s.start, false)
		for x := uint32(1<<keptLook - 1<<(keptLook-s.start)); x < 1<<keptLook; x++ {
			if entryAt(s.kept, x) == unknownEntry {
				setEntry(s.kept, x, uint32(s.start)|placeLong<<trackAdvance)
			}
		}
	}
	s.many = lookTable(manyLook)
	for x := range uint32(1 << manyLook) {
		setEntry(s.many, x, t.manyEntry(x, s))
	}
	return s
}

// trackTable returns a table of single symbols for look-ups of some bits after the start of a code, which
// are ones.
func (t *decodeTable) trackTable(look, start uint, dc bool) []byte {
	s := lookTable(int(look))
	unknown, most := uint32(unknownEntry), uint(maxACBits)
	switch {
	case dc:
		most = maxDCBits
	case start > 0:
		unknown, most = placeLost<<trackAdvance, maxLongBits
	}
	fillEntries(s, 0, 1<<look, unknown)
	at := uint32(0)
	for l := uint(1); l <= 16; l++ {
		for ; at < t.limit[l]; at += 1 << (16 - l) {
			symbol := t.symbol[uint8(int32(at>>(16-l))+t.delta[l])]
			size, code := uint(symbol&15), at<<start&0xFFFF
			rest := l - start // of the code
			n := rest + size
			if l <= start || at>>(16-start) != 1<<start-1 || rest > look || size > 0 && rest == look || n > most {
				continue
			}
			advance := uint32(symbol>>4) + 1
			switch {
			case dc:
				advance = 1
			case endsBlock(symbol):
				advance = placeEnds
			}
			x, count, least := code>>(16-look), uint32(1)<<(look-rest), code>>(16-rest)<<size
			e := uint32(n) | advance<<trackAdvance
			if size > 0 { // The first half are negative.
				count /= 2
				fillEntries(s, x, count, e|(least+1<<size-1)<<trackValue)
				x += count
			}
			fillEntries(s, x, count, e|least<<trackValue)
		}
	}
	return s
}

// manyEntry returns an entry for as many symbols as manyLook bits hold and maxMany allows.
func (t *decodeTable) manyEntry(x uint32, s *trackCodes) uint32 {
	n, advance := uint32(0), uint32(0)
	for n < manyLook && advance < placeEnds {
		e := t.look[x<<n&(1<<manyLook-1)<<lookBits>>manyLook]
		more, a := e&lengthMask, e>>advanceShift&advanceMask
		most := uint32(maxACBits)
		switch {
		case a == endOfBlock:
			a, most = placeEnds, maxEndBits
		case advance+a > maxMany:
			most = 0
		}
		if more == 0 || more-uint32(t.valueBits(e)) > manyLook-n || n+more > most {
			break
		}
		n += more
		advance += a
	}
	if n == 0 {
		return entryAt(s.kept, x<<keptLook>>manyLook)
	}
	return n | advance<<trackAdvance
}

// another returns tracks for another thread.
func (t *tracks) another() *tracks {
	if t == nil {
		return nil
	}
	a := &tracks{rows: t.rows, none: t.none, flat: t.flat}
	a.stuck, a.shift = t.stuck, t.shift
	return a
}

// useless reports whether tracks have been stuck too often.
func (t *tracks) useless() bool { return t.stops*maxStops > t.steps+256 }

// walk walks up to maxTracks stretches until one of them has reached its end or has no more room.
func (t *tracks) walk(w *walker, list []*stretch) {
	m := w.mcu
	for i := range t.tracks {
		c := list[i%len(list)] // If there are fewer, some do the same.
		room := t.reserve(w, c)
		if to := room * m.size; c.cleared < to && m.size > len(m.units) { // Otherwise every coefficient is written.
			clear(c.coef[max(c.cleared, c.mcus*m.size):to])
			c.cleared = to
		}
		t.tracks[i].end = address(&c.mem[c.aheadEnd()]) * 8
		t.tracks[i].limit = &c.coef[(room-1)*m.size]
		t.tracks[i].enter(t, m, c)
		t.steps -= c.mcus
	}
	for t.run() {
		for i, c := range list {
			if at := &t.tracks[i]; at.table == t.stuck {
				at.leave(t, m, c)
				c.finishBlock(m)
				at.enter(t, m, c)
				t.stops++
			}
		}
		for i := len(list); i < len(t.tracks); i++ {
			t.tracks[i] = t.tracks[i%len(list)]
		}
	}
	for i, c := range list {
		at := &t.tracks[i]
		at.leave(t, m, c)
		if at.at+roundBits > at.end || c.mcus >= w.aheadLimit() {
			c.finishStretch(w)
		}
		t.steps += c.mcus
		c.passLead(m)
	}
}

// run runs the kernel.
func (t *tracks) run() (stuck bool) {
	r := (*byte)(unsafe.Pointer(&t.tracksRun))
	if t.flat {
		return flatTracksKernel(r)
	}
	return tracksKernel(r)
}

// enter sets a track to where a stretch is.
func (at *track) enter(t *tracks, m *mcu, c *stretch) {
	row := &t.rows[c.unit].table[c.place]
	at.at, at.row, at.table = address(&c.mem[0])*8+c.pos, address(row), *row
	block := c.mcus * m.size
	if t.flat {
		block += c.unit + min(c.place, 1)
	}
	at.block = &c.coef[block]
}

// leave sets a stretch to where a track is.
func (at *track) leave(t *tracks, m *mcu, c *stretch) {
	offset := at.row - address(&t.rows[0])
	const size = uint(unsafe.Sizeof(trackRows{}))
	c.unit, c.place = int(offset/size), int(offset%size/8)
	c.pos = at.at - address(&c.mem[0])*8
	block := int(address(at.block)-address(&c.coef[0])) / 2
	ac := m.units[c.unit].ac.tracks
	switch {
	case at.table == t.stuck && c.place > placeLost:
		c.place -= placeLost
		c.pos -= ac.start
	case at.table == t.stuck:
		c.place -= placeUnknown
	case ac.long != nil && at.table == address(&ac.long[0]):
		c.pos -= ac.start
	}
	if t.flat {
		block -= min(c.place, 1)
	}
	c.mcus = block / m.size
}

// finishStretch decodes the rest of a stretch, or of an MCU if there is no room for another, in plain Go.
func (c *stretch) finishStretch(w *walker) {
	room := c.room(w.mcu)
	for c.unit > 0 || c.place > 0 || c.mcus < room && !w.atEnd(c) {
		c.finishBlock(w.mcu)
	}
}

// passLead discards the MCUs before a stretch if another starts where it is: in the stretch, or before it
// where there have been too many.
func (c *stretch) passLead(m *mcu) {
	if c.first >= leadSize*8 || c.unit > 0 || c.place > 0 {
		return
	}
	written, cleared := min((c.mcus+1)*m.size, len(c.coef)), c.cleared
	clear(c.coef[:written])
	c.begin(c.pos)
	c.cleared = cleared
}

// reserve makes room for more MCUs of a stretch, and returns for how many there is room: if there was not
// enough, for as many as the rest of the stretch probably has.
func (t *tracks) reserve(w *walker, c *stretch) (room int) {
	const more = 8 // Rounds start if there is room for half as many.
	limit := w.aheadLimit() + more
	if t.room == 0 {
		t.room = min(max(firstRoom/w.mcu.size, 1)+more, limit)
	}
	if room = c.room(w.mcu); room >= c.mcus+more {
		return room
	}
	if c.mcus > 0 {
		walked := int(c.pos-c.first)>>3 + 1
		t.room = min(max(t.room, c.mcus*w.stretchSize/walked*9/8, c.mcus+c.mcus/8+1), limit)
	}
	t.room = max(t.room, c.mcus+more)
	c.extend(w.mcu, t.room)
	return c.room(w.mcu)
}
