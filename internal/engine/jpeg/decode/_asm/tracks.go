package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Indices of the words of a tracksRun. Its lanes follow.
const (
	tracksStuck = iota
	tracksShift
	tracksFirst
)

// Indices of the words of a track.
const (
	trackAt = iota
	trackRow
	trackBlock
	trackTable
	trackEnd
	trackLimit
	trackWords
)

// Constants, as in tracks_amd64.go.
const (
	trackCount = 3
	trackSteps = 3
	placeCount = 254 + 64
	roundShift = 6 // binary logarithm of roundBits
)

// Offsets of the arrays of a unit's rows.
const (
	rowTable = 8 * placeCount * iota
	rowStep
	rowTo
	rowBack
	rowMove
)

// tracks are the registers of tracksKernel, and what it keeps of each lane in memory.
type tracks struct {
	flat                      bool
	entry, advance, spare     reg.GPVirtual
	window, row, block, table [trackCount]reg.GPVirtual
	at                        [trackCount]Mem // of the window
	left, stuck               Mem
}

// tracksKernel decodes several stretches at a time: a look-up in each, then the next in each. None of its
// jumps depends on the data. If it is flat, only DC coefficients are kept.
func tracksKernel(name string, flat bool) {
	TEXT(name, NOSPLIT, "func(r *byte) (stuck bool)")
	Doc(name + " decodes several stretches at a time.")
	k := tracks{flat: flat, entry: GP64(), advance: GP64(), spare: GP64()}
	local := AllocLocal(8 * (2 + trackCount))
	word := func(i int) Mem { return local.Offset(8 * i) }
	k.left, k.stuck = word(0), word(1)
	for l := range trackCount {
		k.window[l], k.row[l], k.block[l], k.table[l] = GP64(), GP64(), GP64(), GP64()
		k.at[l] = word(2 + l)
	}
	k.enter()
	k.budget()
	Label("steps")
	for i := range trackSteps {
		for l := range trackCount {
			k.step(l, i == trackSteps-1)
		}
	}
	for l := range trackCount {
		CMPQ(k.table[l], k.stuck)
		JE(LabelRef("stuck"))
	}
	DECQ(k.left)
	JNZ(LabelRef("steps"))
	JMP(LabelRef("budget"))
	k.leave()
}

// field is a word of a lane in r.
func field(r reg.Register, l, i int) Mem {
	return Mem{Base: r, Disp: 8 * (tracksFirst + l*trackWords + i)}
}

func (k *tracks) enter() {
	r := k.advance
	Load(Param("r"), r)
	MOVQ(word(r, tracksStuck), k.entry)
	MOVQ(k.entry, k.stuck)
	for l := range trackCount {
		MOVQ(field(r, l, trackAt), k.entry)
		MOVQ(k.entry, k.at[l])
		k.refill(l)
		MOVQ(field(r, l, trackRow), k.row[l])
		MOVQ(field(r, l, trackBlock), k.block[l])
		MOVQ(field(r, l, trackTable), k.table[l])
	}
}

// budget determines for how many rounds every lane has data and room.
func (k *tracks) budget() {
	Label("budget")
	r, shift := k.spare, k.advance
	Load(Param("r"), r)
	MOVQ(word(r, tracksShift), shift)
	MOVL(U32(1<<31-1), k.entry.As32())
	MOVQ(k.entry, k.left)
	least := func(name string) {
		CMPQ(k.entry, k.left)
		JAE(LabelRef(name))
		MOVQ(k.entry, k.left)
		Label(name)
	}
	for l := range trackCount {
		MOVQ(field(r, l, trackEnd), k.entry)
		SUBQ(k.at[l], k.entry)
		JBE(LabelRef("finished"))
		SHRQ(U8(roundShift), k.entry)
		least(fmt.Sprint("data", l))
		MOVQ(field(r, l, trackLimit), k.entry)
		SUBQ(k.block[l], k.entry)
		JBE(LabelRef("finished"))
		SHRXQ(shift, k.entry, k.entry)
		least(fmt.Sprint("room", l))
	}
	CMPQ(k.left, U8(0))
	JE(LabelRef("finished"))
}

// refill loads the window of a lane, whose position is in entry.
func (k *tracks) refill(l int) {
	at, bits := k.entry, k.spare
	MOVL(at.As32(), bits.As32())
	ANDL(U8(7), bits.As32())
	SHRQ(U8(3), at)
	MOVQ(Mem{Base: at}, k.window[l])
	BSWAPQ(k.window[l])
	SHLXQ(bits, k.window[l], k.window[l])
}

// step makes a look-up.
func (k *tracks) step(l int, last bool) {
	index, value, bits := k.entry, k.advance, k.spare
	table, row, window, block := k.table[l], k.row[l], k.window[l], k.block[l]
	look := func(disp int) Mem { return Mem{Base: table, Index: index, Scale: 4, Disp: disp} }
	at := func(disp int) Mem { return Mem{Base: row, Disp: disp} }
	SHRXQ(table, window, index)
	MOVBLZX(look(1), k.advance.As32())
	MOVBLZX(look(0), bits.As32())
	LEAQ(Mem{Base: row, Index: k.advance, Scale: 8}, row)
	MOVL(bits.As32(), value.As32())
	NEGL(value.As32())
	SHRXQ(value, window, value)
	SUBW(look(2), value.As16())
	if last {
		ADDQ(k.at[l], bits)
		MOVQ(bits, k.at[l])
		MOVQ(bits, index)
		k.refill(l)
	} else {
		SHLXQ(bits, window, window)
		ADDQ(bits, k.at[l])
	}
	if !k.flat {
		IMULL(at(rowStep), value.As32())
		ADDQ(at(rowTo), block)
	}
	MOVW(value.As16(), Mem{Base: block})
	ADDQ(at(rowBack), block)
	MOVQ(at(rowTable), table)
	ADDQ(at(rowMove), row)
}

// leave saves the lanes and returns.
func (k *tracks) leave() {
	Label("finished")
	XORL(k.entry.As32(), k.entry.As32())
	JMP(LabelRef("leave"))
	Label("stuck")
	MOVL(U32(1), k.entry.As32())
	Label("leave")
	Store(k.entry.As8(), ReturnIndex(0))
	r := k.spare
	Load(Param("r"), r)
	for l := range trackCount {
		MOVQ(k.row[l], field(r, l, trackRow))
		MOVQ(k.block[l], field(r, l, trackBlock))
		MOVQ(k.table[l], field(r, l, trackTable))
		MOVQ(k.at[l], k.entry)
		MOVQ(k.entry, field(r, l, trackAt))
	}
	RET()
}
