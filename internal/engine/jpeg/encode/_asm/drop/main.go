// Command drop generates the kernel that drops coefficients. quantise.go of package encode defines what it
// computes.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Indices of the words of a dropRun.
const (
	runCoef = iota
	runRaw
	runNonzero
	runBlocks
	runSteps
	runLowest
	runTable
	runZigzag
	runGradients
	runQuiet
	runBusy
	runPrice
	runDone       // for the kernel
	runBlockPrice // for the kernel
)

// Of the frame, bytes 0 to 127 are by how much errors grow, bytes 128 to 191 the categories, both in rows, and
// the others are zero.
const (
	frameSizes = 128
	frameZero  = 192
	frameBytes = 200
)

func main() {
	ConstraintExpr("!purego")
	lengths := nibbles("dropLow", func(n int) uint8 { return length(n) })
	upper := nibbles("dropHigh", func(n int) uint8 { return min(length(n<<4), 7) })
	TEXT("dropKernel", NOSPLIT, "func(r *byte)")
	Doc("dropKernel drops coefficients of blocks.")
	frame := AllocLocal(frameBytes)
	places, table := GP64(), GP64()
	MOVQ(field(runZigzag), places)
	MOVQ(field(runTable), table)
	zero := GP64()
	XORL(zero.As32(), zero.As32())
	MOVQ(zero, frame.Offset(frameZero))
	MOVQ(zero, field(runDone))

	Label("block")
	r, done, m := state(), GP64(), GP64()
	MOVQ(word(r, runDone), done)
	CMPQ(done, word(r, runBlocks))
	JE(LabelRef("done"))
	MOVQ(word(r, runNonzero), m)
	MOVQ(Mem{Base: m, Index: done, Scale: 8}, m)
	CMPQ(m, word(r, runGradients))
	JBE(LabelRef("next"))
	price(done)
	grows(frame, done)
	sizes(frame, done, lengths, upper)

	kept, due, k, z, fifteen := GP64(), GP64(), GP64(), GP64(), GP64()
	MOVL(U32(15), fifteen.As32())
	r = state()
	MOVQ(m, kept)
	MOVQ(word(r, runGradients), due)
	ANDNQ(m, due, m)
	ANDQ(kept, due)
	ORQ(U8(1), due) // as if there was a DC coefficient
	BSRQ(due, due)
	INCQ(due)
	TZCNTQ(m, k)
	MOVBLZX(Mem{Base: places, Index: k, Scale: 1}, z.As32())

	Label("coefficient")
	next, size, before, after := GP64(), GP64(), GP64(), GP64()
	BLSRQ(m, m)
	TZCNTQ(m, next)
	MOVBLZX(Mem{Base: places, Index: next, Scale: 1}, after.As32())
	MOVBLZX(frame.Offset(frameSizes).Idx(after, 1), size.As32())
	growth := GP64()
	MOVWQSX(frame.Idx(z, 2), growth)
	MOVL(after.As32(), z.As32())
	TESTQ(m, m)
	CMOVLEQ(frame.Offset(frameZero), size.As32())
	MOVQ(k, before)
	SUBQ(due, before)
	CMPL(before.As32(), fifteen.As32())
	CMOVLHI(fifteen.As32(), before.As32())
	MOVQ(next, after)
	SUBQ(k, after)
	DECQ(after)
	CMPL(after.As32(), fifteen.As32())
	CMOVLHI(fifteen.As32(), after.As32())
	SHLL(U8(4), before.As32())
	SHLL(U8(8), size.As32())
	ADDL(before.As32(), size.As32())
	ADDL(after.As32(), size.As32())
	MOVBQSX(Mem{Base: table, Index: size, Scale: 1}, size)
	IMULQ(field(runBlockPrice), size)
	SHLQ(U8(8), growth)
	CMPQ(growth, size)
	JLT(LabelRef("drop"))
	LEAQ(Mem{Base: k, Disp: 1}, due)
	MOVQ(next, k)
	TESTQ(m, m)
	JNZ(LabelRef("coefficient"))
	JMP(LabelRef("store"))
	Label("drop")
	BTRQ(k, kept)
	MOVQ(next, k)
	TESTQ(m, m)
	JNZ(LabelRef("coefficient"))

	Label("store")
	r = state()
	words, index := GP64(), GP64()
	MOVQ(word(r, runNonzero), words)
	MOVQ(word(r, runDone), index)
	MOVQ(kept, Mem{Base: words, Index: index, Scale: 8})
	Label("next")
	INCQ(field(runDone))
	JMP(LabelRef("block"))
	Label("done")
	VZEROUPPER()
	RET()
	Generate()
}

