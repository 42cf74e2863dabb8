// Command transform generates the AVX2 kernels of HEVC's inverse transforms, which add the residual to
// the prediction. transform.go of package hevc defines what they compute.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("!purego")
	inverse4()
	for _, n := range []int{8, 16, 32} {
		inverse(n)
	}
	addConstant()
	Generate()
}

// doubles is a register with eight times a constant.
func doubles(v uint32) reg.VecVirtual {
	r, y := GP32(), YMM()
	MOVL(U32(v), r)
	VMOVD(r, y.AsX())
	VPBROADCASTD(y.AsX(), y)
	return y
}

// output is what the end of a transform needs: the bounds of samples, and how sums are rounded.
type output struct {
	zero, highest, round reg.VecVirtual
	shift                reg.VecVirtual
}

// loadOutput reads the parameters shift and highest.
func loadOutput() output {
	o := output{YMM(), YMM(), YMM(), XMM()}
	VPXOR(o.zero, o.zero, o.zero)
	highest := Load(Param("highest"), GP64())
	VMOVD(highest.(reg.GPVirtual).As32(), o.highest.AsX())
	VPBROADCASTW(o.highest.AsX(), o.highest)
	shift := Load(Param("shift"), reg.RCX)
	VMOVQ(shift, o.shift)
	round := GP64()
	MOVQ(U32(1), round)
	SHLQ(reg.CL, round)
	SHRQ(Imm(1), round)
	VMOVD(round.As32(), o.round.AsX())
	VPBROADCASTD(o.round.AsX(), o.round)
	return o
}

// clip adds words of a residual to samples, and keeps the sums within the bounds.
func (o output) clip(residual, samples reg.VecVirtual) {
	VPADDSW(samples, residual, residual)
	VPMAXSW(o.zero, residual, residual)
	VPMINSW(o.highest, residual, residual)
}

// inverse4 transforms a block of 4×4. pairs has basis functions 0 and 1, and then 2 and 3, interleaved.
func inverse4() {
	TEXT("inverse4Vector", NOSPLIT, "func(dst *uint16, stride int, coefficients *int16, pairs *int32, shift, highest int)")
	Doc("inverse4Vector adds the inverse transform of 4×4 coefficients. stride is in samples.")
	o := loadOutput()
	coefficients, pairs := Load(Param("coefficients"), GP64()), Load(Param("pairs"), GP64())
	low, high := XMM(), XMM() // rows 0 and 1, and rows 2 and 3, interleaved
	for i, v := range []reg.VecVirtual{low, high} {
		a, b := XMM(), XMM()
		VMOVQ(Mem{Base: coefficients, Disp: 16 * i}, a)
		VMOVQ(Mem{Base: coefficients, Disp: 16*i + 8}, b)
		VPUNPCKLWD(b, a, v)
	}
	round := doubles(64).AsX()
	var rows [4]reg.VecVirtual
	for y := range rows {
		a, b := XMM(), XMM()
		VPBROADCASTD(Mem{Base: pairs, Disp: 4 * y}, a)
		VPMADDWD(low, a, a)
		VPBROADCASTD(Mem{Base: pairs, Disp: 16 + 4*y}, b)
		VPMADDWD(high, b, b)
		VPADDD(b, a, a)
		VPADDD(round, a, a)
		VPSRAD(Imm(7), a, a)
		rows[y] = a
	}
	first, last := XMM(), XMM()
	VMOVDQU(Mem{Base: pairs}, first)
	VMOVDQU(Mem{Base: pairs, Disp: 16}, last)
	dst, stride := Load(Param("dst"), GP64()), Load(Param("stride"), GP64())
	ADDQ(stride, stride)
	for i := range 2 {
		words := XMM() // two rows
		VPACKSSDW(rows[2*i+1], rows[2*i], words)
		var sums [2]reg.VecVirtual
		for j := range sums {
			a, b := XMM(), XMM()
			VPSHUFD(Imm(uint64(0x55*(2*j))), words, a)
			VPMADDWD(first, a, a)
			VPSHUFD(Imm(uint64(0x55*(2*j+1))), words, b)
			VPMADDWD(last, b, b)
			VPADDD(b, a, a)
			VPADDD(o.round.AsX(), a, a)
			VPSRAD(o.shift, a, a)
			sums[j] = a
		}
		residual, samples := XMM(), XMM()
		VPACKSSDW(sums[1], sums[0], residual)
		VMOVQ(Mem{Base: dst}, samples)
		VPINSRQ(Imm(1), Mem{Base: dst, Index: stride, Scale: 1}, samples, samples)
		VPADDSW(samples, residual, residual)
		VPMAXSW(o.zero.AsX(), residual, residual)
		VPMINSW(o.highest.AsX(), residual, residual)
		VMOVQ(residual, Mem{Base: dst})
		VPEXTRQ(Imm(1), residual, Mem{Base: dst, Index: stride, Scale: 1})
		LEAQ(Mem{Base: dst, Index: stride, Scale: 2}, dst)
	}
	VZEROUPPER()
	RET()
}

