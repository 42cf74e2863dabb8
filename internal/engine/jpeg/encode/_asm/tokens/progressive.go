package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Indices of the words of a bandRun.
const (
	bandTo = iota
	bandWords
	bandLimit
	bandCounts
	bandZigzag
	bandReversed
	bandCoef
	bandSets
	bandKnown
	bandBit
	bandBlocks
	bandDone
	bandBand
	bandFrom
	bandLast
	bandLow
	bandEnded
	bandHeld
	bandHeldWords
	bandHeldBits
	bandFresh // for the kernel
	bandK     // for the kernel
)

// state loads the pointer to the bandRun.
func state() reg.GPVirtual {
	r := GP64()
	Load(Param("r"), r)
	return r
}

// field is a word of the bandRun.
func field(i int) Mem { return word(state(), i) }

// value loads a word of the bandRun.
func value(i int) reg.GPVirtual { return load(state(), i) }

// block returns the coefficients of the current block.
func block() reg.GPVirtual {
	r, at := state(), GP64()
	MOVQ(word(r, bandDone), at)
	SHLQ(U8(7), at)
	ADDQ(word(r, bandCoef), at)
	return at
}

// start loads the state. Its loop over blocks begins at the label block.
func start() {
	to, counts, set, due = value(bandTo), value(bandCounts), GP64(), GP64()
	base, coef, places = nil, nil, nil
	Label("block")
	r, words, done, sets := state(), GP64(), GP64(), GP64()
	MOVQ(to, words)
	SUBQ(word(r, bandTo), words)
	CMPQ(words, word(r, bandLimit))
	JA(LabelRef("stop"))
	MOVQ(word(r, bandDone), done)
	CMPQ(done, word(r, bandBlocks))
	JE(LabelRef("stop"))
	MOVQ(word(r, bandSets), sets)
	MOVQ(Mem{Base: sets, Index: done, Scale: 8}, set)
	ANDQ(word(r, bandBand), set)
	JZ(LabelRef("ended"))
	MOVQ(word(r, bandFrom), due)
}

// end counts a block as ended if it is not complete, and goes on to the next one.
func end(full func()) {
	Label("end")
	CMPQ(due, field(bandLast))
	JA(LabelRef("next"))
	Label("ended")
	r, ended := state(), GP64()
	MOVQ(word(r, bandEnded), ended)
	INCQ(ended)
	MOVQ(ended, word(r, bandEnded))
	CMPQ(ended, U32(longestRun))
	JE(LabelRef("full"))
	full()
	Label("next")
	INCQ(field(bandDone))
	JMP(LabelRef("block"))
	Label("full")
	endRun("full")
	JMP(LabelRef("next"))

	Label("stop")
	r = state()
	SUBQ(word(r, bandTo), to)
	SHRQ(U8(1), to)
	MOVQ(to, word(r, bandWords))
	RET()
}

// endRun stores the symbol for the blocks that have ended, of which there must be some, and their correction
// bits.
func endRun(prefix string) {
	r, ended, n, symbol, zero := state(), GP64(), GP64(), GP64(), GP64()
	MOVQ(word(r, bandEnded), ended)
	BSRL(ended.As32(), n.As32())
	MOVL(n.As32(), symbol.As32())
	SHLL(U8(4), symbol.As32())
	XORL(zero.As32(), zero.As32())
	MOVQ(zero, word(r, bandEnded))
	BZHIL(n.As32(), ended.As32(), ended.As32())
	store(symbol, n, ended, prefix+"Run")
	if !refining {
		return
	}
	held, words, x := GP64(), GP64(), GP64()
	r = state()
	MOVQ(word(r, bandHeld), held)
	MOVQ(word(r, bandHeldWords), words)
	XORL(n.As32(), n.As32())
	MOVQ(n, word(r, bandHeldWords))
	MOVQ(n, word(r, bandHeldBits))
	CMPQ(n, words)
	JE(LabelRef(prefix + "Held"))
	Label(prefix + "Copy") // four at a time, into the room that there is
	MOVQ(Mem{Base: held, Index: n, Scale: 2}, x)
	MOVQ(x, Mem{Base: to, Index: n, Scale: 2})
	ADDQ(U8(4), n)
	CMPQ(n, words)
	JB(LabelRef(prefix + "Copy"))
	LEAQ(Mem{Base: to, Index: words, Scale: 2}, to)
	Label(prefix + "Held")
}

// pending ends the run of blocks, if there is one.
func pending(prefix string) {
	CMPQ(field(bandEnded), U8(0))
	JE(LabelRef(prefix + "None"))
	endRun(prefix)
	Label(prefix + "None")
}

var refining bool

func first() {
	TEXT("firstTokens", NOSPLIT, "func(r *byte)")
	Doc("firstTokens collects the tokens of blocks in the first scan of a band.")
	refining = false
	start()
	pending("pending")
	coef, places = block(), value(bandZigzag)
	low := value(bandLow)
	coefficients(low, "end")
	end(func() {})
}

