//go:build !purego

#include "textflag.h"

// Instructions unknown to Go's assembler are encoded as words (Arm ARM, C7.2, Advanced SIMD
// instructions). d, n and m are register numbers. q is LOW for an instruction on the lower halves
// of its operands, HIGH for its second form, on the upper halves.
#define LOW 0
#define HIGH 0x40000000

#define SMLAL(q, i, m, n, d) WORD $(0x0F402000 | (q) | ((i)&1)<<20 | ((i)>>1)<<21 | (m)<<16 | (n)<<5 | (d)) // vd.4s += vn.4h * vm.h[i]
#define SQRSHRN7(q, n, d) WORD $(0x0F199C00 | (q) | (n)<<5 | (d)) // vd.4h = vn.4s >> 7, rounded and saturated
#define SRSHL(m, n, d) WORD $(0x4EA05400 | (m)<<16 | (n)<<5 | (d)) // vd.4s = vn << vm, rounded to the right
#define SQXTN(q, n, d) WORD $(0x0E614800 | (q) | (n)<<5 | (d)) // vd.4h = vn.4s, saturated
#define SQADD(m, n, d) WORD $(0x4E600C00 | (m)<<16 | (n)<<5 | (d)) // of 8 halves, saturated
#define SMAX(m, n, d) WORD $(0x4E606400 | (m)<<16 | (n)<<5 | (d)) // of 8 halves
#define SMIN(m, n, d) WORD $(0x4E606C00 | (m)<<16 | (n)<<5 | (d)) // of 8 halves

#define CLEAR \
	VEOR V16.B16, V16.B16, V16.B16 \
	VEOR V17.B16, V17.B16, V17.B16 \
	VEOR V18.B16, V18.B16, V18.B16 \
	VEOR V19.B16, V19.B16, V19.B16 \
	VEOR V20.B16, V20.B16, V20.B16 \
	VEOR V21.B16, V21.B16, V21.B16 \
	VEOR V22.B16, V22.B16, V22.B16 \
	VEOR V23.B16, V23.B16, V23.B16

// ACCUMULATE adds the products of four numbers at R11 and eight at R12, each by each, to v16 to v23, and
// goes on to the next of both.
#define ACCUMULATE \
	VLD1.P (R11)(R13), [V0.H4] \
	VLD1.P (R12)(R14), [V1.H8] \
	SMLAL(LOW, 0, 0, 1, 16) \
	SMLAL(HIGH, 0, 0, 1, 17) \
	SMLAL(LOW, 1, 0, 1, 18) \
	SMLAL(HIGH, 1, 0, 1, 19) \
	SMLAL(LOW, 2, 0, 1, 20) \
	SMLAL(HIGH, 2, 0, 1, 21) \
	SMLAL(LOW, 3, 0, 1, 22) \
	SMLAL(HIGH, 3, 0, 1, 23)

// func inverseColumnsVector(dst, coefficients, basis *int16, n, rows, columns, width int)
//
// It transforms columns of coefficients, four at a time. dst has a row of width numbers for each.
TEXT ·inverseColumnsVector(SB), NOSPLIT, $0-56
	MOVD dst+0(FP), R0
	MOVD coefficients+8(FP), R1
	MOVD basis+16(FP), R2
	MOVD n+24(FP), R13
	MOVD rows+32(FP), R4
	MOVD columns+40(FP), R5
	MOVD width+48(FP), R6
	LSL $1, R13
	LSL $1, R6, R14 // bytes of a row of basis, and of dst

columns:
	MOVD R0, R7 // of dst
	MOVD R2, R8 // of basis
	LSR $3, R6, R9

points:
	MOVD R1, R11
	MOVD R8, R12
	MOVD R4, R10
	CLEAR

