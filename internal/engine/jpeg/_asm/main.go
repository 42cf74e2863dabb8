// Command _asm writes the kernel that walks entropy-coded data; scan_walk_asm.go of package jpeg says what it computes and
// where it stops.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Constants of huffman.go and scan_walk.go.
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

// Words of a run.
const (
	runBits = iota
	runHave
	runNext
	runMem
	runUnits // the first
	runUnit  // the one that is due
	runPast  // past the last
	runCoef  // of the MCU that is due
	runSize  // bytes of an MCU's coefficients
	runClear // of them, how many are to be cleared
	runEnds  // of the block that is due
	runUntil
	runLeft
	runPlace
)

// Words of walkTables.
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

	// The halves of an entry of pairs, whose second bytes are the advances. AH and CH can be moved to few registers.
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

	Label("mcu")
	r = run()
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
	// The look-up of DC and four more are within minFill bits, and so are five.
	for range minFill/lookBits - 1 {
		look()
	}
	Label("looks")
	fill()
	for range minFill / lookBits {
		look()
	}
	JMP(LabelRef("looks"))

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

	Label("kept")
	end := GP32()
	MOVBLZX(Mem{Base: load(unit, tableEnds), Index: k, Scale: 1}, end)
	CMPL(end, U8(unended))
	JB(LabelRef("ended"))
	CMPQ(k, U8(63))
	JAE(LabelRef("overrun"))
	Label("flat")
	MOVL(k.As32(), end)
	pass()

	Label("ended")
	r = run()
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

	Label("finished")
	r = run()
	MOVQ(load(r, runUnits), unit)
	no := GP8()
	XORB(no, no)
	leave(no)

	// Back to before the last entry; only have is right then, and bits is not.
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
	Generate()
}

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

// run is the pointer to the run.
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

// fill is window.fill.
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

// top is the first n bits.
func top(n int) reg.GPVirtual {
	at := GP64()
	MOVQ(bits, at)
	SHRQ(U8(64-n), at)
	return at
}

// drop passes over the bits that the entry says. The upper bits of have are of no meaning before fill.
func drop() {
	SHLXQ(first, bits, bits)
	SUBQ(first, have)
}

// look takes an entry of pairs, and goes on to what follows when that leads beyond keep.
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

// put advances and stores a value times its step.
func put(half reg.GPPhysical, value reg.Register) {
	step, place := GP32(), GP32()
	MOVBLZX(half.As8H(), advance.As32())
	ADDQ(advance, k)
	MOVWLZX(Mem{Base: scale, Index: k, Scale: 4, Disp: 2}, step)
	MOVWLZX(Mem{Base: scale, Index: k, Scale: 4}, place)
	IMULL(value, step)
	MOVW(step.As16(), Mem{Base: block, Index: place.As64(), Scale: 2})
}

// longValue is the value of a symbol for which the look-up had too few bits, of at least one. If it had too few for the code, it
// goes to a label with nothing done.
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

// pass is passAC.
func pass() {
	skip := load(unit, tableSkip)
	after := GP64()
	Label("pass")
	fill()
	const entries = 3 // within minFill bits
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

	// No symbol, or some that are the next block's: a look-up of one symbol, whose value may be longer.
	fill()
	at := top(lookBits)
	MOVL(Mem{Base: load(unit, tableLook), Index: at, Scale: 4}, first.As32())
	TESTB(U8(63), first.As8L())
	JZ(LabelRef("stop"))
	drop()
	SHRL(U8(advanceShift), first.As32())
	MOVBLZX(first.As8L(), first.As32())
	ADDQ(first, k)
	CMPQ(k, U8(63)) // with an end-of-block code it is more than that
	JB(LabelRef("pass"))
	JMP(LabelRef("ended"))
	Label("passed")
	drop()
}
