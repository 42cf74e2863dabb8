// Command intra generates the AVX2 kernels of HEVC's intra prediction, for samples of up to 10 bits: sums
// then fit 16 bits without a sign. intra.go of package hevc defines what they compute.
package main

import (
	"fmt"
	"math/bits"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("!purego")
	for _, n := range []int{4, 8, 16, 32} {
		angular(n)
	}
	transpose4()
	transpose8()
	for _, n := range []int{8, 16, 32} {
		planar(n)
	}
	Generate()
}

// vector returns a register for n samples, or 16 if there are more.
func vector(n int) reg.VecVirtual {
	if n < 16 {
		return XMM()
	}
	return YMM()
}

// store writes the first n samples of a register.
func store(v reg.VecVirtual, n int, m Mem) {
	if n == 4 {
		VMOVQ(v, m)
	} else {
		VMOVDQU(v, m)
	}
}

// angular predicts a block from the samples above it: row y, from 1 on, is where y·angle/32 points to.
// reference points to p[0][−1].
func angular(n int) {
	TEXT(fmt.Sprintf("angular%dVector", n), NOSPLIT, "func(dst *uint16, stride int, reference *uint16, angle int)")
	Doc(fmt.Sprintf("angular%dVector predicts a block of %d×%d. stride is in samples.", n, n, n))
	dst, stride := Load(Param("dst"), GP64()), Load(Param("stride"), GP64())
	ADDQ(stride, stride)
	reference, angle := Load(Param("reference"), GP64()), Load(Param("angle"), GP64())
	round := vector(n)
	r := GP32()
	MOVL(U32(16), r)
	VMOVD(r, round.AsX())
	VPBROADCASTW(round.AsX(), round)
	at, rows := GP64(), GP64()
	MOVQ(angle, at)
	MOVQ(U32(uint32(n)), rows)
	Label("row")
	from, weight := GP64(), GP64()
	MOVQ(at, from)
	SARQ(Imm(5), from)
	LEAQ(Mem{Base: reference, Index: from, Scale: 2}, from)
	MOVQ(at, weight)
	ANDQ(Imm(31), weight)
	second, first := vector(n), vector(n)
	VMOVD(weight.As32(), second.AsX())
	VPBROADCASTW(second.AsX(), second)
	VPADDW(round, round, first)
	VPSUBW(second, first, first)
	for x := 0; x < n; x += 16 {
		a, b := vector(n), vector(n)
		VPMULLW(Mem{Base: from, Disp: 2 * x}, first, a)
		VPMULLW(Mem{Base: from, Disp: 2*x + 2}, second, b)
		VPADDW(b, a, a)
		VPADDW(round, a, a)
		VPSRLW(Imm(5), a, a)
		store(a, n, Mem{Base: dst, Disp: 2 * x})
	}
	ADDQ(angle, at)
	ADDQ(stride, dst)
	DECQ(rows)
	JNZ(LabelRef("row"))
	if n >= 16 {
		VZEROUPPER()
	}
	RET()
}

// transpose4 writes a block of 4×4, whose rows are side by side, with rows and columns exchanged.
func transpose4() {
	TEXT("transpose4Vector", NOSPLIT, "func(dst *uint16, stride int, src *uint16)")
	Doc("transpose4Vector writes the columns of src as rows. stride is in samples.")
	dst, stride := Load(Param("dst"), GP64()), Load(Param("stride"), GP64())
	ADDQ(stride, stride)
	src := Load(Param("src"), GP64())
	var rows [4]reg.VecVirtual
	for i := range rows {
		rows[i] = XMM()
		VMOVQ(Mem{Base: src, Disp: 8 * i}, rows[i])
	}
	a, b := XMM(), XMM()
	VPUNPCKLWD(rows[1], rows[0], a)
	VPUNPCKLWD(rows[3], rows[2], b)
	low, high := XMM(), XMM()
	VPUNPCKLDQ(b, a, low)
	VPUNPCKHDQ(b, a, high)
	for _, v := range []reg.VecVirtual{low, high} {
		VMOVQ(v, Mem{Base: dst})
		VPEXTRQ(Imm(1), v, Mem{Base: dst, Index: stride, Scale: 1})
		LEAQ(Mem{Base: dst, Index: stride, Scale: 2}, dst)
	}
	RET()
}

