//go:build !purego

#include "textflag.h"

// NEON kernels. kernel.go defines what they compute, lanes.go how their weights are laid out in
// memory, and kernel_asm.go their parameters.
//
// Instructions unknown to Go's assembler are encoded as words (Arm ARM, C7.2, Advanced SIMD
// instructions). d, n and m are register numbers. A widening instruction X reads the lower halves
// of m and n, X2 the upper halves.

// vd.4s += vn.4h * vm.4h, signed
#define SMLAL(m, n, d) WORD $(0x0E608000 | (m)<<16 | (n)<<5 | (d))
#define SMLAL2(m, n, d) WORD $(0x4E608000 | (m)<<16 | (n)<<5 | (d))

// vd.8h = vn.8b * vm.8b, unsigned
#define UMULL(m, n, d) WORD $(0x2E20C000 | (m)<<16 | (n)<<5 | (d))
#define UMULL2(m, n, d) WORD $(0x6E20C000 | (m)<<16 | (n)<<5 | (d))

// vd.4s = vn.4s << vm.4s, signed; shifts right by -vm where vm is negative
#define SSHL(m, n, d) WORD $(0x4EA04400 | (m)<<16 | (n)<<5 | (d))

// vd.4s = vn.4s >> by, signed
#define SSHR(by, n, d) WORD $(0x4F000400 | (64-(by))<<16 | (n)<<5 | (d))

// one half of vd.8h = vn.4s, saturated
#define SQXTN(n, d) WORD $(0x0E614800 | (n)<<5 | (d))
#define SQXTN2(n, d) WORD $(0x4E614800 | (n)<<5 | (d))

// one half of vd.16b = vn.8h, saturated to 0..255
#define SQXTUN(n, d) WORD $(0x2E212800 | (n)<<5 | (d))
#define SQXTUN2(n, d) WORD $(0x6E212800 | (n)<<5 | (d))

// func spread(dst *int16, src unsafe.Pointer, base *int32, mask *byte, coef *int16, groups, pairs,
// step int, start, shift int32)
TEXT ·spread(SB), NOSPLIT, $0-72
	MOVD dst+0(FP), R0
	MOVD src+8(FP), R1
	MOVD base+16(FP), R2
	MOVD mask+24(FP), R3
	MOVD coef+32(FP), R4
	MOVD groups+40(FP), R5
	MOVD step+56(FP), R7
	MOVW start+64(FP), R8
	MOVW shift+68(FP), R9
	NEG  R9, R9
	VDUP R8, V30.S4
	VDUP R9, V31.S4

group:
	MOVW.P 4(R2), R8
	MOVW.P 4(R2), R9
	MOVW.P 4(R2), R10
	MOVW.P 4(R2), R11
	ADD    R1, R8
	ADD    R1, R9
	ADD    R1, R10
	ADD    R1, R11
	VLD1.P 64(R3), [V20.B16, V21.B16, V22.B16, V23.B16]
	VEOR   V0.B16, V0.B16, V0.B16
	VEOR   V1.B16, V1.B16, V1.B16
	VEOR   V2.B16, V2.B16, V2.B16
	VEOR   V3.B16, V3.B16, V3.B16
	VEOR   V4.B16, V4.B16, V4.B16
	VEOR   V5.B16, V5.B16, V5.B16
	VEOR   V6.B16, V6.B16, V6.B16
	VEOR   V7.B16, V7.B16, V7.B16
	MOVD   pairs+48(FP), R6

