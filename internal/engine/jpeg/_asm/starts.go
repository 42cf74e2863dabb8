package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// Indices of the words of a startsRun. Its lanes follow.
const (
	startsRounds = iota
	startsPast   // the end of the lanes
	startsMem
	startsReset
	startsLanes
)

// Indices of the words of a lane.
const (
	laneNext = iota
	laneState
	laneUnit
	laneStarts
	laneEnd
	laneWords
)

// Indices of the words of startTables.
const (
	startDC = iota
	startAC
	startNext
	startLong
	startFirst
)

// Constants, as in scan_starts_asm.go.
const (
	startBits    = 10
	placeShift   = 7
	placeEnd     = 256
	placeStart   = placeEnd - 63
	startUnknown = 2 * (64 + 63)
)

// looksPerStep is how many look-ups of AC coefficients have enough bits after that of DC.
const looksPerStep = 2

// startsKernel steps lanes in turn, so that the processor executes several steps at the same time.
// That they do not depend on each other would be of no use if jumps were mispredicted: a step has
// none that depends on the data, except for rare codes. It makes the same look-ups whether a block
// begins, goes on or has ended; those that are not due count as entries of zero.
func startsKernel() {
	TEXT("startsKernel", NOSPLIT, "func(r *byte) (stopped *byte)")
	Doc("startsKernel finds where blocks start.")
	r := run()
	data, reset := load(r, startsMem), load(r, startsReset)
	zero, shift, shiftDC, field := GP64(), GP64(), GP64(), GP64()
	XORL(zero.As32(), zero.As32())
	MOVL(U32(64-skipBits), shift.As32())
	MOVL(U32(64-startBits), shiftDC.As32())
	MOVL(U32(3|4<<8), field.As32()) // the bits of the state that count whole bytes
	lane, state, at, unit, starts, window := GP64(), GP64(), GP64(), GP64(), GP64(), GP64()
	entry, table, t := GP64(), GP64(), GP64()

	refill := func() {
		BEXTRQ(field, state, t)
		ADDQ(t, at)
		MOVQ(Mem{Base: data, Index: at, Scale: 1}, window)
		BSWAPQ(window)
		ANDL(I32(^0x78), state.As32())
		SHLXQ(state, window, window)
	}
	advance := func() {
		SHLXQ(entry, window, window)
		ADDW(entry.As16(), state.As16())
	}
	pass := func() {
		SHRXQ(shift, window, entry)
		MOVWLZX(Mem{Base: table, Index: entry, Scale: 2}, entry.As32())
		CMOVLMI(zero.As32(), entry.As32()) // Nothing happens after the end of the block.
		advance()
	}

	resets := func() {
		MOVL(state.As32(), t.As32())
		SHRL(U8(placeShift), t.As32())
		SUBW(Mem{Base: reset, Index: t, Scale: 2}, state.As16())
	}

	Label("round")
	DECQ(word(run(), startsRounds))
	JMI(LabelRef("rounds"))
	LEAQ(Mem{Base: run(), Disp: 8 * startsLanes}, lane)
	Label("lane")
	MOVQ(word(lane, laneNext), at)
	MOVQ(word(lane, laneState), state)
	MOVQ(word(lane, laneUnit), unit)
	MOVQ(word(lane, laneStarts), starts)
	refill()

	// The current bit is where the next block starts if the last one has ended; otherwise it is
	// overwritten later.
	LEAQ(Mem{Base: state, Index: at, Scale: 8, Disp: -placeEnd << placeShift}, t)
	MOVL(t.As32(), Mem{Base: starts})
	LEAQ(Mem{Base: starts, Disp: 4}, t)
	TESTW(state.As16(), state.As16()) // The sign of a state is that its block has ended.
	CMOVQMI(t, starts)
	CMOVQMI(word(unit, startNext), unit)
	MOVQ(word(unit, startDC), table)
	SHRXQ(shiftDC, window, entry)
	MOVWLZX(Mem{Base: table, Index: entry, Scale: 2}, entry.As32())
	CMOVLPL(zero.As32(), entry.As32())
	MOVQ(word(unit, startAC), table)
	advance()
	for range looksPerStep {
		pass()
	}
	resets()
	JCS(LabelRef("special"))
	Label("store")
	MOVQ(at, word(lane, laneNext))
	MOVQ(state, word(lane, laneState))
	MOVQ(unit, word(lane, laneUnit))
	MOVQ(starts, word(lane, laneStarts))
	CMPQ(at, word(lane, laneEnd))
	JAE(LabelRef("stop"))
	ADDQ(U8(8*laneWords), lane)
	CMPQ(lane, word(run(), startsPast))
	JNE(LabelRef("lane"))
	JMP(LabelRef("round"))

	// The code is longer than a look-up, and one of those at the end of the code space.
	Label("special")
	SUBL(U32(placeStart+startUnknown), t.As32())
	CMPL(t.As32(), U8(63))
	JAE(LabelRef("stop"))
	SUBW(U16(startUnknown<<placeShift+1), state.As16()) // The reset has added one.
	refill()
	MOVQ(window, t)
	SHRQ(U8(48), t)
	SUBQ(word(unit, startFirst), t)
	JB(LabelRef("stop"))
	MOVQ(word(unit, startLong), table)
	MOVWLZX(Mem{Base: table, Index: t, Scale: 2}, entry.As32())
	ADDW(entry.As16(), state.As16())
	resets()
	JCC(LabelRef("store"))
	JMP(LabelRef("stop"))

	Label("rounds")
	XORL(lane.As32(), lane.As32())
	Label("stop")
	Store(lane, ReturnIndex(0))
	RET()
}
