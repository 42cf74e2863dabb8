package resample

import (
	"fmt"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/cpu"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// jobs are the reductions that thumbnails of photographs need, after a scaled decode where the
// format has one.
var jobs = []struct{ w, h, toW, toH int }{
	{504, 378, 200, 150}, {1008, 756, 800, 600}, {2016, 1512, 1600, 1200}, {4032, 3024, 800, 600},
}

// both runs a benchmark with plain Go and, if the processor has them, with vector kernels.
func both(b *testing.B, name string, run func(b *testing.B)) {
	b.Run(name+"/go", func(b *testing.B) {
		defer cpu.Plain()()
		run(b)
	})
	if cpu.Vector() {
		b.Run(name+"/"+cpu.Name(), run)
	}
}

// BenchmarkPlane resizes a whole plane whose weights are already cached by another plane of the
// same job. MB/s counts source samples.
func BenchmarkPlane(b *testing.B) {
	for _, j := range jobs {
		both(b, fmt.Sprintf("%dx%d-%dx%d", j.w, j.h, j.toW, j.toH), func(b *testing.B) {
			x, y := whole(j.w, j.toW), whole(j.h, j.toH)
			other, err := NewPlane(x, y, Lanczos3, nil)
			if err != nil {
				b.Fatal(err)
			}
			src := noise(1, j.w*j.h)
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				p, err := NewPlane(x, y, Lanczos3, func(int, []byte) error { return nil })
				if err != nil {
					b.Fatal(err)
				}
				if err := p.Rows(0, plane.Rows{Pix: src, Stride: j.w, N: j.h}); err != nil {
					b.Fatal(err)
				}
			}
			if other.received != 0 {
				b.Fatal("the plane that keeps the weights alive was used")
			}
		})
	}
}

// BenchmarkAlpha resizes three colour planes and alpha. MB/s counts the samples of all four.
func BenchmarkAlpha(b *testing.B) {
	const w, h = 1008, 756
	both(b, "1008x756-800x600", func(b *testing.B) {
		src := [][]byte{noise(1, w*h), noise(2, w*h), noise(3, w*h), ramp(4, w, h)}
		b.SetBytes(4 * w * h)
		for b.Loop() {
			discard := func(int, int, []byte) error { return nil }
			a, err := NewAlpha(whole(w, 800), whole(h, 600), Lanczos3, 3, discard)
			if err != nil {
				b.Fatal(err)
			}
			for y := 0; y < h; y += 18 {
				for c, pix := range src {
					if err := a.Rows(c, y, plane.Rows{Pix: pix[y*w:], Stride: w, N: 18}); err != nil {
						b.Fatal(err)
					}
				}
			}
		}
	})
}

// BenchmarkHorizontal filters one row. MB/s counts source samples.
func BenchmarkHorizontal(b *testing.B) {
	for _, j := range jobs {
		t := tableOf(whole(j.w, j.toW), Lanczos3)
		dst := make([]int16, j.toW+16)
		both(b, fmt.Sprintf("8bit-%d-%d", j.w, j.toW), func(b *testing.B) {
			k, src := newKernels(t, 1), noise(1, 2*j.w)
			b.SetBytes(int64(j.w))
			for b.Loop() {
				k.horizontal8(dst, src, j.w)
			}
		})
		both(b, fmt.Sprintf("16bit-%d-%d", j.w, j.toW), func(b *testing.B) {
			k, src := newKernels(t, 2), make([]int16, 2*j.w)
			b.SetBytes(int64(j.w) * 2)
			for b.Loop() {
				k.horizontal16(dst, src)
			}
		})
	}
}

// BenchmarkVertical computes one output row. MB/s counts output bytes.
func BenchmarkVertical(b *testing.B) {
	for _, j := range jobs {
		r := newRing(tableOf(whole(j.h, j.toH), Lanczos3), j.toW)
		h, wide, levels := r.rows(), make([]int32, blocks(j.toW)), make([]byte, blocks(j.toW))
		r.next = j.toH / 2
		r.advance()
		name := fmt.Sprintf("%d-of-%d", j.toW, r.slots)
		both(b, "8bit-"+name, func(b *testing.B) {
			k := newKernels(r.t, 1)
			b.SetBytes(int64(j.toW))
			for b.Loop() {
				k.vertical8(levels, h, r.stride, r.coef)
			}
		})
		both(b, "16bit-"+name, func(b *testing.B) {
			k := newKernels(r.t, 2)
			b.SetBytes(int64(j.toW) * 4)
			for b.Loop() {
				k.vertical16(wide, h, r.stride, r.coef)
			}
		})
	}
}

// BenchmarkTable computes the weights of an axis that nothing else uses. MB/s counts output
// samples.
func BenchmarkTable(b *testing.B) {
	b.SetBytes(1600)
	for b.Loop() {
		newTable(whole(2016, 1600), Lanczos3)
	}
}
