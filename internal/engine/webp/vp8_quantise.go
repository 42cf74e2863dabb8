package webp

// levels are the quantised coefficients of a block in zigzag order.
type levels struct {
	v [16]int16
	n uint8 // position behind the last that is not zero
}

// quantTable quantises the coefficients of a plane.
type quantTable struct {
	steps    [16]int16  // of the coefficients; all but the first are the same, so that any order will do
	inverses [16]uint32 // 1<<17 divided by them
	lambda   int64      // price of 1/256 of a bit in the trellis
	shift    uint       // of squared errors, so that they are in the units of a score
}

// deadZone is what is added to a coefficient, in 131,072ths of a step, before it is cut down to a
// whole number of steps: less than half, since small coefficients cost more bits than they are
// worth.
const deadZone = 131072 * 38 / 100

func newQuantTable(q quantiser, lambda int64, shift uint) *quantTable {
	t := &quantTable{lambda: lambda, shift: shift}
	for i := range t.steps {
		step := q.ac
		if i == 0 {
			step = q.dc
		}
		t.steps[i], t.inverses[i] = int16(step), (1<<17+uint32(step)/2)/uint32(step)
	}
	return t
}

// quick quantises coefficients, given in natural order, by rounding alone. It returns the squared
// error in the units of a score.
func (t *quantTable) quick(c *[16]int16, out *levels, vector bool) (distortion int64) {
	if vector {
		return t.quickVector(c, out)
	}
	out.n = 0
	for i := range 16 {
		v := int32(c[zigzag[i]])
		a := max(v, -v)
		l := int32(min((uint64(a)*uint64(t.inverses[i])+deadZone)>>17, maxLevel))
		e := int64(a - l*int32(t.steps[i]))
		distortion += e * e
		if l != 0 {
			out.n = uint8(i + 1)
		}
		out.v[i] = int16(l)
		if v < 0 {
			out.v[i] = int16(-l)
		}
	}
	return distortion << t.shift
}

// dequantise writes the coefficients that a decoder reads, in natural order.
func (t *quantTable) dequantise(b *levels, first int, out *[16]int16) {
	for i := first; i < int(b.n); i++ {
		out[zigzag[i]] = int16(int32(b.v[i]) * int32(t.steps[i]))
	}
}

// state is the best way to a candidate of the trellis.
type state struct {
	score int64
	level int16 // without its sign
	from  int8  // candidate at the position before
}

// keepNearest is by how much, in 256ths of a step, a coefficient has to exceed a level for the next
// smaller one not to be tried.
const keepNearest = 256 * 10 / 100

// trellisFloor is, in 256ths of a step, how much a coefficient has to exceed a level for the next one
// to be tried. A trial of less, from 128 on, is seldom chosen.
const trellisFloor = 145

// trellis quantises coefficients, given in natural order, so that the squared error and the bits,
// weighed by lambda, are least (the Viterbi algorithm): each becomes about the nearest level or the
// next smaller one, and the block ends where that pays. The context is that of the block's first token.
// It returns the squared error in the units of a score, and the cost of the tokens.
func (t *quantTable) trellis(c *[16]int16, first, plane int, ctx uint8, costs *tokenCosts, out *levels) (distortion int64, rate int) {
	var mag [16]int32
	last := first - 1
	var energy int64
	for i := first; i < 16; i++ {
		v := int32(c[zigzag[i]])
		a := max(v, -v)
		mag[i] = a
		energy += int64(a) * int64(a)
		if 256*a >= int32(t.steps[i])*trellisFloor {
			last = i
		}
	}
	energy <<= t.shift
	out.n = 0
	zero := int(costs.end[plane][bandOf[first]][ctx])
	if last < first {
		return energy, zero
	}
	// Scores are relative to that of a block in which everything is zero.
	best, bestEnd, bestNode := t.lambda*int64(zero), -1, int8(0)
	var nodes [16][2]state
	start := state{level: int16(ctx)}
	if ctx == 0 { // for any other context, the cost of a level includes it
		start.score = t.lambda * int64(costs.more[plane][bandOf[first]][0])
	}
	previous, candidates := &[2]state{start}, 1
	for i := first; i <= last; i++ {
		step, inverse := int32(t.steps[i]), t.inverses[i]
		a := mag[i]
		exact := uint64(a) * uint64(inverse) // in 131,072ths
		nearest := int32(min((exact+(256-trellisFloor)<<9)>>17, maxLevel))
		n := 2
		if nearest == 0 || int64(exact)-int64(nearest)<<17 > keepNearest<<9 {
			n = 1
		}
		table := &costs.level[plane][bandOf[i]]
		for k := range n {
			l := nearest - int32(k)
			e := int64(a - l*step)
			node := &nodes[i][k]
			index := min(l, lastLevel)
			p := &previous[0]
			node.score, node.from = p.score+t.lambda*int64(table[min(p.level, 2)][index]), 0
			if candidates > 1 {
				p = &previous[1]
				if s := p.score + t.lambda*int64(table[min(p.level, 2)][index]); s < node.score {
					node.score, node.from = s, 1
				}
			}
			node.score += (e*e-int64(a)*int64(a))<<t.shift + t.lambda*int64(extraCosts[l])
			node.level = int16(l)
			if l == 0 {
				continue
			}
			s := node.score
			if i < 15 {
				s += t.lambda * int64(costs.end[plane][bandOf[i+1]][min(l, 2)])
			}
			if s < best {
				best, bestEnd, bestNode = s, i, int8(k)
			}
		}
		previous, candidates = &nodes[i], n
	}
	if bestEnd < 0 {
		return energy, zero
	}
	out.n = uint8(bestEnd + 1)
	var saved int64
	for i, k := bestEnd, bestNode; i >= first; i-- {
		node := &nodes[i][k]
		a, l := int64(mag[i]), int64(node.level)
		e := a - l*int64(t.steps[i])
		saved += a*a - e*e
		out.v[i] = node.level
		if c[zigzag[i]] < 0 {
			out.v[i] = -node.level
		}
		k = node.from
	}
	saved <<= t.shift
	return energy - saved, int((best + saved) / t.lambda)
}
