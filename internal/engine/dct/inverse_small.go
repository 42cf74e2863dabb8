package dct

// The transforms of 2 to 7 points, in the fixed-point format that inverse.go states. One pass of n
// points is
//
//	t(i) = X(0) + sum over k=1..n-1 of √2 cos((2i+1)kπ/2n) X(k)
//
// The terms of even k are the same at i and n-1-i; those of odd k change sign. Two passes leave a
// factor of 8.

// Constants √2 cos(jπ/2n) times 2^13, rounded, named cos<n>x<j>.
const (
	cos3x1 = 10033
	cos3x2 = 5793

	cos4x1 = 10703
	cos4x3 = 4433

	cos5x1 = 11018
	cos5x2 = 9373
	cos5x3 = 6810
	cos5x4 = 3580

	cos6x1 = 11190
	cos6x2 = 10033
	cos6x4 = 5793
	cos6x5 = 2998

	cos7x1 = 11295
	cos7x2 = 10438
	cos7x3 = 9058
	cos7x4 = 7223
	cos7x5 = 5027
	cos7x6 = 2578

	root2 = 11585 // √2
)

// inverse2 computes two rows of two samples. It needs no constants: √2 cos(π/4) is 1.
func inverse2(upper, lower *[2]byte, c0, c1, c2, c3 int32) {
	c0 += 1<<2 + 128<<3 // one half, and the level shift
	a0, a1, b0, b1 := c0+c2, c1+c3, c0-c2, c1-c3
	s0, s1, s2, s3 := (a0+a1)>>3, (a0-a1)>>3, (b0+b1)>>3, (b0-b1)>>3
	if uint32(s0|s1|s2|s3) > 255 {
		s0, s1, s2, s3 = int32(clamp(s0)), int32(clamp(s1)), int32(clamp(s2)), int32(clamp(s3))
	}
	upper[0], upper[1] = byte(s0), byte(s1)
	lower[0], lower[1] = byte(s2), byte(s3)
}

func inverse3(dst []byte, stride int, block *[64]int16) {
	var ws [9]int16
	for x := range 3 {
		b, w := (*[17]int16)(block[x:]), (*[7]int16)(ws[x:])
		c0, c1, c2 := int32(b[0]), int32(b[8]), int32(b[16])
		e0 := c0<<fixBits + colHalf + c2*cos3x2
		e1 := c0<<fixBits + colHalf - c2*root2
		o0 := c1 * cos3x1
		w[0], w[6] = int16((e0+o0)>>colShift), int16((e0-o0)>>colShift)
		w[3] = int16(e1 >> colShift)
	}
	for y := range 3 {
		d, w := (*[3]byte)(dst[y*stride:]), (*[3]int16)(ws[3*y:])
		c0, c1, c2 := int32(w[0]), int32(w[1]), int32(w[2])
		e0 := c0<<fixBits + rowHalf + c2*cos3x2
		e1 := c0<<fixBits + rowHalf - c2*root2
		o0 := c1 * cos3x1
		d[0], d[2] = clamp((e0+o0)>>rowShift), clamp((e0-o0)>>rowShift)
		d[1] = clamp(e1 >> rowShift)
	}
}

func inverse4(dst []byte, stride int, block *[64]int16) {
	var ws [16]int16
	for x := range 4 {
		b, w := (*[25]int16)(block[x:]), (*[13]int16)(ws[x:])
		c0, c1, c2, c3 := int32(b[0]), int32(b[8]), int32(b[16]), int32(b[24])
		e0 := c0<<fixBits + colHalf + c2<<fixBits
		e1 := c0<<fixBits + colHalf - c2<<fixBits
		o0 := c1*cos4x1 + c3*cos4x3
		o1 := c1*cos4x3 - c3*cos4x1
		w[0], w[12] = int16((e0+o0)>>colShift), int16((e0-o0)>>colShift)
		w[4], w[8] = int16((e1+o1)>>colShift), int16((e1-o1)>>colShift)
	}
	for y := range 4 {
		d, w := (*[4]byte)(dst[y*stride:]), (*[4]int16)(ws[4*y:])
		c0, c1, c2, c3 := int32(w[0]), int32(w[1]), int32(w[2]), int32(w[3])
		e0 := c0<<fixBits + rowHalf + c2<<fixBits
		e1 := c0<<fixBits + rowHalf - c2<<fixBits
		o0 := c1*cos4x1 + c3*cos4x3
		o1 := c1*cos4x3 - c3*cos4x1
		d[0], d[3] = clamp((e0+o0)>>rowShift), clamp((e0-o0)>>rowShift)
		d[1], d[2] = clamp((e1+o1)>>rowShift), clamp((e1-o1)>>rowShift)
	}
}

