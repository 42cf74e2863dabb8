package vp8

import "slices"

// Probabilities of the modes of macroblocks (RFC 6386 section 11.2).
const (
	probWhole      = 145 // of luma with subblock modes
	probHorizontal = 156 // of a luma mode that is neither DC nor vertical
	probVertical   = 163
	probTrueMotion = 128
	probChromaDC   = 142
	probChromaV    = 114
	probChromaTM   = 183
)

// What the modes cost, in 1/256 of a bit.
var (
	ymodeCosts = [4]int{
		dcPred: sumCosts(costOf(true, probWhole), costOf(false, probHorizontal), costOf(false, probVertical)),
		vPred:  sumCosts(costOf(true, probWhole), costOf(false, probHorizontal), costOf(true, probVertical)),
		hPred:  sumCosts(costOf(true, probWhole), costOf(true, probHorizontal), costOf(false, probTrueMotion)),
		tmPred: sumCosts(costOf(true, probWhole), costOf(true, probHorizontal), costOf(true, probTrueMotion)),
	}
	uvmodeCosts = [4]int{
		dcPred: sumCosts(costOf(false, probChromaDC)),
		vPred:  sumCosts(costOf(true, probChromaDC), costOf(false, probChromaV)),
		hPred:  sumCosts(costOf(true, probChromaDC), costOf(true, probChromaV), costOf(false, probChromaTM)),
		tmPred: sumCosts(costOf(true, probChromaDC), costOf(true, probChromaV), costOf(true, probChromaTM)),
	}
	// bmodeCosts are those of subblock modes by the mode above, that to the left, and the own.
	bmodeCosts = func() (t [numBmodes][numBmodes][numBmodes]uint16) {
		for above := range t {
			for left := range t[above] {
				for mode, path := range bmodePaths {
					for _, s := range path {
						t[above][left][mode] += costOf(s.one, keyFrameBmodeProbs[above][left][s.node>>1])
					}
				}
			}
		}
		return t
	}()
)

func sumCosts(costs ...uint16) (n int) {
	for _, c := range costs {
		n += int(c)
	}
	return n
}

// leastModes is the cost of the cheapest modes of a macroblock. No modes without subblocks take
// mostWholeModes.
var leastModes = ymodeCosts[dcPred] + uvmodeCosts[dcPred]

const mostWholeModes = 10 * 256

// leastBmode is the cost of the cheapest subblock mode beside any others.
var leastBmode = func() int {
	least := bmodeCosts[0][0][0]
	for _, above := range bmodeCosts {
		for _, left := range above {
			least = min(least, slices.Min(left[:]))
		}
	}
	return int(least)
}()

// bmodePaths are the ways through bmodeTree to each mode: the index of each node, and the way taken.
var bmodePaths = func() (paths [numBmodes][]bmodeStep) {
	var walk func(i int8, path []bmodeStep)
	walk = func(i int8, path []bmodeStep) {
		for bit := range int8(2) {
			next := bmodeTree[i+bit]
			way := append(append([]bmodeStep(nil), path...), bmodeStep{i, bit == 1})
			if next <= 0 {
				paths[-next] = way
			} else {
				walk(next, way)
			}
		}
	}
	walk(0, nil)
	return paths
}()

// bmodeStep is a bool of a mode: the index of its node in bmodeTree, and its value.
type bmodeStep struct {
	node int8
	one  bool
}