sum:
	ACCUMULATE
	SUB $1, R10
	CBNZ R10, sum
	SQRSHRN7(LOW, 16, 24)
	SQRSHRN7(HIGH, 17, 24)
	SQRSHRN7(LOW, 18, 25)
	SQRSHRN7(HIGH, 19, 25)
	SQRSHRN7(LOW, 20, 26)
	SQRSHRN7(HIGH, 21, 26)
	SQRSHRN7(LOW, 22, 27)
	SQRSHRN7(HIGH, 23, 27)
	MOVD R7, R11
	VST1.P [V24.H8], (R11)(R14)
	VST1.P [V25.H8], (R11)(R14)
	VST1.P [V26.H8], (R11)(R14)
	VST1 [V27.H8], (R11)
	ADD $16, R7
	ADD $16, R8
	SUB $1, R9
	CBNZ R9, points
	ADD $8, R1
	ADD R14<<2, R0
	SUB $4, R5
	CBNZ R5, columns
	RET

// FINISH rounds the sums in lo and hi, and adds them to what v28 holds.
#define FINISH(lo, hi) \
	SRSHL(31, lo, lo) \
	SRSHL(31, hi, hi) \
	SQXTN(LOW, lo, 24) \
	SQXTN(HIGH, hi, 24) \
	SQADD(28, 24, 24) \
	SMAX(29, 24, 24) \
	SMIN(30, 24, 24)

// ROW adds the sums in lo and hi to eight samples at R7, and goes on to the next row.
#define ROW(lo, hi) \
	VLD1 (R7), [V28.H8] \
	FINISH(lo, hi) \
	VST1.P [V24.H8], (R7)(R1)

#define ROW4(lo, hi) \
	VLD1 (R7), [V28.H4] \
	FINISH(lo, hi) \
	VST1.P [V24.H4], (R7)(R1)

// func inverseRowsVector(dst *uint16, stride int, src, basis *int16, n, columns, width, shift, highest int)
//
// It transforms four rows at a time, of which src has the columns, and adds them to dst.
TEXT ·inverseRowsVector(SB), NOSPLIT, $0-72
	MOVD dst+0(FP), R0
	MOVD stride+8(FP), R1
	MOVD src+16(FP), R2
	MOVD basis+24(FP), R3
	MOVD n+32(FP), R4
	MOVD columns+40(FP), R5
	MOVD width+48(FP), R14
	MOVD shift+56(FP), R6
	MOVD highest+64(FP), R8
	LSL $1, R1
	LSL $1, R14
	MOVD R14, R13
	NEG R6, R6
	VDUP R6, V31.S4
	VEOR V29.B16, V29.B16, V29.B16
	VDUP R8, V30.H8
	MOVD R4, R15 // rows that are left

rows:
	MOVD R0, R6 // of dst
	MOVD R3, R8 // of basis
	MOVD R4, R9 // samples that are left of the rows

samples:
	MOVD R2, R11
	MOVD R8, R12
	MOVD R5, R10
	CLEAR

total:
	ACCUMULATE
	SUB $1, R10
	CBNZ R10, total
	MOVD R6, R7
	CMP $4, R4
	BEQ four
	ROW(16, 17)
	ROW(18, 19)
	ROW(20, 21)
	ROW(22, 23)
	ADD $16, R6
	ADD $16, R8
	SUB $8, R9
	CBNZ R9, samples
	ADD $8, R2
	ADD R1<<2, R0
	SUB $4, R15
	CBNZ R15, rows
	RET

four:
	ROW4(16, 17)
	ROW4(18, 19)
	ROW4(20, 21)
	ROW4(22, 23)
	RET

// func addConstantVector(dst *uint16, stride, n, value, highest int)
TEXT ·addConstantVector(SB), NOSPLIT, $0-40
	MOVD dst+0(FP), R0
	MOVD stride+8(FP), R1
	MOVD n+16(FP), R2
	MOVD value+24(FP), R3
	MOVD highest+32(FP), R4
	LSL $1, R1
	VDUP R3, V28.H8
	VEOR V29.B16, V29.B16, V29.B16
	VDUP R4, V30.H8
	MOVD R2, R5

line:
	MOVD R0, R6
	LSR $3, R2, R7

eight:
	VLD1 (R6), [V24.H8]
	SQADD(28, 24, 24)
	SMAX(29, 24, 24)
	SMIN(30, 24, 24)
	VST1.P [V24.H8], 16(R6)
	SUB $1, R7
	CBNZ R7, eight
	ADD R1, R0
	SUB $1, R5
	CBNZ R5, line
	RET
