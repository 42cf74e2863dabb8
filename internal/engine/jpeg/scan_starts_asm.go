//go:build (amd64 || arm64) && !purego

package jpeg

import "unsafe"

const (
	maxLanes = 6
	// laneMargin is the number of bytes after the start of the next lane in which a lane may
	// synchronise with it.
	laneMargin = 512
	// minLane is the least number of bytes that are worth a lane.
	minLane = 1 << 10
	// laneRoom is the number of blocks that a lane can find.
	laneRoom = 4096
)

// Fields of an entry of startTables, from bit 0 on: the number of bits, and from startShift on how
// far they advance in the block. Fields of a lane's state, from bit 0 on: the number of bits from
// next to the current one, and from placeShift on the place in the block, which is placeStart after
// its DC coefficient. From placeEnd on, the block has ended, and nothing more happens until the next
// step begins another.
const (
	startBits  = 10 // of a look-up of a DC coefficient
	placeShift = 7
	placeEnd   = 256
	placeStart = placeEnd - 63
	placeCount = 512
	offsetMask = 1<<placeShift - 1
	// maxStart is the largest number of bits of an entry: after two of them, a load holds enough
	// bits for a third look-up.
	maxStart = 22
	// firstLong is the least code, left-aligned in 16 bits, for which there may be an entry in long.
	// The tables of encoders have their long codes at the end of the code space.
	firstLong = 1<<16 - 1<<13
)

// startCodes are the look-up tables of a Huffman code for startsKernel, and of readKernel.
type startCodes struct {
	dc    *[1 << startBits]startEntry
	ac    *[1 << skipBits]startEntry
	long  []startEntry // of codes longer than skipBits, from first on
	first uint
	read  [1 << readBits]uint32
}

// startTables are the look-up tables of a unit for startsKernel, which relies on this layout.
type startTables struct {
	dc    *[1 << startBits]startEntry
	ac    *[1 << skipBits]startEntry
	next  *startTables // of the next unit
	long  *startEntry
	first uint
}

// lane is the state of a lane.
type lane struct {
	next   uint // index in mem of the byte from which the state counts bits
	state  uint
	unit   *startTables // of the current block
	starts *uint32      // where the start of the next block is stored
	end    uint         // index in mem at which the lane ends
}

// startsRun is the state of startsKernel.
type startsRun struct {
	rounds int // number of steps of each lane
	past   *lane
	mem    *byte
	resets *[placeCount]uint16 // startResets
	lanes  [maxLanes + 1]lane  // The last is the end that past may point to.
}

// startsKernel steps lanes in turn. It returns a lane that has reached its end or that is at
// something that its tables do not cover, or nil after all rounds. r points to a startsRun.
//
//go:noescape
func startsKernel(r *byte) (stopped *lane)

// Fields of an entry of readTables.dc and ac, from bit 0 on: the number of bits of a code and its
// value, 8 bits of advance, and the lowest 16 bits of what must be subtracted from all these bits to
// give the value.
const (
	readBits    = 11
	readSymbols = 4   // number of symbols after a DC coefficient that are decoded
	readEnd     = 48  // advance of an end-of-block code
	readUnknown = 255 // advance of an entry for bits that need another look
	readTooLong = 63  // number of bits of such an entry of dc: more than readKernel allows
	// readKeep is the last index of the largest scale that readKernel decodes. What follows the end
	// of a block is decoded as if it were coefficients beyond this index, which nothing reads.
	readKeep   = 4
	readPlaces = readSymbols*readUnknown + 1
)

// readTables are the look-up tables of a unit for readKernel, which relies on this layout.
type readTables struct {
	dc, ac *[1 << readBits]uint32
	steps  *[readPlaces]uint32
	keep   uint
	at     uint // offset of the block in those of an MCU, in bytes
}

// readRun is the state of readKernel.
type readRun struct {
	mem              *byte
	starts           *uint32 // start of the current block
	units, due, past *readTables
	coef             *int16 // coefficients of the current MCU
	size             uint   // number of their bytes
	ends             *uint8 // end of the current block
	left             uint   // number of MCUs left
}

