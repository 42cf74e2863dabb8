// Command forward generates the AVX2 kernels of the forward transform and its quantisation.
// forward.go and forward_quantise.go of package dct define what they compute.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("!purego")
	constants()
	forward()
	quantise()
	Generate()
}

// Constants, as in forward.go.
const (
	f0298 = 2446
	f0390 = 3196
	f0541 = 4433
	f0765 = 6270
	f0899 = 7373
	f1175 = 9633
	f1501 = 12299
	f1847 = 15137
	f1961 = 16069
	f2053 = 16819
	f2562 = 20995
	f3072 = 25172
)

var (
	table Mem
	at    = map[string]int{}
)

// constants writes a row of 32 bytes for each pair of factors and for each rounding term.
func constants() {
	table = GLOBL("forwardConst", RODATA|NOPTR)
	next := 0
	pair := func(name string, a, b int16) {
		at[name] = next
		for range 8 {
			DATA(next, I16(a))
			DATA(next+2, I16(b))
			next += 4
		}
	}
	long := func(name string, v int32) {
		at[name] = next
		for range 8 {
			DATA(next, I32(v))
			next += 4
		}
	}
	pair("b3b2 2", f0541+f0765, f0541)
	pair("b3b2 6", f0541, f0541-f1847)
	pair("z3z4 3", f1175-f1961, f1175)
	pair("z3z4 4", f1175, f1175-f0390)
	pair("a4a7 7", f0298-f0899, -f0899)
	pair("a4a7 1", -f0899, f1501-f0899)
	pair("a5a6 5", f2053-f2562, -f2562)
	pair("a5a6 3", -f2562, f3072-f2562)
	pair("level", 8*128, 8*128)
	pair("two", 2, 2)
	long("round 1", 1<<10)
	long("round 2", 1<<14)
}

func row(name string) Mem { return table.Offset(at[name]) }

// transpose turns eight rows of 16-bit values into eight columns, within each 128-bit lane.
func transpose(r []reg.VecVirtual) []reg.VecVirtual {
	stage := func(in []reg.VecVirtual, lo, hi func(ops ...Op), pairs [4][2]int) []reg.VecVirtual {
		var out []reg.VecVirtual
		for _, p := range pairs {
			l, h := YMM(), YMM()
			lo(in[p[1]], in[p[0]], l)
			hi(in[p[1]], in[p[0]], h)
			out = append(out, l, h)
		}
		return out
	}
	r = stage(r, VPUNPCKLWD, VPUNPCKHWD, [4][2]int{{0, 1}, {2, 3}, {4, 5}, {6, 7}})
	r = stage(r, VPUNPCKLDQ, VPUNPCKHDQ, [4][2]int{{0, 2}, {1, 3}, {4, 6}, {5, 7}})
	return stage(r, VPUNPCKLQDQ, VPUNPCKHQDQ, [4][2]int{{0, 4}, {1, 5}, {2, 6}, {3, 7}})
}

// butterfly returns the sum and the difference of 16-bit values.
func butterfly(a, b reg.VecVirtual) (sum, difference reg.VecVirtual) {
	sum, difference = YMM(), YMM()
	VPADDW(b, a, sum)
	VPSUBW(b, a, difference)
	return sum, difference
}

// product holds pairs of 16-bit values and, after times, the 32-bit sums of their products with a
// pair of factors, for the low and the high half of each lane.
type product struct{ lo, hi reg.VecVirtual }

func interleave(a, b reg.VecVirtual) product {
	p := product{YMM(), YMM()}
	VPUNPCKLWD(b, a, p.lo)
	VPUNPCKHWD(b, a, p.hi)
	return p
}

func (p product) times(name string) product {
	q := product{YMM(), YMM()}
	VPMADDWD(row(name), p.lo, q.lo)
	VPMADDWD(row(name), p.hi, q.hi)
	return q
}

// plus adds q to p in place.
func (p product) plus(q product) product {
	VPADDD(q.lo, p.lo, p.lo)
	VPADDD(q.hi, p.hi, p.hi)
	return p
}

func (p product) round(name string) product {
	VPADDD(row(name), p.lo, p.lo)
	VPADDD(row(name), p.hi, p.hi)
	return p
}

func (p product) words(shift uint64) reg.VecVirtual {
	VPSRAD(Imm(shift), p.lo, p.lo)
	VPSRAD(Imm(shift), p.hi, p.hi)
	VPACKSSDW(p.hi, p.lo, p.lo)
	return p.lo
}

