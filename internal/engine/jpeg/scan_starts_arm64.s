//go:build !purego

#include "textflag.h"

// The kernel that finds where blocks start. scan_starts_asm.go defines what it computes and where it
// stops; _asm/starts.go is the same kernel for amd64. All lanes are in registers: the state, which
// scan_starts_arm64.go describes, the unit, and the index in room at which the start of the next
// block is stored. A step of a lane has no jump that depends on the data, except for rare codes.
//
// A step takes 29 instructions, of which Neoverse V1 executes five or six in a cycle, and about 30
// cycles from the load of its bits to the state after it, so that six lanes keep such a core busy;
// see docs/performance.md. Lanes need three registers each, and with six all registers are in use.
//
// The constants 54 and 52 are 64 less startBits and skipBits; 20 is startShift.

#define state0 R0
#define state1 R1
#define state2 R2
#define state3 R3
#define state4 R4
#define state5 R5
#define unit0 R6
#define unit1 R7
#define unit2 R8
#define unit3 R9
#define unit4 R10
#define unit5 R11
#define starts0 R12
#define starts1 R13
#define starts2 R14
#define starts3 R15
#define starts4 R16
#define starts5 R17
#define mem R19
#define room R20
#define rounds R21 // number of rounds left before the ends are compared, and from bit 0 on of lanes
#define window R22
#define entry R23
#define table R24
#define state R25
#define t R26

// These are in use outside of steps.
#define run R22
#define stop_at R24

// LOAD loads lane i of the run, AT bytes from its start.
#define LOAD(AT, STATE, UNIT, STARTS) \
	LDP AT(run), (t, entry) \
	LDP AT+16(run), (UNIT, STARTS) \
	LSR $7, entry, STATE \
	SUB $256, STATE \
	AND $127, entry \
	ADD t<<3, entry \
	ADDW STATE<<20, entry, STATE \
	SUB room, STARTS \
	ASR $2, STARTS

// SAVE does the reverse of LOAD.
#define SAVE(AT, STATE, UNIT, STARTS) \
	UBFX $3, STATE, $17, t \
	AND  $7, STATE, entry \
	SBFX $20, STATE, $12, state \
	ADD  $256, state \
	ADD  state<<7, entry \
	STP  (t, entry), AT(run) \
	ADD  STARTS<<2, room, t \
	STP  (UNIT, t), AT+16(run)

// BOUND reduces state to the distance from the current byte of a lane to its end, or jumps to
// REACHED if the lane has reached it.
#define BOUND(AT, STATE, REACHED) \
	MOVD AT+32(run), t \
	UBFX $3, STATE, $17, entry \
	SUBS entry, t, t \
	BLS  REACHED \
	CMP  state, t \
	CSEL LO, t, state, state

// FILL loads the window at the current bit of FROM.
#define FILL(FROM) \
	UBFX $3, FROM, $17, t \
	MOVD (mem)(t), window \
	AND  $7, FROM, t \
	REV  window, window \
	LSL  t, window, window

// LOOK adds an entry of table to the state, unless the block has ended: the flags are those of the
// state.
#define LOOK \
	LSR   $52, window, entry \
	MOVWU (table)(entry<<2), entry \
	CSELW MI, entry, ZR, entry \
	ADDSW entry, state, state

// SETTLE ends the step of a lane. The state becomes the bit position alone if the block has ended;
// if the place is not valid, it jumps to SPECIAL instead. The flags are those of the state.
#define SETTLE(STATE, SPECIAL) \
	SUBW  $(1<<20), state, t \
	TBZ   $26, t, SPECIAL \
	ANDW  $0xFFFFF, state, t \
	CSELW PL, t, state, STATE

// STEP steps a lane. If the last block has ended, the state is where the next one starts; otherwise
// what is stored is overwritten later.
#define STEP(STATE, UNIT, STARTS, SPECIAL) \
	FILL(STATE) \
	MOVW  STATE, (room)(STARTS<<2) \
	MOVD  16(UNIT), t \
	CMPW  $0, STATE \
	CSEL  PL, t, UNIT, UNIT \
	CINC  PL, STARTS, STARTS \
	LDP   (UNIT), (t, table) \
	LSR   $54, window, entry \
	MOVWU (t)(entry<<2), entry \
	CSELW PL, entry, ZR, entry \
	ADDSW entry, STATE, state \
	LSL   entry, window, window \
	LOOK \
	LSL   entry, window, window \
	LOOK \
	SETTLE(STATE, SPECIAL)

