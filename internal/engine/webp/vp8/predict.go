package vp8

import "encoding/binary"

// workspace holds the macroblock that is being reconstructed, with the pixels that it is predicted
// from: those above (T), to the top left (C), to the left (L), and to the top right (R), which the
// subblocks of all four rows share (RFC 6386 section 12.3).
//
//	row  0   .......C TTTTTTTTTTTTTTTT RRRR....
//	row  1   .......L YYYYYYYYYYYYYYYY ........
//	row  4   .......L YYYYYYYYYYYYYYYY RRRR....
//	row  8   .......L YYYYYYYYYYYYYYYY RRRR....
//	row 12   .......L YYYYYYYYYYYYYYYY RRRR....
//	row 16   .......L YYYYYYYYYYYYYYYY ........
//	row 17   .......C TTTTTTTT .......C TTTTTTTT
//	row 18   .......L UUUUUUUU .......L VVVVVVVV
//	row 25   .......L UUUUUUUU .......L VVVVVVVV
type workspace [26 * wsStride]byte

const (
	wsStride = 32
	lumaAt   = 1*wsStride + 8
	uAt      = 18*wsStride + 8
	vAt      = 18*wsStride + 24
)

// What lies outside the picture: the row above it and the column to its left.
const (
	aboveFrame  = 127
	leftOfFrame = 129
)

// predictBlock predicts size×size pixels at ws[at] by a macroblock mode (sections 12.2 and 12.3).
// hasLeft and hasTop are false at the edges of the picture, where DC prediction passes over what
// is missing.
func predictBlock(ws *workspace, at, size int, mode uint8, hasLeft, hasTop bool) {
	switch mode {
	case dcPred:
		fillBlock(ws, at, size, meanOf(ws, at, size, hasLeft, hasTop))
	case vPred:
		top := ws[at-wsStride:][:size]
		for y := range size {
			copy(ws[at+y*wsStride:][:size], top)
		}
	case hPred:
		for y := range size {
			fillRow(ws[at+y*wsStride:][:size], ws[at-1+y*wsStride])
		}
	case tmPred:
		trueMotion(ws, at, size)
	}
}

func fillBlock(ws *workspace, at, size int, v uint8) {
	for y := range size {
		fillRow(ws[at+y*wsStride:][:size], v)
	}
}

func fill[T any](row []T, v T) {
	for i := range row {
		row[i] = v
	}
}

// fillRow fills 4, 8 or 16 pixels.
func fillRow(row []byte, v uint8) {
	all := uint64(v) * 0x0101010101010101
	switch len(row) {
	case 16:
		binary.LittleEndian.PutUint64(row[8:], all)
		fallthrough
	case 8:
		binary.LittleEndian.PutUint64(row, all)
	case 4:
		binary.LittleEndian.PutUint32(row, uint32(all))
	}
}

// meanOf is the mean of the pixels above and to the left.
func meanOf(ws *workspace, at, size int, hasLeft, hasTop bool) uint8 {
	sum, n := 0, 0
	if hasTop {
		for _, p := range ws[at-wsStride:][:size] {
			sum += int(p)
		}
		n += size
	}
	if hasLeft {
		for y := range size {
			sum += int(ws[at-1+y*wsStride])
		}
		n += size
	}
	if n == 0 {
		return 128
	}
	return uint8((sum + n/2) / n)
}

// trueMotion predicts each pixel as left + above - top left.
func trueMotion(ws *workspace, at, size int) {
	top := ws[at-wsStride:][:size]
	corner := int32(ws[at-wsStride-1])
	for y := range size {
		row := ws[at+y*wsStride-1:][:size+1]
		base := int32(row[0]) - corner
		row = row[1:][:len(top)]
		for x, t := range top {
			row[x] = uint8(clamp(base + int32(t)))
		}
	}
}

// predictSubblock predicts 4×4 pixels at ws[at] by a subblock mode (section 12.3).
func predictSubblock(ws *workspace, at int, mode uint8) {
	switch mode {
	case bDCPred:
		above := (*[4]byte)(ws[at-wsStride:])
		sum := 4 + uint32(above[0]) + uint32(above[1]) + uint32(above[2]) + uint32(above[3])
		p := ws[at-1 : at+3*wsStride+4]
		sum += uint32(p[0]) + uint32(p[wsStride]) + uint32(p[2*wsStride]) + uint32(p[3*wsStride])
		all := sum >> 3 * 0x01010101
		for y := range 4 {
			binary.LittleEndian.PutUint32(p[1+y*wsStride:], all)
		}
	case bTMPred:
		trueMotion(ws, at, 4)
	default:
		predictDirection(ws, at, mode)
	}
}