// pass transforms the eight vectors of one axis.
func pass(d []reg.VecVirtual, second bool) []reg.VecVirtual {
	round, shift := "round 1", uint64(11)
	if second {
		round, shift = "round 2", 15
	}
	a0, a7 := butterfly(d[0], d[7])
	a1, a6 := butterfly(d[1], d[6])
	a2, a5 := butterfly(d[2], d[5])
	a3, a4 := butterfly(d[3], d[4])
	b0, b3 := butterfly(a0, a3)
	b1, b2 := butterfly(a1, a2)
	var out [8]reg.VecVirtual
	out[0], out[4] = butterfly(b0, b1)
	if second {
		for _, i := range []int{0, 4} {
			VPADDW(row("two"), out[i], out[i])
			VPSRAW(Imm(2), out[i], out[i])
		}
	} else {
		VPSUBW(row("level"), out[0], out[0])
		VPSLLW(Imm(2), out[0], out[0])
		VPSLLW(Imm(2), out[4], out[4])
	}
	even := interleave(b3, b2)
	out[2] = even.times("b3b2 2").round(round).words(shift)
	out[6] = even.times("b3b2 6").round(round).words(shift)

	z3, z4 := YMM(), YMM()
	VPADDW(a6, a4, z3)
	VPADDW(a7, a5, z4)
	z := interleave(z3, z4)
	z3s, z4s := z.times("z3z4 3").round(round), z.times("z3z4 4").round(round)
	outer, inner := interleave(a4, a7), interleave(a5, a6)
	out[7] = outer.times("a4a7 7").plus(z3s).words(shift)
	out[1] = outer.times("a4a7 1").plus(z4s).words(shift)
	out[5] = inner.times("a5a6 5").plus(z4s).words(shift)
	out[3] = inner.times("a5a6 3").plus(z3s).words(shift)
	return out[:]
}

// forward transforms two blocks side by side, one in each 128-bit lane.
func forward() {
	TEXT("forwardPairs", NOSPLIT, "func(dst *int16, src *byte, stride, pairs int)")
	Doc("forwardPairs transforms 2*pairs blocks as forwardGo does.")
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	stride, pairs := Load(Param("stride"), GP64()), Load(Param("pairs"), GP64())
	stride3 := GP64()
	LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, stride3)

	Label("pair")
	lower := GP64()
	LEAQ(Mem{Base: src, Index: stride, Scale: 4}, lower)
	var rows []reg.VecVirtual
	for _, base := range []reg.Register{src, lower} {
		for _, m := range []Mem{
			{Base: base}, {Base: base, Index: stride, Scale: 1},
			{Base: base, Index: stride, Scale: 2}, {Base: base, Index: stride3, Scale: 1},
		} {
			r := YMM()
			VPMOVZXBW(m, r)
			rows = append(rows, r)
		}
	}
	out := pass(transpose(pass(transpose(rows), false)), true)
	for i, r := range out {
		VMOVDQU(r.AsX(), Mem{Base: dst, Disp: 16 * i})
		VEXTRACTI128(Imm(1), r, Mem{Base: dst, Disp: 128 + 16*i})
	}
	ADDQ(Imm(16), src)
	ADDQ(U32(256), dst)
	DECQ(pairs)
	JNZ(LabelRef("pair"))
	VZEROUPPER()
	RET()
}

func quantise() {
	TEXT("quantiseVector", NOSPLIT,
		"func(dst, src *int16, nonzero *uint64, n int, bias, recip, scale *uint16)")
	Doc("quantiseVector divides n blocks as quantiseGo does, with the 16-bit method of Divisors.")
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	nonzero, n := Load(Param("nonzero"), GP64()), Load(Param("n"), GP64())
	bias, recip := Load(Param("bias"), GP64()), Load(Param("recip"), GP64())
	scale := Load(Param("scale"), GP64())
	zero := YMM()
	VPXOR(zero, zero, zero)

	Label("block")
	var mask [2]reg.GPVirtual
	for i := range mask {
		var q [2]reg.VecVirtual
		for j := range q {
			disp := 64*i + 32*j
			c := YMM()
			q[j] = YMM()
			VMOVDQU(Mem{Base: src, Disp: disp}, c)
			VPABSW(c, q[j])
			VPADDW(Mem{Base: bias, Disp: disp}, q[j], q[j])
			VPMULHUW(Mem{Base: recip, Disp: disp}, q[j], q[j])
			VPMULHUW(Mem{Base: scale, Disp: disp}, q[j], q[j])
			VPSIGNW(c, q[j], q[j])
			VMOVDQU(q[j], Mem{Base: dst, Disp: disp})
		}
		VPACKSSWB(q[1], q[0], q[0])
		VPERMQ(Imm(0xD8), q[0], q[0])
		VPCMPEQB(zero, q[0], q[0])
		mask[i] = GP64()
		VPMOVMSKB(q[0], mask[i].As32())
	}
	SHLQ(Imm(32), mask[1])
	ORQ(mask[1], mask[0])
	NOTQ(mask[0])
	MOVQ(mask[0], Mem{Base: nonzero})
	ADDQ(U32(128), src)
	ADDQ(U32(128), dst)
	ADDQ(Imm(8), nonzero)
	DECQ(n)
	JNZ(LabelRef("block"))
	VZEROUPPER()
	RET()
}
