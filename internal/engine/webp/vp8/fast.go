package vp8

import "math"

// The fast effort chooses modes by Hadamard coefficients alone, without regard to what their levels
// cost.

// wholeEnough is the sum of Hadamard coefficients, in multiples of the weight of a bit, up to which luma
// without subblocks is taken at once: subblocks seldom leave less by more than their modes cost.
const wholeEnough = 192

// guessSubblocks chooses modes and levels of the subblocks of luma, and reports whether they leave
// smaller Hadamard coefficients than limit, and the modes cost less than spare. If so, they are
// reconstructed and kept.
func (s *rowSearch) guessSubblocks(x int, m *macroblock, q *segmentTables, limit int32, spare int) (cost int, ok bool) {
	above, before := [4]uint8(s.w.bmodes[4*x:]), s.bmodes
	cost = int(costOf(false, probWhole))
	sum := q.weigh(cost)
	for i := range 16 {
		modeCosts := &bmodeCosts[above[i%4]][before[i/4]]
		b, c := &s.coded.blocks[i], &s.c.blocks[i]
		mode, n := q.guessSubblock(&s.ws, blockAt(i), &s.src[i], modeCosts, b, c, s.vector)
		s.c.kind[i] = kindOf(int(b.n), c[0])
		s.addBlock(blockAt(i), &s.c, i)
		cost += int(modeCosts[mode])
		if sum += n; sum >= limit || cost >= spare {
			return 0, false
		}
		m.bmodes[i] = mode
		above[i%4], before[i/4] = mode, mode
	}
	return cost, true
}

// guessSubblock predicts a subblock of the workspace by the mode with the smallest Hadamard coefficients,
// and quantises what it leaves by rounding. It returns the mode, and the coefficients' sum beside its
// cost. Of the levels, coefs is what a decoder reads.
func (q *segmentTables) guessSubblock(ws *workspace, at int, src *[16]uint8, modeCosts *[numBmodes]uint16,
	out *levels, coefs *[16]int16, vector bool,
) (mode uint8, least int32) {
	if vector {
		return q.guessSubblockVector(ws, at, src, modeCosts, out, coefs)
	}
	var pred [numBmodes][16]uint8
	sums := subblockGuesses(ws, at, src, &pred, false)
	least = math.MaxInt32
	for k, n := range sums {
		if n += q.weigh(int(modeCosts[k])); n < least {
			least, mode = n, uint8(k)
		}
	}
	scatter(ws, at, &pred[mode])
	forwardDCT(src, &pred[mode], coefs)
	q.y1.quick(coefs, out, false)
	*coefs = [16]int16{}
	q.y1.dequantise(out, 0, coefs)
	return mode, least
}
