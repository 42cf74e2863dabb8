package dct

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/cpu"
)

// TestDequantise multiplies coefficients of every value, in numbers that are no multiples of 64.
func TestDequantise(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 1))
	for n := range 300 {
		var steps [64]int16
		for i := range steps {
			steps[i] = int16(1 + r.IntN(1<<15-1))
		}
		coef := make([]int16, n+2)
		for i := range coef {
			coef[i] = int16(r.Uint32())
		}
		want, plain := slices.Clone(coef), slices.Clone(coef)
		for i := range want[:n] {
			want[i] = int16(int32(want[i]) * int32(steps[i%64]))
		}
		Dequantise(coef[:n], &steps)
		restore := cpu.Plain()
		Dequantise(plain[:n], &steps)
		restore()
		if !slices.Equal(coef, want) || !slices.Equal(plain, want) {
			t.Fatalf("%d coefficients: got %v, in plain Go %v, want %v", n, coef, plain, want)
		}
	}
}
