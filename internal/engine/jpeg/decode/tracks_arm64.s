//go:build !purego

#include "textflag.h"

// The kernel that walks several stretches at a time. tracks_arm64.go defines what it computes and
// where it stops; _asm/tracks.go is the same kernel for amd64, and says how it works. Of each track,
// the window, the state, the current block, and where it reads are in registers. A state has 256,
// placeEnd, subtracted from its place, so that it is negative within a block, as a word of 32 bits.
//
// The constants 53 and 52 are 64 less keptBits and skipBits, and 7 is placeShift.

#define window0 R0
#define window1 R1
#define window2 R2
#define window3 R3
#define state0 R4
#define state1 R5
#define state2 R6
#define state3 R7
#define block0 R8
#define block1 R9
#define block2 R10
#define block3 R11
#define at0 R12
#define at1 R13
#define at2 R14
#define at3 R15
#define run R16
#define unit R17
#define table R19
#define steps R20 // of place 256
#define keep R21 // the least state that has all coefficients that are kept
#define entry R22
#define value R23
#define t R24
#define u R25
#define unread R26

// Tracks in the run: words of 8 bytes of which the first is next, then bits, coef, ends, end, at,
// block, start, startBits and state.
#define track0 88
#define track1 168
#define track2 248
#define track3 328

// FILL loads the window of a state.
#define FILL(window, state, at) \
	UBFX $3, state, $4, t \
	ADD  t, at \
	MOVD (at), window \
	ANDW $~0x78, state \
	REV  window, window \
	LSL  state, window, window

// LOOK looks up an entry of one symbol.
#define LOOK(window) \
	LSR   $53, window, entry \
	MOVWU (table)(entry<<2), entry

// TAKE takes the bits of an entry from the window, and leaves their value.
#define TAKE(window) \
	NEG  entry, value \
	LSR  value, window, value \
	LSL  entry, window, window \
	SUBW entry>>16, value, value

// PLACE leaves the place of a state, less 256, in t.
#define PLACE(state) \
	SBFX $7, state, $25, t

// PUT stores a value, times the step, as the coefficient at the place of a state.
#define PUT(state, block) \
	PLACE(state) \
	ADD  t<<3, steps, t \
	LDPW (t), (entry, t) \
	MULW value, entry, value \
	ADD  t<<1, block, t \
	MOVH value, (t)

// ENOUGH stops if a track has used more bits than its window had.
#define ENOUGH \
	ORRW state0, state1, t \
	ORRW state2, t \
	ORRW state3, t \
	TBNZ $6, t, stop

// BEGIN begins an MCU on a track.
#define BEGIN(track, at) \
	MOVD track(run), at \
	MOVD track+32(run), t \
	CMP  t, at \
	BHS  finished

// DC decodes a DC coefficient. u is the place after it, in steps the offset of the block.
#define DC(track, window, state, at, block) \
	FILL(window, state, at) \
	STP  (at, state), track+56(run) \
	LOOK(window) \
	AND  $255, entry, t \
	ADDW t, state \
	ADDW u, state \
	TAKE(window) \
	MOVD track+16(run), block \
	ADD  steps, block \
	MOVH value, (block)

// KEPT looks up an AC coefficient that is kept. Nothing happens after the last one.
#define KEPT(window, state, block) \
	LOOK(window) \
	CMPW keep, state \
	CSELW LT, entry, ZR, entry \
	CSEL LT, block, unread, u \
	TAKE(window) \
	ADDW entry.UXTH, state \
	PUT(state, u)

// LEAST leaves the least state in value.
#define LEAST(state) \
	CMPW  value, state \
	CSELW LT, state, value, value

// CLASS adds the class of a state, by table, to value, and leaves it in entry.
#define CLASS(state) \
	PLACE(state) \
	MOVBU (table)(t), entry \
	ORR   entry, value

// END stores the end of a block.
#define END(track, state) \
	CLASS(state) \
	MOVD track+24(run), t \
	MOVB entry, (t)(steps)

// SKIP makes a look-up of AC coefficients that are not kept. Nothing happens after the end of the
// block: the flags are those of the state.
#define SKIP(window, state) \
	LSR   $52, window, entry \
	MOVHU (table)(entry<<1), entry \
	CSELW MI, entry, ZR, entry \
	LSL   entry, window, window \
	ADDSW entry, state, state

// NEXT ends an MCU on a track.
#define NEXT(track, state, at) \
	LDP track+16(run), (t, u) \
	ADD value, t \
	ADD entry, u \
	STP (t, u), track+16(run) \
	ADD state>>3, at, t \
	AND $7, state \
	STP (t, state), track(run)

// What special tracks need, one by one, in place of windows.
#define lane R0
#define bits R1
#define state R2
#define at R3

