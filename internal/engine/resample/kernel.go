package resample

// The arithmetic. With c the horizontal and d the vertical weights (integers, one = 2^14, see quantise), x the samples:
//
//	h[j] = (Σ c·(x[j]-128) + 2^6) >> 7                       int16, 7 fraction bits, once for each source row
//	out  = clamp((Σ d·h + 128·2^21 + 2^20) >> 21, 0, 255)    one for each output row
//
// Subtracting 128, the middle of the range, buys the seventh fraction bit; it is part of the sum's start value, because
// the weights add up to one exactly. Widths: with L, the largest Σ|c| of one sample, below 1.55·one, |x-128| <= 128 gives
// |Σ c·(x-128)| < 2^21.7 and |h| < 2^14.7; |Σ d·h| + 128·2^21 < 2^29.3 + 2^28 fits int32, whatever the order of summing.
//
// Bound: a weight is off by less than 2^-14, so with nx and ny samples in the windows the result before the last
// rounding is off the same formula in real numbers by less than
//
//	1.55·(nx·128·2^-14 + 2^-8) + ny·198.4·2^-14
//
// of a level: 0.2 for the 8 samples of a Lanczos window between step 1 and 4/3, and then 0.5 for the rounding. It is the
// worst case of a picture made against the kernel: neighbouring errors cancel (see quantise).
//
// Values of 16 bits: p, 0 to 65535, takes the place of x; in pictures with alpha it is colour·alpha, or alpha·255:
//
//	h[j] = (Σ c·(p[j]-32768) + 2^14) >> 15                   int16, in steps of two
//	q    = (Σ d·h + 32768·2^13 + 2^12) >> 13                 int32, p resampled, not clamped
//
// with the same widths, and the bound 1.55·(nx·32768·2^-14 + 1) + ny·50800·2^-14 + 1/2 for q.
const (
	byteStart  = 1<<6 - 128<<fraction
	byteShift  = 7
	wordStart  = 1 << 14
	wordShift  = 15
	levelStart = 128<<21 + 1<<20
	levelShift = 21
	wideStart  = 32768<<13 + 1<<12
	wideShift  = 13
)

// horizontalBytes makes one row of h from samples.
func horizontalBytes(dst []int16, src []byte, t *table) {
	coef := t.coef
	for i, first := range t.first {
		c := coef[:t.taps:t.taps]
		coef = coef[t.taps:]
		s := src[first:][:len(c)]
		sum := int32(byteStart)
		for len(c) >= 4 && len(s) >= 4 {
			sum += int32(c[0])*int32(s[0]) + int32(c[1])*int32(s[1]) + int32(c[2])*int32(s[2]) + int32(c[3])*int32(s[3])
			c, s = c[4:], s[4:]
		}
		for k := range c {
			sum += int32(c[k]) * int32(s[k])
		}
		dst[i] = int16(sum >> byteShift)
	}
}

// horizontalWords makes one row of h from values p-32768.
func horizontalWords(dst, src []int16, t *table) {
	coef := t.coef
	for i, first := range t.first {
		c := coef[:t.taps:t.taps]
		coef = coef[t.taps:]
		s := src[first:][:len(c)]
		sum := int32(wordStart)
		for len(c) >= 4 && len(s) >= 4 {
			sum += int32(c[0])*int32(s[0]) + int32(c[1])*int32(s[1]) + int32(c[2])*int32(s[2]) + int32(c[3])*int32(s[3])
			c, s = c[4:], s[4:]
		}
		for k := range c {
			sum += int32(c[k]) * int32(s[k])
		}
		dst[i] = int16(sum >> wordShift)
	}
}

// block is the number of columns whose sums the plain vertical kernels hold at a time; it stays in the first cache.
const block = 256

// columns adds to sum, for each of its columns, the weighted rows of h: row k starts at h[k*stride]. Weights come in
// pairs; pairs of zeros cost nothing.
func columns(sum []int32, h []int16, stride int, coef []int16) {
	for k := 0; k < len(coef); k += 2 {
		c, d := int32(coef[k]), int32(coef[k+1])
		if c|d == 0 {
			continue
		}
		a, b := h[k*stride:][:len(sum)], h[(k+1)*stride:][:len(sum)]
		for i := range sum {
			sum[i] += c*int32(a[i]) + d*int32(b[i])
		}
	}
}

// verticalBytes makes one output row of samples from the rows of h.
func verticalBytes(dst []byte, h []int16, stride int, coef []int16) {
	var sums [block]int32
	for x := 0; x < len(dst); x += block {
		out := dst[x:min(x+block, len(dst))]
		sum := sums[:len(out)]
		for i := range sum {
			sum[i] = levelStart
		}
		columns(sum, h[x:], stride, coef)
		for i, v := range sum {
			out[i] = byte(min(max(v>>levelShift, 0), 255))
		}
	}
}

// verticalWide makes one output row of q from the rows of h.
func verticalWide(dst []int32, h []int16, stride int, coef []int16) {
	for i := range dst {
		dst[i] = wideStart
	}
	for x := 0; x < len(dst); x += block {
		columns(dst[x:min(x+block, len(dst))], h[x:], stride, coef)
	}
	for i, v := range dst {
		dst[i] = v >> wideShift
	}
}

// premultiply makes p-32768 of colour and alpha.
func premultiply(dst []int16, colour, alpha []byte) {
	colour, alpha = colour[:len(dst)], alpha[:len(dst)]
	for i := range dst {
		dst[i] = int16(int32(colour[i])*int32(alpha[i]) - 32768)
	}
}
