package vp8

import "math"

// Costs are in 1/256 of a bit.

// bitCosts holds the cost of a bool with the value false by its probability. That of true is the one
// of the complement.
var bitCosts = func() (t [257]uint16) {
	for p := 1; p <= 256; p++ {
		t[p] = uint16(math.Round(-256 * math.Log2(float64(p)/256)))
	}
	t[0] = t[1]
	return t
}()

func costOf(v bool, prob uint8) uint16 {
	if v {
		return bitCosts[256-int(prob)]
	}
	return bitCosts[prob]
}

// lastLevel is the first level of the last category: from it on, the tree's bools are the same.
const lastLevel = 67

// maxLevel is the largest level of a coefficient (RFC 6386 section 13.2).
const maxLevel = 2048 - 1

// extraCosts holds, by level, the cost of the sign and of the extra bits of its category.
var extraCosts = func() (t [maxLevel + 1]uint16) {
	for v := 1; v <= maxLevel; v++ {
		n := 256
		switch {
		case v < 5:
		case v < 7:
			n += int(costOf(v == 6, 159))
		case v < 11:
			n += int(costOf((v-7)&2 != 0, 165)) + int(costOf((v-7)&1 != 0, 145))
		default:
			c := categoryOf(v)
			probs := categoryProbs[c]
			for i, p := range probs {
				n += int(costOf((v-3-8<<c)>>(len(probs)-1-i)&1 != 0, p))
			}
		}
		t[v] = uint16(n)
	}
	return t
}()

// categoryOf returns the index in categoryProbs of a level from 11 on.
func categoryOf(v int) int {
	switch {
	case v < 19:
		return 0
	case v < 35:
		return 1
	case v < lastLevel:
		return 2
	}
	return 3
}

// tokenCosts holds what tokens cost with a set of probabilities.
type tokenCosts struct {
	// level holds the cost of the tree's bools down to a level. With a context of 0 it leaves out the
	// first one, which says that the block goes on: behind a zero it is not coded. more holds its
	// cost for blocks that begin with such a context.
	level [planeTypes][bands][contexts][lastLevel + 1]uint16
	// end is the cost of the end of a block, and more that of its going on.
	end, more [planeTypes][bands][contexts]uint16
}

// coeffProbs are the probabilities of tokens by band.
type coeffProbs = [planeTypes][bands][contexts][tokenProbs]uint8

// set computes the costs that go with probs.
func (c *tokenCosts) set(probs *coeffProbs) {
	for t := range probs {
		for b := range probs[t] {
			for k := range probs[t][b] {
				p := &probs[t][b][k]
				c.end[t][b][k], c.more[t][b][k] = costOf(false, p[0]), costOf(true, p[0])
				base := uint16(0)
				if k > 0 {
					base = c.more[t][b][k]
				}
				setLevelCosts(&c.level[t][b][k], p, base)
			}
		}
	}
}

// setLevelCosts walks the tree of tokens (section 13.2).
func setLevelCosts(out *[lastLevel + 1]uint16, p *[tokenProbs]uint8, base uint16) {
	out[0] = base + costOf(false, p[1])
	base += costOf(true, p[1])
	out[1] = base + costOf(false, p[2])
	base += costOf(true, p[2])
	small := base + costOf(false, p[3])
	out[2] = small + costOf(false, p[4])
	small += costOf(true, p[4])
	out[3], out[4] = small+costOf(false, p[5]), small+costOf(true, p[5])
	base += costOf(true, p[3])
	small = base + costOf(false, p[6])
	fill(out[5:7], small+costOf(false, p[7]))
	fill(out[7:11], small+costOf(true, p[7]))
	base += costOf(true, p[6])
	small = base + costOf(false, p[8])
	fill(out[11:19], small+costOf(false, p[9]))
	fill(out[19:35], small+costOf(true, p[9]))
	base += costOf(true, p[8])
	fill(out[35:lastLevel], base+costOf(false, p[10]))
	out[lastLevel] = base + costOf(true, p[10])
}

