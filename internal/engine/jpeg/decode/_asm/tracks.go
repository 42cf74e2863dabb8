package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Indices of the words of a tracksRun. Its lanes follow.
const (
	tracksLeft    = iota // number of MCUs left
	tracksUnits          // the first unit
	tracksPast           // the end of the units
	tracksSize           // size of an MCU's coefficients in bytes
	tracksClear          // number of those bytes to clear
	tracksBlocks         // number of units
	tracksClasses        // of places
	tracksUnread         // where a lane stores what nothing reads
	tracksZero           // 0
	tracksUnit           // the current unit
	tracksKeep           // the least state that has all coefficients that are kept
	tracksFirst
)

// Indices of the words of a lane.
const (
	trackNext = iota
	trackBits
	trackCoef
	trackEnds
	trackEnd
	trackAt    // what next is within an MCU
	trackBlock // coefficients of the current block
	trackStart // where the current block starts, plus startBits
	trackStartBits
	trackState
	trackWords
)

// Indices of the words of trackTables.
const (
	trackDC = iota
	trackKept
	trackSkip
	trackSteps
	trackLong
	trackLeast
	trackKeep
	trackOffset
	trackIndex
	trackTableWords
)

// Constants, as in tracks_asm.go.
const (
	trackCount   = 4
	keptBits     = 11
	placeShift   = 7
	placeEnd     = 256
	placeStart   = placeEnd - 63
	placeUnknown = placeStart + 2*(64+63)
	placeSpecial = 128
	tooLong      = 64
	longSize     = 5
	longAdvance  = 9
)

// Numbers of look-ups for which a window has enough bits after a load. After a DC coefficient, it
// almost always has enough for kept, too.
const (
	keptLooks   = 2
	skipLooks   = 3
	skipLooksDC = 2 // after a DC coefficient
)

// tracks are the registers of tracksKernel.
type tracks struct {
	r                                        reg.GPVirtual
	window, state                            [trackCount]reg.GPVirtual
	entry, value, block, table, steps, shift reg.GPVirtual
}

// tracksKernel walks several stretches at a time, block by block: a step of each lane, then the next
// step of each. The lanes do not depend on each other, so that the processor executes their steps at
// the same time, and only one jump for all of them depends on the data. A lane that is further than
// others makes the same look-ups as they do; its own count as entries of zero.
func tracksKernel() {
	TEXT("tracksKernel", NOSPLIT, "func(r *byte) (stopped bool)")
	Doc("tracksKernel walks MCUs of several stretches at a time.")
	k := tracks{r: run()}
	for l := range trackCount {
		k.window[l], k.state[l] = GP64(), GP64()
		MOVQ(k.field(l, trackBits), k.state[l])
	}
	k.entry, k.value, k.block, k.table, k.steps, k.shift = GP64(), GP64(), GP64(), GP64(), GP64(), GP64()
	k.start()
	k.difference()
	k.kept()
	k.skip()
	k.finish()
	k.special("keptSpecial", "keptCheck", true)
	k.special("skipSpecial", "skip", false)
}

// field is a word of a lane.
func (k *tracks) field(l, i int) Mem { return word(k.r, tracksFirst+l*trackWords+i) }

// fetch loads a word of the current unit.
func (k *tracks) fetch(i int, to reg.GPVirtual) {
	MOVQ(word(k.r, tracksUnit), to)
	MOVQ(word(to, i), to)
}

// look prepares look-ups in a table of the current unit.
func (k *tracks) look(table, bits int) {
	k.fetch(table, k.table)
	MOVL(U32(64-bits), k.shift.As32())
}

// refill loads the window of a lane.
func (k *tracks) refill(l int) {
	k.load(k.r, k.window[l], k.state[l], tracksFirst+l*trackWords)
}

