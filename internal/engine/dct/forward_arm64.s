//go:build !purego

#include "textflag.h"
#include "neon.h"

// NEON kernels of the forward transform and its quantisation. forward.go and forward_quantise.go
// define what they compute; neon.h describes the encoding of instructions unknown to Go's
// assembler.

// RSHRN: one half of vd.8h = the low 16 bits of vn.4s, shifted right and rounded
#define AFTER_ROWS(q, n, d) WORD $(0x0F158C00 | (q) | (n)<<5 | (d))    // by 11
#define AFTER_COLUMNS(q, n, d) WORD $(0x0F118C00 | (q) | (n)<<5 | (d)) // by 15

// SRSHR: vd.8h = (vn.8h + 2) >> 2
#define QUARTER(n, d) WORD $(0x4F1E2400 | (n)<<5 | (d))

// Sums of rounded constants, equal to those that the steps of forward.go add up to.
DATA factors<>+0(SB)/8, $0x08D3115129D029CF  // 10703 10704 4433 2259
DATA factors<>+8(SB)/8, $0x08D4192525A12C63  // 11363 9633 6437 2260
DATA factors<>+16(SB)/8, $0x000008D519242C62 // 11362 6436 2261
GLOBL factors<>(SB), RODATA|NOPTR, $24

// PRODUCTS computes coefficients 2 and 6 from b3 and b2 in v4 and v5, and the odd coefficients from
// a4 to a7 in v20 to v23.
#define PRODUCTS(AFTER, q) \
	MUL(q, 0, 4, 6) \
	MLA(q, 2, 5, 6) \
	AFTER(q, 6, 26) \
	MUL(q, 2, 4, 7) \
	MLS(q, 1, 5, 7) \
	AFTER(q, 7, 30) \
	MUL(q, 4, 23, 6) \
	MLA(q, 5, 22, 6) \
	MLA(q, 6, 21, 6) \
	MLA(q, 7, 20, 6) \
	AFTER(q, 6, 25) \
	MUL(q, 5, 23, 7) \
	MLS(q, 3, 22, 7) \
	MLS(q, 8, 21, 7) \
	MLS(q, 9, 20, 7) \
	AFTER(q, 7, 27) \
	MUL(q, 6, 23, 6) \
	MLS(q, 8, 22, 6) \
	MLA(q, 10, 21, 6) \
	MLA(q, 5, 20, 6) \
	AFTER(q, 6, 29) \
	MUL(q, 7, 23, 7) \
	MLS(q, 9, 22, 7) \
	MLA(q, 5, 21, 7) \
	MLS(q, 4, 20, 7) \
	AFTER(q, 7, 31)

// PASS transforms the vectors of one axis from v16 to v23 into v24 to v31. It does not scale
// coefficients 0 and 4.
#define PASS(AFTER) \
	VADD V23.H8, V16.H8, V4.H8 \
	VSUB V23.H8, V16.H8, V23.H8 \
	VADD V22.H8, V17.H8, V5.H8 \
	VSUB V22.H8, V17.H8, V22.H8 \
	VADD V21.H8, V18.H8, V6.H8 \
	VSUB V21.H8, V18.H8, V21.H8 \
	VADD V20.H8, V19.H8, V7.H8 \
	VSUB V20.H8, V19.H8, V20.H8 \
	VADD V7.H8, V4.H8, V16.H8 \
	VSUB V7.H8, V4.H8, V4.H8 \
	VADD V6.H8, V5.H8, V17.H8 \
	VSUB V6.H8, V5.H8, V5.H8 \
	VADD V17.H8, V16.H8, V24.H8 \
	VSUB V17.H8, V16.H8, V28.H8 \
	PRODUCTS(AFTER, LOW) \
	PRODUCTS(AFTER, HIGH)

// ROW loads and widens eight samples.
#define ROW(d) \
	VLD1.P  (R4)(R2), [d.B8] \
	VUSHLL $0, d.B8, d.H8

// func forwardPairs(dst *int16, src *byte, stride, pairs int)
TEXT ·forwardPairs(SB), NOSPLIT, $0-32
	MOVD dst+0(FP), R0
	MOVD src+8(FP), R1
	MOVD stride+16(FP), R2
	MOVD pairs+24(FP), R3
	LSL  $1, R3
	MOVD $factors<>(SB), R4
	VLD1 (R4), [V0.H8]
	MOVD 16(R4), R4
	VMOV R4, V1.D[0]
	MOVD $(8*128), R4
	VDUP R4, V2.H8

