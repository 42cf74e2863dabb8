package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// narrow keeps every second byte of 64 at a time.
func narrow() {
	TEXT("narrowVector", NOSPLIT, "func(dst, src *byte, blocks int)")
	Doc("narrowVector copies every second byte, 32*blocks of them.")
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	blocks := Load(Param("blocks"), GP64())
	low := YMM()
	VPCMPEQW(low, low, low)
	VPSRLW(Imm(8), low, low)

	Label("block")
	x, y := YMM(), YMM()
	VPAND(Mem{Base: src}, low, x)
	VPAND(Mem{Base: src, Disp: 32}, low, y)
	VPACKUSWB(y, x, x)
	VPERMQ(Imm(0b11_01_10_00), x, x)
	VMOVDQU(x, Mem{Base: dst})
	ADDQ(Imm(64), src)
	ADDQ(Imm(32), dst)
	DECQ(blocks)
	JNZ(LabelRef("block"))
	VZEROUPPER()
	RET()
}

// lookUp looks up 128 bytes at a time in each of the parts of the table. A shuffle looks up the
// lower four bits of a byte, or yields 0 if its upper bit is set. A byte is therefore reduced by 16
// from part to part of its half of the table: the parts up to its own contribute, and as they are
// stored as differences, what they contribute adds up to the value of its own.
func lookUp() {
	TEXT("lookUpVector", NOSPLIT, "func(dst, src *byte, blocks int, parts *[256]byte, low, high int)")
	Doc("lookUpVector looks up 128*blocks bytes.")
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	blocks, parts := Load(Param("blocks"), GP64()), Load(Param("parts"), GP64())
	low, high := Load(Param("low"), GP64()), Load(Param("high"), GP64())
	sixteen, half := YMM(), YMM()
	broadcast := func(v uint64, to reg.VecVirtual) {
		t := GP64()
		MOVQ(U64(v), t)
		VMOVQ(t, to.AsX())
		VPBROADCASTQ(to.AsX(), to)
	}
	broadcast(0x1010101010101010, sixteen)
	broadcast(0x8080808080808080, half)
	var x, sum [4]reg.VecVirtual
	for i := range x {
		x[i], sum[i] = YMM(), YMM()
	}

	Label("block")
	for i := range x {
		VMOVDQU(Mem{Base: src, Disp: 32 * i}, x[i])
		VPXOR(sum[i], sum[i], sum[i])
	}
	add := func(label string, from, n reg.Register) {
		part, left, y := GP64(), GP64(), YMM()
		MOVQ(from, part)
		MOVQ(n, left)
		Label(label)
		table := YMM()
		VBROADCASTI128(Mem{Base: part}, table)
		for i := range x {
			VPSHUFB(x[i], table, y)
			VPXOR(y, sum[i], sum[i])
			VPSUBSB(sixteen, x[i], x[i])
		}
		ADDQ(Imm(16), part)
		DECQ(left)
		JNZ(LabelRef(label))
	}
	add("lower", parts, low)
	TESTQ(high, high)
	JZ(LabelRef("store"))
	upper := GP64()
	LEAQ(Mem{Base: parts, Disp: 128}, upper)
	for i := range x {
		VPXOR(Mem{Base: src, Disp: 32 * i}, half, x[i])
	}
	add("upper", upper, high)
	Label("store")
	for i := range sum {
		VMOVDQU(sum[i], Mem{Base: dst, Disp: 32 * i})
	}
	ADDQ(U32(128), src)
	ADDQ(U32(128), dst)
	DECQ(blocks)
	JNZ(LabelRef("block"))
	VZEROUPPER()
	RET()
}
