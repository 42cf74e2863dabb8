// Command lossless generates the AVX2 kernels of VP8L's transforms. predict.go, transform.go,
// predict_choose.go and colour_choose.go of package vp8l define what they compute.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("!purego")
	for _, p := range []struct {
		mode int
		body func(i input) reg.VecVirtual
	}{
		{2, func(i input) reg.VecVirtual { return i.top() }},
		{3, func(i input) reg.VecVirtual { return i.topRight() }},
		{4, func(i input) reg.VecVirtual { return i.topLeft() }},
		{8, func(i input) reg.VecVirtual { return average(i.topLeft(), i.top()) }},
		{9, func(i input) reg.VecVirtual { return average(i.top(), i.topRight()) }},
	} {
		parallel(p.mode, p.body)
	}
	predictLeft()
	for _, p := range []struct {
		mode int
		body func(left reg.VecVirtual, i input) reg.VecVirtual
	}{
		{5, func(l reg.VecVirtual, i input) reg.VecVirtual { return average(average(l, i.topRight()), i.top()) }},
		{6, func(l reg.VecVirtual, i input) reg.VecVirtual { return average(l, i.topLeft()) }},
		{7, func(l reg.VecVirtual, i input) reg.VecVirtual { return average(l, i.top()) }},
		{10, func(l reg.VecVirtual, i input) reg.VecVirtual {
			right := average(i.top(), i.topRight())
			return average(average(l, i.topLeft()), right)
		}},
		{11, selectPixel},
		{12, clampFull},
		{13, clampHalf},
	} {
		serial(p.mode, p.body)
	}
	colour()
	subtractGreen()
	separate()
	residues()
	correlated("correlationCostVector", "costs", false)
	correlated("subtractCorrelatedVector", "out", true)
	Generate()
}

// constants are those that were generated, by their names.
var constants = map[string]Mem{}

// everywhere is a constant of 32 bytes that repeats eight.
func everywhere(name string, v uint64) Mem {
	if _, ok := constants[name]; !ok {
		constants[name] = table(name, v, v, v, v)
	}
	return constants[name]
}

func oneBytes() Mem { return everywhere("oneBytes", 0x0101010101010101) }

// input loads pixels of the row above, one at a time, or eight if wide.
type input struct {
	upper, x reg.Register
	wide     bool
}

func (i input) load(n int) reg.VecVirtual {
	m := Mem{Base: i.upper, Index: i.x, Scale: 4, Disp: 4 * n}
	if i.wide {
		v := YMM()
		VMOVDQU(m, v)
		return v
	}
	v := XMM()
	VMOVD(m, v)
	return v
}

func (i input) topLeft() reg.VecVirtual  { return i.load(0) }
func (i input) top() reg.VecVirtual      { return i.load(1) }
func (i input) topRight() reg.VecVirtual { return i.load(2) }

func like(v reg.VecVirtual) reg.VecVirtual {
	if v.Size() == 32 {
		return YMM()
	}
	return XMM()
}

// average is the mean of each byte, rounded down.
func average(a, b reg.VecVirtual) reg.VecVirtual {
	mean, odd := like(a), like(a)
	VPXOR(a, b, odd)
	VPAND(oneBytes(), odd, odd)
	VPAVGB(a, b, mean)
	VPSUBB(odd, mean, mean)
	return mean
}

const signature = "func(row, out, upper *uint32, n int)"

type pointers struct{ row, out, upper, n, x reg.GPVirtual }

func begin(mode int) pointers {
	TEXT(fmt.Sprintf("predict%d", mode), NOSPLIT, signature)
	p := pointers{GP64(), GP64(), GP64(), GP64(), GP64()}
	Load(Param("row"), p.row)
	Load(Param("out"), p.out)
	Load(Param("upper"), p.upper)
	Load(Param("n"), p.n)
	XORQ(p.x, p.x)
	return p
}

func (p pointers) at(base reg.Register) Mem { return Mem{Base: base, Index: p.x, Scale: 4} }

