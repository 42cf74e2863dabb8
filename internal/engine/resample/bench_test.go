package resample

import (
	"fmt"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/cpu"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// jobs are what thumbnails of photographs come to, after a scaled decode where the format has one.
var jobs = []struct{ w, h, toW, toH int }{
	{504, 378, 200, 150}, {1008, 756, 800, 600}, {2016, 1512, 1600, 1200}, {4032, 3024, 800, 600},
}

// both runs a benchmark with plain Go and, where there are any, with vector kernels.
func both(b *testing.B, name string, run func(b *testing.B)) {
	b.Run(name+"/go", func(b *testing.B) {
		defer cpu.Plain()()
		run(b)
	})
	if cpu.Vector() {
		b.Run(name+"/"+cpu.Name(), run)
	}
}

// BenchmarkPlane is a whole plane, whose weights another plane of the same job has made: MB/s are of source samples.
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
			if other.came != 0 {
				b.Fatal("the plane that holds the weights was used")
			}
		})
	}
}

// BenchmarkAlpha is three colours and alpha: MB/s are of the samples of all four.
func BenchmarkAlpha(b *testing.B) {
	const w, h = 1008, 756
	both(b, "1008x756-800x600", func(b *testing.B) {
		src := [][]byte{noise(1, w*h), noise(2, w*h), noise(3, w*h), ramp(4, w, h)}
		b.SetBytes(4 * w * h)
		for b.Loop() {
			a, err := NewAlpha(whole(w, 800), whole(h, 600), Lanczos3, 3, func(int, int, []byte) error { return nil })
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

// BenchmarkHorizontal is one row: MB/s are of source samples.
func BenchmarkHorizontal(b *testing.B) {
	for _, j := range jobs {
		t := tableOf(whole(j.w, j.toW), Lanczos3)
		dst := make([]int16, j.toW+16)
		both(b, fmt.Sprintf("bytes-%d-%d", j.w, j.toW), func(b *testing.B) {
			k, src := newKernels(t, 1), noise(1, 2*j.w)
			b.SetBytes(int64(j.w))
			for b.Loop() {
				k.bytes(dst, src, j.w)
			}
		})
		both(b, fmt.Sprintf("words-%d-%d", j.w, j.toW), func(b *testing.B) {
			k, src := newKernels(t, 2), make([]int16, 2*j.w)
			b.SetBytes(int64(j.w) * 2)
			for b.Loop() {
				k.words(dst, src)
			}
		})
	}
}

// BenchmarkVertical is one output row: MB/s are of result samples.
func BenchmarkVertical(b *testing.B) {
	for _, j := range jobs {
		r := newRing(tableOf(whole(j.h, j.toH), Lanczos3), j.toW)
		h, wide, levels := r.rows(), make([]int32, blocks(j.toW)), make([]byte, blocks(j.toW))
		r.next = j.toH / 2
		r.turn()
		name := fmt.Sprintf("%d-of-%d", j.toW, r.slots)
		both(b, "bytes-"+name, func(b *testing.B) {
			k := newKernels(r.t, 1)
			b.SetBytes(int64(j.toW))
			for b.Loop() {
				k.levels(levels, h, r.stride, r.coef)
			}
		})
		both(b, "wide-"+name, func(b *testing.B) {
			k := newKernels(r.t, 2)
			b.SetBytes(int64(j.toW) * 4)
			for b.Loop() {
				k.wide(wide, h, r.stride, r.coef)
			}
		})
	}
}

// BenchmarkTable is the weights of an axis that nobody else holds: MB/s are of result samples.
func BenchmarkTable(b *testing.B) {
	b.SetBytes(1600)
	for b.Loop() {
		newTable(whole(2016, 1600), Lanczos3)
	}
}
