// Command encode generates the AVX2 kernels of the VP8 encoder: reading, prediction, forward
// transforms, sums of Hadamard coefficients, and quantisation. source.go, guess.go, forward.go and
// quantise.go of package vp8 define what they compute.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("!purego")
	low := doubles("lowWords", 0xffff)
	hadamards(low)
	dct := forward()
	q, zigzag := newQuantiser(), newOrder()
	quantise(q, zigzag)
	predict := newSubblockPredictor()
	predictSubblocks(predict, low)
	guessSubblock(predict, low, dct, q, zigzag)
	predictBlocks()
	load("loadLumaVector", 4, 219, 127+16*255)
	load("loadChromaVector", 2, 224, 4095)
	activity()
	Generate()
}

// words is a constant in memory: sixteen words, the given ones repeated.
func words(name string, values ...int16) Mem {
	m := GLOBL(name, RODATA|NOPTR)
	for i := range 16 {
		DATA(2*i, U16(uint16(values[i%len(values)])))
	}
	return m
}

// doubles is a constant in memory: eight double words of a value.
func doubles(name string, v uint32) Mem {
	m := GLOBL(name, RODATA|NOPTR)
	for i := range 8 {
		DATA(4*i, U32(v))
	}
	return m
}

// difference returns the words of source less prediction: the first and second row, and the third and
// fourth, of one block in the lower halves and of another in the upper ones.
func difference(srcA, predA, srcB, predB Mem) (first, last reg.VecVirtual) {
	a, b, p := YMM(), YMM(), YMM()
	VPMOVZXBW(srcA, a)
	VPMOVZXBW(predA, p)
	VPSUBW(p, a, a)
	VPMOVZXBW(srcB, b)
	VPMOVZXBW(predB, p)
	VPSUBW(p, b, b)
	first, last = YMM(), YMM()
	VPERM2I128(Imm(0x20), b, a, first)
	VPERM2I128(Imm(0x31), b, a, last)
	return first, last
}

// hadamards sums the absolute Hadamard coefficients of the differences of blocks from four predictions
// each.
func hadamards(low Mem) {
	TEXT("hadamardVector", NOSPLIT, "func(src, preds *byte, blocks int, sums *int32)")
	src, preds := Load(Param("src"), GP64()), Load(Param("preds"), GP64())
	blocks, sums := Load(Param("blocks"), GP64()), Load(Param("sums"), GP64())
	totals := [2]reg.VecVirtual{YMM(), YMM()}
	for _, t := range totals {
		VPXOR(t, t, t)
	}
	Label("block")
	for i, t := range totals {
		VPADDD(hadamardPair(low, Mem{Base: src}, Mem{Base: preds, Disp: 32 * i}), t, t)
	}
	ADDQ(Imm(16), src)
	ADDQ(Imm(64), preds)
	DECQ(blocks)
	JNZ(LabelRef("block"))
	for i, t := range totals {
		VMOVQ(sumPair(t), Mem{Base: sums, Disp: 8 * i})
	}
	VZEROUPPER()
	RET()
}

// hadamardPair returns, in each half of a register, parts of half the sum for one of two predictions. Of
// the last step of the transform, only the larger half is computed: |a+b| + |a-b| is twice the larger
// of |a| and |b|.
func hadamardPair(low, source, preds Mem) reg.VecVirtual {
	first, last := difference(source, preds, source, preds.Offset(16))
	ab, cd := YMM(), YMM()
	VPADDW(last, first, ab)
	VPSUBW(last, first, cd)
	ac, bd := YMM(), YMM()
	VPUNPCKLQDQ(cd, ab, ac)
	VPUNPCKHQDQ(cd, ab, bd)
	up, down := YMM(), YMM()
	VPADDW(bd, ac, up)
	VPSUBW(bd, ac, down)
	plus, minus := YMM(), YMM()
	VPHADDW(down, up, plus)
	VPHSUBW(down, up, minus)
	for _, v := range []reg.VecVirtual{plus, minus} {
		VPABSW(v, v)
		next := YMM()
		VPSRLD(Imm(16), v, next)
		VPMAXSW(next, v, v)
		VPAND(low, v, v)
	}
	VPADDD(minus, plus, plus)
	return plus
}

// sumPair returns the two sums whose halves hadamardPair gives.
func sumPair(total reg.VecVirtual) reg.VecVirtual {
	VPHADDD(total, total, total)
	VPHADDD(total, total, total)
	VPADDD(total, total, total)
	upper := XMM()
	VEXTRACTI128(Imm(1), total, upper)
	VPUNPCKLDQ(upper, total.AsX(), upper)
	return upper
}