// mean2 and mean3 are weighted means, rounded to nearest.
func mean2(a, b int) uint8    { return uint8((a + b + 1) >> 1) }
func mean3(a, b, c int) uint8 { return uint8((a + 2*b + c + 2) >> 2) }

// predictDirection is predictSubblock for the modes that have a direction. The edge is, as in the
// specification, the pixels to the left from the bottom, the corner, and those above.
func predictDirection(ws *workspace, at int, mode uint8) {
	above := (*[9]byte)(ws[at-wsStride-1:]) // with the corner
	p := int(above[0])
	a, b, c, d := int(above[1]), int(above[2]), int(above[3]), int(above[4])
	i, j := int(ws[at-1]), int(ws[at-1+wsStride])
	k, l := int(ws[at-1+2*wsStride]), int(ws[at-1+3*wsStride])
	r0, r1 := (*[4]byte)(ws[at:]), (*[4]byte)(ws[at+wsStride:])
	r2, r3 := (*[4]byte)(ws[at+2*wsStride:]), (*[4]byte)(ws[at+3*wsStride:])
	switch mode {
	case bVEPred:
		e := int(above[5])
		row := [4]byte{mean3(p, a, b), mean3(a, b, c), mean3(b, c, d), mean3(c, d, e)}
		*r0, *r1, *r2, *r3 = row, row, row, row
	case bHEPred:
		v0, v1, v2, v3 := mean3(p, i, j), mean3(i, j, k), mean3(j, k, l), mean3(k, l, l)
		*r0, *r1 = [4]byte{v0, v0, v0, v0}, [4]byte{v1, v1, v1, v1}
		*r2, *r3 = [4]byte{v2, v2, v2, v2}, [4]byte{v3, v3, v3, v3}
	case bLDPred:
		e, f, g, h := int(above[5]), int(above[6]), int(above[7]), int(above[8])
		v := [7]byte{
			mean3(a, b, c), mean3(b, c, d), mean3(c, d, e), mean3(d, e, f), mean3(e, f, g),
			mean3(f, g, h), mean3(g, h, h),
		}
		*r0, *r1, *r2, *r3 = [4]byte(v[0:4]), [4]byte(v[1:5]), [4]byte(v[2:6]), [4]byte(v[3:7])
	case bRDPred:
		v := [7]byte{
			mean3(l, k, j), mean3(k, j, i), mean3(j, i, p), mean3(i, p, a), mean3(p, a, b),
			mean3(a, b, c), mean3(b, c, d),
		}
		*r0, *r1, *r2, *r3 = [4]byte(v[3:7]), [4]byte(v[2:6]), [4]byte(v[1:5]), [4]byte(v[0:4])
	case bVRPred:
		even := [5]byte{mean3(j, i, p), mean2(p, a), mean2(a, b), mean2(b, c), mean2(c, d)}
		odd := [5]byte{mean3(k, j, i), mean3(i, p, a), mean3(p, a, b), mean3(a, b, c), mean3(b, c, d)}
		*r0, *r1 = [4]byte(even[1:5]), [4]byte(odd[1:5])
		*r2, *r3 = [4]byte(even[0:4]), [4]byte(odd[0:4])
	case bVLPred:
		e, f, g, h := int(above[5]), int(above[6]), int(above[7]), int(above[8])
		*r0 = [4]byte{mean2(a, b), mean2(b, c), mean2(c, d), mean2(d, e)}
		*r1 = [4]byte{mean3(a, b, c), mean3(b, c, d), mean3(c, d, e), mean3(d, e, f)}
		*r2 = [4]byte{r0[1], r0[2], r0[3], mean3(e, f, g)}
		*r3 = [4]byte{r1[1], r1[2], r1[3], mean3(f, g, h)}
	case bHDPred:
		v := [10]byte{mean2(l, k), mean3(l, k, j), mean2(k, j), mean3(k, j, i), mean2(j, i), mean3(j, i, p),
			mean2(i, p), mean3(i, p, a), mean3(p, a, b), mean3(a, b, c)}
		*r0, *r1, *r2, *r3 = [4]byte(v[6:10]), [4]byte(v[4:8]), [4]byte(v[2:6]), [4]byte(v[0:4])
	case bHUPred:
		v := [10]byte{mean2(i, j), mean3(i, j, k), mean2(j, k), mean3(j, k, l), mean2(k, l), mean3(k, l, l),
			byte(l), byte(l), byte(l), byte(l)}
		*r0, *r1, *r2, *r3 = [4]byte(v[0:4]), [4]byte(v[2:6]), [4]byte(v[4:8]), [4]byte(v[6:10])
	}
}

func clamp(v int32) uint32 {
	if uint32(v) > 255 {
		return uint32(^v>>31) & 255
	}
	return uint32(v)
}

func abs(v int32) int32 {
	sign := v >> 31
	return v ^ sign - sign
}
