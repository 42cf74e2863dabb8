package jpeg

import "sync"

// Decoding in parallel. Walking through entropy-coded data, which means decoding its Huffman codes,
// cannot start at an arbitrary position, because only decoding a code shows where the next one
// starts. A walk that starts at a wrong position usually synchronises with the correct one soon,
// however (Klein and Wiseman, Parallel Huffman decoding with applications to JPEG files, 2003).
// Helpers therefore walk stretches of the data ahead of the current one, each starting a little
// before its stretch. Their result is used if they found an MCU to start exactly where the walk
// through the previous stretch ends; otherwise the stretch is walked again. After a restart marker,
// a walk can start at the correct position. The decoded picture is the same with and without
// helpers.
const (
	// stretchSize is the number of bytes of a stretch in which its MCUs start.
	stretchSize = 24 << 10
	// leadSize is the number of bytes before a stretch in which a walk ahead can synchronise.
	// Photographs took up to 450.
	leadSize = 768
	// minShare is the fraction of a stretch below which a segment is not worth a helper.
	minShare = 8
	// maxUnits is the largest number of blocks in an MCU: four components of 4×4.
	maxUnits = 64
	memSize  = leadSize + stretchSize + 2*maxUnits*slack

	// aheadSize is how many coefficients a walk ahead keeps. If a stretch has more, the rest is
	// walked when its turn comes.
	aheadSize = 1 << 17
	// maxMisses is the number of useless walks ahead after which no more are made.
	maxMisses = 8
	// maxThreads is the number of threads that the rest of the work can keep busy.
	maxThreads = 8
)

// walker decodes the entropy-coded segments between restart markers, stretch by stretch.
type walker struct {
	source  *source
	mcu     *mcu
	restart *restarts
	threads int

	stretchSize int // the constant, except in tests

	ring    []*stretch
	head    int  // index in ring of the current stretch
	loaded  int  // number of loaded stretches in ring, from head on
	fresh   int  // how many of them, except the head, start a segment
	entered bool // whether the head starts a segment and has not been examined yet
	bad     bool // whether the stretches before the head contained an invalid code

	misses  int           // number of walks ahead that were useless
	jobs    chan *stretch // stretches to walk ahead; nil until there are helpers
	helpers sync.WaitGroup

	// Of one thread; see scan_tracks.go.
	tracks       *tracksRun // nil until there are tracks
	list         [maxTracks]*stretch
	room         int // number of MCUs for which tracks make room
	walked       int // number of stretches that tracks have walked
	steps, stops int // number of MCUs of each track, and how often tracks have stopped
}

// newWalker returns a walker that uses up to the given number of threads, including the caller's.
// The caller must stop it.
func newWalker(src *source, m *mcu, r *restarts, threads, stretchSize int) *walker {
	n := ringSize(threads)
	if n == 1 && m.trackable() {
		n = trackRing
	}
	return &walker{
		source: src, mcu: m, restart: r, threads: threads, stretchSize: stretchSize, ring: make([]*stretch, n),
	}
}

// ringSize is the number of stretches that keep the given number of threads busy.
func ringSize(threads int) int {
	if threads < 2 {
		return 1
	}
	return 2 * threads
}

// stop waits for the helpers to end.
func (w *walker) stop() {
	if w.jobs != nil {
		close(w.jobs)
		for range w.jobs { // discard jobs that no helper has started
		}
		w.helpers.Wait()
	}
	for _, c := range w.ring {
		if c != nil {
			c.done = nil
			stretches.Put(c)
		}
	}
}

// start implements segment.
func (w *walker) start() {
	w.entered = true
	if w.loaded > 1 { // The segment has been read ahead.
		w.fresh--
		w.advance()
	} else {
		w.head, w.loaded = 0, 0
		w.load(nil)
	}
	w.readAhead()
}

// empty reports whether the current segment has no data and no other segment follows it.
func (w *walker) empty() bool {
	c := w.ring[w.head]
	return c.size == leadSize && !w.restart.continues(c.found)
}

// beyond implements segment.
func (w *walker) beyond() int { return int(w.source.offset() - w.ring[w.head].at) }

// load fills the next free stretch of the ring with the data that follows before, or with the start
// of a segment if before is nil.
func (w *walker) load(before *stretch) *stretch {
	i := (w.head + w.loaded) % len(w.ring)
	c := w.ring[i]
	if c == nil {
		c = stretches.Get().(*stretch)
		c.starts.misses = 0
		if w.threads > 1 {
			c.done = make(chan struct{}, 1)
		}
		w.ring[i] = c
	}
	w.loaded++
	n := leadSize
	if c.fresh = before == nil; !c.fresh {
		n = copy(c.mem[:], before.mem[w.stretchSize:before.size])
	}
	tail := len(w.mcu.units) * slack // more than an MCU can have
	var more int
	more, c.found, c.last = w.source.unstuff(c.mem[n : leadSize+w.stretchSize+tail])
	c.size = uint(n + more)
	c.at = w.source.offset()
	c.until = uint(leadSize+w.stretchSize) * 8
	if c.last {
		c.until = c.size*8 + 1
		clear(c.mem[n+more:][:tail])
	}
	c.starts.reset()
	c.tracked = false
	c.claimed.Store(false)
	return c
}

