package jpeg

// Tracks. A walk through entropy-coded data is one chain of look-ups, each of which waits for the one
// before it, although a core could make several at the same time. One thread therefore walks several
// stretches of the ring at a time, each on a track, with a kernel whose steps alternate between them.
// The walks start as walks ahead do, and their results are used under the same condition; see
// scan_ahead.go. The stretch that is needed next is always among them.

const (
	// maxTracks is the number of tracks.
	maxTracks = 4
	// trackRing is the number of stretches in the ring of one thread: more than there are tracks, so
	// that another stretch can take the place of one that is complete.
	trackRing = maxTracks + 1
	// trackStretch is the number of bytes of a stretch of one thread where more than four coefficients
	// of a block are kept and no restart markers bound a stretch: more would need more memory.
	trackStretch = 12 << 10
	// trackSize is how many coefficients of a stretch a track keeps, and firstTrackSize for how many
	// it makes room at first.
	trackSize      = 1 << 16
	firstTrackSize = 1 << 14
	// maxStops is the number of MCUs for each of which tracks may stop once, because of something
	// that the kernel does not cover.
	maxStops = 8
)

// trackLimit is the number of MCUs of a stretch that a track keeps.
func (w *walker) trackLimit() int { return max(trackSize/w.mcu.size, 1) }

// trackEnd is the index in mem before which a track starts MCUs.
func (c *stretch) trackEnd() uint {
	switch {
	case c.pos < leadSize*8:
		return leadSize
	case c.last:
		return c.size - 1 // Leave bits that may be padding.
	}
	return c.until / 8
}

// tracked walks the current stretch from bit pos on, and others at the same time. It reports whether
// the stretch has been walked from that bit on and has no more than limit MCUs.
func (w *walker) tracked(c *stretch, pos uint, limit int) bool {
	if !c.tracked {
		useless := w.misses > maxMisses+w.walked/4 || w.stops*maxStops > w.steps+256
		if useless || w.loaded < 2 || w.tracks == nil && w.loaded < maxTracks {
			return false
		}
		if w.tracks == nil {
			w.tracks = newTracks(w.mcu)
		}
		c.tracked = true
		c.begin(pos)
	}
	for !w.tracksAll(c) {
		w.walkTracks(w.incomplete())
	}
	w.walked++
	if c.first != pos || c.mcus > limit {
		w.misses++
		return false
	}
	return true
}

// tracksAll reports whether the track through a stretch has reached its end.
func (w *walker) tracksAll(c *stretch) bool {
	return c.pos >= leadSize*8 && (c.pos>>3 >= c.trackEnd() || c.mcus >= w.trackLimit())
}

// incomplete returns the next stretches, from the current one on, for which there are tracks.
func (w *walker) incomplete() []*stretch {
	list := w.list[:0]
	for i := 0; i < w.loaded && len(list) < maxTracks; i++ {
		c := w.ring[(w.head+i)%len(w.ring)]
		if !c.tracked {
			c.tracked = true
			c.begin(c.lead())
		}
		if !w.tracksAll(c) {
			list = append(list, c)
		}
	}
	return list
}

// reserveTrack makes room for another MCU of a stretch, and returns for how many there is room: if
// there was none, for as many as the rest of the stretch probably has.
func (w *walker) reserveTrack(c *stretch) (room int) {
	limit, units := w.trackLimit(), len(w.mcu.units)
	if w.room == 0 {
		w.room = min(max(firstTrackSize/w.mcu.size, 1), limit)
	}
	room = min((len(c.coef)-blockRoom)/w.mcu.size, (len(c.ends)-1)/units, limit)
	if room > c.mcus {
		return room
	}
	if c.mcus > 0 {
		walked := (c.pos - c.first) >> 3
		w.room = min(max(w.room, c.mcus*w.stretchSize/int(walked+1)*9/8, c.mcus+c.mcus/8+1), limit)
	}
	coef, ends := c.coef, c.ends
	c.reserve(w.mcu, w.room)
	copy(c.coef, coef)
	copy(c.ends, ends)
	return w.room
}

// passTrack accounts for n MCUs up to bit pos that a track has walked.
func (c *stretch) passTrack(n int, pos uint) {
	c.mcus += n
	c.pos = pos
	if c.first < leadSize*8 {
		c.begin(pos)
	}
}
