//go:build !purego

package hevc

import "github.com/imgmill/imgmill/internal/engine/cpu"

//go:generate go -C _asm run ./transform -out ../transform_amd64.s -pkg hevc
//go:generate go -C _asm run ./intra -out ../intra_amd64.s -pkg hevc

func useVector() bool { return cpu.Vector() }

// intraKernels reports whether there are kernels of intra prediction.
const intraKernels = true

//go:noescape
func inverse4Vector(dst *uint16, stride int, coefficients *int16, pairs *int32, shift, highest int)

//go:noescape
func inverse8Vector(dst *uint16, stride int, coefficients *int16, pairs *int32, scratch *int32, rowPairs, columnPairs, shift, highest int)

//go:noescape
func inverse16Vector(dst *uint16, stride int, coefficients *int16, pairs *int32, scratch *int32, rowPairs, columnPairs, shift, highest int)

//go:noescape
func inverse32Vector(dst *uint16, stride int, coefficients *int16, pairs *int32, scratch *int32, rowPairs, columnPairs, shift, highest int)

//go:noescape
func addConstantVector(dst *uint16, stride, n, value, highest int)

// interleaved returns basis functions 2p and 2p+1 of n points side by side, for each p.
func interleaved(n int, basis func(k, x int) int32) []int32 {
	var pairs []int32
	for p := range n / 2 {
		for x := range n {
			pairs = append(pairs, basis(2*p, x)&0xffff|basis(2*p+1, x)<<16)
		}
	}
	return pairs
}

// inversePairs are the basis functions of 2^log2 points, and at 1 those of the sine transform.
var inversePairs = [6][]int32{
	1: interleaved(4, func(k, x int) int32 { return matrixDST[k][x] }),
	2: interleaved(4, func(k, x int) int32 { return matrix[8*k][x] }),
	3: interleaved(8, func(k, x int) int32 { return matrix[4*k][x] }),
	4: interleaved(16, func(k, x int) int32 { return matrix[2*k][x] }),
	5: interleaved(32, func(k, x int) int32 { return matrix[k][x] }),
}

// addInverse adds the inverse transform of the block in work to its prediction with vectors.
func (r *residual) addInverse(dst []uint16, stride, depth int, dst4 bool) {
	n := 1 << r.log2
	_ = dst[(n-1)*stride+n-1]
	shift, highest := 20-depth, 1<<depth-1
	pairs := inversePairs[r.log2]
	switch {
	case dst4:
		pairs = inversePairs[1]
		fallthrough
	case r.log2 == 2:
		inverse4Vector(&dst[0], stride, &r.coefficients[0], &pairs[0], shift, highest)
	case r.onlyDC:
		addConstantVector(&dst[0], stride, n, constant(r.coefficients[0], depth), highest)
	case r.log2 == 3:
		inverse8Vector(&dst[0], stride, &r.coefficients[0], &pairs[0], &r.samples[0], r.rows/2, r.columns/2, shift, highest)
	case r.log2 == 4:
		inverse16Vector(&dst[0], stride, &r.coefficients[0], &pairs[0], &r.samples[0], r.rows/2, r.columns/2, shift, highest)
	default:
		inverse32Vector(&dst[0], stride, &r.coefficients[0], &pairs[0], &r.samples[0], r.rows/2, r.columns/2, shift, highest)
	}
}

//go:noescape
func angular4Vector(dst *uint16, stride int, reference *uint16, angle int)

//go:noescape
func angular8Vector(dst *uint16, stride int, reference *uint16, angle int)

//go:noescape
func angular16Vector(dst *uint16, stride int, reference *uint16, angle int)

//go:noescape
func angular32Vector(dst *uint16, stride int, reference *uint16, angle int)

//go:noescape
func transpose4Vector(dst *uint16, stride int, src *uint16)

//go:noescape
func transposeVector(dst *uint16, stride int, src *uint16, n int)

//go:noescape
func planar8Vector(dst *uint16, stride int, left, above *uint16)

//go:noescape
func planar16Vector(dst *uint16, stride int, left, above *uint16)

//go:noescape
func planar32Vector(dst *uint16, stride int, left, above *uint16)

// angularVector does what predictAngular does with in.reference, but for the edges.
func (in *intra) angularVector(dst []uint16, stride, log2, angle int, transposed bool) {
	n := 1 << log2
	_ = dst[(n-1)*stride+n-1]
	to, step := &dst[0], stride
	if transposed {
		to, step = &in.block[0], n
	}
	reference := &in.reference[33]
	switch log2 {
	case 2:
		angular4Vector(to, step, reference, angle)
	case 3:
		angular8Vector(to, step, reference, angle)
	case 4:
		angular16Vector(to, step, reference, angle)
	default:
		angular32Vector(to, step, reference, angle)
	}
	switch {
	case !transposed:
	case log2 == 2:
		transpose4Vector(&dst[0], stride, &in.block[0])
	default:
		transposeVector(&dst[0], stride, &in.block[0], n)
	}
}

// planarVector does what predictPlanar does, for blocks of at least 8×8.
func planarVector(dst []uint16, stride, log2 int, left, above *[80]uint16) {
	n := 1 << log2
	_ = dst[(n-1)*stride+n-1]
	switch log2 {
	case 3:
		planar8Vector(&dst[0], stride, &left[1], &above[1])
	case 4:
		planar16Vector(&dst[0], stride, &left[1], &above[1])
	default:
		planar32Vector(&dst[0], stride, &left[1], &above[1])
	}
}