// load loads a window. The lane is at a word of from.
func (k *tracks) load(from, window, state reg.GPVirtual, at ...int) {
	next := trackAt
	for _, i := range at {
		next += i
	}
	MOVL(state.As32(), k.entry.As32())
	SHRL(U8(3), k.entry.As32())
	ANDL(U8(15), k.entry.As32())
	ADDQ(word(from, next), k.entry)
	MOVQ(k.entry, word(from, next))
	MOVQ(Mem{Base: k.entry}, window)
	ANDL(I32(^0x78), state.As32())
	BSWAPQ(window)
	SHLXQ(state, window, window)
}

// add adds bits to the window of a lane whose block has not ended. Unlike that of refill, its load does
// not wait for the look-ups since the last one.
func (k *tracks) add(l int) {
	at, state, more, n := k.entry, k.state[l].As32(), k.value, k.block
	MOVQ(k.field(l, trackAt), at)
	MOVQ(Mem{Base: at, Disp: 8}, more)
	BSWAPQ(more)
	SHRQ(U8(1), more)
	MOVL(state, n.As32())
	NOTL(n.As32()) // 63 less the bits that have been used
	SHRXQ(n, more, more)
	ORQ(more, k.window[l])
	MOVL(state, n.As32())
	SHRL(U8(3), n.As32())
	ANDL(U8(7), n.As32())
	ADDQ(n, at)
	MOVQ(at, k.field(l, trackAt))
	ANDL(I32(^0x78), state)
}

// take takes the bits of an entry from the window, and leaves them in value.
func (k *tracks) take(l int) {
	MOVL(k.entry.As32(), k.value.As32())
	NEGL(k.value.As32())
	SHRXQ(k.value, k.window[l], k.value)
	SHLXQ(k.entry, k.window[l], k.window[l])
}

// extend turns the bits of an entry into the value that they stand for.
func (k *tracks) extend() {
	SHRL(U8(valueShift), k.entry.As32())
	SUBL(k.entry.As32(), k.value.As32())
}

// place loads the place of a state.
func (k *tracks) place(state reg.GPVirtual) {
	MOVL(state.As32(), k.entry.As32())
	SHRL(U8(placeShift), k.entry.As32())
}

// put stores a value, times the step, as the coefficient at the place of a state.
func (k *tracks) put(state reg.GPVirtual) {
	k.place(state)
	IMULL(Mem{Base: k.steps, Index: k.entry, Scale: 8}, k.value.As32())
	MOVL(Mem{Base: k.steps, Index: k.entry, Scale: 8, Disp: 4}, k.entry.As32())
	MOVW(k.value.As16(), Mem{Base: k.block, Index: k.entry, Scale: 2})
}

// all combines the states of all lanes.
func (k *tracks) all(combine func(imr, mr Op)) {
	MOVL(k.state[0].As32(), k.entry.As32())
	for _, s := range k.state[1:] {
		combine(s.As32(), k.entry.As32())
	}
}

// enough stops if a lane has used more bits than its window had.
func (k *tracks) enough() {
	k.all(ORL)
	TESTL(U32(tooLong), k.entry.As32())
	JNZ(LabelRef("stop"))
}

// start begins an MCU.
func (k *tracks) start() {
	Label("mcu")
	for l := range trackCount {
		MOVQ(k.field(l, trackNext), k.entry)
		CMPQ(k.entry, k.field(l, trackEnd))
		JAE(LabelRef("finished"))
		MOVQ(k.entry, k.field(l, trackAt))
	}
	CMPQ(word(k.r, tracksLeft), U8(0))
	JE(LabelRef("finished"))
	MOVQ(word(k.r, tracksUnits), k.entry)
	MOVQ(k.entry, word(k.r, tracksUnit))
	MOVQ(word(k.r, tracksClear), k.value)
	TESTQ(k.value, k.value)
	JZ(LabelRef("unit"))
	zero := YMM()
	VPXOR(zero, zero, zero)
	for l := range trackCount {
		from, to, clear := k.entry, k.block, fmt.Sprint("clear", l)
		MOVQ(k.field(l, trackCoef), from)
		LEAQ(Mem{Base: from, Index: k.value, Scale: 1}, to)
		Label(clear)
		VMOVDQU(zero, Mem{Base: from})
		ADDQ(U8(32), from)
		CMPQ(from, to)
		JB(LabelRef(clear))
	}
}

