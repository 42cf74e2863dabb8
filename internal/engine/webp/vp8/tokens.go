package vp8

import "math/bits"

// zigzag is the place of each coefficient in its block (RFC 6386 section 13).
var zigzag = [16]uint8{0, 1, 4, 8, 5, 2, 3, 6, 9, 12, 13, 10, 7, 11, 14, 15}

// categoryProbs are the probabilities of the extra bits of dct_cat3 to dct_cat6 (section 13.2).
var categoryProbs = [4][]uint8{
	{173, 148, 140},
	{176, 155, 140, 135},
	{180, 157, 141, 134, 130},
	{254, 254, 243, 230, 196, 177, 153, 140, 133, 130, 129},
}

// Planes of coefficients (section 13.3).
const (
	lumaBehindY2 = iota
	y2Plane
	chromaPlane
	lumaWithDC
)

// tokens is the state of a boolDecoder in registers. Each branch has its own copy of the
// arithmetic, so that a bool takes one jump.
type tokens struct {
	value uint64
	rng   uint32
	n     int
}

// block reads the tokens of one block from coefficient i on (section 13), and stores the
// dequantised coefficients (section 14.1) in natural order in out, which is zero. It returns the
// position behind the last one. context is the number of neighbours, above and to the left, that
// have coefficients.
func (t tokens) block(d *boolDecoder, probs *blockProbs, context, i int,
	q *quantiser, out *[16]int16,
) (tokens, int) {
	p := &probs[i][context]
	if t.n < 16 {
		t = t.fill(d)
	}
	s := threshold(t.rng, p[0])
	b := uint64(s) << 56
	if t.value < b { // no coefficients
		t.value, t.rng, t.n = normalise(t.value, s, t.n)
		return t, i
	}
	t.value, t.rng, t.n = normalise(t.value-b, t.rng-s, t.n)
	return t.coefficients(d, probs, p, i, q, out)
}

// blockProbs are the token probabilities of a plane by position and context.
type blockProbs = [17][contexts][tokenProbs]uint8

// fill loads bytes.
func (t tokens) fill(d *boolDecoder) tokens {
	d.value, d.n = t.value, t.n
	d.fill()
	t.value, t.n = d.value, d.n
	return t
}

// coefficients reads the tokens of a block behind the first bool, which says that there are any.
func (t tokens) coefficients(d *boolDecoder, probs *blockProbs, p *[tokenProbs]uint8, i int,
	q *quantiser, out *[16]int16,
) (tokens, int) {
	value, rng, n := t.value, t.rng, t.n
	for {
		if n < 40 { // enough for four bools
			d.value, d.n = value, n
			d.fill()
			value, n = d.value, d.n
		}
		var s uint32
		var b uint64
		for {
			s = threshold(rng, p[1])
			if b = uint64(s) << 56; value >= b {
				value, rng, n = normalise(value-b, rng-s, n)
				break
			}
			value, rng, n = normalise(value, s, n)
			i++
			p = &probs[i][0]
			if i == 16 {
				return tokens{value, rng, n}, 16
			}
			if n < 40 {
				d.value, d.n = value, n
				d.fill()
				value, n = d.value, d.n
			}
		}
		v := q.ac
		if i == 0 {
			v = q.dc
		}
		s = threshold(rng, p[2])
		if b = uint64(s) << 56; value < b {
			value, rng, n = normalise(value, s, n)
			p = &probs[i+1][1]
		} else {
			d.value, d.rng, d.n = normalise(value-b, rng-s, n)
			v *= d.largeToken(p)
			value, rng, n = d.value, d.rng, d.n
			p = &probs[i+1][2]
		}
		// The sign has even probability: no jump can be foreseen, and so there is none.
		s = (rng + 1) >> 1
		b = uint64(s) << 56
		_, borrow := bits.Sub64(value, b, 0)
		negative := borrow - 1 // all ones, or zero
		v = v ^ int32(negative) - int32(negative)
		value, rng, n = normalise(value-b&negative, s^(s^(rng-s))&uint32(negative), n)
		out[zigzag[i]&15] = int16(v)
		if i++; i == 16 {
			return tokens{value, rng, n}, 16
		}
		if n < 16 {
			d.value, d.n = value, n
			d.fill()
			value, n = d.value, d.n
		}
		s = threshold(rng, p[0])
		if b = uint64(s) << 56; value < b { // end of block
			value, rng, n = normalise(value, s, n)
			return tokens{value, rng, n}, i
		}
		value, rng, n = normalise(value-b, rng-s, n)
	}
}

