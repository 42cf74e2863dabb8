package vp8

import "math"

// levels are the quantised coefficients of a block in zigzag order.
type levels struct {
	v [16]int16
	n uint8 // position behind the last that is not zero
}

// quantTable quantises the coefficients of a plane.
type quantTable struct {
	steps    [16]int16  // of the coefficients; all but the first are the same, so that any order will do
	inverses [16]uint32 // 1<<17 divided by them
	floors   [16]int16  // what is too small for the trellis
	weights  [16]int64  // of squared errors in the trellis, in zigzag order; the mean is about 1<<shift
	lambda   int64      // price of 1/256 of a bit in the trellis
	shift    uint       // of squared errors, so that they are in the units of a score
}

// errorSlope is how much less an error counts, in the trellis of luma in the high effort, for each step
// to a higher frequency across or down, and errorDC is what one of DC counts. SSIMULACRA2, which looks
// at several scales, prefers the errors in high frequencies.
const (
	errorSlope = 0.15
	errorDC    = 1.34
)

// weigh lets errors count by their frequency in the trellis.
func (t *quantTable) weigh() {
	for i, at := range zigzag {
		weight := errorDC - errorSlope*float64(at%4+at/4)
		t.weights[i] = int64(math.Round(weight * float64(int64(1)<<t.shift)))
	}
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
		t.weights[i] = 1 << shift
		t.floors[i] = int16((step*trellisFloor - 1) / 256)
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

// keepNearest is by how much, in 256ths of a step, a coefficient has to exceed a level for the next
// smaller one not to be tried.
const keepNearest = 256 * 10 / 100

// trellisFloor is, in 256ths of a step, how much a coefficient has to exceed a level for the next one
// to be tried. A trial of less, from 128 on, is seldom chosen.
const trellisFloor = 145

// never is the score of a way that there is not.
const never = math.MaxInt64 / 2

// trellis quantises coefficients, given in natural order, so that the squared errors by their weights
// and the bits by lambda are least (the Viterbi algorithm): each becomes about the nearest level or the
// next smaller one, and the block ends where that pays. Coefficients before the first are zero. The
// context is that of the block's first token. It returns the squared error in the units of a score,
// and the cost of the tokens.
func (t *quantTable) trellis(c *[16]int16, first, plane int, ctx uint8, costs *tokenCosts, out *levels,
	vector bool,
) (distortion int64, rate int) {
	var mag [16]int16
	squares, last := t.magnitudes(c, &mag, vector)
	energy := int64(squares) << t.shift
	out.n = 0
	zero := int(costs.end[plane][bandOf[first]][ctx])
	if last < first {
		return energy, zero
	}
	// Scores are relative to that of a block in which everything is zero. The first of two candidates
	// is the nearest level.
	lambda := t.lambda
	best, bestEnd, smaller := lambda*int64(zero), -1, false
	s0, s1 := int64(0), int64(never) // of the candidates at the position before
	l0, l1 := int(ctx), 0            // and their contexts
	if ctx == 0 {                    // for any other, the cost of a level includes it
		s0 = lambda * int64(costs.more[plane][bandOf[first]][0])
	}
	var nearest [16]int16
	var from [2]uint32 // bits of positions whose candidate follows the second one
	for i := first; i <= last; i++ {
		table := &costs.level[plane][bandOf[i]]
		p0, p1 := &table[l0], &table[l1]
		a, step := int64(mag[i]), int64(t.steps[i])
		exact := a * int64(t.inverses[i]) // in 131,072ths
		l := min((exact+(256-trellisFloor)<<9)>>17, maxLevel)
		nearest[i] = int16(l)
		if l == 0 {
			n0, n1 := s0+lambda*int64(p0[0]), s1+lambda*int64(p1[0])
			if n1 < n0 {
				n0 = n1
				from[0] |= 1 << i
			}
			s0, s1, l0, l1 = n0, never, 0, 0
			continue
		}
		end := &costs.end[plane][bandOf[i+1]]
		e, weight := a-l*step, t.weights[i]
		saved := (e*e-a*a)*weight + lambda*int64(extraCosts[l])
		k := min(l, lastLevel)
		n0, n1 := s0+lambda*int64(p0[k]), s1+lambda*int64(p1[k])
		if n1 < n0 {
			n0 = n1
			from[0] |= 1 << i
		}
		n0 += saved
		ended := n0
		if i < 15 {
			ended += lambda * int64(end[min(l, 2)])
		}
		if ended < best {
			best, bestEnd, smaller = ended, i, false
		}
		n1 = never
		if exact-l<<17 <= keepNearest<<9 {
			l--
			e += step
			saved = (e*e-a*a)*weight + lambda*int64(extraCosts[l])
			k = min(l, lastLevel)
			var other int64
			n1, other = s0+lambda*int64(p0[k]), s1+lambda*int64(p1[k])
			if other < n1 {
				n1 = other
				from[1] |= 1 << i
			}
			n1 += saved
			if l > 0 {
				ended = n1
				if i < 15 {
					ended += lambda * int64(end[min(l, 2)])
				}
				if ended < best {
					best, bestEnd, smaller = ended, i, true
				}
			}
			l++
		}
		s0, s1, l0, l1 = n0, n1, int(min(l, 2)), int(min(l-1, 2))
	}
	if bestEnd < 0 {
		return energy, zero
	}
	out.n = uint8(bestEnd + 1)
	var saved, weighted int64
	for i := bestEnd; i >= first; i-- {
		l, follows := nearest[i], from[0]
		if smaller {
			l, follows = l-1, from[1]
		}
		smaller = follows>>i&1 != 0
		a := int64(mag[i])
		e := a - int64(l)*int64(t.steps[i])
		saved += a*a - e*e
		weighted += (a*a - e*e) * t.weights[i]
		if c[zigzag[i]] < 0 {
			l = -l
		}
		out.v[i] = l
	}
	return energy - saved<<t.shift, int((best + weighted) / lambda)
}

// magnitudes stores the magnitudes of coefficients, given in natural order, in zigzag order. It returns
// the sum of their squares, and the position of the last one that is not too small for the trellis, or
// -1.
func (t *quantTable) magnitudes(c, out *[16]int16, vector bool) (squares int32, last int) {
	if vector {
		return t.magnitudesVector(c, out)
	}
	last = -1
	for i := range out {
		v := c[zigzag[i]]
		out[i] = max(v, -v)
		squares += int32(v) * int32(v)
		if out[i] > t.floors[i] {
			last = i
		}
	}
	return squares, last
}
