package png

import (
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"math"
	"slices"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/deflate"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// pixel is red, green, blue and alpha, red lowest. A transparent one is 0.
type pixel uint32

func (c pixel) alpha() pixel { return c >> 24 }

// animation implements codec.FrameWriter. A frame has the rectangle that differs from what is shown
// before it. The pixels in it that do not differ are left out where that is simpler, and what is shown
// before it is what the last frame leaves: itself, nothing in its rectangle, or what it covered,
// whichever the new frame differs from in the fewest pixels.
//
// Colours are kept in a table for as long as one suffices. A frame with which it does not has the frames
// before it compressed once more, as samples. Beside the compressed frames, three pictures of four
// bytes a pixel are in memory, and the one that is compressed twice.
type animation struct {
	layout  plane.Layout
	options codec.EncodeOptions
	loops   int
	encoder encoder

	compressor *deflate.Compressor

	table  *colourTable // nil if the file stores samples
	before []pixel      // what is shown without the last frame
	shown  []pixel      // and with it
	next   []pixel      // the picture that is being written
	frames []coded
	poster *coded // shown by programs that know no animations, or nil for the first frame
	seen   int    // pictures
}

// coded is a frame, or a picture of that size, whose pixels are compressed.
type coded struct {
	frame
	data [][]byte
}

// maxDelay is the longest time of a frame in milliseconds.
const maxDelay = 1000 * math.MaxUint16

// Animate implements codec.FrameEncoder.
func (e encoder) Animate(l plane.Layout, loops int, o codec.EncodeOptions) (codec.FrameWriter, error) {
	n := l.Width() * l.Height()
	a := &animation{
		layout: l, options: o, loops: loops, encoder: e, compressor: new(deflate.Compressor),
		before: make([]pixel, n), shown: make([]pixel, n), next: make([]pixel, n),
	}
	if l.Model != plane.Gray || l.Space.For(plane.Gray).ICC == nil { // a table is not gray
		a.table = newColourTable()
	}
	return a, nil
}

// FrameMemory implements codec.FrameEncoder: three pictures, a frame with and without what is shown
// already, and its bytes.
func (encoder) FrameMemory(l plane.Layout) int64 { return 24 * int64(l.Width()) * int64(l.Height()) }

// WriteFrame implements codec.FrameWriter. A frame that shows nothing new prolongs the last one.
func (a *animation) WriteFrame(ctx context.Context, p *plane.Picture, delay int) error {
	if err := pack(ctx, a.next, p); err != nil {
		return err
	}
	for some := range slices.Chunk(a.next, 1<<16) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if a.table == nil || a.table.add(some) {
			continue
		}
		if err := a.widen(ctx); err != nil {
			return err
		}
	}
	if err := a.write(ctx, delay); err != nil {
		return err
	}
	a.seen++
	if a.seen-1 != a.options.Poster || len(a.frames) == 1 {
		return nil
	}
	w, h := a.layout.Width(), a.layout.Height()
	data, err := a.compress(ctx, a.shown, w)
	a.poster = &coded{frame{w: w, h: h}, data}
	return err
}

// write appends the next picture.
func (a *animation) write(ctx context.Context, delay int) error {
	w, h := a.layout.Width(), a.layout.Height()
	f := frame{w: w, h: h, delay: delay}
	if n := len(a.frames); n > 0 {
		last := &a.frames[n-1].frame
		box := changed(a.shown, a.next, w)
		if box.Empty() && last.delay+delay <= maxDelay {
			last.delay += delay
			return nil
		}
		if a.dispose(last) {
			box = changed(a.shown, a.next, w)
		}
		if box.Empty() {
			box = image.Rect(0, 0, 1, 1)
		}
		f.x, f.y, f.w, f.h = box.Min.X, box.Min.Y, box.Dx(), box.Dy()
	}
	c, err := a.code(ctx, f)
	if err != nil {
		return err
	}
	a.frames = append(a.frames, c)
	a.before, a.shown, a.next = a.shown, a.next, a.before
	return nil
}