// difference decodes DC coefficients.
func (k *tracks) difference() {
	Label("unit")
	k.look(trackDC, keptBits)
	unit := k.steps
	MOVQ(word(k.r, tracksUnit), unit)
	for l := range trackCount {
		state, length := k.state[l].As32(), k.block
		k.refill(l)
		MOVQ(k.entry, k.field(l, trackStart))
		MOVQ(k.state[l], k.field(l, trackStartBits))
		SHRXQ(k.shift, k.window[l], k.entry)
		MOVL(Mem{Base: k.table, Index: k.entry, Scale: 4}, k.entry.As32())
		k.take(l)
		MOVBLZX(k.entry.As8(), length.As32())
		LEAL(Mem{Base: k.state[l], Index: length, Scale: 1, Disp: placeStart << placeShift}, state)
		k.extend()
		MOVQ(k.field(l, trackCoef), k.block)
		ADDQ(word(unit, trackOffset), k.block)
		MOVQ(k.block, k.field(l, trackBlock))
		MOVW(k.value.As16(), Mem{Base: k.block})
	}
	k.enough()
	MOVQ(word(unit, trackKeep), k.value)
	MOVQ(k.value, word(k.r, tracksKeep))
	CMPQ(k.value, U32(placeStart<<placeShift))
	JE(LabelRef("flat"))
}

// kept decodes the AC coefficients that are kept.
func (k *tracks) kept() {
	k.look(trackKept, keptBits)
	k.fetch(trackSteps, k.steps)
	for l := range trackCount {
		k.keep(l)
	}
	k.enough() // There almost always are.
	JMP(LabelRef("keptCheck"))
	Label("kept")
	k.look(trackKept, keptBits)
	k.fetch(trackSteps, k.steps)
	for l := range trackCount {
		k.refill(l)
		k.keep(l)
	}
	Label("keptCheck")
	least := k.value.As32()
	MOVL(k.state[0].As32(), least)
	for _, s := range k.state[1:] {
		CMPL(s.As32(), least)
		CMOVLCS(s.As32(), least)
	}
	CMPL(least, word(k.r, tracksKeep))
	JB(LabelRef("kept"))
	index := k.steps
	k.fetch(trackIndex, index)
	MOVQ(word(k.r, tracksClasses), k.table)
	XORL(k.value.As32(), k.value.As32())
	for l := range trackCount {
		k.place(k.state[l])
		MOVBLZX(Mem{Base: k.table, Index: k.entry, Scale: 1}, k.entry.As32())
		ORL(k.entry.As32(), k.value.As32())
		MOVQ(k.field(l, trackEnds), k.block)
		MOVB(k.entry.As8(), Mem{Base: k.block, Index: index, Scale: 1})
	}
	TESTL(U32(placeSpecial), k.value.As32())
	JNZ(LabelRef("keptSpecial"))
	Label("skip")
	k.look(trackSkip, skipBits)
	JMP(LabelRef("skipCheck"))

	Label("flat")
	k.look(trackSkip, skipBits)
	for l := range trackCount {
		k.pass(l, skipLooksDC)
	}
	JMP(LabelRef("skipCheck"))
}

// keep makes look-ups of AC coefficients that are kept. Nothing happens after the last one.
func (k *tracks) keep(l int) {
	for range keptLooks {
		MOVQ(k.field(l, trackBlock), k.block)
		SHRXQ(k.shift, k.window[l], k.entry)
		MOVL(Mem{Base: k.table, Index: k.entry, Scale: 4}, k.entry.As32())
		CMPL(k.state[l].As32(), word(k.r, tracksKeep))
		CMOVLCC(word(k.r, tracksZero), k.entry.As32())
		CMOVQCC(word(k.r, tracksUnread), k.block)
		k.take(l)
		ADDW(k.entry.As16(), k.state[l].As16())
		k.extend()
		k.put(k.state[l])
	}
}

