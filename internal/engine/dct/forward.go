// Package dct implements the discrete cosine transforms of JPEG on 8×8 blocks (ITU-T T.81, A.3.3)
// in integer arithmetic, and the quantisation of the forward transform's output. All
// implementations of a kernel produce the same bits.
//
// It never allocates per block, reads no stream, and does not deal with colour or with the order of
// coefficients in a file.
package dct

// The forward transform is the 8×8 DCT-II of T.81 A.3.3, scaled by 8:
//
//	F(u,v) = 8 * C(u)C(v)/4 * sum over x,y of (s(x,y)-128) cos((2x+1)uπ/16) cos((2y+1)vπ/16)
//	C(0) = 1/√2, else 1
//
// It uses the method of Loeffler, Ligtenberg and Moschytz (ICASSP 1989) in the fixed-point format
// of libjpeg's accurate integer method: 13-bit constants, rows first, with 2 extra bits kept
// between the passes, and 32-bit products. Every result equals libjpeg's and differs from the
// formula by at most 4 (half a step of the unscaled transform). Results are in -8192..8191.

const (
	fixBits  = 13 // fraction bits of the constants
	passBits = 2  // fraction bits kept between rows and columns
)

// Sums and differences of √2·cos(kπ/16), times 2^13, rounded.
const (
	fix0298631336 = 2446
	fix0390180644 = 3196
	fix0541196100 = 4433
	fix0765366865 = 6270
	fix0899976223 = 7373
	fix1175875602 = 9633
	fix1501321110 = 12299
	fix1847759065 = 15137
	fix1961570560 = 16069
	fix2053119869 = 16819
	fix2562915447 = 20995
	fix3072711026 = 25172
)

// Forward transforms n blocks that lie side by side: block i is the 8×8 samples at src[8*i], with
// rows stride apart. It writes 64 coefficients per block to dst, in rows: F(u,v), times 8, at
// 64*i+8*v+u.
func Forward(dst []int16, src []byte, stride, n int) {
	if n == 0 {
		return
	}
	forward(dst[:64*n], src[:7*stride+8*n], stride, n)
}

func forwardGo(dst []int16, src []byte, stride, n int) {
	for i := range n {
		forwardBlock((*[64]int16)(dst[64*i:]), src[8*i:], stride)
	}
}

func forwardBlock(dst *[64]int16, src []byte, stride int) {
	var ws [64]int32
	for y := range 8 {
		s := (*[8]byte)(src[y*stride:])
		w := (*[8]int32)(ws[8*y:])
		a0, a7 := int32(s[0])+int32(s[7]), int32(s[0])-int32(s[7])
		a1, a6 := int32(s[1])+int32(s[6]), int32(s[1])-int32(s[6])
		a2, a5 := int32(s[2])+int32(s[5]), int32(s[2])-int32(s[5])
		a3, a4 := int32(s[3])+int32(s[4]), int32(s[3])-int32(s[4])
		const shift, half = fixBits - passBits, 1 << (fixBits - passBits - 1)

		b0, b3 := a0+a3, a0-a3
		b1, b2 := a1+a2, a1-a2
		w[0] = (b0 + b1 - 8*128) << passBits // the level shift affects no other coefficient
		w[4] = (b0 - b1) << passBits
		z := (b2+b3)*fix0541196100 + half
		w[2] = (z + b3*fix0765366865) >> shift
		w[6] = (z - b2*fix1847759065) >> shift

		z5 := (a4+a6+a5+a7)*fix1175875602 + half
		z3, z4 := z5-(a4+a6)*fix1961570560, z5-(a5+a7)*fix0390180644
		z1, z2 := (a4+a7)*fix0899976223, (a5+a6)*fix2562915447
		w[7] = (a4*fix0298631336 - z1 + z3) >> shift
		w[5] = (a5*fix2053119869 - z2 + z4) >> shift
		w[3] = (a6*fix3072711026 - z2 + z3) >> shift
		w[1] = (a7*fix1501321110 - z1 + z4) >> shift
	}
	for x := range 8 {
		w, d := ws[x:x+57], dst[x:x+57]
		a0, a7 := w[0]+w[56], w[0]-w[56]
		a1, a6 := w[8]+w[48], w[8]-w[48]
		a2, a5 := w[16]+w[40], w[16]-w[40]
		a3, a4 := w[24]+w[32], w[24]-w[32]
		const shift, half = fixBits + passBits, 1 << (fixBits + passBits - 1)

		b0, b3 := a0+a3+1<<(passBits-1), a0-a3
		b1, b2 := a1+a2, a1-a2
		d[0] = int16((b0 + b1) >> passBits)
		d[32] = int16((b0 - b1) >> passBits)
		z := (b2+b3)*fix0541196100 + half
		d[16] = int16((z + b3*fix0765366865) >> shift)
		d[48] = int16((z - b2*fix1847759065) >> shift)

		z5 := (a4+a6+a5+a7)*fix1175875602 + half
		z3, z4 := z5-(a4+a6)*fix1961570560, z5-(a5+a7)*fix0390180644
		z1, z2 := (a4+a7)*fix0899976223, (a5+a6)*fix2562915447
		d[56] = int16((a4*fix0298631336 - z1 + z3) >> shift)
		d[40] = int16((a5*fix2053119869 - z2 + z4) >> shift)
		d[24] = int16((a6*fix3072711026 - z2 + z3) >> shift)
		d[8] = int16((a7*fix1501321110 - z1 + z4) >> shift)
	}
}
