package vp8l

import "math/bits"

// blockResidues are the residues of a block of pixels with each mode of prediction.
type blockResidues struct {
	out    []uint32 // those with each mode one after another, with room for area pixels
	area   int
	sums   [predictors][4]uint64 // what they cost by their magnitudes, in four parts
	vector bool
}

// of returns the residues of a mode.
func (b *blockResidues) of(mode uint8, n int) []uint32 { return b.out[int(mode)*b.area:][:n] }

// smallest is the mode whose residues have the smallest magnitudes.
func (b *blockResidues) smallest() (mode uint8) {
	least := ^uint64(0)
	for m := range uint8(predictors) {
		if n := b.sum(m); n < least {
			least, mode = n, m
		}
	}
	return mode
}

// sum is what the residues of a mode cost by their magnitudes.
func (b *blockResidues) sum(mode uint8) uint64 {
	s := &b.sums[mode]
	return s[0] + s[1] + s[2] + s[3]
}

// row adds the residues of a run of pixels, of which those with mode 0 are stored from out[at] on. pix
// and upper are those of residueRun.
func (b *blockResidues) row(at int, pix, upper []uint32) {
	x := 0
	if b.vector {
		x = b.rowWhole(at, pix, upper)
	}
	pix, upper = pix[x:], upper[x:]
	for m := range uint8(predictors) {
		run := b.of(m, b.area)[at+x:][:len(pix)-1]
		residueRun(m, run, pix, upper)
		for _, argb := range run {
			b.sums[m][0] += uint64(differenceCosts[argb>>24]) + uint64(differenceCosts[argb>>16&255]) +
				uint64(differenceCosts[argb>>8&255]) + uint64(differenceCosts[argb&255])
		}
	}
}

// residueCosts are what differences cost: those of a magnitude below 16, and those of each 16
// magnitudes from there on.
var residueCosts = func() (t [2][16]uint8) {
	for m := range 16 {
		t[0][m], t[1][m] = magnitudeCost(m), magnitudeCost(min(16*m+8, 128))
	}
	t[1][0] = 0
	return t
}()

// magnitudeCost is 16 for each bit of a magnitude, and more by what follows its first bit.
func magnitudeCost(m int) uint8 {
	if m == 0 {
		return 0
	}
	n := bits.Len(uint(m))
	return uint8(16*n + 16*(m-1<<(n-1))>>(n-1))
}

// differenceCosts are about how many 16ths of a bit differences modulo 256 take, by their magnitudes.
var differenceCosts = func() (t [256]uint8) {
	for v := range t {
		m := min(v, 256-v)
		t[v] = max(residueCosts[0][min(m, 15)], residueCosts[1][m>>4])
	}
	return t
}()

// residueRun subtracts the predictions of a mode from a run of pixels, the opposite of predictRun.
// pix begins with the pixel to the left of the run; upper begins one pixel to the left of the run in
// the row above, and ends one to the right of it.
func residueRun(mode uint8, out, pix, upper []uint32) {
	pix, upper = pix[:len(out)+1], upper[:len(out)+2]
	for x := range out {
		left, top, topLeft, topRight := pix[x], upper[x+1], upper[x], upper[x+2]
		var p uint32
		switch mode {
		case 0:
			p = Black
		case 1:
			p = left
		case 2:
			p = top
		case 3:
			p = topRight
		case 4:
			p = topLeft
		case 5:
			p = average(average(left, topRight), top)
		case 6:
			p = average(left, topLeft)
		case 7:
			p = average(left, top)
		case 8:
			p = average(topLeft, top)
		case 9:
			p = average(top, topRight)
		case 10:
			p = average(average(left, topLeft), average(top, topRight))
		case 11:
			p = selectPixel(left, top, topLeft)
		case 12:
			p = clampAddSubtractFull(left, top, topLeft)
		default:
			p = clampAddSubtractHalf(average(left, top), topLeft)
		}
		out[x] = subtractPixels(pix[x+1], p)
	}
}
