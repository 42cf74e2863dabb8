package webp

import "iter"

// codedBlocks are the levels of a macroblock, in the order of the bit stream: Y2, which macroblocks
// with subblock modes have not, sixteen blocks of luma, and four of each chroma.
type codedBlocks struct {
	y2     levels
	blocks [24]levels
}

// inOrder yields the blocks that a macroblock has, with the position of the first coefficient of each.
func (c *codedBlocks) inOrder(m *macroblock) iter.Seq2[*levels, int] {
	return func(yield func(*levels, int) bool) {
		first := 0
		if !m.subblocks {
			first = 1
			if !yield(&c.y2, 0) {
				return
			}
		}
		for i := range c.blocks {
			if i == 16 {
				first = 0
			}
			if !yield(&c.blocks[i], first) {
				return
			}
		}
	}
}

// empty reports whether there is no level that is not zero.
func (c *codedBlocks) empty(m *macroblock) bool {
	for b, first := range c.inOrder(m) {
		if int(b.n) > first {
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

// pack appends the levels of a macroblock, most of which take a byte.
func (c *codedBlocks) pack(out []byte, m *macroblock) []byte {
	for b, first := range c.inOrder(m) {
		out = b.pack(out, first)
	}
	return out
}

func (b *levels) pack(out []byte, first int) []byte {
	out = append(out, b.n)
	for i := first; i < int(b.n); i++ {
		if v := b.v[i]; v > wide && v < 128 {
			out = append(out, byte(int8(v)))
		} else {
			out = append(out, 0x80, byte(v), byte(v>>8))
		}
	}
	return out
}

// unpack reads the levels of a macroblock, and returns the rest.
func (c *codedBlocks) unpack(p []byte, m *macroblock) []byte {
	for b, first := range c.inOrder(m) {
		p = b.unpack(p, first)
	}
	return p
}

func (b *levels) unpack(p []byte, first int) []byte {
	b.n = p[0]
	p = p[1:]
	for i := first; i < int(b.n); i++ {
		if v := int8(p[0]); v != wide {
			b.v[i], p = int16(v), p[1:]
		} else {
			b.v[i], p = int16(uint16(p[1])|uint16(p[2])<<8), p[3:]
		}
	}
	return p
}