// pass makes look-ups of AC coefficients that are not kept. Nothing happens after the end of a block,
// which is the sign of a state.
func (k *tracks) pass(l, looks int) {
	state := k.state[l]
	TESTW(state.As16(), state.As16())
	for range looks {
		SHRXQ(k.shift, k.window[l], k.entry)
		MOVWLZX(Mem{Base: k.table, Index: k.entry, Scale: 2}, k.entry.As32())
		CMOVLMI(word(k.r, tracksZero), k.entry.As32())
		SHLXQ(k.entry, k.window[l], k.window[l])
		ADDW(k.entry.As16(), state.As16())
	}
}

// skip skips the other AC coefficients.
func (k *tracks) skip() {
	Label("skips")
	for l := range trackCount {
		k.add(l)
		k.pass(l, skipLooks)
	}
	Label("skipCheck")
	k.all(ANDL)
	TESTW(k.entry.As16(), k.entry.As16())
	JPL(LabelRef("skips"))
	XORL(k.value.As32(), k.value.As32())
	MOVQ(word(k.r, tracksClasses), k.block)
	for l := range trackCount {
		k.place(k.state[l])
		ORB(Mem{Base: k.block, Index: k.entry, Scale: 1}, k.value.As8())
	}
	JMI(LabelRef("skipSpecial"))
}

