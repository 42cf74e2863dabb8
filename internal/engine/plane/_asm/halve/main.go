// Command halve generates the AVX2 kernels of halving chroma. halve.go defines what they compute.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("!purego")
	sums()
	sharpen()
	correct()
	Generate()
}

// words loads 16 bytes as words.
func words(at Mem) reg.VecVirtual {
	v := YMM()
	VPMOVZXBW(at, v)
	return v
}

// each returns a word in all lanes of a register.
func each(name string, v uint16) reg.VecVirtual {
	data := GLOBL(name, RODATA|NOPTR)
	DATA(0, U16(v))
	x := YMM()
	VPBROADCASTW(data.Offset(0), x)
	return x
}

// store packs words to 16 bytes, from 0 to 255.
func store(v reg.VecVirtual, at Mem) {
	VPACKUSWB(v, v, v)
	VPERMQ(Imm(0x08), v, v)
	VMOVDQU(v.AsX(), at)
}

// times3 triples words.
func times3(v reg.VecVirtual) {
	twice := YMM()
	VPADDW(v, v, twice)
	VPADDW(twice, v, v)
}

func sums() {
	TEXT("sumVector", NOSPLIT, "func(dst *uint16, near, far *byte, blocks int)")
	Doc("sumVector computes 16*blocks sums.")
	dst, near, far, blocks := Load(Param("dst"), GP64()), Load(Param("near"), GP64()), Load(Param("far"), GP64()), Load(Param("blocks"), GP64())
	Label("block")
	a, b := words(Mem{Base: near}), words(Mem{Base: far})
	times3(a)
	VPADDW(b, a, a)
	VMOVDQU(a, Mem{Base: dst})
	ADDQ(Imm(16), near)
	ADDQ(Imm(16), far)
	ADDQ(Imm(32), dst)
	DECQ(blocks)
	JNZ(LabelRef("block"))
	VZEROUPPER()
	RET()
}

func sharpen() {
	TEXT("sharpenVector", NOSPLIT, "func(dst, above, row, below *byte, blocks int)")
	Doc("sharpenVector computes 16*blocks samples. It reads the one before and behind those of row.")
	dst, above, row, below := Load(Param("dst"), GP64()), Load(Param("above"), GP64()), Load(Param("row"), GP64()), Load(Param("below"), GP64())
	blocks := Load(Param("blocks"), GP64())
	half, twenty := each("sharpenHalf", 8), each("sharpenTwenty", 20)
	Label("block")
	v := words(Mem{Base: row})
	VPMULLW(twenty, v, v)
	VPADDW(half, v, v)
	for _, at := range []Mem{{Base: row, Disp: -1}, {Base: row, Disp: 1}, {Base: above}, {Base: below}} {
		x := words(at)
		VPSUBW(x, v, v)
	}
	VPSRAW(Imm(4), v, v)
	store(v, Mem{Base: dst})
	for _, p := range []reg.Register{dst, above, row, below} {
		ADDQ(Imm(16), p)
	}
	DECQ(blocks)
	JNZ(LabelRef("block"))
	VZEROUPPER()
	RET()
}

// correct takes 16 pixels at a time, in words; products are double words, those of pixels 0 to 3 and 8 to 11 apart from the
// others.
func correct() {
	TEXT("correctVector", NOSPLIT, "func(luma, blue, red *byte, blues, reds *uint16, table *[4096][2]int16, blocks int)")
	Doc("correctVector corrects 16*blocks pixels. blues and reds are the sums before those of the first pixel.")
	luma, blue, red := Load(Param("luma"), GP64()), Load(Param("blue"), GP64()), Load(Param("red"), GP64())
	blues, reds := Load(Param("blues"), GP64()), Load(Param("reds"), GP64())
	table, blocks := Load(Param("table"), GP64()), Load(Param("blocks"), GP64())
	eight, seven := each("correctEight", 8), each("correctSeven", 7)
	limits := GLOBL("correctLimits", RODATA|NOPTR) // the most and the least, in memory: registers are few
	for i := range 32 {
		DATA(2*i, U16([]int{8, 1<<16 - 8}[i/16]))
	}
	half, zero := YMM(), YMM()
	halves := GLOBL("correctHalf", RODATA|NOPTR)
	DATA(0, U32(512))
	VPBROADCASTD(halves.Offset(0), half)
	VPXOR(zero, zero, zero)
	Label("block")
	// chroma returns by how much the full chroma is more than the interpolated one, and 16ths of the range.
	chroma := func(full, sums reg.Register) (more, mean reg.VecVirtual) {
		here, even, odd, low := XMM(), XMM(), XMM(), YMM()
		VMOVDQU(Mem{Base: sums, Disp: 2}, here)
		VPADDW(here, here, even)
		VPADDW(even, here, here)
		VPADDW(Mem{Base: sums}, here, even)
		VPADDW(Mem{Base: sums, Disp: 4}, here, odd)
		VPADDW(eight.AsX(), even, even)
		VPADDW(seven.AsX(), odd, odd)
		VPSRLW(Imm(4), even, even)
		VPSRLW(Imm(4), odd, odd)
		VPUNPCKHWD(odd, even, here)
		VPUNPCKLWD(odd, even, low.AsX())
		VINSERTI128(Imm(1), here, low, low)
		more = words(Mem{Base: full})
		mean = YMM()
		VPADDW(low, more, mean)
		VPSUBW(low, more, more)
		VPSRLW(Imm(5), mean, mean)
		return more, mean
	}
	moreBlue, at := chroma(blue, blues)
	moreRed, atRed := chroma(red, reds)
	y, atLuma := words(Mem{Base: luma}), YMM()
	VPSRLW(Imm(4), y, atLuma)
	VPSLLW(Imm(8), atLuma, atLuma)
	VPSLLW(Imm(4), at, at)
	VPOR(atRed, at, at)
	VPOR(atLuma, at, at)
	var sum [2]reg.VecVirtual
	for i := range sum {
		pair, index, mask, shares := YMM(), YMM(), YMM(), YMM()
		if i == 0 {
			VPUNPCKLWD(moreRed, moreBlue, pair)
			VPUNPCKLWD(zero, at, index)
		} else {
			VPUNPCKHWD(moreRed, moreBlue, pair)
			VPUNPCKHWD(zero, at, index)
		}
		VPCMPEQD(mask, mask, mask)
		VPGATHERDD(mask, Mem{Base: table, Index: index, Scale: 4}, shares)
		VPMADDWD(shares, pair, pair)
		VPADDD(half, pair, pair)
		VPSRAD(Imm(10), pair, pair)
		sum[i] = pair
	}
	VPACKSSDW(sum[1], sum[0], sum[0])
	VPMINSW(limits.Offset(0), sum[0], sum[0])
	VPMAXSW(limits.Offset(32), sum[0], sum[0])
	VPADDW(sum[0], y, y)
	store(y, Mem{Base: luma})
	for _, p := range []reg.Register{luma, blue, red, blues, reds} {
		ADDQ(Imm(16), p)
	}
	DECQ(blocks)
	JNZ(LabelRef("block"))
	VZEROUPPER()
	RET()
}
