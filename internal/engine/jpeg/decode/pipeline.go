package decode

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"sync"
	"unsafe"

	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// The scans of a progressive picture on several threads. Within a scan, only decoding a code shows
// where the next one starts, and a scan that refines coefficients has to know which of them the scans
// before it have made nonzero. But it needs only those of the blocks that it visits, and DC
// coefficients have nothing to do with others. Scans therefore follow one another through the picture:
//
//	scan 1  ========rows decoded=======>
//	scan 2  =============>
//	scan 3  ======>
//	pushed  ==>
//
// Each may decode the rows of blocks that the scans of the same coefficients before it have passed.
// The data of a scan is kept until it is decoded; where it ends, the next marker shows. Rows that
// the last scan has passed are transformed by any thread that has nothing to decode. Each scan works
// on a copy of the Decoder that reads the data of this scan only, and what has become of it is recorded
// in the order of the file. The result is therefore the same for any number of threads.

const (
	// dataAhead limits how much data of scans is read before it can be decoded.
	dataAhead = 896 << 10
	chunkSize = 16 << 10
	// scansAhead limits the number of scans at work, each of which takes up to 20 kB.
	scansAhead = 8
	// stepBlocks is about the number of blocks that are decoded at a time. Pictures with fewer use
	// one thread.
	stepBlocks = 4096
)

// errNoEnd is returned by nextScan if the stream ends without a marker.
var errNoEnd = errors.New("missing end of image marker")

// pipeline decodes the scans of a progressive picture. The caller's thread alone reads the stream
// and calls the sink; all threads decode.
type pipeline struct {
	d       *Decoder
	ctx     context.Context
	sink    plane.Sink
	threads int
	total   int // blocks of the picture
	visits  int // blocks of all scans

	mark   byte   // the last marker read
	begun  bool   // whether the first scan is among scans or has been
	after  bool   // whether the last byte read was 0xFF
	note   string // damage between the last scan and the end
	err    error  // why no scan follows
	ended  bool   // whether no scan follows
	pushed int    // rows of MCUs that were pushed

	mu       sync.Mutex // guards the following, and all of a progressiveScan that its step does not own
	change   sync.Cond  // of anything that another thread may wait for
	scans    []*progressiveScan
	last     bool                        // whether the only one of scans is the last that the scale needs
	whole    bool                        // whether no scan is left, and the picture can be shown
	claimed  int                         // rows of MCUs that a thread transforms or has transformed
	made     []bool                      // which of them are transformed, and not yet pushed
	broken   error                       // of the sink
	buffered int                         // bytes in chunks
	chunks   [][]byte                    // unused ones
	memory   []*[stream.ChunkSize]uint16 // of chunks
	readers  []*bitReader                // unused ones
	starving int                         // threads that wait for data
	stopped  bool
	panicked any
	helpers  sync.WaitGroup
}

// progressive decodes the scans of a progressive picture as far as its scale needs them, and
// transforms the coefficients.
func (d *Decoder) progressive(ctx context.Context, sink plane.Sink) error {
	p := &pipeline{d: d, ctx: ctx, sink: sink, threads: min(max(d.opt.Threads, 1), maxThreads)}
	p.change.L = &p.mu
	for _, c := range d.comps {
		c.coef = newCoefficients(c)
		p.total += c.padX * c.padY
	}
	if p.total < d.stepBlocks {
		p.threads = 1
	}
	p.made = make([]bool, d.mcusY)
	p.mu.Lock()
	for range p.threads - 1 {
		p.helpers.Go(p.help)
	}
	defer func() {
		p.stopped = true
		p.change.Broadcast()
		p.mu.Unlock()
		p.helpers.Wait()
		for _, m := range p.memory {
			stream.Chunks.Put(m)
		}
	}()
	return p.run()
}

// help decodes scans and transforms rows until the pipeline stops.
func (p *pipeline) help() {
	var bands [][]byte
	p.mu.Lock()
	defer p.mu.Unlock()
	defer func() {
		if r := recover(); r != nil {
			p.panicked = r
			p.change.Broadcast()
		}
	}()
	for !p.stopped {
		if s, until := p.ready(false); s != nil {
			p.step(s, until, false)
		} else if from, to := p.claim(); to > from {
			p.transform(from, to, &bands)
		} else {
			p.change.Wait()
		}
	}
}

