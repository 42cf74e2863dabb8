package ssimulacra2

import "math"

// light is what the levels of sRGB stand for, from 0 to 1 (IEC 61966-2-1).
var light = func() (table [256]float32) {
	for i := range table {
		v := float64(i) / 255
		if v <= 0.04045 {
			table[i] = float32(v / 12.92)
		} else {
			table[i] = float32(power((v+0.055)/1.055, 2.4))
		}
	}
	return table
}()

// power returns x to an exponent, for x above 0: as math.Pow, within a few units in the 15th digit, but
// with the same bits on every machine.
func power(x, exponent float64) float64 {
	m, e := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m, e = 2*m, e-1
	}
	// ln m = 2·artanh((m-1)/(m+1)), whose series converges fast: m is about 1.
	s := (m - 1) / (m + 1)
	square, sum := float64(s*s), 0.0
	for k := 23; k > 0; k -= 2 {
		sum = float64(sum*square) + 1/float64(k)
	}
	t := float64(exponent * (float64(float64(e)*math.Ln2) + float64(2*float64(s*sum))))
	// e^t = 2^k·e^r, with r of at most half of ln 2.
	k := math.Floor(t/math.Ln2 + 0.5)
	r := t - float64(k*math.Ln2)
	sum = 1
	for i := 16; i > 0; i-- {
		sum = 1 + float64(sum*r)/float64(i)
	}
	return math.Ldexp(sum, int(k))
}
