//go:build !nohevc

package heif

import (
	"context"
	"image"
	"slices"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/colour"
	"github.com/imgmill/imgmill/internal/engine/exif"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// decoder decodes the primary picture of a file.
type decoder struct {
	c       *container
	header  codec.Header
	threads int
	shown   *shown

	embedded *plane.Picture // that stands for what is shown; nil if none does
}

// shown is a picture whose samples are known to be of a kind that is decoded.
type shown struct {
	p       *picture
	mosaic  *mosaic // nil if it is composed
	conv    *samples
	alpha   *shown   // gray
	inputs  []*shown // of one that is composed
	rgb     bool     // its rows are red, green and blue
	layout  plane.Layout
	threads int
}

// open reads the boxes of a file and the headers of its primary picture.
func open(s *codec.Stream, o codec.OpenOptions) (codec.Decoder, error) {
	c, err := readContainer(s)
	if err != nil {
		return nil, err
	}
	d := &decoder{c: c, threads: max(o.Threads, 1), header: codec.Header{Format: s.Format(), Frames: 1, Orientation: 1}}
	h := &d.header
	b := &builder{container: c, known: map[uint32]*picture{}, most: 8 * o.Limits.Pixels}
	var p *picture
	if c.meta != nil {
		p, err = b.primary()
	} else {
		p, err = b.sample(c.movie)
	}
	if err != nil {
		return nil, err
	}
	if c.meta != nil {
		if err := c.describe(h, p.item.id); err != nil {
			return nil, err
		}
	}
	h.Width, h.Height = p.view.crop.Dx(), p.view.crop.Dy()
	if err := o.Limits.Check(*h); err != nil {
		return nil, err
	}
	orient(h, p.view)
	if d.shown, err = c.show(p, d.threads, p.premultiplied); err != nil {
		return nil, err
	}
	h.Layout = d.shown.layout
	return d, nil
}

// show prepares a picture, to be decoded to red, green and blue if rgb is set.
func (c *container) show(p *picture, threads int, rgb bool) (s *shown, err error) {
	s = &shown{p: p, threads: threads}
	if s.mosaic, err = c.newMosaic(p); err != nil {
		return nil, err
	}
	s.rgb = rgb || s.mosaic == nil
	if p.alpha != nil {
		if s.alpha, err = c.opacity(p, threads); err != nil {
			return nil, err
		}
	}
	if s.mosaic == nil {
		return s, c.showInputs(s)
	}
	if s.conv, err = c.newSamples(s.mosaic.info, s.mosaic.signal); err != nil {
		return nil, err
	}
	crop, conv := p.view.crop, s.conv
	subX, subY := conv.subX, conv.subY
	if s.rgb || crop.Min.X%subX != 0 || crop.Min.Y%subY != 0 {
		conv.spread = true
		subX, subY = 1, 1
	}
	model := conv.model
	if s.rgb {
		model = plane.RGB
	}
	s.layout = plane.NewLayout(model, p.alpha != nil, crop.Dx(), crop.Dy(), subX, subY)
	s.layout.Space = s.mosaic.signal.space(p.colour, model)
	return s, nil
}

// showInputs prepares what a picture is composed of. The colours are those that the picture itself
// declares or, in its place, the first of its inputs.
func (c *container) showInputs(s *shown) error {
	p := s.p
	alpha := p.alpha != nil || p.kind == overlay && p.fill[3] != 0xffff
	for _, in := range p.inputs {
		i, err := c.show(in, s.threads, true)
		if err != nil {
			return err
		}
		alpha = alpha || p.kind == grid && i.layout.HasAlpha()
		s.inputs = append(s.inputs, i)
	}
	crop := p.view.crop
	s.layout = plane.NewLayout(plane.RGB, alpha, crop.Dx(), crop.Dy(), 1, 1)
	s.layout.Space = s.inputs[0].layout.Space
	if !p.colour.none() {
		s.layout.Space = signalOf(p.colour, unsignalled).space(p.colour, plane.RGB)
	}
	return nil
}

// opacity prepares the auxiliary picture with the opacity of p. It is the luma of a picture in the full
// range, whatever it declares. It covers p as that is stored: turned as p is, or not at all.
func (c *container) opacity(p *picture, threads int) (*shown, error) {
	a := *p.alpha
	if o := a.view.orientation(); o != exif.TopLeft && o != p.view.orientation() {
		return nil, c.unsupported("the opacity of picture %d is turned in another way", p.item.id)
	}
	if whole := image.Rect(0, 0, a.width, a.height); a.view.crop == whole && whole.Size() == image.Pt(p.width, p.height) {
		a.view.crop = p.view.crop
	}
	s := &shown{p: &a, threads: threads}
	var err error
	if s.mosaic, err = c.newMosaic(&a); err != nil {
		return nil, err
	}
	if s.mosaic == nil {
		return nil, c.unsupported("the opacity of picture %d is composed of others", p.item.id)
	}
	full := s.mosaic.info
	s.conv = &samples{model: plane.Gray, subX: 1, subY: 1}
	s.conv.level[0] = levels(full.BitDepthLuma, true, false)
	s.layout = plane.NewLayout(plane.Gray, false, a.view.crop.Dx(), a.view.crop.Dy(), 1, 1)
	return s, nil
}

// Header implements codec.Decoder.
func (d *decoder) Header() codec.Header { return d.header }

// Shrink implements codec.Decoder. There is no cheaper scale.
func (d *decoder) Shrink(int, int) plane.Layout {
	d.embedded = nil
	return d.header.Layout
}

// Length implements codec.Decoder.
func (d *decoder) Length(enough int64) (int64, error) { return d.c.s.Length(enough) }

// Memory implements codec.Decoder: what is held of the file, a row of tiles or two, what the threads
// take that decode them, the opacity, and the canvases of what is composed.
func (d *decoder) Memory() int64 {
	n := d.shown.memory()
	if d.embedded != nil {
		n = 2 * int64(d.embedded.Width()) * int64(d.embedded.Height()) // and what decoding has left of it
	}
	if !d.c.places {
		n += d.c.size
	}
	return n + 64<<10
}

func (s *shown) memory() int64 {
	w, h := int64(s.p.view.crop.Dx()), int64(s.p.view.crop.Dy())
	n := int64(0)
	if s.alpha != nil {
		n += s.alpha.memory() + w*h
	}
	if s.mosaic != nil {
		return n + s.mosaic.memory(s.layout, s.threads) + 8*w
	}
	most := int64(0)
	for _, in := range s.inputs {
		most = max(most, in.memory())
	}
	return n + most + 4*int64(s.p.width)*int64(s.p.height)
}

// Decode implements codec.Decoder.
func (d *decoder) Decode(ctx context.Context, sink plane.Sink) (codec.Report, error) {
	if d.embedded != nil {
		return codec.Report{}, d.embedded.Push(sink)
	}
	l := d.header.Layout
	return codec.Report{}, d.shown.decode(ctx, func(y, n int, s *stripe) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return pushRows(l, sink, y, n, s)
	})
}