// run is the work of the caller's thread. Data comes first, because others may have to wait for it, and
// then the sink.
func (p *pipeline) run() error {
	var bands [][]byte
	for {
		if err := p.settle(); err != nil {
			return err
		}
		if p.panicked != nil {
			panic(p.panicked)
		}
		if len(p.scans) == 0 && p.ended && !p.whole {
			if err := p.finish(); err != nil {
				return err
			}
			p.whole = true
			p.change.Broadcast()
		}
		if p.whole && (p.pushed == p.d.mcusY || p.broken != nil) {
			return p.broken
		}
		if reads, due := p.readsOn(); due {
			if err := p.unlocked(reads); err != nil {
				return err
			}
		} else if rows := p.pushable(); rows > p.pushed {
			if err := p.unlocked(func() error { return p.push(rows) }); err != nil {
				return err
			}
		} else if s, until := p.ready(true); s != nil {
			p.step(s, until, true)
		} else if from, to := p.claim(); to > from {
			p.transform(from, to, &bands)
		} else {
			p.change.Wait()
		}
	}
}

// unlocked calls f without the lock.
func (p *pipeline) unlocked(f func() error) error {
	p.mu.Unlock()
	defer p.mu.Lock()
	return f()
}

// readsOn returns what is to be read next, and whether it is due.
func (p *pipeline) readsOn() (f func() error, due bool) {
	if n := len(p.scans); n > 0 && !p.scans[n-1].complete {
		tail := p.scans[n-1]
		ahead := p.threads > 1 && p.buffered+scanRead <= dataAhead
		return func() error { p.read(tail); return nil }, ahead || tail.over || p.starving > 0 && len(tail.data) == 0
	}
	ahead := p.threads > 1 && p.buffered+scanRead <= dataAhead && len(p.scans) < scansAhead && !p.sent() && !p.alone()
	return p.parse, !p.ended && (ahead || len(p.scans) == 0)
}

// sent reports whether no scan should follow, provided that those that have been found are intact.
func (p *pipeline) sent() bool {
	if p.d.opt.Strict {
		return false
	}
	for _, c := range p.d.comps {
		if !c.coef.sent.final(c.coef) {
			return false
		}
	}
	return true
}

// alone reports whether the last scan has to be decoded before others: one that may be refused for
// the memory that it takes, which depends on the rows that other scans have reached.
func (p *pipeline) alone() bool {
	n := len(p.scans)
	return n > 0 && p.scans[n-1].alone
}

// parse reads on to the next scan that the scale needs. What is wrong between scans is recorded
// after the scans before it.
func (p *pipeline) parse() error {
	d := p.d
	kept := d.damage
	d.damage = ""
	h, ok, err := p.next()
	note := d.damage
	d.damage = kept
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil || !ok {
		p.ended, p.err, p.note = true, err, note
		return nil
	}
	s := p.newScan(h)
	s.note = note
	s.alone = d.coefficients() > d.justified()
	p.scans = append(p.scans, s)
	p.change.Broadcast()
	return nil
}

// next returns the next scan that the scale needs, ready to be decoded, and false if there is none.
func (p *pipeline) next() (h scanHeader, ok bool, err error) {
	d := p.d
	passes := maxPasses
	if d.header.Arithmetic {
		passes = maxArithmeticPasses
	}
	for {
		if h = d.first; p.begun {
			if h, ok, err = d.nextScan(p.mark); !ok || err != nil {
				return h, false, err
			}
		}
		p.begun = true
		p.visits += h.visits()
		if p.visits > min(passes*p.total, stream.MaxVisits) || d.scans > maxScans {
			return h, false, d.flag(0, "too many scans")
		}
		err = d.checkProgressive(h)
		if err == nil && h.needed() {
			huffman := !d.header.Arithmetic
			err = d.prepare(h, huffman && h.ss == 0 && h.ah == 0, huffman && h.ss > 0)
		}
		if err != nil { // Once there is something to show, that is only damage.
			if d.scans == 0 {
				return h, false, err
			}
			if _, _, err := d.orDamage(h, err); err != nil {
				return h, false, err
			}
		} else if h.needed() {
			d.scans++
			return h, true, nil
		}
		for p.mark = stream.RST0; p.mark >= stream.RST0 && p.mark <= stream.RST7; {
			p.mark, _ = d.src.marker()
		}
	}
}

