// Command inverse generates the AVX2 kernels of the inverse transforms of 2 to 8 points. inverse.go
// of package dct defines what they compute.
package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	fixBits  = 13
	one      = 1 << fixBits
	colShift = fixBits - 2
	rowShift = fixBits + 2 + 3
	colHalf  = 1 << (colShift - 1)
	rowHalf  = 1<<(rowShift-1) + 128<<rowShift
)

func main() {
	ConstraintExpr("!purego")
	table = GLOBL("inverseConst", RODATA|NOPTR)
	inverse2()
	for n := 3; n <= 8; n++ {
		inverse(n)
	}
	dequantise()
	Generate()
}

var (
	table Mem
	at    = map[[2]int]int{}
	next  int
)

// row is a constant in memory: a pair of 16-bit values, repeated eight times.
func row(a, b int) Mem {
	key := [2]int{a, b}
	if _, ok := at[key]; !ok {
		at[key] = next
		pair := uint64(uint16(a)) | uint64(uint16(b))<<16
		for range 4 {
			DATA(next, U64(pair<<32|pair))
			next += 8
		}
	}
	return table.Offset(at[key])
}

// long is a constant in memory: the 32-bit value v, repeated eight times.
func long(v int) Mem { return row(int(int16(v)), v>>16) }

// factor is the factor of coefficient k in sample i of n, for i in the first half of the samples.
// For 8 points the factors are sums of rounded constants, equal to those that the steps of
// inverse8.go add up to.
func factor(n, i, k int) int {
	switch {
	case k >= n:
		return 0
	case k == 0:
		return one
	case n == 8:
		return [4][8]int{
			{one, 11363, 10703, 9633, one, 6437, 4433, 2260},
			{one, 9633, 4433, -2259, -one, -11362, -10704, -6436},
			{one, 6437, -4433, -11362, -one, 2261, 10704, 9633},
			{one, 2260, -10703, -6436, one, 9633, -4433, -11363},
		}[i][k]
	}
	return int(math.Round(one * math.Sqrt2 * math.Cos(float64((2*i+1)*k)*math.Pi/float64(2*n))))
}

// kernel describes one size. Up to 4 points use four lanes of 32 bits and two pairs of
// coefficients; up to 8 points use eight lanes and four pairs. Kernels of up to 4 points process
// two blocks at a time, one in each 128-bit lane.
type kernel struct {
	n    int
	wide bool
}

// pairs lists the coefficients that are interleaved; the first of a pair is in the low 16 bits.
// Pairs of even coefficients precede those of odd ones.
func (k kernel) pairs() [][2]int {
	if k.wide {
		return [][2]int{{0, 4}, {2, 6}, {1, 5}, {3, 7}}
	}
	return [][2]int{{0, 2}, {1, 3}}
}

// sum adds up the products of some pairs with the factors of sample i, plus bias if it is not 0.
func (k kernel) sum(in []reg.VecVirtual, pairs [][2]int, i, bias int) reg.VecVirtual {
	var s reg.VecVirtual
	for j, p := range pairs {
		t := YMM()
		VPMADDWD(row(factor(k.n, i, p[0]), factor(k.n, i, p[1])), in[j], t)
		if s == nil {
			s = t
			continue
		}
		VPADDD(t, s, s)
	}
	if bias != 0 {
		VPADDD(long(bias), s, s)
	}
	return s
}

// pass transforms along one axis. The samples are not yet shifted; those from n on are nil.
func (k kernel) pass(in []reg.VecVirtual, bias int) (out [8]reg.VecVirtual) {
	pairs := k.pairs()
	half := len(pairs) / 2
	for i := range (k.n + 1) / 2 {
		even := k.sum(in[:half], pairs[:half], i, bias)
		if i == k.n-1-i {
			out[i] = even
			continue
		}
		odd := k.sum(in[half:], pairs[half:], i, 0)
		out[i], out[k.n-1-i] = YMM(), odd
		VPADDD(odd, even, out[i])
		VPSUBD(odd, even, odd)
	}
	return out
}

