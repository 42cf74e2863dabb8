//go:build !purego

#include "textflag.h"

// The kernel that walks entropy-coded data. walk_asm.go defines what it computes and where it
// stops; _asm/main.go is the same kernel for amd64. Shifts by a register use only its lowest 6
// bits, so an entry serves directly as the shift by its length, and the upper bits of have are
// irrelevant. The constants 10, 11 and 12 are pairBits, lookBits and skipBits; bit 6 of an entry is
// entrySpecial.

// Fields of walkRun, in order.
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

// Fields of walkTables of the current unit, in order. lasts is its ends; block is coef plus its at.
// end is the end of the current block, and shares a register with dc.
#define dc R7
#define pairs R8
#define skip R9
#define steps R10
#define lasts R11
#define keep R12
#define block R13
#define look R14
#define end R7

// entry is the result of a look-up and value the value in it; t and u are temporaries.
#define entry R23
#define value R24
#define t R25
#define u R26

// FILL does the same as window.fill.
#define FILL \
	MOVD (mem)(next), t \
	REV  t, t \
	LSR  have, t, t \
	ORR  t, bits \
	MVN  have, t \
	UBFX $3, t, $3, t \
	ADD  t, next \
	ORR  $56, have

// DROP skips the bits of entry.
#define DROP \
	LSL entry, bits, bits \
	SUB entry, have

// PUT advances by the byte of entry that starts at the given bit, and stores value times its step.
#define PUT(at) \
	UBFX  $at, entry, $8, t \
	ADD   t, place \
	MOVWU (steps)(place<<2), t \
	LSR   $16, t, u \
	MULW  value, u, u \
	ADD   t.UXTH<<1, block, t \
	MOVH  u, (t)

// LOOK processes an entry of pairs, and leaves the loop if that leads to keep or beyond. Only 16
// bits of products are stored, so 16 bits of the values suffice.
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

// LONG decodes into value the value of a symbol for which the look-up had too few bits, and drops
// the symbol; the value has at least one bit. If the look-up had too few bits for the code itself,
// LONG jumps to tooLong with the state unchanged. It subtracts 2^size-1 if the first bit of the
// value is 0, else 0.
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

// PASS processes an entry of skip, whose last row skip points to.
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
	MOVD 72(run), u // number of bytes to clear
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

	// The bits of a FILL suffice for the look-up of DC and four more, and also for five look-ups.
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
	SUB $128, place, t // for an end-of-block code among the symbols
	CMP $63, t
	BLO passed

	// The entry holds no symbol, or some of the next block. Look up one symbol; its value may be
	// longer.
	SUB   entry>>6, place
	FILL
	LSR   $(64-11), bits, entry
	MOVWU (look)(entry<<2), entry
	TST   $63, entry
	BEQ   stop
	DROP
	UBFX  $8, entry, $8, t
	ADD   t, place
	CMP   $63, place // An end-of-block code makes it more than that.
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

	// Go back to before the last entry. Only have can be restored; bits is not valid then. The
	// upper half of a special entry is 0.
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

	// The caller computes coef and ends from left and due.
leave:
	AND  $63, have
	STP  (bits, have), (run)
	MOVD next, 16(run)
	MOVD due, 40(run)
	STP  (left, place), 96(run)
	MOVB t, stopped+8(FP)
	RET
