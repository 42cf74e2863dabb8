//go:build !amd64 || purego

package webp

// In this build there are no vector kernels.

func hadamardsVector(src *[16]uint8, preds [][16]uint8, sums []int32) {
	hadamards(src, preds, sums, false)
}

func forwardPairVector(srcA, predA, srcB, predB *[16]uint8, outA, outB *[16]int16) {
	forwardPair(srcA, predA, srcB, predB, outA, outB, false)
}

func (t *quantTable) quickVector(c *[16]int16, out *levels) (distortion int64) {
	return t.quick(c, out, false)
}