func refine() {
	TEXT("refineTokens", NOSPLIT, "func(r *byte)")
	Doc("refineTokens collects the tokens of blocks in a refining scan of a band.")
	refining = true
	start()
	r, done, rest, bit, fresh := state(), GP64(), GP64(), GP64(), set
	MOVQ(word(r, bandDone), done)
	MOVQ(word(r, bandKnown), rest)
	MOVQ(word(r, bandBit), bit)
	MOVQ(Mem{Base: rest, Index: done, Scale: 8}, rest)
	MOVQ(Mem{Base: bit, Index: done, Scale: 8}, bit)
	ANDQ(set, rest)
	ANDNQ(set, rest, fresh)
	JZ(LabelRef("corrections"))

	Label("fresh")
	pending("pending")
	k, passed, run := GP64(), GP64(), GP64()
	TZCNTQ(fresh, k)
	BZHIQ(k, rest, passed)
	POPCNTQ(passed, run)
	ADDQ(due, run)
	NEGQ(run)
	ADDQ(k, run)
	CMPL(run.As32(), U8(15))
	JA(LabelRef("zeros"))
	Label("near")
	LEAQ(Mem{Base: k, Disp: 1}, due)
	MOVBLZX(Mem{Base: value(bandZigzag), Index: k, Scale: 1}, k.As32())
	MOVWLSX(Mem{Base: block(), Index: k, Scale: 2}, k.As32())
	SHRL(U8(31), k.As32())
	XORL(U8(1), k.As32())
	SHLL(U8(indexBits), k.As32())
	SHLL(U8(4), run.As32())
	ORL(U8(1), run.As32())
	INCL(Mem{Base: counts, Index: run, Scale: 4})
	ORL(run.As32(), k.As32())
	put(k)
	ANDNQ(rest, passed, rest)
	raw(passed, bit, "passed")
	BLSRQ(fresh, fresh)
	JNZ(LabelRef("fresh"))

	Label("corrections")
	CMPQ(due, field(bandLast))
	JA(LabelRef("next"))
	TESTQ(rest, rest)
	JZ(LabelRef("ended"))
	tokens, held := GP64(), GP64()
	MOVQ(to, tokens)
	r = state()
	POPCNTQ(rest, held)
	ADDQ(held, word(r, bandHeldBits))
	MOVQ(word(r, bandHeld), to)
	MOVQ(word(r, bandHeldWords), held)
	LEAQ(Mem{Base: to, Index: held, Scale: 2}, to)
	raw(rest, bit, "held")
	r = state()
	SUBQ(word(r, bandHeld), to)
	SHRQ(U8(1), to)
	MOVQ(to, word(r, bandHeldWords))
	MOVQ(tokens, to)
	JMP(LabelRef("ended"))

	// Of a long run, the symbols for 16 zeros come before the coefficient that follows them, with the correction
	// bits until there.
	Label("zeros")
	all, j, last, before := GP64(), GP64(), GP64(), GP64()
	r = state()
	MOVQ(fresh, word(r, bandFresh))
	MOVQ(k, word(r, bandK))
	MOVQ(passed, all)
	BTSQ(k, all)
	XORL(run.As32(), run.As32())
	MOVQ(due, last)
	Label("passing")
	TZCNTQ(all, j)
	ADDQ(j, run)
	SUBQ(last, run)
	LEAQ(Mem{Base: j, Disp: 1}, last)
	CMPL(run.As32(), U8(15))
	JBE(LabelRef("short"))
	zeroRun()
	SUBL(U8(16), run.As32())
	BZHIQ(j, passed, before)
	ANDNQ(passed, before, passed)
	ANDNQ(rest, before, rest)
	raw(before, bit, "before")
	Label("long")
	CMPL(run.As32(), U8(15))
	JBE(LabelRef("short"))
	zeroRun()
	SUBL(U8(16), run.As32())
	JMP(LabelRef("long"))
	Label("short")
	BLSRQ(all, all)
	JNZ(LabelRef("passing"))
	r = state()
	MOVQ(word(r, bandFresh), fresh)
	MOVQ(word(r, bandK), k)
	JMP(LabelRef("near"))

	end(func() {
		CMPQ(field(bandHeldBits), U32(mostPending))
		JA(LabelRef("full"))
	})
}

// raw stores the correction bits of a set of coefficients.
func raw(of, bit reg.GPVirtual, prefix string) {
	list, n, m := GP64(), GP64(), GP64()
	PEXTQ(of, bit, list) // the first coefficient in the lowest bit
	POPCNTQ(of, n)
	JZ(LabelRef(prefix + "Done"))
	Label(prefix + "Bits")
	token, symbol := GP64(), GP64()
	MOVL(U32(tokenLow), m.As32())
	CMPL(n.As32(), m.As32())
	CMOVLCS(n.As32(), m.As32())
	SUBL(m.As32(), n.As32())
	MOVL(list.As32(), token.As32())
	ANDL(U8(1<<tokenLow-1), token.As32())
	MOVBLZX(Mem{Base: value(bandReversed), Index: token, Scale: 1}, token.As32())
	MOVL(m.As32(), symbol.As32())
	SHLL(U8(4), symbol.As32())
	ORL(U8(symRaw), symbol.As32())
	INCL(Mem{Base: counts, Index: symbol, Scale: 4})
	XORL(U8(7), m.As32())
	SHRXL(m.As32(), token.As32(), token.As32())
	SHLL(U8(indexBits), token.As32())
	ORL(symbol.As32(), token.As32())
	put(token)
	SHRQ(U8(tokenLow), list)
	TESTL(n.As32(), n.As32())
	JNZ(LabelRef(prefix + "Bits"))
	Label(prefix + "Done")
}
