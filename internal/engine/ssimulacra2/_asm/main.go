// Command _asm generates the AVX2 kernels of package ssimulacra2. kernel.go defines what they compute, to
// the order of additions. No multiplication is fused with an addition. Each loop works on blocks of 8 columns.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("!purego")
	root()
	differences()
	across()
	down()
	maps()
	Generate()
}

const block = 32 // bytes

// loop runs body for each block; body gets the offset of the block in bytes.
func loop(body func(at reg.GPVirtual)) {
	at, end := GP64(), GP64()
	Load(Param("blocks"), end)
	SHLQ(Imm(5), end)
	XORQ(at, at)
	Label("block")
	body(at)
	ADDQ(Imm(block), at)
	CMPQ(at, end)
	JNE(LabelRef("block"))
}

func finish() {
	VZEROUPPER()
	RET()
}

func pointer(name string) reg.Register { return Load(Param(name), GP64()) }

// every returns a number of a table in each lane.
func every(table reg.Register, i int) reg.VecVirtual {
	y := YMM()
	VBROADCASTSS(Mem{Base: table, Disp: 4 * i}, y)
	return y
}

func load(base reg.Register, at reg.GPVirtual, disp int) reg.VecVirtual {
	y := YMM()
	VMOVUPS(Mem{Base: base, Index: at, Scale: 1, Disp: disp}, y)
	return y
}

func add(a, b Op) reg.VecVirtual { y := YMM(); VADDPS(a, b, y); return y }
func mul(a, b Op) reg.VecVirtual { y := YMM(); VMULPS(a, b, y); return y }

// sub returns a-b, div a/b.
func sub(a, b Op) reg.VecVirtual { y := YMM(); VSUBPS(b, a, y); return y }
func div(a, b Op) reg.VecVirtual { y := YMM(); VDIVPS(b, a, y); return y }

func root() {
	TEXT("rootVector", NOSPLIT, "func(dst, red, green, blue *float32, weights *[4]float32, constants *[3]float32, blocks int)")
	Doc("rootVector is rootRow; constants are third, guess and the cube root of the bias.")
	dst, r, g, b := pointer("dst"), pointer("red"), pointer("green"), pointer("blue")
	w, k := pointer("weights"), pointer("constants")
	wr, wg, wb, bias := every(w, 0), every(w, 1), every(w, 2), every(w, 3)
	third, guess, less := every(k, 0), every(k, 1), every(k, 2)
	loop(func(at reg.GPVirtual) {
		v := mul(load(r, at, 0), wr)
		VADDPS(mul(load(g, at, 0), wg), v, v)
		VADDPS(mul(load(b, at, 0), wb), v, v)
		VADDPS(bias, v, v)
		y := YMM()
		VCVTDQ2PS(v, y)
		VMULPS(third, y, y)
		VADDPS(guess, y, y)
		VCVTTPS2DQ(y, y)
		for range 2 {
			cube := mul(mul(y, y), y)
			y = div(mul(y, add(add(cube, v), v)), add(add(cube, cube), v))
		}
		VMOVUPS(sub(y, less), Mem{Base: dst, Index: at, Scale: 1})
	})
	finish()
}

func differences() {
	TEXT("differencesVector", NOSPLIT, "func(diff, squared, sum, a, b *float32, blocks int)")
	Doc("differencesVector is differencesRow.")
	diff, squared, sum := pointer("diff"), pointer("squared"), pointer("sum")
	a, b := pointer("a"), pointer("b")
	loop(func(at reg.GPVirtual) {
		v, w := load(a, at, 0), load(b, at, 0)
		d := sub(v, w)
		VMOVUPS(d, Mem{Base: diff, Index: at, Scale: 1})
		VMOVUPS(mul(d, d), Mem{Base: squared, Index: at, Scale: 1})
		VMOVUPS(add(mul(v, v), mul(w, w)), Mem{Base: sum, Index: at, Scale: 1})
	})
	finish()
}