// inverse transforms a block of n×n, of which the first rowPairs pairs of rows and columnPairs pairs of
// columns have coefficients. pairs has rows of n pairs: basis functions 2p and 2p+1, interleaved. The
// scratch memory holds a group of eight columns with pairs of rows interleaved, and behind it the rows
// between the stages.
func inverse(n int) {
	const between = 512 // bytes of the group
	TEXT(fmt.Sprintf("inverse%dVector", n), NOSPLIT,
		"func(dst *uint16, stride int, coefficients *int16, pairs *int32, scratch *int32, rowPairs, columnPairs, shift, highest int)")
	Doc(fmt.Sprintf("inverse%dVector adds the inverse transform of %d×%d coefficients. stride is in samples.", n, n, n))
	coefficients, pairs := Load(Param("coefficients"), GP64()), Load(Param("pairs"), GP64())
	scratch := Load(Param("scratch"), GP64())
	rowPairs := Load(Param("rowPairs"), GP64())
	groups := Load(Param("columnPairs"), GP64())
	ADDQ(Imm(3), groups)
	SHRQ(Imm(2), groups)
	round := doubles(64)
	columns := GP64() // where the group goes between the stages
	LEAQ(Mem{Base: scratch, Disp: between}, columns)

	Label("group")
	from, to, count := GP64(), GP64(), GP64()
	MOVQ(coefficients, from)
	MOVQ(scratch, to)
	MOVQ(rowPairs, count)
	Label("interleave")
	{
		a, b, low, high := XMM(), XMM(), XMM(), YMM()
		VMOVDQU(Mem{Base: from}, a)
		VMOVDQU(Mem{Base: from, Disp: 2 * n}, b)
		VPUNPCKLWD(b, a, low)
		VPUNPCKHWD(b, a, high.AsX())
		VMOVDQU(low, Mem{Base: to})
		VMOVDQU(high.AsX(), Mem{Base: to, Disp: 16})
		ADDQ(U32(uint32(4*n)), from)
		ADDQ(Imm(32), to)
		DECQ(count)
		JNZ(LabelRef("interleave"))
	}
	basis, row, rows := GP64(), GP64(), GP64()
	MOVQ(pairs, basis)
	MOVQ(columns, row)
	MOVQ(U32(uint32(n/4)), rows)
	Label("first")
	{
		var sums [4]reg.VecVirtual
		for i := range sums {
			sums[i] = YMM()
			VMOVDQA(round, sums[i])
		}
		factor := GP64()
		MOVQ(basis, factor)
		MOVQ(scratch, from)
		MOVQ(rowPairs, count)
		Label("firstPair")
		v := YMM()
		VMOVDQU(Mem{Base: from}, v)
		for i := range sums {
			f := YMM()
			VPBROADCASTD(Mem{Base: factor, Disp: 4 * i}, f)
			VPMADDWD(v, f, f)
			VPADDD(f, sums[i], sums[i])
		}
		ADDQ(Imm(32), from)
		ADDQ(U32(uint32(4*n)), factor)
		DECQ(count)
		JNZ(LabelRef("firstPair"))
		for i := 0; i < 4; i += 2 {
			VPSRAD(Imm(7), sums[i], sums[i])
			VPSRAD(Imm(7), sums[i+1], sums[i+1])
			VPACKSSDW(sums[i+1], sums[i], sums[i])
			VPERMQ(Imm(0xd8), sums[i], sums[i])
			VMOVDQU(sums[i].AsX(), Mem{Base: row, Disp: 2 * n * i})
			VEXTRACTI128(Imm(1), sums[i], Mem{Base: row, Disp: 2 * n * (i + 1)})
		}
		ADDQ(Imm(16), basis)
		ADDQ(U32(uint32(8*n)), row)
		DECQ(rows)
		JNZ(LabelRef("first"))
	}
	ADDQ(Imm(16), coefficients)
	ADDQ(Imm(16), columns)
	DECQ(groups)
	JNZ(LabelRef("group"))
	second(n, between)
	VZEROUPPER()
	RET()
}

