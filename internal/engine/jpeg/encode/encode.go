// Package encode writes JPEG files: ITU-T T.81 with JFIF (T.871), sequential and progressive, with Huffman codes made for
// each scan. It takes planes of 8 bits as they are: it never converts colours and never subsamples. It never accesses files,
// networks or the clock.
package encode

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/dct"
	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// Effort determines how long the encoder searches for a smaller file.
type Effort uint8

const (
	// Normal drops the coefficients whose bits cost more than their error is visible, one after
	// another.
	Normal Effort = iota
	// High weighs the coefficients of a block together, and searches for the best script of a
	// progressive file. It takes several times as long.
	High
)

// Options configure an encode. The zero value is invalid: Quality must be set.
type Options struct {
	// Quality is 1..100. Pictures look about as those that libjpeg makes of the same quality.
	Quality int
	// Progressive stores several scans, coarse to fine (SOF2), instead of one (SOF0).
	Progressive bool
	// Effort is Normal or High.
	Effort Effort
	// ICC is the colour profile, which is split over APP2 segments; nil for none.
	ICC []byte
	// Metadata is stored in APP1 and APP13 segments.
	codec.Metadata
	// Threads is the number of threads that may share the work, including the caller's.
	Threads int

	libjpeg bool // makes Normal quantise as libjpeg does, so that tests can compare every byte
}

const maxSide = 65535

func (o *Options) check() error {
	if o.Quality < 1 || o.Quality > 100 {
		return fmt.Errorf("encode jpeg: quality %d is outside 1 to 100", o.Quality)
	}
	if o.Effort > High {
		return fmt.Errorf("encode jpeg: unknown effort %d", o.Effort)
	}
	if len(o.ICC) > stream.MaxICC {
		return fmt.Errorf("encode jpeg: colour profile of %d bytes exceeds the %d that fit a file",
			len(o.ICC), stream.MaxICC)
	}
	return checkMetadata(&o.Metadata)
}

// Encode writes p as a JFIF file. p must be Gray or YCbCr without alpha, 1 to 65535 samples wide
// and high. Its chroma planes must have the full size, or half of it (rounded up) in width, in
// height or in both. Blocks at the right and lower edges are padded by repeating the last sample.
// The same picture and options always produce the same bytes. An error of w is returned wrapped, that
// of ctx unchanged; what has been written until then is of no use.
func Encode(ctx context.Context, w io.Writer, p *plane.Picture, o Options) error {
	e, err := newFrame(p)
	if err != nil {
		return err
	}
	return e.Encode(ctx, w, o)
}

// Encoder writes one picture several times, at different qualities, and transforms it only once. It
// holds two bytes per sample. It is safe for concurrent use.
type Encoder struct {
	width, height int
	hMax, vMax    int
	mcusX, mcusY  int // number of MCUs of an interleaved scan
	parts         []part
}

// New transforms a picture for an Encoder, with the same requirements as Encode. It does not retain p.
func New(ctx context.Context, p *plane.Picture) (*Encoder, error) {
	e, err := newFrame(p)
	if err != nil {
		return nil, err
	}
	for i := range e.parts {
		c := &e.parts[i]
		c.raw = make([]int16, 64*c.blocksX*c.blocksY)
		for by := range c.blocksY {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			c.transform(c.raw[64*c.blocksX*by:], by)
		}
		c.pix = nil
	}
	return e, nil
}

// part is one component: the source of its samples or coefficients, and their grid of blocks.
type part struct {
	pix              []byte
	stride           int
	width, height    int
	h, v             int // sampling factors (T.81 A.1.1)
	class            int // 0 luma, 1 chroma: the number of the tables it uses
	blocksX, blocksY int
	raw              []int16 // forward transform of all blocks, in rows of blocks; nil if pix is used
}

// newFrame returns an Encoder with the geometry of a picture.
func newFrame(p *plane.Picture) (*Encoder, error) {
	if p.Model != plane.Gray && p.Model != plane.YCbCr ||
		len(p.Planes) != p.Model.Colours() || p.Bits != plane.Bits {
		return nil, fmt.Errorf("encode jpeg: a JPEG cannot hold %v with %d planes of %d bits",
			p.Model, len(p.Planes), p.Bits)
	}
	w, h := p.Width(), p.Height()
	if w < 1 || h < 1 || w > maxSide || h > maxSide {
		return nil, fmt.Errorf("encode jpeg: size %d×%d is outside 1 to %d samples per side",
			w, h, maxSide)
	}
	e := &Encoder{width: w, height: h, hMax: 1, vMax: 1}
	if p.Model == plane.YCbCr {
		cb, cr := p.Planes[1].Size, p.Planes[2].Size
		if cb.Width == (w+1)/2 && w > 1 {
			e.hMax = 2
		}
		if cb.Height == (h+1)/2 && h > 1 {
			e.vMax = 2
		}
		if cb.Width != cr.Width || cb.Height != cr.Height ||
			cb.Width != (w+e.hMax-1)/e.hMax || cb.Height != (h+e.vMax-1)/e.vMax {
			return nil, fmt.Errorf("encode jpeg: chroma planes of %d×%d and %d×%d have neither "+
				"full nor half the size of the %d×%d picture",
				cb.Width, cb.Height, cr.Width, cr.Height, w, h)
		}
	}
	for i, s := range p.Planes {
		c := part{
			pix: p.Pix[i], stride: p.Stride[i], width: s.Width, height: s.Height,
			h: 1, v: 1, class: 1,
		}
		if s.Kind == plane.Luma {
			c.h, c.v, c.class = e.hMax, e.vMax, 0
		}
		if c.stride < c.width || len(c.pix) < c.stride*(c.height-1)+c.width {
			return nil, fmt.Errorf("encode jpeg: plane %d has %d bytes, too few for %d rows of %d",
				i, len(c.pix), c.height, c.width)
		}
		c.blocksX, c.blocksY = (c.width+7)/8, (c.height+7)/8
		e.parts = append(e.parts, c)
	}
	e.mcusX = (w + 8*e.hMax - 1) / (8 * e.hMax)
	e.mcusY = (h + 8*e.vMax - 1) / (8 * e.vMax)
	return e, nil
}