// mean returns the mean of nine values, of which pair returns the sum of those at a distance from the middle.
func mean(taps [5]reg.VecVirtual, middle reg.VecVirtual, pair func(distance int) reg.VecVirtual) reg.VecVirtual {
	sum := mul(middle, taps[0])
	for d := 1; d < len(taps); d++ {
		VADDPS(mul(pair(d), taps[d]), sum, sum)
	}
	return sum
}

func loadTaps() (taps [5]reg.VecVirtual) {
	table := pointer("taps")
	for i := range taps {
		taps[i] = every(table, i)
	}
	return taps
}

func across() {
	TEXT("acrossVector", NOSPLIT, "func(dst, src *float32, taps *[5]float32, blocks int)")
	Doc("acrossVector is acrossRow.")
	dst, src, taps := pointer("dst"), pointer("src"), loadTaps()
	loop(func(at reg.GPVirtual) {
		sum := mean(taps, load(src, at, 0), func(d int) reg.VecVirtual {
			return add(load(src, at, -4*d), load(src, at, 4*d))
		})
		VMOVUPS(sum, Mem{Base: dst, Index: at, Scale: 1})
	})
	finish()
}

func down() {
	TEXT("downVector", NOSPLIT, "func(dst *float32, rows *[9]*float32, taps *[5]float32, blocks int)")
	Doc("downVector is downRow.")
	dst, taps, rows := pointer("dst"), loadTaps(), pointer("rows")
	var row [9]reg.Register
	for i := range row {
		row[i] = GP64()
		MOVQ(Mem{Base: rows, Disp: 8 * i}, row[i])
	}
	loop(func(at reg.GPVirtual) {
		sum := mean(taps, load(row[4], at, 0), func(d int) reg.VecVirtual {
			return add(load(row[4-d], at, 0), load(row[4+d], at, 0))
		})
		VMOVUPS(sum, Mem{Base: dst, Index: at, Scale: 1})
	})
	finish()
}

func maps() {
	TEXT("mapsVector", NOSPLIT, "func(sums *[6][8]float32, mean, diff, squared, square, a, b *float32, stability *float32, blocks int)")
	Doc("mapsVector is mapsRow.")
	sums := pointer("sums")
	means, diff, squared, square := pointer("mean"), pointer("diff"), pointer("squared"), pointer("square")
	a, b := pointer("a"), pointer("b")
	stability := every(pointer("stability"), 0)
	var acc [6]reg.VecVirtual
	for i := range acc {
		acc[i] = YMM()
		VMOVUPS(Mem{Base: sums, Disp: block * i}, acc[i])
	}
	one, zero, magnitude := YMM(), YMM(), YMM()
	VPCMPEQD(one, one, one)
	VPSRLD(Imm(1), one, magnitude)
	VPSRLD(Imm(25), one, one)
	VPSLLD(Imm(23), one, one)
	VXORPS(zero, zero, zero)
	tally := func(i int, v reg.VecVirtual) {
		VMAXPS(zero, v, v)
		VADDPS(v, acc[i], acc[i])
		v2 := mul(v, v)
		VMULPS(v2, v2, v2)
		VADDPS(v2, acc[i+1], acc[i+1])
	}
	loop(func(at reg.GPVirtual) {
		ma, d := load(means, at, 0), load(diff, at, 0)
		mb, dd := sub(ma, d), mul(d, d)
		variance := sub(load(square, at, 0), add(mul(ma, ma), mul(mb, mb)))
		VADDPS(stability, variance, variance)
		ratio := div(sub(load(squared, at, 0), dd), variance)
		tally(0, add(dd, mul(ratio, sub(one, dd))))
		ea, eb := sub(load(a, at, 0), ma), sub(load(b, at, 0), mb)
		VANDPS(magnitude, ea, ea)
		VANDPS(magnitude, eb, eb)
		edge := div(sub(eb, ea), add(one, ea))
		lost := sub(zero, edge)
		tally(2, edge)
		tally(4, lost)
	})
	for i := range acc {
		VMOVUPS(acc[i], Mem{Base: sums, Disp: block * i})
	}
	finish()
}