block:
	MOVD   R1, R4
	ADD    $8, R1
	ROW(V24)
	ROW(V25)
	ROW(V26)
	ROW(V27)
	ROW(V28)
	ROW(V29)
	ROW(V30)
	ROW(V31)
	TRANSPOSE8
	PASS(AFTER_ROWS)
	VSUB   V2.H8, V24.H8, V24.H8
	VSHL   $2, V24.H8, V24.H8
	VSHL   $2, V28.H8, V28.H8
	TRANSPOSE8
	PASS(AFTER_COLUMNS)
	QUARTER(24, 24)
	QUARTER(28, 28)
	VST1.P [V24.H8, V25.H8, V26.H8, V27.H8], 64(R0)
	VST1.P [V28.H8, V29.H8, V30.H8, V31.H8], 64(R0)
	SUBS   $1, R3
	BNE    block
	RET

// vd.8h = |vn.8h|
#define ABS(n, d) WORD $(0x4E60B800 | (n)<<5 | (d))

// vd.8h = vn.8h >> 15, signed
#define SIGN(n, d) WORD $(0x4F110400 | (n)<<5 | (d))

// vd.4s = one half of vn.8h * the same half of vm.8h, unsigned
#define UMULL(q, m, n, d) WORD $(0x2E60C000 | (q) | (m)<<16 | (n)<<5 | (d))

// HIGH_PRODUCT computes the high 16 bits of the products of vn.8h and vm.8h, and uses v4 and v5.
#define HIGH_PRODUCT(m, n, d) \
	UMULL(LOW, m, n, 4) \
	UMULL(HIGH, m, n, 5) \
	VUZP2 V5.H8, V4.H8, d.H8

// SIXTEEN divides the next 16 coefficients and sets a bit in each byte of mask whose coefficient is
// not 0.
#define SIXTEEN(mask) \
	VLD1.P 32(R1), [V16.H8, V17.H8] \
	VLD1.P 32(R4), [V18.H8, V19.H8] \
	VLD1.P 32(R5), [V20.H8, V21.H8] \
	VLD1.P 32(R6), [V22.H8, V23.H8] \
	ABS(16, 24) \
	ABS(17, 25) \
	SIGN(16, 16) \
	SIGN(17, 17) \
	VADD   V18.H8, V24.H8, V24.H8 \
	VADD   V19.H8, V25.H8, V25.H8 \
	HIGH_PRODUCT(20, 24, V24) \
	HIGH_PRODUCT(21, 25, V25) \
	HIGH_PRODUCT(22, 24, V24) \
	HIGH_PRODUCT(23, 25, V25) \
	VCMTST V24.H8, V24.H8, V18.H8 \
	VCMTST V25.H8, V25.H8, V19.H8 \
	VEOR   V16.B16, V24.B16, V24.B16 \
	VEOR   V17.B16, V25.B16, V25.B16 \
	VSUB   V16.H8, V24.H8, V24.H8 \
	VSUB   V17.H8, V25.H8, V25.H8 \
	VST1.P [V24.H8, V25.H8], 32(R0) \
	VUZP1  V19.B16, V18.B16, mask.B16 \
	VAND   V0.B16, mask.B16, mask.B16

// func quantiseVector(dst, src *int16, nonzero *uint64, n int, bias, recip, scale *uint16)
TEXT ·quantiseVector(SB), NOSPLIT, $0-56
	MOVD dst+0(FP), R0
	MOVD src+8(FP), R1
	MOVD nonzero+16(FP), R2
	MOVD n+24(FP), R3
	MOVD bias+32(FP), R4
	MOVD recip+40(FP), R5
	MOVD scale+48(FP), R6
	MOVD $0x8040201008040201, R7
	VDUP R7, V0.D2

block:
	SIXTEEN(V26)
	SIXTEEN(V27)
	SIXTEEN(V28)
	SIXTEEN(V29)
	VADDP  V27.B16, V26.B16, V26.B16
	VADDP  V29.B16, V28.B16, V28.B16
	VADDP  V28.B16, V26.B16, V26.B16
	VADDP  V26.B16, V26.B16, V26.B16
	VST1.P V26.D[0], 8(R2)
	SUB    $128, R4
	SUB    $128, R5
	SUB    $128, R6
	SUBS   $1, R3
	BNE    block
	RET
