package resample

import (
	"fmt"
	"testing"

	"github.com/imgmill/imgmill/internal/plane"
)

// jobs are what thumbnails of photographs come to, after a scaled decode where the format has one.
var jobs = []struct{ w, h, toW, toH int }{
	{504, 378, 200, 150}, {1008, 756, 800, 600}, {2016, 1512, 1600, 1200}, {4032, 3024, 800, 600},
}

// BenchmarkPlane is a whole plane: MB/s are of source samples.
func BenchmarkPlane(b *testing.B) {
	for _, j := range jobs {
		b.Run(fmt.Sprintf("%dx%d-%dx%d", j.w, j.h, j.toW, j.toH), func(b *testing.B) {
			src := noise(1, j.w*j.h)
			x, y := whole(j.w, j.toW), whole(j.h, j.toH)
			b.SetBytes(int64(len(src)))
			keep, err := NewPlane(x, y, Lanczos3, nil)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				p, err := NewPlane(x, y, Lanczos3, func(int, []byte) error { return nil })
				if err != nil {
					b.Fatal(err)
				}
				if err := p.Rows(0, plane.Rows{Pix: src, Stride: j.w, N: j.h}); err != nil {
					b.Fatal(err)
				}
			}
			_ = keep.came
		})
	}
}

// BenchmarkTable is the cost of the weights of an axis that nobody holds.
func BenchmarkTable(b *testing.B) {
	for b.Loop() {
		newTable(whole(2016, 1600), Lanczos3)
	}
}
