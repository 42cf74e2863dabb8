// Command split generates the AVX2 kernels of splitting. split.go defines what they compute.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("!purego")
	split3()
	split4()
	Generate()
}

// split3 takes 32 pixels at a time: 16 in each half of a register. Each of the three outputs has
// bytes from three registers.
func split3() {
	TEXT("split3Vector", NOSPLIT, "func(a, b, c, src *byte, blocks int)")
	Doc("split3Vector splits 32*blocks pixels of 3 bytes.")
	out := [3]reg.Register{Load(Param("a"), GP64()), Load(Param("b"), GP64()), Load(Param("c"), GP64())}
	src, blocks := Load(Param("src"), GP64()), Load(Param("blocks"), GP64())
	masks := GLOBL("split3Masks", RODATA|NOPTR)
	var mask [3][3]reg.VecVirtual
	for k := range 3 {
		for v := range 3 {
			at := 16 * (3*k + v)
			for i := range 16 {
				b := U8(0x80)
				if n := 3*i + k; n/16 == v {
					b = U8(n % 16)
				}
				DATA(at+i, b)
			}
			mask[k][v] = YMM()
			VBROADCASTI128(masks.Offset(at), mask[k][v])
		}
	}
	Label("block3")
	var in [3]reg.VecVirtual
	for v := range in {
		in[v] = YMM()
		VMOVDQU(Mem{Base: src, Disp: 16 * v}, in[v].AsX())
		VINSERTI128(Imm(1), Mem{Base: src, Disp: 48 + 16*v}, in[v], in[v])
	}
	for k := range 3 {
		x, y := YMM(), YMM()
		VPSHUFB(mask[k][0], in[0], x)
		VPSHUFB(mask[k][1], in[1], y)
		VPOR(y, x, x)
		VPSHUFB(mask[k][2], in[2], y)
		VPOR(y, x, x)
		VMOVDQU(x, Mem{Base: out[k]})
		ADDQ(Imm(32), out[k])
	}
	ADDQ(Imm(96), src)
	DECQ(blocks)
	JNZ(LabelRef("block3"))
	VZEROUPPER()
	RET()
}

// split4 takes 32 pixels at a time. Eight of them become four runs of eight bytes in one register;
// four registers are then transposed.
func split4() {
	TEXT("split4Vector", NOSPLIT, "func(a, b, c, d, src *byte, blocks int)")
	Doc("split4Vector splits 32*blocks pixels of 4 bytes.")
	out := [4]reg.Register{
		Load(Param("a"), GP64()), Load(Param("b"), GP64()), Load(Param("c"), GP64()), Load(Param("d"), GP64()),
	}
	src, blocks := Load(Param("src"), GP64()), Load(Param("blocks"), GP64())
	tables := GLOBL("split4Tables", RODATA|NOPTR)
	for i := range 16 {
		DATA(i, U8(i%4*4+i/4))
	}
	for i := range 8 {
		DATA(16+4*i, U32(i%2*4+i/2))
	}
	bytes, words := YMM(), YMM()
	VBROADCASTI128(tables.Offset(0), bytes)
	VMOVDQU(tables.Offset(16), words)
	Label("block4")
	var in [4]reg.VecVirtual
	for v := range in {
		in[v] = YMM()
		VMOVDQU(Mem{Base: src, Disp: 32 * v}, in[v])
		VPSHUFB(bytes, in[v], in[v])
		VPERMD(in[v], words, in[v])
	}
	ac, bd, ac2, bd2 := YMM(), YMM(), YMM(), YMM()
	VPUNPCKLQDQ(in[1], in[0], ac)
	VPUNPCKHQDQ(in[1], in[0], bd)
	VPUNPCKLQDQ(in[3], in[2], ac2)
	VPUNPCKHQDQ(in[3], in[2], bd2)
	for k, pair := range [4][2]reg.VecVirtual{{ac, ac2}, {bd, bd2}, {ac, ac2}, {bd, bd2}} {
		x := YMM()
		VPERM2I128(Imm(uint64(0x20+0x11*(k/2))), pair[1], pair[0], x)
		VMOVDQU(x, Mem{Base: out[k]})
		ADDQ(Imm(32), out[k])
	}
	ADDQ(U32(128), src)
	DECQ(blocks)
	JNZ(LabelRef("block4"))
	VZEROUPPER()
	RET()
}
