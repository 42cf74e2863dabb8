package vp8l

import "context"

// transformKind is the number of a transform in the bit stream (section 4).
type transformKind uint8

const (
	predictorTransform     transformKind = 0
	colourTransform        transformKind = 1
	subtractGreenTransform transformKind = 2
	colourIndexTransform   transformKind = 3
)

// transform undoes a transform, a row at a time.
type transform interface {
	// codedWidth is how many pixels a row has before invert.
	codedWidth() int
	// invert returns row y of the picture. It may write to into, which has the width of the whole
	// picture, and which may be row itself, and changes nothing else of the caller's.
	invert(y int, row, into []uint32) []uint32
}

// transforms are those of a picture.
type transforms struct {
	list []transform // in the order of the bit stream, which is that of the encoder
	row  []uint32    // that they may write to
}

// invert undoes all transforms on a row.
func (ts *transforms) invert(y int, row []uint32) []uint32 {
	for i := len(ts.list) - 1; i >= 0; i-- {
		row = ts.list[i].invert(y, row, ts.row)
	}
	return row
}

// readTransform reads the data of a transform on pictures of width×height.
func (d *Reader) readTransform(ctx context.Context, kind transformKind,
	width, height int,
) (transform, error) {
	switch kind {
	case predictorTransform:
		return d.readPredictor(ctx, width, height)
	case colourTransform:
		return d.readColour(ctx, width, height)
	case subtractGreenTransform:
		return subtractGreen{width, useVector()}, nil
	}
	return d.readColourIndex(ctx, width)
}

// colour is the colour transform (section 4.2).
type colour struct {
	width, blocks int
	bits          uint
	elements      [][3]int8 // green to red, green to blue and red to blue, of each block
	vector        bool
}

func (d *Reader) readColour(ctx context.Context, width, height int) (transform, error) {
	c := &colour{width: width, bits: 2 + uint(d.bits(3)), vector: useVector()}
	c.blocks = subSize(width, c.bits)
	rows := subSize(height, c.bits)
	c.elements = make([][3]int8, c.blocks*rows)
	return c, d.readSubImage(ctx, c.blocks, rows, func(y int, row []uint32) {
		to := c.elements[y*c.blocks:][:len(row)]
		for x, argb := range row {
			to[x] = [3]int8{int8(argb), int8(argb >> 8), int8(argb >> 16)}
		}
	})
}

func (c *colour) codedWidth() int { return c.width }

func (c *colour) invert(y int, row, into []uint32) []uint32 {
	into = into[:len(row)]
	elements := c.elements[(y>>c.bits)*c.blocks:][:c.blocks]
	for i := 0; i < len(elements); {
		e, first := elements[i], i
		for i < len(elements) && elements[i] == e {
			i++
		}
		x0, x1 := first<<c.bits, min(i<<c.bits, len(row))
		if c.vector {
			x0 += colourWhole(into[x0:x1], row[x0:x1], e)
		}
		invertColour(into[x0:x1], row[x0:x1], e)
	}
	return into
}

// invertColour undoes the colour transform of pixels that share an element.
func invertColour(dst, src []uint32, e [3]int8) {
	greenToRed, greenToBlue, redToBlue := int32(e[0]), int32(e[1]), int32(e[2])
	dst = dst[:len(src)]
	for x, argb := range src {
		green := int32(int8(argb >> 8))
		red := argb>>16 + uint32(greenToRed*green>>5)
		blue := argb + uint32(greenToBlue*green>>5) + uint32(redToBlue*int32(int8(red))>>5)
		dst[x] = argb&0xff00ff00 | red&0xff<<16 | blue&0xff
	}
}

// subtractGreen is the transform that has no data (section 4.3).
type subtractGreen struct {
	width  int
	vector bool
}

func (g subtractGreen) codedWidth() int { return g.width }

func (g subtractGreen) invert(_ int, row, into []uint32) []uint32 {
	into = into[:len(row)]
	x := 0
	if g.vector {
		x = subtractGreenWhole(into, row)
	}
	addGreen(into[x:], row[x:])
	return into
}

// addGreen adds the green component to red and blue.
func addGreen(dst, src []uint32) {
	dst = dst[:len(src)]
	for x, argb := range src {
		green := argb >> 8 & 0xff
		dst[x] = argb&0xff00ff00 | (argb&0x00ff00ff+green<<16+green)&0x00ff00ff
	}
}

// colourIndex is the palette of a picture, whose indexes may be packed (section 4.4).
type colourIndex struct {
	width   int
	bits    uint // 1<<bits pixels are packed in one
	palette [256]uint32
	out     []uint32
}

func (d *Reader) readColourIndex(ctx context.Context, width int) (transform, error) {
	c := &colourIndex{width: width, out: make([]uint32, width)}
	n := 1 + d.bits(8)
	switch {
	case n <= 2:
		c.bits = 3
	case n <= 4:
		c.bits = 2
	case n <= 16:
		c.bits = 1
	}
	return c, d.readSubImage(ctx, n, 1, func(_ int, row []uint32) {
		var last uint32
		for i, argb := range row {
			last = addPixels(last, argb)
			c.palette[i] = last
		}
	})
}

func (c *colourIndex) codedWidth() int { return subSize(c.width, c.bits) }

func (c *colourIndex) invert(_ int, row, _ []uint32) []uint32 {
	if c.bits == 0 {
		for x, argb := range row {
			c.out[x] = c.palette[argb>>8&0xff]
		}
		return c.out
	}
	perPixel := uint(8) >> c.bits
	mask := uint32(1)<<perPixel - 1
	for i, argb := range row {
		x := i << c.bits
		packed := argb >> 8 & 0xff
		out := c.out[x:min(x+1<<c.bits, c.width)]
		for k := range out {
			out[k] = c.palette[packed&mask]
			packed >>= perPixel
		}
	}
	return c.out
}

// addPixels adds each of the four components, modulo 256.
func addPixels(a, b uint32) uint32 {
	return (a&0xff00ff00+b&0xff00ff00)&0xff00ff00 | (a&0x00ff00ff+b&0x00ff00ff)&0x00ff00ff
}

// Separate splits pixels into red, green, blue and alpha.
func Separate(rows [4][]byte, argb []uint32) {
	n := 0
	if useVector() {
		n = separateWhole(rows[0], rows[1], rows[2], rows[3], argb)
	}
	separatePixels(rows[0][n:], rows[1][n:], rows[2][n:], rows[3][n:], argb[n:])
}

func separatePixels(r, g, b, a []byte, argb []uint32) {
	r, g, b, a = r[:len(argb)], g[:len(argb)], b[:len(argb)], a[:len(argb)]
	for x, v := range argb {
		r[x], g[x], b[x], a[x] = uint8(v>>16), uint8(v>>8), uint8(v), uint8(v>>24)
	}
}
