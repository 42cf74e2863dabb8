package vp8

// codedBlocks are the levels of a macroblock, in the order of the bit stream: Y2, which macroblocks
// with subblock modes have not, sixteen blocks of luma, and four of each chroma.
type codedBlocks struct {
	y2     levels
	blocks [24]levels
}

// empty reports whether there is no level that is not zero.
func (c *codedBlocks) empty(m *macroblock) bool {
	first := 0
	if !m.subblocks {
		if c.y2.n > 0 {
			return false
		}
		first = 1
	}
	for i := range c.blocks {
		if i == 16 {
			first = 0
		}
		if int(c.blocks[i].n) > first {
			return false
		}
	}
	return true
}

// each calls f with each block, its plane, the position of its first coefficient and its context,
// and updates the contexts of the neighbours (RFC 6386 section 13.3).
func (c *codedBlocks) each(m *macroblock, top, left *blockContext, f func(b *levels, plane, first int, ctx uint8)) {
	plane, first := lumaWithDC, 0
	if !m.subblocks {
		f(&c.y2, y2Plane, 0, top.y2+left.y2)
		top.y2 = nonZero(c.y2.n > 0)
		left.y2 = top.y2
		plane, first = lumaBehindY2, 1
	}
	for i := range c.blocks {
		u, l := &top.luma[i%4], &left.luma[i/4%4]
		switch {
		case i >= 20:
			u, l = &top.v[i%2], &left.v[i%4/2]
		case i >= 16:
			u, l = &top.u[i%2], &left.u[i%4/2]
		}
		if i == 16 {
			plane, first = chromaPlane, 0
		}
		b := &c.blocks[i]
		f(b, plane, first, *u+*l)
		*u = nonZero(int(b.n) > first)
		*l = *u
	}
}

// skipBlocks updates the contexts for a macroblock without coefficients.
func skipBlocks(m *macroblock, top, left *blockContext) {
	y2, leftY2 := top.y2, left.y2
	*top, *left = blockContext{}, blockContext{}
	if m.subblocks { // which have no Y2, so that its context stays
		top.y2, left.y2 = y2, leftY2
	}
}

// wide marks, in packed levels, one that takes two more bytes.
const wide = -128

// pack appends the levels of a block from position first on, most of which take a byte, behind one with
// the position behind the last and the context, so that blocks can be written without those around them.
func (b *levels) pack(out []byte, first int, ctx uint8) []byte {
	out = append(out, b.n|ctx<<5)
	for i := first; i < int(b.n); i++ {
		if v := b.v[i]; v > wide && v < 128 {
			out = append(out, byte(int8(v)))
		} else {
			out = append(out, 0x80, byte(v), byte(v>>8))
		}
	}
	return out
}

// unpackLevel reads the first of packed levels, and returns the rest.
func unpackLevel(packed []byte) (v int, rest []byte) {
	if v := int(int8(packed[0])); v != wide {
		return v, packed[1:]
	}
	return int(int16(uint16(packed[1]) | uint16(packed[2])<<8)), packed[3:]
}
