package vp8

// The inverse transforms of RFC 6386 sections 14.3 and 14.4. Factors are in 16-bit fixed point:
// cos(pi/8)*sqrt(2) is 1 + 20091/65536, and sin(pi/8)*sqrt(2) is 35468/65536.

func mulCos(v int32) int32 { return v + v*20091>>16 }
func mulSin(v int32) int32 { return v * 35468 >> 16 }

// inverseWHT turns the block of Y2 into the first coefficients of the luma blocks.
func inverseWHT(in *[16]int16, out *[24][16]int16) {
	var tmp [16]int32
	for i := range 4 {
		a0, a1 := int32(in[i])+int32(in[12+i]), int32(in[4+i])+int32(in[8+i])
		a2, a3 := int32(in[4+i])-int32(in[8+i]), int32(in[i])-int32(in[12+i])
		tmp[i], tmp[4+i], tmp[8+i], tmp[12+i] = a0+a1, a3+a2, a0-a1, a3-a2
	}
	for i := range 4 {
		t := tmp[4*i:][:4]
		dc := t[0] + 3
		a0, a1 := dc+t[3], t[1]+t[2]
		a2, a3 := t[1]-t[2], dc-t[3]
		out[4*i][0], out[4*i+1][0] = int16((a0+a1)>>3), int16((a3+a2)>>3)
		out[4*i+2][0], out[4*i+3][0] = int16((a0-a1)>>3), int16((a3-a2)>>3)
	}
}

// addBlock adds the inverse transform of a block to the prediction at ws[at].
func (r *reconstruction) addBlock(at int, c *coefficients, block int) {
	switch kind := c.kind[block]; {
	case kind == blockZero:
	case r.vector:
		addPair(&r.ws, at, &c.blocks[block], &zeroBlock)
	case kind == blockDC:
		addDC(&r.ws, at, int32(c.blocks[block][0]))
	default:
		addDCT(&r.ws, at, &c.blocks[block])
	}
}

// addBlocks adds the inverse transforms of two blocks side by side.
func (r *reconstruction) addBlocks(at int, c *coefficients, block int) {
	if r.vector {
		if c.kind[block]|c.kind[block+1] != blockZero {
			addPair(&r.ws, at, &c.blocks[block], &c.blocks[block+1])
		}
		return
	}
	r.addBlock(at, c, block)
	r.addBlock(at+4, c, block+1)
}

// addDC is addDCT for a block that has only its first coefficient.
func addDC(ws *workspace, at int, dc int32) {
	dc = (dc + 4) >> 3
	for y := range 4 {
		p := ws[at+y*wsStride:][:4]
		p[0] = uint8(clamp(int32(p[0]) + dc))
		p[1] = uint8(clamp(int32(p[1]) + dc))
		p[2] = uint8(clamp(int32(p[2]) + dc))
		p[3] = uint8(clamp(int32(p[3]) + dc))
	}
}

// addDCT adds the inverse transform of a block.
func addDCT(ws *workspace, at int, in *[16]int16) {
	var tmp [16]int32
	for i := range 4 {
		a, b := int32(in[i])+int32(in[8+i]), int32(in[i])-int32(in[8+i])
		c := mulSin(int32(in[4+i])) - mulCos(int32(in[12+i]))
		d := mulCos(int32(in[4+i])) + mulSin(int32(in[12+i]))
		tmp[4*i], tmp[4*i+1], tmp[4*i+2], tmp[4*i+3] = a+d, b+c, b-c, a-d
	}
	for y := range 4 {
		dc := tmp[y] + 4
		a, b := dc+tmp[8+y], dc-tmp[8+y]
		c := mulSin(tmp[4+y]) - mulCos(tmp[12+y])
		d := mulCos(tmp[4+y]) + mulSin(tmp[12+y])
		p := ws[at+y*wsStride:][:4]
		p[0] = uint8(clamp(int32(p[0]) + (a+d)>>3))
		p[1] = uint8(clamp(int32(p[1]) + (b+c)>>3))
		p[2] = uint8(clamp(int32(p[2]) + (b-c)>>3))
		p[3] = uint8(clamp(int32(p[3]) + (a-d)>>3))
	}
}