// block returns the cost of a block of plane type t from position first on.
func (c *tokenCosts) block(b *levels, t, first int, ctx uint8) int {
	if int(b.n) <= first {
		return int(c.end[t][bandOf[first]][ctx])
	}
	n := 0
	if ctx == 0 {
		n = int(c.more[t][bandOf[first]][0])
	}
	for i := first; i < int(b.n); i++ {
		v := int(b.v[i])
		v = max(v, -v)
		n += int(c.level[t][bandOf[i]][ctx][min(v, lastLevel)]) + int(extraCosts[v])
		ctx = uint8(min(v, 2))
	}
	if b.n < 16 {
		n += int(c.end[t][bandOf[b.n]][ctx])
	}
	return n
}

// tokenCounts counts the bools of tokens by their value.
type tokenCounts [planeTypes][bands][contexts][tokenProbs][2]uint32

// add counts the tokens of a block.
func (n *tokenCounts) add(b *levels, t, first int, ctx uint8) {
	k := &n[t][bandOf[first]][ctx]
	if int(b.n) <= first {
		k[0][0]++
		return
	}
	k[0][1]++
	for i := first; i < int(b.n); {
		v := int(b.v[i])
		v = max(v, -v)
		i++
		if v == 0 {
			k[1][0]++
			k = &n[t][bandOf[i]][0]
			continue
		}
		k[1][1]++
		countLevel(k, v)
		k = &n[t][bandOf[i]][min(v, 2)]
		if i == int(b.n) {
			if i < 16 {
				k[0][0]++
			}
			return
		}
		k[0][1]++
	}
}

// countLevel counts the bools behind the one that a level is not zero.
func countLevel(k *[tokenProbs][2]uint32, v int) {
	if v == 1 {
		k[2][0]++
		return
	}
	k[2][1]++
	switch {
	case v == 2:
		k[3][0]++
		k[4][0]++
	case v < 5:
		k[3][0]++
		k[4][1]++
		k[5][v-3]++
	case v < 11:
		k[3][1]++
		k[6][0]++
		k[7][nonZero(v > 6)]++
	default:
		c := categoryOf(v)
		k[3][1]++
		k[6][1]++
		k[8][c>>1]++
		k[9+c>>1][c&1]++
	}
}

// addAll adds the counts of o.
func (n *tokenCounts) addAll(o *tokenCounts) {
	for t := range n {
		for b := range n[t] {
			for k := range n[t][b] {
				for i := range n[t][b][k] {
					n[t][b][k][i][0] += o[t][b][k][i][0]
					n[t][b][k][i][1] += o[t][b][k][i][1]
				}
			}
		}
	}
}

// probOf is the probability, in 256ths, of a bool that was false and true so many times.
func probOf(n [2]uint32) uint8 {
	sum := uint64(n[0]) + uint64(n[1])
	if sum == 0 {
		return 255
	}
	return uint8(max(1, min(255, (256*uint64(n[0])+sum/2)/sum)))
}

// best returns the probabilities with which a frame of these tokens is shortest, their updates
// included (section 13.4).
func (n *tokenCounts) best() (probs coeffProbs) {
	for t := range n {
		for b := range n[t] {
			for k := range n[t][b] {
				for i, count := range n[t][b][k] {
					old, update := defaultCoeffProbs[t][b][k][i], coeffUpdateProbs[t][b][k][i]
					p := probOf(count)
					gain := costIn(count, old) - costIn(count, p)
					price := int64(costOf(true, update)) - int64(costOf(false, update)) + 8*256
					if gain > price {
						old = p
					}
					probs[t][b][k][i] = old
				}
			}
		}
	}
	return probs
}

// costIn is the cost of bools with a probability.
func costIn(n [2]uint32, prob uint8) int64 {
	return int64(n[0])*int64(costOf(false, prob)) + int64(n[1])*int64(costOf(true, prob))
}