pair:
	VLD1.P (R8)(R7), [V16.B16]
	VLD1.P (R9)(R7), [V17.B16]
	VLD1.P (R10)(R7), [V18.B16]
	VLD1.P (R11)(R7), [V19.B16]
	VLD1.P 64(R4), [V24.B16, V25.B16, V26.B16, V27.B16]
	VTBL   V20.B16, [V16.B16], V16.B16
	VTBL   V21.B16, [V17.B16], V17.B16
	VTBL   V22.B16, [V18.B16], V18.B16
	VTBL   V23.B16, [V19.B16], V19.B16
	SMLAL(24, 16, 0)
	SMLAL2(24, 16, 1)
	SMLAL(25, 17, 2)
	SMLAL2(25, 17, 3)
	SMLAL(26, 18, 4)
	SMLAL2(26, 18, 5)
	SMLAL(27, 19, 6)
	SMLAL2(27, 19, 7)
	SUBS   $1, R6
	BNE    pair

	// Add the two products of each output, then put the views in the order 0, 1, 2, 3.
	VADDP  V1.S4, V0.S4, V0.S4
	VADDP  V3.S4, V2.S4, V2.S4
	VADDP  V5.S4, V4.S4, V4.S4
	VADDP  V7.S4, V6.S4, V6.S4
	VADD   V30.S4, V0.S4, V0.S4
	VADD   V30.S4, V2.S4, V2.S4
	VADD   V30.S4, V4.S4, V4.S4
	VADD   V30.S4, V6.S4, V6.S4
	SSHL(31, 0, 0)
	SSHL(31, 2, 2)
	SSHL(31, 4, 4)
	SSHL(31, 6, 6)
	SQXTN(0, 16)
	SQXTN2(4, 16)
	SQXTN(2, 17)
	SQXTN2(6, 17)
	VST1.P [V16.H8, V17.H8], 32(R0)
	SUBS   $1, R5
	BNE    group
	RET

// DOT_BEGIN sets up four windows and clears their sums.
#define DOT_BEGIN \
	MOVW.P 4(R2), R8 \
	MOVW.P 4(R2), R9 \
	MOVW.P 4(R2), R10 \
	MOVW.P 4(R2), R11 \
	ADD    R1, R8 \
	ADD    R1, R9 \
	ADD    R1, R10 \
	ADD    R1, R11 \
	VEOR   V0.B16, V0.B16, V0.B16 \
	VEOR   V1.B16, V1.B16, V1.B16 \
	VEOR   V2.B16, V2.B16, V2.B16 \
	VEOR   V3.B16, V3.B16, V3.B16

// DOT_16 adds 16 products of the 16-bit values in v18 and v19 to sum d.
#define DOT_16(d) \
	VLD1.P 32(R3), [V20.H8, V21.H8] \
	SMLAL(20, 18, d) \
	SMLAL2(20, 18, d) \
	SMLAL(21, 19, d) \
	SMLAL2(21, 19, d)

// DOT_8 adds 16 products of the bytes of a window to sum d.
#define DOT_8(window, d) \
	VLD1.P  16(window), [V16.B16] \
	VUSHLL  $0, V16.B8, V18.H8 \
	VUSHLL2 $0, V16.B16, V19.H8 \
	DOT_16(d)

// DOT_END rounds the sums and stores four values of h.
#define DOT_END(shift) \
	VADDP  V1.S4, V0.S4, V0.S4 \
	VADDP  V3.S4, V2.S4, V2.S4 \
	VADDP  V2.S4, V0.S4, V0.S4 \
	VADD   V30.S4, V0.S4, V0.S4 \
	SSHR(shift, 0, 0) \
	SQXTN(0, 0) \
	VST1.P [V0.H4], 8(R0)

// func dot8(dst *int16, src *byte, base *int32, coef *int16, fours, chunks int)
TEXT ·dot8(SB), NOSPLIT, $0-48
	MOVD dst+0(FP), R0
	MOVD src+8(FP), R1
	MOVD base+16(FP), R2
	MOVD coef+24(FP), R3
	MOVD fours+32(FP), R5
	MOVD $-2097088, R8       // horizontalStart8
	VDUP R8, V30.S4

four:
	DOT_BEGIN
	MOVD chunks+40(FP), R6

chunk:
	DOT_8(R8, 0)
	DOT_8(R9, 1)
	DOT_8(R10, 2)
	DOT_8(R11, 3)
	SUBS $1, R6
	BNE  chunk
	DOT_END(7)
	SUBS $1, R5
	BNE  four
	RET

// func dot16(dst *int16, src *int16, base *int32, coef *int16, fours, chunks int)
TEXT ·dot16(SB), NOSPLIT, $0-48
	MOVD dst+0(FP), R0
	MOVD src+8(FP), R1
	MOVD base+16(FP), R2
	MOVD coef+24(FP), R3
	MOVD fours+32(FP), R5
	MOVD $16384, R8          // horizontalStart16
	VDUP R8, V30.S4

four:
	DOT_BEGIN
	MOVD chunks+40(FP), R6

