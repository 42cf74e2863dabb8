package heif

import (
	"image"
	"slices"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// descriptive are properties that say something about a picture and do not change what it shows. One
// that is essential and not among these or the transformations is not understood, and its picture must
// not be shown (ISO/IEC 23008-12, 9.3.1).
var descriptive = []string{
	"hvcC", "ispe", "colr", "pixi", "pasp", "auxC", "rloc", "udes", "altt", "aebr", "wbbr", "fobr", "afbr",
	"dobr", "clli", "mdcv", "cclv", "amve", "crtt", "mdft", "ndwt", "reve", "cmin", "cmex", "itai", "elng", "ccst", "uuid",
	"free", "skip",
}

// transform applies the properties that change what a picture shows, in their order.
func (b *builder) transform(p *picture) error {
	for _, a := range p.item.associations {
		k := a.index()
		if k == 0 {
			continue
		}
		if k > len(b.meta.properties) {
			return b.s.Corrupt(0, "picture %d has property %d of %d", p.item.id, k, len(b.meta.properties))
		}
		e := b.meta.properties[k-1]
		f := e.fields()
		switch e.kind {
		case "irot":
			p.view.rotate(int(f.uint8() & 3))
		case "imir":
			p.view.mirror(int(f.uint8() & 1))
		case "clap":
			if err := b.clip(&p.view, f); err != nil {
				return err
			}
		default:
			if a.essential() && !slices.Contains(descriptive, e.kind) {
				return b.unsupported("picture %d cannot be shown without its property %q", p.item.id, e.kind)
			}
		}
		if err := b.ended(f, e.kind); err != nil {
			return err
		}
	}
	return nil
}

// clip applies a clean aperture (ISO/IEC 14496-12, 12.1.4). A corner between samples is rounded down, and
// and what lies beyond the picture is left out.
func (c *container) clip(v *view, f *fields) error {
	at := f.at
	var n [4]fraction // width, height, horizontal and vertical offset of its centre
	for k := range n {
		n[k] = fraction{int64(f.uint32()), int64(f.uint32())}
		if k > 1 {
			n[k].n = int64(int32(n[k].n))
		}
	}
	if err := c.ended(f, "clap"); err != nil {
		return err
	}
	for _, q := range n {
		if q.d == 0 {
			return c.s.Corrupt(at, "a crop with a fraction of 0")
		}
	}
	size := v.size()
	x, w := n[2].span(n[0], size.X)
	y, h := n[3].span(n[1], size.Y)
	r := image.Rect(x, y, x+w, y+h).Intersect(image.Rectangle{Max: size})
	if r.Empty() {
		return c.s.Corrupt(at, "a crop that leaves nothing of the picture")
	}
	v.clip(r)
	return nil
}

// fraction is of 32-bit numbers.
type fraction struct{ n, d int64 }

// span returns where a part of a side begins whose centre is off that of the side, and its length:
// (side - length)/2 + off.
func (off fraction) span(length fraction, side int) (start, n int) {
	n = int(min((length.n+length.d/2)/length.d, codec.MaxSide))
	// Twice the start, in 64ths: the products of exact fractions may not fit.
	const unit = 64
	twice := unit*int64(side) - unit*length.n/length.d + 2*floorDiv(unit*off.n, off.d)
	return int(max(min(floorDiv(twice, 2*unit), codec.MaxSide), -codec.MaxSide)), n
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

// colours reads the colour information properties among some: at most one of each kind counts.
func (c *container) colours(properties []box) (colourBoxes, error) {
	var found colourBoxes
	for _, e := range properties {
		if e.kind != "colr" {
			continue
		}
		f := e.fields()
		switch string(f.skip(4)) {
		case "nclx":
			n := &nclx{primaries: int(f.uint16()), transfer: int(f.uint16()), matrix: int(f.uint16())}
			n.fullRange = f.uint8()&0x80 != 0
			if err := c.ended(f, "colr"); err != nil {
				return found, err
			}
			if found.nclx == nil {
				found.nclx = n
			}
		case "prof", "rICC":
			if found.icc == nil && len(f.b) > 0 && len(f.b) <= codec.MaxProfile {
				found.icc = f.b
			}
		}
	}
	return found, nil
}

// alphaTypes are the types of auxiliary pictures that are opacity (ISO/IEC 23008-12, 6.5.8; ISO/IEC
// 23000-22, 7.3.5.2).
var alphaTypes = []string{
	"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", "urn:mpeg:hevc:2015:auxid:1", "urn:mpeg:avc:2015:auxid:1",
}

// auxiliaryType returns what an auxiliary picture is for (ISO/IEC 23008-12, 6.5.8).
func (m *meta) auxiliaryType(i *item) string {
	e, ok := m.property(i, "auxC")
	if !ok {
		return ""
	}
	f := e.fields()
	f.full()
	return f.text()
}
