package png

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"hash/crc32"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/flate"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/iptc"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

type encoder struct{}

// Layout implements codec.Encoder: gray or RGB, with or without alpha.
func (encoder) Layout(model plane.Model, alpha bool, w, h int) plane.Layout {
	if model != plane.Gray {
		model = plane.RGB
	}
	return plane.NewLayout(model, alpha, w, h, 1, 1)
}

// stripSize is about how many bytes of filtered rows are compressed on their own. Their size does
// not depend on the number of threads, so the file does not either.
const stripSize = 256 << 10

// pieceSize is how many bytes of a picture of one strip have Huffman codes of their own, unless it
// is compressed without matches. The compressor's blocks are about twice as large; halves save 0.2 %
// of the bytes of small pictures, and cost as much in large ones.
const pieceSize = 16000

// Encode implements codec.Encoder. An alpha plane that is opaque everywhere is left out.
func (encoder) Encode(ctx context.Context, p *plane.Picture, o codec.EncodeOptions) ([]byte, error) {
	s := newStrips(p)
	if err := s.run(ctx, max(o.Threads, 1)); err != nil {
		return nil, err
	}
	out := append([]byte(signature), make([]byte, 0, s.size()+len(o.EXIF)+len(o.XMP)+1024)...)
	head := binary.BigEndian.AppendUint32(nil, uint32(p.Width()))
	head = binary.BigEndian.AppendUint32(head, uint32(p.Height()))
	out = appendChunk(out, "IHDR", append(head, 8, s.colourType(), 0, 0, 0))
	if icc := p.Space.For(p.Model).ICC; icc != nil {
		out = appendChunk(out, "iCCP", append([]byte("icc\x00\x00"), deflateProfile(icc)...))
	}
	if o.EXIF != nil {
		out = appendChunk(out, "eXIf", o.EXIF)
	}
	if o.XMP != nil {
		out = appendChunk(out, "iTXt", xmpText(o.XMP))
	}
	if o.IPTC != nil {
		out = appendChunk(out, "zTXt", rawText("iptc", iptc.AppendResource(nil, iptc.ResourceIIM, o.IPTC)))
	}
	sum := adler(1)
	for i := range s.all {
		sum = joinAdler(sum, s.all[i].sum, s.all[i].n)
	}
	for i := range s.all {
		data := s.all[i].data.Bytes()
		if i == len(s.all)-1 {
			data = binary.BigEndian.AppendUint32(data, uint32(sum))
		}
		out = appendChunk(out, "IDAT", data)
	}
	return appendChunk(out, "IEND", nil), nil
}

// strips is the rows of a picture, divided into strips that are compressed independently. Only the
// window is common: each strip continues with the last bytes of the one before it.
type strips struct {
	*plane.Picture
	channels []int // planes of a pixel, in the order of the file
	n        int   // bytes of a row, without its filter type
	rows     int   // of a strip
	all      []strip
	method
}

// strip is a part of the pixel data.
type strip struct {
	data bytes.Buffer
	n    int   // bytes before compression
	sum  adler // of them
}

func newStrips(p *plane.Picture) *strips {
	s := &strips{Picture: p}
	for i, size := range p.Planes {
		if size.Kind != plane.Alpha || !p.Opaque() {
			s.channels = append(s.channels, i)
		}
	}
	s.n = p.Width() * len(s.channels)
	s.rows = max(1, stripSize/(s.n+1))
	s.all = make([]strip, (p.Height()+s.rows-1)/s.rows)
	return s
}

// colourType returns the colour type of the file (table 12).
func (s *strips) colourType() byte {
	return [...]byte{typeGray, typeGrayAlpha, typeRGB, typeRGBA}[len(s.channels)-1]
}

// size is the number of bytes of all chunks with pixels.
func (s *strips) size() int {
	n := 0
	for i := range s.all {
		n += s.all[i].data.Len() + 16
	}
	return n
}

// run compresses all strips with up to so many threads.
func (s *strips) run(ctx context.Context, threads int) error {
	first := s.newWorker()
	s.method = first.choose()
	var next atomic.Int64
	work := func(w *worker) {
		w.writer = newWriter(s.level)
		for i := next.Add(1) - 1; i < int64(len(s.all)) && ctx.Err() == nil; i = next.Add(1) - 1 {
			w.compress(int(i))
		}
	}
	var helpers sync.WaitGroup
	for range min(threads, len(s.all)) - 1 {
		helpers.Go(func() { work(s.newWorker()) })
	}
	work(first)
	helpers.Wait()
	return ctx.Err()
}

// worker is what a thread needs to compress strips.
type worker struct {
	*strips
	*filter
	rows   []byte // filtered
	writer *flate.Writer
}

func (s *strips) newWorker() *worker {
	return &worker{strips: s, filter: newFilter(s.n, len(s.channels))}
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
	last := min(first+w.strips.rows, w.Height())
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
	if window == 0 {
		w.writer.Reset(&s.data)
	} else {
		w.writer.ResetDict(&s.data, w.rows[max(0, start-windowSize):start])
	}
	for rest := w.rows[start:]; ; {
		n := len(rest)
		if len(w.all) == 1 && w.level != flate.HuffmanOnly {
			n = min(n, pieceSize)
		}
		w.writer.Write(rest[:n]) // a bytes.Buffer never fails
		if rest = rest[n:]; len(rest) == 0 {
			break
		}
		w.writer.Flush()
	}
	if last < w.Height() {
		w.writer.Flush()
	} else {
		w.writer.Close()
	}
}

// load interleaves row y, or zeros above the picture.
func (w *worker) load(y int, row []byte) {
	row = row[lead : lead+w.n]
	if y < 0 {
		clear(row)
		return
	}
	switch c := w.channels; len(c) {
	case 1:
		copy(row, w.Row(c[0], y))
	case 3:
		join3(row, w.Row(c[0], y), w.Row(c[1], y), w.Row(c[2], y))
	default:
		for i, p := range c {
			for x, v := range w.Row(p, y) {
				row[x*len(c)+i] = v
			}
		}
	}
}

// join3 interleaves three planes.
func join3(dst, r, g, b []byte) {
	g, b = g[:len(r)], b[:len(r)]
	for i := range r {
		d := dst[3*i : 3*i+3 : 3*i+3]
		d[0], d[1], d[2] = r[i], g[i], b[i]
	}
}

func deflateProfile(icc []byte) []byte {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	z.Write(icc) // a bytes.Buffer never fails
	z.Close()
	return b.Bytes()
}

// appendChunk appends a PNG chunk: length, type, data, CRC of type and data.
func appendChunk(b []byte, kind string, data []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(data)))
	start := len(b)
	b = append(append(b, kind...), data...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[start:]))
}
