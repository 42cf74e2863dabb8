package vp8l

import "context"

// RoundedBits is how many of the lowest bits of a component a level of near_lossless lets be rounded
// away. It is libwebp's.
func RoundedBits(level int64) uint { return uint(5 - level/20) }

// residueRounder rounds the residues of the predictor transform to multiples of powers of two, where
// neighbours differ more than that. This is libwebp's way of being nearly without loss.
type residueRounder struct {
	most  int32 // the largest power
	green bool  // that of pixels is subtracted from their red and blue
}

// round rounds the residues of a picture, and changes its pixels to what they then decode to. modes are
// those of blocks of 1<<bits pixels a side. Pixels at the edges stay as they are.
func (r residueRounder) round(ctx context.Context, pix, residue, modes []uint32, w, h int, bits uint) error {
	above, row := make([]uint32, w), make([]uint32, w) // as they were
	copy(row, pix)
	for y := 1; y < h; y++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		above, row = row, above
		copy(row, pix[y*w:])
		for x := 1; x < w; x++ {
			at := y*w + x
			mode := uint8(modes[(y>>bits)*subSize(w, bits)+x>>bits] >> 8)
			residueRun(mode, residue[at:at+1], pix[at-1:at+1], pix[at-w-1:][:3])
			if x == w-1 || y == h-1 {
				continue
			}
			differ := max(r.difference(row[x], row[x-1]), r.difference(row[x], row[x+1]),
				r.difference(row[x], above[x]), r.difference(row[x], pix[at+w]))
			step := r.most
			for step > 1 && step >= differ {
				step >>= 1
			}
			if differ > 2 && step > 1 {
				prediction := subtractPixels(row[x], residue[at])
				residue[at] = r.pixel(row[x], prediction, step)
				pix[at] = addPixels(prediction, residue[at])
			}
		}
	}
	return nil
}

// shown is a pixel as it was before green was subtracted.
func (r residueRounder) shown(argb uint32) uint32 {
	if r.green {
		green := argb >> 8 & 0xff
		return argb&0xff00ff00 | (argb&0x00ff00ff+green<<16+green)&0x00ff00ff
	}
	return argb
}

// difference is the largest one between components.
func (r residueRounder) difference(a, b uint32) (most int32) {
	a, b = r.shown(a), r.shown(b)
	for shift := 0; shift < 32; shift += 8 {
		most = max(most, abs(int32(a>>shift&0xff)-int32(b>>shift&0xff)))
	}
	return most
}

// pixel returns the residue of a pixel, rounded to multiples of step. What is transparent or opaque
// stays that.
func (r residueRounder) pixel(argb, prediction uint32, step int32) uint32 {
	shown := r.shown(argb)
	green := roundResidue(shown>>8, argb>>8-prediction>>8, step)
	subtracted := uint32(0)
	if r.green {
		subtracted = prediction>>8 + green
	}
	red := roundResidue(shown>>16, shown>>16-subtracted-prediction>>16, step)
	blue := roundResidue(shown, shown-subtracted-prediction, step)
	alpha := (argb>>24 - prediction>>24) & 0xff
	if a := argb >> 24; a != 0 && a != 255 {
		alpha = roundResidue(a, alpha, step)
	}
	return alpha<<24 | red<<16 | green<<8 | blue
}

// roundResidue rounds the residue of a component to a multiple of step, unless the component would then
// leave its range. Of both arguments the lowest eight bits count.
func roundResidue(value, residue uint32, step int32) uint32 {
	exact := int32(int8(residue))
	rounded := (abs(exact) + step>>1 - 1) &^ (step - 1)
	if exact < 0 {
		rounded = -rounded
	}
	if v := int32(value&0xff) + rounded - exact; v < 0 || v > 255 {
		return residue & 0xff
	}
	return uint32(rounded) & 0xff
}
