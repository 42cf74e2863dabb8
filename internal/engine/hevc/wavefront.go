package hevc

import (
	"context"
	"sync"
)

// wavefront decodes the rows of CTBs of a slice segment at the same time, each at least two CTBs behind
// the row above: what it takes from there, samples and context variables, is then complete.
type wavefront struct {
	ctx    context.Context
	p      *picture
	h      *sliceHeader
	first  int       // row of the picture with the first CTB of the segment
	starts []int     // of the substreams in the data
	above  *contexts // after the second CTU of the row above the segment

	mu       sync.Mutex
	changed  sync.Cond
	next     int        // row that nobody has taken, counted from 0 in the segment
	progress []int      // CTBs that are decoded in each row
	second   []contexts // after the second CTU of each row
	failed   int        // the first row with an error, len(starts) if there is none
	err      error
	end      scanPlace // behind the segment, if its last row ended
	ended    *worker   // the worker of the last row
	more     bool      // the picture goes on behind the segment
	filtered int       // rows of the picture that the filters are done with

	filters   sync.Mutex // held by who filters
	filterErr error
}

// wavefrontPossible reports whether the rows of a slice segment can be decoded at the same time.
// cu_chroma_qp_offset would pass from one row to the next.
func (d *Decoder) wavefrontPossible(h *sliceHeader, at scanPlace) bool {
	p := &d.p
	return d.Threads > 1 && p.pps.wavefronts && !p.pps.tiles && len(h.entryPoints) > 0 && at.x == 0 &&
		at.y+len(h.entryPoints) < p.sps.heightCTB && !h.cuChromaQPOffset
}

// wavefront does what sliceSegment does, with several goroutines.
func (d *Decoder) wavefront(ctx context.Context, h *sliceHeader, at scanPlace) (scanPlace, bool, error) {
	f := &wavefront{ctx: ctx, p: &d.p, h: h, first: at.y, filtered: d.p.finished}
	f.changed.L = &f.mu
	start := 0
	for i := range len(h.entryPoints) + 1 {
		f.starts = append(f.starts, start)
		start += h.substreamLength(i, start)
	}
	n := len(f.starts)
	before := d.w.atSecondCTU
	f.above = &before
	f.progress, f.second, f.failed = make([]int, n), make([]contexts, n), n
	var others sync.WaitGroup
	for i := range min(d.Threads, n) - 1 {
		if i == len(d.others) {
			d.others = append(d.others, new(worker))
		}
		w := d.others[i]
		w.reset(&d.p)
		others.Go(func() { f.work(w) })
	}
	d.w.begin(h)
	f.work(&d.w)
	others.Wait()
	if f.err != nil {
		return at, false, f.err
	}
	d.w.contexts, d.w.atSecondCTU, d.w.atSegmentEnd = f.ended.contexts, f.ended.atSecondCTU, f.ended.atSegmentEnd
	d.w.lastQP, d.w.leftMode, d.w.leftDepth = f.ended.lastQP, f.ended.leftMode, f.ended.leftDepth
	return f.end, !f.more, nil
}

// work decodes rows until there are none left.
func (f *wavefront) work(w *worker) {
	for {
		f.mu.Lock()
		row := f.next
		f.next++
		f.mu.Unlock()
		if row >= len(f.starts) {
			return
		}
		if err := f.row(w, row); err != nil {
			f.fail(row, err)
			return
		}
	}
}

// fail ends the work on a row and those below it.
func (f *wavefront) fail(row int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if row < f.failed {
		f.failed, f.err = row, err
	}
	f.changed.Broadcast()
}

// await waits until so many CTBs of the row above are decoded. It reports whether they were.
func (f *wavefront) await(row, count int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.failed > row && row > 0 && f.progress[row-1] < count {
		f.changed.Wait()
	}
	return f.failed > row
}

// awaitWindow waits until there is room for a row in the window: the filters must be done with the one
// whose place it takes.
func (f *wavefront) awaitWindow(row int) {
	if f.p.layout.windowRows == f.p.sps.heightCTB {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.failed > row && f.filtered < f.first+row-f.p.layout.windowRows+3 {
		f.changed.Wait()
	}
}

// row decodes one row of CTBs.
func (f *wavefront) row(w *worker, row int) error {
	p, h := f.p, f.h
	w.h = h
	w.chromaOffset = [3]int{}
	w.cabac.start(h.data, f.starts[row])
	f.awaitWindow(row)
	if err := f.ctx.Err(); err != nil {
		return err
	}
	width := p.sps.widthCTB
	for at := (scanPlace{y: f.first + row}); ; {
		if !f.await(row, min(at.x+2, width)) {
			return nil // a row above has an error
		}
		w.place(at, h)
		if at.x == 0 {
			w.lastQP = h.qp
			switch {
			case at.y == 0:
				w.contexts.init(h.qp)
			case row == 0:
				w.startRow(f.above)
			default:
				w.startRow(&f.second[row-1])
			}
		}
		end, err := w.ctu(at)
		if err != nil {
			return err
		}
		next, _, more := at.next(&p.layout)
		f.advance(w, row, at.x)
		if at.x == width-1 {
			if err := f.filter(at, next, !more); err != nil {
				return err
			}
		}
		switch {
		case end:
			if err := w.checkEnd(row); err != nil {
				return err
			}
			f.end, f.ended, f.more = next, w, more // only one row has the last substream
			return nil
		case !more:
			return w.corrupt("the slice segment goes on behind the picture")
		}
		if at = next; at.x == 0 {
			return w.checkSubstream(f.starts[min(row+1, len(f.starts)-1)])
		}
	}
}

// advance makes a decoded CTB known.
func (f *wavefront) advance(w *worker, row, x int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if x == 1 {
		f.second[row] = w.atSecondCTU
	}
	f.progress[row] = x + 1
	f.changed.Broadcast()
}

// filter filters and delivers what can be after the last CTB of a row. Rows end in their order, and so
// whoever comes first does what is to be done.
func (f *wavefront) filter(at, next scanPlace, last bool) error {
	f.filters.Lock()
	defer f.filters.Unlock()
	if f.filterErr == nil {
		f.filterErr = f.p.advance(at, next, last)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.filtered = f.p.finished
	f.changed.Broadcast()
	return f.filterErr
}
