//go:build !purego

#include "textflag.h"
#include "neon.h"

// NEON kernels of the inverse transforms of 3 to 8 points. inverse.go defines what they compute;
// neon.h describes the encoding of instructions unknown to Go's assembler.

// RSHRN: one half of vd.8h = the low 16 bits of (vn.4s + 1<<10) >> 11
#define AFTER_COLUMNS(q, n, d) WORD $(0x0F158C00 | (q) | (n)<<5 | (d))

// ADDHN: one half of vd.8h = (vn.4s + v2.4s) >> 16
#define AFTER_ROWS(q, n, d) WORD $(0x0E624000 | (q) | (n)<<5 | (d))

// SQSHRUN: vd.8b = vn.8h >> 2, saturated to 0..255
#define CLAMP(n, d) WORD $(0x2F0E8400 | (n)<<5 | (d))

// BOTH computes samples a and b from the sums of the even and odd coefficients; the odd sum is in
// v5.
#define BOTH(AFTER, q, even, a, b) \
	VADD V5.S4, even.S4, V6.S4 \
	VSUB V5.S4, even.S4, V7.S4 \
	AFTER(q, 6, a) \
	AFTER(q, 7, b)

// A pass turns coefficients in v16 and following into samples in v24 and following. Its constants
// precede it; the first is 2^13.

DATA factors3<>+0(SB)/8, $0x2D4116A127312000 // 8192 10033 5793 11585
GLOBL factors3<>(SB), RODATA|NOPTR, $8

#define PASS3(AFTER, q) \
	MUL(q, 0, 16, 4) \
	MLA(q, 2, 18, 4) \
	MUL(q, 1, 17, 5) \
	BOTH(AFTER, q, V4, 24, 26) \
	MUL(q, 0, 16, 4) \
	MLS(q, 3, 18, 4) \
	AFTER(q, 4, 25)

DATA factors4<>+0(SB)/8, $0x0000115129CF2000 // 8192 10703 4433
GLOBL factors4<>(SB), RODATA|NOPTR, $8

#define PASS4(AFTER, q) \
	MUL(q, 0, 16, 4) \
	MLA(q, 0, 18, 4) \
	MUL(q, 1, 17, 5) \
	MLA(q, 2, 19, 5) \
	BOTH(AFTER, q, V4, 24, 27) \
	MUL(q, 0, 16, 4) \
	MLS(q, 0, 18, 4) \
	MUL(q, 2, 17, 5) \
	MLS(q, 1, 19, 5) \
	BOTH(AFTER, q, V4, 25, 26)

DATA factors5<>+0(SB)/8, $0x1A9A249D2B0A2000 // 8192 11018 9373 6810
DATA factors5<>+8(SB)/8, $0x000000002D410DFC // 3580 11585
GLOBL factors5<>(SB), RODATA|NOPTR, $16

#define PASS5(AFTER, q) \
	MUL(q, 0, 16, 4) \
	MLA(q, 2, 18, 4) \
	MLA(q, 4, 20, 4) \
	MUL(q, 1, 17, 5) \
	MLA(q, 3, 19, 5) \
	BOTH(AFTER, q, V4, 24, 28) \
	MUL(q, 0, 16, 4) \
	MLS(q, 4, 18, 4) \
	MLS(q, 2, 20, 4) \
	MUL(q, 3, 17, 5) \
	MLS(q, 1, 19, 5) \
	BOTH(AFTER, q, V4, 25, 27) \
	MUL(q, 0, 16, 4) \
	MLS(q, 5, 18, 4) \
	MLA(q, 5, 20, 4) \
	AFTER(q, 4, 26)

DATA factors6<>+0(SB)/8, $0x16A127312BB62000 // 8192 11190 10033 5793
DATA factors6<>+8(SB)/8, $0x000000002D410BB6 // 2998 11585
GLOBL factors6<>(SB), RODATA|NOPTR, $16

