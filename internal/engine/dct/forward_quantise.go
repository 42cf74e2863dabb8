package dct

import "math/bits"

// Divisors divide the coefficients of Forward by a quantisation table:
//
//	sign(c) * floor((|c| + b) / 8q)
//
// where b, at most 4q, says from where on a coefficient is rounded up, by multiplication, in two ways with equal results.
// Let m = |c| + b and d = 8q.
//
// In plain Go: m*r>>25, in 64 bits, with r = floor(2^25/d) + 1. The quotient is too large by less than m/2^25 < 2^-11, and its
// distance to the next integer is a multiple of 1/d > 2^-11, so that it never reaches one.
//
// In 16 bits, for vectors: with l = floor(log2 d) and r = ceil(2^(16+l)/d), floor(m/d) is m*r>>16>>l while
// m(rd-2^(16+l)) < 2^(16+l), which m < 2^15 ensures (Granlund and Montgomery, PLDI 1994). r needs 17 bits where d is a
// power of two; there r is halved and one less is shifted.
type Divisors struct {
	wide               [64]uint32 // r of plain Go
	bias, recip, scale [64]uint16 // b, r and 2^(16-l): the shift by l as a product whose high half is taken
}

// Nearest is the part of a step, in 64ths, that rounds to the nearest.
const Nearest = 32

// NewDivisors makes the divisors for a table in rows, entries 1..255. b is round 64ths of a step for all coefficients but the
// first, which is rounded to nearest; round is at most Nearest. What of b is no integer is rounded up at some places and
// down at others, so that what is quantised changes evenly with the table.
func NewDivisors(table *[64]uint8, round int) *Divisors {
	t := new(Divisors)
	for i, q := range table {
		d := 8 * uint32(q)
		l := uint32(bits.Len32(d) - 1)
		if d == 1<<l {
			l--
		}
		t.wide[i] = 1<<25/d + 1
		t.bias[i] = uint16((d*uint32(round) + 8*(uint32(i)*5%8)) / 64)
		t.recip[i] = uint16((1<<(16+l) + d - 1) / d)
		t.scale[i] = uint16(1 << (16 - l))
	}
	t.bias[0] = 4 * uint16(table[0])
	return t
}

// Quantise divides the coefficients of len(nonzero) blocks, 64 each in rows, and sets bit i of a block's word in nonzero
// where its quantised coefficient i is not zero. dst may be src. Coefficients are those of Forward: -8192..8191.
func Quantise(dst, src []int16, nonzero []uint64, d *Divisors) {
	n := len(nonzero)
	if n == 0 {
		return
	}
	quantise(dst[:64*n], src[:64*n], nonzero, d)
}

func quantiseGo(dst, src []int16, nonzero []uint64, d *Divisors) {
	for i := range nonzero {
		nonzero[i] = quantiseBlock((*[64]int16)(dst[64*i:]), (*[64]int16)(src[64*i:]), d)
	}
}

func quantiseBlock(dst, src *[64]int16, d *Divisors) (nonzero uint64) {
	for i := range dst {
		sign := int32(src[i]) >> 31
		m := uint64((int32(src[i])^sign)-sign) + uint64(d.bias[i])
		if q := int32(m * uint64(d.wide[i]) >> 25); q != 0 {
			nonzero |= 1 << i
			dst[i] = int16((q ^ sign) - sign)
		} else {
			dst[i] = 0
		}
	}
	return nonzero
}
