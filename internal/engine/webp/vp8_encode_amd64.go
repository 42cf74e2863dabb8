//go:build !purego

package webp

import "math/bits"

//go:generate go -C _asm run ./encode -out ../vp8_encode_amd64.s -pkg webp

// hadamardVector does what hadamard does for pairs of predictions that follow one another.
//
//go:noescape
func hadamardVector(src, preds *byte, pairs int, sums *int32)

// forwardVector does what forwardDCT does for two blocks.
//
//go:noescape
func forwardVector(srcA, predA, srcB, predB *byte, outA, outB *int16)

// quantiseVector quantises a block by rounding. Of used, the bit of each level that is not zero is
// set, the first coefficient's lowest.
//
//go:noescape
func quantiseVector(c *int16, inverse *uint32, step *int16, out *int16) (distortion int32, used uint32)

func hadamardsVector(src *[16]uint8, preds [][16]uint8, sums []int32) {
	pairs := len(preds) / 2
	if pairs == 0 {
		return
	}
	sums = sums[:2*pairs]
	hadamardVector(&src[0], &preds[0][0], pairs, &sums[0])
}

func forwardPairVector(srcA, predA, srcB, predB *[16]uint8, outA, outB *[16]int16) {
	forwardVector(&srcA[0], &predA[0], &srcB[0], &predB[0], &outA[0], &outB[0])
}

func (t *quantTable) quickVector(c *[16]int16, out *levels) (distortion int64) {
	d, used := quantiseVector(&c[0], &t.inverses[0], &t.steps[0], &out.v[0])
	out.n = uint8(bits.Len32(used))
	return int64(d) << t.shift
}
