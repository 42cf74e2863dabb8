// Command _asm generates the AVX2 kernels of package resample. kernel.go defines what they compute
// and lanes.go how their weights are laid out in memory. Each loop works on whole blocks of 16
// output samples, to which rows are padded.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("!purego")
	spread()
	spreadView()
	dot("dot8", 1)
	dot("dot16", 2)
	vertical("vertical8Vector", output8)
	vertical("vertical16Vector", output16)
	premultiply()
	Generate()
}

// spread computes four windows of four output samples each; see lanes.
func spread() {
	TEXT("spread", NOSPLIT, "func(dst *int16, src *byte, base *int32, mask *byte, coef *int16, "+
		"groups, pairs, step int, start, shift int32)")
	Doc("spread computes 16*groups values of h.",
		"step is the size of two source samples in bytes; start and shift are those of kernel.go.")
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	base, mask := Load(Param("base"), GP64()), Load(Param("mask"), GP64())
	coef, groups := Load(Param("coef"), GP64()), Load(Param("groups"), GP64())
	step := Load(Param("step"), GP64())
	start, shift := broadcast(Load(Param("start"), GP32())), XMM()
	VMOVD(Load(Param("shift"), GP32()), shift)

	Label("group")
	var window [4]reg.GPVirtual
	for i := range window {
		window[i] = GP64()
		MOVLQSX(Mem{Base: base, Disp: 4 * i}, window[i])
		ADDQ(src, window[i])
	}
	a, b, maskA, maskB := YMM(), YMM(), YMM(), YMM()
	VMOVDQA(start, a)
	VMOVDQA(start, b)
	VMOVDQU(Mem{Base: mask}, maskA)
	VMOVDQU(Mem{Base: mask, Disp: 32}, maskB)
	at, left := GP64(), GP64()
	XORQ(at, at)
	Load(Param("pairs"), left)

	Label("pair")
	x, y := YMM(), YMM()
	VMOVDQU(Mem{Base: window[0], Index: at, Scale: 1}, x.AsX())
	VINSERTI128(Imm(1), Mem{Base: window[1], Index: at, Scale: 1}, x, x)
	VMOVDQU(Mem{Base: window[2], Index: at, Scale: 1}, y.AsX())
	VINSERTI128(Imm(1), Mem{Base: window[3], Index: at, Scale: 1}, y, y)
	VPSHUFB(maskA, x, x)
	VPSHUFB(maskB, y, y)
	VPMADDWD(Mem{Base: coef}, x, x)
	VPMADDWD(Mem{Base: coef, Disp: 32}, y, y)
	VPADDD(x, a, a)
	VPADDD(y, b, b)
	ADDQ(step, at)
	ADDQ(Imm(64), coef)
	DECQ(left)
	JNZ(LabelRef("pair"))

	VPSRAD(shift, a, a)
	VPSRAD(shift, b, b)
	VPACKSSDW(b, a, a)
	VMOVDQU(a, Mem{Base: dst})
	ADDQ(Imm(32), dst)
	ADDQ(Imm(16), base)
	ADDQ(Imm(64), mask)
	DECQ(groups)
	JNZ(LabelRef("group"))
	VZEROUPPER()
	RET()
}