// pushRows pushes n rows of a layout, from row y on.
func pushRows(l plane.Layout, sink plane.Sink, y, n int, s *stripe) error {
	_, subY := l.Subsampling()
	for i, p := range l.Planes {
		r := plane.Rows{Pix: s.pix[i], Stride: s.stride[i], N: n}
		at := y
		if p.Kind == plane.Chroma {
			at, r.N = y/subY, (n+subY-1)/subY
		}
		if err := sink.Rows(i, at, r); err != nil {
			return err
		}
	}
	return nil
}

// decode passes on the rows of s in planes of its layout.
func (s *shown) decode(ctx context.Context, out emit) error {
	if s.mosaic == nil {
		return s.composed(ctx, out)
	}
	var opacity *plane.Picture
	if s.alpha != nil {
		var err error
		if opacity, err = s.opacityOf(ctx); err != nil {
			return err
		}
	}
	return s.mosaic.decode(ctx, s.threads, s.conv, s.stripes(), func(y, n int, rows *stripe) error {
		full := *rows
		if s.rgb {
			full = s.toRGB(rows, n)
		}
		if opacity != nil {
			full.pix = append(slices.Clone(full.pix), opacity.Pix[0][y*opacity.Stride[0]:])
			full.stride = append(slices.Clone(full.stride), opacity.Stride[0])
			if s.p.premultiplied {
				divide(&full, s.layout.Width(), n)
			}
		}
		return out(y, n, &full)
	})
}

// stripes is the layout of the rows that come from the tiles: that of s, but for what becomes red, green
// and blue.
func (s *shown) stripes() plane.Layout {
	l := s.layout
	if s.conv.model == plane.Gray {
		return plane.NewLayout(plane.Gray, false, l.Width(), l.Height(), 1, 1)
	}
	return l
}

// toRGB converts rows of luma and chroma on one grid where they lie.
func (s *shown) toRGB(rows *stripe, n int) stripe {
	w := s.layout.Width()
	switch s.conv.model {
	case plane.Gray:
		gray := rows.pix[0]
		return stripe{[][]byte{gray, slices.Clone(gray), slices.Clone(gray)}, []int{w, w, w}}
	case plane.YCbCr:
		for y := range n {
			a, b, c := rows.row(0, y, 0, w), rows.row(1, y, 0, w), rows.row(2, y, 0, w)
			colour.RGBRow(a, b, c, a, b, c)
		}
	}
	return *rows
}

// divide takes the opacity, plane 3, out of n rows of w colours that are multiplied by it, rounding to
// nearest.
func divide(rows *stripe, w, n int) {
	for y := range n {
		alpha := rows.row(3, y, 0, w)
		for c := range 3 {
			row := rows.row(c, y, 0, w)
			for x, v := range row {
				if a := int(alpha[x]); a != 0 && a != 255 {
					row[x] = uint8(min(255, (2*255*int(v)+a)/(2*a)))
				}
			}
		}
	}
}

// opacityOf decodes the opacity whole, and brings it to the size of s.
func (s *shown) opacityOf(ctx context.Context) (*plane.Picture, error) {
	a := plane.New(s.alpha.layout)
	err := s.alpha.decode(ctx, func(y, n int, rows *stripe) error {
		return a.Rows(0, y, plane.Rows{Pix: rows.pix[0], Stride: rows.stride[0], N: n})
	})
	w, h := s.layout.Width(), s.layout.Height()
	if err != nil || a.Width() == w && a.Height() == h {
		return a, err
	}
	scaled := plane.New(plane.NewLayout(plane.Gray, false, w, h, 1, 1))
	for y := range h {
		from, to := a.Row(0, y*a.Height()/h), scaled.Row(0, y)
		for x := range to {
			to[x] = from[x*a.Width()/w]
		}
	}
	return scaled, nil
}