// read adds the data at hand to the last scan, up to the marker after it.
func (p *pipeline) read(s *progressiveScan) {
	src := p.d.src
	b := src.peek()
	n, end := p.scanEnd(b)
	p.mu.Lock()
	for b := b[:n]; len(b) > 0 && !s.over; {
		k := len(s.data) - 1
		if k < 0 || len(s.data[k]) == cap(s.data[k]) {
			s.data = append(s.data, p.chunk())
			k++
		}
		fits := min(len(b), cap(s.data[k])-len(s.data[k]))
		s.data[k] = append(s.data[k], b[:fits]...)
		b = b[fits:]
	}
	if len(b) == 0 {
		p.mark, s.complete, s.end = 0, true, src.err
	} else if end {
		s.complete, s.end = true, io.EOF
	}
	p.change.Broadcast()
	p.mu.Unlock()
	src.skip(n)
}

// scanEnd returns the number of bytes up to and including the marker that ends a scan, and whether
// there is one in b. Restart markers and reserved ones do not end it.
func (p *pipeline) scanEnd(b []byte) (n int, end bool) {
	for n < len(b) {
		if !p.after {
			i := bytes.IndexByte(b[n:], 0xFF)
			if i < 0 {
				return len(b), false
			}
			n += i + 1
			p.after = true
			continue
		}
		m := b[n]
		n++
		p.after = m == 0xFF
		if m >= stream.SOF0 && (m < stream.RST0 || m > stream.RST7) && m != 0xFF {
			p.mark = m
			return n, true
		}
	}
	return n, false
}

// chunk returns an empty chunk. Its memory is that of the encoder's tokens: what decodes a picture often
// encodes it next.
func (p *pipeline) chunk() []byte {
	if len(p.chunks) == 0 {
		m := stream.Chunks.Get().(*[stream.ChunkSize]uint16)
		p.memory = append(p.memory, m)
		b := unsafe.Slice((*byte)(unsafe.Pointer(m)), unsafe.Sizeof(*m))
		for ; len(b) > 0; b = b[chunkSize:] {
			p.chunks = append(p.chunks, b[:0:chunkSize])
		}
	}
	n := len(p.chunks) - 1
	b := p.chunks[n]
	p.chunks = p.chunks[:n]
	p.buffered += chunkSize
	return b
}

// reuse takes back a chunk, or nil.
func (p *pipeline) reuse(b []byte) {
	if b != nil {
		p.buffered -= chunkSize
		p.chunks = append(p.chunks, b[:0])
	}
}

// more returns the next chunk of a scan's data, which is valid until the next call.
func (p *pipeline) more(s *progressiveScan) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reuse(s.chunk)
	s.chunk = nil
	for len(s.data) == 0 {
		if s.complete {
			return nil, s.end
		}
		if p.stopped {
			return nil, io.ErrClosedPipe
		}
		if s.caller {
			p.mu.Unlock()
			p.read(s)
			p.mu.Lock()
			continue
		}
		p.starving++
		p.change.Broadcast()
		p.change.Wait()
		p.starving--
	}
	s.chunk = s.data[0]
	s.data = append(s.data[:0], s.data[1:]...)
	return s.chunk, nil
}

// ready returns a scan that can be decoded, and up to which of its rows, or nil. Of several it is the
// most urgent.
func (p *pipeline) ready(caller bool) (most *progressiveScan, until int) {
	for i, s := range p.scans {
		starved := len(s.data) == 0 && s.chunk == nil && !s.complete && !caller
		if s.running || s.over || starved || s.alone && i > 0 || most != nil && s.urgency() <= most.urgency() {
			continue
		}
		free := s.rows
		for _, before := range p.scans[:i] {
			if (before.ss == 0) == (s.ss == 0) {
				for _, c := range s.parts {
					free = min(free, before.passedOf(c.index)/s.high(c.component))
				}
			}
		}
		if free > s.passed {
			most, until = s, min(free, s.passed+max(p.d.stepBlocks/s.across, 1))
		}
	}
	return most, until
}

// step decodes a scan up to a row.
func (p *pipeline) step(s *progressiveScan, until int, caller bool) {
	s.running, s.caller = true, caller
	if s.bits == nil && s.coder == nil {
		if n := len(p.readers); n > 0 {
			s.bits, p.readers = p.readers[n-1], p.readers[:n-1]
		} else {
			s.bits = new(bitReader)
		}
		s.bits.source = &s.source
	}
	err := p.unlocked(func() error { return s.decode(p.ctx, until) })
	s.running = false
	s.passed, s.over = s.y, s.done || err != nil
	s.err = err
	if s.over && s.bits != nil {
		p.readers, s.bits = append(p.readers, s.bits), nil
	}
	p.change.Broadcast()
}

