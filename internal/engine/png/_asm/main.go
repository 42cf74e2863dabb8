// Command _asm generates the AVX2 kernels of package png. The plain functions that they equal are
// in inflate.go, unfilter.go, expand.go, adler.go and filter.go.
package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("!purego")
	paeth()
	narrow()
	lookUp()
	adler()
	differences()
	nearest()
	cost()
	inflate()
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

// differences computes 16 bytes at a time of three filters. The instruction for a mean rounds up, so
// one is subtracted where the sum is odd.
func differences() {
	TEXT("differencesVector", NOSPLIT, "func(sub, up, mean, row, left, above *byte, blocks int)")
	Doc("differencesVector applies Sub, Up and Average to 16*blocks bytes.")
	sub, up, mean := Load(Param("sub"), GP64()), Load(Param("up"), GP64()), Load(Param("mean"), GP64())
	row, left, above := Load(Param("row"), GP64()), Load(Param("left"), GP64()), Load(Param("above"), GP64())
	blocks, at := Load(Param("blocks"), GP64()), GP64()
	XORQ(at, at)
	one := XMM()
	VPCMPEQB(one, one, one)
	VPABSB(one, one)
	next := func(p reg.Register) Mem { return Mem{Base: p, Index: at, Scale: 1} }

	Label("block")
	x, a, b, odd, y := XMM(), XMM(), XMM(), XMM(), XMM()
	VMOVDQU(next(row), x)
	VMOVDQU(next(left), a)
	VMOVDQU(next(above), b)
	VPSUBB(a, x, y)
	VMOVDQU(y, next(sub))
	VPSUBB(b, x, y)
	VMOVDQU(y, next(up))
	VPXOR(a, b, odd)
	VPAND(one, odd, odd)
	VPAVGB(a, b, y)
	VPSUBB(odd, y, y)
	VPSUBB(y, x, y)
	VMOVDQU(y, next(mean))
	ADDQ(Imm(16), at)
	DECQ(blocks)
	JNZ(LabelRef("block"))
	RET()
}

// nearest applies Paeth to 16 bytes at a time.
func nearest() {
	TEXT("nearestVector", NOSPLIT, "func(dst, row, left, above, corner *byte, blocks int)")
	Doc("nearestVector applies Paeth to 16*blocks bytes.")
	dst, row := Load(Param("dst"), GP64()), Load(Param("row"), GP64())
	left, above := Load(Param("left"), GP64()), Load(Param("above"), GP64())
	corner, blocks := Load(Param("corner"), GP64()), Load(Param("blocks"), GP64())
	at := GP64()
	XORQ(at, at)
	a, b, c := YMM(), YMM(), YMM()
	pa, pb, pc, least := YMM(), YMM(), YMM(), YMM()

	Label("block")
	VPMOVZXBW(Mem{Base: left, Index: at, Scale: 1}, a)
	VPMOVZXBW(Mem{Base: above, Index: at, Scale: 1}, b)
	VPMOVZXBW(Mem{Base: corner, Index: at, Scale: 1}, c)
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
	VEXTRACTI128(Imm(1), c, a.AsX())
	VPACKUSWB(a.AsX(), c.AsX(), c.AsX())
	VMOVDQU(Mem{Base: row, Index: at, Scale: 1}, b.AsX())
	VPSUBB(c.AsX(), b.AsX(), b.AsX())
	VMOVDQU(b.AsX(), Mem{Base: dst, Index: at, Scale: 1})
	ADDQ(Imm(16), at)
	DECQ(blocks)
	JNZ(LabelRef("block"))
	VZEROUPPER()
	RET()
}

// cost looks up the costs of 32 bytes at a time: of values below 16 by the value, of others by
// their upper bits.
func cost() {
	table := GLOBL("costTable", RODATA|NOPTR)
	bits := func(v int) U8 { return U8(math.Round(32 * math.Log2(float64(1+v)))) }
	for i := range 96 { // three tables, each twice: one for each lane
		v := i & 15
		switch {
		case i < 32:
			DATA(i, bits(v))
		case i < 64 && v <= 8:
			DATA(i, bits(16*v+8))
		case i < 64:
			DATA(i, U8(0))
		default:
			DATA(i, U8(15))
		}
	}
	TEXT("costVector", NOSPLIT, "func(p *byte, blocks int, sums *[4]uint64)")
	Doc("costVector adds up the costs of 32*blocks bytes.")
	p, blocks := Load(Param("p"), GP64()), Load(Param("blocks"), GP64())
	sums := Load(Param("sums"), GP64())
	low, high, nibble, zero, sum := YMM(), YMM(), YMM(), YMM(), YMM()
	VMOVDQU(table, low)
	VMOVDQU(table.Offset(32), high)
	VMOVDQU(table.Offset(64), nibble)
	VPXOR(zero, zero, zero)
	VPXOR(sum, sum, sum)

	Label("block")
	x, y := YMM(), YMM()
	VPABSB(Mem{Base: p}, x)
	VPSRLW(Imm(4), x, y)
	VPAND(nibble, y, y)
	small := YMM()
	VPCMPEQB(zero, y, small)
	VPSHUFB(y, high, y)
	VPSHUFB(x, low, x)
	VPBLENDVB(small, x, y, x)
	VPSADBW(zero, x, x)
	VPADDQ(x, sum, sum)
	ADDQ(Imm(32), p)
	DECQ(blocks)
	JNZ(LabelRef("block"))
	VMOVDQU(sum, Mem{Base: sums})
	VZEROUPPER()
	RET()
}