// LONG ends a step in which a code was longer than a look-up, if it is one of those at the end of
// the code space. Otherwise it stops at the lane AT bytes from the start of the run, with its state
// from before the step.
#define LONG(AT, STATE, UNIT) \
	LSRW  $26, t, t \
	MOVD  $AT, entry \
	CMPW  $4, t \
	BNE   stop \
	MOVD  $(320<<20), t \
	SUBW  t, state, state \
	FILL(state) \
	LDP   24(UNIT), (table, t) \
	LSR   $48, window, window \
	SUBS  t, window, window \
	BLO   stop \
	MOVWU (table)(window<<2), window \
	ADDSW window, state, state \
	SETTLE(STATE, stop)

// func startsKernel(r *byte) (stopped *lane)
TEXT ·startsKernel(SB), NOSPLIT, $0-16
	MOVD r+0(FP), run
	MOVD 16(run), mem
	MOVD 56(run), room // starts of the first lane
	LOAD(32, state0, unit0, starts0)
	LOAD(72, state1, unit1, starts1)
	LOAD(112, state2, unit2, starts2)
	LOAD(152, state3, unit3, starts3)
	LOAD(192, state4, unit4, starts4)
	LOAD(232, state5, unit5, starts5)

	// The number of lanes is that of the 40 bytes from the first one to past.
	MOVD 8(run), rounds
	SUB  run, rounds
	SUB  $32, rounds
	MOVD $40, t
	UDIV t, rounds, rounds

	// A step takes at most 75 bits, so that no lane passes its end in as many rounds as it has
	// 16 bytes left.
batch:
	MOVD r+0(FP), run
	AND  $7, rounds
	MOVD (run), state
	CBZ  state, finished
	LSL  $4, state
	CMP  $5, rounds
	BHI  bound5
	BEQ  bound4
	CMP  $3, rounds
	BHI  bound3
	BEQ  bound2
	CMP  $2, rounds
	BEQ  bound1
	B    bound0

bound5:
	BOUND(232, state5, reached5)

bound4:
	BOUND(192, state4, reached4)

bound3:
	BOUND(152, state3, reached3)

bound2:
	BOUND(112, state2, reached2)

bound1:
	BOUND(72, state1, reached1)

bound0:
	BOUND(32, state0, reached0)
	LSR   $4, state
	CMP   $1, state
	CSINC HI, state, ZR, state
	MOVD  (run), t
	SUB   state, t
	MOVD  t, (run)
	ADD   state<<3, rounds

round:
	SUBS $8, rounds
	BMI  batch
	TBZ  $2, rounds, few
	TBNZ $1, rounds, lane5
	TBNZ $0, rounds, lane4
	B    lane3

few:
	TBZ  $1, rounds, lane0
	TBNZ $0, rounds, lane2
	B    lane1

lane5:
	STEP(state5, unit5, starts5, long5)

lane4:
	STEP(state4, unit4, starts4, long4)

lane3:
	STEP(state3, unit3, starts3, long3)

lane2:
	STEP(state2, unit2, starts2, long2)

lane1:
	STEP(state1, unit1, starts1, long1)

lane0:
	STEP(state0, unit0, starts0, long0)
	B round

long5:
	LONG(232, state5, unit5)
	B lane4

long4:
	LONG(192, state4, unit4)
	B lane3

long3:
	LONG(152, state3, unit3)
	B lane2

long2:
	LONG(112, state2, unit2)
	B lane1

long1:
	LONG(72, state1, unit1)
	B lane0

long0:
	LONG(32, state0, unit0)
	B round

reached5:
	MOVD $232, stop_at
	B    leave

reached4:
	MOVD $192, stop_at
	B    leave

reached3:
	MOVD $152, stop_at
	B    leave

reached2:
	MOVD $112, stop_at
	B    leave

reached1:
	MOVD $72, stop_at
	B    leave

reached0:
	MOVD $32, stop_at
	B    leave

finished:
	MOVD $0, stop_at

leave:
	MOVD $0, rounds

save:
	SAVE(32, state0, unit0, starts0)
	SAVE(72, state1, unit1, starts1)
	SAVE(112, state2, unit2, starts2)
	SAVE(152, state3, unit3, starts3)
	SAVE(192, state4, unit4, starts4)
	SAVE(232, state5, unit5, starts5)
	CBZ  stop_at, return
	ADD  run, stop_at
	CBZ  rounds, return

	// The lane was in a step. If its last block had ended, the step has begun another.
	LDP 8(stop_at), (state0, unit0)
	LSR $7, state0
	CMP $256, state0
	BLO return
	MOVD unit0, t

