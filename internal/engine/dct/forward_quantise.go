package dct

import "math/bits"

// Divisors divide the coefficients of Forward by a quantisation table:
//
//	sign(c) * floor((|c| + b) / 8q)
//
// where b, at most 4q, determines from which fraction on a coefficient is rounded up. The division
// is a multiplication, done in one of two ways with equal results. Let m = |c| + b and d = 8q.
//
// In plain Go: m*r>>25, in 64 bits, with r = floor(2^25/d) + 1. The quotient is too large by less
// than m/2^25 < 2^-11. Its distance to the next integer is a multiple of 1/d > 2^-11, so it never
// reaches that integer.
//
// In 16 bits, for vectors: with l = floor(log2 d) and r = ceil(2^(16+l)/d), floor(m/d) is
// m*r>>16>>l while m(rd-2^(16+l)) < 2^(16+l), which m < 2^15 ensures (Granlund and Montgomery, PLDI
// 1994). r needs 17 bits if d is a power of two; r is then halved and the shift is one bit shorter.
type Divisors struct {
	// wide is r for plain Go.
	wide [64]uint32
	// bias, recip and scale are b, r and 2^(16-l) for vectors. The shift by l is done as a
	// multiplication of which only the high half is kept.
	bias, recip, scale [64]uint16
}

// Nearest is the fraction of a step, in 64ths, that rounds to nearest.
const Nearest = 32

// NewDivisors returns the divisors for a table in rows with entries 1..255. b is round 64ths of a
// step for the lowest frequency, and falls evenly, with the sum of the horizontal and the vertical one, by
// fall 64ths to the highest; but the first coefficient is rounded to nearest. round is at most Nearest, and
// fall at most round. Where b is not an integer, it is rounded up for some coefficients and down for others,
// so that the result of quantisation changes evenly with the table.
func NewDivisors(table *[64]uint8, round, fall int) *Divisors {
	t := new(Divisors)
	for i, q := range table {
		d := 8 * uint32(q)
		l := uint32(bits.Len32(d) - 1)
		if d == 1<<l {
			l--
		}
		t.wide[i] = 1<<25/d + 1
		t.bias[i] = uint16((d*uint32(14*round-fall*(i%8+i/8)) + 14*8*(uint32(i)*5%8)) / (14 * 64))
		t.recip[i] = uint16((1<<(16+l) + d - 1) / d)
		t.scale[i] = uint16(1 << (16 - l))
	}
	t.bias[0] = 4 * uint16(table[0])
	return t
}

// Quantise divides the coefficients of len(nonzero) blocks, 64 each, in rows. It sets bit i of a
// block's word in nonzero if its quantised coefficient i is not zero. dst may be src. The
// coefficients must be in the range of Forward: -8192..8191.
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