// parallel generates the kernel of a mode that does not depend on the pixel to the left.
func parallel(mode int, predict func(input) reg.VecVirtual) {
	p := begin(mode)
	end := GP64()
	MOVQ(p.n, end)
	ANDQ(I32(-8), end)
	JZ(LabelRef("rest"))
	Label("eight")
	v := predict(input{p.upper, p.x, true})
	VPADDB(p.at(p.row), v, v)
	VMOVDQU(v, p.at(p.out))
	ADDQ(Imm(8), p.x)
	CMPQ(p.x, end)
	JLT(LabelRef("eight"))
	Label("rest")
	CMPQ(p.x, p.n)
	JGE(LabelRef("done"))
	Label("one")
	w := predict(input{p.upper, p.x, false})
	t := XMM()
	VMOVD(p.at(p.row), t)
	VPADDB(t, w, w)
	VMOVD(w, p.at(p.out))
	INCQ(p.x)
	CMPQ(p.x, p.n)
	JLT(LabelRef("one"))
	Label("done")
	VZEROUPPER()
	RET()
}

// serial generates the kernel of a mode that depends on the pixel to the left.
func serial(mode int, predict func(reg.VecVirtual, input) reg.VecVirtual) {
	p := begin(mode)
	left := XMM()
	VMOVD(Mem{Base: p.out, Disp: -4}, left)
	Label("one")
	v := predict(left, input{p.upper, p.x, false})
	t := XMM()
	VMOVD(p.at(p.row), t)
	VPADDB(t, v, left)
	VMOVD(left, p.at(p.out))
	INCQ(p.x)
	CMPQ(p.x, p.n)
	JLT(LabelRef("one"))
	RET()
}

// predictLeft adds up pixels, four at a time.
func predictLeft() {
	p := begin(1)
	left, v, t := XMM(), XMM(), XMM()
	VPBROADCASTD(Mem{Base: p.out, Disp: -4}, left)
	end := GP64()
	MOVQ(p.n, end)
	ANDQ(I32(-4), end)
	JZ(LabelRef("rest"))
	Label("four")
	VMOVDQU(p.at(p.row), v)
	VPSLLDQ(Imm(4), v, t)
	VPADDB(t, v, v)
	VPSLLDQ(Imm(8), v, t)
	VPADDB(t, v, v)
	VPADDB(left, v, v)
	VMOVDQU(v, p.at(p.out))
	VPSHUFD(Imm(0xff), v, left)
	ADDQ(Imm(4), p.x)
	CMPQ(p.x, end)
	JLT(LabelRef("four"))
	Label("rest")
	CMPQ(p.x, p.n)
	JGE(LabelRef("done"))
	Label("one")
	VMOVD(p.at(p.row), t)
	VPADDB(t, left, left)
	VMOVD(left, p.at(p.out))
	INCQ(p.x)
	CMPQ(p.x, p.n)
	JLT(LabelRef("one"))
	Label("done")
	RET()
}

// selectPixel chooses left where the sum of |left-topLeft| is larger than that of |top-topLeft|.
func selectPixel(left reg.VecVirtual, i input) reg.VecVirtual {
	top, corner := i.top(), i.topLeft()
	toTop, toLeft := XMM(), XMM()
	VPSADBW(corner, top, toTop)
	VPSADBW(corner, left, toLeft)
	VPCMPGTD(toTop, toLeft, toLeft)
	VPBLENDVB(toLeft, left, top, top)
	return top
}

// words widens four bytes.
func words(v reg.VecVirtual) reg.VecVirtual {
	w := XMM()
	VPMOVZXBW(v, w)
	return w
}

func clampFull(left reg.VecVirtual, i input) reg.VecVirtual {
	step := words(i.top())
	VPSUBW(words(i.topLeft()), step, step)
	v := words(left)
	VPADDW(step, v, v)
	VPACKUSWB(v, v, v)
	return v
}

func clampHalf(left reg.VecVirtual, i input) reg.VecVirtual {
	corner := words(i.topLeft())
	mean := words(average(left, i.top()))
	d, sign := XMM(), XMM()
	VPSUBW(corner, mean, d)
	VPSRLW(Imm(15), d, sign)
	VPADDW(sign, d, d)
	VPSRAW(Imm(1), d, d)
	VPADDW(d, mean, mean)
	VPACKUSWB(mean, mean, mean)
	return mean
}

func table(name string, longs ...uint64) Mem {
	m := GLOBL(name, RODATA|NOPTR)
	for i, v := range longs {
		DATA(8*i, U64(v))
	}
	return m
}

