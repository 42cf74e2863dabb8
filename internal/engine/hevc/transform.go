package hevc

// Inverse transforms (8.6.4.2). Coefficients are 16 bits; the sums of the first stage, over columns, are
// rounded by 7 bits and clipped to 16 again, those of the second, over rows, rounded by 20 bits less the
// depth. No sum exceeds 32×90×2^15 < 2^31.

// matrix is transMatrix: row k is the basis function of frequency k of the 32-point transform. That of
// n points has the first n columns of every 32/n-th row.
var matrix = func() (m [32][32]int32) {
	for k := range 32 {
		for x := range 32 {
			// cos(π k (2x+1) / 64) has the angle a of 128, a full turn.
			a := k * (2*x + 1) % 128
			sign := int32(1)
			if a > 64 {
				a = 128 - a
			}
			if a > 32 {
				a, sign = 64-a, -1
			}
			m[k][x] = sign * cosines[a]
		}
	}
	return m
}()

// cosines are the transform's approximations of 64√2 cos(π a / 64), but 64 for a = 0 and at 16.
var cosines = [33]int32{
	64, 90, 90, 90, 89, 88, 87, 85, 83, 82, 80, 78, 75, 73, 70, 67, 64,
	61, 57, 54, 50, 46, 43, 38, 36, 31, 25, 22, 18, 13, 9, 4, 0,
}

// matrixDST is the transform of 4×4 luma blocks (8.6.4.2).
var matrixDST = [4][4]int32{{29, 55, 74, 84}, {74, 74, 0, -74}, {84, -29, -74, 55}, {55, -84, 74, -29}}

// inverse computes dst[x] = sum over k of src[k*step] times basis function k, for the first limit
// frequencies of a transform of 2^log2 points.
func inverse(dst *[32]int32, src []int32, step, log2, limit int, sine bool) {
	n := 1 << log2
	for x := range n {
		dst[x] = 0
	}
	for k := range limit {
		v := src[k*step]
		if v == 0 {
			continue
		}
		row := matrix[k<<(5-log2)][:n]
		if sine {
			row = matrixDST[k][:]
		}
		for x, m := range row {
			dst[x] += v * m
		}
	}
}

// transform computes the residual samples of a block from its coefficients, of which only the first
// columns and rows are not zero.
func transform(samples []int32, coefficients []int16, log2, columns, rows, depth int, sine bool) {
	n := 1 << log2
	var column, sums [32]int32
	for x := range columns {
		for y := range rows {
			column[y] = int32(coefficients[y<<log2+x])
		}
		inverse(&sums, column[:], 1, log2, rows, sine)
		for y := range n {
			samples[y<<log2+x] = min(max((sums[y]+64)>>7, -1<<15), 1<<15-1)
		}
	}
	shift := uint(20 - depth)
	round := int32(1) << (shift - 1)
	for y := range n {
		row := samples[y<<log2 : (y+1)<<log2]
		inverse(&sums, row, 1, log2, columns, sine)
		for x := range row {
			row[x] = (sums[x] + round) >> shift
		}
	}
}

// addResidual adds residual samples to a predicted block.
func addResidual(dst []uint16, stride int, samples []int32, log2 int, highest uint16) {
	n := 1 << log2
	for y := range n {
		row := dst[y*stride : y*stride+n]
		for x, v := range samples[y<<log2 : (y+1)<<log2] {
			row[x] = uint16(min(max(int32(row[x])+v, 0), int32(highest)))
		}
	}
}

// constant returns the residual of a block whose only coefficient is the first. It fits 16 bits.
func constant(coefficient int16, depth int) int {
	v := (64*int(coefficient) + 64) >> 7
	return (64*v + 1<<(19-depth)) >> (20 - depth)
}

// reconstruct adds the inverse transform of the block in work to its prediction, and clears the
// coefficients.
func (w *worker) reconstruct(dst []uint16, stride int, c int) {
	r := &w.residual
	depth, sine := w.p.sps.bitDepth[c], c == 0 && r.log2 == 2
	if w.vector {
		r.addInverse(dst, stride, depth, sine)
	} else {
		n := 1 << (2 * r.log2)
		transform(r.samples[:n], r.coefficients[:n], r.log2, r.columns, r.rows, depth, sine)
		addResidual(dst, stride, r.samples[:n], r.log2, w.p.planes[c].highest)
	}
	clear(r.coefficients[:r.rows<<r.log2])
}

// residualSamples computes the residual samples of the block in work by whatever it is coded with
// (8.6.2), and clears the coefficients.
func (w *worker) residualSamples(c int, mode uint8) {
	r, s := &w.residual, w.p.sps
	log2 := r.log2
	n := 1 << (2 * log2)
	samples, coefficients := r.samples[:n], r.coefficients[:n]
	depth := s.bitDepth[c]
	switch {
	case w.cu.bypass:
		for i, v := range coefficients {
			samples[i] = int32(v)
		}
	case r.transformSkip:
		up := uint(5 + log2) // tsShift
		down := uint(20 - depth)
		for i, v := range coefficients {
			samples[i] = (int32(v)<<up + 1<<(down-1)) >> down
		}
	default:
		transform(samples, coefficients, log2, r.columns, r.rows, depth, c == 0 && log2 == 2)
		clear(coefficients)
		return
	}
	clear(coefficients)
	if s.transformSkipRotation && log2 == 2 {
		for i := range n / 2 {
			samples[i], samples[n-1-i] = samples[n-1-i], samples[i]
		}
	}
	if s.implicitRDPCM {
		accumulate(samples, log2, mode)
	}
}

// accumulate is the modification of residuals that are differences along the direction of prediction
// (8.6.8).
func accumulate(samples []int32, log2 int, mode uint8) {
	n := 1 << log2
	switch mode {
	case intraHorizontal:
		for i := range samples {
			if i&(n-1) != 0 {
				samples[i] += samples[i-1]
			}
		}
	case intraVertical:
		for i := n; i < len(samples); i++ {
			samples[i] += samples[i-n]
		}
	}
}
