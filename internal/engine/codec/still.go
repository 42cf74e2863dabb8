package codec

import (
	"context"
	"image"
	"image/color"

	"github.com/imgmill/imgmill/internal/engine/plane"
)

// Still is a Decoder around a library that returns a whole image.Image, whose rows are then pushed
// in bands. It holds the whole picture in memory.
type Still struct {
	header Header
	stream *Stream
	memory int64
	decode func() (image.Image, error)
}

// NewStill returns a Decoder of the picture that h describes. memory estimates how many bytes it
// holds; decode is called once, by Decode.
func NewStill(h Header, s *Stream, memory int64, decode func() (image.Image, error)) *Still {
	return &Still{h, s, memory, decode}
}

// Header returns the header.
func (d *Still) Header() Header { return d.header }

// Shrink returns the layout of the whole picture: these libraries offer no cheaper scale.
func (d *Still) Shrink(int, int) plane.Layout { return d.header.Layout }

// Memory implements Decoder.
func (d *Still) Memory() int64 { return d.memory }

// Length implements Decoder.
func (d *Still) Length(enough int64) (int64, error) { return d.stream.Length(enough) }

// Decode implements Decoder.
func (d *Still) Decode(ctx context.Context, sink plane.Sink) (Report, error) {
	img, err := d.decode()
	if err != nil {
		return Report{}, d.stream.Fault(err)
	}
	if err := ctx.Err(); err != nil {
		return Report{}, err
	}
	return Report{}, pushImage(ctx, img, d.header.Layout, sink)
}

// LayoutOf returns the layout in which a Still pushes a w×h picture of a colour model.
func LayoutOf(m color.Model, w, h int) plane.Layout {
	switch m {
	case color.GrayModel, color.Gray16Model:
		return plane.NewLayout(plane.Gray, false, w, h, 1, 1)
	case color.CMYKModel:
		return plane.NewLayout(plane.CMYK, false, w, h, 1, 1)
	case color.NRGBAModel, color.NRGBA64Model, color.AlphaModel, color.Alpha16Model:
		return plane.NewLayout(plane.RGB, true, w, h, 1, 1)
	}
	if p, ok := m.(color.Palette); ok {
		return paletteLayout(p, w, h)
	}
	return plane.NewLayout(plane.RGB, false, w, h, 1, 1)
}

func paletteLayout(p color.Palette, w, h int) plane.Layout {
	model, alpha := plane.Gray, false
	for _, c := range p {
		n := color.NRGBAModel.Convert(c).(color.NRGBA)
		if n.A != 255 {
			alpha = true
		}
		if n.A != 0 && (n.R != n.G || n.G != n.B) {
			model = plane.RGB
		}
	}
	return plane.NewLayout(model, alpha, w, h, 1, 1)
}

// pushImage pushes img in layout l, a band of rows at a time.
func pushImage(ctx context.Context, img image.Image, l plane.Layout, sink plane.Sink) error {
	if y, ok := img.(*image.YCbCr); ok && l.Model == plane.YCbCr {
		return pushYCbCr(y, l, sink)
	}
	const band = 16
	w, h := l.Width(), l.Height()
	rows := make([][]byte, len(l.Planes))
	for i := range rows {
		rows[i] = make([]byte, band*w)
	}
	dst := make([][]byte, len(rows))
	for y := 0; y < h; y += band {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(band, h-y)
		for k := range n {
			for i := range dst {
				dst[i] = rows[i][k*w:][:w]
			}
			splitRow(img, y+k, l, dst)
		}
		for i := range rows {
			if err := sink.Rows(i, y, plane.Rows{Pix: rows[i], Stride: w, N: n}); err != nil {
				return err
			}
		}
	}
	return nil
}

func pushYCbCr(y *image.YCbCr, l plane.Layout, sink plane.Sink) error {
	p := plane.Picture{Layout: l, Pix: [][]byte{y.Y, y.Cb, y.Cr}, Stride: []int{y.YStride, y.CStride, y.CStride}}
	return p.Push(sink)
}

// splitRow writes row y of img into one row for each plane of layout l. Colours that the layout
// does not keep are dropped; 16-bit samples are rounded down to their upper byte, as
// png_set_strip_16 does.
func splitRow(img image.Image, y int, l plane.Layout, dst [][]byte) {
	b := img.Bounds()
	w := l.Width()
	switch m := img.(type) {
	case *image.Gray:
		if l.Model == plane.Gray && !l.HasAlpha() {
			copy(dst[0], m.Pix[m.PixOffset(b.Min.X, b.Min.Y+y):][:w])
			return
		}
	case *image.RGBA:
		if l.Model == plane.RGB && !l.HasAlpha() {
			deinterleave(m.Pix[m.PixOffset(b.Min.X, b.Min.Y+y):], w, dst)
			return
		}
	case *image.NRGBA:
		if l.Model == plane.RGB {
			deinterleave(m.Pix[m.PixOffset(b.Min.X, b.Min.Y+y):], w, dst)
			return
		}
	case *image.CMYK:
		if l.Model == plane.CMYK {
			deinterleave(m.Pix[m.PixOffset(b.Min.X, b.Min.Y+y):], w, dst)
			return
		}
	}
	a, alpha := l.Alpha()
	for x := range w {
		c := straight(img.At(b.Min.X+x, b.Min.Y+y))
		dst[0][x] = c.R
		if l.Model == plane.RGB {
			dst[1][x], dst[2][x] = c.G, c.B
		}
		if alpha {
			dst[a][x] = c.A
		}
	}
}

// deinterleave copies the first len(dst) of every four samples to a row each.
func deinterleave(pix []byte, w int, dst [][]byte) {
	for i, d := range dst {
		s := pix[i : i+4*(w-1)+1]
		for x := range d[:w] {
			d[x] = s[4*x]
		}
	}
}

// straight returns a colour not multiplied by alpha. color.NRGBAModel would convert 16-bit straight
// colours by way of premultiplied ones and lose colour under alpha.
func straight(c color.Color) color.NRGBA {
	if n, ok := c.(color.NRGBA64); ok {
		return color.NRGBA{uint8(n.R >> 8), uint8(n.G >> 8), uint8(n.B >> 8), uint8(n.A >> 8)}
	}
	return color.NRGBAModel.Convert(c).(color.NRGBA)
}
