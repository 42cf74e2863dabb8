// Command _asm generates the AVX2 kernels of package png. The plain functions that they equal are
// in unfilter.go, expand.go, and adler.go.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("!purego")
	paeth()
	split3()
	adler()
	Generate()
}

// paeth keeps a pixel in 16-bit lanes: its left neighbour a, and c to its upper left.
func paeth() {
	TEXT("paethVector", NOSPLIT, "func(dst, src, above *byte, pixels, unit int)")
	Doc("paethVector reverses Paeth for pixels of up to eight bytes.")
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	above := Load(Param("above"), GP64())
	pixels, unit := Load(Param("pixels"), GP64()), Load(Param("unit"), GP64())
	a, b, c := XMM(), XMM(), XMM()
	pa, pb, pc, x, least := XMM(), XMM(), XMM(), XMM(), XMM()
	VPXOR(a, a, a)
	VPXOR(c, c, c)

	Label("pixel")
	VPMOVZXBW(Mem{Base: above}, b)
	VPMOVZXBW(Mem{Base: src}, x)
	VPSUBW(c, b, pa)
	VPSUBW(c, a, pb)
	VPADDW(pa, pb, pc)
	VPABSW(pa, pa)
	VPABSW(pb, pb)
	VPABSW(pc, pc)
	VPMINSW(pa, pb, least)
	VPMINSW(pc, least, least)
	VPCMPEQW(pb, least, pb)
	VPCMPEQW(pa, least, pa)
	VPBLENDVB(pb, b, c, c)
	VPBLENDVB(pa, a, c, c)
	VPADDB(x, c, a) // the upper bytes are 0 and stay so
	VMOVDQA(b, c)
	VPACKUSWB(a, a, x)
	VMOVQ(x, Mem{Base: dst})
	ADDQ(unit, dst)
	ADDQ(unit, src)
	ADDQ(unit, above)
	DECQ(pixels)
	JNZ(LabelRef("pixel"))
	RET()
}

// split3 shuffles 16 pixels at a time.
func split3() {
	masks := GLOBL("split3Masks", RODATA|NOPTR)
	for plane := range 3 {
		for part := range 3 {
			for i := range 16 {
				at := 3*i + plane - 16*part
				if at < 0 || at > 15 {
					at = 0x80
				}
				DATA(16*(3*plane+part)+i, U8(at))
			}
		}
	}
	TEXT("split3Vector", NOSPLIT, "func(d0, d1, d2, src *byte, blocks int)")
	Doc("split3Vector deinterleaves 16*blocks pixels of three bytes.")
	var dst [3]reg.Register
	for i, name := range []string{"d0", "d1", "d2"} {
		dst[i] = Load(Param(name), GP64())
	}
	src, blocks := Load(Param("src"), GP64()), Load(Param("blocks"), GP64())
	var mask [9]reg.VecVirtual
	for i := range mask {
		mask[i] = XMM()
		VMOVDQU(masks.Offset(16*i), mask[i])
	}

	Label("block")
	var part [3]reg.VecVirtual
	for i := range part {
		part[i] = XMM()
		VMOVDQU(Mem{Base: src, Disp: 16 * i}, part[i])
	}
	x, y := XMM(), XMM()
	for plane := range 3 {
		VPSHUFB(mask[3*plane], part[0], x)
		VPSHUFB(mask[3*plane+1], part[1], y)
		VPOR(y, x, x)
		VPSHUFB(mask[3*plane+2], part[2], y)
		VPOR(y, x, x)
		VMOVDQU(x, Mem{Base: dst[plane]})
		ADDQ(Imm(16), dst[plane])
	}
	ADDQ(Imm(48), src)
	DECQ(blocks)
	JNZ(LabelRef("block"))
	RET()
}

// adler adds up 32 bytes at a time: the bytes, the sums of the blocks before each block, and the
// bytes weighted by their distance from the end of their block.
func adler() {
	weights := GLOBL("adlerWeights", RODATA|NOPTR)
	for i := range 32 {
		DATA(i, U8(32-i))
	}
	TEXT("adlerVector", NOSPLIT, "func(p *byte, blocks int, sums *[3][4]uint64)")
	Doc("adlerVector computes partial sums of 32*blocks bytes.")
	p, blocks := Load(Param("p"), GP64()), Load(Param("blocks"), GP64())
	sums := Load(Param("sums"), GP64())
	zero, weight, ones := YMM(), YMM(), YMM()
	sum, before, weighted := YMM(), YMM(), YMM()
	VPXOR(zero, zero, zero)
	VPXOR(sum, sum, sum)
	VPXOR(before, before, before)
	VPXOR(weighted, weighted, weighted)
	VMOVDQU(weights, weight)
	VPCMPEQW(ones, ones, ones)
	VPSRLW(Imm(15), ones, ones)

	Label("block")
	x, s := YMM(), YMM()
	VMOVDQU(Mem{Base: p}, x)
	VPADDQ(sum, before, before)
	VPSADBW(zero, x, s)
	VPADDQ(s, sum, sum)
	VPMADDUBSW(weight, x, x) // at most 255*32*2 < 32768
	VPMADDWD(ones, x, x)
	VPADDD(x, weighted, weighted)
	ADDQ(Imm(32), p)
	DECQ(blocks)
	JNZ(LabelRef("block"))

	high := YMM()
	VPUNPCKHDQ(zero, weighted, high)
	VPUNPCKLDQ(zero, weighted, weighted)
	VPADDQ(high, weighted, weighted)
	VMOVDQU(sum, Mem{Base: sums})
	VMOVDQU(before, Mem{Base: sums, Disp: 32})
	VMOVDQU(weighted, Mem{Base: sums, Disp: 64})
	VZEROUPPER()
	RET()
}