// transpose exchanges rows and columns of blocks of 4×4 words: two rows in each half of a register.
func transpose(first, last reg.VecVirtual) (left, right reg.VecVirtual) {
	a, b := YMM(), YMM()
	VPUNPCKLWD(last, first, a)
	VPUNPCKHWD(last, first, b)
	left, right = YMM(), YMM()
	VPUNPCKLWD(b, a, left)
	VPUNPCKHWD(b, a, right)
	return left, right
}

// interleaved returns a, b and d, c in turn: the sums and differences of the outer and the inner
// elements, given the first two and the last two.
func interleaved(left, right reg.VecVirtual) (ab, dc reg.VecVirtual) {
	swapped := YMM()
	VPSHUFD(Imm(0x4e), right, swapped)
	sum, difference := YMM(), YMM()
	VPADDW(swapped, left, sum)
	VPSUBW(swapped, left, difference)
	ab, dc = YMM(), YMM()
	for _, p := range []struct{ from, to reg.VecVirtual }{{sum, ab}, {difference, dc}} {
		half := YMM()
		VPSHUFD(Imm(0xee), p.from, half)
		VPUNPCKLWD(half, p.from, p.to)
	}
	return ab, dc
}

// transform returns the first and last two rows of the transforms of two blocks, of which it has the
// differences.
type transform func(first, last reg.VecVirtual) (up, down reg.VecVirtual)

// forward transforms the differences of two blocks. It returns the transform for other kernels.
func forward() transform {
	const cos, sin = 5352, 2217
	eights, eightsMinus := words("plusEight", 8, 8), words("minusEight", 8, -8)
	ones, onesMinus := words("plusOne", 1, 1), words("minusOne", 1, -1)
	cosSin, sinCos := words("cosSin", cos, sin), words("sinCos", sin, -cos)
	round9, round4, round16 := doubles("round9", 256), doubles("round4", 8), doubles("round16", 1<<15)
	dct := func(first, last reg.VecVirtual) (up, down reg.VecVirtual) {
		ab, dc := interleaved(transpose(first, last))
		t := [4]reg.VecVirtual{YMM(), YMM(), YMM(), YMM()}
		VPMADDWD(eights, ab, t[0])
		VPMADDWD(eightsMinus, ab, t[2])
		VPMADDWD(cosSin, dc, t[1])
		VPMADDWD(sinCos, dc, t[3])
		for _, i := range []int{1, 3} {
			VPADDD(round9, t[i], t[i])
			VPSRAD(Imm(9), t[i], t[i])
		}
		VPACKSSDW(t[1], t[0], t[0])
		VPACKSSDW(t[3], t[2], t[2])

		ab, dc = interleaved(transpose(t[0], t[2]))
		o := [4]reg.VecVirtual{YMM(), YMM(), YMM(), YMM()}
		VPMADDWD(ones, ab, o[0])
		VPMADDWD(onesMinus, ab, o[2])
		VPMADDWD(cosSin, dc, o[1])
		VPMADDWD(sinCos, dc, o[3])
		for i, v := range o {
			if i%2 == 0 {
				VPADDD(round4, v, v)
				VPSRAD(Imm(4), v, v)
			} else {
				VPADDD(round16, v, v)
				VPSRAD(Imm(16), v, v)
			}
		}
		VPACKSSDW(o[1], o[0], o[0])
		VPACKSSDW(o[3], o[2], o[2])
		return o[0], o[2]
	}

	TEXT("forwardVector", NOSPLIT, "func(srcA, predA, srcB, predB *byte, outA, outB *int16)")
	srcA, predA := Load(Param("srcA"), GP64()), Load(Param("predA"), GP64())
	srcB, predB := Load(Param("srcB"), GP64()), Load(Param("predB"), GP64())
	outA, outB := Load(Param("outA"), GP64()), Load(Param("outB"), GP64())
	up, down := dct(difference(Mem{Base: srcA}, Mem{Base: predA}, Mem{Base: srcB}, Mem{Base: predB}))
	VMOVDQU(up.AsX(), Mem{Base: outA})
	VMOVDQU(down.AsX(), Mem{Base: outA, Disp: 16})
	VEXTRACTI128(Imm(1), up, Mem{Base: outB})
	VEXTRACTI128(Imm(1), down, Mem{Base: outB, Disp: 16})
	VZEROUPPER()
	RET()
	return dct
}

// zigzag is the order in which coefficients are coded (RFC 6386 section 13).
var zigzag = [16]int{0, 1, 4, 8, 5, 2, 3, 6, 9, 12, 13, 10, 7, 11, 14, 15}

// shuffles are the masks that bring words of one half of a block to one half of the zigzag order.
func shuffles(name string, from, to int) Mem {
	m := GLOBL(name, RODATA|NOPTR)
	for i := range 8 {
		word := zigzag[8*to+i] - 8*from
		if word < 0 || word > 7 {
			DATA(2*i, U16(0x8080))
		} else {
			DATA(2*i, U16(uint16(2*word|(2*word+1)<<8)))
		}
	}
	return m
}

