package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

var (
	zeros, known    reg.GPVirtual // the coefficients that follow
	corrections     reg.GPVirtual // correction bits of the block, the last in the lowest bit
	fresh, negative reg.GPVirtual // those that become nonzero, and which of them are negative
)

func refine() {
	TEXT("refineKernel", NOSPLIT, "func(r *byte)")
	Doc("refineKernel refines blocks.")
	zeros, known, corrections = GP64(), GP64(), GP64()
	fresh, negative = GP64(), GP64()
	start()
	block()
	symbols()
	endBlock()
	Label("stop")
	RET()
}

// block starts a block, unless all are done or it may need more data.
func block() {
	Label("block")
	r := run()
	done := startBlock(r)
	MOVQ(word(r, runNonzero), known)
	MOVQ(Mem{Base: known, Index: done, Scale: 8}, known)
	MOVQ(word(r, runBand), zeros)
	ANDNQ(zeros, known, zeros)
	ANDQ(word(r, runBand), known)
	XORL(corrections.As32(), corrections.As32())
	XORL(fresh.As32(), fresh.As32())
	XORL(negative.As32(), negative.As32())
	fill()
	CMPQ(word(r, runEndRun), U8(0))
	JE(LabelRef("symbol"))
	n := count(known, minFill)
	DECQ(word(r, runEndRun))
	correct(n)
	JMP(LabelRef("apply"))
}

// symbols decodes the symbols of a block.
func symbols() {
	Label("symbol")
	at, e, bit := GP64(), GP64(), GP64()
	MOVQ(bits, at)
	SHRQ(U8(64-lookBits), at)
	MOVWLZX(Mem{Base: look, Index: at, Scale: 4, Disp: runShift / 8}, bit.As32())
	MOVL(Mem{Base: look, Index: at, Scale: 4}, e.As32())
	TESTL(U32(special), e.As32())
	JNZ(LabelRef("special"))
	endRun(e, bit)
	ORQ(bit, fresh)
	MOVBQSX(e.As8(), e) // Bit 7 says that the coefficient is negative.
	SARQ(U8(63), e)
	ANDQ(bit, e)
	ORQ(e, negative)
	pass(bit)

	Label("special")
	TESTL(U32(zeroRun), e.As32())
	JZ(LabelRef("end"))
	endRun(e, bit)
	pass(bit)

	Label("end")
	TESTL(U32(blockEnd), e.As32())
	JZ(LabelRef("stop"))
	more := blocksEnd(e, bit)
	fill()
	n := count(known, minFill)
	MOVQ(more, word(run(), runEndRun))
	correct(n)
	JMP(LabelRef("apply"))

	Label("past") // The run ends past the band.
	fill()
	correct(count(known, minFill))
	JMP(LabelRef("apply"))
}

// endRun finds the zero coefficient at which a run ends, 2ⁿ for a run of n.
func endRun(e, bit reg.GPVirtual) {
	PDEPQ(zeros, bit, bit)
	drop(e)
	TESTQ(bit, bit)
	JZ(LabelRef("past"))
}

// pass corrects the nonzero coefficients before a zero one, and continues after it.
func pass(bit reg.GPVirtual) {
	passed := GP64()
	BLSMSKQ(bit, bit)
	MOVQ(known, passed)
	ANDQ(bit, passed)
	ANDNQ(zeros, bit, zeros)
	ANDNQ(known, bit, known)
	correct(count(passed, minFill-lookBits))
	fill()
	MOVQ(zeros, bit)
	ORQ(known, bit)
	JNZ(LabelRef("symbol"))
	JMP(LabelRef("apply"))
}

// count counts the members of a set, and stops if there are more than the bits in the window.
func count(set reg.GPVirtual, most int) reg.GPVirtual {
	n := GP64()
	POPCNTQ(set, n)
	CMPQ(n, U8(most))
	JA(LabelRef("stop"))
	return n
}

// correct reads n correction bits.
func correct(n reg.GPVirtual) {
	read := GP64()
	MOVQ(bits, read)
	SHRQ(U8(1), read)
	SHLXQ(n, bits, bits)
	SHLXQ(n, corrections, corrections)
	SUBQ(n, have)
	XORQ(U8(63), n)
	SHRXQ(n, read, read)
	ORQ(read, corrections)
}

// endBlock changes the coefficients that are kept, and moves on to the next block.
func endBlock() {
	Label("apply")
	r := run()
	words, done, set := GP64(), GP64(), GP64()
	MOVQ(word(r, runNonzero), words)
	MOVQ(word(r, runDone), done)
	MOVQ(Mem{Base: words, Index: done, Scale: 8}, set)
	ORQ(fresh, Mem{Base: words, Index: done, Scale: 8})
	INCQ(word(r, runDone))
	ANDQ(word(r, runBand), set)
	shift := GP64()
	POPCNTQ(set, shift)
	NEGQ(shift)
	reverse(corrections)
	SHRXQ(shift, corrections, corrections) // Without nonzero coefficients, it is 0.
	PDEPQ(set, corrections, set)
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
