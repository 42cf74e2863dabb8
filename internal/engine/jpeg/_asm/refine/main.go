// Command refine generates the kernel that refines AC coefficients. scan_refine_amd64.go of package
// jpeg defines what it computes and where it stops.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Constants, as in huffman.go and scan_walk.go.
const (
	lookBits     = 11
	minFill      = 56
	special      = 1 << 6
	lengthMask   = 63
	advanceShift = 8
	valueShift   = 16
	endOfBlock   = 128
	zeroRun      = 0xF0
)

// Indices of the words of a refineRun.
const (
	runMem = iota
	runPos
	runSafe
	runCount
	runDone
	runEndRun
	runLook
	runLow
	runOffset
	runNonzero
	runSize
	runBand
	runKept
	runBit
	runUp
	runPlaces // bytes
)

// Sets of coefficients are in the reverse of the zigzag order, so that PDEP spreads correction bits,
// of which the first is the most significant.
var (
	bits, have, next reg.GPVirtual // the window; next is a pointer
	zeros            reg.GPVirtual // the zero coefficients that follow
	count            reg.GPVirtual // how many they are
	known            reg.GPVirtual // the nonzero ones that follow
	change           reg.GPVirtual // those of which the magnitude grows
	fresh, negative  reg.GPVirtual // those that become nonzero, and which of them are negative
	look             reg.GPVirtual
)

func main() {
	ConstraintExpr("!purego")
	TEXT("refineKernel", NOSPLIT, "func(r *byte)")
	Doc("refineKernel refines blocks.")
	bits, have, next = GP64(), GP64(), GP64()
	zeros, count, known = GP64(), GP64(), GP64()
	change, fresh, negative, look = GP64(), GP64(), GP64(), GP64()
	start()
	block()
	symbols()
	endBlock()
	Label("stop")
	RET()
	Generate()
}

// start sets up the window.
func start() {
	r := run()
	MOVQ(word(r, runLook), look)
	MOVQ(word(r, runPos), have)
	MOVQ(have, next)
	SHRQ(U8(3), next)
	ADDQ(word(r, runMem), next)
	ANDQ(U8(7), have)
	skipped := GP64()
	MOVQ(have, skipped)
	XORL(bits.As32(), bits.As32())
	XORL(have.As32(), have.As32())
	fill()
	SHLXQ(skipped, bits, bits)
	SUBQ(skipped, have)
}

// block starts a block, unless all are done or it may need more data.
func block() {
	Label("block")
	r := run()
	pos := GP64()
	MOVQ(next, pos)
	SUBQ(word(r, runMem), pos)
	SHLQ(U8(3), pos)
	SUBQ(have, pos)
	MOVQ(pos, word(r, runPos))
	CMPQ(pos, word(r, runSafe))
	JA(LabelRef("stop"))
	m, done := GP64(), GP64()
	MOVQ(word(r, runDone), done)
	CMPQ(done, word(r, runCount))
	JE(LabelRef("stop"))
	MOVQ(word(r, runNonzero), m)
	MOVQ(Mem{Base: m, Index: done, Scale: 8}, m)
	reverse(m)
	MOVQ(word(r, runBand), zeros)
	ANDNQ(zeros, m, zeros)
	MOVQ(word(r, runBand), known)
	ANDQ(m, known)
	XORL(change.As32(), change.As32())
	XORL(fresh.As32(), fresh.As32())
	XORL(negative.As32(), negative.As32())
	fill()
	CMPQ(word(r, runEndRun), U8(0))
	JE(LabelRef("coded"))
	passed := bitsOf(known, minFill)
	DECQ(word(r, runEndRun))
	correct(known, passed)
	JMP(LabelRef("apply"))
}

// symbols decodes the symbols of a block.
func symbols() {
	Label("coded")
	POPCNTQ(zeros, count)
	Label("symbol")
	at, e := GP64(), GP64()
	MOVQ(bits, at)
	SHRQ(U8(64-lookBits), at)
	MOVL(Mem{Base: look, Index: at, Scale: 4}, e.As32())
	TESTL(U32(special), e.As32())
	JNZ(LabelRef("special"))
	value := GP32()
	MOVL(e.As32(), value)
	SARL(U8(valueShift), value)
	odd := GP32()
	LEAL(Mem{Base: value, Disp: 1}, odd)
	TESTL(I32(^2), odd)
	JNZ(LabelRef("stop")) // Values other than 1 and -1 are invalid.
	bit := stop(e)
	ORQ(bit, fresh)
	sign := GP64()
	MOVLQSX(e.As32(), sign)
	SARQ(U8(63), sign)
	ANDQ(bit, sign)
	ORQ(sign, negative)
	pass(bit)

	Label("special")
	length, advance := GP32(), GP32()
	MOVL(e.As32(), length)
	ANDL(U8(lengthMask), length)
	JZ(LabelRef("stop")) // The code is longer.
	MOVL(e.As32(), advance)
	SHRL(U8(valueShift), advance)
	CMPL(advance, U32(zeroRun))
	JNE(LabelRef("end"))
	pass(stop(e))

	Label("end")
	TESTL(U32(endOfBlock<<advanceShift), e.As32())
	JZ(LabelRef("stop")) // The value is longer.
	SHLXQ(e, bits, bits)
	SUBQ(length.As64(), have)
	size, blocks, more := e, GP64(), GP64()
	SHRL(U8(valueShift+4), size.As32())
	MOVL(U32(1), blocks.As32())
	SHLXQ(size, blocks, blocks)
	MOVQ(bits, more)
	SHRQ(U8(1), more)
	SHLXQ(size, bits, bits)
	SUBQ(size, have)
	XORQ(U8(63), size)
	SHRXQ(size, more, more)
	LEAQ(Mem{Base: blocks, Index: more, Scale: 1, Disp: -1}, more)
	fill()
	passed := bitsOf(known, minFill)
	MOVQ(more, word(run(), runEndRun))
	correct(known, passed)
	JMP(LabelRef("apply"))

	Label("past") // The run ends past the band.
	fill()
	passed = bitsOf(known, minFill)
	correct(known, passed)
	JMP(LabelRef("apply"))
}

