//go:build !purego

package vp8

import "math/bits"

//go:generate go -C ../_asm run ./encode -out ../vp8/encode_amd64.s -pkg vp8

// hadamardVector does what hadamards does.
//
//go:noescape
func hadamardVector(src, preds *byte, blocks int, sums *int32)

// forwardVector does what forwardDCT does for two blocks.
//
//go:noescape
func forwardVector(srcA, predA, srcB, predB *byte, outA, outB *int16)

// quantiseVector quantises a block by rounding. Of used, the bit of each level that is not zero is
// set, the first coefficient's lowest.
//
//go:noescape
func quantiseVector(c *int16, inverse *uint32, step *int16, out *int16) (distortion int32, used uint32)

// subblocksVector predicts a subblock of the workspace by all modes, as predictSubblock does, and sums
// what hadamard does.
//
//go:noescape
func subblocksVector(at, src, preds *byte, sums *int32)

// guessSubblockVector does what guessSubblock does, given the tables of a plane. Of used, the bit of each
// level that is not zero is set, the first coefficient's lowest.
//
//go:noescape
func guessSubblockVector(at, src *byte, costs *uint16, guess int32, inverse *uint32, step, levels, coefs *int16) (mode, least, used uint32)

// predictBlocksVector predicts a plane of a macroblock, per blocks wide and high, by all modes.
//
//go:noescape
func predictBlocksVector(at *byte, per int, mean uint32, out *byte)

// loadLumaVector and loadChromaVector read 16×16 and 8×8 samples, block by block, in studio range.
//
//go:noescape
func loadLumaVector(pix *byte, stride int, out *byte)

//go:noescape
func loadChromaVector(pix *byte, stride int, out *byte)

// activityVector sums the samples of the four quarters of 16×16, and their squares.
//
//go:noescape
func activityVector(pix *byte, stride int, sums, squares *uint32)

func subblockGuessesVector(ws *workspace, at int, src *[16]uint8, preds *[numBmodes][16]uint8, sums *[numBmodes]int32) {
	p := ws[at-wsStride-1 : at+3*wsStride]
	subblocksVector(&p[wsStride+1], &src[0], &preds[0][0], &sums[0])
}

func (q *segmentTables) guessSubblockVector(ws *workspace, at int, src *[16]uint8, modeCosts *[numBmodes]uint16,
	out *levels, coefs *[16]int16,
) (mode uint8, least int32) {
	p := ws[at-wsStride-1 : at+3*wsStride+4]
	t := q.y1
	m, sum, used := guessSubblockVector(&p[wsStride+1], &src[0], &modeCosts[0], q.guess,
		&t.inverses[0], &t.steps[0], &out.v[0], &coefs[0])
	out.n = uint8(bits.Len32(used))
	return uint8(m), int32(sum)
}

func predictPlaneVector(ws *workspace, at, per int, mean uint8, out [][4][16]uint8) {
	p := ws[at-wsStride-1 : at+(4*per-1)*wsStride]
	out = out[:per*per]
	predictBlocksVector(&p[wsStride+1], per, uint32(mean), &out[0][0][0])
}

func studioBlocksVector(pix []byte, stride, per int, out [][16]uint8) {
	pix, out = pix[:(4*per-1)*stride+4*per], out[:per*per]
	if per == 4 {
		loadLumaVector(&pix[0], stride, &out[0][0])
	} else {
		loadChromaVector(&pix[0], stride, &out[0][0])
	}
}

func quarterSumsVector(pix []byte, stride int, sums, squares *[4]uint32) {
	pix = pix[:15*stride+16]
	activityVector(&pix[0], stride, &sums[0], &squares[0])
}

// magnitudesVector brings magnitudes to zigzag order and sums their squares. Of large, the bits of those
// above their floors are set, the first coefficient's lowest.
//
//go:noescape
func magnitudesVector(c, floors, out *int16) (squares int32, large uint32)

func hadamardsVector(src [][16]uint8, preds [][4][16]uint8, sums *[4]int32) {
	preds = preds[:len(src)]
	hadamardVector(&src[0][0], &preds[0][0][0], len(src), &sums[0])
}

func forwardPairVector(srcA, predA, srcB, predB *[16]uint8, outA, outB *[16]int16) {
	forwardVector(&srcA[0], &predA[0], &srcB[0], &predB[0], &outA[0], &outB[0])
}

func (t *quantTable) magnitudesVector(c, out *[16]int16) (squares int32, last int) {
	squares, large := magnitudesVector(&c[0], &t.floors[0], &out[0])
	return squares, bits.Len32(large) - 1
}

func (t *quantTable) quickVector(c *[16]int16, out *levels) (distortion int64) {
	d, used := quantiseVector(&c[0], &t.inverses[0], &t.steps[0], &out.v[0])
	out.n = uint8(bits.Len32(used))
	return int64(d) << t.shift
}
