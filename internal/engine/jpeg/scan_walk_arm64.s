//go:build !purego

#include "textflag.h"

// The kernel that walks entropy-coded data; scan_walk_asm.go says what it computes and where it stops, _asm/main.go is the same
// for amd64. Shifts by a register take its lowest 6 bits, so an entry is its own shift, and the upper bits of have do not matter.
// Of the numbers below, 10, 11 and 12 are pairBits, lookBits and skipBits, and bit 6 of an entry is entrySpecial.

// Fields of the run, from its first word on.
#define bits R1
#define have R2
#define next R3
#define mem R4
#define units R20
#define due R6
#define past R21
#define coef R15
#define size R22
#define ends R16
#define until R17
#define left R19
#define place R5
#define run R0

// walkTables of the unit that is due, in order. lasts is its ends; block is coef and its at; end is where its block ended, and
// takes the place of dc.
#define dc R7
#define pairs R8
#define skip R9
#define steps R10
#define lasts R11
#define keep R12
#define block R13
#define look R14
#define end R7

// entry is what was looked up, value what it says, t and u are of the moment.
#define entry R23
#define value R24
#define t R25
#define u R26

// FILL is window.fill.
#define FILL \
	MOVD (mem)(next), t \
	REV  t, t \
	LSR  have, t, t \
	ORR  t, bits \
	MVN  have, t \
	UBFX $3, t, $3, t \
	ADD  t, next \
	ORR  $56, have

// DROP passes over the bits that entry says.
#define DROP \
	LSL entry, bits, bits \
	SUB entry, have

// PUT advances by the byte of entry at a bit and stores value times its step.
#define PUT(at) \
	UBFX  $at, entry, $8, t \
	ADD   t, place \
	MOVWU (steps)(place<<2), t \
	LSR   $16, t, u \
	MULW  value, u, u \
	ADD   t.UXTH<<1, block, t \
	MOVH  u, (t)

// LOOK takes an entry of pairs, and goes on to what follows when that leads beyond keep. Of products 16 bits are stored, so
// values need no more.
#define LOOK \
	LSR  $(64-10), bits, entry \
	MOVD (pairs)(entry<<3), entry \
	TBNZ $6, entry, special \
	DROP \
	LSR  $16, entry, value \
	PUT(8) \
	LSR  $48, entry, value \
	PUT(40) \
	CMP  keep, place \
	BHS  kept

// LONG makes value of a symbol for which the look-up had too few bits, of at least one, and drops it. If it had too few for the
// code, it goes to a label with nothing done. What it subtracts is 2^size-1 if the first bit of the value is 0, else 0.
#define LONG(tooLong) \
	AND  $63, entry, u \
	CBZ  u, tooLong \
	FILL \
	UBFX $16, entry, $4, t \
	SUB  t, u, u \
	LSL  u, bits, value \
	NEG  t, t \
	MVN  value->63, u \
	LSR  t, u, u \
	LSR  t, value, value \
	SUB  u, value \
	DROP

// PASS takes an entry of skip, from its last row on.
#define PASS \
	LSR   $(64-12), bits, entry \
	MOVHU (skip)(entry<<1), entry \
	ADD   entry>>6, place \
	CMP   $63, place \
	BHS   last \
	DROP

// func walkKernel(r *byte) (stopped bool)
TEXT ·walkKernel(SB), NOSPLIT, $0-9
	MOVD r+0(FP), run
	LDP  (run), (bits, have)
	LDP  16(run), (next, mem)
	LDP  32(run), (units, due)
	LDP  48(run), (past, coef)
	MOVD 64(run), size
	LDP  80(run), (ends, until)
	MOVD 96(run), left
	VEOR V0.B16, V0.B16, V0.B16
	VEOR V1.B16, V1.B16, V1.B16
	CMP  units, due
	BNE  unit

mcu:
	CBZ  left, finished
	AND  $63, have
	LSL  $3, next, t
	SUB  have, t
	CMP  until, t
	BHS  finished
	MOVD units, due
	MOVD 72(run), u // bytes to be cleared
	CBZ  u, unit
	MOVD coef, t
	ADD  coef, u

clear:
	VST1.P [V0.B16, V1.B16], 32(t)
	CMP    u, t
	BLO    clear

unit:
	LDP   (due), (dc, pairs)
	LDP   16(due), (skip, steps)
	LDP   32(due), (lasts, keep)
	LDP   48(due), (block, look)
	ADD   coef, block
	FILL
	MOVD  $0, place
	LSR   $(64-11), bits, entry
	MOVWU (dc)(entry<<2), entry
	TBNZ  $6, entry, longDC
	DROP
	LSR   $16, entry, value

difference:
	MOVH value, (block)
	CBZ  keep, flat

	// The look-up of DC and four more are within the bits of a FILL, and so are five.
	LOOK
	LOOK
	LOOK
	LOOK

looks:
	FILL
	LOOK
	LOOK
	LOOK
	LOOK
	LOOK
	B looks

special:
	LONG(stop)
	PUT(8)
	CMP keep, place
	BLO looks
	B   kept

longDC:
	LONG(untouched)
	FILL
	B difference

kept:
	MOVBU (lasts)(place), end
	TBZ   $6, end, ended
	CMP   $63, place
	BHS   overrun

flat:
	MOVD place, end
	ADD  $(2<<12), skip

pass:
	FILL
	PASS
	PASS
	PASS
	B pass

last:
	BEQ passed
	SUB $128, place, t // an end-of-block code was among them
	CMP $63, t
	BLO passed

	// No symbol, or some that are the next block's: a look-up of one symbol, whose value may be longer.
	SUB   entry>>6, place
	FILL
	LSR   $(64-11), bits, entry
	MOVWU (look)(entry<<2), entry
	TST   $63, entry
	BEQ   stop
	DROP
	UBFX  $8, entry, $8, t
	ADD   t, place
	CMP   $63, place // with an end-of-block code it is more than that
	BLO   pass
	B     ended

passed:
	DROP

ended:
	MOVB.P end, 1(ends)
	ADD    $64, due
	CMP    past, due
	BNE    unit
	SUB    $1, left
	ADD    size, coef
	B      mcu

finished:
	MOVD $0, t
	B    leave

	// Back to before the last entry; only have is right then, and bits is not. The upper half of a special one is 0.
overrun:
	ADD  entry, have
	UBFX $8, entry, $8, t
	SUB  t, place
	UBFX $40, entry, $8, t
	SUB  t, place
	B    stop

untouched:
	MOVD $-1, place

stop:
	MOVD $1, t

	// coef and ends follow from left and due, which is how the caller goes on.
leave:
	AND  $63, have
	STP  (bits, have), (run)
	MOVD next, 16(run)
	MOVD due, 40(run)
	STP  (left, place), 96(run)
	MOVB t, stopped+8(FP)
	RET