#define PASS6(AFTER, q) \
	MUL(q, 0, 16, 4) \
	MLA(q, 2, 18, 4) \
	MLA(q, 3, 20, 4) \
	MUL(q, 1, 17, 5) \
	MLA(q, 0, 19, 5) \
	MLA(q, 4, 21, 5) \
	BOTH(AFTER, q, V4, 24, 29) \
	MUL(q, 0, 16, 4) \
	MLS(q, 5, 20, 4) \
	MUL(q, 0, 17, 5) \
	MLS(q, 0, 19, 5) \
	MLS(q, 0, 21, 5) \
	BOTH(AFTER, q, V4, 25, 28) \
	MUL(q, 0, 16, 4) \
	MLS(q, 2, 18, 4) \
	MLA(q, 3, 20, 4) \
	MUL(q, 4, 17, 5) \
	MLS(q, 0, 19, 5) \
	MLA(q, 1, 21, 5) \
	BOTH(AFTER, q, V4, 26, 27)

DATA factors7<>+0(SB)/8, $0x236228C62C1F2000 // 8192 11295 10438 9058
DATA factors7<>+8(SB)/8, $0x2D410A1213A31C37 // 7223 5027 2578 11585
GLOBL factors7<>(SB), RODATA|NOPTR, $16

#define PASS7(AFTER, q) \
	MUL(q, 0, 16, 4) \
	MLA(q, 2, 18, 4) \
	MLA(q, 4, 20, 4) \
	MLA(q, 6, 22, 4) \
	MUL(q, 1, 17, 5) \
	MLA(q, 3, 19, 5) \
	MLA(q, 5, 21, 5) \
	BOTH(AFTER, q, V4, 24, 30) \
	MUL(q, 0, 16, 4) \
	MLA(q, 6, 18, 4) \
	MLS(q, 2, 20, 4) \
	MLS(q, 4, 22, 4) \
	MUL(q, 3, 17, 5) \
	MLS(q, 5, 19, 5) \
	MLS(q, 1, 21, 5) \
	BOTH(AFTER, q, V4, 25, 29) \
	MUL(q, 0, 16, 4) \
	MLS(q, 4, 18, 4) \
	MLS(q, 6, 20, 4) \
	MLA(q, 2, 22, 4) \
	MUL(q, 5, 17, 5) \
	MLS(q, 1, 19, 5) \
	MLA(q, 3, 21, 5) \
	BOTH(AFTER, q, V4, 26, 28) \
	MUL(q, 0, 16, 4) \
	MLS(q, 7, 18, 4) \
	MLA(q, 7, 20, 4) \
	MLS(q, 7, 22, 4) \
	AFTER(q, 4, 27)

// Sums of rounded constants, equal to those that the steps of inverse8.go add up to.
DATA factors8<>+0(SB)/8, $0x29D0115129CF2000  // 8192 10703 4433 10704
DATA factors8<>+8(SB)/8, $0x08D4192525A12C63  // 11363 9633 6437 2260
DATA factors8<>+16(SB)/8, $0x08D519242C6208D3 // 2259 11362 6436 2261
GLOBL factors8<>(SB), RODATA|NOPTR, $24

#define PASS8(AFTER, q) \
	MUL(q, 0, 16, 4) \
	MLA(q, 0, 20, 4) \
	MUL(q, 0, 16, 5) \
	MLS(q, 0, 20, 5) \
	MUL(q, 1, 18, 6) \
	MLA(q, 2, 22, 6) \
	MUL(q, 2, 18, 7) \
	MLS(q, 3, 22, 7) \
	VADD V6.S4, V4.S4, V8.S4 \
	VADD V7.S4, V5.S4, V9.S4 \
	VSUB V7.S4, V5.S4, V10.S4 \
	VSUB V6.S4, V4.S4, V11.S4 \
	MUL(q, 4, 17, 5) \
	MLA(q, 5, 19, 5) \
	MLA(q, 6, 21, 5) \
	MLA(q, 7, 23, 5) \
	BOTH(AFTER, q, V8, 24, 31) \
	MUL(q, 5, 17, 5) \
	MLS(q, 8, 19, 5) \
	MLS(q, 9, 21, 5) \
	MLS(q, 10, 23, 5) \
	BOTH(AFTER, q, V9, 25, 30) \
	MUL(q, 6, 17, 5) \
	MLS(q, 9, 19, 5) \
	MLA(q, 11, 21, 5) \
	MLA(q, 5, 23, 5) \
	BOTH(AFTER, q, V10, 26, 29) \
	MUL(q, 7, 17, 5) \
	MLS(q, 10, 19, 5) \
	MLA(q, 5, 21, 5) \
	MLS(q, 4, 23, 5) \
	BOTH(AFTER, q, V11, 27, 28)

