package png

import (
	"context"
	"encoding/binary"
	"slices"
	"sync"

	"github.com/imgmill/imgmill/internal/engine/plane"
)

// stored is how a picture is stored: without loss, in as few bits a pixel as it allows.
type stored struct {
	format
	p     *plane.Picture
	table *colourTable // of a palette
	scale int          // of gray: by which samples are divided
	other *stored      // without a palette
}

// store finds the format of a picture: gray if all of it is, of the lowest depth that has all its levels;
// a palette if that takes fewer bits; and one transparent colour in the place of alpha. With a profile of
// gray or of colours, that is what it stays.
func store(ctx context.Context, p *plane.Picture) (*stored, error) {
	s := &stored{p: p, scale: 1, format: format{width: p.Width(), height: p.Height(), depth: 8}}
	c, err := take(ctx, p)
	if err != nil {
		return nil, err
	}
	icc := p.Space.For(p.Model).ICC != nil
	gray := c.gray && (p.Model == plane.Gray || !icc)
	switch {
	case gray && c.opaque:
		s.colour = typeGray
	case gray:
		s.colour = typeGrayAlpha
	case c.opaque:
		s.colour = typeRGB
	default:
		s.colour = typeRGBA
	}
	if gray {
		s.storeGray(c)
	}
	if !gray && c.key >= 0 && !c.opaque {
		s.colour = typeRGB
		s.transparent = []uint16{uint16(c.key & 255), uint16(c.key >> 8 & 255), uint16(c.key >> 16)}
	}
	if t := c.table; t != nil && !(icc && p.Model == plane.Gray) {
		if depth := depthOf(len(t.colours)); depth < s.bits() && t.size() < (s.bits()-depth)*s.width*s.height/8 {
			other := *s
			s.other = &other
			s.usePalette(t, depth)
		}
	}
	return s, nil
}

// depthOf returns how many bits distinguish n colours.
func depthOf(n int) int {
	depth := 1
	for n > 1<<depth {
		depth *= 2
	}
	return depth
}

// storeGray looks for the lowest depth, and for a level that no opaque pixel has. With one, it takes no 2 or 4
// bits, because Pillow (13.0) then shows another level as transparent.
func (s *stored) storeGray(c *content) {
	for _, depth := range []int{1, 2, 4, 8} {
		most := 1<<depth - 1
		step, free, fits := 255/most, -1, c.binary
		for v, used := range c.levels {
			switch {
			case used && v%step != 0:
				fits = false
			case !used && v%step == 0 && free < 0:
				free = v
			}
		}
		switch {
		case !fits:
		case c.opaque:
			s.depth, s.scale = depth, step
			return
		case free >= 0 && (depth == 1 || depth == 8):
			s.colour, s.depth, s.scale = typeGray, depth, step
			s.transparent = []uint16{uint16(free / step)}
			return
		}
	}
}

// usePalette stores indexes. Transparent colours come first, so that the opaque ones at the end need no
// alpha.
func (s *stored) usePalette(t *colourTable, depth int) {
	slices.SortStableFunc(t.colours, func(a, b pixel) int {
		return int(a.alpha()) - int(b.alpha())
	})
	t.renumber()
	s.table, s.depth, s.colour, s.transparent = t, depth, typePalette, nil
}

// content is what a picture holds, as far as the choice of a format depends on it.
type content struct {
	gray, opaque, binary bool // binary: no pixel is half transparent
	table                *colourTable
	levels               [256]bool // of gray, in pixels that are not transparent
	key                  int       // a colour that no opaque pixel has, red lowest, or -1
}

// take looks at a picture until nothing can be found any more.
func take(ctx context.Context, p *plane.Picture) (*content, error) {
	c := &content{gray: true, opaque: p.Opaque(), binary: true, table: &colourTable{}, key: -1}
	row := make([]pixel, p.Width())
	var seen *keys
	if !c.opaque {
		seen = new(keys)
	}
	for y := range p.Height() {
		if y%64 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		packRow(row, p, y)
		if c.gray {
			c.gray = p.Model == plane.Gray || allGray(row)
		}
		if c.binary && !c.opaque {
			c.binary = !slices.ContainsFunc(row, func(v pixel) bool { return v.alpha() != 0 && v.alpha() != 255 })
		}
		if c.gray {
			for _, v := range row {
				if v != 0 {
					c.levels[byte(v)] = true
				}
			}
		}
		if c.table != nil && !c.table.add(row) {
			c.table = nil
		}
		if c.binary && !c.opaque {
			seen.add(row)
		}
		if c.table == nil && !c.gray && (c.opaque || !c.binary) {
			return c, nil
		}
	}
	if c.binary && !c.opaque {
		c.key = seen.free()
	}
	return c, nil
}