// dispose chooses what the last frame leaves, makes that what is shown, and reports whether that is
// anything but the frame. What a frame covers that is drawn over it is never put back, because Pillow
// does not do it.
func (a *animation) dispose(last *frame) bool {
	w := a.layout.Width()
	kept, covered, cleared := 0, 0, 0 // pixels that differ
	for i, c := range a.next {
		if c != a.shown[i] {
			kept++
		}
		if c != a.before[i] {
			covered++
		}
	}
	cleared = kept
	for y := last.y; y < last.y+last.h; y++ {
		for x := last.x; x < last.x+last.w; x++ {
			switch c := a.next[y*w+x]; {
			case c == a.shown[y*w+x] && c != 0:
				cleared++
			case c != a.shown[y*w+x] && c == 0:
				cleared--
			}
		}
	}
	switch {
	case covered < min(kept, cleared) && last.blending == blendSource && len(a.frames) > 1:
		last.disposal = disposePrevious
		a.before, a.shown = a.shown, a.before
	case cleared < kept:
		last.disposal = disposeBackground
		for y := last.y; y < last.y+last.h; y++ {
			clear(a.shown[y*w+last.x:][:last.w])
		}
	default:
		return false
	}
	return true
}

// changed returns the smallest rectangle outside of which two pictures of some width are equal.
func changed(a, b []pixel, w int) (box image.Rectangle) {
	for y := range len(a) / w {
		rowA, rowB := a[y*w:][:w], b[y*w:][:w]
		first, last := 0, w-1
		for first < w && rowA[first] == rowB[first] {
			first++
		}
		if first == w {
			continue
		}
		for rowA[last] == rowB[last] {
			last--
		}
		box = box.Union(image.Rect(first, y, last+1, y+1))
	}
	return box
}

// Size implements codec.FrameWriter.
func (a *animation) Size() (n int64) {
	for _, f := range a.frames {
		for _, d := range f.data {
			n += int64(len(d))
		}
	}
	return n
}

// Close implements codec.FrameWriter. An animation of one frame becomes a still.
func (a *animation) Close(ctx context.Context) ([]byte, error) {
	switch len(a.frames) {
	case 0:
		return nil, fmt.Errorf("%w: an animation without frames", codec.ErrUnsupported)
	case 1:
		return a.encoder.Encode(ctx, a.still(), a.options)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	control := binary.BigEndian.AppendUint32(nil, uint32(len(a.frames)))
	control = binary.BigEndian.AppendUint32(control, uint32(min(a.loops, math.MaxInt32)))
	other := a.table.append(appendChunk(nil, "acTL", control))
	size := len(other) + len(a.options.EXIF) + len(a.options.XMP) + 1024
	for i := range a.frames {
		size += sizeOf(a.frames[i].data) + 64
	}
	out := appendHead(make([]byte, 0, size), a.layout, a.format(), other, a.options)
	if a.poster != nil {
		for _, d := range a.poster.data {
			out = appendChunk(out, "IDAT", d)
		}
	}
	number := uint32(0)
	for i := range a.frames {
		f := &a.frames[i]
		out = appendChunk(out, "fcTL", f.control(number))
		number++
		for _, d := range f.data {
			if i == 0 && a.poster == nil {
				out = appendChunk(out, "IDAT", d)
				continue
			}
			out = appendChunk(out, "fdAT", binary.BigEndian.AppendUint32(nil, number), d)
			number++
		}
	}
	return appendChunk(out, "IEND"), nil
}

// control returns the data of the fcTL chunk (section 11.3.4.2).
func (f *frame) control(sequence uint32) (b []byte) {
	for _, v := range []int{int(sequence), f.w, f.h, f.x, f.y} {
		b = binary.BigEndian.AppendUint32(b, uint32(v))
	}
	time, unit := f.delay, 1000 // of which there are so many in a second
	for ; time > math.MaxUint16; unit /= 10 {
		time = (time + 5) / 10
	}
	b = binary.BigEndian.AppendUint16(b, uint16(time))
	b = binary.BigEndian.AppendUint16(b, uint16(unit))
	return append(b, f.disposal, f.blending)
}
