// Command lossy generates the AVX2 kernels of VP8's inverse transform, and those that stretch the
// range of samples. transform.go and yuv.go of package vp8 define what they compute.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("!purego")
	transform()
	stretch("stretchLumaVector", lumaSteps)
	stretch("stretchChromaVector", chromaSteps)
	Generate()
}

// repeated is a constant in memory: 64 bits repeated four times.
func repeated(name string, v uint64) Mem {
	m := GLOBL(name, RODATA|NOPTR)
	for i := range 4 {
		DATA(8*i, U64(v))
	}
	return m
}

// wsStride is that of package vp8. The factors are 36/219 and 31/224 in 15 bits, chosen so that the
// results are exact for every sample.
const (
	wsStride     = 32
	lumaFactor   = 5387
	chromaFactor = 4536
)

// transform adds the inverse transforms of two blocks to pixels that lie side by side. One is in
// the lower half of each register and the other in the upper one, in 32-bit words.
func transform() {
	cos := repeated("mulCos", 20091<<32|20091)
	sin := repeated("mulSin", 35468<<32|35468)
	four := repeated("four", 4<<32|4)
	TEXT("addPairVector", NOSPLIT, "func(dst *byte, a, b *int16)")
	dst, a, b := Load(Param("dst"), GP64()), Load(Param("a"), GP64()), Load(Param("b"), GP64())
	var r [4]reg.VecVirtual
	for i := range r {
		r[i] = YMM()
		x := XMM()
		VMOVQ(Mem{Base: a, Disp: 8 * i}, x)
		VMOVHPS(Mem{Base: b, Disp: 8 * i}, x, x)
		VPMOVSXWD(x, r[i])
	}
	r = transpose(pass(r, cos, sin))
	VPADDD(four, r[0], r[0])
	r = pass(r, cos, sin)
	for _, v := range r {
		VPSRAD(Imm(3), v, v)
	}
	r = transpose(r)
	for y, v := range r {
		p := YMM()
		VPMOVZXBD(Mem{Base: dst, Disp: y * wsStride}, p)
		VPADDD(p, v, v)
	}
	VPACKSSDW(r[1], r[0], r[0])
	VPACKSSDW(r[3], r[2], r[2])
	VPACKUSWB(r[2], r[0], r[0])
	second, lo, hi := XMM(), XMM(), XMM()
	VEXTRACTI128(Imm(1), r[0], second)
	VPUNPCKLDQ(second, r[0].AsX(), lo)
	VPUNPCKHDQ(second, r[0].AsX(), hi)
	VMOVQ(lo, Mem{Base: dst})
	VMOVHPS(lo, Mem{Base: dst, Disp: wsStride})
	VMOVQ(hi, Mem{Base: dst, Disp: 2 * wsStride})
	VMOVHPS(hi, Mem{Base: dst, Disp: 3 * wsStride})
	VZEROUPPER()
	RET()
}

// pass is one pass of the transform across registers.
func pass(r [4]reg.VecVirtual, cos, sin Mem) [4]reg.VecVirtual {
	mulCos := func(v reg.VecVirtual) reg.VecVirtual {
		t := YMM()
		VPMULLD(cos, v, t)
		VPSRAD(Imm(16), t, t)
		VPADDD(v, t, t)
		return t
	}
	mulSin := func(v reg.VecVirtual) reg.VecVirtual {
		t := YMM()
		VPMULLD(sin, v, t)
		VPSRAD(Imm(16), t, t)
		return t
	}
	a, b := YMM(), YMM()
	VPADDD(r[2], r[0], a)
	VPSUBD(r[2], r[0], b)
	c, d := mulSin(r[1]), mulCos(r[1])
	VPSUBD(mulCos(r[3]), c, c)
	VPADDD(mulSin(r[3]), d, d)
	out := [4]reg.VecVirtual{YMM(), YMM(), YMM(), YMM()}
	VPADDD(d, a, out[0])
	VPADDD(c, b, out[1])
	VPSUBD(c, b, out[2])
	VPSUBD(d, a, out[3])
	return out
}

// transpose transposes the 4×4 words of each half.
func transpose(r [4]reg.VecVirtual) [4]reg.VecVirtual {
	t := [4]reg.VecVirtual{YMM(), YMM(), YMM(), YMM()}
	VPUNPCKLDQ(r[1], r[0], t[0])
	VPUNPCKHDQ(r[1], r[0], t[1])
	VPUNPCKLDQ(r[3], r[2], t[2])
	VPUNPCKHDQ(r[3], r[2], t[3])
	out := [4]reg.VecVirtual{YMM(), YMM(), YMM(), YMM()}
	VPUNPCKLQDQ(t[2], t[0], out[0])
	VPUNPCKHQDQ(t[2], t[0], out[1])
	VPUNPCKLQDQ(t[3], t[1], out[2])
	VPUNPCKHQDQ(t[3], t[1], out[3])
	return out
}

// stretch maps 16*sixteens samples.
func stretch(name string, steps func() func(v reg.VecVirtual)) {
	TEXT(name, NOSPLIT, "func(dst, src *byte, sixteens int)")
	dst, src, n := Load(Param("dst"), GP64()), Load(Param("src"), GP64()), Load(Param("sixteens"), GP64())
	step := steps()
	Label("sixteen")
	v := XMM()
	VMOVDQU(Mem{Base: src}, v)
	step(v)
	VMOVDQU(v, Mem{Base: dst})
	ADDQ(Imm(16), src)
	ADDQ(Imm(16), dst)
	DECQ(n)
	JNZ(LabelRef("sixteen"))
	VZEROUPPER()
	RET()
}

// lumaSteps compute x = max(v-16, 0), and x + 36/219*x, rounded to nearest.
func lumaSteps() func(v reg.VecVirtual) {
	low := repeated("lumaLow", 0x1010101010101010)
	factor := YMM()
	VMOVDQU(repeated("lumaFactor", lumaFactor*0x0001000100010001), factor)
	return func(v reg.VecVirtual) {
		VPSUBUSB(low, v, v)
		wide, upper := YMM(), XMM()
		VPMOVZXBW(v, wide)
		VPMULHRSW(factor, wide, wide)
		VEXTRACTI128(Imm(1), wide, upper)
		VPACKUSWB(upper, wide.AsX(), wide.AsX())
		VPADDUSB(wide.AsX(), v, v)
	}
}

// chromaSteps compute c = v-128, and c + 31/224*c, rounded to nearest.
func chromaSteps() func(v reg.VecVirtual) {
	flip := repeated("chromaZero", 0x8080808080808080)
	factor := YMM()
	VMOVDQU(repeated("chromaFactor", chromaFactor*0x0001000100010001), factor)
	return func(v reg.VecVirtual) {
		VPXOR(flip, v, v)
		wide, upper := YMM(), XMM()
		VPMOVSXBW(v, wide)
		VPMULHRSW(factor, wide, wide)
		VEXTRACTI128(Imm(1), wide, upper)
		VPACKSSWB(upper, wide.AsX(), wide.AsX())
		VPADDSB(wide.AsX(), v, v)
		VPXOR(flip, v, v)
	}
}
