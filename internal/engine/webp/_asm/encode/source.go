package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// load reads a plane of a macroblock, per blocks wide and high, in studio range, block by block:
// (factor*v + offset) / 255, where a quotient of t is (t + t>>8 + 1) >> 8.
func load(name string, per int, factor, offset int) {
	factors, offsets := words(name+"Factor", int16(factor)), words(name+"Offset", int16(uint16(offset)))
	ones := words(name+"One", 1)
	TEXT(name, NOSPLIT, "func(pix *byte, stride int, out *byte)")
	pix, stride := Load(Param("pix"), GP64()), Load(Param("stride"), GP64())
	out := Load(Param("out"), GP64())
	register := func() reg.VecVirtual {
		if per == 4 {
			return YMM()
		}
		return XMM()
	}
	left := GP64()
	MOVQ(U32(uint32(per)), left)
	Label("row")
	var pairs [2]reg.VecVirtual
	for i := range pairs {
		var v [2]reg.VecVirtual
		for k := range v {
			v[k] = register()
			VPMOVZXBW(Mem{Base: pix}, v[k])
			ADDQ(stride, pix)
			VPMULLW(factors, v[k], v[k])
			VPADDW(offsets, v[k], v[k])
			high := register()
			VPSRLW(Imm(8), v[k], high)
			VPADDW(high, v[k], v[k])
			VPADDW(ones, v[k], v[k])
			VPSRLW(Imm(8), v[k], v[k])
		}
		pairs[i] = register()
		VPACKUSWB(v[1], v[0], pairs[i])
		VPSHUFD(Imm(0xd8), pairs[i], pairs[i])
	}
	even, odd := register(), register()
	VPUNPCKLQDQ(pairs[1], pairs[0], even)
	VPUNPCKHQDQ(pairs[1], pairs[0], odd)
	VMOVDQU(even.AsX(), Mem{Base: out})
	VMOVDQU(odd.AsX(), Mem{Base: out, Disp: 16})
	if per == 4 {
		VEXTRACTI128(Imm(1), even, Mem{Base: out, Disp: 32})
		VEXTRACTI128(Imm(1), odd, Mem{Base: out, Disp: 48})
	}
	ADDQ(Imm(uint64(16*per)), out)
	DECQ(left)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// activity sums the samples of the four quarters of 16×16 pixels, and their squares.
func activity() {
	TEXT("activityVector", NOSPLIT, "func(pix *byte, stride int, sums, squares *uint32)")
	pix, stride := Load(Param("pix"), GP64()), Load(Param("stride"), GP64())
	sums, squares := Load(Param("sums"), GP64()), Load(Param("squares"), GP64())
	zero := XMM()
	VPXOR(zero, zero, zero)
	for half := range 2 {
		sum, square := XMM(), YMM()
		VPXOR(sum, sum, sum)
		VPXOR(square, square, square)
		for range 8 {
			s, q := XMM(), YMM()
			VPSADBW(Mem{Base: pix}, zero, s)
			VPADDD(s, sum, sum)
			VPMOVZXBW(Mem{Base: pix}, q)
			VPMADDWD(q, q, q)
			VPADDD(q, square, square)
			ADDQ(stride, pix)
		}
		VPSHUFD(Imm(0x08), sum, sum)
		VMOVQ(sum, Mem{Base: sums, Disp: 8 * half})
		VPHADDD(square, square, square)
		VPHADDD(square, square, square)
		upper := XMM()
		VEXTRACTI128(Imm(1), square, upper)
		VPUNPCKLDQ(upper, square.AsX(), upper)
		VMOVQ(upper, Mem{Base: squares, Disp: 8 * half})
	}
	VZEROUPPER()
	RET()
}
