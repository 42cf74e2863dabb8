package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// costTables are the registers with which residues are judged.
type costTables struct{ fifteen, small, large, zero reg.VecVirtual }

// loadCosts reads both halves of residueCosts.
func loadCosts(at reg.Register) costTables {
	t := costTables{YMM(), YMM(), YMM(), YMM()}
	VMOVDQU(everywhere("fifteenBytes", 0x0f0f0f0f0f0f0f0f), t.fifteen)
	VBROADCASTI128(Mem{Base: at}, t.small)
	VBROADCASTI128(Mem{Base: at, Disp: 16}, t.large)
	VPXOR(t.zero, t.zero, t.zero)
	return t
}

// sum sums what bytes cost, in four parts.
func (t costTables) sum(residue reg.VecVirtual) reg.VecVirtual {
	small, large := YMM(), YMM()
	VPABSB(residue, small)
	VPSRLW(Imm(4), small, large)
	VPMINUB(t.fifteen, small, small)
	VPAND(t.fifteen, large, large)
	VPSHUFB(small, t.small, small)
	VPSHUFB(large, t.large, large)
	VPMAXUB(small, large, large)
	VPSADBW(t.zero, large, large)
	return large
}

// residues generates the kernel that predicts 8*eights pixels by all modes.
func residues() {
	TEXT("residuesVector", NOSPLIT,
		"func(out *uint32, area int, pix, upper *uint32, eights int, costs *byte, sums *uint64)")
	out, area := Load(Param("out"), GP64()).(reg.GPVirtual), Load(Param("area"), GP64())
	pix, upper := Load(Param("pix"), GP64()), Load(Param("upper"), GP64())
	n, sums := Load(Param("eights"), GP64()), Load(Param("sums"), GP64())
	costs := loadCosts(Load(Param("costs"), GP64()))
	SHLQ(Imm(2), area)
	at := GP64()
	Label("eight")
	MOVQ(out, at)
	in := input{upper: upper, wide: true}
	left, topLeft, top, topRight := YMM(), in.load(0), in.load(1), in.load(2)
	VMOVDQU(Mem{Base: pix}, left)
	for mode, predict := range []func() reg.VecVirtual{
		blackPixels,
		func() reg.VecVirtual { return left },
		func() reg.VecVirtual { return top },
		func() reg.VecVirtual { return topRight },
		func() reg.VecVirtual { return topLeft },
		func() reg.VecVirtual { return average(average(left, topRight), top) },
		func() reg.VecVirtual { return average(left, topLeft) },
		func() reg.VecVirtual { return average(left, top) },
		func() reg.VecVirtual { return average(topLeft, top) },
		func() reg.VecVirtual { return average(top, topRight) },
		func() reg.VecVirtual { return average(average(left, topLeft), average(top, topRight)) },
		func() reg.VecVirtual { return wideSelect(left, top, topLeft) },
		func() reg.VecVirtual { return wideFull(left, top, topLeft, costs.zero) },
		func() reg.VecVirtual { return wideHalf(average(left, top), topLeft, costs.zero) },
	} {
		residue := YMM()
		VMOVDQU(Mem{Base: pix, Disp: 4}, residue)
		VPSUBB(predict(), residue, residue)
		VMOVDQU(residue, Mem{Base: at})
		ADDQ(area, at)
		sum, to := costs.sum(residue), Mem{Base: sums, Disp: 32 * mode}
		VPADDQ(to, sum, sum)
		VMOVDQU(sum, to)
	}
	for _, p := range []reg.Register{out, pix, upper} {
		ADDQ(Imm(32), p)
	}
	DECQ(n)
	JNZ(LabelRef("eight"))
	VZEROUPPER()
	RET()
}

func blackPixels() reg.VecVirtual {
	v := YMM()
	VMOVDQU(everywhere("blackPixels", 0xff000000ff000000), v)
	return v
}

// distance is the sum of the absolute differences of the bytes of each pixel.
func distance(a, b reg.VecVirtual) reg.VecVirtual {
	d, t := YMM(), YMM()
	VPSUBUSB(b, a, d)
	VPSUBUSB(a, b, t)
	VPOR(t, d, d)
	VPMADDUBSW(oneBytes(), d, d)
	VPMADDWD(everywhere("oneWords", 0x0001000100010001), d, d)
	return d
}

