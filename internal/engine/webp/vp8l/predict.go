package vp8l

import "context"

// predictor is the predictor transform (section 4.1).
type predictor struct {
	width, blocks int
	bits          uint
	modes         []uint8 // of each block
	// rows are the last two rows of the picture. The pixel behind a row's end is the first of the
	// row below: what is to the top right of the last pixel.
	rows [2][]uint32
	run  func(mode uint8, row, out, upper []uint32)
}

func (d *Reader) readPredictor(ctx context.Context, width, height int) (transform, error) {
	p := &predictor{width: width, bits: 2 + uint(d.bits(3)), run: predictRun}
	if useVector() {
		p.run = predictVector
	}
	p.blocks = subSize(width, p.bits)
	rows := subSize(height, p.bits)
	p.modes = make([]uint8, p.blocks*rows)
	for i := range p.rows {
		p.rows[i] = make([]uint32, width+1)
	}
	return p, d.readSubImage(ctx, p.blocks, rows, func(y int, row []uint32) {
		to := p.modes[y*p.blocks:][:len(row)]
		for x, argb := range row {
			to[x] = uint8(argb >> 8 & 15)
		}
	})
}

func (p *predictor) codedWidth() int { return p.width }

// Black is what the top left pixel is predicted as.
const Black = 0xff000000

func (p *predictor) invert(y int, row, _ []uint32) []uint32 {
	upper, out := p.rows[(y+1)&1], p.rows[y&1]
	if y == 0 {
		last := uint32(Black)
		for x, argb := range row {
			last = addPixels(last, argb)
			out[x] = last
		}
		return out[:p.width]
	}
	out[0] = addPixels(upper[0], row[0])
	upper[p.width] = out[0]
	modes := p.modes[(y>>p.bits)*p.blocks:][:p.blocks]
	for i := 0; i < len(modes); {
		mode, first := modes[i], i
		for i < len(modes) && modes[i] == mode {
			i++
		}
		x0, x1 := max(1, first<<p.bits), min(i<<p.bits, p.width)
		if x0 < x1 {
			p.run(mode, row[x0:x1], out[x0-1:x1], upper[x0-1:x1+1])
		}
	}
	return out[:p.width]
}

// predictRun adds the predictions of a mode to a run of pixels. out begins with the pixel to the
// left of the run, which is known; upper begins one pixel to the left of the run in the row above,
// and ends one to the right of it.
func predictRun(mode uint8, row, out, upper []uint32) {
	left := out[0]
	out = out[1:]
	out, upper = out[:len(row)], upper[:len(row)+2]
	switch mode {
	case 1:
		for x, argb := range row {
			left = addPixels(left, argb)
			out[x] = left
		}
	case 2:
		for x, argb := range row {
			out[x] = addPixels(upper[x+1], argb)
		}
	case 3:
		for x, argb := range row {
			out[x] = addPixels(upper[x+2], argb)
		}
	case 4:
		for x, argb := range row {
			out[x] = addPixels(upper[x], argb)
		}
	case 5:
		for x, argb := range row {
			left = addPixels(average(average(left, upper[x+2]), upper[x+1]), argb)
			out[x] = left
		}
	case 6:
		for x, argb := range row {
			left = addPixels(average(left, upper[x]), argb)
			out[x] = left
		}
	case 7:
		for x, argb := range row {
			left = addPixels(average(left, upper[x+1]), argb)
			out[x] = left
		}
	case 8:
		for x, argb := range row {
			out[x] = addPixels(average(upper[x], upper[x+1]), argb)
		}
	case 9:
		for x, argb := range row {
			out[x] = addPixels(average(upper[x+1], upper[x+2]), argb)
		}
	case 10:
		for x, argb := range row {
			left = addPixels(average(average(left, upper[x]), average(upper[x+1], upper[x+2])), argb)
			out[x] = left
		}
	case 11:
		for x, argb := range row {
			left = addPixels(selectPixel(left, upper[x+1], upper[x]), argb)
			out[x] = left
		}
	case 12:
		for x, argb := range row {
			left = addPixels(clampAddSubtractFull(left, upper[x+1], upper[x]), argb)
			out[x] = left
		}
	case 13:
		for x, argb := range row {
			left = addPixels(clampAddSubtractHalf(average(left, upper[x+1]), upper[x]), argb)
			out[x] = left
		}
	default:
		for x, argb := range row {
			out[x] = addPixels(Black, argb)
		}
	}
}

// average is the mean of each component, rounded down.
func average(a, b uint32) uint32 { return (a^b)&0xfefefefe>>1 + a&b }

// selectPixel is the one of left and top that is closer to left + top - topLeft, summed over the
// components.
func selectPixel(left, top, topLeft uint32) uint32 {
	d := distanceOf(left>>24, top>>24, topLeft>>24) + distanceOf(left>>16, top>>16, topLeft>>16) +
		distanceOf(left>>8, top>>8, topLeft>>8) + distanceOf(left, top, topLeft)
	if d < 0 {
		return left
	}
	return top
}

// distanceOf is how much closer the estimate of one component is to left than to top, negated.
func distanceOf(left, top, topLeft uint32) int32 {
	c := int32(topLeft & 0xff)
	return abs(int32(top&0xff)-c) - abs(int32(left&0xff)-c)
}

func abs(v int32) int32 {
	sign := v >> 31
	return v ^ sign - sign
}

// clampAddSubtractFull is a + b - c of each component.
func clampAddSubtractFull(a, b, c uint32) uint32 {
	return clamp8(int32(a>>24)+int32(b>>24)-int32(c>>24))<<24 |
		clamp8(int32(a>>16&0xff)+int32(b>>16&0xff)-int32(c>>16&0xff))<<16 |
		clamp8(int32(a>>8&0xff)+int32(b>>8&0xff)-int32(c>>8&0xff))<<8 |
		clamp8(int32(a&0xff)+int32(b&0xff)-int32(c&0xff))
}

// clampAddSubtractHalf is a + (a-b)/2 of each component, the quotient rounded towards zero.
func clampAddSubtractHalf(a, b uint32) uint32 {
	half := func(a, b int32) uint32 { return clamp8(a + (a-b)/2) }
	return half(int32(a>>24), int32(b>>24))<<24 | half(int32(a>>16&0xff), int32(b>>16&0xff))<<16 |
		half(int32(a>>8&0xff), int32(b>>8&0xff))<<8 | half(int32(a&0xff), int32(b&0xff))
}

func clamp8(v int32) uint32 {
	if uint32(v) > 255 {
		return uint32(^v>>31) & 255
	}
	return uint32(v)
}