func inverse5(dst []byte, stride int, block *[64]int16) {
	var ws [25]int16
	for x := range 5 {
		b, w := (*[33]int16)(block[x:]), (*[21]int16)(ws[x:])
		c0, c1, c2, c3, c4 := int32(b[0]), int32(b[8]), int32(b[16]), int32(b[24]), int32(b[32])
		e0 := c0<<fixBits + colHalf + c2*cos5x2 + c4*cos5x4
		e1 := c0<<fixBits + colHalf - c2*cos5x4 - c4*cos5x2
		e2 := c0<<fixBits + colHalf - c2*root2 + c4*root2
		o0 := c1*cos5x1 + c3*cos5x3
		o1 := c1*cos5x3 - c3*cos5x1
		w[0], w[20] = int16((e0+o0)>>colShift), int16((e0-o0)>>colShift)
		w[5], w[15] = int16((e1+o1)>>colShift), int16((e1-o1)>>colShift)
		w[10] = int16(e2 >> colShift)
	}
	for y := range 5 {
		d, w := (*[5]byte)(dst[y*stride:]), (*[5]int16)(ws[5*y:])
		c0, c1, c2, c3, c4 := int32(w[0]), int32(w[1]), int32(w[2]), int32(w[3]), int32(w[4])
		e0 := c0<<fixBits + rowHalf + c2*cos5x2 + c4*cos5x4
		e1 := c0<<fixBits + rowHalf - c2*cos5x4 - c4*cos5x2
		e2 := c0<<fixBits + rowHalf - c2*root2 + c4*root2
		o0 := c1*cos5x1 + c3*cos5x3
		o1 := c1*cos5x3 - c3*cos5x1
		d[0], d[4] = clamp((e0+o0)>>rowShift), clamp((e0-o0)>>rowShift)
		d[1], d[3] = clamp((e1+o1)>>rowShift), clamp((e1-o1)>>rowShift)
		d[2] = clamp(e2 >> rowShift)
	}
}

func inverse6(dst []byte, stride int, block *[64]int16) {
	var ws [36]int16
	for x := range 6 {
		b, w := (*[41]int16)(block[x:]), (*[31]int16)(ws[x:])
		c0, c1, c2 := int32(b[0]), int32(b[8]), int32(b[16])
		c3, c4, c5 := int32(b[24]), int32(b[32]), int32(b[40])
		e0 := c0<<fixBits + colHalf + c2*cos6x2 + c4*cos6x4
		e1 := c0<<fixBits + colHalf - c4*root2
		e2 := c0<<fixBits + colHalf - c2*cos6x2 + c4*cos6x4
		o0 := c1*cos6x1 + c3<<fixBits + c5*cos6x5
		o1 := c1<<fixBits - c3<<fixBits - c5<<fixBits
		o2 := c1*cos6x5 - c3<<fixBits + c5*cos6x1
		w[0], w[30] = int16((e0+o0)>>colShift), int16((e0-o0)>>colShift)
		w[6], w[24] = int16((e1+o1)>>colShift), int16((e1-o1)>>colShift)
		w[12], w[18] = int16((e2+o2)>>colShift), int16((e2-o2)>>colShift)
	}
	for y := range 6 {
		d, w := (*[6]byte)(dst[y*stride:]), (*[6]int16)(ws[6*y:])
		c0, c1, c2 := int32(w[0]), int32(w[1]), int32(w[2])
		c3, c4, c5 := int32(w[3]), int32(w[4]), int32(w[5])
		e0 := c0<<fixBits + rowHalf + c2*cos6x2 + c4*cos6x4
		e1 := c0<<fixBits + rowHalf - c4*root2
		e2 := c0<<fixBits + rowHalf - c2*cos6x2 + c4*cos6x4
		o0 := c1*cos6x1 + c3<<fixBits + c5*cos6x5
		o1 := c1<<fixBits - c3<<fixBits - c5<<fixBits
		o2 := c1*cos6x5 - c3<<fixBits + c5*cos6x1
		d[0], d[5] = clamp((e0+o0)>>rowShift), clamp((e0-o0)>>rowShift)
		d[1], d[4] = clamp((e1+o1)>>rowShift), clamp((e1-o1)>>rowShift)
		d[2], d[3] = clamp((e2+o2)>>rowShift), clamp((e2-o2)>>rowShift)
	}
}

