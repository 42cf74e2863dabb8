//go:build !purego

package dct

import "github.com/imgmill/imgmill/internal/engine/cpu"

//go:noescape
func dequantiseVector(coef, steps *int16, blocks int)

// dequantise multiplies as many times 64 coefficients as there are, and returns their number.
func dequantise(coef []int16, steps *[64]int16) int {
	blocks := len(coef) / 64
	if blocks == 0 || !cpu.Vector() {
		return 0
	}
	dequantiseVector(&coef[0], &steps[0], blocks)
	return 64 * blocks
}
