// Command _asm generates the kernels that walk entropy-coded data. walk_asm.go of package decode
// defines what it computes and where it stops.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Constants, as in huffman.go and walk.go.
const (
	lookBits         = 11
	pairBits         = 10
	skipBits         = 12
	minFill          = 56
	special          = 1 << 6
	advanceShift     = 8
	valueShift       = 16
	skipAdvanceShift = 6
	endOfBlock       = 128
	unended          = 64
)

// Indices of the words of a walkRun.
const (
	runBits = iota
	runHave
	runNext
	runMem
	runUnits // the first unit
	runUnit  // the current unit
	runPast  // the end of the units
	runCoef  // coefficients of the current MCU
	runSize  // size of an MCU's coefficients in bytes
	runClear // number of those bytes to clear
	runEnds  // end of the current block
	runUntil
	runLeft
	runPlace
)

// Indices of the words of walkTables.
const (
	tableDC = iota
	tablePairs
	tableSkip
	tableScale
	tableEnds
	tableKeep
	tableAt
	tableLook
	tableWords
)

var (
	bits, have, next, mem, k, ac, scale, block, unit reg.GPVirtual

	// The halves of an entry of pairs. Their second bytes are the advances; few registers can be
	// loaded from AH and CH.
	first, second, advance = reg.RAX, reg.RCX, reg.RDX
)

func main() {
	ConstraintExpr("!purego")
	TEXT("walkKernel", NOSPLIT, "func(r *byte) (stopped bool)")
	Doc("walkKernel walks MCUs.")
	r := run()
	bits, have, next, mem = load(r, runBits), load(r, runHave), load(r, runNext), load(r, runMem)
	unit, k = load(r, runUnit), GP64()
	CMPQ(unit, word(r, runUnits))
	JNE(LabelRef("unit"))
	startMCU()
	decodeUnit()
	longSymbols()
	end := endUnit()
	storeEnd(end)
	exits()
	tracksKernel("tracksKernel", false)
	tracksKernel("flatTracksKernel", true)
	unstuffKernel()
	Generate()
}

// startMCU checks whether another MCU starts before the end, and clears its coefficients.
func startMCU() {
	Label("mcu")
	r := run()
	CMPQ(word(r, runLeft), U8(0))
	JE(LabelRef("finished"))
	ANDQ(U8(63), have)
	pos := GP64()
	LEAQ(Mem{Base: next, Index: next, Scale: 1}, pos)
	SHLQ(U8(2), pos)
	SUBQ(have, pos)
	CMPQ(pos, word(r, runUntil))
	JAE(LabelRef("finished"))
	MOVQ(load(r, runUnits), unit)
	to, from := load(r, runClear), load(r, runCoef)
	zero := YMM()
	VPXOR(zero, zero, zero)
	TESTQ(to, to)
	JZ(LabelRef("unit"))
	ADDQ(from, to)
	Label("clear")
	VMOVDQU(zero, Mem{Base: from})
	ADDQ(U8(32), from)
	CMPQ(from, to)
	JB(LabelRef("clear"))
}

// decodeUnit decodes a block: its DC coefficient, and its AC coefficients up to keep.
func decodeUnit() {
	Label("unit")
	ac, scale = load(unit, tablePairs), load(unit, tableScale)
	block = load(unit, tableAt)
	ADDQ(word(run(), runCoef), block)
	fill()
	XORL(k.As32(), k.As32())
	at := top(lookBits)
	dc := load(unit, tableDC)
	MOVL(Mem{Base: dc, Index: at, Scale: 4}, first.As32())
	TESTB(U8(special), first.As8L())
	JNZ(LabelRef("longDC"))
	drop()
	SARL(U8(valueShift), first.As32())
	Label("difference")
	MOVW(first.As16(), Mem{Base: block})
	CMPQ(word(unit, tableKeep), U8(0))
	JE(LabelRef("flat"))
	// minFill bits suffice for the look-up of DC and four more, and also for five look-ups.
	for range minFill/lookBits - 1 {
		look()
	}
	Label("looks")
	fill()
	for range minFill / lookBits {
		look()
	}
	JMP(LabelRef("looks"))
}