// readKernel decodes MCUs whose blocks start at known bits, up to index readKeep. It stops at a
// block that its tables do not cover. r points to a readRun.
//
//go:noescape
func readKernel(r *byte) (stopped bool)

// readyStarts builds the tables of startsKernel and readKernel if all scales are small enough for
// them: at larger ones, walking in order takes less time.
func (m *mcu) readyStarts() {
	for i := range m.units {
		if m.units[i].keep > readKeep {
			return
		}
	}
	m.starts = make([]startTables, len(m.units))
	m.read = make([]readTables, len(m.units)+1) // The last is the end that readRun.past points to.
	for i := range m.units {
		u := &m.units[i]
		dc, ac := u.dc.forStarts(true), u.ac.forStarts(false)
		m.starts[i] = startTables{
			dc: dc.dc, ac: ac.ac, next: &m.starts[(i+1)%len(m.starts)],
			long: &ac.long[0], first: ac.first,
		}
		m.read[i] = readTables{
			dc: &dc.read, ac: &ac.read, steps: readSteps(u.steps), keep: u.keep, at: uint(u.at) * 2,
		}
	}
}

// forStarts returns the tables for finding where blocks start, and builds them if necessary.
func (t *decodeTable) forStarts(dc bool) *startCodes {
	if t.starts != nil {
		return t.starts
	}
	s := new(startCodes)
	t.starts = s
	for x := range s.read {
		s.read[x] = t.readEntry(uint64(x), dc)
	}
	if dc {
		s.dc = new([1 << startBits]startEntry)
		for x := range s.dc {
			_, _, n := t.whole(uint64(x)<<(64-startBits), startBits)
			s.dc[x] = startInvalid << startShift
			if n != 0 && n <= maxStart {
				s.dc[x] = startEntry(n) - (placeEnd-placeStart)<<startShift
			}
		}
		return s
	}
	s.ac = new([1 << skipBits]startEntry)
	for x := range s.ac {
		s.ac[x] = t.startEntry(uint64(x))
	}
	s.first = uint(max(t.limit[skipBits], firstLong))
	s.long = make([]startEntry, 1<<16-s.first+1)
	for i := range s.long {
		symbol, n := t.long(uint64(s.first+uint(i)) << 48)
		s.long[i] = startInvalid << startShift
		if n != badLength && !endsBlock(symbol) {
			s.long[i] = startEntry(symbol>>4+1)<<startShift | startEntry(n) + startEntry(symbol&15)
		}
	}
	return s
}

// endsBlock reports whether an AC symbol is an end-of-block code.
func endsBlock(symbol uint8) bool { return symbol&15 == 0 && symbol>>4 < 15 }

// whole resolves the code in the most significant bits of acc, of which only the first are known. n
// is 0 if they do not hold the whole code.
func (t *decodeTable) whole(acc uint64, known uint) (symbol uint8, value int32, n uint) {
	symbol, value, n = t.resolve(acc)
	if n == badLength && symbol == 0 || n-uint(symbol&15) > known {
		n = 0
	}
	return symbol, value, n
}

// startEntry returns the entry of startCodes.ac for skipBits bits.
func (t *decodeTable) startEntry(x uint64) startEntry {
	n, advance := t.startLook(x, startEnds, startUnknown)
	return startEntry(advance<<startShift | n)
}

// startLook returns the number of bits of the symbols in skipBits bits, and how far they advance in the
// block, plus ends if they end it, or none if they hold no symbol.
func (t *decodeTable) startLook(x uint64, ends, none uint) (n, advance uint) {
	e := t.skip[1<<skipBits+x]
	n, advance = uint(e&63), uint(e>>6)
	switch {
	case advance != unknown && advance >= endOfBlock:
		advance += ends
		advance -= endOfBlock
	case advance == unknown: // Its code may be too long for look, or its value for skip.
		var symbol uint8
		symbol, _, n = t.whole(x<<(64-skipBits), skipBits)
		switch advance = uint(symbol>>4) + 1; {
		case n == 0 || n > maxStart:
			n, advance = 0, none
		case endsBlock(symbol):
			advance = ends
		}
	}
	return n, advance
}

