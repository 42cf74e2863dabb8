package resample

// Resampling arithmetic: a separable convolution in fixed point (doc.go names the sources of its
// filters). c are the horizontal and d the vertical weights, integers with one = 2^14 (see
// quantise); x are the samples:
//
//	h[j] = (Σ c·(x[j]-128) + 2^6) >> 7                       int16, 7 fraction bits, per source row
//	out  = clamp((Σ d·h + 128·2^21 + 2^20) >> 21, 0, 255)    per output row
//
// Subtracting 128, the middle of the range, makes room for the seventh fraction bit; because the
// weights add up to exactly one, it is folded into the initial value of the sum. Bit widths: let L
// be the largest Σ|c| of one output sample, which is below 1.55·one. |x-128| <= 128 then gives
// |Σ c·(x-128)| < 2^21.7 and |h| < 2^14.7, and |Σ d·h| + 128·2^21 < 2^29.3 + 2^28 fits int32 in any
// order of summation.
//
// Error bound: each weight is off by less than 2^-14. With nx and ny samples in the windows, the
// result before the final rounding therefore differs from the same formula in real numbers by less
// than
//
//	1.55·(nx·128·2^-14 + 2^-8) + ny·198.4·2^-14
//
// of a level: 0.2 for the 8 samples of a Lanczos window at a step between 1 and 4/3. The final
// rounding adds 0.5. This is the worst case, of a picture constructed against the kernel: in
// others, the errors of neighbouring weights cancel (see quantise).
//
// For 16-bit values, p in 0 to 65535 replaces x; in pictures with alpha it is colour·alpha, or
// alpha·255:
//
//	h[j] = (Σ c·(p[j]-32768) + 2^14) >> 15                   int16, in steps of two levels
//	q    = (Σ d·h + 32768·2^13 + 2^12) >> 13                 int32, p resampled, not clamped
//
// with the same bit widths, and the error bound 1.55·(nx·32768·2^-14 + 1) + ny·50800·2^-14 + 1/2
// for q.
const (
	horizontalStart8  = 1<<6 - 128<<fraction
	horizontalShift8  = 7
	horizontalStart16 = 1 << 14
	horizontalShift16 = 15
	verticalStart8    = 128<<21 + 1<<20
	verticalShift8    = 21
	verticalStart16   = 32768<<13 + 1<<12
	verticalShift16   = 13
)

// horizontal8 computes one row of h from samples.
func horizontal8(dst []int16, src []byte, t *table) {
	coef := t.coef
	for i, first := range t.first {
		c := coef[:t.taps:t.taps]
		coef = coef[t.taps:]
		s := src[first:][:len(c)]
		sum := int32(horizontalStart8)
		for len(c) >= 4 && len(s) >= 4 {
			sum += int32(c[0])*int32(s[0]) + int32(c[1])*int32(s[1]) +
				int32(c[2])*int32(s[2]) + int32(c[3])*int32(s[3])
			c, s = c[4:], s[4:]
		}
		for k := range c {
			sum += int32(c[k]) * int32(s[k])
		}
		dst[i] = int16(sum >> horizontalShift8)
	}
}

// horizontal16 computes one row of h from values p-32768.
func horizontal16(dst, src []int16, t *table) {
	coef := t.coef
	for i, first := range t.first {
		c := coef[:t.taps:t.taps]
		coef = coef[t.taps:]
		s := src[first:][:len(c)]
		sum := int32(horizontalStart16)
		for len(c) >= 4 && len(s) >= 4 {
			sum += int32(c[0])*int32(s[0]) + int32(c[1])*int32(s[1]) +
				int32(c[2])*int32(s[2]) + int32(c[3])*int32(s[3])
			c, s = c[4:], s[4:]
		}
		for k := range c {
			sum += int32(c[k]) * int32(s[k])
		}
		dst[i] = int16(sum >> horizontalShift16)
	}
}

// block is the number of columns that the plain vertical kernels sum at a time, few enough for
// their sums to stay in the first-level cache.
const block = 256

// columns adds the weighted rows of h to sum, column by column; row k starts at h[k*stride].
// Weights are read in pairs, and a pair of zeros is skipped.
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

// vertical8 computes one output row of samples from the rows of h.
func vertical8(dst []byte, h []int16, stride int, coef []int16) {
	var sums [block]int32
	for x := 0; x < len(dst); x += block {
		out := dst[x:min(x+block, len(dst))]
		sum := sums[:len(out)]
		for i := range sum {
			sum[i] = verticalStart8
		}
		columns(sum, h[x:], stride, coef)
		for i, v := range sum {
			out[i] = byte(min(max(v>>verticalShift8, 0), 255))
		}
	}
}

// vertical16 computes one output row of q from the rows of h.
func vertical16(dst []int32, h []int16, stride int, coef []int16) {
	for i := range dst {
		dst[i] = verticalStart16
	}
	for x := 0; x < len(dst); x += block {
		columns(dst[x:min(x+block, len(dst))], h[x:], stride, coef)
	}
	for i, v := range dst {
		dst[i] = v >> verticalShift16
	}
}

// premultiply computes p-32768 from colour and alpha.
func premultiply(dst []int16, colour, alpha []byte) {
	colour, alpha = colour[:len(dst)], alpha[:len(dst)]
	for i := range dst {
		dst[i] = int16(int32(colour[i])*int32(alpha[i]) - 32768)
	}
}