// wideSelect is selectPixel for eight pixels.
func wideSelect(left, top, topLeft reg.VecVirtual) reg.VecVirtual {
	toLeft, toTop := distance(left, topLeft), distance(top, topLeft)
	VPCMPGTD(toTop, toLeft, toLeft)
	VPBLENDVB(toLeft, left, top, toTop)
	return toTop
}

// halves widens the lower or upper bytes of each lane.
func halves(v, zero reg.VecVirtual, upper bool) reg.VecVirtual {
	w := YMM()
	if upper {
		VPUNPCKHBW(zero, v, w)
	} else {
		VPUNPCKLBW(zero, v, w)
	}
	return w
}

// wideFull is left + top - topLeft.
func wideFull(left, top, topLeft, zero reg.VecVirtual) reg.VecVirtual {
	var half [2]reg.VecVirtual
	for i := range half {
		half[i] = halves(left, zero, i > 0)
		VPADDW(halves(top, zero, i > 0), half[i], half[i])
		VPSUBW(halves(topLeft, zero, i > 0), half[i], half[i])
	}
	VPACKUSWB(half[1], half[0], half[0])
	return half[0]
}

// wideHalf is mean + (mean-topLeft)/2.
func wideHalf(mean, topLeft, zero reg.VecVirtual) reg.VecVirtual {
	var half [2]reg.VecVirtual
	for i := range half {
		half[i] = halves(mean, zero, i > 0)
		d, sign := YMM(), YMM()
		VPSUBW(halves(topLeft, zero, i > 0), half[i], d)
		VPSRLW(Imm(15), d, sign)
		VPADDW(sign, d, d)
		VPSRAW(Imm(1), d, d)
		VPADDW(d, half[i], half[i])
	}
	VPACKUSWB(half[1], half[0], half[0])
	return half[0]
}

// correlated generates the kernels that subtract from 32*n samples what others predict by a factor,
// and sum what is left or store it.
func correlated(name, last string, store bool) {
	TEXT(name, NOSPLIT, "func(samples, by *byte, n int, factor int32, "+last+" *byte)"+
		map[bool]string{false: " uint64"}[store])
	samples, by, n := Load(Param("samples"), GP64()), Load(Param("by"), GP64()), Load(Param("n"), GP64())
	factor, low, sum := YMM(), YMM(), YMM()
	f := Load(Param("factor"), GP32())
	SHLL(Imm(3), f)
	VMOVD(f, factor.AsX())
	VPBROADCASTW(factor.AsX(), factor)
	to := Load(Param(last), GP64())
	var costs costTables
	if store {
		costs.zero = YMM()
		VPXOR(costs.zero, costs.zero, costs.zero)
	} else {
		costs = loadCosts(to)
		VPXOR(sum, sum, sum)
	}
	VPCMPEQW(low, low, low)
	VPSRLW(Imm(8), low, low)
	Label("loop")
	v, a, b := YMM(), YMM(), YMM()
	VMOVDQU(Mem{Base: by}, v)
	VPUNPCKLBW(v, costs.zero, a)
	VPUNPCKHBW(v, costs.zero, b)
	for _, w := range []reg.VecVirtual{a, b} {
		VPMULHW(factor, w, w)
		VPAND(low, w, w)
	}
	VPACKUSWB(b, a, a)
	VMOVDQU(Mem{Base: samples}, v)
	VPSUBB(a, v, v)
	if store {
		VMOVDQU(v, Mem{Base: to})
		ADDQ(Imm(32), to)
	} else {
		VPADDQ(costs.sum(v), sum, sum)
	}
	ADDQ(Imm(32), samples)
	ADDQ(Imm(32), by)
	DECQ(n)
	JNZ(LabelRef("loop"))
	if !store {
		t, total := XMM(), GP64()
		VEXTRACTI128(Imm(1), sum, t)
		VPADDQ(t, sum.AsX(), t)
		VPSRLDQ(Imm(8), t, sum.AsX())
		VPADDQ(t, sum.AsX(), t)
		VMOVQ(t, total)
		Store(total, ReturnIndex(0))
	}
	VZEROUPPER()
	RET()
}