// readEntry returns the entry of startCodes.read for readBits bits. They must hold the first bit of
// the value, which is its sign.
func (t *decodeTable) readEntry(x uint64, dc bool) uint32 {
	symbol, value, n := t.whole(x<<(64-readBits), readBits)
	size := uint(symbol & 15)
	advance := uint32(symbol>>4) + 1
	switch {
	case n == 0 || size > 0 && n-size == readBits:
		if dc {
			return readTooLong
		}
		return readUnknown<<advanceShift | 1
	case dc:
		advance = 0
	case endsBlock(symbol):
		advance = readEnd
	}
	bits := uint32(x << (64 - readBits) >> (64 - n))
	return uint32(n) | advance<<advanceShift | (bits-uint32(value))<<valueShift
}

// readSteps maps places to steps and positions as stepTable does.
func readSteps(steps *[advances]uint32) *[readPlaces]uint32 {
	t := new([readPlaces]uint32)
	for k := range t {
		t[k] = steps[63+1] // not read
		if k <= readKeep {
			t[k] = steps[k]
		}
	}
	return t
}

// lanes are those of a stretch.
type lanes struct {
	startsRun
	room  []uint32
	parts [maxLanes]int // the parts of the stretch of the running lanes
	found [maxLanes]int // number of blocks found by lanes that have ended, by part
}

// count is the number of blocks that the i-th running lane has found.
func (s *lanes) count(i int) int {
	from := &s.room[s.parts[i]*laneRoom]
	return int(uintptr(unsafe.Pointer(s.lanes[i].starts))-uintptr(unsafe.Pointer(from))) / 4
}

// restart makes the i-th running lane begin another block, the first of an MCU.
func (s *lanes) restart(m *mcu, i int) {
	s.lanes[i].unit = &m.starts[len(m.starts)-1]
	s.lanes[i].starts = &s.room[s.parts[i]*laneRoom]
}

// findStarts finds where blocks start, of MCUs from the next one on that start before bit end. It
// may find fewer.
func (c *stretch) findStarts(m *mcu, end uint) {
	from, to := c.pos>>3, end>>3
	if to < from+2*minLane || c.starts.misses >= maxUnsynchronised {
		return
	}
	if cap(c.starts.at) == 0 {
		c.starts.at = make([]uint32, maxLanes*laneRoom+1) // One more for a pointer past a full lane.
	}
	n := min((to-from)/minLane, maxLanes)
	s := lanes{room: c.starts.at[:cap(c.starts.at)]}
	s.mem, s.resets = &c.mem[0], startResets
	for i := range n {
		s.parts[i] = int(i)
		s.lanes[i] = lane{
			next: from + (to-from)*i/n, end: min(from+(to-from)*(i+1)/n+laneMargin, to),
			state: placeEnd << placeShift,
		}
		s.restart(m, int(i))
	}
	s.lanes[0].state |= c.pos & 7
	c.runLanes(m, &s, int(n))
	total, ok := s.found[0], true
	for part := 1; part < int(n) && ok; part++ {
		var i, j int
		after := s.room[part*laneRoom:][:s.found[part]]
		if i, j, ok = joined(s.room[:total], after, len(m.units)); ok {
			total = i + copy(s.room[i:], after[j:])
		}
	}
	c.starts.at = s.room[:total]
	if c.starts.misses++; ok {
		c.starts.misses = 0
	}
}

// runLanes runs n lanes to their ends.
func (c *stretch) runLanes(m *mcu, s *lanes, n int) {
	for n > 0 {
		s.past, s.rounds = &s.lanes[n], laneRoom
		full := 0
		for i := range n {
			if room := laneRoom - 1 - s.count(i); room < s.rounds {
				s.rounds, full = room, i
			}
		}
		i := full
		if s.rounds <= 0 {
			// The lane has no room.
		} else if l := startsKernel((*byte)(unsafe.Pointer(&s.startsRun))); l == nil {
			continue
		} else {
			i = int(uintptr(unsafe.Pointer(l))-uintptr(unsafe.Pointer(&s.lanes))) / int(unsafe.Sizeof(lane{}))
			if l.next < l.end {
				if ok := c.endBlock(m, l); !ok && s.parts[i] > 0 {
					s.restart(m, i) // It has not synchronised, or the data is damaged.
				} else if !ok {
					l.end = 0
				}
			}
			if l.next < l.end {
				continue
			}
		}
		s.found[s.parts[i]] = s.count(i)
		n--
		s.lanes[i], s.parts[i] = s.lanes[n], s.parts[n]
	}
}

