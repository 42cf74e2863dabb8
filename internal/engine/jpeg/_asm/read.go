package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Indices of the words of a readRun.
const (
	readMem    = iota
	readStarts // start of the current block
	readUnits  // the first unit
	readUnit   // the current unit
	readPast   // the end of the units
	readCoef   // coefficients of the current MCU
	readSize   // size of an MCU's coefficients in bytes
	readEnds   // end of the current block
	readLeft   // number of MCUs left
)

// Indices of the words of readTables.
const (
	readDC = iota
	readAC
	readSteps
	readKeep
	readAt
	readWords
)

// Constants, as in scan_starts_asm.go.
const (
	readBits    = 11
	readUnknown = 255
)

// validBits is the least number of bits in a load of eight bytes, from any bit of the first on.
const validBits = 57

// readKernel decodes blocks that start at known bits. They do not depend on each other, so that the
// processor begins the next one before a block is complete. Of each block it decodes the DC
// coefficient and four symbols, which are enough to reach index 4, without a jump that depends on
// them, except where they have too many bits.
func readKernel() {
	TEXT("readKernel", NOSPLIT, "func(r *byte) (stopped bool)")
	Doc("readKernel decodes blocks that start at known bits.")
	r := run()
	mem, unit := load(r, readMem), load(r, readUnit)
	shift := GP64()
	MOVL(U32(64-readBits), shift.As32())
	pos, window, table, scale, block, place, used := GP64(), GP64(), GP64(), GP64(), GP64(), GP64(), GP64()
	end := GP64()
	entry := reg.RAX

	// fill loads the window at a bit.
	fill := func() {
		at, part := GP64(), GP64()
		MOVQ(pos, at)
		SHRQ(U8(3), at)
		MOVQ(Mem{Base: mem, Index: at, Scale: 1}, window)
		BSWAPQ(window)
		MOVL(pos.As32(), part.As32())
		ANDL(U8(7), part.As32())
		SHLXQ(part, window, window)
		XORL(used.As32(), used.As32())
	}
	// symbol looks up a code and returns the value that follows it.
	symbol := func() reg.GPVirtual {
		at, value := GP64(), GP64()
		SHRXQ(shift, window, at)
		MOVL(Mem{Base: table, Index: at, Scale: 4}, entry.As32())
		MOVL(entry.As32(), at.As32())
		NEGL(at.As32())
		SHRXQ(at, window, value)
		SHLXQ(entry, window, window)
		ADDL(entry.As32(), used.As32())
		MOVL(entry.As32(), at.As32())
		SHRL(U8(valueShift), at.As32())
		SUBL(at.As32(), value.As32())
		return value
	}
	// coefficient stores the next AC coefficient.
	coefficient := func() {
		value := symbol()
		step, at := GP64(), GP64()
		MOVBLZX(entry.As8H(), advance.As32())
		ADDQ(advance, place)
		MOVWLZX(Mem{Base: scale, Index: place, Scale: 4, Disp: 2}, step.As32())
		MOVWLZX(Mem{Base: scale, Index: place, Scale: 4}, at.As32())
		IMULL(value.As32(), step.As32())
		MOVW(step.As16(), Mem{Base: block, Index: at, Scale: 2})
	}
	// check passes over the bits used, or stops if they were too many.
	check := func() {
		n := GP64()
		MOVBLZX(used.As8(), n.As32())
		CMPL(n.As32(), U8(validBits))
		JA(LabelRef("stop"))
		ADDQ(n, pos)
	}

	CMPQ(unit, word(r, readUnits))
	JNE(LabelRef("unit"))
	Label("mcu")
	r = run()
	CMPQ(word(r, readLeft), U8(0))
	JE(LabelRef("finished"))
	MOVQ(word(r, readUnits), unit)
	to, from := load(r, readSize), load(r, readCoef)
	zero := YMM()
	VPXOR(zero, zero, zero)
	ADDQ(from, to)
	Label("clear")
	VMOVDQU(zero, Mem{Base: from})
	ADDQ(U8(32), from)
	CMPQ(from, to)
	JB(LabelRef("clear"))

	Label("unit")
	r = run()
	starts := load(r, readStarts)
	MOVL(Mem{Base: starts}, pos.As32())
	MOVQ(word(unit, readDC), table)
	MOVQ(word(unit, readSteps), scale)
	MOVQ(word(unit, readAt), block)
	ADDQ(word(r, readCoef), block)
	fill()
	difference := symbol()
	MOVW(difference.As16(), Mem{Base: block})
	XORL(place.As32(), place.As32())
	MOVQ(word(unit, readAC), table)
	CMPQ(word(unit, readKeep), U8(0))
	JE(LabelRef("flat"))
	coefficient()
	MOVL(place.As32(), end.As32())
	coefficient()
	check()
	fill() // Two symbols never have more than validBits bits.
	coefficient()
	coefficient()
	CMPQ(place, U32(readUnknown))
	JAE(LabelRef("stop"))
	// If the first symbol is the end-of-block code, the DC coefficient is the last.
	SHRL(U8(5), end.As32())
	DECL(end.As32())
	ANDL(word(unit, readKeep), end.As32())
	Label("ended")
	r = run()
	ends := load(r, readEnds)
	MOVB(end.As8(), Mem{Base: ends})
	INCQ(word(r, readEnds))
	ADDQ(U8(4), word(r, readStarts))
	ADDQ(U8(8*readWords), unit)
	CMPQ(unit, word(r, readPast))
	JNE(LabelRef("unit"))
	DECQ(word(r, readLeft))
	size := load(r, readSize)
	ADDQ(size, word(r, readCoef))
	JMP(LabelRef("mcu"))

	Label("flat")
	check()
	XORL(end.As32(), end.As32())
	JMP(LabelRef("ended"))

	Label("finished")
	r = run()
	MOVQ(word(r, readUnits), unit)
	MOVQ(unit, word(r, readUnit))
	no := GP8()
	XORB(no, no)
	Store(no, ReturnIndex(0))
	VZEROUPPER()
	RET()

	Label("stop")
	r = run()
	MOVQ(unit, word(r, readUnit))
	yes := GP8()
	MOVB(U8(1), yes)
	Store(yes, ReturnIndex(0))
	VZEROUPPER()
	RET()
}
