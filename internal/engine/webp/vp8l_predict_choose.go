package webp

import (
	"context"
	"math"
	"math/bits"
)

// predictorBits is the logarithm of the side of the blocks that have a predictor each.
const predictorBits = 4

// predictors is how many modes of prediction there are (section 4.1).
const predictors = 14

// predictPicture chooses the predictor of each block, by what its residue would cost if small
// differences were as frequent as they are in photographs. It returns the modes as an image and the
// residue.
func predictPicture(ctx context.Context, pix []uint32, w, h int) (modes, residue []uint32, err error) {
	blocks := subSize(w, predictorBits)
	modes = make([]uint32, blocks*subSize(h, predictorBits))
	residue = make([]uint32, len(pix))
	for y := range h { // what has no choice
		if y > 0 {
			residue[y*w] = subtractPixels(pix[y*w], pix[(y-1)*w])
		}
	}
	residue[0] = subtractPixels(pix[0], black)
	for x := 1; x < w; x++ {
		residue[x] = subtractPixels(pix[x], pix[x-1])
	}
	var tried, best [1 << (2 * predictorBits)]uint32
	for by := 0; by < h; by += 1 << predictorBits {
		for bx := 0; bx < w; bx += 1 << predictorBits {
			if err := ctx.Err(); err != nil {
				return nil, nil, err
			}
			x0, y0 := max(bx, 1), max(by, 1)
			x1, y1 := min(bx+1<<predictorBits, w), min(by+1<<predictorBits, h)
			if x0 >= x1 || y0 >= y1 {
				continue
			}
			least, mode := uint32(math.MaxUint32), uint8(0)
			for m := range uint8(predictors) {
				cost := uint32(0)
				for y := y0; y < y1; y++ {
					row := tried[(y-y0)<<predictorBits:][:x1-x0]
					residueRun(m, row, pix[y*w+x0-1:y*w+x1], pix[(y-1)*w+x0-1:][:x1-x0+2])
					cost += costOfResidue(row)
				}
				if cost < least {
					least, mode = cost, m
					best = tried
				}
			}
			modes[by>>predictorBits*blocks+bx>>predictorBits] = black | uint32(mode)<<8
			for y := y0; y < y1; y++ {
				copy(residue[y*w+x0:y*w+x1], best[(y-y0)<<predictorBits:])
			}
		}
	}
	return modes, residue, nil
}

// residueCosts are about how many 16ths of a bit a difference takes, by its magnitude.
var residueCosts = func() (t [256]uint8) {
	for v := range t {
		m := min(v, 256-v)
		t[v] = uint8(16 * bits.Len(uint(m)))
		if m > 0 {
			t[v] += uint8(16 * (m - 1<<(bits.Len(uint(m))-1)) >> (bits.Len(uint(m)) - 1))
		}
	}
	return t
}()

func costOfResidue(row []uint32) (n uint32) {
	for _, argb := range row {
		n += uint32(residueCosts[argb>>24]) + uint32(residueCosts[argb>>16&255]) +
			uint32(residueCosts[argb>>8&255]) + uint32(residueCosts[argb&255])
	}
	return n
}

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
			p = black
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