// colour generates the inverse colour transform of 8*eights pixels. greenTo holds the factors of
// green in blue and, 16 bits above, in red; redTo that of red in blue, 16 bits above. All of them
// are shifted up by 3.
func colour() {
	TEXT("colourVector", NOSPLIT, "func(dst, src *uint32, eights int, greenTo, redTo uint32)")
	dst, src, n := Load(Param("dst"), GP64()), Load(Param("src"), GP64()), Load(Param("eights"), GP64())
	greenTo, redTo := YMM(), YMM()
	VMOVD(Load(Param("greenTo"), GP32()), greenTo.AsX())
	VPBROADCASTD(greenTo.AsX(), greenTo)
	VMOVD(Load(Param("redTo"), GP32()), redTo.AsX())
	VPBROADCASTD(redTo.AsX(), redTo)
	green := table("greenWords", 0x0580058001800180, 0x0d800d8009800980, 0x0580058001800180, 0x0d800d8009800980)
	keep := everywhere("alphaGreen", 0xff00ff00ff00ff00)
	mask, shuffle := YMM(), YMM()
	VMOVDQU(keep, mask)
	VMOVDQU(green, shuffle)
	Label("eight")
	v, g, t := YMM(), YMM(), YMM()
	VMOVDQU(Mem{Base: src}, v)
	VPSHUFB(shuffle, v, g)
	VPMULHW(greenTo, g, g)
	VPADDB(v, g, g) // red and blue
	VPSLLW(Imm(8), g, t)
	VPMULHW(redTo, t, t)
	VPSRLD(Imm(16), t, t)
	VPADDB(t, g, g)
	VPANDN(g, mask, g)
	VPAND(mask, v, v)
	VPOR(v, g, g)
	VMOVDQU(g, Mem{Base: dst})
	ADDQ(Imm(32), src)
	ADDQ(Imm(32), dst)
	DECQ(n)
	JNZ(LabelRef("eight"))
	VZEROUPPER()
	RET()
}

func subtractGreen() {
	TEXT("subtractGreenVector", NOSPLIT, "func(dst, src *uint32, eights int)")
	dst, src, n := Load(Param("dst"), GP64()), Load(Param("src"), GP64()), Load(Param("eights"), GP64())
	shuffle := YMM()
	VMOVDQU(table("greenBytes", 0x8005800580018001, 0x800d800d80098009, 0x8005800580018001, 0x800d800d80098009), shuffle)
	Label("eight")
	v, g := YMM(), YMM()
	VMOVDQU(Mem{Base: src}, v)
	VPSHUFB(shuffle, v, g)
	VPADDB(g, v, v)
	VMOVDQU(v, Mem{Base: dst})
	ADDQ(Imm(32), src)
	ADDQ(Imm(32), dst)
	DECQ(n)
	JNZ(LabelRef("eight"))
	VZEROUPPER()
	RET()
}

// separate splits 16*sixteens pixels into planes.
func separate() {
	TEXT("separateVector", NOSPLIT, "func(red, green, blue, alpha *byte, argb *uint32, sixteens int)")
	var planes [4]reg.Register
	for i, name := range []string{"blue", "green", "red", "alpha"} {
		planes[i] = Load(Param(name), GP64())
	}
	src, n := Load(Param("argb"), GP64()), Load(Param("sixteens"), GP64())
	shuffle := XMM()
	VMOVDQU(table("components", 0x0d0905010c080400, 0x0f0b07030e0a0602), shuffle)
	Label("sixteen")
	var v [4]reg.VecVirtual
	for i := range v {
		v[i] = XMM()
		VMOVDQU(Mem{Base: src, Disp: 16 * i}, v[i])
		VPSHUFB(shuffle, v[i], v[i])
	}
	t := [4]reg.VecVirtual{XMM(), XMM(), XMM(), XMM()}
	VPUNPCKLDQ(v[1], v[0], t[0])
	VPUNPCKHDQ(v[1], v[0], t[1])
	VPUNPCKLDQ(v[3], v[2], t[2])
	VPUNPCKHDQ(v[3], v[2], t[3])
	for i, to := range planes {
		out := XMM()
		if i&1 == 0 {
			VPUNPCKLQDQ(t[i/2+2], t[i/2], out)
		} else {
			VPUNPCKHQDQ(t[i/2+2], t[i/2], out)
		}
		VMOVDQU(out, Mem{Base: to})
		ADDQ(Imm(16), to.(reg.GPVirtual))
	}
	ADDQ(Imm(64), src)
	DECQ(n)
	JNZ(LabelRef("sixteen"))
	RET()
}
