package vp8

import (
	"math"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// The weights of bits against squared errors, as multiples of the squared step of AC coefficients,
// found by search: with them, six photographs of 0.4 megapixels take the fewest bytes at equal PSNR,
// SSIM and SSIMULACRA2.
const (
	modeWeight    = 0.024 // in the choice between modes
	trellisWeight = 0.018 // in the choice of levels of luma
	chromaWeight  = 0.008 // and of chroma
	guessWeight   = 0.6   // of the step itself, beside sums of Hadamard coefficients
)

// segmentTables are what the search needs of a segment.
type segmentTables struct {
	y1, y2, uv *quantTable
	lambda     int64 // price of 1/256 of a bit in a score
	guess      int32 // the same beside Hadamard coefficients, times 256
}

// A score is 256 times the squared error of pixels, plus the price of the bits.
const (
	scoreShift = 6 // of squared errors of coefficients, which are four times those of pixels
	scoreY2    = 4 // of those of Y2
)

func newSegmentTables(s *segment, e codec.Effort) *segmentTables {
	lambda := func(q quantiser, weight float64) int64 {
		return max(1, int64(math.Round(weight*float64(q.ac)*float64(q.ac))))
	}
	t := &segmentTables{
		y1:     newQuantTable(s.y1, lambda(s.y1, trellisWeight), scoreShift),
		y2:     newQuantTable(s.y2, lambda(s.y1, trellisWeight), scoreY2),
		uv:     newQuantTable(s.uv, lambda(s.uv, chromaWeight), scoreShift),
		lambda: lambda(s.y1, modeWeight),
		guess:  int32(math.Round(guessWeight * float64(s.y1.ac))),
	}
	if e == codec.HighEffort {
		t.y1.weigh()
	}
	return t
}

// weigh returns what a mode costs beside Hadamard coefficients.
func (q *segmentTables) weigh(cost int) int32 { return int32(cost) * q.guess >> 8 }

// rowSearch chooses the modes and levels of a row of macroblocks, and reconstructs it.
type rowSearch struct {
	reconstruction
	w       *Writer
	y       int
	hasLeft bool
	left    blockContext
	bmodes  [4]uint8 // of the subblocks to the left
	costs   *tokenCosts
	counts  *tokenCounts
	budget  int // for the modes of the rest of the row, in 1/256 of a bit
	src     [24][16]uint8
	coded   codedBlocks
	packed  []byte // levels of the row so far
	c       coefficients
}

// blockAt is the place of a block in the workspace.
func blockAt(i int) int {
	if i < 16 {
		return lumaAt + i/4*4*wsStride + i%4*4
	}
	return uAt + (i-16)/4*(vAt-uAt) + i%4/2*4*wsStride + i%2*4
}

// macroblock chooses the modes and levels of macroblock x, and reconstructs it.
func (s *rowSearch) macroblock(x int, m *macroblock) {
	s.w.source.load(x, s.y, &s.src)
	s.prepareEdges(x, s.y)
	s.hasLeft = x > 0
	if s.w.source.shown(16*x, 16*s.y) == noneShown {
		s.takeMeans()
	}
	q := s.w.tables[m.segment]
	top := &s.w.top[x]
	spare := s.budget - (s.w.mbw-x)*leastModes
	modes := uint8(4)
	if spare < mostWholeModes {
		modes = dcPred + 1
	}
	cost := s.searchLuma(x, m, q, top, modes, spare)
	s.searchChroma(m, q, top, modes)
	s.budget -= cost + uvmodeCosts[m.uvmode]
	s.keepEdge(x)
	m.skip = s.coded.empty(m)
	s.keepLevels(m, top)
	above := (*[4]uint8)(s.w.bmodes[4*x:])
	if m.subblocks {
		*above = [4]uint8(m.bmodes[12:])
		s.bmodes = [4]uint8{m.bmodes[3], m.bmodes[7], m.bmodes[11], m.bmodes[15]}
		return
	}
	mode := bmodeOf[m.ymode]
	*above = [4]uint8{mode, mode, mode, mode}
	s.bmodes = *above
}

// takeMeans replaces the source of a macroblock that does not show by what DC prediction gives.
func (s *rowSearch) takeMeans() {
	for i := range s.src {
		at, size := uAt+(i-16)/4*(vAt-uAt), 8
		if i < 16 {
			at, size = lumaAt, 16
		}
		fill(s.src[i][:], meanOf(&s.ws, at, size, s.hasLeft, s.y > 0))
	}
}

// keepLevels counts the tokens of a macroblock, and packs its levels.
func (s *rowSearch) keepLevels(m *macroblock, top *blockContext) {
	if m.skip && s.w.flagSkipped {
		skipBlocks(m, top, &s.left)
		return
	}
	s.coded.each(m, top, &s.left, func(b *levels, plane, first int, ctx uint8) {
		if !m.skip {
			s.counts.add(b, plane, first, ctx)
		}
		s.packed = b.pack(s.packed, first, ctx)
	})
}

// searchLuma chooses the modes of luma, one of the first modes or those of subblocks, and its levels,
// and reconstructs it. It returns the cost of the modes; those of subblocks cost less than spare.
func (s *rowSearch) searchLuma(x int, m *macroblock, q *segmentTables, top *blockContext, modes uint8, spare int) int {
	var pred [16][4][16]uint8 // of each block by each mode
	predictPlane(&s.ws, lumaAt, 4, meanOf(&s.ws, lumaAt, 16, s.hasLeft, s.y > 0), pred[:], s.vector)
	var guess int32
	m.ymode, guess = s.guess(s.src[:16], pred[:], &ymodeCosts, modes, q)
	cost := 0
	if s.w.effort == codec.FastEffort {
		if m.subblocks = guess > wholeEnough*q.guess; m.subblocks {
			cost, m.subblocks = s.guessSubblocks(x, m, q, guess, spare)
		}
		if !m.subblocks {
			s.quantiseWhole(m, q, top, &pred)
		}
	} else {
		score := s.quantiseWhole(m, q, top, &pred)
		m.subblocks = score > q.lambda*int64(s.leastSubblocks())
		if m.subblocks {
			cost, m.subblocks = s.searchSubblocks(x, m, q, top, score, spare)
		}
	}
	if m.subblocks {
		return cost
	}
	s.reconstructWhole(m, q)
	return ymodeCosts[m.ymode]
}

// quantiseWhole chooses the levels of luma without subblocks, given its predictions. It returns the
// score.
func (s *rowSearch) quantiseWhole(m *macroblock, q *segmentTables, top *blockContext, pred *[16][4][16]uint8) int64 {
	var coefs [16][16]int16
	var y2 [16]int16
	for i := 0; i < len(coefs); i += 2 {
		forwardPair(&s.src[i], &pred[i][m.ymode], &s.src[i+1], &pred[i+1][m.ymode], &coefs[i], &coefs[i+1], s.vector)
	}
	forwardWHT(&coefs, &y2)
	score, rate := s.quantise(q.y2, &y2, 0, y2Plane, top.y2+s.left.y2, &s.coded.y2, s.w.effort != codec.FastEffort)
	rate += ymodeCosts[m.ymode]
	up, left := top.luma, s.left.luma
	for i := range coefs {
		b := &s.coded.blocks[i]
		coefs[i][0] = 0 // it is in y2
		d, r := s.quantise(q.y1, &coefs[i], 1, lumaBehindY2, up[i%4]+left[i/4], b, s.w.effort != codec.FastEffort)
		score, rate = score+d, rate+r
		n := nonZero(b.n > 1)
		up[i%4], left[i/4] = n, n
	}
	return score + q.lambda*int64(rate)
}

// quantise quantises the coefficients of a block from first on, of which the others are zero, by the
// trellis or by rounding. It returns the squared error and the cost of the tokens, which no choice of
// the fast effort goes by: 0.
func (s *rowSearch) quantise(t *quantTable, c *[16]int16, first, plane int, ctx uint8, out *levels,
	trellis bool,
) (distortion int64, rate int) {
	if !trellis {
		distortion = t.quick(c, out, s.vector)
		if s.w.effort != codec.FastEffort {
			rate = s.costs.block(out, plane, first, ctx)
		}
		return distortion, rate
	}
	return t.trellis(c, first, plane, ctx, s.costs, out, s.vector)
}

// guess returns the one of the first modes whose predictions of blocks leave the smallest Hadamard
// coefficients, beside the cost of the mode, and the sum of the two.
func (s *rowSearch) guess(src [][16]uint8, pred [][4][16]uint8, costs *[4]int, modes uint8, q *segmentTables) (best uint8, sum int32) {
	sums := hadamards(src, pred, s.vector)
	for mode := range modes {
		if sums[mode] += q.weigh(costs[mode]); sums[mode] < sums[best] {
			best = mode
		}
	}
	return best, sums[best]
}

// reconstructWhole predicts luma without subblocks and adds its residue.
func (s *rowSearch) reconstructWhole(m *macroblock, q *segmentTables) {
	c := &s.c
	clear(c.blocks[:16])
	var y2 [16]int16
	q.y2.dequantise(&s.coded.y2, 0, &y2)
	inverseWHT(&y2, &c.blocks)
	for i := range 16 {
		b := &s.coded.blocks[i]
		q.y1.dequantise(b, 1, &c.blocks[i])
		c.kind[i] = kindOf(int(b.n), c.blocks[i][0])
	}
	predictBlock(&s.ws, lumaAt, 16, m.ymode, s.hasLeft, s.y > 0)
	for i := 0; i < 16; i += 2 {
		s.addBlocks(blockAt(i), c, i)
	}
}

// leastSubblocks is a cost that luma with subblock modes does not stay below: each has a mode, and
// the end of its block or at least a sign.
func (s *rowSearch) leastSubblocks() int {
	end := &s.costs.end[lumaWithDC][0]
	return int(costOf(false, probWhole)) + 16*(leastBmode+int(min(end[0], end[1], end[2], 256)))
}

// searchSubblocks chooses modes and levels of the subblocks of luma, and reports whether they score
// less than limit, and the modes cost less than spare. If so, they are reconstructed and kept.
func (s *rowSearch) searchSubblocks(x int, m *macroblock, q *segmentTables, top *blockContext,
	limit int64, spare int,
) (cost int, ok bool) {
	var blocks [16]levels
	up, left := top.luma, s.left.luma
	above, before := [4]uint8(s.w.bmodes[4*x:]), s.bmodes
	cost = int(costOf(false, probWhole))
	score := q.lambda * int64(cost)
	for i := range blocks {
		modeCosts := &bmodeCosts[above[i%4]][before[i/4]]
		mode, n := s.searchSubblock(i, q, modeCosts, up[i%4]+left[i/4], &blocks[i])
		cost += int(modeCosts[mode])
		if score += n; score >= limit || cost >= spare {
			return 0, false
		}
		m.bmodes[i] = mode
		above[i%4], before[i/4] = mode, mode
		any := nonZero(blocks[i].n > 0)
		up[i%4], left[i/4] = any, any
	}
	copy(s.coded.blocks[:], blocks[:])
	return cost, true
}

// subblockTrials is how many modes of a subblock are quantised at most.
const subblockTrials = 6

// searchSubblock chooses the mode and the levels of a subblock, and reconstructs it. Of all modes,
// those with the smallest Hadamard coefficients are quantised.
func (s *rowSearch) searchSubblock(i int, q *segmentTables, modeCosts *[numBmodes]uint16, ctx uint8,
	out *levels,
) (mode uint8, score int64) {
	at := blockAt(i)
	var pred [numBmodes][16]uint8
	sums := subblockGuesses(&s.ws, at, &s.src[i], &pred, s.vector)
	trials := 2
	if s.w.effort == codec.HighEffort {
		trials = subblockTrials
	}
	var guesses [subblockTrials]int32
	var modes [subblockTrials]uint8
	n := 0
	for mode, cost := range sums {
		cost += q.weigh(int(modeCosts[mode]))
		k := n
		for ; k > 0 && cost < guesses[k-1]; k-- {
			if k < trials {
				guesses[k], modes[k] = guesses[k-1], modes[k-1]
			}
		}
		if k < trials {
			guesses[k], modes[k] = cost, uint8(mode)
			n = min(n+1, trials)
		}
	}
	var coefs [subblockTrials][16]int16
	for k := 0; k < trials; k += 2 {
		forwardPair(&s.src[i], &pred[modes[k]], &s.src[i], &pred[modes[k+1]], &coefs[k], &coefs[k+1], s.vector)
	}
	best := 0
	score = math.MaxInt64
	for k, try := range modes[:trials] {
		var b levels
		d, rate := s.quantise(q.y1, &coefs[k], 0, lumaWithDC, ctx, &b, s.w.effort == codec.HighEffort)
		if n := d + q.lambda*int64(int(modeCosts[try])+rate); n < score {
			score, mode, best, *out = n, try, k, b
		}
	}
	if s.w.effort == codec.NormalEffort {
		d, rate := s.quantise(q.y1, &coefs[best], 0, lumaWithDC, ctx, out, true)
		score = d + q.lambda*int64(int(modeCosts[mode])+rate)
	}
	scatter(&s.ws, at, &pred[mode])
	s.dequantise(i, q.y1, out)
	s.addBlock(at, &s.c, i)
	return mode, score
}

// dequantise puts what a decoder reads of block i into c.
func (s *rowSearch) dequantise(i int, t *quantTable, b *levels) {
	s.c.blocks[i] = [16]int16{}
	t.dequantise(b, 0, &s.c.blocks[i])
	s.c.kind[i] = kindOf(int(b.n), s.c.blocks[i][0])
}

// searchChroma chooses one of the first modes of chroma and its levels, and reconstructs it.
func (s *rowSearch) searchChroma(m *macroblock, q *segmentTables, top *blockContext, modes uint8) {
	var pred [8][4][16]uint8
	for p, at := range []int{uAt, vAt} {
		mean := meanOf(&s.ws, at, 8, s.hasLeft, s.y > 0)
		predictPlane(&s.ws, at, 2, mean, pred[4*p:], s.vector)
	}
	m.uvmode, _ = s.guess(s.src[16:], pred[:], &uvmodeCosts, modes, q)
	up, left := [2][2]uint8{top.u, top.v}, [2][2]uint8{s.left.u, s.left.v}
	var coefs [8][16]int16
	for i := 0; i < len(coefs); i += 2 {
		forwardPair(&s.src[16+i], &pred[i][m.uvmode], &s.src[17+i], &pred[i+1][m.uvmode], &coefs[i], &coefs[i+1], s.vector)
	}
	for i := range 8 {
		b := &s.coded.blocks[16+i]
		u, l := &up[i/4][i%2], &left[i/4][i%4/2]
		s.quantise(q.uv, &coefs[i], 0, chromaPlane, *u+*l, b, s.w.effort != codec.FastEffort)
		*u = nonZero(b.n > 0)
		*l = *u
		s.dequantise(16+i, q.uv, b)
		scatter(&s.ws, blockAt(16+i), &pred[i][m.uvmode])
	}
	for i := 16; i < 24; i += 2 {
		s.addBlocks(blockAt(i), &s.c, i)
	}
}
