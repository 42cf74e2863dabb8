//go:build !purego

#include "textflag.h"

// NEON kernels, whose loads separate the bytes. split.go defines what they compute.

// func split3Vector(a, b, c, src *byte, blocks int)
TEXT ·split3Vector(SB), NOSPLIT, $0-40
	MOVD a+0(FP), R0
	MOVD b+8(FP), R1
	MOVD c+16(FP), R2
	MOVD src+24(FP), R3
	MOVD blocks+32(FP), R4

block3:
	VLD3.P 48(R3), [V0.B16, V1.B16, V2.B16]
	VLD3.P 48(R3), [V4.B16, V5.B16, V6.B16]
	VST1.P [V0.B16], 16(R0)
	VST1.P [V4.B16], 16(R0)
	VST1.P [V1.B16], 16(R1)
	VST1.P [V5.B16], 16(R1)
	VST1.P [V2.B16], 16(R2)
	VST1.P [V6.B16], 16(R2)
	SUBS   $1, R4
	BNE    block3
	RET

// func split4Vector(a, b, c, d, src *byte, blocks int)
TEXT ·split4Vector(SB), NOSPLIT, $0-48
	MOVD a+0(FP), R0
	MOVD b+8(FP), R1
	MOVD c+16(FP), R2
	MOVD d+24(FP), R5
	MOVD src+32(FP), R3
	MOVD blocks+40(FP), R4

block4:
	VLD4.P 64(R3), [V0.B16, V1.B16, V2.B16, V3.B16]
	VLD4.P 64(R3), [V4.B16, V5.B16, V6.B16, V7.B16]
	VST1.P [V0.B16], 16(R0)
	VST1.P [V4.B16], 16(R0)
	VST1.P [V1.B16], 16(R1)
	VST1.P [V5.B16], 16(R1)
	VST1.P [V2.B16], 16(R2)
	VST1.P [V6.B16], 16(R2)
	VST1.P [V3.B16], 16(R5)
	VST1.P [V7.B16], 16(R5)
	SUBS   $1, R4
	BNE    block4
	RET
