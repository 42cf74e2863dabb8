package decode

import (
	"sync"
	"sync/atomic"

	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
)

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

	// aheadSize is how many coefficients a walk ahead keeps with one thread. If a stretch has more, the rest is
	// walked when its turn comes.
	aheadSize = 1 << 16
	// maxMisses is the number of useless walks ahead, beyond a quarter of all, after which no more are
	// made.
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

	walked  int         // number of stretches that were walked ahead
	misses  int         // number of those walks that were useless
	group   *group      // stretches that will be walked ahead, until there are enough of them
	jobs    chan *group // to walk ahead; nil until there are helpers
	helpers sync.WaitGroup

	tracks *tracks // of the caller's thread; nil until there are some
}

// group is some stretches that one thread walks ahead.
type group struct {
	list    []*stretch
	tracks  *tracks     // of another thread, or nil
	claimed atomic.Bool // whether a thread is walking them or has done so
	dropped bool        // whether the caller's thread has claimed them without walking them
}

// newWalker returns a walker that uses up to the given number of threads, including the caller's.
// The caller must stop it.
func newWalker(src *source, m *mcu, r *restarts, threads, stretchSize int) *walker {
	return &walker{
		source: src, mcu: m, restart: r, threads: threads, stretchSize: stretchSize,
		ring: make([]*stretch, ringSize(threads, m.trackable())),
	}
}

// ringSize is the number of stretches that keep the given number of threads busy, each with several
// or with one. Of several threads, the caller's takes MCUs from some stretches while each thread may be walking
// others: with fewer, they would wait for each other.
func ringSize(threads int, tracks bool) int {
	switch {
	case tracks && threads > 1:
		return (threads+1)*maxTracks + 1
	case tracks:
		return maxTracks + 1
	case threads < 2:
		return 1
	}
	return 2 * threads
}

// shared returns how much of something a stretch on a track has if it may have so much where there is one thread: less
// where there are several, so that all stretches take no more memory, and are read no further ahead, than with fewer of
// them.
func shared(size, threads int) int {
	if threads > 1 {
		return size * 2 / 3
	}
	return size
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
			c.done, c.group = nil, nil
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
	c.tracked, c.group, c.failed = false, nil, false
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
			w.post()
			return
		}
		if w.threads > 1 && w.misses <= maxMisses+w.walked/4 {
			if w.group == nil {
				w.group = new(group)
			}
			c.group = w.group
			if w.group.list = append(w.group.list, c); len(w.group.list) == maxTracks || !w.mcu.trackable() {
				w.post()
			}
		}
	}
}

// post passes the group to the helpers.
func (w *walker) post() {
	if w.group == nil {
		return
	}
	if w.tracks == nil && len(w.group.list) == maxTracks {
		w.tracks = newTracks(w.mcu)
	}
	w.help()
	w.group.tracks = w.tracks
	select {
	case w.jobs <- w.group:
	default: // The helpers have enough to do.
	}
	w.group = nil
}

// follows reports whether the segment after c, the last stretch of another, should be read ahead.
// It should if the marker between them is the one expected there, and if segments are not too short
// for helpers to be of use.
func (w *walker) follows(c *stretch) bool {
	due := stream.RST0 + (w.restart.next+byte(w.fresh))&7
	return w.fresh < w.restart.more && c.found == due &&
		(!c.fresh || int(c.size) > leadSize+w.stretchSize/minShare)
}

// help starts the helpers if there are none yet.
func (w *walker) help() {
	if w.jobs != nil {
		return
	}
	w.jobs = make(chan *group, len(w.ring))
	for range w.threads - 1 {
		w.helpers.Go(func() {
			var t *tracks
			for g := range w.jobs {
				if t == nil {
					t = g.tracks.another()
				}
				w.guess(g, t)
			}
		})
	}
}