// BEGIN loads the arguments, and into v2 the sum of one half and the level shift of the rows.
#define BEGIN(factors) \
	MOVD dst+0(FP), R6 \
	MOVD stride+8(FP), R1 \
	MOVD step+16(FP), R7 \
	MOVD coef+24(FP), R8 \
	MOVD size+32(FP), R9 \
	ADD  R9, R9, R9 \
	MOVD count+40(FP), R10 \
	MOVD $factors(SB), R3 \
	MOVW $0x2020000, R4 \
	VDUP R4, V2.S4

// BLOCK begins a block; NEXT moves on to the one after it, or returns.
#define BLOCK \
	MOVD R6, R0 \
	MOVD R8, R2

#define NEXT(next) \
	ADD  R7, R6 \
	ADD  R9, R8 \
	SUBS $1, R10 \
	BNE  next \
	RET

// TRANSPOSE4 transposes the lower halves of v24 to v27 into those of v16 to v19.
#define TRANSPOSE4 \
	VZIP1 V26.H8, V24.H8, V20.H8 \
	VZIP1 V27.H8, V25.H8, V21.H8 \
	VZIP1 V21.H8, V20.H8, V16.H8 \
	VZIP2 V21.H8, V20.H8, V18.H8 \
	VEXT  $8, V16.B16, V16.B16, V17.B16 \
	VEXT  $8, V18.B16, V18.B16, V19.B16

// BOTH_PASSES leaves the samples of column x in v(24+x), one row per byte.
#define BOTH_PASSES8(PASS) \
	VLD1.P 64(R2), [V16.H8, V17.H8, V18.H8, V19.H8] \
	VLD1   (R2), [V20.H8, V21.H8, V22.H8, V23.H8] \
	PASS(AFTER_COLUMNS, LOW) \
	PASS(AFTER_COLUMNS, HIGH) \
	TRANSPOSE8 \
	PASS(AFTER_ROWS, LOW) \
	PASS(AFTER_ROWS, HIGH) \
	CLAMP(24, 24) \
	CLAMP(25, 25) \
	CLAMP(26, 26) \
	CLAMP(27, 27) \
	CLAMP(28, 28) \
	CLAMP(29, 29) \
	CLAMP(30, 30) \
	CLAMP(31, 31)

#define BOTH_PASSES4(PASS) \
	VLD1 (R2), [V16.H4, V17.H4, V18.H4, V19.H4] \
	PASS(AFTER_COLUMNS, LOW) \
	TRANSPOSE4 \
	PASS(AFTER_ROWS, LOW) \
	CLAMP(24, 24) \
	CLAMP(25, 25) \
	CLAMP(26, 26) \
	CLAMP(27, 27)

// FOURS interleaves four columns: rows 0 to 3 in lo, 4 to 7 in hi.
#define FOURS(a, b, c, d, lo, hi) \
	VZIP1 b.B16, a.B16, V4.B16 \
	VZIP1 d.B16, c.B16, V5.B16 \
	VZIP1 V5.H8, V4.H8, lo.H8 \
	VZIP2 V5.H8, V4.H8, hi.H8

// ROW stores the first and the last four samples of a row.
#define ROW(first, last, lane) \
	VST1.P first.S[lane], (R0)(R1) \
	VST1.P last.S[lane], (R5)(R1)

// func inverse3Vector(dst *byte, stride, step int, coef *int16, size, count int)
TEXT ·inverse3Vector(SB), NOSPLIT, $0-48
	BEGIN(factors3<>)
	VLD1   (R3), [V0.H4]

block:
	BLOCK
	BOTH_PASSES4(PASS3)
	ADD    $2, R0, R5
	VZIP1  V25.B16, V24.B16, V4.B16
	VST1.P V4.H[0], (R0)(R1)
	VST1.P V26.B[0], (R5)(R1)
	VST1.P V4.H[1], (R0)(R1)
	VST1.P V26.B[1], (R5)(R1)
	VST1   V4.H[2], (R0)
	VST1   V26.B[2], (R5)
	NEXT(block)