func inverse7(dst []byte, stride int, block *[64]int16) {
	var ws [49]int16
	for x := range 7 {
		b, w := (*[49]int16)(block[x:]), (*[43]int16)(ws[x:])
		c0, c1, c2, c3 := int32(b[0]), int32(b[8]), int32(b[16]), int32(b[24])
		c4, c5, c6 := int32(b[32]), int32(b[40]), int32(b[48])
		e0 := c0<<fixBits + colHalf + c2*cos7x2 + c4*cos7x4 + c6*cos7x6
		e1 := c0<<fixBits + colHalf + c2*cos7x6 - c4*cos7x2 - c6*cos7x4
		e2 := c0<<fixBits + colHalf - c2*cos7x4 - c4*cos7x6 + c6*cos7x2
		e3 := c0<<fixBits + colHalf - c2*root2 + c4*root2 - c6*root2
		o0 := c1*cos7x1 + c3*cos7x3 + c5*cos7x5
		o1 := c1*cos7x3 - c3*cos7x5 - c5*cos7x1
		o2 := c1*cos7x5 - c3*cos7x1 + c5*cos7x3
		w[0], w[42] = int16((e0+o0)>>colShift), int16((e0-o0)>>colShift)
		w[7], w[35] = int16((e1+o1)>>colShift), int16((e1-o1)>>colShift)
		w[14], w[28] = int16((e2+o2)>>colShift), int16((e2-o2)>>colShift)
		w[21] = int16(e3 >> colShift)
	}
	for y := range 7 {
		d, w := (*[7]byte)(dst[y*stride:]), (*[7]int16)(ws[7*y:])
		c0, c1, c2, c3 := int32(w[0]), int32(w[1]), int32(w[2]), int32(w[3])
		c4, c5, c6 := int32(w[4]), int32(w[5]), int32(w[6])
		e0 := c0<<fixBits + rowHalf + c2*cos7x2 + c4*cos7x4 + c6*cos7x6
		e1 := c0<<fixBits + rowHalf + c2*cos7x6 - c4*cos7x2 - c6*cos7x4
		e2 := c0<<fixBits + rowHalf - c2*cos7x4 - c4*cos7x6 + c6*cos7x2
		e3 := c0<<fixBits + rowHalf - c2*root2 + c4*root2 - c6*root2
		o0 := c1*cos7x1 + c3*cos7x3 + c5*cos7x5
		o1 := c1*cos7x3 - c3*cos7x5 - c5*cos7x1
		o2 := c1*cos7x5 - c3*cos7x1 + c5*cos7x3
		d[0], d[6] = clamp((e0+o0)>>rowShift), clamp((e0-o0)>>rowShift)
		d[1], d[5] = clamp((e1+o1)>>rowShift), clamp((e1-o1)>>rowShift)
		d[2], d[4] = clamp((e2+o2)>>rowShift), clamp((e2-o2)>>rowShift)
		d[3] = clamp(e3 >> rowShift)
	}
}