// finish ends a block, and moves on to the next unit or MCU, or returns.
func (k *tracks) finish() {
	for _, s := range k.state {
		ANDL(U32(1<<placeShift-1), s.As32())
	}
	MOVQ(word(k.r, tracksUnit), k.entry)
	ADDQ(U8(8*trackTableWords), k.entry)
	MOVQ(k.entry, word(k.r, tracksUnit))
	CMPQ(k.entry, word(k.r, tracksPast))
	JNE(LabelRef("unit"))
	MOVQ(word(k.r, tracksSize), k.value)
	MOVQ(word(k.r, tracksBlocks), k.block)
	for l := range trackCount {
		ADDQ(k.value, k.field(l, trackCoef))
		ADDQ(k.block, k.field(l, trackEnds))
		MOVL(k.state[l].As32(), k.entry.As32())
		SHRL(U8(3), k.entry.As32())
		ADDQ(k.field(l, trackAt), k.entry)
		MOVQ(k.entry, k.field(l, trackNext))
		ANDL(U8(7), k.state[l].As32())
		MOVQ(k.state[l], k.field(l, trackBits))
	}
	DECQ(word(k.r, tracksLeft))
	JMP(LabelRef("mcu"))

	result := k.entry.As8()
	Label("finished")
	XORB(result, result)
	JMP(LabelRef("return"))
	Label("stop")
	MOVB(U8(1), result)
	Label("return")
	Store(result, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// special goes on after look-ups of which at least one gave no valid place, lane by lane.
func (k *tracks) special(label, back string, kept bool) {
	lane, end, window, state := GP64(), GP64(), GP64(), GP64()
	next, store, long, each := label+"Next", label+"Store", label+"Long", label+"Each"
	again := label + "Again"
	check := func(valid string) {
		MOVQ(word(k.r, tracksClasses), k.table)
		k.place(state)
		CMPB(Mem{Base: k.table, Index: k.entry, Scale: 1}, I8(0))
		JGE(LabelRef(valid))
		CMPL(state.As32(), U32(placeUnknown<<placeShift))
	}
	Label(label)
	for l, s := range k.state {
		MOVQ(s, k.field(l, trackState))
	}
	LEAQ(word(k.r, tracksFirst), lane)
	LEAQ(word(k.r, tracksFirst+trackCount*trackWords), end)
	Label(label + "Lane")
	MOVQ(word(lane, trackState), state)
	check(next)
	if kept {
		JB(LabelRef("stop"))
		k.long(lane, window, state, "stop", true)
	} else {
		JAE(LabelRef(long))

		// An entry of several symbols may contain some of the next block: look them up one by one.
		Label(again)
		MOVQ(word(lane, trackStart), k.entry)
		MOVQ(k.entry, word(lane, trackAt))
		MOVQ(word(lane, trackStartBits), state)
		k.load(lane, window, state)
		k.fetch(trackDC, k.table)
		k.single(window)
		MOVBLZX(k.entry.As8(), k.entry.As32())
		LEAL(Mem{Base: state, Index: k.entry, Scale: 1, Disp: placeStart << placeShift}, state.As32())
		Label(each)
		k.load(lane, window, state)
		k.fetch(trackKept, k.table)
		k.single(window)
		ADDW(k.entry.As16(), state.As16())
		JPL(LabelRef(each))
		check(store)
		JB(LabelRef("stop"))
		k.long(lane, window, state, "stop", false)
		TESTW(state.As16(), state.As16())
		JPL(LabelRef(each))
		JMP(LabelRef(store))

		Label(long)
		k.long(lane, window, state, again, false)
	}
	Label(store)
	MOVQ(state, word(lane, trackState))
	Label(next)
	ADDQ(U8(8*trackWords), lane)
	CMPQ(lane, end)
	JNE(LabelRef(label + "Lane"))
	for l, s := range k.state {
		MOVQ(k.field(l, trackState), s)
		k.refill(l)
	}
	JMP(LabelRef(back))
}

// single looks up an entry of one symbol.
func (k *tracks) single(window reg.GPVirtual) {
	MOVQ(window, k.entry)
	SHRQ(U8(64-keptBits), k.entry)
	MOVL(Mem{Base: k.table, Index: k.entry, Scale: 4}, k.entry.As32())
}

// long decodes a code that is too long for a look-up in kept. If it is not long, it jumps to the label
// short.
func (k *tracks) long(lane, window, state reg.GPVirtual, short string, kept bool) {
	SUBL(U32((placeUnknown-placeStart)<<placeShift), state.As32())
	k.load(lane, window, state)
	unit, length, size := k.table, k.value, k.value
	MOVQ(word(k.r, tracksUnit), unit)
	MOVQ(window, k.entry)
	SHRQ(U8(48), k.entry)
	SUBQ(word(unit, trackLeast), k.entry)
	JB(LabelRef(short))
	MOVQ(word(unit, trackLong), unit)
	MOVWLZX(Mem{Base: unit, Index: k.entry, Scale: 2}, k.entry.As32())
	TESTL(k.entry.As32(), k.entry.As32())
	JZ(LabelRef("stop"))
	MOVL(k.entry.As32(), length.As32())
	ANDL(U8(1<<longSize-1), length.As32())
	ADDL(length.As32(), state.As32())
	SHLXQ(length, window, window)
	MOVL(k.entry.As32(), size.As32())
	SHRL(U8(longSize), size.As32())
	ANDL(U8(15), size.As32())
	ADDL(size.As32(), state.As32())
	SHRL(U8(longAdvance), k.entry.As32())
	SHLL(U8(placeShift), k.entry.As32())
	ADDL(k.entry.As32(), state.As32())
	CMPL(state.As32(), U32((placeEnd+1)<<placeShift))
	JAE(LabelRef("stop"))
	if !kept {
		return
	}
	negative, least := k.entry, k.table
	MOVQ(window, negative)
	SARQ(U8(63), negative)
	NOTQ(negative) // all ones if the first bit is 0
	SHLXQ(size, negative, least)
	SUBQ(negative, least) // 1-2^size if the first bit is 0, else 0
	NEGQ(size)
	SHRXQ(size, window, k.value)
	CMOVQEQ(word(k.r, tracksZero), k.value) // if size is 0; then least is 0, too
	ADDQ(least, k.value)
	k.fetch(trackSteps, k.steps)
	MOVQ(word(lane, trackBlock), k.block)
	k.put(state)
}
