//go:build !amd64 || purego

package vp8

// In this build there are no vector kernels.

func hadamardsVector(src [][16]uint8, preds [][4][16]uint8, sums *[4]int32) {
	*sums = hadamards(src, preds, false)
}

func forwardPairVector(srcA, predA, srcB, predB *[16]uint8, outA, outB *[16]int16) {
	forwardPair(srcA, predA, srcB, predB, outA, outB, false)
}

func (t *quantTable) magnitudesVector(c, out *[16]int16) (squares int32, last int) {
	return t.magnitudes(c, out, false)
}

func (t *quantTable) quickVector(c *[16]int16, out *levels) (distortion int64) {
	return t.quick(c, out, false)
}

func subblockGuessesVector(ws *workspace, at int, src *[16]uint8, preds *[numBmodes][16]uint8, sums *[numBmodes]int32) {
	*sums = subblockGuesses(ws, at, src, preds, false)
}

func (q *segmentTables) guessSubblockVector(ws *workspace, at int, src *[16]uint8, modeCosts *[numBmodes]uint16,
	out *levels, coefs *[16]int16,
) (mode uint8, least int32) {
	return q.guessSubblock(ws, at, src, modeCosts, out, coefs, false)
}

func studioBlocksVector(pix []byte, stride, per int, out [][16]uint8) {
	studioBlocks(pix, stride, per, out, false)
}

func quarterSumsVector(pix []byte, stride int, sums, squares *[4]uint32) {
	*sums, *squares = quarterSums(pix, stride, false)
}

func predictPlaneVector(ws *workspace, at, per int, mean uint8, out [][4][16]uint8) {
	predictPlane(ws, at, per, mean, out, false)
}
