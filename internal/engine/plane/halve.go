package plane

import (
	"context"

	"github.com/imgmill/imgmill/internal/engine/colour"
)

// halving halves chroma in both directions, so that a picture looks like itself in readers that interpolate chroma
// linearly, as most do.
//
// Linear interpolation softens chroma. So each sample is the mean of four, made sharper by a quarter of its difference from the
// mean of the samples beside it.
//
// Beside edges between colours, interpolated chroma is not that of the picture. Because luma is not luminance, these
// pixels then are lighter or darker, which is seen more than a wrong colour. So their luma is corrected: with interpolated
// chroma they have the luminance of the picture, to first order. (libwebp's sharp YUV has the same aim, and takes
// iterations over chroma and luma.)
type halving struct {
	from, to *Picture        // which share their memory
	full     [3][2][2][]byte // full chroma, by the number of the row of halved chroma modulo 3, plane, and row
	mean     [3][2][]byte    // halved chroma, before it is made sharper, with its first and last sample once more
	sum      [2][]uint16     // by plane: what sumRow computes
}

func halve(ctx context.Context, from, to *Picture) error {
	h := &halving{from: from, to: to}
	width := to.Planes[1].Width
	for i := range h.full {
		for c := range h.full[i] {
			h.full[i][c] = [2][]byte{make([]byte, from.Width()), make([]byte, from.Width())}
			h.mean[i][c] = make([]byte, width+2)
		}
	}
	for c := range h.sum {
		h.sum[c] = make([]uint16, width+2)
	}
	// Halved rows overwrite full ones, so that each step is one row behind the step before it.
	rows := to.Planes[1].Height
	for y := range rows + 2 {
		if y%16 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if y < rows {
			h.average(y)
		}
		if y-1 >= 0 && y-1 < rows {
			h.sharpen(y - 1)
		}
		if y-2 >= 0 {
			h.correct(y - 2)
		}
	}
	return nil
}

// average computes the means of row y of halved chroma, and keeps the full chroma.
func (h *halving) average(y int) {
	p := h.from
	for c, row := range h.mean[y%3] {
		for i, full := range h.full[y%3][c] {
			copy(full, p.Row(1+c, min(2*y+i, p.Height()-1)))
		}
		last := len(row) - 2
		meanRow(row[1:last+1], p, 1+c, y, 2, 2, nil)
		row[0], row[last+1] = row[1], row[last]
	}
}

// sharpen stores row y of halved chroma.
func (h *halving) sharpen(y int) {
	above, below := max(y-1, 0), min(y+1, h.to.Planes[1].Height-1)
	for c := range 2 {
		sharpenRow(h.to.Row(1+c, y), h.mean[above%3][c], h.mean[y%3][c], h.mean[below%3][c])
	}
}

// sharpenRow computes a row from those of means, which have one sample more at either end.
func sharpenRow(dst, above, row, below []byte) {
	row = row[:len(dst)+2]
	above, below = above[1:len(dst)+1], below[1:len(dst)+1]
	for x := sharpenBlocks(dst, above, row, below); x < len(dst); x++ {
		beside := int32(row[x]) + int32(row[x+2]) + int32(above[x]) + int32(below[x])
		dst[x] = uint8(min(max((20*int32(row[x+1])-beside+8)>>4, 0), 255))
	}
}

// correct corrects the luma of the pixels that row y of halved chroma is for.
func (h *halving) correct(y int) {
	for i := range min(2, h.to.Height()-2*y) {
		beside := min(max(y+2*i-1, 0), h.to.Planes[1].Height-1)
		for c, sum := range h.sum {
			sumRow(sum, h.to.Row(1+c, y), h.to.Row(1+c, beside))
		}
		full := &h.full[y%3]
		correctRow(h.to.Row(0, 2*y+i), full[0][i], full[1][i], h.sum[0], h.sum[1])
	}
}

// sumRow computes three times the nearest row of halved chroma, plus the next nearest one, with the first and the last sum
// once more.
func sumRow(dst []uint16, near, far []byte) {
	n := len(near)
	far = far[:n]
	for x := sumBlocks(dst[1:], near, far); x < n; x++ {
		dst[x+1] = 3*uint16(near[x]) + uint16(far[x])
	}
	dst[0], dst[n+1] = dst[1], dst[n]
}

// correctRow corrects a row of luma, whose full chroma is blue and red.
func correctRow(luma, blue, red []byte, blues, reds []uint16) {
	blue, red = blue[:len(luma)], red[:len(luma)]
	for x := correctBlocks(luma, blue, red, blues, reds); x < len(luma); x++ {
		at, next, half := x/2+1, x/2, int32(8) // a sum, that of the samples beside, and what rounds
		if x%2 == 1 {
			next, half = x/2+2, 7
		}
		u := (3*int32(blues[at]) + int32(blues[next]) + half) >> 4
		v := (3*int32(reds[at]) + int32(reds[next]) + half) >> 4
		luma[x] = corrected(luma[x], int32(blue[x]), int32(red[x]), u, v)
	}
}

// mostCorrected is by how much luma is corrected at most. More makes a pale line between saturated colours, and saves no
// bytes at equal scores.
const mostCorrected = 8

// corrected returns the luma with which chroma u, v has the luminance of luma y with chroma blue, red.
func corrected(y uint8, blue, red, u, v int32) uint8 {
	s := &luminance[int(y)>>4<<8|int(blue+u)>>5<<4&0xF0|int(red+v)>>5&0xF]
	by := (int32(s[0])*(blue-u) + int32(s[1])*(red-v) + 1<<9) >> 10
	return uint8(min(max(int32(y)+min(max(by, -mostCorrected), mostCorrected), 0), 255))
}

// luminance is how much luma makes up for a Cb or Cr that is smaller by 1, in units of 2^-10: the ratio of the
// derivatives of luminance. It is by 16ths of the ranges of luma, and of the mean of the two Cb and of the two Cr.
var luminance = newLuminance()

func newLuminance() *[4096][2]int16 {
	t := new([4096][2]int16)
	for i := range t {
		r, g, b := colour.ToRGB(uint8(i>>8<<4|8), uint8(i>>4<<4|8), uint8(i<<4|8))
		red, green, blue := 213*growth(r), 715*growth(g), 72*growth(b) // weights of BT.709
		all := red + green + blue
		t[i] = [2]int16{
			int16((1772*blue - 344*green) << 10 / (1000 * all)),
			int16((1402*red - 714*green) << 10 / (1000 * all)),
		}
	}
	return t
}

// growth is the derivative, up to a factor, of light by the value v of a component. The light is
// 0.3053 v³ + 0.6822 v² + 0.0125 v, which differs from the transfer function of sRGB (IEC 61966-2-1) by at most 0.003.
func growth(v uint8) int64 {
	x := int64(v)
	return 9159*x*x + 13644*255*x + 125*255*255
}