// words interleaves the low 16 bits of a>>shift and b>>shift. If b is nil, the values in its place
// are arbitrary.
func (k kernel) words(a, b reg.VecVirtual, shift uint64) reg.VecVirtual {
	low := YMM()
	VPSRAD(Imm(shift), a, low)
	if b == nil {
		return low
	}
	high := YMM()
	if shift < 16 {
		VPSLLD(Imm(16-shift), b, high)
	} else {
		VPSRAD(Imm(shift-16), b, high)
	}
	VPBLENDW(Imm(0xAA), high, low, low)
	return low
}

// zip interleaves the low or the high halves of each 128-bit lane, depending on op.
func (k kernel) zip(op func(...Op), a, b reg.VecVirtual) reg.VecVirtual {
	out := YMM()
	op(b, a, out)
	return out
}

// load reads the pairs of rows, of two blocks if the kernel is narrow.
func (k kernel) load(blocks ...reg.Register) (in []reg.VecVirtual) {
	if !k.wide {
		var two [2]reg.VecVirtual // rows 2y and 2y+1
		for y := range two {
			two[y] = YMM()
			VMOVDQU(Mem{Base: blocks[0], Disp: 16 * y}, two[y].AsX())
			VINSERTI128(Imm(1), Mem{Base: blocks[1], Disp: 16 * y}, two[y], two[y])
		}
		return []reg.VecVirtual{k.zip(VPUNPCKLWD, two[0], two[1]), k.zip(VPUNPCKHWD, two[0], two[1])}
	}
	block := blocks[0]
	var two [4]reg.VecVirtual // rows 2y and 2y+1, left halves in the low lane
	for y := range two {
		two[y] = YMM()
		VPERMQ(Imm(0xD8), Mem{Base: block, Disp: 32 * y}, two[y])
	}
	return k.interleave(two)
}

func (k kernel) interleave(two [4]reg.VecVirtual) []reg.VecVirtual {
	return []reg.VecVirtual{
		k.zip(VPUNPCKLWD, two[0], two[2]), k.zip(VPUNPCKLWD, two[1], two[3]),
		k.zip(VPUNPCKHWD, two[0], two[2]), k.zip(VPUNPCKHWD, two[1], two[3]),
	}
}

// transpose returns the pairs of columns of rows with 32-bit lanes. Missing rows have arbitrary
// values, which are never read.
func (k kernel) transpose(w [8]reg.VecVirtual) []reg.VecVirtual {
	a, b := k.words(w[0], w[2], colShift), k.words(w[1], w[3], colShift)
	if !k.wide {
		left, right := k.zip(VPUNPCKLWD, a, b), k.zip(VPUNPCKHWD, a, b)
		return []reg.VecVirtual{k.zip(VPUNPCKLWD, left, right), k.zip(VPUNPCKHWD, left, right)}
	}
	c := k.words(w[4], w[6], colShift)
	d := c
	if w[5] != nil {
		d = k.words(w[5], w[7], colShift)
	}
	var two [4]reg.VecVirtual // columns, as rows in load
	for i, op := range []func(...Op){VPUNPCKLWD, VPUNPCKHWD} {
		upper, lower := k.zip(op, a, b), k.zip(op, c, d)
		two[i], two[i+2] = YMM(), YMM()
		VPERM2I128(Imm(0x20), lower, upper, two[i])
		VPERM2I128(Imm(0x31), lower, upper, two[i+2])
	}
	return k.interleave(two)
}

