package decode

import (
	"bytes"

	"github.com/imgmill/imgmill/internal/engine/plane"
)

// colour is the interpretation of the planes. All planes except chroma are output in the picture's
// size: where a file samples one more coarsely than another plane, samples are interpolated.
type colour struct {
	model  plane.Model
	ycck   bool // the first three of four planes must be converted; all are stored inverted
	invert bool // ink is stored inverted (255 minus ink)
}

// setColour determines the colour model from the Adobe and JFIF markers or, without them, from the
// component identifiers, with the precedence that libjpeg uses. A lossless picture without markers is
// RGB, because a conversion would lose something. Ink is inverted, as Adobe stores it and all readers
// expect it of any file, with its marker or without.
func (d *Decoder) setColour() {
	h := &d.header
	switch len(d.comps) {
	case 1:
		d.colour = colour{model: plane.Gray}
	case 3:
		d.colour = colour{model: plane.YCbCr}
		ids := []byte{d.comps[0].ID, d.comps[1].ID, d.comps[2].ID}
		if !h.JFIF && (h.Adobe && h.AdobeTransform == 0 ||
			!h.Adobe && (bytes.Equal(ids, []byte("RGB")) || h.Lossless)) {
			d.colour.model = plane.RGB
		}
	case 4:
		d.colour = colour{
			model: plane.CMYK, ycck: h.Adobe && h.AdobeTransform != 0, invert: !d.opt.InkAsStored,
		}
	}
	kinds := d.colour.model.Kinds()
	for i, c := range d.comps {
		c.expand = kinds[i] != plane.Chroma && (c.H < d.hmax || c.V < d.vmax)
	}
}

// pushRow passes the bands of a scan's components to the sink, which hold a row of MCUs.
func (d *Decoder) pushRow(sink plane.Sink, parts []scanPart, row int) error {
	for _, p := range parts {
		n := p.n
		if len(parts) > 1 {
			n *= p.V
		}
		if err := d.push(sink, p.component, row*n, n); err != nil {
			return err
		}
	}
	return nil
}

// push passes n rows of a component's band to the sink. The first of them is row y. It clips them
// to the picture, and inverts and raises them as required.
func (d *Decoder) push(sink plane.Sink, c *component, y, n int) error {
	if d.colour.invert && !d.colour.ycck {
		for i, v := range c.band[:n*c.stride] {
			c.band[i] = ^v
		}
	}
	if c.expand {
		return d.pushRaised(sink, c, y, n)
	}
	n = min(n, c.size.Height-y)
	if n <= 0 {
		return nil
	}
	return sink.Rows(c.index, y, plane.Rows{Pix: c.band, Stride: c.stride, N: n})
}

// ycckSink converts YCCK planes to CMYK. It buffers rows until it has them for all planes.
type ycckSink struct {
	next  plane.Sink
	width int
	y     int // rows passed on
	held  [4][]byte
}

func (s *ycckSink) Rows(i, _ int, r plane.Rows) error {
	for y := range r.N {
		s.held[i] = append(s.held[i], r.Row(y, s.width)...)
	}
	n := len(s.held[0])
	for _, h := range s.held {
		n = min(n, len(h))
	}
	if n == 0 {
		return nil
	}
	toCMYK(s.held[0][:n], s.held[1][:n], s.held[2][:n], s.held[3][:n])
	rows := n / s.width
	for i, h := range s.held {
		if err := s.next.Rows(i, s.y, plane.Rows{Pix: h, Stride: s.width, N: rows}); err != nil {
			return err
		}
		s.held[i] = append(h[:0], h[n:]...)
	}
	s.y += rows
	return nil
}

// toCMYK converts in place. Adobe inverts ink and stores the first three inks as the YCbCr of the
// inverted values. The two inversions cancel out, so R, G and B of T.871's equations are the
// amounts of ink. Black is only inverted.
func toCMYK(y, cb, cr, k []byte) {
	const half = 1 << 15
	for i := range y {
		l := int32(y[i])<<16 + half
		b, r := int32(cb[i])-128, int32(cr[i])-128
		y[i] = clampByte((l + 91881*r) >> 16)
		cb[i] = clampByte((l - 22554*b - 46802*r) >> 16)
		cr[i] = clampByte((l + 116130*b) >> 16)
		k[i] = ^k[i]
	}
}

func clampByte(v int32) byte { return byte(min(max(v, 0), 255)) }
