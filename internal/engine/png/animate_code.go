package png

import (
	"bytes"
	"context"
	"encoding/binary"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// newColourTable returns a table of the transparent colour, which comes first because Pillow takes the
// first colour for it where a frame is disposed of.
func newColourTable() *colourTable {
	t := &colourTable{}
	t.add([]pixel{0})
	return t
}

// pack reads a picture.
func pack(ctx context.Context, dst []pixel, p *plane.Picture) error {
	for y := range p.Height() {
		if y%64 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		packRow(dst[y*p.Width():][:p.Width()], p, y)
	}
	return nil
}

// packRow reads a row of a picture.
func packRow(row []pixel, p *plane.Picture, y int) {
	n := len(row)
	r, g, b := p.Row(0, y)[:n], p.Row(0, y)[:n], p.Row(0, y)[:n]
	if p.Model == plane.RGB {
		g, b = p.Row(1, y)[:n], p.Row(2, y)[:n]
	}
	for x := range row {
		row[x] = pixel(r[x]) | pixel(g[x])<<8 | pixel(b[x])<<16 | 255<<24
	}
	alpha, ok := p.Alpha()
	if !ok {
		return
	}
	for x, v := range p.Row(alpha, y) {
		if row[x] = row[x]&^(255<<24) | pixel(v)<<24; v == 0 {
			row[x] = 0
		}
	}
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

// format returns the format of the file.
func (a *animation) format() format {
	switch {
	case a.table != nil:
		return format{depth: 8, colour: typePalette}
	case a.layout.Model == plane.Gray:
		return format{depth: 8, colour: typeGrayAlpha}
	}
	return format{depth: 8, colour: typeRGBA}
}

// compress returns the compressed data of a picture with w pixels a row.
func (a *animation) compress(ctx context.Context, pixels []pixel, w int) ([][]byte, error) {
	f := a.format()
	unit := f.channels()
	r := raster{n: w * unit, height: len(pixels) / w, unit: unit, indexed: a.table != nil, read: func(y int, row []byte) {
		pixels := pixels[y*w:][:w]
		switch unit {
		case 1:
			a.table.lookUp(row, pixels)
		case 2:
			for x, c := range pixels {
				row[2*x], row[2*x+1] = byte(c), byte(c.alpha())
			}
		default:
			for x, c := range pixels {
				binary.LittleEndian.PutUint32(row[4*x:], uint32(c))
			}
		}
	}}
	return r.compress(ctx, a.encoder.effort, a.compressor, a.options.Threads)
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
	file := appendHead(nil, plane.NewLayout(plane.RGB, true, c.w, c.h, 1, 1), a.format(), a.table.append(nil), codec.EncodeOptions{})
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
