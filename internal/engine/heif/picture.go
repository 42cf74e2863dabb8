package heif

import (
	"fmt"
	"image"
	"math"
	"slices"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// picture is an item that can be shown: coded, or derived from others (ISO/IEC 23008-12, 6.6).
type picture struct {
	item   *item
	kind   pictureKind
	width  int // of the samples, before they are cropped or turned
	height int
	view   view
	colour colourBoxes
	config box // hvcC, of a coded picture
	data   []section

	inputs        []*picture
	columns       int           // of a grid, whose inputs are listed row by row
	at            []image.Point // of an overlay: where its inputs lie
	fill          [4]uint16     // of an overlay: red, green, blue and alpha of what they do not cover
	alpha         *picture      // opacity, or nil
	premultiplied bool          // colours are multiplied by it
	depth         int           // derivations within one another
	work          int64         // samples of luma that are decoded or composed for it
}

type pictureKind int

const (
	coded pictureKind = iota
	grid
	overlay
)

// colourBoxes are the colour information properties of a picture.
type colourBoxes struct {
	icc  []byte
	nclx *nclx
}

// nclx are code points (ISO/IEC 14496-12, 12.1.5; ITU-T H.273).
type nclx struct {
	primaries, transfer, matrix int
	fullRange                   bool
}

func (b colourBoxes) none() bool { return b.icc == nil && b.nclx == nil }

func (c *container) unsupported(format string, args ...any) error {
	return fmt.Errorf("%w: %s: %s", codec.ErrUnsupported, c.s.Format().Title, fmt.Sprintf(format, args...))
}

// builder makes pictures of items, each once.
type builder struct {
	*container
	known map[uint32]*picture // nil while one is being made
	// most is the number of samples that all pictures together may have to decode or compose. Few bytes
	// can ask for the same picture in very many places.
	most   int64
	alphas map[uint32]*item // by the picture whose opacity they are
}

// primary returns the picture that the file shows. A primary item that is the thumbnail of a larger
// picture gives way to that.
func (b *builder) primary() (*picture, error) {
	p, err := b.picture(b.meta.primary)
	if err != nil {
		return nil, err
	}
	for _, id := range p.item.targets("thmb") {
		if whole, err := b.picture(id); err == nil && whole.width > p.width && whole.height > p.height {
			return whole, nil
		}
	}
	return p, nil
}

// picture returns what an item shows.
func (b *builder) picture(id uint32) (*picture, error) {
	if p, ok := b.known[id]; ok {
		if p == nil {
			return nil, b.s.Corrupt(0, "picture %d is derived from itself", id)
		}
		return p, nil
	}
	b.known[id] = nil
	i := b.meta.items[id]
	if i == nil || i.kind == "" {
		return nil, b.s.Corrupt(0, "picture %d is not in the file", id)
	}
	p := &picture{item: i}
	var err error
	switch i.kind {
	case "hvc1", "hev1":
		err = b.coded(p)
	case "grid":
		err = b.grid(p)
	case "iovl":
		err = b.overlay(p)
	case "iden", "tmap": // of a tone map, the first input is the base picture
		err = b.identity(p)
	default:
		return nil, b.refuse(i)
	}
	if err != nil {
		return nil, err
	}
	if p.depth > maxNesting {
		return nil, b.s.Corrupt(0, "pictures are derived from one another, more than %d deep", maxNesting)
	}
	if b.most > 0 && p.work > b.most {
		return nil, fmt.Errorf("%w: picture %d is composed of %d samples, the limit is %d",
			codec.ErrLimit, id, p.work, b.most)
	}
	if err := b.transform(p); err != nil {
		return nil, err
	}
	b.known[id] = p
	if a := b.alphaOf(id); a != nil {
		if p.alpha, err = b.picture(a.id); err != nil {
			return nil, err
		}
		p.premultiplied = i.refersTo("prem", a.id)
	}
	return p, nil
}

// alphaOf returns the auxiliary picture with the opacity of another, or nil. Depth and gain maps are
// auxiliary pictures of other types.
func (b *builder) alphaOf(id uint32) *item {
	if b.alphas == nil {
		b.alphas = map[uint32]*item{}
		for _, i := range b.meta.order {
			if to := i.targets("auxl"); to != nil && slices.Contains(alphaTypes, b.meta.auxiliaryType(i)) {
				for _, id := range to {
					if b.alphas[id] == nil {
						b.alphas[id] = i
					}
				}
			}
		}
	}
	return b.alphas[id]
}

// codings are the names of codings that are not decoded.
var codings = map[string]string{
	"av01": "AV1", "avc1": "H.264", "vvc1": "H.266", "jpeg": "JPEG", "j2k1": "JPEG 2000",
	"unci": "uncompressed samples", "lhv1": "layered HEVC", "evc1": "EVC", "mski": "a mask",
}

func (b *builder) refuse(i *item) error {
	if name := codings[i.kind]; name != "" {
		return b.unsupported("the picture is coded as %s (%s), only HEVC is read", name, i.kind)
	}
	return b.unsupported("the picture is of type %q, only HEVC is read", i.kind)
}

// size reads the ispe property of a picture.
func (b *builder) size(p *picture) error {
	e, ok := b.meta.property(p.item, "ispe")
	if !ok {
		return b.s.Corrupt(0, "picture %d has no size", p.item.id)
	}
	f := e.fields()
	f.full()
	w, h := f.uint32(), f.uint32()
	if err := b.ended(f, "ispe"); err != nil {
		return err
	}
	return b.sized(p, w, h, e.at)
}

// sized sets the size of a picture.
func (b *builder) sized(p *picture, w, h uint32, at int64) error {
	if w == 0 || h == 0 {
		return b.s.Corrupt(at, "picture %d has a size of %d×%d", p.item.id, w, h)
	}
	if w > codec.MaxSide || h > codec.MaxSide {
		return fmt.Errorf("%w: %d×%d pixels, the limit of a side is %d", codec.ErrLimit, w, h, codec.MaxSide)
	}
	p.width, p.height = int(w), int(h)
	p.view = whole(p.width, p.height)
	p.work += int64(w) * int64(h)
	return nil
}

func (b *builder) coded(p *picture) (err error) {
	if err := b.size(p); err != nil {
		return err
	}
	var ok bool
	if p.config, ok = b.meta.property(p.item, "hvcC"); !ok {
		return b.s.Corrupt(0, "picture %d has no decoder configuration", p.item.id)
	}
	if p.colour, err = b.colours(b.meta.propertiesOf(p.item)); err != nil {
		return err
	}
	p.data, err = b.sections(p.item)
	return err
}

// inputsOf makes the pictures that p is derived from.
func (b *builder) inputsOf(p *picture) error {
	ids := p.item.targets("dimg")
	if len(ids) == 0 {
		return b.s.Corrupt(0, "picture %d is derived from none", p.item.id)
	}
	p.inputs = make([]*picture, len(ids))
	for k, id := range ids {
		in, err := b.picture(id)
		if err != nil {
			return err
		}
		p.inputs[k] = in
		p.depth = max(p.depth, in.depth+1)
		if p.work += in.work; p.work < 0 {
			p.work = math.MaxInt64 / 2
		}
	}
	return nil
}

// inherit takes the colours of the first input if the picture itself declares none.
func (b *builder) inherit(p *picture) (err error) {
	if p.colour, err = b.colours(b.meta.propertiesOf(p.item)); err == nil && p.colour.none() {
		p.colour = p.inputs[0].colour
	}
	return err
}

func (b *builder) identity(p *picture) error {
	if err := b.inputsOf(p); err != nil {
		return err
	}
	in := *p.inputs[0]
	in.item, in.depth = p.item, p.depth
	own := in.colour
	*p = in
	var err error
	if p.colour, err = b.colours(b.meta.propertiesOf(p.item)); err == nil && (p.colour.none() || p.item.kind == "tmap") {
		p.colour = own // those of a tone map are of the alternate picture
	}
	return err
}

// grid parses a grid (ISO/IEC 23008-12, 6.6.2.3).
func (b *builder) grid(p *picture) error {
	p.kind = grid
	data, err := b.head(p.item, 12)
	if err != nil {
		return err
	}
	f := &fields{b: data}
	version, flags := f.uint8(), f.uint8()
	rows := int(f.uint8()) + 1
	p.columns = int(f.uint8()) + 1
	wide := 2 << (flags & 1)
	w, h := uint32(f.uint(wide)), uint32(f.uint(wide))
	if version != 0 || f.short {
		return b.s.Corrupt(p.item.place.at(b.meta), "the grid of picture %d cannot be parsed", p.item.id)
	}
	if err := b.inputsOf(p); err != nil {
		return err
	}
	if err := b.sized(p, w, h, p.item.place.at(b.meta)); err != nil {
		return err
	}
	if len(p.inputs) != rows*p.columns {
		return b.s.Corrupt(p.item.place.at(b.meta), "a grid of %d×%d tiles has %d", p.columns, rows, len(p.inputs))
	}
	tile := p.inputs[0].view.size()
	for _, in := range p.inputs {
		if in.view.size() != tile {
			return b.s.Corrupt(p.item.place.at(b.meta), "a grid has tiles of %v and %v",
				times(tile), times(in.view.size()))
		}
	}
	if int64(tile.X)*int64(p.columns) < int64(p.width) || int64(tile.Y)*int64(rows) < int64(p.height) {
		return b.s.Corrupt(p.item.place.at(b.meta), "%d×%d tiles of %v do not cover %d×%d pixels",
			p.columns, rows, times(tile), p.width, p.height)
	}
	return b.inherit(p)
}

// times is a size as texts show it.
func times(p image.Point) string { return fmt.Sprintf("%d×%d", p.X, p.Y) }

// at is about where the data of an item lies, for texts.
func (l location) at(m *meta) int64 {
	at := l.base
	if len(l.extents) > 0 {
		at += l.extents[0].offset
	}
	if l.construction == 1 {
		at += uint64(m.data.at)
	}
	return int64(min(at, math.MaxInt64))
}

// maxLayers bounds the inputs of an overlay.
const maxLayers = 256

// overlay parses an overlay (ISO/IEC 23008-12, 6.6.2.2).
func (b *builder) overlay(p *picture) error {
	p.kind = overlay
	data, err := b.head(p.item, 20+8*maxLayers)
	if err != nil {
		return err
	}
	f := &fields{b: data}
	version, flags := f.uint8(), f.uint8()
	for k := range p.fill {
		p.fill[k] = f.uint16()
	}
	wide := 2 << (flags & 1)
	w, h := uint32(f.uint(wide)), uint32(f.uint(wide))
	at := p.item.place.at(b.meta)
	if len(p.item.targets("dimg")) > maxLayers {
		return b.unsupported("an overlay of more than %d pictures", maxLayers)
	}
	if err := b.inputsOf(p); err != nil {
		return err
	}
	if err := b.sized(p, w, h, at); err != nil {
		return err
	}
	for range p.inputs {
		x, y := f.uint(wide), f.uint(wide)
		if wide == 2 {
			p.at = append(p.at, image.Pt(int(int16(x)), int(int16(y))))
		} else {
			p.at = append(p.at, image.Pt(int(int32(x)), int(int32(y))))
		}
	}
	if version != 0 || f.short {
		return b.s.Corrupt(at, "the overlay of picture %d cannot be parsed", p.item.id)
	}
	return b.inherit(p)
}
