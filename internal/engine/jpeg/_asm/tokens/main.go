// Command tokens generates the kernel that collects the tokens of a sequential scan. encode_tokens_amd64.go
// of package jpeg defines what it computes.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Constants, as in encode_bits.go and encode_tokens_amd64.go.
const (
	symEOB    = 0x00
	symZRL    = 0xF0
	dcSize    = 0x0B
	tokenLow  = 7
	indexBits = 16 - tokenLow
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
	blockStep
	blockBase
	blockDC
	blockWords
)

var to, counts, base reg.GPVirtual

func main() {
	ConstraintExpr("!purego")
	TEXT("tokensKernel", NOSPLIT, "func(r *byte)")
	Doc("tokensKernel collects the tokens of MCUs.")
	r := GP64()
	Load(Param("r"), r)
	to, counts, base = GP64(), GP64(), GP64()
	places := GP64()
	MOVQ(word(r, runTo), to)
	MOVQ(word(r, runCounts), counts)
	MOVQ(word(r, runZigzag), places)

	left, block := GP64(), GP64()
	MOVQ(word(r, runMCUs), left)
	Label("mcu")
	MOVQ(word(r, runBlocks), block)
	Label("block")
	coef, set := GP64(), GP64()
	MOVQ(word(block, blockCoef), coef)
	MOVQ(word(block, blockNonzero), set)
	MOVQ(Mem{Base: set}, set)
	MOVQ(word(block, blockBase), base)

	v, dc, last := GP64(), GP64(), GP64()
	MOVWQSX(Mem{Base: coef}, last)
	MOVQ(word(block, blockDC), dc)
	MOVQ(last, v)
	SUBQ(Mem{Base: dc}, v)
	MOVQ(last, Mem{Base: dc})
	size, low := magnitude(v)
	symbol := GP64()
	MOVL(size, symbol.As32())
	SHLL(U8(4), symbol.As32())
	ORL(U8(dcSize), symbol.As32())
	store(symbol, size, low, "difference")

	due := GP64() // index of the coefficient for which the run is 0
	MOVL(U32(1), due.As32())
	ANDQ(I8(-2), set)
	JZ(LabelRef("end"))
	Label("coefficient")
	k, run := GP64(), GP64()
	TZCNTQ(set, k)
	place := GP64()
	MOVBLZX(Mem{Base: places, Index: k, Scale: 1}, place.As32())
	v = GP64()
	MOVWLSX(Mem{Base: coef, Index: place, Scale: 2}, v.As32())
	size, low = magnitude(v)
	MOVQ(k, run)
	SUBQ(due, run)
	LEAQ(Mem{Base: k, Disp: 1}, due)
	CMPL(run.As32(), U8(15))
	JA(LabelRef("zeros"))
	Label("near")
	SHLL(U8(4), run.As32())
	ADDL(size, run.As32())
	store(run, size, low, "stored")
	BLSRQ(set, set)
	JNZ(LabelRef("coefficient"))

	Label("end")
	CMPL(due.As32(), U8(63))
	JA(LabelRef("full"))
	INCL(Mem{Base: counts, Index: base, Scale: 4, Disp: 4 * symEOB})
	MOVW(base.As16(), Mem{Base: to})
	ADDQ(U8(2), to)
	Label("full")
	step := GP64()
	MOVQ(word(block, blockStep), step)
	ADDQ(step, word(block, blockNonzero))
	SHLQ(U8(4), step)
	ADDQ(step, word(block, blockCoef))
	ADDQ(U8(8*blockWords), block)
	CMPQ(block, word(r, runPast))
	JNE(LabelRef("block"))
	DECQ(left)
	JNZ(LabelRef("mcu"))
	SUBQ(word(r, runTo), to)
	SHRQ(U8(1), to)
	MOVQ(to, word(r, runWords))
	RET()

	Label("zeros")
	zeros := GP64()
	LEAQ(Mem{Base: base, Disp: symZRL}, zeros)
	INCL(Mem{Base: counts, Index: zeros, Scale: 4})
	MOVW(zeros.As16(), Mem{Base: to})
	ADDQ(U8(2), to)
	SUBL(U8(16), run.As32())
	CMPL(run.As32(), U8(15))
	JA(LabelRef("zeros"))
	JMP(LabelRef("near"))
	Generate()
}

// magnitude returns what the function magnitude of package jpeg does.
func magnitude(v64 reg.GPVirtual) (size, low reg.GPVirtual) {
	v, sign := v64.As32(), GP32()
	size, low = GP32(), GP32()
	MOVL(v, sign)
	SARL(U8(31), sign)
	LEAL(Mem{Base: v64, Index: sign.As64(), Scale: 1}, low)
	XORL(sign, v)
	SUBL(sign, v)
	LEAL(Mem{Base: v64, Index: v64, Scale: 1, Disp: 1}, size)
	BSRL(size, size) // The length of v is that of 2v+1, less one, also of 0.
	BZHIL(size, low, low)
	return size, low
}

// store counts a symbol and stores it with its extra bits.
func store(symbol, size, low reg.GPVirtual, stored string) {
	ADDQ(base, symbol.As64())
	INCL(Mem{Base: counts, Index: symbol.As64(), Scale: 4})
	token := GP32()
	MOVL(low, token)
	SHLL(U8(indexBits), token)
	ORL(symbol.As32(), token)
	MOVW(token.As16(), Mem{Base: to})
	ADDQ(U8(2), to)
	CMPL(size, U8(tokenLow))
	JBE(LabelRef(stored))
	SHRL(U8(tokenLow), low)
	MOVW(low.As16(), Mem{Base: to})
	ADDQ(U8(2), to)
	Label(stored)
}

// word is the i-th word of a structure.
func word(of reg.GPVirtual, i int) Mem { return Mem{Base: of, Disp: 8 * i} }