// guess walks a group of stretches ahead, unless another thread has claimed them.
func (w *walker) guess(g *group, t *tracks) {
	if !g.claimed.CompareAndSwap(false, true) {
		return
	}
	list := g.list
	defer func() {
		failed := recover() != nil // The stretches will be walked again; a real fault will recur there.
		for _, c := range list {
			c.failed = failed
			c.done <- struct{}{}
		}
	}()
	for _, c := range list {
		c.begin(c.lead())
	}
	for len(list) > 0 {
		w.walkSome(t, list)
		rest := make([]*stretch, 0, len(list))
		for _, c := range list {
			if !w.walkedAhead(c) {
				rest = append(rest, c)
				continue
			}
			c.failed = false
			c.done <- struct{}{}
		}
		list = rest
	}
}

// walkSome goes on walking stretches ahead, until at least one is complete or there is something else
// to do for one.
func (w *walker) walkSome(t *tracks, list []*stretch) {
	if t != nil && len(list) > 1 && !t.useless() {
		t.walk(w, list)
		return
	}
	c := list[0]
	for c.unit > 0 || c.place > 0 {
		c.finishBlock(w.mcu)
	}
	for c.first < leadSize*8 {
		if c.begin(c.pos); c.pos < leadSize*8 {
			c.walk(w.mcu, leadSize*8, 1)
		}
	}
	limit := w.aheadLimit()
	if t != nil {
		limit = t.reserve(w, c)
	}
	c.extend(w.mcu, limit)
	c.pos = c.walkMCUs(w.mcu, c.from(c.pos), c.aheadEnd()*8, limit).pos()
}

// extend makes room for n MCUs, as reserve does, and keeps those that there are.
func (c *stretch) extend(m *mcu, n int) {
	coef, ends := c.coef, c.ends
	c.reserve(m, n)
	copy(c.coef, coef)
	copy(c.ends, ends)
}

// walkedAhead reports whether the walk ahead through a stretch is complete.
func (w *walker) walkedAhead(c *stretch) bool {
	return c.first >= leadSize*8 && c.unit == 0 && c.place == 0 && w.atEnd(c)
}

// atEnd reports whether no other MCU starts in what a walk ahead covers of a stretch or of its lead.
func (w *walker) atEnd(c *stretch) bool {
	return c.pos>>3 >= c.aheadEnd() || c.mcus >= w.aheadLimit()
}

// aheadLimit is the number of MCUs of a stretch that a walk ahead keeps.
func (w *walker) aheadLimit() int {
	size := aheadSize
	if w.mcu.trackable() {
		size = shared(size, w.threads)
	}
	return max(size/w.mcu.size, 1)
}

// aheadEnd is the index in mem before which a walk ahead starts MCUs: first in the lead, then in the
// stretch.
func (c *stretch) aheadEnd() uint {
	switch {
	case c.first < leadSize*8:
		return leadSize
	case c.last:
		return c.size - 1 // Leave bits that may be padding.
	}
	return c.until / 8
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
			w.guess(other, w.tracks)
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
	g := c.group
	if g == nil || g.dropped {
		return false
	}
	if g == w.group {
		w.group = nil
	}
	if len(g.list) > 1 {
		w.guess(g, w.tracks)
	} else if g.claimed.CompareAndSwap(false, true) {
		return false
	}
	w.wait(c)
	return w.useful(c, pos, limit)
}

// useful counts a walk ahead, and reports whether its result can be used.
func (w *walker) useful(c *stretch, pos uint, limit int) bool {
	w.walked++
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
		w.drop(c)
	}
	w.bad = bad // The rest is not checked.
	c.begin(c.size * 8)
	return rest, c.found
}

// drop makes sure that no helper walks a stretch.
func (w *walker) drop(c *stretch) {
	g := c.group
	if g == nil || g.dropped {
		return
	}
	if g == w.group {
		w.group = nil
	}
	if g.claimed.CompareAndSwap(false, true) {
		g.dropped = true
	} else {
		<-c.done
	}
}