// bytes returns the first four samples of each row and, if there are more, the last four; each 32
// bits hold one row.
func (k kernel) bytes(s [8]reg.VecVirtual) (first, last reg.VecVirtual) {
	a, b := k.words(s[0], s[1], rowShift), k.words(s[2], s[3], rowShift)
	if !k.wide {
		both := YMM()
		VPACKUSWB(b, a, both)
		VPSRLDQ(Imm(8), both, b)
		return k.zip(VPUNPCKLWD, both, b), nil
	}
	n := k.n
	c, d := k.words(s[n-4], s[n-3], rowShift), k.words(s[n-2], s[n-1], rowShift)
	VPACKUSWB(c, a, a)
	VPACKUSWB(d, b, b)
	return k.zip(VPUNPCKLWD, a, b), k.zip(VPUNPCKHWD, a, b)
}

// store writes n rows of n bytes to each dst.
func (k kernel) store(stride, stride3 reg.Register, first, last reg.VecVirtual, dst ...reg.Register) {
	four := func(base reg.Register, store func(y int, m Mem)) {
		for y, m := range []Mem{
			{Base: base}, {Base: base, Index: stride, Scale: 1},
			{Base: base, Index: stride, Scale: 2}, {Base: base, Index: stride3, Scale: 1},
		} {
			store(y, m)
		}
	}
	if !k.wide {
		for lane, dst := range dst {
			x := first.AsX()
			if lane == 1 {
				x = XMM().AsX()
				VEXTRACTI128(Imm(1), first, x)
			}
			four(dst, func(y int, m Mem) {
				switch {
				case k.n == 4:
					VPEXTRD(Imm(uint64(y)), x, m)
				case y < k.n:
					VPEXTRW(Imm(uint64(2*y)), x, m)
					VPEXTRB(Imm(uint64(4*y+2)), x, m.Offset(2))
				}
			})
		}
		return
	}
	lower := GP64()
	LEAQ(Mem{Base: dst[0], Index: stride, Scale: 4}, lower)
	if k.n == 8 {
		first, last = k.zip(VPUNPCKLDQ, first, last), k.zip(VPUNPCKHDQ, first, last)
	}
	for half, base := range []reg.Register{dst[0], lower} {
		f, l := first.AsX(), last.AsX()
		if half == 1 {
			f, l = XMM().AsX(), XMM().AsX()
			VEXTRACTI128(Imm(1), first, f)
			VEXTRACTI128(Imm(1), last, l)
		}
		four(base, func(y int, m Mem) {
			switch {
			case k.n == 8:
				VPEXTRQ(Imm(uint64(y%2)), []reg.Register{f, l}[y/2], m)
			case 4*half+y < k.n:
				VPEXTRD(Imm(uint64(y)), f, m)
				VPEXTRD(Imm(uint64(y)), l, m.Offset(k.n-4))
			}
		})
	}
}

func inverse(n int) {
	k := kernel{n: n, wide: n > 4}
	TEXT(fmt.Sprintf("inverse%dVector", n), NOSPLIT,
		"func(dst *byte, stride, step int, coef *int16, size, count int)")
	Doc(fmt.Sprintf("inverse%dVector computes the same as inverse%d.", n, n))
	argument := func(name string) reg.GPVirtual {
		r := GP64()
		Load(Param(name), r)
		return r
	}
	dst, coef, stride := argument("dst"), argument("coef"), argument("stride")
	step, size, count := argument("step"), argument("size"), argument("count")
	ADDQ(size, size)
	stride3 := GP64()
	LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, stride3)
	atOnce := 1
	places, blocks := []reg.Register{dst}, []reg.Register{coef}
	if !k.wide {
		atOnce = 2
		places, blocks = append(places, GP64()), append(blocks, GP64())
	}
	Label("next")
	if !k.wide { // A single last block is processed in both lanes.
		MOVQ(dst, places[1])
		MOVQ(coef, blocks[1])
		CMPQ(count, U8(1))
		JE(LabelRef("alone"))
		ADDQ(step, places[1])
		ADDQ(size, blocks[1])
		Label("alone")
	}
	first, last := k.bytes(k.pass(k.transpose(k.pass(k.load(blocks...), colHalf)), rowHalf))
	k.store(stride, stride3, first, last, places...)
	for range atOnce {
		ADDQ(step, dst)
		ADDQ(size, coef)
	}
	SUBQ(U8(atOnce), count)
	JG(LabelRef("next"))
	VZEROUPPER()
	RET()
}