// longSymbols decodes symbols for which a look-up has too few bits.
func longSymbols() {
	Label("special")
	value := longValue("stop")
	XORL(second.As32(), second.As32())
	put(first, value.As32())
	CMPQ(k, word(unit, tableKeep))
	JB(LabelRef("looks"))
	JMP(LabelRef("kept"))

	Label("longDC")
	value = longValue("untouched")
	fill()
	MOVL(value.As32(), first.As32())
	JMP(LabelRef("difference"))
}

// endUnit determines where a block ends, and skips its AC coefficients after keep.
func endUnit() (end reg.GPVirtual) {
	Label("kept")
	end = GP32()
	MOVBLZX(Mem{Base: load(unit, tableEnds), Index: k, Scale: 1}, end)
	CMPL(end, U8(unended))
	JB(LabelRef("ended"))
	CMPQ(k, U8(63))
	JAE(LabelRef("overrun"))
	Label("flat")
	MOVL(k.As32(), end)
	pass()
	return end
}

// storeEnd stores the end of a block and moves on to the next unit or MCU.
func storeEnd(end reg.GPVirtual) {
	Label("ended")
	r := run()
	ends := load(r, runEnds)
	MOVB(end.As8(), Mem{Base: ends})
	INCQ(word(r, runEnds))
	ADDQ(U8(8*tableWords), unit)
	CMPQ(unit, word(r, runPast))
	JNE(LabelRef("unit"))
	DECQ(word(r, runLeft))
	size := load(r, runSize)
	ADDQ(size, word(r, runCoef))
	JMP(LabelRef("mcu"))
}

// exits returns from the kernel, because all MCUs are done or because it has stopped within a
// block.
func exits() {
	Label("finished")
	r := run()
	MOVQ(load(r, runUnits), unit)
	no := GP8()
	XORB(no, no)
	leave(no)

	// Go back to before the last entry. Only have can be restored; bits is not valid then.
	Label("overrun")
	ADDQ(first, have)
	for _, half := range []reg.GPPhysical{first, second} {
		MOVBLZX(half.As8H(), advance.As32())
		SUBQ(advance, k)
	}
	JMP(LabelRef("stop"))

	Label("untouched")
	MOVQ(I32(-1), k)
	Label("stop")
	yes := GP8()
	MOVB(U8(1), yes)
	leave(yes)
}

