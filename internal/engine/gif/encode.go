package gif

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/palette"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

var coloursSetting = &setting.Setting{
	Name: "colours", Type: setting.Int, Min: 2, Max: maxColours, Default: "256", Example: "64",
	Help: "the most colours of a frame; fewer make a smaller file",
}

// maxColours is the size of the largest colour table.
const maxColours = 256

type encoder struct{ v setting.Values }

func newEncoder(v setting.Values) codec.Encoder { return encoder{v} }

// Layout implements codec.Encoder: gray or RGB, with or without alpha.
func (encoder) Layout(model plane.Model, alpha bool, w, h int) plane.Layout {
	if model != plane.Gray {
		model = plane.RGB
	}
	return plane.NewLayout(model, alpha, w, h, 1, 1)
}

// Memory implements codec.HeavyEncoder: the source, what is shown and the next frame have four bytes a
// pixel each, and the frame has its indexes.
func (encoder) Memory(l plane.Layout) int64 { return 13 * int64(l.Width()) * int64(l.Height()) }

// Encode implements codec.Encoder. A still is an animation of one frame.
func (e encoder) Encode(ctx context.Context, p *plane.Picture, o codec.EncodeOptions) ([]byte, error) {
	w, err := e.newWriter(p.Layout, 1, o)
	if err != nil {
		return nil, err
	}
	w.still = true
	if err := w.WriteFrame(ctx, p, 0); err != nil {
		return nil, err
	}
	return w.Close(ctx)
}

// Animate implements codec.FrameEncoder.
func (e encoder) Animate(l plane.Layout, loops int, o codec.EncodeOptions) (codec.FrameWriter, error) {
	return e.newWriter(l, loops, o)
}

// FrameMemory implements codec.FrameEncoder: a still is an animation of one frame.
func (e encoder) FrameMemory(l plane.Layout) int64 { return e.Memory(l) }

func (e encoder) newWriter(l plane.Layout, loops int, o codec.EncodeOptions) (*writer, error) {
	w, h := l.Width(), l.Height()
	if w > math.MaxUint16 || h > math.MaxUint16 {
		return nil, fmt.Errorf("%w: a GIF has at most %d pixels on each side, and this picture would have %d×%d",
			codec.ErrUnsupported, math.MaxUint16, w, h)
	}
	return &writer{
		w: w, h: h, loops: loops, xmp: o.XMP,
		colours: int(e.v.Int(coloursSetting, maxColours)), dither: palette.Dither(e.v.Text(palette.DitherSetting)),
		histogram: palette.NewHistogram(),
		source:    make([]palette.Colour, w*h),
		shown:     make([]palette.Colour, w*h),
		next:      make([]palette.Colour, w*h),
	}, nil
}

// appendHeader appends all that comes before the first frame: signature, logical screen, the global
// colour table, the number of loops and the XMP packet.
func (w *writer) appendHeader(out []byte) []byte {
	out = append(out, "GIF89a"...)
	out = binary.LittleEndian.AppendUint16(out, uint16(w.w))
	out = binary.LittleEndian.AppendUint16(out, uint16(w.h))
	out = append(out, 0x80|0x70|byte(bitsOf(len(w.global))-1), 0, 0)
	out = appendTable(out, w.global)
	if w.frames > 1 && w.loops != 1 { // the number is that of repetitions, after the first time
		out = append(out, labelExtension, application, 11)
		out = append(out, "NETSCAPE2.0\x03\x01"...)
		out = binary.LittleEndian.AppendUint16(out, uint16(min(max(w.loops-1, 0), math.MaxUint16)))
		out = append(out, 0)
	}
	if w.xmp != nil {
		out = append(out, labelExtension, application, 11)
		out = append(append(out, "XMP DataXMP"...), w.xmp...)
		out = append(out, 1) // the trailer: see xmpTrailer
		for v := 255; v >= 0; v-- {
			out = append(out, byte(v))
		}
		out = append(out, 0)
	}
	return out
}

// appendTable appends a colour table, filled up to a power of two.
func appendTable(out []byte, table []palette.Colour) []byte {
	for _, c := range table {
		out = append(out, byte(c>>16), byte(c>>8), byte(c))
	}
	return append(out, make([]byte, 3*(1<<bitsOf(len(table))-len(table)))...)
}

// appendFrame appends a frame of some hundredths of a second: its graphic control extension, unless it
// says nothing, its descriptor, its colour table, if it has its own, and its data.
func (w *writer) appendFrame(ctx context.Context, f *coded, delay int) (err error) {
	table := f.table
	if table == nil {
		table = w.global
	}
	out := w.out
	if delay > 0 || f.transparent >= 0 {
		flags := f.disposal << 2
		if f.transparent >= 0 {
			flags |= 1
		}
		out = append(out, labelExtension, graphicControl, 4, flags)
		out = binary.LittleEndian.AppendUint16(out, uint16(delay))
		out = append(out, byte(max(f.transparent, 0)), 0)
	}
	out = append(out, labelImage)
	for _, v := range []int{f.box.Min.X, f.box.Min.Y, f.box.Dx(), f.box.Dy()} {
		out = binary.LittleEndian.AppendUint16(out, uint16(v))
	}
	size := bitsOf(len(table))
	if f.table != nil {
		out = appendTable(append(out, 0x80|byte(size-1)), f.table)
	} else {
		out = append(out, 0)
	}
	w.out, err = w.coder.appendData(ctx, out, f.indexes, size)
	return err
}
