package gif

import (
	"context"
	"unsafe"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// decoder implements codec.FrameDecoder.
type decoder struct {
	header codec.Header
	stream *codec.Stream
	file   *file
	first  frame
	loops  int

	film *film // of an animation whose frames are asked for one by one; nil for the first alone
	// What the frames of the film need: alpha, and the memory of the largest that is taken back.
	filmAlpha bool
	taken     int64
}

// open walks the blocks of the file to count its frames without decoding one.
func open(s *codec.Stream, _ codec.OpenOptions) (codec.Decoder, error) {
	file, err := readFile(s)
	if err != nil {
		return nil, err
	}
	walk, width, height, err := newBlocks(file, s)
	if err != nil {
		return nil, err
	}
	first, ok, err := walk.next()
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, s.Corrupt(int64(file.size), "no picture in the file")
	}
	if first.w == 0 || first.h == 0 {
		return nil, s.Corrupt(int64(first.data), "the first frame has %d×%d pixels", first.w, first.h)
	}
	// A first frame that sticks out enlarges the screen; some tools write a screen of 0×0.
	width, height = max(width, first.x+first.w), max(height, first.y+first.h)
	d := &decoder{stream: s, file: file, first: first}
	covers := first.x == 0 && first.y == 0 && first.w == width && first.h == height
	alpha := first.transparent >= 0 || !covers
	d.filmAlpha = alpha
	for f := first; ; {
		before := f
		if f, ok, err = walk.next(); err != nil || !ok {
			break
		}
		// Only what another frame follows is disposed of.
		d.filmAlpha = d.filmAlpha || before.disposal == restoreBackground ||
			before.disposal == restorePrevious && walk.frames == 2 // of the first, to nothing
		if before.disposal == restorePrevious {
			d.taken = max(d.taken, int64(min(before.w, width))*int64(min(before.h, height)))
		}
	}
	if err != nil {
		return nil, err
	}
	d.loops = walk.loops
	d.header = codec.Header{
		Format: s.Format(), Width: width, Height: height, Frames: walk.frames, Orientation: 1,
	}
	d.header.Layout = plane.NewLayout(plane.RGB, alpha, width, height, 1, 1)
	if d.header.XMP = walk.packet(); d.header.XMP == nil && walk.xmp.to > 0 {
		d.header.Lacks("XMP: damaged, or more than %d bytes", codec.MaxMetadata)
	}
	return d, nil
}

// Header implements codec.Decoder.
func (d *decoder) Header() codec.Header { return d.header }

// Length implements codec.Decoder.
func (d *decoder) Length(enough int64) (int64, error) { return d.stream.Length(enough) }

// Shrink returns the layout of the whole canvas. That of an animation has alpha if any of its
// frames may need it.
func (d *decoder) Shrink(int, int) plane.Layout {
	if d.film != nil {
		return plane.NewLayout(plane.RGB, d.filmAlpha, d.header.Width, d.header.Height, 1, 1)
	}
	return d.header.Layout
}

// Memory implements codec.Decoder.
func (d *decoder) Memory() int64 {
	l := d.Shrink(0, 0)
	memory := d.file.memory() + codec.BandMemory(l)
	if d.film != nil { // a later frame may be larger than the canvas
		canvas := int64(l.Width()) * int64(l.Height())
		return memory + decodingMemory(maxKept) + int64(len(l.Planes))*(canvas+d.taken)
	}
	pixels := int64(d.first.w) * int64(d.first.h)
	memory += decodingMemory(pixels)
	if d.first.interlaced {
		memory += pixels/2 + int64(d.first.w) + int64(d.first.h+1)/2*int64(unsafe.Sizeof([]byte{}))
	}
	return memory
}

// Decode implements codec.Decoder.
func (d *decoder) Decode(ctx context.Context, sink plane.Sink) (codec.Report, error) {
	if d.film != nil {
		return codec.Report{}, d.film.show(ctx, sink)
	}
	rows, err := d.frameRows(&d.first)
	if err != nil {
		return codec.Report{}, err
	}
	if d.first.interlaced {
		if rows, err = deinterlace(ctx, rows, &d.first); err != nil {
			return codec.Report{}, err
		}
	}
	return codec.Report{}, d.push(ctx, rows, sink)
}

// push pushes the first frame on its canvas, whose rows come from the top.
func (d *decoder) push(ctx context.Context, rows rowSource, sink plane.Sink) error {
	f := &d.first
	b := codec.NewBands(ctx, d.header.Layout, sink)
	look := newColours(f)
	for y := range d.header.Height {
		dst := b.Next()
		if y < f.y || y >= f.y+f.h {
			for _, p := range dst {
				clear(p)
			}
		} else {
			indexes, err := rows.next()
			if err != nil {
				return err
			}
			for i, p := range dst {
				clear(p[:f.x])
				clear(p[f.x+f.w:])
				dst[i] = p[f.x:][:f.w]
			}
			look.apply(dst, indexes)
		}
		if err := b.Push(); err != nil {
			return err
		}
	}
	return nil
}
