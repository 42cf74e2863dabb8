//go:build !purego

#include "textflag.h"

// The kernels of progressive scans. progressive_asm.go defines what they compute and where they
// stop; _asm/progressive has the same kernels for amd64. Shifts by a register use only its lowest 6
// bits, so an entry serves directly as the shift by its length, and the upper bits of have are
// irrelevant. The constant 53 is 64 less lookBits, 255 is dropped, and bit 6 of an entry is
// entrySpecial.

#define run R0
#define bits R1
#define have R2
#define next R3 // a pointer
#define look R4
#define entry R5 // the result of a look-up
#define t R6
#define u R7
#define block R8 // coefficients of the current block
#define nonzero R9 // its set
#define places R10
#define scratch R11
#define k R12 // index in the zigzag order

// START loads what both kernels need.
#define START \
	MOVD r+0(FP), run \
	LDP  (run), (next, t) \
	LDP  48(run), (look, block) \
	MOVD 72(run), nonzero \
	ADD  $144, run, places \
	ADD  $136, run, scratch \
	ADD  t>>3, next \
	MOVD $0, bits \
	MOVD $0, have \
	AND  $7, t, k \
	FILL \
	LSL  k, bits, bits \
	SUB  k, have

// FILL does the same as window.fill.
#define FILL \
	MOVD (next), t \
	REV  t, t \
	LSR  have, t, t \
	ORR  t, bits \
	MVN  have, t \
	UBFX $3, t, $3, t \
	ADD  t, next \
	ORR  $56, have

// BLOCK stores where the next block starts, and jumps to stop if it may need more data or all are
// done. It leaves the number of those that are done in t, and of all in k.
#define BLOCK \
	LDP  16(run), (u, k) \
	MOVD (run), t \
	SUB  t, next, t \
	AND  $63, have \
	LSL  $3, t, t \
	SUB  have, t \
	MOVD t, 8(run) \
	CMP  u, t \
	BHI  stop \
	MOVD 32(run), t \
	CMP  k, t \
	BEQ  stop

// DROP skips the bits of entry.
#define DROP \
	LSL entry, bits, bits \
	SUB entry, have

// ADDRESS is where the coefficient at index k is stored.
#define ADDRESS(to) \
	MOVBU (places)(k), to \
	CMP   $255, to \
	ADD   to<<1, block, to \
	CSEL  EQ, scratch, to, to

// END drops the code EOBn, with n from the given bit of entry on, and leaves in t the number of blocks that follow this one: of 2ⁿ, and as
// many as n bits say.
#define END(at) \
	UBFX $at, entry, $4, k \
	DROP \
	LSR  $1, bits, t \
	EOR  $63, k, u \
	LSR  u, t, t \
	LSL  k, bits, bits \
	SUB  k, have \
	MOVD $1, u \
	LSL  k, u, u \
	ADD  u, t \
	SUB  $1, t

// Registers of firstKernel.
#define mask R13 // which coefficients of the block are not zero
#define last R14
#define up R15
#define one R16
#define value R17
#define size R19

// STORE adds the coefficient at index k, and stores value.
#define STORE \
	LSL  k, one, t \
	ORR  t, mask \
	ADDRESS(t) \
	LSLW up, value, value \
	MOVH value, (t)

// SYMBOL decodes a coefficient that is not the last of the band.
#define SYMBOL \
	LSR   $53, bits, entry \
	MOVWU (look)(entry<<2), entry \
	TBNZ  $6, entry, special \
	DROP \
	ASRW  $16, entry, value \
	UBFX  $8, entry, $8, t \
	ADD   t, k \
	CMP   last, k \
	BHS   final \
	STORE

// func firstKernel(r *byte)
TEXT ·firstKernel(SB), NOSPLIT, $0-8
	START
	MOVD 80(run), size
	MOVD 112(run), up
	MOVD 128(run), last
	MOVD $1, one

new:
	BLOCK
	MOVD 40(run), u
	CBNZ u, ended
	MOVD (nonzero), mask
	MOVD 120(run), k

	// The bits of a FILL suffice for five look-ups.
symbol:
	FILL
	SYMBOL
	SYMBOL
	SYMBOL
	SYMBOL
	SYMBOL
	B symbol

long:
	CMP last, k
	BHS final
	STORE
	B   symbol

final:
	CMP $63, k
	BHI stop // The run ends past the block.
	STORE

endBlock:
	MOVD.P mask, 8(nonzero)
	MOVD   32(run), t
	ADD    $1, t
	MOVD   t, 32(run)
	ADD    size, block
	B      new

special:
	AND  $63, entry, u
	CBZ  u, stop // The code is longer.
	FILL
	LSR  $16, entry, t
	CMP  $0xF0, t
	BEQ  zeros
	TBNZ $15, entry, end // endOfBlock
	AND  $15, t
	SUB  t, u, u
	LSL  u, bits, value
	NEG  t, t
	MVN  value->63, u
	LSR  t, u, u // 2^size-1 if the first bit is 0, else 0
	LSR  t, value, value
	SUB  u, value
	DROP
	UBFX $8, entry, $8, t
	ADD  t, k
	B    long

zeros:
	DROP
	ADD $16, k
	CMP last, k
	BLO symbol
	B   endBlock

end:
	END(20)
	MOVD t, 40(run)
	B    endBlock

	// Blocks without new coefficients.
ended:
	SUB  t, k // blocks left
	CMP  k, u
	CSEL HI, k, u, k
	SUB  k, u
	ADD  k, t
	MOVD t, 32(run)
	MOVD u, 40(run)
	ADD  k<<3, nonzero
	MADD k, block, size, block
	B    new

stop:
	RET