// readAhead loads as many stretches as the ring has room for and passes them to the helpers.
func (w *walker) readAhead() {
	for w.loaded < len(w.ring) {
		c := w.ring[(w.head+w.loaded-1)%len(w.ring)]
		switch {
		case !c.last:
			c = w.load(c)
		case w.follows(c):
			w.fresh++
			c = w.load(nil)
		default:
			return
		}
		if w.threads > 1 && w.misses < maxMisses {
			w.help()
			select {
			case w.jobs <- c:
			default: // The helpers have enough to do.
			}
		}
	}
}

// follows reports whether the segment after c, the last stretch of another, should be read ahead.
// It should if the marker between them is the one expected there, and if segments are not too short
// for helpers to be of use.
func (w *walker) follows(c *stretch) bool {
	due := markerRST0 + (w.restart.next+byte(w.fresh))&7
	return w.fresh < w.restart.more && c.found == due &&
		(!c.fresh || int(c.size) > leadSize+w.stretchSize/minShare)
}

// help starts the helpers if there are none yet.
func (w *walker) help() {
	if w.jobs != nil {
		return
	}
	w.jobs = make(chan *stretch, len(w.ring))
	for range w.threads - 1 {
		w.helpers.Go(func() {
			for c := range w.jobs {
				w.guess(c)
			}
		})
	}
}

// guess walks a stretch ahead, unless another thread has claimed it.
func (w *walker) guess(c *stretch) {
	if !c.claimed.CompareAndSwap(false, true) {
		return
	}
	defer func() {
		c.failed = recover() != nil // The stretch will be walked again; a real fault will recur there.
		c.done <- struct{}{}
	}()
	for c.begin(c.lead()); c.pos < leadSize*8; c.begin(c.pos) {
		c.walk(w.mcu, leadSize*8, 1)
	}
	end := c.until
	if c.last {
		end = c.size*8 - 7 // Leave bits that may be padding.
	}
	c.walk(w.mcu, end, max(aheadSize/w.mcu.size, 1))
}

// wait waits for the walk through a stretch that another thread has claimed, and helps meanwhile.
func (w *walker) wait(c *stretch) {
	for {
		select {
		case <-c.done:
			return
		default:
		}
		select {
		case <-c.done:
			return
		case other := <-w.jobs:
			w.guess(other)
		}
	}
}

// next returns the current stretch. Either it holds MCUs that were walked ahead and not yet taken,
// at most limit of them, or its next MCU has yet to be walked.
func (w *walker) next(limit int) *stretch {
	c := w.ring[w.head]
	pos := uint(leadSize) * 8
	if !w.entered {
		if c.taken < c.mcus || c.pos < c.until {
			return c
		}
		pos = c.pos - uint(w.stretchSize)*8
		c = w.advance()
		w.readAhead()
	}
	w.entered = false
	ahead := w.guessed
	if w.threads < 2 {
		ahead = w.tracked
	}
	if !ahead(c, pos, limit) {
		c.begin(pos)
	}
	return c
}

// walk walks the next MCUs of the head, up to limit of them. Those that it held have been taken.
func (w *walker) walk(limit int) {
	c := w.ring[w.head]
	w.bad = w.bad || c.bad
	c.begin(c.pos)
	c.walk(w.mcu, c.until, limit)
}

// advance makes the next stretch the head.
func (w *walker) advance() *stretch {
	c := w.ring[w.head]
	w.bad = w.bad || c.bad
	w.head = (w.head + 1) % len(w.ring)
	if w.loaded--; w.loaded == 0 {
		w.load(c)
	}
	return w.ring[w.head]
}

// guessed reports whether a stretch has been walked ahead, starting at bit pos and with no more
// than limit MCUs. If not, it claims the stretch.
func (w *walker) guessed(c *stretch, pos uint, limit int) bool {
	if c.claimed.CompareAndSwap(false, true) {
		return false
	}
	w.wait(c)
	if c.first != pos || c.failed || c.mcus > limit {
		w.misses++
		return false
	}
	return true
}

// broken reports whether the MCUs taken so far contained an invalid code. MCUs that a helper has
// walked beyond them do not count, so that the result does not depend on helpers. The walk must not
// continue afterwards.
func (w *walker) broken() bool {
	c := w.ring[w.head]
	if taken := c.taken; c.bad && taken < c.mcus {
		c.begin(c.first)
		c.walk(w.mcu, c.until, taken)
	}
	return w.bad || c.bad
}

// finish implements segment.
func (w *walker) finish() (rest remainder, found byte) {
	c := w.ring[w.head]
	rest = remainderAt(c.mem[:], c.pos, c.size*8)
	bad := w.bad || c.bad
	for !c.last {
		shared := c.size - uint(w.stretchSize)
		c = w.advance()
		rest.bytes += int(c.size - shared)
		if !c.claimed.CompareAndSwap(false, true) {
			<-c.done
		}
	}
	w.bad = bad // The rest is not checked.
	c.begin(c.size * 8)
	return rest, c.found
}
