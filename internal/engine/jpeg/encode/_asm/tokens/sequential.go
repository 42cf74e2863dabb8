package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// Indices of the words of a tokenRun.
const (
	runTo = iota
	runWords
	runMCUs
	runCounts
	runZigzag
	runBlocks
	runPast
)

// Indices of the words of a tokenBlock.
const (
	blockCoef = iota
	blockNonzero
	blockAt
	blockStep
	blockBase
	blockDC
	blockWords
)

func sequential() {
	TEXT("tokensKernel", NOSPLIT, "func(r *byte)")
	Doc("tokensKernel collects the tokens of MCUs.")
	r := GP64()
	Load(Param("r"), r)
	to, counts, places = load(r, runTo), load(r, runCounts), load(r, runZigzag)
	left, block := load(r, runMCUs), GP64()
	base, coef, set, due = GP64(), GP64(), GP64(), GP64()

	Label("mcu")
	MOVQ(word(r, runBlocks), block)
	Label("block")
	at, nonzero := load(block, blockAt), load(block, blockNonzero)
	MOVQ(Mem{Base: nonzero, Index: at, Scale: 1}, set)
	MOVQ(at, coef)
	SHLQ(U8(4), coef)
	ADDQ(word(block, blockCoef), coef)
	ADDQ(word(block, blockStep), at)
	MOVQ(at, word(block, blockAt))
	MOVQ(word(block, blockBase), base)

	v, dc, last := GP64(), load(block, blockDC), GP64()
	MOVWQSX(Mem{Base: coef}, last)
	MOVQ(last, v)
	SUBQ(Mem{Base: dc}, v)
	MOVQ(last, Mem{Base: dc})
	size, extra := magnitude(v, nil)
	symbol := GP64()
	MOVL(size.As32(), symbol.As32())
	SHLL(U8(4), symbol.As32())
	ORL(U8(symDC), symbol.As32())
	store(symbol, size, extra, "difference")
	MOVL(U32(1), due.As32())
	ANDQ(I8(-2), set)
	JZ(LabelRef("end"))
	coefficients(nil, "end")

	Label("end")
	CMPL(due.As32(), U8(63))
	JA(LabelRef("full"))
	INCL(Mem{Base: counts, Index: base, Scale: 4, Disp: 4 * symEOB})
	put(base)
	Label("full")
	ADDQ(U8(8*blockWords), block)
	CMPQ(block, word(r, runPast))
	JNE(LabelRef("block"))
	DECQ(left)
	JNZ(LabelRef("mcu"))
	SUBQ(word(r, runTo), to)
	SHRQ(U8(1), to)
	MOVQ(to, word(r, runWords))
	RET()
}