// endBlock takes a lane at which the kernel has stopped to the end of its block. It reports whether
// there was no invalid code.
func (c *stretch) endBlock(m *mcu, l *lane) bool {
	pos := l.next*8 + l.state&offsetMask
	place := l.state >> placeShift
	bad := c.bad
	c.bad = false
	w := c.from(pos)
	if place == placeEnd {
		l.unit = l.unit.next
		*l.starts = uint32(pos)
		l.starts = (*uint32)(unsafe.Add(unsafe.Pointer(l.starts), 4))
		place = placeStart
		_, w = c.walkDC(m.unitOf(l.unit), w)
	}
	pos = c.passAC(m.unitOf(l.unit).ac, w, place-placeStart).pos()
	l.next, l.state = pos>>3, placeEnd<<placeShift|pos&7
	ok := !c.bad
	c.bad = bad
	return ok
}

// unitOf returns the unit of a table.
func (m *mcu) unitOf(t *startTables) *unit {
	offset := uintptr(unsafe.Pointer(t)) - uintptr(unsafe.Pointer(&m.starts[0]))
	return &m.units[offset/unsafe.Sizeof(*t)]
}

// readBlocks decodes MCUs of blocks that start at the given bits; the last is where the next MCU
// starts.
func (c *stretch) readBlocks(m *mcu, at []uint32) {
	if m.size == len(m.units) {
		c.readDC(m, at[:len(at)-1])
	} else {
		c.readMCUs(m, at)
	}
}

// readDC decodes blocks of which only the difference of the DC coefficient is needed. The number of
// bits that it has is not predictable, so that there is no jump that depends on it.
func (c *stretch) readDC(m *mcu, at []uint32) {
	coef := c.coef[:len(at)]
	for units := len(m.units); len(coef) >= units; coef, at = coef[units:], at[units:] {
		for i := range m.read[:units] {
			bits := load64(c.mem[:], uint(at[i]))
			e := m.read[i].dc[bits>>(64-readBits)]
			n := uint(e & lengthMask)
			diff := int32(bits>>((64-n)&63)) - int32(e>>valueShift)
			if n == readTooLong {
				_, diff, _ = m.units[i].dc.resolve(bits)
			}
			coef[i] = int16(diff)
		}
	}
}

func (c *stretch) readMCUs(m *mcu, at []uint32) {
	units := len(m.units)
	n := (len(at) - 1) / units // The last is where the next MCU starts.
	r := readRun{
		mem: &c.mem[0], starts: &at[0], units: &m.read[0], due: &m.read[0], past: &m.read[units],
		coef: &c.coef[0], size: uint(m.size) * 2, ends: &c.ends[0], left: uint(n),
	}
	for readKernel((*byte)(unsafe.Pointer(&r))) {
		done := n - int(r.left)
		offset := uintptr(unsafe.Pointer(r.due)) - uintptr(unsafe.Pointer(r.units))
		i := int(offset / unsafe.Sizeof(*r.due))
		u := &m.units[i]
		block := c.coef[done*m.size+u.at:]
		clear(block[:blockSize(u.n)]) // The kernel may have stored something.
		w := c.from(uint(at[done*units+i]))
		c.ends[done*units+i], _ = c.walkBlock(u, (*[blockRoom]int16)(block), w)
		if i++; i == units {
			i = 0
			done++
			r.left--
		}
		r.due = &m.read[i]
		r.coef = &c.coef[done*m.size]
		r.starts, r.ends = &at[done*units+i], &c.ends[done*units+i]
	}
}
