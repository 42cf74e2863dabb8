package dct

// inverse8 uses the method of Loeffler, Ligtenberg and Moschytz (ICASSP 1989); inverse.go states
// its fixed-point format and bounds. If last implies that the upper half of each vector is zero, it
// uses the half functions, which are the same arithmetic without that half.
func inverse8(dst []byte, stride int, block *[64]int16, last int) {
	var ws [64]int16
	e := extent[last&63]
	switch {
	case e.rows == 1:
		for x := range int(e.cols) {
			dc := block[x&7] << passBits
			for y := 0; y < 64; y += 8 {
				ws[y+x&63] = dc
			}
		}
	case e.rows <= 4:
		for x := range int(e.cols) {
			halfColumn((*[57]int16)(ws[x&7:]), (*[57]int16)(block[x&7:]))
		}
	default:
		for x := range int(e.cols) {
			fullColumn((*[57]int16)(ws[x&7:]), (*[57]int16)(block[x&7:]))
		}
	}
	if e.cols <= 4 {
		for y := range 8 {
			halfRow((*[8]byte)(dst[y*stride:]), (*[8]int16)(ws[8*y:]))
		}
		return
	}
	for y := range 8 {
		fullRow((*[8]byte)(dst[y*stride:]), (*[8]int16)(ws[8*y:]))
	}
}

func fullColumn(w *[57]int16, b *[57]int16) {
	c0, c2, c4, c6 := int32(b[0]), int32(b[16]), int32(b[32]), int32(b[48])
	c1, c3, c5, c7 := int32(b[8]), int32(b[24]), int32(b[40]), int32(b[56])
	if c1|c2|c3|c4|c5|c6|c7 == 0 {
		v := int16(c0 << passBits)
		w[0], w[8], w[16], w[24], w[32], w[40], w[48], w[56] = v, v, v, v, v, v, v, v
		return
	}
	z := (c2 + c6) * fix0541196100
	t2, t3 := z-c6*fix1847759065, z+c2*fix0765366865
	t0, t1 := (c0+c4)<<fixBits+colHalf, (c0-c4)<<fixBits+colHalf
	e0, e3, e1, e2 := t0+t3, t0-t3, t1+t2, t1-t2

	z5 := (c7 + c3 + c5 + c1) * fix1175875602
	z1, z2 := (c7+c1)*fix0899976223, (c5+c3)*fix2562915447
	z3, z4 := z5-(c7+c3)*fix1961570560, z5-(c5+c1)*fix0390180644
	o3 := c7*fix0298631336 - z1 + z3
	o2 := c5*fix2053119869 - z2 + z4
	o1 := c3*fix3072711026 - z2 + z3
	o0 := c1*fix1501321110 - z1 + z4

	w[0], w[56] = int16((e0+o0)>>colShift), int16((e0-o0)>>colShift)
	w[8], w[48] = int16((e1+o1)>>colShift), int16((e1-o1)>>colShift)
	w[16], w[40] = int16((e2+o2)>>colShift), int16((e2-o2)>>colShift)
	w[24], w[32] = int16((e3+o3)>>colShift), int16((e3-o3)>>colShift)
}

func halfColumn(w *[57]int16, b *[57]int16) {
	c0, c1, c2, c3 := int32(b[0]), int32(b[8]), int32(b[16]), int32(b[24])
	t2, t3 := c2*fix0541196100, c2*(fix0541196100+fix0765366865)
	t := c0<<fixBits + colHalf
	e0, e3, e1, e2 := t+t3, t-t3, t+t2, t-t2

	z5 := (c3 + c1) * fix1175875602
	z1, z2 := c1*fix0899976223, c3*fix2562915447
	z3, z4 := z5-c3*fix1961570560, z5-c1*fix0390180644
	o3, o2 := z3-z1, z4-z2
	o1 := c3*fix3072711026 - z2 + z3
	o0 := c1*fix1501321110 - z1 + z4

	w[0], w[56] = int16((e0+o0)>>colShift), int16((e0-o0)>>colShift)
	w[8], w[48] = int16((e1+o1)>>colShift), int16((e1-o1)>>colShift)
	w[16], w[40] = int16((e2+o2)>>colShift), int16((e2-o2)>>colShift)
	w[24], w[32] = int16((e3+o3)>>colShift), int16((e3-o3)>>colShift)
}

func fullRow(d *[8]byte, w *[8]int16) {
	c0, c1, c2, c3 := int32(w[0]), int32(w[1]), int32(w[2]), int32(w[3])
	c4, c5, c6, c7 := int32(w[4]), int32(w[5]), int32(w[6]), int32(w[7])
	z := (c2 + c6) * fix0541196100
	t2, t3 := z-c6*fix1847759065, z+c2*fix0765366865
	t0, t1 := (c0+c4)<<fixBits+rowHalf, (c0-c4)<<fixBits+rowHalf
	e0, e3, e1, e2 := t0+t3, t0-t3, t1+t2, t1-t2

	z5 := (c7 + c3 + c5 + c1) * fix1175875602
	z1, z2 := (c7+c1)*fix0899976223, (c5+c3)*fix2562915447
	z3, z4 := z5-(c7+c3)*fix1961570560, z5-(c5+c1)*fix0390180644
	o3 := c7*fix0298631336 - z1 + z3
	o2 := c5*fix2053119869 - z2 + z4
	o1 := c3*fix3072711026 - z2 + z3
	o0 := c1*fix1501321110 - z1 + z4

	d[0], d[7] = clamp((e0+o0)>>rowShift), clamp((e0-o0)>>rowShift)
	d[1], d[6] = clamp((e1+o1)>>rowShift), clamp((e1-o1)>>rowShift)
	d[2], d[5] = clamp((e2+o2)>>rowShift), clamp((e2-o2)>>rowShift)
	d[3], d[4] = clamp((e3+o3)>>rowShift), clamp((e3-o3)>>rowShift)
}

func halfRow(d *[8]byte, w *[8]int16) {
	c0, c1, c2, c3 := int32(w[0]), int32(w[1]), int32(w[2]), int32(w[3])
	t2, t3 := c2*fix0541196100, c2*(fix0541196100+fix0765366865)
	t := c0<<fixBits + rowHalf
	e0, e3, e1, e2 := t+t3, t-t3, t+t2, t-t2

	z5 := (c3 + c1) * fix1175875602
	z1, z2 := c1*fix0899976223, c3*fix2562915447
	z3, z4 := z5-c3*fix1961570560, z5-c1*fix0390180644
	o3, o2 := z3-z1, z4-z2
	o1 := c3*fix3072711026 - z2 + z3
	o0 := c1*fix1501321110 - z1 + z4

	d[0], d[7] = clamp((e0+o0)>>rowShift), clamp((e0-o0)>>rowShift)
	d[1], d[6] = clamp((e1+o1)>>rowShift), clamp((e1-o1)>>rowShift)
	d[2], d[5] = clamp((e2+o2)>>rowShift), clamp((e2-o2)>>rowShift)
	d[3], d[4] = clamp((e3+o3)>>rowShift), clamp((e3-o3)>>rowShift)
}
