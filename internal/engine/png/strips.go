package png

import (
	"cmp"
	"context"
	"encoding/binary"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/deflate"
)

// stripSize is about how many bytes of filtered rows are compressed on their own. Their size does
// not depend on the number of threads, so the file does not either.
const stripSize = 256 << 10

// raster is the rows of a picture as a file stores them, before they are filtered.
type raster struct {
	n, height int                     // bytes of a row, and rows
	unit      int                     // bytes of a pixel
	indexed   bool                    // pixels are indexes of a palette
	read      func(y int, row []byte) // writes row y
}

// strips is the rows of a picture, divided into strips that are compressed independently. Only the
// window is common: each strip continues with the last bytes of the one before it.
type strips struct {
	raster
	rows   int // of a strip
	all    []strip
	effort codec.Effort
	method
	first *worker // which chose the method
}

// strip is a part of the pixel data.
type strip struct {
	data []byte
	n    int   // bytes before compression
	sum  adler // of them
}

// newStrips prepares to compress a picture. One of its threads uses the given compressor.
func newStrips(ctx context.Context, r raster, e codec.Effort, c *deflate.Compressor) (s *strips, err error) {
	s = &strips{raster: r, effort: e}
	s.rows = max(1, stripSize/(s.n+1))
	s.all = make([]strip, (s.height+s.rows-1)/s.rows)
	s.first = s.newWorker(c)
	s.method, err = s.first.choose(ctx)
	return s, err
}

// compress compresses a picture with up to so many threads, and returns the data in one piece for each
// strip.
func (r raster) compress(ctx context.Context, e codec.Effort, c *deflate.Compressor, threads int) ([][]byte, error) {
	s, err := newStrips(ctx, r, e, c)
	if err != nil {
		return nil, err
	}
	if err := s.run(ctx, max(threads, 1)); err != nil {
		return nil, err
	}
	var data [][]byte
	sum := adler(1)
	for i := range s.all {
		sum = joinAdler(sum, s.all[i].sum, s.all[i].n)
		data = append(data, s.all[i].data)
	}
	last := &data[len(data)-1]
	*last = binary.BigEndian.AppendUint32(*last, uint32(sum))
	return data, nil
}

// run compresses all strips with up to so many threads.
func (s *strips) run(ctx context.Context, threads int) error {
	var next atomic.Int64
	work := func(w *worker) error {
		w.Passes = 0
		if (s.n+1)*s.height > hugeSize {
			w.Passes = passesOfHuge
		}
		for i := next.Add(1) - 1; i < int64(len(s.all)); i = next.Add(1) - 1 {
			if err := w.compress(ctx, int(i)); err != nil {
				return err
			}
		}
		return nil
	}
	var helpers errgroup.Group
	for range min(threads, len(s.all)) - 1 {
		helpers.Go(func() error { return work(s.newWorker(new(deflate.Compressor))) })
	}
	return cmp.Or(work(s.first), helpers.Wait())
}

// worker is what a thread needs to compress strips.
type worker struct {
	*strips
	*filter
	*deflate.Compressor
	rows    []byte // filtered
	scratch []byte // compressed samples
}

func (s *strips) newWorker(c *deflate.Compressor) *worker {
	return &worker{strips: s, filter: newFilter(s.n, s.unit), Compressor: c}
}

// filterRows appends the rows from first to before last, filtered, to dst.
func (w *worker) filterRows(dst []byte, first, last int, f filters) []byte {
	if f != unfiltered {
		w.load(first-1, w.above)
	}
	for y := first; y < last; y++ {
		w.load(y, w.row)
		if f == unfiltered {
			dst = append(dst, filterNone)
			dst = append(dst, w.row[lead:lead+w.n]...)
			continue
		}
		dst = w.apply(dst, f)
		w.row, w.above = w.above, w.row
	}
	return dst
}

// compress filters and compresses strip i. The window in front of it is filtered once more, so that
// no strip waits for another.
func (w *worker) compress(ctx context.Context, i int) (err error) {
	first := i * w.strips.rows
	last := min(first+w.strips.rows, w.height)
	window := 0
	if i > 0 && w.level != deflate.Entropy {
		window = min(first, (deflate.WindowSize+w.n)/(w.n+1))
	}
	w.rows = w.filterRows(w.rows[:0], first-window, last, w.filters)
	start := window * (w.n + 1)
	s := &w.all[i]
	s.n = len(w.rows) - start
	s.sum = 1
	s.sum.update(w.rows[start:])
	if i == 0 {
		s.data = []byte{0x78, 0x9c} // RFC 1950: deflate with a window of 32 KB
	}
	s.data, err = w.Append(ctx, s.data, w.rows, start, w.level, last < w.height)
	return err
}

// load reads row y, or zeros above the picture.
func (w *worker) load(y int, row []byte) {
	row = row[lead : lead+w.n]
	if y < 0 {
		clear(row)
		return
	}
	w.read(y, row)
}

// join3 interleaves three planes.
func join3(dst, r, g, b []byte) {
	g, b = g[:len(r)], b[:len(r)]
	for i := range r {
		d := dst[3*i : 3*i+3 : 3*i+3]
		d[0], d[1], d[2] = r[i], g[i], b[i]
	}
}