// stop drops an entry and returns the zero coefficient at which its run ends.
func stop(e reg.GPVirtual) (bit reg.GPVirtual) {
	advance, length := GP32(), GP32()
	MOVL(e.As32(), advance)
	SHRL(U8(advanceShift), advance)
	MOVBLZX(advance.As8(), advance)
	MOVL(e.As32(), length)
	ANDL(U8(lengthMask), length)
	SHLXQ(e, bits, bits)
	SUBQ(length.As64(), have)
	SUBQ(advance.As64(), count)
	JL(LabelRef("past"))
	bit = GP64()
	MOVL(U32(1), bit.As32())
	SHLXQ(count, bit, bit)
	PDEPQ(zeros, bit, bit)
	return bit
}

// pass corrects the nonzero coefficients before a zero one, and continues after it.
func pass(bit reg.GPVirtual) {
	before := GP64()
	DECQ(bit)
	ANDNQ(known, bit, before)
	ANDQ(bit, zeros)
	ANDQ(bit, known)
	correct(before, bitsOf(before, minFill-lookBits))
	fill()
	MOVQ(zeros, bit)
	ORQ(known, bit)
	JNZ(LabelRef("symbol"))
	JMP(LabelRef("apply"))
}

// bitsOf counts the members of a set, and stops if there are more than the bits in the window.
func bitsOf(set reg.GPVirtual, most int) reg.GPVirtual {
	n := GP64()
	POPCNTQ(set, n)
	CMPQ(n, U8(most))
	JA(LabelRef("stop"))
	return n
}

// correct reads a bit for each of the n members of a set.
func correct(set, n reg.GPVirtual) {
	grow := GP64()
	NEGQ(n)
	SHRXQ(n, bits, grow) // If n is 0, set is empty.
	NEGQ(n)
	PDEPQ(set, grow, grow)
	ORQ(grow, change)
	SHLXQ(n, bits, bits)
	SUBQ(n, have)
}

// endBlock changes the coefficients that are kept, and moves on to the next block.
func endBlock() {
	Label("apply")
	r := run()
	m, set := GP64(), GP64()
	MOVQ(fresh, m)
	reverse(m)
	words, done := GP64(), GP64()
	MOVQ(word(r, runNonzero), words)
	MOVQ(word(r, runDone), done)
	ORQ(m, Mem{Base: words, Index: done, Scale: 8})
	INCQ(word(r, runDone))
	MOVQ(change, set)
	ORQ(fresh, set)
	ANDQ(word(r, runKept), set)
	low := GP64()
	MOVQ(word(r, runLow), low)
	ADDQ(word(r, runOffset), low)
	TESTQ(set, set)
	JZ(LabelRef("applied"))
	Label("coefficient")
	k, v, sign := GP64(), GP32(), GP32()
	TZCNTQ(set, k)
	minus := GP32()
	BTQ(k, negative)
	SBBL(minus, minus)
	MOVBLZX(Mem{Base: r, Index: k, Scale: 1, Disp: 8 * runPlaces}, k.As32())
	MOVWLSX(Mem{Base: low, Index: k, Scale: 2}, v)
	MOVL(v, sign)
	SARL(U8(31), sign)
	ORL(minus, sign) // A fresh coefficient is zero.
	add, there := GP32(), GP32()
	MOVL(word(r, runBit), add)
	XORL(sign, add)
	SUBL(sign, add)
	MOVL(word(r, runUp), there)
	SHLXL(there, v, there)
	SARL(U8(31), there) // all ones if the bit is there already
	ANDNL(add, there, add)
	ADDL(add, v)
	MOVW(v.As16(), Mem{Base: low, Index: k, Scale: 2})
	BLSRQ(set, set)
	JNZ(LabelRef("coefficient"))
	Label("applied")
	size := GP64()
	MOVQ(word(r, runSize), size)
	ADDQ(size, word(r, runOffset))
	JMP(LabelRef("block"))
}

// reverse reverses the bits of a register.
func reverse(m reg.GPVirtual) {
	BSWAPQ(m)
	mask, high := GP64(), GP64()
	for _, s := range []struct {
		by   uint8
		mask uint64
	}{{4, 0x0F0F0F0F0F0F0F0F}, {2, 0x3333333333333333}, {1, 0x5555555555555555}} {
		MOVQ(U64(s.mask), mask)
		MOVQ(m, high)
		SHRQ(U8(s.by), high)
		ANDQ(mask, high)
		ANDQ(mask, m)
		SHLQ(U8(s.by), m)
		ORQ(high, m)
	}
}

// fill does the same as window.fill, with a pointer.
func fill() {
	more, room := GP64(), GP64()
	MOVQ(Mem{Base: next}, more)
	BSWAPQ(more)
	SHRXQ(have, more, more)
	ORQ(more, bits)
	MOVQ(have, room)
	XORQ(U8(63), room)
	SHRQ(U8(3), room)
	ADDQ(room, next)
	ORQ(U8(minFill), have)
}

// run loads the pointer to the refineRun.
func run() reg.GPVirtual {
	r := GP64()
	Load(Param("r"), r)
	return r
}

// word is the i-th word of a structure.
func word(of reg.GPVirtual, i int) Mem { return Mem{Base: of, Disp: 8 * i} }
