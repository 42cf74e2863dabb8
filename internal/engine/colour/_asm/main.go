// Command _asm generates the AVX2 kernels of package colour. ycbcr.go and transform_matrix.go define
// what they compute. Each loop works on whole blocks of 16 samples.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("!purego")
	toRGB()
	toYCbCr()
	luma()
	double()
	mean()
	mix()
	lookUp()
	levels()
	Generate()
}

// rows are the operands of a kernel: pointers to its rows, and an index that all of them share.
type rows struct {
	at, end reg.GPVirtual
	base    map[string]reg.Register
}

// start loads the pointers of rows of samples, which have size bytes, and begins the loop over them.
func start(size uint64, names ...string) *rows {
	r := &rows{GP64(), GP64(), map[string]reg.Register{}}
	for _, n := range names {
		r.base[n] = Load(Param(n), GP64())
	}
	Load(Param("blocks"), r.end)
	IMUL3Q(U32(16*size), r.end, r.end)
	XORQ(r.at, r.at)
	return r
}

func (r *rows) mem(name string) Mem { return Mem{Base: r.base[name], Index: r.at, Scale: 1} }

// words loads 16 bytes as 16-bit words.
func (r *rows) words(name string) reg.VecVirtual {
	x := YMM()
	VPMOVZXBW(r.mem(name), x)
	return x
}

// bytes stores 16 words, clamped to bytes.
func (r *rows) bytes(x reg.VecVirtual, name string) {
	VPACKUSWB(x, x, x)
	VPERMQ(Imm(0b1000), x, x)
	VMOVDQU(x.AsX(), r.mem(name))
}

func (r *rows) next(size uint64) {
	ADDQ(U32(16*size), r.at)
	CMPQ(r.at, r.end)
	JNE(LabelRef("block"))
	VZEROUPPER()
	RET()
}

// pair holds the products of two rows with two weights: columns 0 to 3 and 8 to 11, and the others.
type pair struct{ low, high reg.VecVirtual }

// interleave returns the words of two rows side by side.
func interleave(a reg.VecVirtual, b Op) pair {
	p := pair{YMM(), YMM()}
	VPUNPCKLWD(b, a, p.low)
	VPUNPCKHWD(b, a, p.high)
	return p
}

// times returns the sums of products with a pair of weights.
func (p pair) times(weights Op) pair {
	q := pair{YMM(), YMM()}
	VPMADDWD(weights, p.low, q.low)
	VPMADDWD(weights, p.high, q.high)
	return q
}

func (p pair) add(q pair) pair {
	VPADDD(q.low, p.low, p.low)
	VPADDD(q.high, p.high, p.high)
	return p
}

// addAll adds a value to each sum.
func (p pair) addAll(v Op) pair {
	VPADDD(v, p.low, p.low)
	VPADDD(v, p.high, p.high)
	return p
}

// from returns v - p.
func (p pair) from(v reg.VecVirtual) pair {
	VPSUBD(p.low, v, p.low)
	VPSUBD(p.high, v, p.high)
	return p
}

// halves returns the upper 16 bits of each sum as words, in order.
func (p pair) halves() reg.VecVirtual {
	VPSRAD(Imm(16), p.low, p.low)
	VPSRAD(Imm(16), p.high, p.high)
	VPACKSSDW(p.high, p.low, p.low)
	return p.low
}

// two returns the weights a and b of a pair in each lane.
func two(a, b int32) Mem { return each(uint32(uint16(a)) | uint32(b)<<16) }

// word returns a word in each lane.
func word(v int32) Mem { return two(v, v) }

var constants = map[uint32]Mem{}

// each returns a constant of eight equal lanes.
func each(v uint32) Mem {
	m, ok := constants[v]
	if !ok {
		m = GLOBL(fmt.Sprintf("each%08x", v), RODATA|NOPTR)
		for i := range 8 {
			DATA(4*i, U32(v))
		}
		constants[v] = m
	}
	return m
}

