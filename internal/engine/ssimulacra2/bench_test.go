package ssimulacra2

import (
	"testing"

	"github.com/imgmill/imgmill/internal/engine/sample"
)

// BenchmarkCompare scores a picture of 800×600 pixels.
func BenchmarkCompare(b *testing.B) {
	m := sample.Landscape(800, 600)
	other := distortions["blocks"](m, 0.3)
	var rows [2][][3][]byte
	for y := range 600 {
		rows[0], rows[1] = append(rows[0], rowOf(m, y)), append(rows[1], rowOf(other, y))
	}
	b.SetBytes(800 * 600)
	for b.Loop() {
		c := New(800, 600)
		for y := range 600 {
			c.Row(rows[0][y], rows[1][y])
		}
		if c.Score() > 100 {
			b.Fatal("over 100")
		}
	}
}