// order brings the words of a block to zigzag order.
type order [2][2]Mem

func newOrder() order {
	return order{
		{shuffles("firstFirst", 0, 0), shuffles("lastFirst", 1, 0)},
		{shuffles("firstLast", 0, 1), shuffles("lastLast", 1, 1)},
	}
}

// store writes the words of v in this order, and returns the two halves.
func (o order) store(v reg.VecVirtual, out reg.Register) (halves [2]reg.VecVirtual) {
	higher := XMM()
	VEXTRACTI128(Imm(1), v, higher)
	for to := range halves {
		a, b := XMM(), XMM()
		VPSHUFB(o[to][0], v.AsX(), a)
		VPSHUFB(o[to][1], higher, b)
		VPOR(b, a, a)
		VMOVDQU(a, Mem{Base: out, Disp: 16 * to})
		halves[to] = a
	}
	return halves
}

// storeBits returns the bits of words that are all ones, given in two halves, or with not set those of
// words that are zero.
func storeBits(halves [2]reg.VecVirtual, not bool, index int) {
	VPACKSSWB(halves[1], halves[0], halves[0])
	bits := GP32()
	VPMOVMSKB(halves[0], bits)
	if not {
		XORL(U32(0xffff), bits)
	}
	Store(bits, ReturnIndex(index))
}

// storeSum returns the sum of double words.
func storeSum(v reg.VecVirtual, index int) {
	sum := XMM()
	VEXTRACTI128(Imm(1), v, sum)
	VPADDD(sum, v.AsX(), sum)
	VPHADDD(sum, sum, sum)
	VPHADDD(sum, sum, sum)
	d := GP32()
	VMOVD(sum, d)
	Store(d, ReturnIndex(index))
}

// quantiser quantises sixteen coefficients by rounding, given tables that hold, for each of them, what
// it is multiplied by, in double words, and the step, in words. It returns the magnitudes of what is
// left, and the levels.
type quantiser func(coefs reg.VecVirtual, inverse, step reg.Register) (left, levels reg.VecVirtual)

func newQuantiser() quantiser {
	zone := doubles("deadZone", 131072*38/100)
	return func(coefs reg.VecVirtual, inverse, step reg.Register) (left, levels reg.VecVirtual) {
		a := YMM()
		VPABSW(coefs, a)
		level := [2]reg.VecVirtual{YMM(), YMM()}
		upper := XMM()
		VPMOVZXWD(a.AsX(), level[0])
		VEXTRACTI128(Imm(1), a, upper)
		VPMOVZXWD(upper, level[1])
		for i, l := range level {
			VPMULLD(Mem{Base: inverse, Disp: 32 * i}, l, l)
			VPADDD(zone, l, l)
			VPSRLD(Imm(17), l, l)
		}
		l, e := YMM(), YMM()
		VPACKUSDW(level[1], level[0], l)
		VPERMQ(Imm(0xd8), l, l)
		VPMULLW(Mem{Base: step}, l, e)
		VPSUBW(e, a, e)
		VPSIGNW(coefs, l, l)
		return e, l
	}
}

// storeLevels writes levels in zigzag order, and returns the bits of those that are not zero.
func (o order) storeLevels(levels reg.VecVirtual, out reg.Register, index int) {
	zero := XMM()
	VPXOR(zero, zero, zero)
	ordered := o.store(levels, out)
	for _, v := range ordered {
		VPCMPEQW(zero, v, v)
	}
	storeBits(ordered, true, index)
}

// quantise quantises a block, and sums the squares of what is left.
func quantise(q quantiser, zigzag order) {
	TEXT("quantiseVector", NOSPLIT, "func(c *int16, inverse *uint32, step *int16, out *int16) (distortion int32, used uint32)")
	c, inverse := Load(Param("c"), GP64()), Load(Param("inverse"), GP64())
	step, out := Load(Param("step"), GP64()), Load(Param("out"), GP64())
	coefs := YMM()
	VMOVDQU(Mem{Base: c}, coefs)
	e, l := q(coefs, inverse, step)
	VPMADDWD(e, e, e)
	zigzag.storeLevels(l, out, 1)
	storeSum(e, 0)
	VZEROUPPER()
	RET()

	TEXT("magnitudesVector", NOSPLIT, "func(c, floors, out *int16) (squares int32, large uint32)")
	c, out = Load(Param("c"), GP64()), Load(Param("out"), GP64())
	floors := Load(Param("floors"), GP64())
	a := YMM()
	VPABSW(Mem{Base: c}, a)
	e = YMM()
	VPMADDWD(a, a, e)
	ordered := zigzag.store(a, out)
	for i, v := range ordered {
		VPCMPGTW(Mem{Base: floors, Disp: 16 * i}, v, v)
	}
	storeBits(ordered, false, 1)
	storeSum(e, 0)
	VZEROUPPER()
	RET()
}
