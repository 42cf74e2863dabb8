package gif

import (
	"context"
	"fmt"
	"image"
	"math"
	"slices"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/palette"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// writer implements codec.FrameWriter. A frame draws the pixels that differ from the picture before it;
// the others stay as they are shown, so that dithering makes no pixel flicker that does not change. A
// frame is written once the next one shows how long it lasts and whether it has to be disposed of,
// because pixels become transparent in no other way. Beside the file, three pictures of four bytes a
// pixel and the colour indexes of two frames are in memory.
type writer struct {
	w, h, loops int
	still       bool
	xmp         []byte
	colours     int // of a frame, at most
	dither      palette.Dither

	histogram *palette.Histogram
	coder     coder
	global    []palette.Colour // grows while frames add colours to it and there is room
	source    []palette.Colour // the last picture
	shown     []palette.Colour // what the frames until the pending one show of it
	next      []palette.Colour // the picture that is being written

	pending coded // the last frame
	delay   int   // of it, in milliseconds
	carry   int   // milliseconds by which the delays that are written are too short
	frames  int
	out     []byte // all frames before the pending one
}

// coded is a frame before its compression.
type coded struct {
	box         image.Rectangle
	indexes     []byte           // of the pixels in the box
	table       []palette.Colour // nil for the global one
	transparent int              // colour index, or -1
	disposal    byte
}

// maxDelay is the longest time of a frame in milliseconds.
const maxDelay = 10 * math.MaxUint16

// WriteFrame implements codec.FrameWriter. Pixels of less than half opacity are transparent, the others
// opaque. A frame that shows nothing new prolongs the last one, and one that lasts too long becomes
// several.
func (w *writer) WriteFrame(ctx context.Context, p *plane.Picture, delay int) error {
	if delay > maxDelay {
		if err := w.WriteFrame(ctx, p, delay/2); err != nil {
			return err
		}
		return w.WriteFrame(ctx, p, delay-delay/2)
	}
	for y := range w.h {
		if y%64 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		colourRow(w.next[y*w.w:][:w.w], p, y)
	}
	disposed := w.frames > 0 && w.dispose()
	changed := w.source // what is to be drawn; other pixels are 0
	for i, c := range w.next {
		if changed[i] == c {
			changed[i] = 0
		} else {
			changed[i] = c
		}
	}
	w.source, w.next = w.next, changed
	f, err := w.draw(ctx, changed)
	if err != nil {
		return err
	}
	if w.frames > 0 && f.box.Empty() && !disposed && w.delay+delay <= maxDelay {
		w.delay += delay
		return nil
	}
	if f.box.Empty() {
		f.box, f.indexes = image.Rect(0, 0, 1, 1), []byte{byte(f.transparent)}
	}
	if w.frames > 0 {
		if err := w.flush(ctx, true); err != nil {
			return err
		}
	}
	w.pending, w.delay = f, delay
	w.frames++
	return nil
}

// colourRow reads a row of a picture.
func colourRow(dst []palette.Colour, p *plane.Picture, y int) {
	r, g, b := p.Row(0, y), p.Row(0, y), p.Row(0, y)
	if p.Model == plane.RGB {
		g, b = p.Row(1, y), p.Row(2, y)
	}
	for x := range dst {
		dst[x] = palette.RGB(r[x], g[x], b[x])
	}
	if a, ok := p.Alpha(); ok {
		for x, v := range p.Row(a, y) {
			if v < 128 {
				dst[x] = 0
			}
		}
	}
}

// dispose has the pending frame cleared if pixels are to be transparent that are not, and reports
// whether that is the case. The frame is made large enough to cover them.
func (w *writer) dispose() bool {
	f := &w.pending
	box := bounds(image.Rect(0, 0, w.w, w.h), func(i int) bool { return w.next[i] == 0 && w.source[i] != 0 })
	if box.Empty() {
		return false
	}
	f.disposal = restoreBackground
	if box = box.Union(f.box); box != f.box { // never of the first frame, which has the whole canvas
		indexes := slices.Repeat([]byte{byte(f.transparent)}, box.Dx()*box.Dy())
		for y := range f.box.Dy() {
			at := (y+f.box.Min.Y-box.Min.Y)*box.Dx() + f.box.Min.X - box.Min.X
			copy(indexes[at:], f.indexes[y*f.box.Dx():][:f.box.Dx()])
		}
		f.box, f.indexes = box, indexes
	}
	for y := box.Min.Y; y < box.Max.Y; y++ {
		clear(w.source[y*w.w+box.Min.X : y*w.w+box.Max.X])
		clear(w.shown[y*w.w+box.Min.X : y*w.w+box.Max.X])
	}
	return true
}

// bounds returns the smallest part of a box that contains the pixels for which is reports true. It is
// asked with their index, counted by rows of the box.
func bounds(box image.Rectangle, is func(i int) bool) (part image.Rectangle) {
	w := box.Dx()
	for y := range box.Dy() {
		first, last := 0, w-1
		for first < w && !is(y*w+first) {
			first++
		}
		if first == w {
			continue
		}
		for !is(y*w + last) {
			last--
		}
		part = part.Union(image.Rect(first, y, last+1, y+1))
	}
	return part.Add(box.Min).Intersect(box)
}

// draw returns the frame that draws the given pixels. Those that are transparent or already shown are
// left out, and the box is empty if these are all; but the first frame has the whole canvas.
func (w *writer) draw(ctx context.Context, pixels []palette.Colour) (f coded, err error) {
	f.box = image.Rect(0, 0, w.w, w.h)
	w.histogram.Reset()
	holes := false
	for y := range w.h {
		if y%16 == 0 && ctx.Err() != nil {
			return f, ctx.Err()
		}
		row := pixels[y*w.w:][:w.w]
		w.histogram.Add(row)
		holes = holes || slices.Contains(row, 0)
	}
	table, exact := w.choose(&f, holes || w.frames > 0)
	f.transparent = slices.Index(table, 0)
	dither := w.dither
	if exact {
		dither = palette.NoDither
	}
	mapper := palette.NewMapper(palette.NewFinder(table), dither, w.w)
	f.indexes = make([]byte, w.w*w.h)
	for y := range w.h {
		if y%16 == 0 && ctx.Err() != nil {
			return f, ctx.Err()
		}
		row := f.indexes[y*w.w:][:w.w]
		mapper.Row(row, pixels[y*w.w:][:w.w], y, byte(f.transparent))
		for x, v := range row {
			shown := &w.shown[y*w.w+x]
			switch c := table[v]; {
			case c == 0:
			case c == *shown && f.transparent >= 0:
				row[x] = byte(f.transparent)
			default:
				*shown = c
			}
		}
	}
	if w.frames > 0 {
		f.crop(w.w)
	}
	return f, nil
}

// crop reduces a frame as wide as the canvas to the pixels that are not transparent.
func (f *coded) crop(w int) {
	f.box = bounds(f.box, func(i int) bool { return f.indexes[i] != byte(f.transparent) })
	indexes := make([]byte, 0, f.box.Dx()*f.box.Dy())
	for y := f.box.Min.Y; y < f.box.Max.Y; y++ {
		indexes = append(indexes, f.indexes[y*w+f.box.Min.X:y*w+f.box.Max.X]...)
	}
	f.indexes = indexes
}

// A frame whose colours are too many for a table takes the global one where that is as good: if the mean
// squared error is no more than that of a table of its own by a part of errorRatio, or is hardly seen.
const (
	errorRatio  = 1.25
	errorUnseen = 12
)

// choose returns the table of a frame whose pixels were counted, the frame's own or the global one, and
// reports whether it has all their colours. A transparent colour is added where one is needed.
func (w *writer) choose(f *coded, transparent bool) (table []palette.Colour, exact bool) {
	most, room := w.colours, w.colours
	if transparent {
		most, room = min(most, maxColours-1), min(most+1, maxColours)
	}
	colours, exact := w.histogram.Colours(most)
	if exact {
		if global := union(w.global, colours, transparent); len(global) <= room {
			w.global = global
			return global, true
		}
	} else {
		if !w.still {
			most, transparent = min(most, maxColours-1), true // later frames share the table
		}
		colours = w.histogram.Quantise(most)
		if w.frames == 0 {
			w.global = union(nil, colours, transparent)
			return w.global, false
		}
		own := w.histogram.Error(palette.NewFinder(colours))
		if global := union(w.global, nil, transparent); len(global) <= room &&
			w.histogram.Error(palette.NewFinder(global)) <= max(errorRatio*own, errorUnseen) {
			w.global = global
			return global, false
		}
	}
	f.table = union(nil, colours, transparent)
	return f.table, exact
}

// union returns a table and the colours that it lacks, the transparent one among them if that is wanted.
func union(table, colours []palette.Colour, transparent bool) []palette.Colour {
	all := slices.Clone(table)
	if transparent && !slices.Contains(all, 0) {
		all = append(all, 0)
	}
	for _, c := range colours {
		if !slices.Contains(table, c) {
			all = append(all, c)
		}
	}
	return all
}

// flush writes the pending frame. Its time is rounded to hundredths of a second so that the errors of
// consecutive frames do not add up. One hundredth would be shown as ten.
func (w *writer) flush(ctx context.Context, animated bool) error {
	due := w.delay + w.carry
	delay := min((due+5)/10, math.MaxUint16)
	w.carry = due - 10*delay
	if delay < 2 {
		delay, w.carry = 2, 0
	}
	if !animated {
		delay = 0
	}
	return w.appendFrame(ctx, &w.pending, delay)
}

// Size implements codec.FrameWriter.
func (w *writer) Size() int64 { return int64(len(w.out)) }

// Close implements codec.FrameWriter. An animation of one frame becomes a still.
func (w *writer) Close(ctx context.Context) ([]byte, error) {
	if w.frames == 0 {
		return nil, fmt.Errorf("%w: an animation without frames", codec.ErrUnsupported)
	}
	if err := w.flush(ctx, w.frames > 1); err != nil {
		return nil, err
	}
	header := w.appendHeader(make([]byte, 0, 2048+len(w.xmp)+len(w.out)))
	return append(append(header, w.out...), labelTrailer), nil
}
