//go:build !purego

package hevc

import (
	"unsafe"

	"github.com/imgmill/imgmill/internal/engine/cpu"
)

func useVector() bool { return cpu.Vector() }

// intraKernels reports whether there are kernels of intra prediction.
const intraKernels = false

//go:noescape
func inverseColumnsVector(dst, coefficients, basis *int16, n, rows, columns, width int)

//go:noescape
func inverseRowsVector(dst *uint16, stride int, src, basis *int16, n, columns, width, shift, highest int)

//go:noescape
func addConstantVector(dst *uint16, stride, n, value, highest int)

// basisWidth returns how many numbers a basis function of n points takes: eight at least, of which those
// behind the fourth are 0 for four.
func basisWidth(n int) int { return max(n, 8) }

// basisRows returns the basis functions of n points, one after another.
func basisRows(n int, basis func(k, x int) int32) []int16 {
	rows := make([]int16, n*basisWidth(n))
	for k := range n {
		for x := range n {
			rows[k*basisWidth(n)+x] = int16(basis(k, x))
		}
	}
	return rows
}

// inverseBasis are the basis functions of 2^log2 points, and at 1 those of the sine transform.
var inverseBasis = [6][]int16{
	1: basisRows(4, func(k, x int) int32 { return matrixDST[k][x] }),
	2: basisRows(4, func(k, x int) int32 { return matrix[8*k][x] }),
	3: basisRows(8, func(k, x int) int32 { return matrix[4*k][x] }),
	4: basisRows(16, func(k, x int) int32 { return matrix[2*k][x] }),
	5: basisRows(32, func(k, x int) int32 { return matrix[k][x] }),
}

// addInverse adds the inverse transform of the block in work to its prediction with vectors.
func (r *residual) addInverse(dst []uint16, stride, depth int, dst4 bool) {
	n := 1 << r.log2
	_ = dst[(n-1)*stride+n-1]
	shift, highest := 20-depth, 1<<depth-1
	if r.onlyDC && n > 4 {
		addConstantVector(&dst[0], stride, n, constant(r.coefficients[0], depth), highest)
		return
	}
	basis, width := inverseBasis[r.log2], basisWidth(n)
	if dst4 {
		basis = inverseBasis[1]
	}
	between := (*int16)(unsafe.Pointer(&r.samples[0])) // width×columns of the 2·1024 numbers that fit there
	inverseColumnsVector(between, &r.coefficients[0], &basis[0], n, r.rows, r.columns, width)
	inverseRowsVector(&dst[0], stride, between, &basis[0], n, r.columns, width, shift, highest)
}

func (in *intra) angularVector([]uint16, int, int, int, bool) {}

func planarVector([]uint16, int, int, *[80]uint16, *[80]uint16) {}
