// Command filter generates the AVX2 kernels of VP8's normal loop filter. filter.go of package
// vp8 defines what they compute. Each filters sixteen positions of an edge, in two runs of eight
// that may lie apart: in luma one behind the other, in chroma one in each plane.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("!purego")
	rows("edgeRowsOuter", true)
	rows("edgeRowsInner", false)
	columns("edgeColumnsOuter", true)
	columns("edgeColumnsInner", false)
	Generate()
}

const signature = "func(a, b *byte, stride, edge, interior, hev int)"

var constants = map[uint8]Mem{}

// bytes is a constant in memory: a byte repeated sixteen times.
func bytes(v uint8) Mem {
	m, ok := constants[v]
	if !ok {
		m = GLOBL("byte"+string("0123456789abcdef"[v>>4])+string("0123456789abcdef"[v&15]), RODATA|NOPTR)
		for i := range 2 {
			DATA(8*i, U64(0x0101010101010101*uint64(v)))
		}
		constants[v] = m
	}
	return m
}

var wordConstants = map[uint16]Mem{}

// words is a constant in memory: a 16-bit word repeated eight times.
func words(name string, v uint16) Mem {
	m, ok := wordConstants[v]
	if !ok {
		m = GLOBL(name, RODATA|NOPTR)
		for i := range 2 {
			DATA(8*i, U64(0x0001000100010001*uint64(v)))
		}
		wordConstants[v] = m
	}
	return m
}

// threshold returns a parameter in every byte of a register.
func threshold(name string) reg.VecVirtual {
	x := XMM()
	VMOVD(Load(Param(name), GP64()).(reg.GPVirtual).As32(), x)
	VPBROADCASTB(x, x)
	return x
}

// difference returns |a-b|.
func difference(a, b reg.VecVirtual) reg.VecVirtual {
	t, u := XMM(), XMM()
	VPSUBUSB(b, a, t)
	VPSUBUSB(a, b, u)
	VPOR(t, u, t)
	return t
}

// eighth returns x>>3 of signed bytes.
func eighth(x reg.VecVirtual) {
	VPXOR(bytes(0x80), x, x)
	VPSRLW(Imm(3), x, x)
	VPAND(bytes(0x1f), x, x)
	VPSUBB(bytes(16), x, x)
}

// filter filters the pixels p3 p2 p1 p0 | q0 q1 q2 q3.
func filter(p [8]reg.VecVirtual, outer bool) {
	p3, p2, p1, p0, q0, q1, q2, q3 := p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7]
	zero := XMM()
	VPXOR(zero, zero, zero)

	Comment("Where the edge is to be filtered, and where its variance is not high.")
	m := difference(p1, p0)
	VPMAXUB(difference(q1, q0), m, m)
	calm := XMM()
	VPSUBUSB(threshold("hev"), m, calm)
	VPCMPEQB(zero, calm, calm)
	for _, d := range [][2]reg.VecVirtual{{p3, p2}, {p2, p1}, {q3, q2}, {q2, q1}} {
		VPMAXUB(difference(d[0], d[1]), m, m)
	}
	VPSUBUSB(threshold("interior"), m, m)
	d0, d1 := difference(p0, q0), difference(p1, q1)
	VPADDUSB(d0, d0, d0)
	VPAND(bytes(0xfe), d1, d1)
	VPSRLW(Imm(1), d1, d1)
	VPADDUSB(d1, d0, d0)
	VPSUBUSB(threshold("edge"), d0, d0)
	VPOR(d0, m, m)
	VPCMPEQB(zero, m, m)

	Comment("From here on samples are signed.")
	changed := []reg.VecVirtual{p1, p0, q0, q1}
	if outer {
		changed = []reg.VecVirtual{p2, p1, p0, q0, q1, q2}
	}
	for _, x := range changed {
		VPXOR(bytes(0x80), x, x)
	}
	a, d := XMM(), XMM()
	VPSUBSB(q1, p1, a)
	if !outer {
		VPANDN(a, calm, a)
	}
	VPSUBSB(p0, q0, d)
	for range 3 {
		VPADDSB(d, a, a)
	}
	VPAND(m, a, a)
	h := a
	if outer {
		h = XMM()
		VPANDN(a, calm, h)
	}
	f1, f2 := XMM(), XMM()
	VPADDSB(bytes(4), h, f1)
	VPADDSB(bytes(3), h, f2)
	eighth(f1)
	eighth(f2)
	VPSUBSB(f1, q0, q0)
	VPADDSB(f2, p0, p0)
	if outer {
		VPAND(calm, a, a)
		wide(a, zero, [3][2]reg.VecVirtual{{p2, q2}, {p1, q1}, {p0, q0}})
	} else {
		VPXOR(bytes(0x80), f1, f1)
		VPAVGB(zero, f1, f1)
		VPSUBB(bytes(64), f1, f1)
		VPAND(calm, f1, f1)
		VPSUBSB(f1, q1, q1)
		VPADDSB(f1, p1, p1)
	}
	for _, x := range changed {
		VPXOR(bytes(0x80), x, x)
	}
}