// leave saves the state and returns from the kernel.
func leave(stopped reg.GPVirtual) {
	r := run()
	ANDQ(U8(63), have)
	MOVQ(bits, word(r, runBits))
	MOVQ(have, word(r, runHave))
	MOVQ(next, word(r, runNext))
	MOVQ(unit, word(r, runUnit))
	MOVQ(k, word(r, runPlace))
	Store(stopped, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// run loads the pointer to the walkRun.
func run() reg.GPVirtual {
	r := GP64()
	Load(Param("r"), r)
	return r
}

// word is the i-th word of a structure.
func word(of reg.GPVirtual, i int) Mem { return Mem{Base: of, Disp: 8 * i} }

func load(of reg.GPVirtual, i int) reg.GPVirtual {
	r := GP64()
	MOVQ(word(of, i), r)
	return r
}

// fill does the same as window.fill.
func fill() {
	more, room := GP64(), GP64()
	ANDQ(U8(63), have)
	MOVQ(Mem{Base: mem, Index: next, Scale: 1}, more)
	BSWAPQ(more)
	SHRXQ(have, more, more)
	ORQ(more, bits)
	MOVQ(have, room)
	XORQ(U8(63), room)
	SHRQ(U8(3), room)
	ADDQ(room, next)
	ORQ(U8(minFill), have)
}

// top returns the first n bits.
func top(n int) reg.GPVirtual {
	at := GP64()
	MOVQ(bits, at)
	SHRQ(U8(64-n), at)
	return at
}

// drop skips the bits of the entry in first. The upper bits of have are meaningless until the next
// fill.
func drop() {
	SHLXQ(first, bits, bits)
	SUBQ(first, have)
}

// look processes an entry of pairs, and leaves the loop if that leads to keep or beyond.
func look() {
	at := top(pairBits)
	MOVQ(Mem{Base: ac, Index: at, Scale: 8}, first)
	TESTB(U8(special), first.As8L())
	JNZ(LabelRef("special"))
	drop()
	MOVQ(first, second)
	SHRQ(U8(32), second)
	for _, half := range []reg.GPPhysical{first, second} {
		value := GP32()
		MOVL(half.As32(), value)
		SARL(U8(valueShift), value)
		put(half, value)
	}
	CMPQ(k, word(unit, tableKeep))
	JAE(LabelRef("kept"))
}

// put advances by half an entry and stores its value times the step.
func put(half reg.GPPhysical, value reg.Register) {
	step, place := GP32(), GP32()
	MOVBLZX(half.As8H(), advance.As32())
	ADDQ(advance, k)
	MOVWLZX(Mem{Base: scale, Index: k, Scale: 4, Disp: 2}, step)
	MOVWLZX(Mem{Base: scale, Index: k, Scale: 4}, place)
	IMULL(value, step)
	MOVW(step.As16(), Mem{Base: block, Index: place.As64(), Scale: 2})
}

// longValue decodes the value of a symbol for which the look-up had too few bits; the value has at
// least one. If the look-up had too few bits for the code itself, it jumps to the label tooLong
// with the state unchanged.
func longValue(tooLong string) reg.GPVirtual {
	length, size := GP64(), GP64()
	MOVL(first.As32(), length.As32())
	ANDL(U8(63), length.As32())
	JZ(LabelRef(tooLong))
	MOVL(first.As32(), size.As32())
	SHRL(U8(valueShift), size.As32())
	ANDL(U8(15), size.As32())
	fill()
	value, negative, ones := GP64(), GP64(), GP64()
	SUBQ(size, length)
	SHLXQ(length, bits, value)
	MOVQ(value, negative)
	SARQ(U8(63), negative)
	MOVL(U32(1), ones.As32())
	SHLXQ(size, ones, ones)
	DECQ(ones)
	ANDNQ(ones, negative, negative) // 2^size-1 if the first bit is 0, else 0
	NEGQ(size)
	SHRXQ(size, value, value)
	SUBQ(negative, value)
	drop()
	return value
}

// pass does the same as passAC.
func pass() {
	skip := load(unit, tableSkip)
	after := GP64()
	Label("pass")
	fill()
	const entries = 3 // have at most minFill bits
	for range entries {
		at := top(skipBits)
		MOVWLZX(Mem{Base: skip, Index: at, Scale: 2, Disp: 2 << skipBits}, first.As32())
		MOVL(first.As32(), after.As32())
		SHRL(U8(skipAdvanceShift), after.As32())
		ADDQ(k, after)
		CMPQ(after, U8(63))
		JAE(LabelRef("last"))
		MOVQ(after, k)
		drop()
	}
	JMP(LabelRef("pass"))
	Label("last")
	JE(LabelRef("passed"))
	SUBQ(U8(endOfBlock), after)
	CMPQ(after, U8(63))
	JB(LabelRef("passed"))

	// The entry holds no symbol, or some of the next block. Look up one symbol; its value may be
	// longer.
	fill()
	at := top(lookBits)
	MOVL(Mem{Base: load(unit, tableLook), Index: at, Scale: 4}, first.As32())
	TESTB(U8(63), first.As8L())
	JZ(LabelRef("stop"))
	drop()
	SHRL(U8(advanceShift), first.As32())
	MOVBLZX(first.As8L(), first.As32())
	ADDQ(first, k)
	CMPQ(k, U8(63)) // An end-of-block code makes it more than that.
	JB(LabelRef("pass"))
	JMP(LabelRef("ended"))
	Label("passed")
	drop()
}