// spreadView computes the same as spread for samples of one byte, if each view holds the whole windows of its
// outputs: the masks move instead of the views.
func spreadView() {
	TEXT("spreadView", NOSPLIT, "func(dst *int16, src *byte, base *int32, mask *byte, coef *int16, "+
		"groups, pairs int, start int32)")
	Doc("spreadView computes 16*groups values of h.")
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	base, mask := Load(Param("base"), GP64()), Load(Param("mask"), GP64())
	coef, groups := Load(Param("coef"), GP64()), Load(Param("groups"), GP64())
	pairs := Load(Param("pairs"), GP64())
	start, two := broadcast(Load(Param("start"), GP32())), YMM()
	VPCMPEQB(two, two, two)
	VPADDB(two, two, two)
	VPABSB(two, two)

	Label("group")
	x, y := YMM(), YMM()
	for i, view := range []reg.VecVirtual{x, x, y, y} {
		at := GP64()
		MOVLQSX(Mem{Base: base, Disp: 4 * i}, at)
		if i%2 == 0 {
			VMOVDQU(Mem{Base: src, Index: at, Scale: 1}, view.AsX())
		} else {
			VINSERTI128(Imm(1), Mem{Base: src, Index: at, Scale: 1}, view, view)
		}
	}
	a, b, maskA, maskB := YMM(), YMM(), YMM(), YMM()
	VMOVDQA(start, a)
	VMOVDQA(start, b)
	VMOVDQU(Mem{Base: mask}, maskA)
	VMOVDQU(Mem{Base: mask, Disp: 32}, maskB)
	left := GP64()
	MOVQ(pairs, left)

	Label("pair")
	p, q := YMM(), YMM()
	VPSHUFB(maskA, x, p)
	VPSHUFB(maskB, y, q)
	VPADDB(two, maskA, maskA) // The bytes that pick zero remain negative.
	VPADDB(two, maskB, maskB)
	VPMADDWD(Mem{Base: coef}, p, p)
	VPMADDWD(Mem{Base: coef, Disp: 32}, q, q)
	VPADDD(p, a, a)
	VPADDD(q, b, b)
	ADDQ(Imm(64), coef)
	DECQ(left)
	JNZ(LabelRef("pair"))

	VPSRAD(Imm(7), a, a)
	VPSRAD(Imm(7), b, b)
	VPACKSSDW(b, a, a)
	VMOVDQU(a, Mem{Base: dst})
	ADDQ(Imm(32), dst)
	ADDQ(Imm(16), base)
	ADDQ(Imm(64), mask)
	DECQ(groups)
	JNZ(LabelRef("group"))
	VZEROUPPER()
	RET()
}

// dot computes four long windows at a time, 16 source samples of each in one step.
func dot(name string, size int) {
	source := "byte"
	if size == 2 {
		source = "int16"
	}
	TEXT(name, NOSPLIT,
		"func(dst *int16, src *"+source+", base *int32, coef *int16, fours, chunks int)")
	Doc(name + " computes 4*fours values of h from windows of 16*chunks source samples.")
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	base, coef := Load(Param("base"), GP64()), Load(Param("coef"), GP64())
	fours := Load(Param("fours"), GP64())
	value, shift := int32(1<<6-128<<14), uint8(7)
	if size == 2 {
		value, shift = 1<<14, 15
	}
	start := broadcast(constant(value))

	Label("four")
	var window [4]reg.GPVirtual
	var sum [4]reg.VecVirtual
	for i := range window {
		window[i], sum[i] = GP64(), YMM()
		MOVLQSX(Mem{Base: base, Disp: 4 * i}, window[i])
		ADDQ(src, window[i])
		VPXOR(sum[i], sum[i], sum[i])
	}
	at, left := GP64(), GP64()
	XORQ(at, at)
	Load(Param("chunks"), left)

	Label("chunk")
	for i := range window {
		x := YMM()
		if size == 1 {
			VPMOVZXBW(Mem{Base: window[i], Index: at, Scale: 1}, x)
			VPMADDWD(Mem{Base: coef, Disp: 32 * i}, x, x)
		} else {
			VMOVDQU(Mem{Base: coef, Disp: 32 * i}, x)
			VPMADDWD(Mem{Base: window[i], Index: at, Scale: 1}, x, x)
		}
		VPADDD(x, sum[i], sum[i])
	}
	ADDQ(Imm(uint64(16*size)), at)
	ADDQ(Imm(128), coef)
	DECQ(left)
	JNZ(LabelRef("chunk"))

	// Add up the eight parts of each sum: first neighbours, then 128-bit lanes.
	VPHADDD(sum[1], sum[0], sum[0])
	VPHADDD(sum[3], sum[2], sum[2])
	VPHADDD(sum[2], sum[0], sum[0])
	high := XMM()
	VEXTRACTI128(Imm(1), sum[0], high)
	VPADDD(high, sum[0].AsX(), high)
	VPADDD(start.AsX(), high, high)
	VPSRAD(Imm(uint64(shift)), high, high)
	VPACKSSDW(high, high, high)
	VMOVQ(high, Mem{Base: dst})
	ADDQ(Imm(8), dst)
	ADDQ(Imm(16), base)
	DECQ(fours)
	JNZ(LabelRef("four"))
	VZEROUPPER()
	RET()
}

// output describes how a vertical kernel initialises its sums and stores 16 of them: columns 0 to 3
// and 8 to 11 are in a, the others in b.
type output struct {
	dst   string
	size  int
	start int32
	store func(a, b reg.VecVirtual, dst reg.Register)
}

