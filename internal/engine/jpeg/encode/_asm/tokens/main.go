// Command tokens generates the kernels that collect the tokens of scans, and what they need for it.
// tokens_amd64.go of package encode defines what they compute.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Constants, as in bits.go and progressive.go.
const (
	symEOB      = 0x00
	symZRL      = 0xF0
	symDC       = 0x0B
	symRaw      = 0x0F
	tokenLow    = 7
	indexBits   = 16 - tokenLow
	longestRun  = 0x7FFF
	mostPending = 1000 - 63
)

var (
	to     reg.GPVirtual // where the next token goes
	counts reg.GPVirtual
	base   reg.GPVirtual // of the class in a codeTable, or nil
	places reg.GPVirtual // zigzag
	coef   reg.GPVirtual // the block
	set    reg.GPVirtual // coefficients of the block that are left
	due    reg.GPVirtual // index of the coefficient before which there are no zeros
)

func main() {
	ConstraintExpr("!purego")
	sequential()
	first()
	refine()
	split()
	Generate()
}

// magnitude returns what the function magnitude of package encode does, of v without its lowest bits if low is
// given.
func magnitude(v, low reg.GPVirtual) (size, extra reg.GPVirtual) {
	sign := GP64()
	size, extra = GP64(), GP64()
	MOVL(v.As32(), sign.As32())
	SARL(U8(31), sign.As32())
	XORL(sign.As32(), v.As32())
	SUBL(sign.As32(), v.As32())
	if low != nil {
		SHRXL(low.As32(), v.As32(), v.As32())
	}
	MOVL(v.As32(), extra.As32())
	XORL(sign.As32(), extra.As32())
	LEAL(Mem{Base: v, Index: v, Scale: 1, Disp: 1}, size.As32())
	BSRL(size.As32(), size.As32()) // The length of v is that of 2v+1, less one, also of 0.
	BZHIL(size.As32(), extra.As32(), extra.As32())
	return size, extra
}

// store counts a symbol, which becomes its index in a codeTable, and stores it with its extra bits.
func store(symbol, size, extra reg.GPVirtual, stored string) {
	if base != nil {
		ADDQ(base, symbol)
	}
	INCL(Mem{Base: counts, Index: symbol, Scale: 4})
	token := GP64()
	MOVL(extra.As32(), token.As32())
	SHLL(U8(indexBits), token.As32())
	ORL(symbol.As32(), token.As32())
	put(token)
	CMPL(size.As32(), U8(tokenLow))
	JBE(LabelRef(stored))
	SHRL(U8(tokenLow), extra.As32())
	put(extra)
	Label(stored)
}

func put(word reg.GPVirtual) {
	MOVW(word.As16(), Mem{Base: to})
	ADDQ(U8(2), to)
}

// zeroRun stores the symbol for 16 zeros.
func zeroRun() {
	symbol := GP64()
	if base == nil {
		MOVL(U32(symZRL), symbol.As32())
	} else {
		LEAQ(Mem{Base: base, Disp: symZRL}, symbol)
	}
	INCL(Mem{Base: counts, Index: symbol, Scale: 4})
	put(symbol)
}

// coefficients stores those of a block that are in set, which is not empty, and continues at the label
// after. The lowest bits are left out if low is given.
func coefficients(low reg.GPVirtual, after string) {
	Label("coefficient")
	k, run, v := GP64(), GP64(), GP64()
	TZCNTQ(set, k)
	MOVBLZX(Mem{Base: places, Index: k, Scale: 1}, v.As32())
	MOVWLSX(Mem{Base: coef, Index: v, Scale: 2}, v.As32())
	size, extra := magnitude(v, low)
	MOVQ(k, run)
	SUBQ(due, run)
	LEAQ(Mem{Base: k, Disp: 1}, due)
	CMPL(run.As32(), U8(15))
	JA(LabelRef("zeros"))
	Label("near")
	SHLL(U8(4), run.As32())
	ADDL(size.As32(), run.As32())
	store(run, size, extra, "stored")
	BLSRQ(set, set)
	JNZ(LabelRef("coefficient"))
	JMP(LabelRef(after))

	Label("zeros")
	zeroRun()
	SUBL(U8(16), run.As32())
	CMPL(run.As32(), U8(15))
	JA(LabelRef("zeros"))
	JMP(LabelRef("near"))
}

// load loads a word of a structure.
func load(of reg.GPVirtual, i int) reg.GPVirtual {
	r := GP64()
	MOVQ(word(of, i), r)
	return r
}

// word is the i-th word of a structure.
func word(of reg.GPVirtual, i int) Mem { return Mem{Base: of, Disp: 8 * i} }