// toRGB splits weights beyond 16 bits into a multiple of 65536, which is added behind the shift, and a
// rest. Half is 2 times 16384, or added.
func toRGB() {
	TEXT("toRGBVector", NOSPLIT, "func(red, green, blue, luma, cb, cr *byte, blocks int)")
	Doc("toRGBVector converts 16*blocks samples.")
	rows := start(1, "red", "green", "blue", "luma", "cb", "cr")
	middle, twos, half := word(128), word(2), each(1<<15)
	red, green, blue := two(91881-1<<16, 1<<14), two(-22554, 1<<16-46802), two(116130-2<<16, 1<<14)
	Label("block")
	y, u, v := rows.words("luma"), rows.words("cb"), rows.words("cr")
	VPSUBW(middle, u, u)
	VPSUBW(middle, v, v)
	r := interleave(v, twos).times(red).halves()
	g := interleave(u, v).times(green).addAll(half).halves()
	b := interleave(u, twos).times(blue).halves()
	VPADDW(v, r, r)
	VPADDW(y, r, r)
	VPSUBW(v, g, g)
	VPADDW(y, g, g)
	VPADDW(u, b, b)
	VPADDW(u, b, b)
	VPADDW(y, b, b)
	rows.bytes(r, "red")
	rows.bytes(g, "green")
	rows.bytes(b, "blue")
	rows.next(1)
}

func toYCbCr() {
	TEXT("toYCbCrVector", NOSPLIT, "func(luma, cb, cr, red, green, blue *byte, blocks int)")
	Doc("toYCbCrVector converts 16*blocks samples.")
	rows := start(1, "luma", "cb", "cr", "red", "green", "blue")
	twos, centre := word(2), YMM()
	VMOVDQU(each(128<<16+1<<15), centre)
	lumaRG, lumaB := two(19595, 38470-1<<16), two(7471, 1<<14)
	cbRG, cbB := two(11059, 21709), two(-32768, 0)
	crRG, crB := two(-32768, 27439), two(5329, 0)
	Label("block")
	r, g, b := rows.words("red"), rows.words("green"), rows.words("blue")
	rg, b2 := interleave(r, g), interleave(b, twos)
	y := rg.times(lumaRG).add(b2.times(lumaB)).halves()
	VPADDW(g, y, y)
	rows.bytes(y, "luma")
	rows.bytes(rg.times(cbRG).add(b2.times(cbB)).from(centre).halves(), "cb")
	rows.bytes(rg.times(crRG).add(b2.times(crB)).from(centre).halves(), "cr")
	rows.next(1)
}

func luma() {
	TEXT("lumaVector", NOSPLIT, "func(luma, red, green, blue *byte, blocks int)")
	Doc("lumaVector computes 16*blocks samples.")
	rows := start(1, "luma", "red", "green", "blue")
	twos := word(2)
	lumaRG, lumaB := two(19595, 38470-1<<16), two(7471, 1<<14)
	Label("block")
	r, g, b := rows.words("red"), rows.words("green"), rows.words("blue")
	y := interleave(r, g).times(lumaRG).add(interleave(b, twos).times(lumaB)).halves()
	VPADDW(g, y, y)
	rows.bytes(y, "luma")
	rows.next(1)
}

func double() {
	TEXT("doubleVector", NOSPLIT, "func(dst, src *byte, blocks int)")
	Doc("doubleVector writes each of 16*blocks samples twice.")
	rows := start(1, "dst", "src")
	Label("block")
	x, y := rows.words("src"), YMM()
	VPSLLW(Imm(8), x, y)
	VPOR(y, x, x)
	VMOVDQU(x, Mem{Base: rows.base["dst"], Index: rows.at, Scale: 2})
	rows.next(1)
}

func mean() {
	TEXT("meanVector", NOSPLIT, "func(dst, above, below *byte, blocks int)")
	Doc("meanVector computes 16*blocks means of 2×2 samples.")
	rows := start(1, "dst", "above", "below")
	ones, twos := each(0x01010101), word(2)
	Label("block")
	a, b := YMM(), YMM()
	VMOVDQU(Mem{Base: rows.base["above"], Index: rows.at, Scale: 2}, a)
	VMOVDQU(Mem{Base: rows.base["below"], Index: rows.at, Scale: 2}, b)
	VPMADDUBSW(ones, a, a)
	VPMADDUBSW(ones, b, b)
	VPADDW(b, a, a)
	VPADDW(twos, a, a)
	VPSRLW(Imm(2), a, a)
	rows.bytes(a, "dst")
	rows.next(1)
}