var output8 = output{"byte", 1, 128<<21 + 1<<20, func(a, b reg.VecVirtual, dst reg.Register) {
	VPSRAD(Imm(21), a, a)
	VPSRAD(Imm(21), b, b)
	VPACKSSDW(b, a, a)
	VPACKUSWB(a, a, a)
	VPERMQ(Imm(0b1000), a, a)
	VMOVDQU(a.AsX(), Mem{Base: dst})
}}

var output16 = output{"int32", 4, 32768<<13 + 1<<12, func(a, b reg.VecVirtual, dst reg.Register) {
	VPSRAD(Imm(13), a, a)
	VPSRAD(Imm(13), b, b)
	x := YMM()
	VPERM2I128(Imm(0x20), b, a, x)
	VPERM2I128(Imm(0x31), b, a, a)
	VMOVDQU(x, Mem{Base: dst})
	VMOVDQU(a, Mem{Base: dst, Disp: 32})
}}

// vertical reads the rows of h in interleaved pairs and multiplies each pair by its two weights.
func vertical(name string, out output) {
	TEXT(name, NOSPLIT, "func(dst *"+out.dst+", h *int16, stride int, coef *int16, pairs, blocks int)")
	Doc(name + " computes 16*blocks output values from 2*pairs rows of h; stride is in bytes.")
	dst, h := Load(Param("dst"), GP64()), Load(Param("h"), GP64())
	stride, coef := Load(Param("stride"), GP64()), Load(Param("coef"), GP64())
	pairs, blocks := Load(Param("pairs"), GP64()), Load(Param("blocks"), GP64())
	start := broadcast(constant(out.start))

	Label("block")
	a, b := YMM(), YMM()
	VMOVDQA(start, a)
	VMOVDQA(start, b)
	row, k := GP64(), GP64()
	MOVQ(h, row)
	XORQ(k, k)

	Label("pair")
	c, p, q, low := YMM(), YMM(), YMM(), YMM()
	VPBROADCASTD(Mem{Base: coef, Index: k, Scale: 4}, c)
	VMOVDQU(Mem{Base: row}, p)
	VMOVDQU(Mem{Base: row, Index: stride, Scale: 1}, q)
	VPUNPCKLWD(q, p, low)
	VPUNPCKHWD(q, p, p)
	VPMADDWD(c, low, low)
	VPMADDWD(c, p, p)
	VPADDD(low, a, a)
	VPADDD(p, b, b)
	LEAQ(Mem{Base: row, Index: stride, Scale: 2}, row)
	INCQ(k)
	CMPQ(k, pairs)
	JNE(LabelRef("pair"))

	out.store(a, b, dst)
	ADDQ(Imm(uint64(16*out.size)), dst)
	ADDQ(Imm(32), h)
	DECQ(blocks)
	JNZ(LabelRef("block"))
	VZEROUPPER()
	RET()
}

func premultiply() {
	TEXT("premultiplyVector", NOSPLIT, "func(dst *int16, colour, alpha *byte, blocks int)")
	Doc("premultiplyVector computes 16*blocks values p-32768.")
	dst, colour := Load(Param("dst"), GP64()), Load(Param("colour"), GP64())
	alpha, blocks := Load(Param("alpha"), GP64()), Load(Param("blocks"), GP64())
	flip := YMM()
	VPCMPEQW(flip, flip, flip)
	VPSLLW(Imm(15), flip, flip)

	Label("block")
	x, y := YMM(), YMM()
	VPMOVZXBW(Mem{Base: colour}, x)
	VPMOVZXBW(Mem{Base: alpha}, y)
	VPMULLW(y, x, x)
	VPXOR(flip, x, x)
	VMOVDQU(x, Mem{Base: dst})
	ADDQ(Imm(16), colour)
	ADDQ(Imm(16), alpha)
	ADDQ(Imm(32), dst)
	DECQ(blocks)
	JNZ(LabelRef("block"))
	VZEROUPPER()
	RET()
}

func constant(v int32) reg.Register {
	r := GP32()
	MOVL(I32(v), r)
	return r
}

// broadcast copies a 32-bit register to all eight lanes.
func broadcast(r reg.Register) reg.VecVirtual {
	all := YMM()
	VMOVD(r, all.AsX())
	VPBROADCASTD(all.AsX(), all)
	return all
}