// length is the number of bits of n.
func length(n int) (l uint8) {
	for ; n > 0; n >>= 1 {
		l++
	}
	return l
}

// nibbles writes a table of 16 bytes, for both lanes.
func nibbles(name string, f func(n int) uint8) Mem {
	t := GLOBL(name, RODATA|NOPTR)
	for i := range 32 {
		DATA(i, U8(f(i%16)))
	}
	return t
}

// at returns the address of a block.
func at(i int, done reg.GPVirtual) reg.GPVirtual {
	p := GP64()
	MOVQ(done, p)
	SHLQ(U8(7), p)
	ADDQ(field(i), p)
	return p
}

// price computes that of a bit in the block.
func price(done reg.GPVirtual) {
	raw, lowest := at(runRaw, done), GP64()
	MOVQ(field(runLowest), lowest)
	a, b := YMM(), YMM()
	VPABSW(Mem{Base: raw}, a)
	VPABSW(Mem{Base: raw, Disp: 32}, b)
	VPMADDWD(Mem{Base: lowest}, a, a)
	VPMADDWD(Mem{Base: lowest, Disp: 32}, b, b)
	VPADDD(a, b, a)
	high := XMM()
	VEXTRACTI128(Imm(1), a, high)
	VPADDD(high, a.AsX(), high)
	swapped := XMM()
	VPSHUFD(Imm(0b01_00_11_10), high, swapped)
	VPADDD(swapped, high, high)
	VPSHUFD(Imm(0b10_11_00_01), high, swapped)
	VPADDD(swapped, high, high)
	activity, r := GP64(), state()
	VMOVD(high, activity.As32())
	CMPQ(activity, word(r, runBusy))
	CMOVQHI(word(r, runBusy), activity)
	ADDQ(word(r, runQuiet), activity)
	IMULQ(word(r, runPrice), activity)
	SARQ(U8(16), activity)
	MOVQ(activity, word(r, runBlockPrice))
}

// grows computes by how much errors grow if coefficients become zero.
func grows(frame Mem, done reg.GPVirtual) {
	raw, steps := at(runRaw, done), GP64()
	MOVQ(field(runSteps), steps)
	for i := range 4 {
		x := YMM()
		VPABSW(Mem{Base: raw, Disp: 32 * i}, x)
		VPADDW(x, x, x)
		VPSUBW(Mem{Base: steps, Disp: 32 * i}, x, x)
		VMOVDQU(x, frame.Offset(32*i))
	}
}

// sizes computes the categories of coefficients, up to 7.
func sizes(frame Mem, done reg.GPVirtual, lengths, upper Mem) {
	coef, low, high, four := at(runCoef, done), YMM(), YMM(), YMM()
	VMOVDQU(lengths, low)
	VMOVDQU(upper, high)
	VPCMPEQB(four, four, four)
	VPSRLW(Imm(12), four, four)
	VPACKUSWB(four, four, four) // 15 in each byte
	for i := range 2 {
		x, y := YMM(), YMM()
		VPABSW(Mem{Base: coef, Disp: 64 * i}, x)
		VPABSW(Mem{Base: coef, Disp: 64*i + 32}, y)
		VPACKUSWB(y, x, x)
		VPERMQ(Imm(0b11_01_10_00), x, x)
		VPSRLW(Imm(4), x, y)
		VPAND(four, x, x)
		VPAND(four, y, y)
		VPSHUFB(x, low, x)
		VPSHUFB(y, high, y)
		VPMAXUB(x, y, x)
		VMOVDQU(x, frame.Offset(frameSizes+32*i))
	}
}

// state loads the pointer to the dropRun.
func state() reg.GPVirtual {
	r := GP64()
	Load(Param("r"), r)
	return r
}

// field is a word of the dropRun.
func field(i int) Mem { return word(state(), i) }

// word is the i-th word of a structure.
func word(of reg.GPVirtual, i int) Mem { return Mem{Base: of, Disp: 8 * i} }