// wide moves three pixels on each side by 9, 18 and 27 128ths of w.
func wide(w, zero reg.VecVirtual, pairs [3][2]reg.VecVirtual) {
	lo, hi := XMM(), XMM()
	VPUNPCKLBW(w, zero, lo)
	VPUNPCKHBW(w, zero, hi)
	VPMULHW(words("word0900", 0x0900), lo, lo)
	VPMULHW(words("word0900", 0x0900), hi, hi)
	sumLo, sumHi := XMM(), XMM()
	VPADDW(words("word003f", 63), lo, sumLo)
	VPADDW(words("word003f", 63), hi, sumHi)
	for i, pq := range pairs {
		t, u := XMM(), XMM()
		VPSRAW(Imm(7), sumLo, t)
		VPSRAW(Imm(7), sumHi, u)
		VPACKSSWB(u, t, t)
		VPADDSB(t, pq[0], pq[0])
		VPSUBSB(t, pq[1], pq[1])
		if i < 2 {
			VPADDW(lo, sumLo, sumLo)
			VPADDW(hi, sumHi, sumHi)
		}
	}
}

// lines returns the addresses of eight lines, stride apart, that begin at disp bytes from base.
func lines(base, stride reg.Register, disp int) [8]Mem {
	far, three := GP64(), GP64()
	LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, three)
	LEAQ(Mem{Base: base, Index: stride, Scale: 4, Disp: disp}, far)
	return [8]Mem{
		{Base: base, Disp: disp}, {Base: base, Index: stride, Scale: 1, Disp: disp},
		{Base: base, Index: stride, Scale: 2, Disp: disp}, {Base: base, Index: three, Scale: 1, Disp: disp},
		{Base: far}, {Base: far, Index: stride, Scale: 1},
		{Base: far, Index: stride, Scale: 2}, {Base: far, Index: three, Scale: 1},
	}
}

// rows filters an edge between two rows. a and b are the first pixels of the two runs below it.
func rows(name string, outer bool) {
	TEXT(name, NOSPLIT, signature)
	a, b := Load(Param("a"), GP64()), Load(Param("b"), GP64())
	stride, up := Load(Param("stride"), GP64()), GP64()
	MOVQ(stride, up)
	SHLQ(Imm(2), up)
	SUBQ(up, a)
	SUBQ(up, b)
	first, second := lines(a, stride, 0), lines(b, stride, 0)
	var p [8]reg.VecVirtual
	for i := range p {
		p[i] = XMM()
		VMOVQ(first[i], p[i])
		VMOVHPS(second[i], p[i], p[i])
	}
	filter(p, outer)
	from, to := 2, 6
	if outer {
		from, to = 1, 7
	}
	for i := from; i < to; i++ {
		VMOVQ(p[i], first[i])
		VMOVHPS(p[i], second[i])
	}
	RET()
}

// columns filters an edge between two columns. a and b are the first pixels of the two runs to the
// right of it.
func columns(name string, outer bool) {
	TEXT(name, NOSPLIT, signature)
	a, b := Load(Param("a"), GP64()), Load(Param("b"), GP64())
	stride := Load(Param("stride"), GP64())
	first, second := lines(a, stride, -4), lines(b, stride, -4)

	Comment("Transpose sixteen rows of eight pixels.")
	var r [8]reg.VecVirtual
	for i := range r {
		x, y := XMM(), XMM()
		VMOVQ(first[i], x)
		VMOVQ(second[i], y)
		VPUNPCKLBW(y, x, x)
		r[i] = x
	}
	p := butterfly(butterfly(butterfly(r)))
	filter(p, outer)

	Comment("Transpose back.")
	for i, x := range butterfly(p) {
		r[i] = x
	}
	// r[2*i] and r[2*i+1] have pixels i and i+4 of the first and the last eight rows.
	half := func(k int) [4]reg.VecVirtual { return [4]reg.VecVirtual{r[k], r[2+k], r[4+k], r[6+k]} }
	for k := range 2 {
		h := half(k)
		var f [4]reg.VecVirtual
		for i := range 2 {
			f[2*i], f[2*i+1] = XMM(), XMM()
			VPUNPCKLBW(h[i+2], h[i], f[2*i])
			VPUNPCKHBW(h[i+2], h[i], f[2*i+1])
		}
		to := first
		if k == 1 {
			to = second
		}
		for j := range 2 {
			lo, hi := XMM(), XMM()
			VPUNPCKLBW(f[2+j], f[j], lo)
			VPUNPCKHBW(f[2+j], f[j], hi)
			VMOVQ(lo, to[4*j])
			VMOVHPS(lo, to[4*j+1])
			VMOVQ(hi, to[4*j+2])
			VMOVHPS(hi, to[4*j+3])
		}
	}
	RET()
}

// butterfly interleaves each of the first four registers with the one four places behind. Applied
// to eight registers three times, it turns the pairs of rows i and i+8 into columns.
func butterfly(r [8]reg.VecVirtual) (out [8]reg.VecVirtual) {
	for i := range 4 {
		out[2*i], out[2*i+1] = XMM(), XMM()
		VPUNPCKLBW(r[i+4], r[i], out[2*i])
		VPUNPCKHBW(r[i+4], r[i], out[2*i+1])
	}
	return out
}