// transform computes the coefficients of one row of blocks.
func (c *part) transform(dst []int16, by int) {
	y, whole := 8*by, c.width/8
	if y+8 > c.height {
		whole = 0
	} else {
		dct.Forward(dst, c.pix[y*c.stride:], c.stride, whole)
	}
	var edge [64]byte
	for bx := whole; bx < c.blocksX; bx++ {
		for i := range 8 {
			row := c.pix[min(y+i, c.height-1)*c.stride:][:c.width]
			n := copy(edge[8*i:8*i+8], row[8*bx:])
			for ; n < 8; n++ {
				edge[8*i+n] = row[c.width-1]
			}
		}
		dct.Forward(dst[64*bx:], edge[:], 8, 1)
	}
}

// Encode writes the picture in the same way as the function Encode.
//
// All loops over rows of blocks and over chunks of tokens end once ctx does, and leave it to Encode to
// report that: what they have made is then incomplete, but consistent.
func (e *Encoder) Encode(ctx context.Context, w io.Writer, o Options) error {
	if err := o.check(); err != nil {
		return err
	}
	b := newBitWriter(w)
	t := newQuantisers(&o)
	e.writeHeader(b, &o, t)
	if o.Effort == Normal && !o.Progressive {
		e.sequential(ctx, b, t, o.Threads)
	} else {
		e.encodeAll(ctx, b, t, &o)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	b.bytes([]byte{0xFF, stream.EOI})
	b.flush()
	if b.err != nil {
		return fmt.Errorf("encode jpeg: %w", b.err)
	}
	return nil
}

// encodeAll writes a file whose coefficients are all computed before the first is written.
func (e *Encoder) encodeAll(ctx context.Context, b *bitWriter, t *quantisers, o *Options) {
	grids, memory := e.newGrids(o.Progressive)
	defer gridMemory.Put(memory)
	e.quantiseAll(ctx, grids, t, o)
	if ctx.Err() != nil {
		return // Grids may have rows of another picture.
	}
	switch {
	case !o.Progressive:
		e.writeSequential(ctx, b, e.sequentialOf(ctx, grids, o.Threads))
	case o.Effort == Normal:
		e.progressive(ctx, b, grids, fixedScript(len(e.parts)), o.Threads)
	default:
		e.searched(ctx, b, grids, o.Threads)
	}
}

// shareRows is the least number of rows for which a thread is started.
const shareRows = 8

// share splits rows among threads, and calls f for each part, numbered from 0.
func share(threads, rows int, f func(part, from, to int)) {
	threads = shares(threads, rows)
	together(threads, func(i int) { f(i, rows*i/threads, rows*(i+1)/threads) })
}

// together calls f in each of some threads, numbered from 0, and waits for all. A panic in any of them is
// passed on to the caller, who can recover from it.
func together(threads int, f func(thread int)) {
	panics := make([]any, threads)
	run := func(i int) {
		defer func() { panics[i] = recover() }()
		f(i)
	}
	var others sync.WaitGroup
	for i := 1; i < threads; i++ {
		others.Go(func() { run(i) })
	}
	run(0)
	others.Wait()
	for _, p := range panics {
		if p != nil {
			panic(p)
		}
	}
}

// groupRows is the number of rows of blocks that a thread takes at a time.
const groupRows = 2

const (
	// sampleBlocks is about the least number of luma's blocks, and sampleRows that of rows of MCUs, that are in a sample.
	// Larger ones do not make smaller files.
	sampleBlocks = 3 << 10
	sampleRows   = 8
	// maxEvery is the largest number of rows of which one is in the sample.
	maxEvery = 8
)

// every is the number of rows of blocks of which one is in a sample, whose symbols stand for those of all rows.
func (e *Encoder) every() int {
	c := &e.parts[0]
	return max(min(c.blocksX*c.blocksY/sampleBlocks, e.mcusY/sampleRows, maxEvery), 1)
}

// sampled is the number of rows that are in the sample.
func sampled(rows, every int) int { return (rows - every/2 + every - 1) / every }

// eachRow calls f for one of every so many rows of blocks of each component, and with the number of the thread.
func (e *Encoder) eachRow(ctx context.Context, threads, every int, f func(thread, part, by int)) {
	type group struct{ part, from, to int }
	var groups []group
	for i, c := range e.parts {
		for by := every / 2; by < c.blocksY; by += groupRows * every {
			groups = append(groups, group{i, by, min(by+groupRows*every, c.blocksY)})
		}
	}
	spread(threads, len(groups), func(thread, i int) {
		for g, by := groups[i], groups[i].from; by < g.to && ctx.Err() == nil; by += every {
			f(thread, g.part, by)
		}
	})
}

// spread calls f for each i below n. A thread that is done with one takes the next.
func spread(threads, n int, f func(thread, i int)) {
	var next atomic.Int64
	together(max(min(threads, n), 1), func(thread int) {
		for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
			f(thread, i)
		}
	})
}

// shares is the number of parts into which share splits the rows.
func shares(threads, rows int) int { return max(min(threads, rows/shareRows), 1) }