// OUT and IN store and load what special tracks need.
#define OUT(track, state, at, block) \
	STP  (at, block), track+40(run) \
	MOVD state, track+72(run)

#define IN(track, state, at) \
	MOVD track+40(run), at \
	MOVD track+72(run), state

// LONG decodes a code that is too long for a look-up, and leaves in t how many bits its value has and in
// bits what follows the code. It jumps to OTHER if the code is not one of the long ones.
#define LONG(OTHER) \
	MOVD  $(254<<7), t \
	SUBW  t, state \
	FILL(bits, state, at) \
	LDP   32(unit), (u, t) \
	LSR   $48, bits, entry \
	SUBS  t, entry, entry \
	BLO   OTHER \
	MOVHU (u)(entry<<1), entry \
	CBZ   entry, stop \
	AND   $31, entry, t \
	ADDW  t, state \
	LSL   t, bits, bits \
	UBFX  $5, entry, $4, t \
	ADDW  t, state \
	LSR   $9, entry \
	ADDW  entry<<7, state \
	CMPW  $128, state \
	BGE   stop

// KNOWN jumps to valid if the place of the state is, and otherwise compares it with that of an unknown
// code.
#define KNOWN(valid) \
	MOVD  48(run), table \
	ADD   $256, table \
	PLACE(state) \
	MOVBU (table)(t), entry \
	TBZ   $7, entry, valid \
	MOVD  $(191<<7), t \
	CMPW  t, state

// func tracksKernel(r *byte) (stopped bool)
TEXT ·tracksKernel(SB), NOSPLIT, $0-9
	MOVD r+0(FP), run
	MOVD 56(run), unread
	MOVD track0+8(run), state0
	MOVD track1+8(run), state1
	MOVD track2+8(run), state2
	MOVD track3+8(run), state3
	VEOR V0.B16, V0.B16, V0.B16
	VEOR V1.B16, V1.B16, V1.B16

mcu:
	BEGIN(track0, at0)
	BEGIN(track1, at1)
	BEGIN(track2, at2)
	BEGIN(track3, at3)
	LDP  (run), (t, unit)
	CBZ  t, finished
	MOVD 32(run), value
	CBZ  value, block
	MOVD track0+16(run), t
	ADD  t, value, u

clear0:
	VST1.P [V0.B16, V1.B16], 32(t)
	CMP    u, t
	BLO    clear0
	MOVD   track1+16(run), t
	ADD    t, value, u

clear1:
	VST1.P [V0.B16, V1.B16], 32(t)
	CMP    u, t
	BLO    clear1
	MOVD   track2+16(run), t
	ADD    t, value, u

clear2:
	VST1.P [V0.B16, V1.B16], 32(t)
	CMP    u, t
	BLO    clear2
	MOVD   track3+16(run), t
	ADD    t, value, u

clear3:
	VST1.P [V0.B16, V1.B16], 32(t)
	CMP    u, t
	BLO    clear3

block:
	MOVD (unit), table
	LDP  48(unit), (keep, steps)
	MOVD $-8064, u // -63 << 7
	DC(track0, window0, state0, at0, block0)
	DC(track1, window1, state1, at1, block1)
	DC(track2, window2, state2, at2, block2)
	DC(track3, window3, state3, at3, block3)
	ENOUGH
	SUB  $32768, keep
	CMPW u, keep
	BEQ  flat
	LDP  8(unit), (table, t)
	MOVD 24(unit), steps
	ADD  $2048, steps
	B    looks

kept:
	FILL(window0, state0, at0)
	FILL(window1, state1, at1)
	FILL(window2, state2, at2)
	FILL(window3, state3, at3)
	MOVD 8(unit), table
	MOVD 24(unit), steps
	ADD  $2048, steps

looks:
	KEPT(window0, state0, block0)
	KEPT(window0, state0, block0)
	KEPT(window1, state1, block1)
	KEPT(window1, state1, block1)
	KEPT(window2, state2, block2)
	KEPT(window2, state2, block2)
	KEPT(window3, state3, block3)
	KEPT(window3, state3, block3)
	ENOUGH

keptCheck:
	MOVW state0, value
	LEAST(state1)
	LEAST(state2)
	LEAST(state3)
	CMPW keep, value
	BLT  kept
	MOVD 48(run), table
	ADD  $256, table
	MOVD 64(unit), steps // index of the block
	MOVD $0, value
	END(track0, state0)
	END(track1, state1)
	END(track2, state2)
	END(track3, state3)
	TBNZ $7, value, keptSpecial

skip:
	MOVD 16(unit), table
	B    skipCheck