// dequantise multiplies 64 coefficients at a time.
func dequantise() {
	TEXT("dequantiseVector", NOSPLIT, "func(coef, steps *int16, blocks int)")
	Doc("dequantiseVector multiplies each of 64 times as many coefficients as blocks says by its step.")
	coef, steps, left := Load(Param("coef"), GP64()), Load(Param("steps"), GP64()), Load(Param("blocks"), GP64())
	var by [4]reg.VecVirtual
	for i := range by {
		by[i] = YMM()
		VMOVDQU(Mem{Base: steps, Disp: 32 * i}, by[i])
	}
	Label("block")
	for i := range by {
		v := YMM()
		VPMULLW(Mem{Base: coef, Disp: 32 * i}, by[i], v)
		VMOVDQU(v, Mem{Base: coef, Disp: 32 * i})
	}
	ADDQ(U8(128), coef)
	DECQ(left)
	JNZ(LabelRef("block"))
	VZEROUPPER()
	RET()
}

// inverse2 transforms four blocks of four coefficients at a time. Their sums and differences by rows
// are products with 1 and -1.
func inverse2() {
	TEXT("inverse2Vector", NOSPLIT, "func(dst *byte, stride, step int, coef *int16, size, fours int)")
	Doc("inverse2Vector computes four times as many blocks as fours says, 2x2 samples each.")
	dst, stride, step := Load(Param("dst"), GP64()), Load(Param("stride"), GP64()), Load(Param("step"), GP64())
	coef, size, left := Load(Param("coef"), GP64()), Load(Param("size"), GP64()), Load(Param("fours"), GP64())
	ADDQ(size, size)
	sums, differences, bias, order := YMM(), YMM(), YMM(), YMM()
	VMOVDQU(row(1, 1), sums)
	VMOVDQU(row(1, -1), differences)
	VMOVDQU(long(4+128<<3), bias)
	VMOVDQU(orderOf2(), order)

	Label("four")
	low, high := XMM(), XMM()
	for _, half := range []reg.VecVirtual{low, high} {
		VMOVQ(Mem{Base: coef}, half)
		VPINSRQ(Imm(1), Mem{Base: coef, Index: size, Scale: 1}, half, half)
		LEAQ(Mem{Base: coef, Index: size, Scale: 2}, coef)
	}
	in, even, odd := YMM(), YMM(), YMM()
	VINSERTI128(Imm(1), high, low.AsY(), in)
	VPMADDWD(sums, in, even)
	VPMADDWD(differences, in, odd)
	upper, lower := YMM(), YMM()
	VPHADDD(odd, even, upper)
	VPHSUBD(odd, even, lower)
	for _, v := range []reg.VecVirtual{upper, lower} {
		VPADDD(bias, v, v)
		VPSRAD(Imm(3), v, v)
	}
	VPACKSSDW(lower, upper, upper)
	VPACKUSWB(upper, upper, upper)
	VPSHUFB(order, upper, upper)
	VEXTRACTI128(Imm(1), upper, high)
	for _, half := range []reg.VecVirtual{upper.AsX().(reg.VecVirtual), high} {
		for i := range uint64(2) {
			VPEXTRW(Imm(i), half, Mem{Base: dst})
			VPEXTRW(Imm(i+2), half, Mem{Base: dst, Index: stride, Scale: 1})
			ADDQ(step, dst)
		}
	}
	DECQ(left)
	JNZ(LabelRef("four"))
	VZEROUPPER()
	RET()
}

// orderOf2 is the order of the bytes of two blocks: the samples of a row next to each other.
func orderOf2() Mem {
	from := next
	for range 4 {
		DATA(next, U64(0x0705060403010200))
		next += 8
	}
	return table.Offset(from)
}