// transpose8 writes a block of n×n by squares of 8×8.
func transpose8() {
	TEXT("transposeVector", NOSPLIT, "func(dst *uint16, stride int, src *uint16, n int)")
	Doc("transposeVector writes the columns of src as rows; n is 8, 16 or 32. stride is in samples.")
	dst, stride := Load(Param("dst"), GP64()), Load(Param("stride"), GP64())
	ADDQ(stride, stride)
	src, n := Load(Param("src"), GP64()), Load(Param("n"), GP64())
	step := GP64() // bytes of a row of src
	LEAQ(Mem{Base: n, Index: n, Scale: 1}, step)
	columns := GP64()
	MOVQ(n, columns)
	Label("column")
	from, to, rows := GP64(), GP64(), GP64()
	MOVQ(src, from)
	MOVQ(dst, to)
	MOVQ(n, rows)
	Label("square")
	var v [8]reg.VecVirtual
	for i := range v {
		v[i] = XMM()
		VMOVDQU(Mem{Base: from}, v[i])
		ADDQ(step, from)
	}
	// Words, then pairs, then fours of neighbouring rows are interleaved.
	v = interleave(v, VPUNPCKLWD, VPUNPCKHWD, 1)
	v = interleave(v, VPUNPCKLDQ, VPUNPCKHDQ, 2)
	v = interleave(v, VPUNPCKLQDQ, VPUNPCKHQDQ, 4)
	row := GP64()
	MOVQ(to, row)
	for _, i := range []int{0, 1, 2, 3, 4, 5, 6, 7} {
		VMOVDQU(v[bits.Reverse8(uint8(i))>>5], Mem{Base: row})
		ADDQ(stride, row)
	}
	ADDQ(Imm(16), to)
	SUBQ(Imm(8), rows)
	JNZ(LabelRef("square"))
	ADDQ(Imm(16), src)
	LEAQ(Mem{Base: dst, Index: stride, Scale: 8}, dst)
	SUBQ(Imm(8), columns)
	JNZ(LabelRef("column"))
	RET()
}

// interleave combines registers distance apart: the lower halves go to the first of them, the upper ones
// to the other.
func interleave(v [8]reg.VecVirtual, low, high func(...Op), distance int) (out [8]reg.VecVirtual) {
	for i := range v {
		if i&distance == 0 {
			out[i], out[i+distance] = XMM(), XMM()
			low(v[i+distance], v[i], out[i])
			high(v[i+distance], v[i], out[i+distance])
		}
	}
	return out
}

// planar predicts a block from the samples above and to the left, one row after another: the part of
// the samples above and below is a sum that grows by their difference.
func planar(n int) {
	weights := GLOBL(fmt.Sprintf("planarWeights%d", n), RODATA|NOPTR) // n−1−x, and then x+1
	for x := range n {
		DATA(2*x, U16(uint16(n-1-x)))
	}
	for x := range n {
		DATA(2*(n+x), U16(uint16(x+1)))
	}
	TEXT(fmt.Sprintf("planar%dVector", n), NOSPLIT, "func(dst *uint16, stride int, left, above *uint16)")
	Doc(fmt.Sprintf("planar%dVector predicts a block of %d×%d. stride is in samples.", n, n, n))
	dst, stride := Load(Param("dst"), GP64()), Load(Param("stride"), GP64())
	ADDQ(stride, stride)
	left, above := Load(Param("left"), GP64()), Load(Param("above"), GP64())
	broadcast := func(m Mem) reg.VecVirtual {
		v := vector(n)
		VPBROADCASTW(m, v)
		return v
	}
	right, below := broadcast(Mem{Base: above, Disp: 2 * n}), broadcast(Mem{Base: left, Disp: 2 * n})
	half := vector(n)
	r := GP32()
	MOVL(U32(uint32(n)), r)
	VMOVD(r, half.AsX())
	VPBROADCASTW(half.AsX(), half)
	log2 := uint64(bits.Len(uint(n)) - 1)
	var sums, steps []reg.VecVirtual
	for x := 0; x < n; x += 16 {
		sum, step := vector(n), vector(n)
		VMOVDQU(Mem{Base: above, Disp: 2 * x}, sum)
		VPSUBW(sum, below, step)
		VPSLLW(Imm(log2), sum, sum) // n·above, and then (n−1)·above + below
		VPADDW(step, sum, sum)
		part := vector(n)
		VPMULLW(weights.Offset(2*(n+x)), right, part)
		VPADDW(part, sum, sum)
		VPADDW(half, sum, sum)
		sums, steps = append(sums, sum), append(steps, step)
	}
	rows := GP64()
	MOVQ(U32(uint32(n)), rows)
	Label("row")
	l := broadcast(Mem{Base: left})
	for i := range sums {
		v := vector(n)
		VPMULLW(weights.Offset(32*i), l, v)
		VPADDW(sums[i], v, v)
		VPSRLW(Imm(log2+1), v, v)
		VMOVDQU(v, Mem{Base: dst, Disp: 32 * i})
		VPADDW(steps[i], sums[i], sums[i])
	}
	ADDQ(Imm(2), left)
	ADDQ(stride, dst)
	DECQ(rows)
	JNZ(LabelRef("row"))
	if n >= 16 {
		VZEROUPPER()
	}
	RET()
}