// func inverse4Vector(dst *byte, stride, step int, coef *int16, size, count int)
TEXT ·inverse4Vector(SB), NOSPLIT, $0-48
	BEGIN(factors4<>)
	VLD1   (R3), [V0.H4]

block:
	BLOCK
	BOTH_PASSES4(PASS4)
	FOURS(V24, V25, V26, V27, V16, V17)
	VST1.P V16.S[0], (R0)(R1)
	VST1.P V16.S[1], (R0)(R1)
	VST1.P V16.S[2], (R0)(R1)
	VST1   V16.S[3], (R0)
	NEXT(block)

// func inverse5Vector(dst *byte, stride, step int, coef *int16, size, count int)
TEXT ·inverse5Vector(SB), NOSPLIT, $0-48
	BEGIN(factors5<>)
	VLD1 (R3), [V0.H8]

block:
	BLOCK
	BOTH_PASSES8(PASS5)
	FOURS(V24, V25, V26, V27, V16, V17)
	FOURS(V25, V26, V27, V28, V18, V19)
	ADD  $1, R0, R5
	ROW(V16, V18, 0)
	ROW(V16, V18, 1)
	ROW(V16, V18, 2)
	ROW(V16, V18, 3)
	ROW(V17, V19, 0)
	NEXT(block)

// func inverse6Vector(dst *byte, stride, step int, coef *int16, size, count int)
TEXT ·inverse6Vector(SB), NOSPLIT, $0-48
	BEGIN(factors6<>)
	VLD1 (R3), [V0.H8]

block:
	BLOCK
	BOTH_PASSES8(PASS6)
	FOURS(V24, V25, V26, V27, V16, V17)
	FOURS(V26, V27, V28, V29, V18, V19)
	ADD  $2, R0, R5
	ROW(V16, V18, 0)
	ROW(V16, V18, 1)
	ROW(V16, V18, 2)
	ROW(V16, V18, 3)
	ROW(V17, V19, 0)
	ROW(V17, V19, 1)
	NEXT(block)

// func inverse7Vector(dst *byte, stride, step int, coef *int16, size, count int)
TEXT ·inverse7Vector(SB), NOSPLIT, $0-48
	BEGIN(factors7<>)
	VLD1 (R3), [V0.H8]

block:
	BLOCK
	BOTH_PASSES8(PASS7)
	FOURS(V24, V25, V26, V27, V16, V17)
	FOURS(V27, V28, V29, V30, V18, V19)
	ADD  $3, R0, R5
	ROW(V16, V18, 0)
	ROW(V16, V18, 1)
	ROW(V16, V18, 2)
	ROW(V16, V18, 3)
	ROW(V17, V19, 0)
	ROW(V17, V19, 1)
	ROW(V17, V19, 2)
	NEXT(block)

// func inverse8Vector(dst *byte, stride, step int, coef *int16, size, count int)
TEXT ·inverse8Vector(SB), NOSPLIT, $0-48
	BEGIN(factors8<>)
	VLD1   (R3), [V0.H8]
	MOVD   16(R3), R3
	VMOV   R3, V1.D[0]

block:
	BLOCK
	BOTH_PASSES8(PASS8)
	FOURS(V24, V25, V26, V27, V16, V17)
	FOURS(V28, V29, V30, V31, V18, V19)
	VZIP1  V18.S4, V16.S4, V20.S4
	VZIP2  V18.S4, V16.S4, V21.S4
	VZIP1  V19.S4, V17.S4, V22.S4
	VZIP2  V19.S4, V17.S4, V23.S4
	VST1.P V20.D[0], (R0)(R1)
	VST1.P V20.D[1], (R0)(R1)
	VST1.P V21.D[0], (R0)(R1)
	VST1.P V21.D[1], (R0)(R1)
	VST1.P V22.D[0], (R0)(R1)
	VST1.P V22.D[1], (R0)(R1)
	VST1.P V23.D[0], (R0)(R1)
	VST1   V23.D[1], (R0)
	NEXT(block)