flat:
	MOVD 16(unit), table
	CMPW $0, state0
	SKIP(window0, state0)
	SKIP(window0, state0)
	CMPW $0, state1
	SKIP(window1, state1)
	SKIP(window1, state1)
	CMPW $0, state2
	SKIP(window2, state2)
	SKIP(window2, state2)
	CMPW $0, state3
	SKIP(window3, state3)
	SKIP(window3, state3)
	B    skipCheck

skips:
	FILL(window0, state0, at0)
	CMPW $0, state0
	SKIP(window0, state0)
	SKIP(window0, state0)
	SKIP(window0, state0)
	FILL(window1, state1, at1)
	CMPW $0, state1
	SKIP(window1, state1)
	SKIP(window1, state1)
	SKIP(window1, state1)
	FILL(window2, state2, at2)
	CMPW $0, state2
	SKIP(window2, state2)
	SKIP(window2, state2)
	SKIP(window2, state2)
	FILL(window3, state3, at3)
	CMPW $0, state3
	SKIP(window3, state3)
	SKIP(window3, state3)
	SKIP(window3, state3)

skipCheck:
	ORRW state0, state1, t
	ORRW state2, t
	ORRW state3, t
	TBNZ $31, t, skips
	MOVD 48(run), table
	ADD  $256, table
	MOVD $0, value
	CLASS(state0)
	CLASS(state1)
	CLASS(state2)
	CLASS(state3)
	TBNZ $7, value, skipSpecial

	ANDW $127, state0
	ANDW $127, state1
	ANDW $127, state2
	ANDW $127, state3
	ADD  $72, unit
	MOVD 16(run), t
	CMP  t, unit
	BNE  block
	MOVD 24(run), value
	MOVD 40(run), entry
	NEXT(track0, state0, at0)
	NEXT(track1, state1, at1)
	NEXT(track2, state2, at2)
	NEXT(track3, state3, at3)
	MOVD (run), t
	SUB  $1, t
	MOVD t, (run)
	B    mcu

finished:
	MOVD $0, t
	B    return

stop:
	MOVD $1, t

return:
	MOVB t, stopped+8(FP)
	RET

	// At least one of the last look-ups gave no valid place: go on track by track.
keptSpecial:
	MOVD 24(unit), steps
	ADD  $2048, steps
	OUT(track0, state0, at0, block0)
	OUT(track1, state1, at1, block1)
	OUT(track2, state2, at2, block2)
	OUT(track3, state3, at3, block3)
	ADD  $track0, run, lane

keptLane:
	MOVD 72(lane), state
	KNOWN(keptNext)
	BLT  stop
	MOVD 40(lane), at
	LONG(stop)
	MVN  bits->63, entry // all ones if the first bit is 0
	LSL  t, entry, u
	SUB  entry, u // 1-2^size if the first bit is 0, else 0
	NEG  t, entry
	LSR  entry, bits, value
	CMP  $0, t
	CSEL EQ, ZR, value, value
	ADD  u, value
	MOVD 48(lane), u
	PUT(state, u)
	MOVD at, 40(lane)
	MOVD state, 72(lane)

keptNext:
	ADD  $80, lane
	ADD  $(track3+80), run, t
	CMP  t, lane
	BNE  keptLane
	IN(track0, state0, at0)
	IN(track1, state1, at1)
	IN(track2, state2, at2)
	IN(track3, state3, at3)
	B    keptCheck

skipSpecial:
	OUT(track0, state0, at0, block0)
	OUT(track1, state1, at1, block1)
	OUT(track2, state2, at2, block2)
	OUT(track3, state3, at3, block3)
	ADD  $track0, run, lane

skipLane:
	MOVD 72(lane), state
	KNOWN(skipNext)
	MOVD 40(lane), at
	BGE  long

	// An entry of several symbols may contain some of the next block: look them up one by one.
again:
	LDP  56(lane), (at, state)
	FILL(bits, state, at)
	MOVD (unit), table
	LOOK(bits)
	AND  $255, entry, t
	ADDW t, state
	MOVD $-8064, t
	ADDW t, state

each:
	FILL(bits, state, at)
	MOVD 8(unit), table
	LOOK(bits)
	ADDW entry.UXTH, state
	TBNZ $31, state, each
	KNOWN(store)
	BLT  stop
	LONG(stop)
	TBNZ $31, state, each
	B    store

long:
	LONG(again)

store:
	MOVD at, 40(lane)
	MOVD state, 72(lane)

skipNext:
	ADD  $80, lane
	ADD  $(track3+80), run, t
	CMP  t, lane
	BNE  skipLane
	IN(track0, state0, at0)
	IN(track1, state1, at1)
	IN(track2, state2, at2)
	IN(track3, state3, at3)
	B    skip