// largeToken reads the rest of a token whose value is at least 2.
func (d *boolDecoder) largeToken(p *[tokenProbs]uint8) int32 {
	if !d.bool(p[3]) {
		if !d.bool(p[4]) {
			return 2
		}
		return int32(3 + d.bit(p[5]))
	}
	if !d.bool(p[6]) {
		if !d.bool(p[7]) {
			return int32(5 + d.bit(159)) // dct_cat1
		}
		v := 7 + 2*d.bit(165) // dct_cat2
		return int32(v + d.bit(145))
	}
	category := 2 * d.bit(p[8])
	category += d.bit(p[9+category/2])
	v := 0
	for _, prob := range categoryProbs[category] {
		v = v<<1 | d.bit(prob)
	}
	return int32(v + 3 + 8<<category)
}

// coefficients are those of a macroblock: sixteen luma blocks, four of each chroma, as they follow
// one another in the bit stream.
type coefficients struct {
	blocks [24][16]int16
	// kind is what each block needs: nothing, a constant, or the whole inverse transform.
	kind [24]uint8
}

// Kinds of blocks.
const (
	blockZero = iota
	blockDC
	blockFull
)

// blockContext remembers which blocks at the lower or right edge of a macroblock have coefficients.
type blockContext struct {
	luma [4]uint8
	u, v [2]uint8
	y2   uint8
}

// readCoefficients reads the tokens of a macroblock. It returns whether there are coefficients that
// are not zero.
func (d *Reader) readCoefficients(b *boolDecoder, m *macroblock, c *coefficients,
	top, left *blockContext,
) bool {
	s := &d.header.segments[m.segment]
	clear(c.blocks[:])
	plane, first := lumaWithDC, 0
	t := tokens{b.value, b.rng, b.n}
	any, n := false, 0
	if !m.subblocks {
		var y2 [16]int16
		t, n = t.block(b, &d.header.coeffProbs[y2Plane], int(top.y2+left.y2), 0, &s.y2, &y2)
		top.y2 = nonZero(n > 0)
		left.y2 = top.y2
		if n > 1 {
			inverseWHT(&y2, &c.blocks)
		} else if n > 0 {
			dc := (y2[0] + 3) >> 3
			for i := range 16 {
				c.blocks[i][0] = dc
			}
		}
		plane, first = lumaBehindY2, 1
	}
	probs := &d.header.coeffProbs[plane]
	for y := range 4 {
		l := left.luma[y]
		for x := range 4 {
			i := 4*y + x
			t, n = t.block(b, probs, int(top.luma[x]+l), first, &s.y1, &c.blocks[i])
			l = nonZero(n > first)
			top.luma[x] = l
			c.kind[i] = kindOf(n, c.blocks[i][0])
			any = any || c.kind[i] != blockZero
		}
		left.luma[y] = l
	}
	probs = &d.header.coeffProbs[chromaPlane]
	for p, ctx := range [2][2]*[2]uint8{{&top.u, &left.u}, {&top.v, &left.v}} {
		for y := range 2 {
			l := ctx[1][y]
			for x := range 2 {
				i := 16 + 4*p + 2*y + x
				t, n = t.block(b, probs, int(ctx[0][x]+l), 0, &s.uv, &c.blocks[i])
				l = nonZero(n > 0)
				ctx[0][x] = l
				c.kind[i] = kindOf(n, c.blocks[i][0])
				any = any || c.kind[i] != blockZero
			}
			ctx[1][y] = l
		}
	}
	b.value, b.rng, b.n = t.value, t.rng, t.n
	return any
}

func nonZero(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}

// kindOf returns the kind of a block with n coefficients, the first of which is dc.
func kindOf(n int, dc int16) uint8 {
	switch {
	case n > 1:
		return blockFull
	case dc != 0:
		return blockDC
	}
	return blockZero
}