previous:
	MOVD t, unit1
	MOVD 16(t), t
	CMP  unit0, t
	BNE  previous
	MOVD 24(stop_at), starts0
	SUB  $4, starts0
	STP  (unit1, starts0), 16(stop_at)

return:
	MOVD stop_at, stopped+8(FP)
	RET

stop:
	MOVD r+0(FP), run
	MOVD entry, stop_at
	MOVD (run), t
	ADD  rounds>>3, t
	MOVD t, (run)
	MOVD $1, rounds
	B    save

// readKernel decodes the DC coefficient of a block and four symbols, which are enough to reach index
// 4, without a jump that depends on them, except where they have too many bits. _asm/read.go is the
// same kernel for amd64. The constant 53 is 64 less readBits, and 57 is the least number of bits in
// a load from any bit on.

// Fields of readRun, in order.
#define data R1
#define starts R2
#define units R3
#define due R4
#define past R5
#define coef R6
#define size R7
#define ends R8
#define left R9
#define args R0

// Fields of readTables of the current unit, in order. block is coef plus its at.
#define dc R10
#define ac R11
#define steps R12
#define keep R13
#define block R14

#define pos R15
#define used R16 // number of bits, in the lowest 8 bits
#define place R17
#define code R19 // an entry
#define value R20
#define end R21
#define bits R22
#define u R23
#define v R24

// READ loads the bits at pos.
#define READ \
	LSR  $3, pos, u \
	MOVD (data)(u), bits \
	AND  $7, pos, v \
	REV  bits, bits \
	LSL  v, bits, bits

// SYMBOL looks up a code and the value that follows it.
#define SYMBOL(TABLE) \
	LSR   $53, bits, u \
	MOVWU (TABLE)(u<<2), code \
	NEG   code, u \
	LSR   u, bits, value \
	LSL   code, bits, bits \
	SUBW  code>>16, value, value

// COEFFICIENT stores the next AC coefficient.
#define COEFFICIENT \
	SYMBOL(ac) \
	ADDW  code, used \
	UBFX  $8, code, $8, u \
	ADD   u, place \
	MOVWU (steps)(place<<2), u \
	LSR   $16, u, v \
	MULW  value, v, v \
	ADD   u.UXTH<<1, block, u \
	MOVH  v, (u)

// PASS passes over the bits used, or stops if they were too many.
#define PASS \
	AND $255, used, u \
	CMP $57, u \
	BHI stop \
	ADD u, pos

// func readKernel(r *byte) (stopped bool)
TEXT ·readKernel(SB), NOSPLIT, $0-9
	MOVD r+0(FP), args
	LDP  (args), (data, starts)
	LDP  16(args), (units, due)
	LDP  32(args), (past, coef)
	LDP  48(args), (size, ends)
	MOVD 64(args), left
	VEOR V0.B16, V0.B16, V0.B16
	VEOR V1.B16, V1.B16, V1.B16
	CMP  units, due
	BNE  unit

mcu:
	CBZ  left, finished
	MOVD units, due
	MOVD coef, u
	ADD  coef, size, v

clear:
	VST1.P [V0.B16, V1.B16], 32(u)
	CMP    v, u
	BLO    clear

unit:
	MOVWU (starts), pos
	LDP   (due), (dc, ac)
	LDP   16(due), (steps, keep)
	MOVD  32(due), block
	ADD   coef, block
	MOVD  $0, place
	READ
	SYMBOL(dc)
	MOVW  code, used
	MOVH  value, (block)
	MOVD  $0, end
	CBZ   keep, flat
	COEFFICIENT
	MOVD  place, end
	COEFFICIENT
	PASS
	READ // Two symbols never have more than 57 bits.
	MOVD  $0, used
	COEFFICIENT
	COEFFICIENT
	CMP   $255, place
	BHS   stop

	// If the first symbol is the end-of-block code, the DC coefficient is the last.
	LSR $5, end
	SUB $1, end
	AND keep, end

ended:
	MOVB.P end, 1(ends)
	ADD    $4, starts
	ADD    $40, due
	CMP    past, due
	BNE    unit
	SUB    $1, left
	ADD    size, coef
	B      mcu

flat:
	PASS
	B ended

finished:
	MOVD units, due
	MOVD $0, u
	B    leave

stop:
	MOVD $1, u

	// The caller computes the other fields from left and due.
leave:
	MOVD due, 24(args)
	MOVD left, 64(args)
	MOVB u, stopped+8(FP)
	RET
