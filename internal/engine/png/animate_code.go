package png

import (
	"bytes"
	"context"
	"encoding/binary"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// colourTable is the colours of an animation, in the order in which they appeared.
type colourTable struct {
	colours []pixel
	index   map[pixel]byte
}

const maxColours = 256

// newColourTable returns a table of the transparent colour, which comes first because Pillow takes the
// first colour for it where a frame is disposed of.
func newColourTable() *colourTable {
	return &colourTable{colours: []pixel{0}, index: map[pixel]byte{0: 0}}
}

// add adds the colours of pixels and reports whether there is room for all of them.
func (t *colourTable) add(pixels []pixel) bool {
	for i, c := range pixels {
		if i > 0 && c == pixels[i-1] {
			continue
		}
		if _, ok := t.index[c]; ok {
			continue
		}
		if len(t.colours) == maxColours {
			return false
		}
		t.index[c] = byte(len(t.colours))
		t.colours = append(t.colours, c)
	}
	return true
}

// append appends the chunks PLTE and tRNS, or nothing if there is no table.
func (t *colourTable) append(out []byte) []byte {
	if t == nil {
		return out
	}
	var colours, alphas []byte
	for _, c := range t.colours {
		colours = append(colours, byte(c), byte(c>>8), byte(c>>16))
		alphas = append(alphas, byte(c.alpha()))
	}
	for alphas[len(alphas)-1] == 255 {
		alphas = alphas[:len(alphas)-1] // the first one is 0
	}
	return appendChunk(appendChunk(out, "PLTE", colours), "tRNS", alphas)
}

// pack reads a picture.
func pack(ctx context.Context, dst []pixel, p *plane.Picture) error {
	alpha, ok := p.Alpha()
	for y := range p.Height() {
		if y%64 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		r, g, b := p.Row(0, y), p.Row(0, y), p.Row(0, y)
		if p.Model == plane.RGB {
			g, b = p.Row(1, y), p.Row(2, y)
		}
		row := dst[y*p.Width():][:p.Width()]
		for x := range row {
			row[x] = pixel(r[x]) | pixel(g[x])<<8 | pixel(b[x])<<16 | 255<<24
		}
		if !ok {
			continue
		}
		for x, v := range p.Row(alpha, y) {
			if row[x] = row[x]&^(255<<24) | pixel(v)<<24; v == 0 {
				row[x] = 0
			}
		}
	}
	return nil
}

// still returns the last picture.
func (a *animation) still() *plane.Picture {
	p := plane.New(a.layout)
	for k, size := range p.Planes {
		shift := 8 * k
		if size.Kind == plane.Alpha {
			shift = 24
		}
		for i, c := range a.shown {
			p.Pix[k][i] = byte(c >> shift)
		}
	}
	return p
}

// colourType returns the colour type of the file.
func (a *animation) colourType() byte {
	switch {
	case a.table != nil:
		return typePalette
	case a.layout.Model == plane.Gray:
		return typeGrayAlpha
	}
	return typeRGBA
}

// compress returns the compressed data of a picture with w pixels a row.
func (a *animation) compress(ctx context.Context, pixels []pixel, w int) ([][]byte, error) {
	f := format{depth: 8, colour: a.colourType()}
	unit := f.channels()
	rows := make([]byte, 0, unit*len(pixels))
	last, index := pixel(0), byte(0) // the first colour of the table
	for _, c := range pixels {
		switch unit {
		case 1:
			if c != last {
				last, index = c, a.table.index[c]
			}
			rows = append(rows, index)
		case 2:
			rows = append(rows, byte(c), byte(c.alpha()))
		default:
			rows = binary.LittleEndian.AppendUint32(rows, uint32(c))
		}
	}
	n := w * unit
	s := newStrips(raster{n, len(pixels) / w, unit, func(y int, row []byte) { copy(row, rows[y*n:]) }}, a.writers)
	err := s.run(ctx, max(a.options.Threads, 1))
	return s.data(), err
}

// code compresses the part of the next picture that a frame has. What is shown already is left out where a
// hole in its place has fewer corners, which take most of the bytes.
func (a *animation) code(ctx context.Context, f frame) (coded, error) {
	part, over := a.cut(&f)
	if over != nil && corners(over, f.w) < corners(part, f.w) {
		part, f.blending = over, blendOver
	}
	data, err := a.compress(ctx, part, f.w)
	return coded{f, data}, err
}

// cut returns the pixels of a frame, once all of them, and once without those that are shown already.
// over is nil if there are none of these, or if one of the others would mix with what is shown: it has to
// be opaque or, without a table, to have nothing below it. With one, Pillow (13.0) shows a colour that lies
// over nothing otherwise than the specification says.
func (a *animation) cut(f *frame) (part, over []pixel) {
	w := a.layout.Width()
	part, over = make([]pixel, 0, f.w*f.h), make([]pixel, 0, f.w*f.h)
	ok, same := true, false
	for y := f.y; y < f.y+f.h; y++ {
		shown := a.shown[y*w+f.x:][:f.w]
		for x, c := range a.next[y*w+f.x:][:f.w] {
			part = append(part, c)
			switch {
			case c == shown[x]:
				same = same || c != 0
				over = append(over, 0)
			default:
				ok = ok && (c.alpha() == 255 || shown[x] == 0 && a.table == nil)
				over = append(over, c)
			}
		}
	}
	if !same || !ok || len(a.frames) == 0 {
		return part, nil
	}
	return part, over
}

// widen has the file store samples, also those of the frames that it has.
func (a *animation) widen(ctx context.Context) error {
	indexed := *a
	a.table = nil
	recode := func(c *coded) error {
		p, err := indexed.decode(ctx, c)
		if err != nil {
			return err
		}
		pixels := make([]pixel, c.w*c.h)
		if err := pack(ctx, pixels, p); err != nil {
			return err
		}
		c.data, err = a.compress(ctx, pixels, c.w)
		return err
	}
	for i := range a.frames {
		if err := recode(&a.frames[i]); err != nil {
			return err
		}
	}
	if a.poster != nil {
		return recode(a.poster)
	}
	return nil
}

// decode returns the picture that a frame stores.
func (a *animation) decode(ctx context.Context, c *coded) (*plane.Picture, error) {
	file := appendHead(nil, plane.NewLayout(plane.RGB, true, c.w, c.h, 1, 1), a.colourType(), a.table.append(nil), codec.EncodeOptions{})
	for _, d := range c.data {
		file = appendChunk(file, "IDAT", d)
	}
	d, err := codec.Set{Format}.Open(bytes.NewReader(appendChunk(file, "IEND")), codec.OpenOptions{})
	if err != nil {
		return nil, err
	}
	p := plane.New(d.Header().Layout)
	_, err = d.Decode(ctx, p)
	return p, err
}

// corners returns how many pixels differ from both their left and their upper neighbour.
func corners(pixels []pixel, w int) (n int) {
	for y := w; y < len(pixels); y += w {
		row, above := pixels[y:][:w], pixels[y-w:][:w]
		for x := 1; x < w; x++ {
			if row[x] != row[x-1] && row[x] != above[x] {
				n++
			}
		}
	}
	return n
}