// settle records what has become of the first scans, if they are over.
func (p *pipeline) settle() error {
	for len(p.scans) > 0 {
		s := p.scans[0]
		p.last = len(p.scans) == 1 && p.d.finalAfter(s.scanHeader)
		if !s.over || !s.complete && s.err == nil {
			return nil
		}
		final := p.d.finalAfter(s.scanHeader)
		if p.d.damage == "" {
			p.d.damage = s.note
		}
		if p.d.damage == "" {
			p.d.damage = s.d.damage
		}
		if s.err != nil {
			return s.err
		}
		for _, c := range s.parts {
			c.coef.bit.record(s.scanHeader, s.d.flags == 0)
		}
		p.ended = p.ended || final
		p.scans = append(p.scans[:0], p.scans[1:]...)
		for _, b := range append(s.data, s.chunk) { // Data after a marker that ends the scan early.
			p.reuse(b)
		}
	}
	return nil
}

// transformable returns the number of rows of MCUs that no scan can change any more.
func (p *pipeline) transformable() int {
	rows := p.d.mcusY
	if p.whole {
		return rows
	}
	if len(p.scans) == 0 || !p.last {
		return 0
	}
	for _, c := range p.d.comps {
		rows = min(rows, p.scans[0].passedOf(c.index)/c.V)
	}
	return rows
}

// claim returns the next rows of MCUs that a thread may transform, if there are any.
func (p *pipeline) claim() (from, to int) {
	if p.broken != nil {
		return 0, 0
	}
	from = p.claimed
	p.claimed = max(from, min(p.transformable(), from+max(p.d.stepBlocks*p.d.mcusY/p.total, 1)))
	return from, p.claimed
}

// transform transforms rows of MCUs for the caller's thread, which pushes them.
func (p *pipeline) transform(from, to int, bands *[][]byte) {
	p.mu.Unlock()
	defer p.mu.Lock()
	for row := from; row < to; row++ {
		p.d.transformAhead(row, bands)
		p.mu.Lock()
		p.made[row] = true
		p.change.Broadcast()
		p.mu.Unlock()
	}
}

// pushable returns up to which row of MCUs the caller's thread may push. It claims those that are not
// transformed yet.
func (p *pipeline) pushable() int {
	if p.broken != nil {
		return 0
	}
	n := p.pushed
	for n < p.claimed && p.made[n] {
		n++
	}
	if n == p.claimed {
		_, n = p.claim()
	}
	return n
}

// push passes the rows of MCUs up to one to the sink. If that breaks, the scans are nevertheless decoded,
// because Report tells of their damage.
func (p *pipeline) push(until int) (err error) {
	row, broken := p.pushed, error(nil)
	for ; row < until && broken == nil && err == nil; row++ {
		if err = p.ctx.Err(); err == nil {
			broken = p.d.transformRow(p.sink, row)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pushed, p.broken = row, broken
	return err
}

// finish records what is missing after the last scan.
func (p *pipeline) finish() error {
	d := p.d
	err := p.err
	if d.damage == "" {
		d.damage = p.note
	}
	if errors.Is(err, errNoEnd) {
		err = d.flag(0, err.Error())
	}
	if err != nil {
		return err
	}
	for _, c := range d.comps {
		if !c.scanned {
			if err := d.flag(0, "missing scan of a component"); err != nil {
				return err
			}
		}
	}
	return nil
}

// urgency is the number of blocks that a scan visits, because the scans of luma take longest and wait for one
// another. Of those with as many blocks, the one that no other follows has most to catch up. A refinement of
// DC takes hardly any time.
func (s *progressiveScan) urgency() int {
	if s.ss == 0 && s.ah > 0 {
		return 0
	}
	blocks := s.across * s.rows
	if s.al == 0 {
		blocks++
	}
	return blocks
}

// passedOf returns how many rows of a component's blocks the following scans may decode.
func (s *progressiveScan) passedOf(component int) int {
	if !s.over {
		for _, c := range s.parts {
			if c.index == component {
				return s.passed * s.high(c.component)
			}
		}
	}
	return math.MaxInt
}

// high is the number of rows of a component's blocks in a row of the scan.
func (s *progressiveScan) high(c *component) int {
	if len(s.parts) == 1 {
		return 1
	}
	return c.V
}
