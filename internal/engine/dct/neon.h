// Instructions and steps that the NEON kernels of both directions share.
//
// Instructions unknown to Go's assembler are encoded as words (Arm ARM, C7.2, Advanced SIMD
// instructions). d, n and m are register numbers. q is LOW for an instruction on the lower halves
// of its operands, HIGH for its second form, on the upper halves.
#define LOW 0
#define HIGH 0x40000000

// MUL computes vd.4s = vn.4h * constant c, signed; MLA adds the product to vd and MLS subtracts it.
// Constants 0..7 are in v0, 8..15 in v1.
#define BY(c, n, d) (((c)>>3)<<16 | ((c)&1)<<20 | (((c)>>1)&1)<<21 | (((c)>>2)&1)<<11 | (n)<<5 | (d))
#define MUL(q, c, n, d) WORD $(0x0F40A000 | (q) | BY(c, n, d)) // SMULL
#define MLA(q, c, n, d) WORD $(0x0F402000 | (q) | BY(c, n, d)) // SMLAL
#define MLS(q, c, n, d) WORD $(0x0F406000 | (q) | BY(c, n, d)) // SMLSL

// TRANSPOSE8 transposes v24 to v31 into v16 to v23.
#define TRANSPOSE8 \
	VTRN1 V25.H8, V24.H8, V16.H8 \
	VTRN2 V25.H8, V24.H8, V17.H8 \
	VTRN1 V27.H8, V26.H8, V18.H8 \
	VTRN2 V27.H8, V26.H8, V19.H8 \
	VTRN1 V29.H8, V28.H8, V20.H8 \
	VTRN2 V29.H8, V28.H8, V21.H8 \
	VTRN1 V31.H8, V30.H8, V22.H8 \
	VTRN2 V31.H8, V30.H8, V23.H8 \
	VTRN1 V18.S4, V16.S4, V24.S4 \
	VTRN2 V18.S4, V16.S4, V26.S4 \
	VTRN1 V19.S4, V17.S4, V25.S4 \
	VTRN2 V19.S4, V17.S4, V27.S4 \
	VTRN1 V22.S4, V20.S4, V28.S4 \
	VTRN2 V22.S4, V20.S4, V30.S4 \
	VTRN1 V23.S4, V21.S4, V29.S4 \
	VTRN2 V23.S4, V21.S4, V31.S4 \
	VTRN1 V28.D2, V24.D2, V16.D2 \
	VTRN2 V28.D2, V24.D2, V20.D2 \
	VTRN1 V29.D2, V25.D2, V17.D2 \
	VTRN2 V29.D2, V25.D2, V21.D2 \
	VTRN1 V30.D2, V26.D2, V18.D2 \
	VTRN2 V30.D2, V26.D2, V22.D2 \
	VTRN1 V31.D2, V27.D2, V19.D2 \
	VTRN2 V31.D2, V27.D2, V23.D2