chunk:
	VLD1.P 32(R8), [V18.H8, V19.H8]
	DOT_16(0)
	VLD1.P 32(R9), [V18.H8, V19.H8]
	DOT_16(1)
	VLD1.P 32(R10), [V18.H8, V19.H8]
	DOT_16(2)
	VLD1.P 32(R11), [V18.H8, V19.H8]
	DOT_16(3)
	SUBS $1, R6
	BNE  chunk
	DOT_END(15)
	SUBS $1, R5
	BNE  four
	RET

// COLUMNS adds up 16 columns of h in v0 to v3, two rows at a time.
#define COLUMNS \
	VLD1.P  (R8)(R2), [V16.H8, V17.H8] \
	VLD1R.P 2(R9), [V20.H8] \
	VLD1.P  (R8)(R2), [V18.H8, V19.H8] \
	VLD1R.P 2(R9), [V21.H8] \
	SMLAL(20, 16, 0) \
	SMLAL2(20, 16, 1) \
	SMLAL(20, 17, 2) \
	SMLAL2(20, 17, 3) \
	SMLAL(21, 18, 0) \
	SMLAL2(21, 18, 1) \
	SMLAL(21, 19, 2) \
	SMLAL2(21, 19, 3) \
	SUBS    $1, R6

// COLUMNS_BEGIN starts a block of columns.
#define COLUMNS_BEGIN \
	VORR V30.B16, V30.B16, V0.B16 \
	VORR V30.B16, V30.B16, V1.B16 \
	VORR V30.B16, V30.B16, V2.B16 \
	VORR V30.B16, V30.B16, V3.B16 \
	MOVD R1, R8 \
	MOVD R3, R9 \
	MOVD R4, R6

// func vertical8Vector(dst *byte, h *int16, stride int, coef *int16, pairs, blocks int)
TEXT ·vertical8Vector(SB), NOSPLIT, $0-48
	MOVD dst+0(FP), R0
	MOVD h+8(FP), R1
	MOVD stride+16(FP), R2
	MOVD coef+24(FP), R3
	MOVD pairs+32(FP), R4
	MOVD blocks+40(FP), R5
	MOVD $269484032, R8             // verticalStart8
	VDUP R8, V30.S4

block:
	COLUMNS_BEGIN

pair:
	COLUMNS
	BNE pair
	SSHR(21, 0, 0)
	SSHR(21, 1, 1)
	SSHR(21, 2, 2)
	SSHR(21, 3, 3)
	SQXTN(0, 16)
	SQXTN2(1, 16)
	SQXTN(2, 17)
	SQXTN2(3, 17)
	SQXTUN(16, 18)
	SQXTUN2(17, 18)
	VST1.P [V18.B16], 16(R0)
	ADD    $32, R1
	SUBS   $1, R5
	BNE    block
	RET

// func vertical16Vector(dst *int32, h *int16, stride int, coef *int16, pairs, blocks int)
TEXT ·vertical16Vector(SB), NOSPLIT, $0-48
	MOVD dst+0(FP), R0
	MOVD h+8(FP), R1
	MOVD stride+16(FP), R2
	MOVD coef+24(FP), R3
	MOVD pairs+32(FP), R4
	MOVD blocks+40(FP), R5
	MOVD $268439552, R8            // verticalStart16
	VDUP R8, V30.S4

block:
	COLUMNS_BEGIN

pair:
	COLUMNS
	BNE pair
	SSHR(13, 0, 0)
	SSHR(13, 1, 1)
	SSHR(13, 2, 2)
	SSHR(13, 3, 3)
	VST1.P [V0.S4, V1.S4, V2.S4, V3.S4], 64(R0)
	ADD    $32, R1
	SUBS   $1, R5
	BNE    block
	RET

// func premultiplyVector(dst *int16, colour, alpha *byte, blocks int)
TEXT ·premultiplyVector(SB), NOSPLIT, $0-32
	MOVD dst+0(FP), R0
	MOVD colour+8(FP), R1
	MOVD alpha+16(FP), R2
	MOVD blocks+24(FP), R5
	MOVD $0x8000, R8
	VDUP R8, V30.H8

block:
	VLD1.P 16(R1), [V0.B16]
	VLD1.P 16(R2), [V1.B16]
	UMULL(1, 0, 2)
	UMULL2(1, 0, 3)
	VEOR   V30.B16, V2.B16, V2.B16
	VEOR   V30.B16, V3.B16, V3.B16
	VST1.P [V2.H8, V3.H8], 32(R0)
	SUBS   $1, R5
	BNE    block
	RET