// mix reads the weights of a mixer: of each output, eight times in a row, its weights of the first two
// inputs, that of the third, and the offset.
func mix() {
	TEXT("mixVector", NOSPLIT, "func(a, b, c *uint16, weights *int32, shift uint64, blocks int)")
	Doc("mixVector multiplies 16*blocks triples by a matrix, in place.")
	rows := start(2, "a", "b", "c")
	weights, shift, zero := Load(Param("weights"), GP64()), XMM(), YMM()
	Load(Param("shift"), shift)
	VPXOR(zero, zero, zero)
	Label("block")
	var in [3]reg.VecVirtual
	for i, name := range []string{"a", "b", "c"} {
		in[i] = YMM()
		VMOVDQU(rows.mem(name), in[i])
	}
	first, second := interleave(in[0], in[1]), interleave(in[2], zero)
	for i, name := range []string{"a", "b", "c"} {
		at := func(k int) Mem { return Mem{Base: weights, Disp: 32 * (3*i + k)} }
		p := first.times(at(0)).add(second.times(at(1))).addAll(at(2))
		VPSRAD(shift, p.low, p.low)
		VPSRAD(shift, p.high, p.high)
		VPACKUSDW(p.high, p.low, p.low)
		VMOVDQU(p.low, rows.mem(name))
	}
	rows.next(2)
}

// gather looks up eight 16-bit values, one after another: gathering instructions are slow on many
// processors.
func gather(table reg.Register, index func(i int) reg.Register) reg.VecVirtual {
	x := XMM()
	for i := range 8 {
		v := index(i)
		at := Mem{Base: table, Index: v, Scale: 2}
		if i == 0 {
			MOVWLZX(at, v.(reg.GP).As32())
			VMOVD(v.(reg.GP).As32(), x)
		} else {
			VPINSRW(Imm(uint64(i)), at, x, x)
		}
	}
	return x
}

func lookUp() {
	TEXT("lookUpVector", NOSPLIT, "func(dst *uint16, src *byte, table *uint16, blocks int)")
	Doc("lookUpVector looks up 16*blocks bytes in a table.")
	rows := start(1, "dst", "src", "table")
	Label("block")
	for half := range 2 {
		eight := GP64()
		MOVQ(rows.mem("src").Offset(8*half), eight)
		x := gather(rows.base["table"], func(i int) reg.Register {
			v := GP64()
			MOVBQZX(eight.As8(), v)
			if i < 7 {
				SHRQ(Imm(8), eight)
			}
			return v
		})
		VMOVDQU(x, Mem{Base: rows.base["dst"], Index: rows.at, Scale: 2, Disp: 16 * half})
	}
	rows.next(1)
}

func levels() {
	TEXT("levelsVector", NOSPLIT, "func(dst *byte, light, table *uint16, blocks int)")
	Doc("levelsVector looks up the levels of 16*blocks values of light in the table of an encoder.")
	rows := start(1, "dst", "light", "table")
	low := word(15)
	Label("block")
	light := Mem{Base: rows.base["light"], Index: rows.at, Scale: 2}
	var half [2]reg.VecVirtual
	for h := range half {
		half[h] = gather(rows.base["table"], func(i int) reg.Register {
			v := GP64()
			MOVWQZX(light.Offset(16*h+2*i), v)
			SHRQ(Imm(4), v)
			return v
		})
	}
	entries, x := YMM(), YMM()
	VINSERTI128(Imm(1), half[1], half[0].AsY(), entries)
	VMOVDQU(light, x)
	VPAND(low, x, x)
	VPADDW(entries, x, x)
	VPSRLW(Imm(4), x, x)
	rows.bytes(x, "dst")
	rows.next(1)
}
