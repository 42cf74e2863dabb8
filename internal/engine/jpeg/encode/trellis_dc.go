package encode

// A dcTrellis chooses the DC coefficients of a row of blocks so that bits + distortion/λ is minimal: each is the nearest value
// or one of the two beside it, and what it costs depends on the block before. The difference of the first block counts
// as no bits, so that rows do not depend on each other.
type dcTrellis struct {
	step   int64
	weight int64     // bits per squared error of 1, as in trellis
	bits   [16]int64 // of a difference, by category, in 256ths
}

// dcErrorBits is for DC coefficients what errorBits is for others. Errors count as much in busy blocks as in flat ones.
var dcErrorBits = [2]int64{26, 14}

// newDCTrellis derives its rates from symbols that have been counted.
func newDCTrellis(c *tokenCounts, class int, q *quantiser) *dcTrellis {
	t := &dcTrellis{step: int64(q.step[0])}
	t.weight = dcErrorBits[class] * 10 << (8 + 16 - 6) / (int64(q.table[0]) * q.meanStep())
	freq := c.dc(class)
	cost := costs(&freq)
	for n := range t.bits {
		t.bits[n] = 1 << 40 // cannot be coded
		if n < 12 {
			t.bits[n] = cost(n) + int64(n)<<8
		}
	}
	return t
}

// row replaces the DC coefficients of a row of blocks, of which raw are the coefficients before division.
func (t *dcTrellis) row(g *grid, by int, raw []int16) {
	first := g.block(0, by)
	coef, nonzero := g.coef[64*first:], g.nonzero[first:][:g.blocksX]
	from := make([]uint8, g.blocksX) // by block and choice, in two bits: the choice for the block before
	var cost [3]int64                // of the best row that ends with the nearest value less one, with it, and with one more
	before := 0
	for i := range nonzero {
		nearest := int(coef[64*i])
		var difference [5]int64
		if i > 0 {
			for k := range difference {
				size, _ := magnitude(nearest - before + k - 2)
				difference[k] = t.bits[size&15]
			}
		}
		var best [3]int64
		for k := range best {
			least, choice := cost[1]+difference[k+1], uint8(1)
			if c := cost[0] + difference[k+2]; c < least {
				least, choice = c, 0
			}
			if c := cost[2] + difference[k]; c < least {
				least, choice = c, 2
			}
			from[i] |= choice << (2 * k)
			left := int64(raw[64*i]) - int64(nearest+k-1)*t.step
			best[k] = least + left*left*t.weight>>16
		}
		cost, before = best, nearest
	}
	choice := 1
	for k, c := range cost {
		if c < cost[choice] {
			choice = k
		}
	}
	for i := g.blocksX - 1; i >= 0; i-- {
		v := &coef[64*i]
		*v += int16(choice) - 1
		nonzero[i] &^= 1
		if *v != 0 {
			nonzero[i] |= 1
		}
		choice = int(from[i] >> (2 * choice) & 3)
	}
}
