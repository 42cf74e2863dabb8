package decode

// Tracks. A walk through entropy-coded data is one chain of look-ups, each of which waits for the one
// before it, although a core could make several at the same time. A thread therefore walks several
// stretches at a time, each on a track, with a kernel whose steps alternate between them. The walks
// are walks ahead; see ahead.go. The only thread that there is always walks the stretch that is
// needed next, and the following ones; several threads each walk a group.

const (
	// trackStretch is the number of bytes of a stretch where more than four coefficients of a block are
	// kept and no restart markers bound a stretch: more would need more memory.
	trackStretch = 12 << 10
	// firstRoom is for how many coefficients of a stretch a track makes room at first.
	firstRoom = 1 << 14
	// maxStops is the number of MCUs for each of which tracks may stop once, because of something
	// that the kernel does not cover.
	maxStops = 8
)

// tracked walks the current stretch from bit pos on, and others at the same time. It reports whether
// the stretch has been walked from that bit on and has no more than limit MCUs.
func (w *walker) tracked(c *stretch, pos uint, limit int) bool {
	if !c.tracked {
		useless := w.misses > maxMisses+w.walked/4 || w.tracks != nil && w.tracks.useless()
		if useless || w.loaded < 2 || w.tracks == nil && w.loaded < maxTracks {
			return false
		}
		if w.tracks == nil {
			w.tracks = newTracks(w.mcu)
		}
		c.tracked = true
		c.begin(pos)
	}
	for !w.walkedAhead(c) {
		var list [maxTracks]*stretch
		w.walkSome(w.tracks, w.incomplete(list[:0]))
	}
	return w.useful(c, pos, limit)
}

// incomplete appends the next stretches, from the current one on, for which there are tracks.
func (w *walker) incomplete(list []*stretch) []*stretch {
	for i := 0; i < w.loaded && len(list) < maxTracks; i++ {
		c := w.ring[(w.head+i)%len(w.ring)]
		if !c.tracked {
			c.tracked = true
			c.begin(c.lead())
		}
		if !w.walkedAhead(c) {
			list = append(list, c)
		}
	}
	return list
}

// finishBlock decodes the rest of a block.
func (c *stretch) finishBlock(m *mcu) {
	u := &m.units[c.unit]
	block, w := (*[blockRoom]int16)(c.coef[c.mcus*m.size+u.at:]), c.from(c.pos)
	if c.place == 0 {
		_, w = c.walkBlock(u, block, w)
	} else {
		_, w = c.walkAC(u, block, w, uint(c.place-1))
	}
	c.pos, c.place = w.pos(), 0
	if c.unit++; c.unit == len(m.units) {
		c.unit = 0
		c.mcus++
	}
}
