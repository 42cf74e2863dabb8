package resample

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/plane"
)

var filters = []Filter{Lanczos3, Box, Linear, CatmullRom, Mitchell}

// whole returns the axis that maps all src samples to dst.
func whole(src, dst int) Axis { return Axis{Src: src, Dst: dst, Step: float64(src) / float64(dst)} }

// textbook evaluates a filter in floating point, as its source writes it.
func textbook(f Filter, x float64) float64 {
	sinc := func(x float64) float64 {
		if x == 0 {
			return 1
		}
		return math.Sin(math.Pi*x) / (math.Pi * x)
	}
	cubic := func(b, c float64) float64 {
		x := math.Abs(x)
		switch {
		case x < 1:
			return ((12-9*b-6*c)*x*x*x + (-18+12*b+6*c)*x*x + (6 - 2*b)) / 6
		case x < 2:
			return ((-b-6*c)*x*x*x + (6*b+30*c)*x*x + (-12*b-48*c)*x + (8*b + 24*c)) / 6
		}
		return 0
	}
	switch f {
	case Box:
		if x > -0.5 && x <= 0.5 {
			return 1
		}
		return 0
	case Linear:
		return max(0, 1-math.Abs(x))
	case CatmullRom:
		return cubic(0, 0.5)
	case Mitchell:
		return cubic(1.0/3, 1.0/3)
	}
	if math.Abs(x) >= 3 {
		return 0
	}
	return sinc(x) * sinc(x/3)
}

// reals returns the weights of an axis in real arithmetic: for each output sample, one weight for
// each source sample.
func reals(a Axis, f Filter) [][]float64 {
	scale := max(1, a.Step)
	all := make([][]float64, a.Dst)
	for i := range all {
		w := make([]float64, a.Src)
		centre := a.Start + float64((float64(i)+0.5)*a.Step)
		var sum float64
		for k := int(centre-4*scale) - 2; k <= int(centre+4*scale)+2; k++ {
			v := textbook(f, (float64(k)+0.5-centre)/scale)
			w[min(max(k, 0), a.Src-1)] += v
			sum += v
		}
		for k := range w {
			w[k] /= sum
		}
		all[i] = w
	}
	return all
}

// exact resamples in real arithmetic, without rounding or clamping.
func exact(src []float64, x, y Axis, f Filter) []float64 {
	wx, wy := reals(x, f), reals(y, f)
	h := make([]float64, y.Src*x.Dst)
	for j := range y.Src {
		for i, w := range wx {
			for k, v := range w {
				if v != 0 {
					h[j*x.Dst+i] += v * src[j*x.Src+k]
				}
			}
		}
	}
	out := make([]float64, y.Dst*x.Dst)
	for j, w := range wy {
		for k, v := range w {
			if v == 0 {
				continue
			}
			for i := range x.Dst {
				out[j*x.Dst+i] += v * h[k*x.Dst+i]
			}
		}
	}
	return out
}

// span is the length of the longest run of nonzero weights.
func span(a Axis, f Filter) int {
	n := 0
	for _, w := range reals(a, f) {
		lo, hi := len(w), 0
		for k, v := range w {
			if math.Abs(v) > 1e-12 {
				lo, hi = min(lo, k), k+1
			}
		}
		n = max(n, hi-lo)
	}
	return n
}

// bound is the error bound of kernel.go for a plane, in levels, including the final rounding.
func bound(x, y Axis, f Filter) float64 {
	return 1.55*(float64(span(x, f))*128/one+1.0/256) + float64(span(y, f))*198.4/one + 0.5
}

// noise returns random samples, half of them black or white.
func noise(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(r.Uint32())
		switch r.IntN(4) {
		case 0:
			p[i] = 0
		case 1:
			p[i] = 255
		}
	}
	return p
}

func floats(p []byte) []float64 {
	f := make([]float64, len(p))
	for i, v := range p {
		f[i] = float64(v)
	}
	return f
}

// resize runs a Plane over src, band rows at a time, and checks that each row is output once, in
// order.
func resize(t testing.TB, src []byte, x, y Axis, f Filter, band int) []byte {
	t.Helper()
	var got []byte
	next := 0
	p, err := NewPlane(x, y, f, func(y int, row []byte) error {
		if y != next || len(row) != x.Dst {
			t.Fatalf("got row %d of %d samples, want row %d of %d", y, len(row), next, x.Dst)
		}
		next++
		got = append(got, row...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; at < y.Src; at += band {
		n := min(band, y.Src-at)
		if err := p.Rows(at, plane.Rows{Pix: src[at*x.Src : (at+n)*x.Src], Stride: x.Src, N: n}); err != nil {
			t.Fatal(err)
		}
	}
	if next != y.Dst {
		t.Fatalf("%d rows received out after the last source row, want %d", next, y.Dst)
	}
	return got
}

// worst is the largest difference between got and want, which is first clamped to the range of a
// sample.
func worst(got []byte, want []float64) float64 {
	var d float64
	for i, v := range want {
		d = max(d, math.Abs(float64(got[i])-min(max(v, 0), 255)))
	}
	return d
}
