package plane

import (
	"math/rand/v2"
	"testing"
)

// TestMeanRowEqualsBlockMean compares the two ways to average blocks of chroma, for odd sizes too.
func TestMeanRowEqualsBlockMean(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, size := range [][2]int{{1, 1}, {2, 2}, {3, 3}, {16, 9}, {17, 10}, {64, 33}} {
		w, h := size[0], size[1]
		p, same := New(NewLayout(YCbCr, false, w, h, 1, 1)), New(NewLayout(YCbCr, false, w, h, 1, 1))
		for i := range p.Pix {
			for k := range p.Pix[i] {
				p.Pix[i][k] = uint8(random.Uint32())
			}
			copy(same.Pix[i], p.Pix[i])
		}
		q, err := Subsample(t.Context(), same, NewLayout(YCbCr, false, w, h, 2, 2))
		if err != nil {
			t.Fatal(err)
		}
		for i := 1; i < 3; i++ {
			for y := range q.Planes[i].Height {
				for x, got := range q.Row(i, y) {
					if want := blockMean(p, i, 2*x, 2*y, 2, 2, nil); got != want {
						t.Fatalf("%d×%d, plane %d, %d,%d: %d, want %d", w, h, i, x, y, got, want)
					}
				}
			}
		}
	}
}
