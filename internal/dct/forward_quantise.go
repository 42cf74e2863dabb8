package dct

import "math/bits"

// Divisors divide the coefficients of Forward by a quantisation table, rounding to nearest and halves away from zero:
//
//	sign(c) * floor((|c| + 4q) / 8q)
//
// by multiplication, in two ways with equal results. Let d = 8q.
//
// In 64 bits, signed: (c*r + 2^24) >> 25 with r = floor(2^25/d) + 1. The quotient is too far from zero by less than
// |c|/2^25 <= 2^-12 and its distance to the next half is a multiple of 1/d > 2^-11, so that it passes a half only from
// the half itself, which is the side wanted.
//
// In 16 bits, for vectors: with m = |c| + d/2, l = floor(log2 d) and r = ceil(2^(16+l)/d), floor(m/d) is m*r>>16>>l while
// m(rd-2^(16+l)) < 2^(16+l), which m < 2^15 ensures (Granlund and Montgomery, PLDI 1994). r needs 17 bits where d is a
// power of two; there r is halved and one less is shifted.
type Divisors struct {
	wide               [64]int32  // r for 64 bits
	half, recip, scale [64]uint16 // d/2, r and 2^(16-l): the shift by l as a product whose high half is taken
}

// NewDivisors makes the divisors for a table in rows, entries 1..255.
func NewDivisors(table *[64]uint8) *Divisors {
	t := new(Divisors)
	for i, q := range table {
		d := 8 * uint32(q)
		l := uint32(bits.Len32(d) - 1)
		if d == 1<<l {
			l--
		}
		t.wide[i] = int32(1<<25/d + 1)
		t.half[i] = uint16(d / 2)
		t.recip[i] = uint16((1<<(16+l) + d - 1) / d)
		t.scale[i] = uint16(1 << (16 - l))
	}
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
	for i := 0; i < 64; i += 4 {
		s, r, q := (*[4]int16)(src[i:]), (*[4]int32)(d.wide[i:]), (*[4]int16)(dst[i:])
		a := (int64(s[0])*int64(r[0]) + 1<<24) >> 25
		b := (int64(s[1])*int64(r[1]) + 1<<24) >> 25
		c := (int64(s[2])*int64(r[2]) + 1<<24) >> 25
		e := (int64(s[3])*int64(r[3]) + 1<<24) >> 25
		q[0], q[1], q[2], q[3] = int16(a), int16(b), int16(c), int16(e)
		if a|b|c|e != 0 {
			// The sign of -x|x is that of "not zero".
			m := uint64(a|-a)>>63 | uint64(b|-b)>>63<<1 | uint64(c|-c)>>63<<2 | uint64(e|-e)>>63<<3
			nonzero |= m << i
		}
	}
	return nonzero
}
