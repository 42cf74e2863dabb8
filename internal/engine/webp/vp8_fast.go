package webp

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
		mode, n := s.guessSubblock(i, q, modeCosts)
		cost += int(modeCosts[mode])
		if sum += n; sum >= limit || cost >= spare {
			return 0, false
		}
		m.bmodes[i] = mode
		above[i%4], before[i/4] = mode, mode
	}
	return cost, true
}

// guessSubblock chooses the mode with the smallest Hadamard coefficients for a subblock, quantises what
// it leaves by rounding, and reconstructs it. It returns the mode, and the coefficients' sum beside its
// cost.
func (s *rowSearch) guessSubblock(i int, q *segmentTables, modeCosts *[numBmodes]uint16) (mode uint8, least int32) {
	at := blockAt(i)
	var pred [numBmodes][16]uint8
	sums := subblockGuesses(&s.ws, at, &s.src[i], &pred, s.vector)
	least = math.MaxInt32
	for k, n := range sums {
		if n += q.weigh(int(modeCosts[k])); n < least {
			least, mode = n, uint8(k)
		}
	}
	var coefs, unused [16]int16
	forwardPair(&s.src[i], &pred[mode], &s.src[i], &pred[mode], &coefs, &unused, s.vector)
	b := &s.coded.blocks[i]
	q.y1.quick(&coefs, b, s.vector)
	scatter(&s.ws, at, &pred[mode])
	s.dequantise(i, q.y1, b)
	s.addBlock(at, &s.c, i)
	return mode, least
}
