package png

import (
	"bytes"
	"context"
	"encoding/binary"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/flate"

	"github.com/imgmill/imgmill/internal/engine/plane"
)

// stripSize is about how many bytes of filtered rows are compressed on their own. Their size does
// not depend on the number of threads, so the file does not either.
const stripSize = 256 << 10

// pieceSize is how many bytes of a still of one strip have Huffman codes of their own, unless it is
// compressed without matches. The compressor's blocks are about twice as large; halves save 0.2 % of
// the bytes of small photographs, and cost as much in large ones, and a tenth in frames of animations.
const pieceSize = 16000

// raster is the rows of a picture as a file stores them, before they are filtered.
type raster struct {
	n, height int                     // bytes of a row, and rows
	unit      int                     // bytes of a pixel
	read      func(y int, row []byte) // writes row y
}

// rasterOf returns the rows of a picture, with an alpha plane or without.
func rasterOf(p *plane.Picture, alpha bool) raster {
	unit := len(p.Planes)
	if p.HasAlpha() && !alpha {
		unit--
	}
	return raster{p.Width() * unit, p.Height(), unit, func(y int, row []byte) {
		switch unit {
		case 1:
			copy(row, p.Row(0, y))
		case 3:
			join3(row, p.Row(0, y), p.Row(1, y), p.Row(2, y))
		default:
			for i := range unit {
				for x, v := range p.Row(i, y) {
					row[x*unit+i] = v
				}
			}
		}
	}}
}

// strips is the rows of a picture, divided into strips that are compressed independently. Only the
// window is common: each strip continues with the last bytes of the one before it.
type strips struct {
	raster
	rows int // of a strip
	all  []strip
	method
	first  *worker // which chose the method
	pieces bool    // of pieceSize
}

// strip is a part of the pixel data.
type strip struct {
	data bytes.Buffer
	n    int   // bytes before compression
	sum  adler // of them
}

// newStrips prepares to compress a picture. One of its threads uses the given writers.
func newStrips(r raster, z writers) *strips {
	s := &strips{raster: r}
	s.rows = max(1, stripSize/(s.n+1))
	s.all = make([]strip, (s.height+s.rows-1)/s.rows)
	s.first = s.newWorker(z)
	s.method = s.first.choose()
	return s
}

// data returns the compressed pixels, in one piece for each strip.
func (s *strips) data() [][]byte {
	var data [][]byte
	sum := adler(1)
	for i := range s.all {
		sum = joinAdler(sum, s.all[i].sum, s.all[i].n)
		data = append(data, s.all[i].data.Bytes())
	}
	last := &data[len(data)-1]
	*last = binary.BigEndian.AppendUint32(*last, uint32(sum))
	return data
}

// run compresses all strips with up to so many threads.
func (s *strips) run(ctx context.Context, threads int) error {
	var next atomic.Int64
	work := func(w *worker) {
		w.writer = w.at(s.level)
		for i := next.Add(1) - 1; i < int64(len(s.all)) && ctx.Err() == nil; i = next.Add(1) - 1 {
			w.compress(int(i))
		}
	}
	var helpers sync.WaitGroup
	for range min(threads, len(s.all)) - 1 {
		helpers.Go(func() { work(s.newWorker(writers{})) })
	}
	work(s.first)
	helpers.Wait()
	return ctx.Err()
}

// worker is what a thread needs to compress strips.
type worker struct {
	*strips
	*filter
	writers
	rows   []byte // filtered
	writer *flate.Writer
}

func (s *strips) newWorker(z writers) *worker {
	return &worker{strips: s, filter: newFilter(s.n, s.unit), writers: z}
}

// filterRows appends the rows from first to before last, filtered or not, to dst.
func (w *worker) filterRows(dst []byte, first, last int, filtered bool) []byte {
	if filtered {
		w.load(first-1, w.above)
	}
	for y := first; y < last; y++ {
		w.load(y, w.row)
		if !filtered {
			dst = append(dst, filterNone)
			dst = append(dst, w.row[lead:lead+w.n]...)
			continue
		}
		dst = w.best(dst)
		w.row, w.above = w.above, w.row
	}
	return dst
}

// compress filters and compresses strip i. The window in front of it is filtered once more, so that
// no strip waits for another.
func (w *worker) compress(i int) {
	first := i * w.strips.rows
	last := min(first+w.strips.rows, w.height)
	window := 0
	if i > 0 && w.level != flate.HuffmanOnly {
		window = min(first, (windowSize+w.n)/(w.n+1))
	}
	w.rows = w.filterRows(w.rows[:0], first-window, last, w.filtered)
	start := window * (w.n + 1)
	s := &w.all[i]
	s.n = len(w.rows) - start
	s.sum = 1
	s.sum.update(w.rows[start:])
	if i == 0 {
		s.data.Write([]byte{0x78, 0x9c}) // RFC 1950: deflate with a window of 32 KB
	}
	w.writer.ResetDict(&s.data, w.rows[max(0, start-windowSize):start]) // Reset keeps the last dictionary
	for rest := w.rows[start:]; ; {
		n := len(rest)
		if w.pieces && w.level != flate.HuffmanOnly {
			n = min(n, pieceSize)
		}
		w.writer.Write(rest[:n]) // a bytes.Buffer never fails
		if rest = rest[n:]; len(rest) == 0 {
			break
		}
		w.writer.Flush()
	}
	if last < w.height {
		w.writer.Flush()
	} else {
		w.writer.Close()
	}
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
