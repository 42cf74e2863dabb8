package png

import (
	"fmt"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// batch is some filtered rows.
type batch struct {
	span
	buf    []byte // the window, its rows, and room to spare
	whole  int    // rows that are complete: n, unless err is set
	err    error  // that ended the data
	offset int64  // in the file, behind the data
}

// row returns row i, with its filter type and with bytes behind it that may be read.
func (b *batch) row(i int) []byte { return b.buf[windowSize+i*b.rowLen:] }

// firstGrowth is how much of a batch is allocated before any of its data has arrived, in bytes.
const firstGrowth = 1 << 20

// read decompresses the rows of a span. A row that is longer than firstGrowth is a claim that data
// has to justify.
func (b *batch) read(z *zlibReader, s span) {
	b.span = s
	size := s.n * s.rowLen
	first := size
	if cap(b.buf) < bufferLen(size) {
		first = min(size, firstGrowth)
		b.buf = make([]byte, bufferLen(first))
	}
	b.buf = b.buf[:bufferLen(first)]
	z.begin(b.buf)
	got, err := z.fill(first)
	if err == nil && first < size {
		b.buf = z.grow(bufferLen(size))
		got, err = z.fill(size)
	}
	b.whole, b.err, b.offset = got/s.rowLen, err, z.r.(*pixelData).chunks.offset
}

// batches is how many batches a second thread keeps in memory: one that is being filled, one that
// waits, and one that is in use.
const batches = 3

// supply hands out the batches of a picture in order. A second thread decompresses them ahead.
type supply struct {
	spans   spans
	z       *zlibReader
	current *batch

	ready, free chan *batch // nil without a second thread
	stop        chan struct{}
}

func newSupply(passes []pass, z *zlibReader, ahead bool) *supply {
	s := &supply{spans: spans{passes: passes}, z: z}
	if !ahead {
		s.current = &batch{}
		return s
	}
	s.ready, s.free, s.stop = make(chan *batch, batches), make(chan *batch, batches), make(chan struct{})
	for range batches {
		s.free <- &batch{}
	}
	go s.run()
	return s
}

// run is the second thread. It ends with the data, with an error, or when stop is closed.
func (s *supply) run() {
	defer close(s.ready)
	for {
		var b *batch
		select {
		case b = <-s.free:
		case <-s.stop:
			return
		}
		if !s.fill(b) {
			return
		}
		s.ready <- b
		if b.err != nil {
			return
		}
	}
}

// fill reads the next batch, if there is one.
func (s *supply) fill(b *batch) (ok bool) {
	defer func() {
		if p := recover(); p != nil {
			b.err, ok = fmt.Errorf("%w: the decoder failed on it: %v", codec.ErrCorrupt, p), true
		}
	}()
	next, ok := s.spans.next()
	if ok {
		b.read(s.z, next)
	}
	return ok
}

// next returns the next batch, or nil after the last one. The one before may be overwritten.
func (s *supply) next() *batch {
	if s.ready == nil {
		if s.current.err != nil || !s.fill(s.current) {
			return nil
		}
		return s.current
	}
	if s.current != nil {
		s.free <- s.current
	}
	s.current = <-s.ready
	return s.current
}

// close waits for the second thread to end.
func (s *supply) close() {
	if s.ready == nil {
		return
	}
	close(s.stop)
	for range s.ready { // until run closes it
	}
}
