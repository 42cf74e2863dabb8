package dct

import "encoding/binary"

// The inverse transform of size n×n, n in 1..8, turns the n×n lowest coefficients of a block of 64
// into n×n samples, the picture at n/8 of its size:
//
//	s(x,y) = 128 + 1/4 * sum over u,v < n of C(u)C(v) F(u,v) cos((2x+1)uπ/2n) cos((2y+1)vπ/2n)
//	C(0) = 1/√2, else 1
//
// For n=8 this is T.81 A.3.3. For smaller n it is the n-point transform of the lowest coefficients,
// scaled to the same mean: the corner of an orthonormal 8×8 spectrum, times n/8, is an orthonormal
// n×n spectrum.
//
// All sizes share the fixed-point format of libjpeg's accurate integer method: 13-bit constants,
// columns first, with 2 extra bits kept between the passes, 32-bit sums, and halves rounded up. At
// n=8 every sample equals libjpeg's; at n=1 and 2 it is the formula, rounded; for the sizes in
// between it differs from the formula by at most 0.75.
//
// The values between the passes fit 16 bits: the spectrum of 64 samples in -128..127 has a norm of
// at most 1024, so a column reaches at most 4*√8*1024 = 11586, and quantisation in steps of up to
// 255 adds at most 4*8*√2*127 = 5748. Coefficients that no 8-bit picture can have overflow there
// and in the sums, both of which wrap around. The sample is then arbitrary, but the same on every
// machine.

const (
	colShift = fixBits - passBits
	rowShift = fixBits + passBits + 3
	colHalf  = 1 << (colShift - 1)
	rowHalf  = 1<<(rowShift-1) + 128<<rowShift // includes the level shift
)

// Inverse transforms one block to n×n samples at dst, with rows stride apart. block holds
// dequantised coefficients in rows, at v*8+u; only the n×n lowest are read. All coefficients after
// index last of the zigzag order must be zero; a smaller last is faster.
func Inverse(n int, dst []byte, stride int, block *[64]int16, last int) {
	if last == 0 {
		inverseFlat(n, dst, stride, block[0])
		return
	}
	inverse(n, dst, stride, block, last)
}

// Blocks describes N blocks of one component at equal distances in memory.
type Blocks struct {
	// Coef holds dequantised coefficients in rows, at v*Pitch(n)+u, starting with those of the
	// first block. 64 coefficients of the last block must be readable.
	Coef []int16
	// Size is the distance from one block to the next in Coef.
	Size int
	// Last holds for each block the index in the zigzag order after which all coefficients are
	// zero.
	Last []uint8
	// LastStride is the distance from one block to the next in Last.
	LastStride int
	// N is the number of blocks.
	N int
}

// Pitch is the distance in int16s from one row of coefficients to the next in Blocks of n×n
// samples: 8, 4 for up to four rows, or 2 for two.
func Pitch(n int) int {
	switch {
	case n == 2:
		return 2
	case n <= 4:
		return 4
	}
	return 8
}

// InverseBlocks transforms many blocks as Inverse does; their samples are step apart.
func InverseBlocks(n int, dst []byte, stride, step int, b Blocks) {
	switch {
	case b.N == 0:
	case n == 2:
		inverse2Blocks(dst, stride, step, &b)
	default:
		inverseBlocks(n, dst, stride, step, &b)
	}
}

func inverse2BlocksGo(dst []byte, stride, step int, b *Blocks) {
	lower := dst[stride:]
	for i := range b.N {
		c := (*[4]int16)(b.Coef[i*b.Size:])
		inverse2((*[2]byte)(dst[i*step:]), (*[2]byte)(lower[i*step:]),
			int32(c[0]), int32(c[1]), int32(c[2]), int32(c[3]))
	}
}

func inverseBlocksGo(n int, dst []byte, stride, step int, b *Blocks) {
	for i := range b.N {
		block := (*[64]int16)(b.Coef[i*b.Size:])
		if n <= 4 {
			block = repitch(block, Pitch(n), 8)
		}
		if last := int(b.Last[i*b.LastStride]); last == 0 {
			inverseFlat(n, dst[i*step:], stride, block[0])
		} else {
			inverseGo(n, dst[i*step:], stride, block, last)
		}
	}
}

// repitch returns a block of up to 4×4 with another distance between its rows.
func repitch(block *[64]int16, from, to int) *[64]int16 {
	var b [64]int16
	for v := range 4 {
		copy(b[v*to:][:4], block[v*from:][:4])
	}
	return &b
}

func inverseGo(n int, dst []byte, stride int, block *[64]int16, last int) {
	switch n {
	case 1:
		inverseFlat(1, dst, stride, block[0])
	case 2:
		inverse2((*[2]byte)(dst), (*[2]byte)(dst[stride:]),
			int32(block[0]), int32(block[1]), int32(block[8]), int32(block[9]))
	case 3:
		inverse3(dst, stride, block)
	case 4:
		inverse4(dst, stride, block)
	case 5:
		inverse5(dst, stride, block)
	case 6:
		inverse6(dst, stride, block)
	case 7:
		inverse7(dst, stride, block)
	case 8:
		inverse8(dst, stride, block, last)
	}
}

// Flat returns the sample of a block whose only nonzero dequantised coefficient is dc.
func Flat(dc int16) byte { return clamp((int32(dc)+4)>>3 + 128) }

// inverseFlat fills a block that has no AC coefficients. It wraps dc around where the column pass
// does, so that it is a valid shortcut for every value.
func inverseFlat(n int, dst []byte, stride int, dc int16) {
	if n > 2 {
		dc = dc << passBits >> passBits
	}
	v := Flat(dc)
	eight := uint64(v) * 0x0101010101010101
	for y := range n {
		row := dst[y*stride:]
		switch n {
		case 8:
			binary.LittleEndian.PutUint64(row, eight)
		case 4:
			binary.LittleEndian.PutUint32(row, uint32(eight))
		default:
			row = row[:n]
			for x := range row {
				row[x] = v
			}
		}
	}
}

func clamp(v int32) byte {
	if uint32(v) > 255 {
		v = ^(v >> 31)
	}
	return byte(v)
}

// extent holds, for each index last of the zigzag order, the number of columns and rows that the
// coefficients up to it occupy.
var extent = func() (e [64]struct{ cols, rows uint8 }) {
	u, v, up := 0, 0, true
	var cols, rows uint8
	for i := range e {
		cols, rows = max(cols, uint8(u+1)), max(rows, uint8(v+1))
		e[i].cols, e[i].rows = cols, rows
		switch {
		case up && u == 7:
			v, up = v+1, false
		case up && v == 0:
			u, up = u+1, false
		case up:
			u, v = u+1, v-1
		case v == 7:
			u, up = u+1, true
		case u == 0:
			v, up = v+1, true
		default:
			u, v = u-1, v+1
		}
	}
	return e
}()