func allGray(row []pixel) bool {
	for _, v := range row {
		if (v^v>>8)&0xffff != 0 {
			return false
		}
	}
	return true
}

// keys are the remainders that the colours of opaque pixels leave. A colour that leaves another one is
// none of them.
type keys [keyMod]bool

const keyMod = 65521

func (k *keys) add(row []pixel) {
	for _, v := range row {
		if v.alpha() == 255 {
			k[v&0xffffff%keyMod] = true
		}
	}
}

// free returns the lowest colour that no pixel has, or -1.
func (k *keys) free() int { return slices.Index(k[:], false) }

// raster returns the rows as they are stored.
func (s *stored) raster() raster {
	p, unit := s.p, max(1, s.bits()/8)
	r := raster{n: s.rowLen(s.width), height: s.height, unit: unit, indexed: s.table != nil}
	plain := s.depth == 8 && s.table == nil && s.transparent == nil
	switch {
	case plain && unit == 1:
		r.read = func(y int, row []byte) { copy(row, p.Row(0, y)) }
	case plain && unit == 3:
		r.read = func(y int, row []byte) { join3(row, p.Row(0, y), p.Row(1, y), p.Row(2, y)) }
	case plain && unit == len(p.Planes):
		r.read = func(y int, row []byte) {
			for i := range unit {
				for x, v := range p.Row(i, y) {
					row[x*unit+i] = v
				}
			}
		}
	default:
		r.read = s.rows()
	}
	return r
}

// rows returns a function that writes rows of other formats. Several threads call it.
func (s *stored) rows() func(y int, row []byte) {
	var key pixel
	for i, v := range s.transparent {
		key |= pixel(v) << (8 * i)
	}
	buffers := sync.Pool{New: func() any { return &rowBuffers{make([]pixel, s.width), make([]byte, s.width)} }}
	return func(y int, row []byte) {
		b := buffers.Get().(*rowBuffers)
		defer buffers.Put(b)
		packRow(b.pixels, s.p, y)
		switch {
		case s.table != nil:
			s.table.lookUp(b.samples, b.pixels)
		case s.colour == typeGray:
			for x, v := range b.pixels {
				if v == 0 {
					b.samples[x] = byte(key)
				} else {
					b.samples[x] = byte(int(byte(v)) / s.scale)
				}
			}
		case s.colour == typeGrayAlpha:
			for x, v := range b.pixels {
				row[2*x], row[2*x+1] = byte(v), byte(v.alpha())
			}
			return
		default:
			for x, v := range b.pixels {
				if v == 0 {
					v = key
				}
				row[3*x], row[3*x+1], row[3*x+2] = byte(v), byte(v>>8), byte(v>>16)
			}
			return
		}
		packSamples(row, b.samples, s.depth)
	}
}

// rowBuffers are the pixels of a row, and a sample for each.
type rowBuffers struct {
	pixels  []pixel
	samples []byte
}

// packSamples writes samples of some depth, the first one highest (section 7.2).
func packSamples(dst, samples []byte, depth int) {
	if depth == 8 {
		copy(dst, samples)
		return
	}
	each := 8 / depth
	for i := range dst {
		v := byte(0)
		for k := range each {
			v <<= depth
			if x := i*each + k; x < len(samples) {
				v |= samples[x]
			}
		}
		dst[i] = v
	}
}

// chunks appends PLTE and tRNS.
func (s *stored) chunks(out []byte) []byte {
	out = s.table.append(out)
	if s.transparent != nil {
		var data []byte
		for _, v := range s.transparent {
			data = binary.BigEndian.AppendUint16(data, v)
		}
		out = appendChunk(out, "tRNS", data)
	}
	return out
}
