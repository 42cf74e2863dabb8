package vp8

// The forward transforms, which RFC 6386 leaves to the encoder: what the inverse ones of sections
// 14.3 and 14.4 undo. Coefficients are twice those of an orthonormal transform, and those of Y2
// twice again, so that squared errors are 4 and 16 times those of pixels.

// forwardPair transforms the differences of two pairs of blocks.
func forwardPair(srcA, predA, srcB, predB *[16]uint8, outA, outB *[16]int16, vector bool) {
	if vector {
		forwardPairVector(srcA, predA, srcB, predB, outA, outB)
		return
	}
	forwardDCT(srcA, predA, outA)
	forwardDCT(srcB, predB, outB)
}

// forwardDCT transforms the difference of two blocks. Factors are in 12-bit fixed point: sqrt(2)
// times the cosine and sine of pi/8.
func forwardDCT(src, pred *[16]uint8, out *[16]int16) {
	const cos, sin = 5352, 2217
	var tmp [16]int32
	for y := range 4 {
		s, p := src[4*y:4*y+4], pred[4*y:4*y+4]
		d0, d1 := int32(s[0])-int32(p[0]), int32(s[1])-int32(p[1])
		d2, d3 := int32(s[2])-int32(p[2]), int32(s[3])-int32(p[3])
		a, b, c, d := d0+d3, d1+d2, d1-d2, d0-d3
		tmp[4*y], tmp[4*y+2] = (a+b)*8, (a-b)*8
		tmp[4*y+1], tmp[4*y+3] = (c*sin+d*cos+256)>>9, (d*sin-c*cos+256)>>9
	}
	for x := range 4 {
		a, b := tmp[x]+tmp[12+x], tmp[4+x]+tmp[8+x]
		c, d := tmp[4+x]-tmp[8+x], tmp[x]-tmp[12+x]
		out[x], out[8+x] = int16((a+b+8)>>4), int16((a-b+8)>>4)
		out[4+x], out[12+x] = int16((c*sin+d*cos+1<<15)>>16), int16((d*sin-c*cos+1<<15)>>16)
	}
}

// forwardWHT transforms the first coefficients of sixteen blocks.
func forwardWHT(in *[16][16]int16, out *[16]int16) {
	var tmp [16]int32
	for y := range 4 {
		d0, d1 := int32(in[4*y][0]), int32(in[4*y+1][0])
		d2, d3 := int32(in[4*y+2][0]), int32(in[4*y+3][0])
		a, b, c, d := d0+d3, d1+d2, d1-d2, d0-d3
		tmp[4*y], tmp[4*y+1], tmp[4*y+2], tmp[4*y+3] = a+b, d+c, a-b, d-c
	}
	for x := range 4 {
		a, b := tmp[x]+tmp[12+x], tmp[4+x]+tmp[8+x]
		c, d := tmp[4+x]-tmp[8+x], tmp[x]-tmp[12+x]
		out[x], out[4+x] = int16((a+b+1)>>1), int16((d+c+1)>>1)
		out[8+x], out[12+x] = int16((a-b+1)>>1), int16((d-c+1)>>1)
	}
}

// hadamards sums the results of hadamard for blocks, each with predictions by the modes of a
// macroblock: a sum for each mode.
func hadamards(src [][16]uint8, preds [][4][16]uint8, vector bool) (sums [4]int32) {
	if vector {
		hadamardsVector(src, preds, &sums)
		return sums
	}
	for i := range src {
		for mode := range sums {
			sums[mode] += hadamard(&src[i], &preds[i][mode])
		}
	}
	return sums
}

// hadamard returns the sum of the absolute coefficients of the Hadamard transform of the difference
// of two blocks, a cheap guess of what it costs.
func hadamard(src, pred *[16]uint8) int32 {
	var tmp [16]int32
	for y := range 4 {
		s, p := src[4*y:4*y+4], pred[4*y:4*y+4]
		d0, d1 := int32(s[0])-int32(p[0]), int32(s[1])-int32(p[1])
		d2, d3 := int32(s[2])-int32(p[2]), int32(s[3])-int32(p[3])
		a, b, c, d := d0+d2, d1+d3, d0-d2, d1-d3
		tmp[4*y], tmp[4*y+1], tmp[4*y+2], tmp[4*y+3] = a+b, a-b, c+d, c-d
	}
	var sum int32
	for x := range 4 {
		a, b := tmp[x]+tmp[8+x], tmp[4+x]+tmp[12+x]
		c, d := tmp[x]-tmp[8+x], tmp[4+x]-tmp[12+x]
		sum += abs(a+b) + abs(a-b) + abs(c+d) + abs(c-d)
	}
	return sum
}