// second is the stage over rows, two of them at once if n is 8.
func second(n, between int) {
	o := loadOutput()
	pairs, row := Load(Param("pairs"), GP64()), Load(Param("scratch"), GP64())
	ADDQ(U32(uint32(between)), row)
	columnPairs := Load(Param("columnPairs"), GP64())
	dst, stride := Load(Param("dst"), GP64()), Load(Param("stride"), GP64())
	ADDQ(stride, stride)
	atOnce := max(1, 16/n)
	rows := GP64()
	MOVQ(U32(uint32(n/atOnce)), rows)
	Label("second")
	sums := make([]reg.VecVirtual, atOnce*n/8)
	for i := range sums {
		sums[i] = YMM()
		VMOVDQA(o.round, sums[i])
	}
	from, factor, count := GP64(), GP64(), GP64()
	MOVQ(row, from)
	MOVQ(pairs, factor)
	MOVQ(columnPairs, count)
	Label("secondPair")
	for y := range atOnce {
		v := YMM()
		VPBROADCASTD(Mem{Base: from, Disp: 2 * n * y}, v)
		for g := range n / 8 {
			f := YMM()
			VPMADDWD(Mem{Base: factor, Disp: 32 * g}, v, f)
			VPADDD(f, sums[y*n/8+g], sums[y*n/8+g])
		}
	}
	ADDQ(Imm(4), from)
	ADDQ(U32(uint32(4*n)), factor)
	DECQ(count)
	JNZ(LabelRef("secondPair"))
	for i := range sums {
		VPSRAD(o.shift, sums[i], sums[i])
	}
	for i := 0; i < len(sums); i += 2 {
		VPACKSSDW(sums[i+1], sums[i], sums[i])
		VPERMQ(Imm(0xd8), sums[i], sums[i])
		samples := YMM()
		if n == 8 {
			VMOVDQU(Mem{Base: dst}, samples.AsX())
			VINSERTI128(Imm(1), Mem{Base: dst, Index: stride, Scale: 1}, samples, samples)
			o.clip(sums[i], samples)
			VMOVDQU(sums[i].AsX(), Mem{Base: dst})
			VEXTRACTI128(Imm(1), sums[i], Mem{Base: dst, Index: stride, Scale: 1})
			continue
		}
		VMOVDQU(Mem{Base: dst, Disp: 16 * i}, samples)
		o.clip(sums[i], samples)
		VMOVDQU(sums[i], Mem{Base: dst, Disp: 16 * i})
	}
	LEAQ(Mem{Base: dst, Index: stride, Scale: uint8(atOnce)}, dst)
	ADDQ(U32(uint32(2*n*atOnce)), row)
	DECQ(rows)
	JNZ(LabelRef("second"))
}

// addConstant adds one value to all samples of a block.
func addConstant() {
	TEXT("addConstantVector", NOSPLIT, "func(dst *uint16, stride, n, value, highest int)")
	Doc("addConstantVector adds a value to n×n samples; n is 8, 16 or 32. stride is in samples.")
	dst, stride := Load(Param("dst"), GP64()), Load(Param("stride"), GP64())
	ADDQ(stride, stride)
	n := Load(Param("n"), GP64())
	value, highest, zero := XMM(), XMM(), XMM()
	VMOVQ(Load(Param("value"), GP64()), value)
	VPBROADCASTW(value, value)
	VMOVQ(Load(Param("highest"), GP64()), highest)
	VPBROADCASTW(highest, highest)
	VPXOR(zero, zero, zero)
	rows := GP64()
	MOVQ(n, rows)
	SHRQ(Imm(3), n)
	Label("row")
	at, count := GP64(), GP64()
	MOVQ(dst, at)
	MOVQ(n, count)
	Label("eight")
	v := XMM()
	VPADDSW(Mem{Base: at}, value, v)
	VPMAXSW(zero, v, v)
	VPMINSW(highest, v, v)
	VMOVDQU(v, Mem{Base: at})
	ADDQ(Imm(16), at)
	DECQ(count)
	JNZ(LabelRef("eight"))
	ADDQ(stride, dst)
	DECQ(rows)
	JNZ(LabelRef("row"))
	RET()
}
