package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

var (
	k    reg.GPVirtual // index in the zigzag order
	mask reg.GPVirtual // which coefficients of the block are not zero
	low  reg.GPVirtual // the block
	up   reg.GPVirtual // what moves values to their bits
	r    reg.GPVirtual
)

func first() {
	TEXT("firstKernel", NOSPLIT, "func(r *byte)")
	Doc("firstKernel decodes blocks in the first scan of a band.")
	start()
	k, mask, low, up = GP64(), GP64(), GP64(), GP64()
	r = run()
	MOVQ(word(r, runUp), up)

	Label("block")
	done := startBlock(r)
	skipped := GP64()
	MOVQ(word(r, runEndRun), skipped)
	TESTQ(skipped, skipped)
	JNZ(LabelRef("ended"))
	MOVQ(word(r, runNonzero), mask)
	MOVQ(Mem{Base: mask, Index: done, Scale: 8}, mask)
	MOVQ(word(r, runLow), low)
	ADDQ(word(r, runOffset), low)
	MOVQ(word(r, runBefore), k)

	Label("symbol")
	fill()
	at, e := GP64(), GP64()
	MOVQ(bits, at)
	SHRQ(U8(64-lookBits), at)
	MOVL(Mem{Base: look, Index: at, Scale: 4}, e.As32())
	TESTL(U32(special), e.As32())
	JNZ(LabelRef("special"))
	value := GP32()
	MOVL(e.As32(), value)
	SARL(U8(valueShift), value)
	drop(e)
	SHRL(U8(advanceShift), e.As32())
	MOVBLZX(e.As8(), e.As32())
	Label("value")
	ADDQ(e, k)
	CMPQ(k, U8(63))
	JA(LabelRef("stop")) // The run ends past the block.
	BTSQ(k, mask)
	place, scratch := GP64(), GP64()
	MOVBLZX(Mem{Base: r, Index: k, Scale: 1, Disp: 8 * runPlaces}, place.As32())
	CMPL(place.As32(), U32(dropped))
	LEAQ(Mem{Base: low, Index: place, Scale: 2}, place)
	LEAQ(word(r, runScratch), scratch)
	CMOVQEQ(scratch, place)
	SHLXL(up.As32(), value, value)
	MOVW(value.As16(), Mem{Base: place})
	CMPQ(k, word(r, runLast))
	JB(LabelRef("symbol"))

	Label("endBlock")
	words, index := GP64(), GP64()
	MOVQ(word(r, runNonzero), words)
	MOVQ(word(r, runDone), index)
	MOVQ(mask, Mem{Base: words, Index: index, Scale: 8})
	INCQ(word(r, runDone))
	size := GP64()
	MOVQ(word(r, runSize), size)
	ADDQ(size, word(r, runOffset))
	JMP(LabelRef("block"))

	Label("special")
	length, symbol := GP64(), GP64()
	MOVL(e.As32(), length.As32())
	ANDL(U8(lengthMask), length.As32())
	JZ(LabelRef("stop")) // The code is longer.
	MOVL(e.As32(), symbol.As32())
	SHRL(U8(valueShift), symbol.As32())
	CMPL(symbol.As32(), U32(symZRL))
	JE(LabelRef("zeros"))
	TESTL(U32(endOfBlock<<advanceShift), e.As32())
	JNZ(LabelRef("end"))
	ANDL(U8(15), symbol.As32())
	negative, ones, v := GP64(), GP64(), value.As64()
	SUBQ(symbol, length)
	SHLXQ(length, bits, v)
	MOVQ(v, negative)
	SARQ(U8(63), negative)
	MOVL(U32(1), ones.As32())
	SHLXQ(symbol, ones, ones)
	DECQ(ones)
	ANDNQ(ones, negative, negative) // 2^size-1 if the first bit is 0, else 0
	NEGQ(symbol)
	SHRXQ(symbol, v, v)
	SUBQ(negative, v)
	drop(e)
	SHRL(U8(advanceShift), e.As32())
	MOVBLZX(e.As8(), e.As32())
	JMP(LabelRef("value"))

	Label("zeros")
	drop(e)
	ADDQ(U8(16), k)
	CMPQ(k, word(r, runLast))
	JB(LabelRef("symbol"))
	JMP(LabelRef("endBlock"))

	Label("end")
	SHRL(U8(4), symbol.As32())
	more := blocksEnd(e, symbol)
	MOVQ(more, word(r, runEndRun))
	JMP(LabelRef("endBlock"))

	Label("ended") // Blocks without new coefficients.
	left, blocks := GP64(), GP64()
	MOVQ(word(r, runCount), left)
	SUBQ(done, left)
	CMPQ(skipped, left)
	CMOVQHI(left, skipped)
	SUBQ(skipped, word(r, runEndRun))
	ADDQ(skipped, word(r, runDone))
	MOVQ(word(r, runSize), blocks)
	IMULQ(skipped, blocks)
	ADDQ(blocks, word(r, runOffset))
	JMP(LabelRef("block"))
	Label("stop")
	RET()
}
