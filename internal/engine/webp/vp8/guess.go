package vp8

import "encoding/binary"

// What modes leave, before any is coded: their predictions block by block, and the sums of the Hadamard
// coefficients of the differences.

// predictPlane predicts a plane of a macroblock, per blocks wide and high from ws[at] on, by the four
// modes. mean is the value of DC prediction.
func predictPlane(ws *workspace, at, per int, mean uint8, out [][4][16]uint8, vector bool) {
	if vector {
		predictPlaneVector(ws, at, per, mean, out)
		return
	}
	top, corner := ws[at-wsStride:][:4*per], int32(ws[at-wsStride-1])
	for i := range out[:per*per] {
		pred, above := &out[i], top[i%per*4:][:4]
		fill(pred[dcPred][:], mean)
		for y := range 4 {
			left := ws[at-1+(i/per*4+y)*wsStride]
			copy(pred[vPred][4*y:], above)
			binary.LittleEndian.PutUint32(pred[hPred][4*y:], uint32(left)*0x01010101)
			for x, v := range above {
				pred[tmPred][4*y+x] = uint8(clamp(int32(left) + int32(v) - corner))
			}
		}
	}
}

// subblockGuesses predicts a subblock by all modes, and sums the Hadamard coefficients of what each
// leaves.
func subblockGuesses(ws *workspace, at int, src *[16]uint8, preds *[numBmodes][16]uint8, vector bool) (sums [numBmodes]int32) {
	if vector {
		subblockGuessesVector(ws, at, src, preds, &sums)
		return sums
	}
	for mode := range uint8(numBmodes) {
		predictSubblock(ws, at, mode)
		gather(ws, at, &preds[mode])
		sums[mode] = hadamard(src, &preds[mode])
	}
	return sums
}

// gather copies 4×4 pixels of the workspace.
func gather(ws *workspace, at int, out *[16]uint8) {
	for y := range 4 {
		*(*[4]byte)(out[4*y:]) = [4]byte(ws[at+y*wsStride:])
	}
}

// scatter copies 4×4 pixels to the workspace.
func scatter(ws *workspace, at int, pix *[16]uint8) {
	for y := range 4 {
		*(*[4]byte)(ws[at+y*wsStride:]) = [4]byte(pix[4*y:])
	}
}