// Registers of refineKernel. Where a run of zeros ends is looked up in a list of the zero
// coefficients of the block, which is made as far as it is needed, and the nonzero ones that it
// passes are the rest of the distance, as in plain Go.
#define final R13 // index of the band
#define at R14 // index of the coefficient that follows, plus 15
#define rank R15 // number of zero coefficients before it, plus 15
#define listed R16 // number of them in list
#define corrections R17 // correction bits of the block, the last in the lowest bit
#define fresh R19 // the coefficients that become nonzero
#define n R20
#define zeros R21 // those that are not yet in list
#define from R22 // the index of the first of them, in each byte
#define list R23
#define lists R24 // of the bits in a byte
#define bit R25 // the bit that is refined
#define target R26 // number of zero coefficients before the one that is sought
#define known R26 // the nonzero coefficients of the block

// CORRECT reads n correction bits, at most 56.
#define CORRECT \
	LSR $1, bits, t \
	EOR $63, n, u \
	LSR u, t, t \
	LSL n, corrections \
	ORR t, corrections \
	LSL n, bits, bits \
	SUB n, have

// RUN finds the zero coefficient at which a run ends, and corrects the nonzero ones before it. The
// upper half of an entry has one bit, so that its leading zeros are 15 less the run. It jumps to
// more if the list is too short.
#define RUN \
	CLZW  entry, u \
	SUB   u, rank, target \
	CMP   listed, target \
	BHS   more \
	MOVBU (list)(target), k \
	ADD   $16, target, rank \
	SUB   at, k, n \
	ADD   u, n \
	CMP   $45, n \
	BHI   stop \
	DROP \
	ADD   $16, k, at \
	CORRECT

// APPEND appends to list those of the 8 zeros that start at bit i of zeros, and leaves its length in
// listed. The sums in target include the length of the list.
#define APPEND(i) \
	UBFX $i, zeros, $8, t \
	MOVD (lists)(t<<3), t \
	ADD  from, t \
	MOVD t, (list)(listed) \
	UBFX $i, target, $8, listed \
	ADD  k, from

// REST leaves in n how many nonzero coefficients follow in the block: F1 is the number of all.
#define REST \
	FMOVD F1, n \
	MOVD  120(run), t \
	ADD   $1, t \
	ADD   t, n \
	SUB   at, n \
	ADD   rank, n \
	FILL \
	CMP   $56, n \
	BHI   stop

// func refineKernel(r *byte)
TEXT ·refineKernel(SB), NOSPLIT, $64-8
	START
	MOVD 104(run), bit
	MOVD 128(run), final
	MOVD $marks-64(SP), list
	MOVD $·places(SB), lists

begin:
	BLOCK
	MOVD (nonzero), known
	MOVD 88(run), t // band
	BIC  known, t, zeros
	AND  t, known
	FMOVD known, F1
	VCNT V1.B8, V1.B8
	VUADDLV V1.B8, V1
	MOVD $0, corrections
	MOVD $0, fresh
	FILL
	MOVD 40(run), u
	CBNZ u, ended
	MOVD 120(run), at
	ADD  $16, at
	MOVD $15, rank
	MOVD $0, listed
	MOVD $0, from

symbol:
	LSR   $53, bits, entry
	MOVWU (look)(entry<<2), entry
	TBNZ  $6, entry, special

sought:
	RUN
	MOVD $1, t
	LSL  k, t, t
	ORR  t, fresh

	// Storing at once does not matter if the kernel stops in this block, because plain Go then
	// stores the same.
	SBFX $7, entry, $1, u
	EOR  u, bit, n
	SUB  u, n, n
	ADDRESS(u)
	MOVH n, (u)
	FILL
	CMP  final, k
	BLO  symbol
	B    apply

special:
	TBZ $9, entry, ends // refineZeroRun

passed:
	RUN
	FILL
	CMP final, k
	BLO symbol
	B   apply

	// Lists the next 32 coefficients.
more:
	CBZ   zeros, past
	FMOVS zeros, F0
	VCNT  V0.B8, V0.B8
	FMOVS F0, target
	ADDW  listed, target
	MOVD  $0x01010101, t
	MULW  t, target, target
	MOVD  $0x0808080808080808, k
	APPEND(0)
	APPEND(8)
	APPEND(16)
	APPEND(24)
	LSR   $32, zeros
	TBZ   $6, entry, sought
	B     passed

	// The run ends past the band.
past:
	DROP
	REST
	CORRECT
	B apply

ends:
	TBZ  $8, entry, stop // refineBlockEnd
	END(16)
	MOVD t, target
	REST
	CORRECT
	MOVD target, 40(run)
	B    apply

ended:
	FMOVD F1, n
	CMP   $56, n
	BHI   stop
	SUB   $1, u
	MOVD  u, 40(run)
	CBZ   known, applied
	CORRECT

apply:
	MOVD  (nonzero), known
	ORR   fresh, known, t
	MOVD  t, (nonzero)
	LDP   88(run), (t, u) // band, kept
	AND   t, known
	FMOVD F1, n
	NEG   n, n
	LSL   n, corrections
	CLZ   u, u
	MOVD  $-1, t
	LSR   u, t, t
	AND   t, known
	CBZ   known, applied

coefficient:
	RBIT known, k
	CLZ  k, k
	SUB  $1, known, t
	AND  t, known
	ADDRESS(u)
	MOVH (u), t
	AND  corrections->63, bit, n
	BIC  t, n, n // 0 if the bit is 0, or is there already
	EOR  t->63, n
	SUB  t->63, n
	ADD  n, t
	MOVH t, (u)
	LSL  $1, corrections
	CBNZ known, coefficient

applied:
	ADD  $8, nonzero
	MOVD 32(run), t
	ADD  $1, t
	MOVD t, 32(run)
	MOVD 80(run), t
	ADD  t, block
	B    begin

stop:
	RET
