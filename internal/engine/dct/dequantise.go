package dct

// Dequantise multiplies coefficients by their steps, which repeat after 64. Products wrap around.
func Dequantise(coef []int16, steps *[64]int16) {
	done := dequantise(coef, steps)
	for i, v := range coef[done:] {
		coef[done+i] = v * steps[i&63]
	}
}
