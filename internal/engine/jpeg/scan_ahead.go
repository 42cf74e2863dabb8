package jpeg

import "sync"

// A walk through entropy-coded data cannot begin just anywhere, because a code tells where the next one begins. But a walk
// that begins wrongly mostly falls into step with the right one soon (Klein and Wiseman, Parallel Huffman decoding with
// applications to JPEG files, 2003). So helpers walk stretches ahead of the one that is due, each from a little before its
// own bytes on; what they found is used if they were at the beginning of an MCU exactly where the walk before arrives,
// and walked again if not. Behind a restart marker a walk can begin rightly. What is decoded is the same with helpers as
// without.
const (
	ownSize  = 24 << 10 // bytes of a stretch in which its MCUs begin
	leadSize = 768      // bytes before them, in which a walk ahead falls into step; photographs took up to 450
	minShare = 8        // a segment shorter than this part of a stretch is not worth a helper
	maxUnits = 64       // blocks of an MCU: four components of 4×4
	memSize  = leadSize + ownSize + 2*maxUnits*slack

	// aheadSize is how many coefficients a walk ahead keeps. The rest of a stretch with more is walked when it is due.
	aheadSize = 1 << 17
	// maxMisses is how often a walk ahead may be in vain before there are no more.
	maxMisses = 8
	// maxThreads is how many threads the rest of the work keeps busy.
	maxThreads = 8
)

// walker walks the segments of entropy-coded data that restart markers part, stretch after stretch.
type walker struct {
	source  *source
	mcu     *mcu
	restart *restarts
	threads int
	own     int // bytes of a stretch in which its MCUs begin, ownSize but in tests
	ring    []*stretch
	head    int  // in ring, of the stretch that is due
	loaded  int  // stretches in ring from head on
	fresh   int  // of them, how many begin a segment, without the head
	entered bool // the head begins a segment and was not looked at yet
	bad     bool // a code in the stretches that the head has left was none
	misses  int
	jobs    chan *stretch // to be walked ahead; nil before there are helpers
	helpers sync.WaitGroup
}

// newWalker makes a walker that uses up to so many threads, the caller's among them. It is to be stopped.
func newWalker(src *source, m *mcu, r *restarts, threads, own int) *walker {
	w := &walker{source: src, mcu: m, restart: r, threads: threads, own: own, ring: make([]*stretch, ringSize(threads))}
	for i := range w.ring {
		w.ring[i] = stretches.Get().(*stretch)
	}
	return w
}

// ringSize is how many stretches so many threads are kept busy with.
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
		for range w.jobs { // what nobody has begun
		}
		w.helpers.Wait()
	}
	for _, c := range w.ring {
		select {
		case <-c.done:
		default:
		}
		stretches.Put(c)
	}
}

// start implements segment.
func (w *walker) start() {
	w.entered = true
	if w.loaded > 1 { // the segment was read ahead
		w.fresh--
		w.advance()
	} else {
		w.head, w.loaded = 0, 0
		w.load(nil)
	}
	w.ahead()
}

// empty tells whether the segment that was started has no data, and none follows it.
func (w *walker) empty() bool {
	c := w.ring[w.head]
	return c.size == leadSize && !w.restart.goesOn(c.found)
}

// beyond implements segment.
func (w *walker) beyond() int { return int(w.source.offset() - w.ring[w.head].at) }

// load fills the next free stretch of the ring with what follows before, or with the beginning of a segment.
func (w *walker) load(before *stretch) *stretch {
	c := w.ring[(w.head+w.loaded)%len(w.ring)]
	w.loaded++
	n := leadSize
	if c.fresh = before == nil; !c.fresh {
		n = copy(c.mem[:], before.mem[w.own:before.size])
	}
	tail := len(w.mcu.units) * slack // more than an MCU can take
	var more int
	more, c.found, c.last = w.source.clean(c.mem[n : leadSize+w.own+tail])
	c.size = uint(n + more)
	c.at = w.source.offset()
	c.until = uint(leadSize+w.own) * 8
	if c.last {
		c.until = c.size*8 + 1
		clear(c.mem[n+more:][:tail])
	}
	c.claimed.Store(false)
	return c
}

// ahead loads what there is room for and asks for help with it.
func (w *walker) ahead() {
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
		if w.misses < maxMisses {
			w.help()
			select {
			case w.jobs <- c:
			default: // there is enough to do
			}
		}
	}
}

// follows tells whether a segment is to be read ahead behind the last stretch of another: if the marker there is the one
// that the restarts to come will ask for, and segments are not so short that help is no gain.
func (w *walker) follows(c *stretch) bool {
	due := markerRST0 + (w.restart.next+byte(w.fresh))&7
	return w.fresh < w.restart.more && c.found == due && (!c.fresh || int(c.size) > leadSize+w.own/minShare)
}

// help makes sure that there are helpers.
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

// guess walks a stretch ahead, unless someone else does.
func (w *walker) guess(c *stretch) {
	if !c.claimed.CompareAndSwap(false, true) {
		return
	}
	defer func() {
		c.failed = recover() != nil // it is walked again in turn, and fails there if it must
		c.done <- struct{}{}
	}()
	for c.begin(c.lead()); c.pos < leadSize*8; c.begin(c.pos) {
		c.walk(w.mcu, leadSize*8, 1)
	}
	end := c.until
	if c.last {
		end = c.size*8 - 7 // what may be padding is left
	}
	c.walk(w.mcu, end, max(aheadSize/w.mcu.size, 1))
}

// wait waits for the walk of a stretch that someone has claimed, and helps meanwhile.
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

// next is the stretch that is due. It holds MCUs that were walked ahead and not yet taken, at most limit of them, or its
// next MCU is to be walked.
func (w *walker) next(limit int) *stretch {
	c := w.ring[w.head]
	pos := uint(leadSize) * 8
	if !w.entered {
		if c.taken < c.mcus || c.pos < c.until {
			return c
		}
		pos = c.pos - uint(w.own)*8
		c = w.advance()
		w.ahead()
	}
	w.entered = false
	if !w.guessed(c, pos, limit) {
		c.begin(pos)
	}
	return c
}

// walk walks the next MCUs of the head, up to limit of them; those that it had are taken.
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

// guessed tells whether a stretch was walked ahead from bit pos on, and no more than limit MCUs. If not, nobody else will.
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

// broken tells whether a code was none in the MCUs that were taken. Those that a helper walked beyond them do not count, so
// that the answer is the same without one; the walk is over with this.
func (w *walker) broken() bool {
	c := w.ring[w.head]
	if taken := c.taken; c.bad && taken < c.mcus {
		c.begin(c.first)
		c.walk(w.mcu, c.until, taken)
	}
	return w.bad || c.bad
}

// finish implements segment.
func (w *walker) finish() (left int, found byte) {
	c := w.ring[w.head]
	if c.pos < c.size*8 {
		left = int(c.size*8-c.pos) / 8
	}
	bad := w.bad || c.bad
	for !c.last {
		shared := c.size - uint(w.own)
		c = w.advance()
		left += int(c.size - shared)
		if !c.claimed.CompareAndSwap(false, true) {
			<-c.done
		}
	}
	w.bad = bad // what is left is not looked at
	c.begin(c.size * 8)
	return left, c.found
}
