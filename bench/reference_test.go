package main

import (
	"image"
	"math"
	"testing"
)

// plane returns a grid whose samples are a function of their centres.
func plane(w, h int, f func(x, y float64) float64) grid {
	g := grid{w: w, h: h, spanX: float64(w), spanY: float64(h)}
	for y := range h {
		for x := range w {
			g.at = append(g.at, f(float64(x)+0.5, float64(y)+0.5))
		}
	}
	return g
}

func TestReductionKeepsLevelAndPosition(t *testing.T) {
	flat := plane(50, 37, func(_, _ float64) float64 { return 93 }).resized(7, 5, lanczos3)
	for i, v := range flat.at {
		if math.Abs(v-93) > 1e-9 {
			t.Fatalf("sample %d of a flat plane is %v, want 93", i, v)
		}
	}
	// A ramp must be reduced to a ramp: the kernel is even, and centres are mapped exactly.
	const step = 4.0
	ramp := plane(160, 8, func(x, _ float64) float64 { return x }).resized(40, 2, lanczos3)
	for x := 4; x < 36; x++ {
		if got, want := ramp.at[x], (float64(x)+0.5)*step; math.Abs(got-want) > 1e-6 {
			t.Errorf("column %d is %v, want %v", x, got, want)
		}
	}
}

func TestReductionRemovesHighFrequencies(t *testing.T) {
	wave := func(period float64) func(x, y float64) float64 {
		return func(x, _ float64) float64 { return 100 * math.Cos(2*math.Pi*x/period) }
	}
	amplitude := func(g grid) (most float64) {
		for _, v := range g.at[8 : g.w-8] {
			most = max(most, math.Abs(v))
		}
		return most
	}
	// After a reduction by 4, the shortest representable period is 8. In a wave of 10 samples,
	// those nearest to the crest are 18° away from it.
	want := 100 * math.Cos(math.Pi/10)
	if got := amplitude(plane(400, 1, wave(40)).resized(100, 1, lanczos3)); math.Abs(got-want) > 1 {
		t.Errorf("a wave well below the limit kept %.1f, want %.1f", got, want)
	}
	if got := amplitude(plane(400, 1, wave(5)).resized(100, 1, lanczos3)); got > 2 {
		t.Errorf("a wave beyond the limit kept %.1f of 100", got)
	}
}

func TestWindowAtTheEdges(t *testing.T) {
	for i := range 9 {
		first, weights := lanczos3.window(20, 19.5, 9, i)
		sum := 0.0
		for _, c := range weights {
			sum += c
		}
		if math.Abs(sum-1) > 1e-12 || first < 0 || first+len(weights) > 20 {
			t.Errorf("window %d: %d weights from %d on, sum %v", i, len(weights), first, sum)
		}
	}
	// Without a change of size, samples do not change.
	g := plane(9, 7, func(x, y float64) float64 { return x * y * 3 })
	for i, v := range g.resized(9, 7, lanczos3).at {
		if math.Abs(v-g.at[i]) > 1e-9 {
			t.Fatalf("sample %d is %v, want %v", i, v, g.at[i])
		}
	}
}

// TestChromaIsCentred checks that chroma of an odd width ends within a sample, and that
// interpolation positions centred samples as T.871 requires.
func TestChromaIsCentred(t *testing.T) {
	m := image.NewYCbCr(image.Rect(0, 0, 5, 4), image.YCbCrSubsampleRatio420)
	for i := range m.Cb {
		m.Cb[i] = uint8(100 + 40*(i%m.CStride))
	}
	p, err := planesOf(m)
	if err != nil {
		t.Fatal(err)
	}
	if p.cb.w != 3 || p.cb.spanX != 2.5 || p.cb.h != 2 || p.cb.spanY != 2 {
		t.Errorf("chroma is %d×%d spanning %v×%v, want 3×2 spanning 2.5×2",
			p.cb.w, p.cb.h, p.cb.spanX, p.cb.spanY)
	}
	row := p.resized(5, 4, triangle).cb.at[:5]
	for x, want := range []float64{100, 110, 130, 150, 170} {
		if math.Abs(row[x]-want) > 1e-9 {
			t.Errorf("chroma is %v, want 100 110 130 150 170", row)
			break
		}
	}
	if _, err := planesOf(image.NewRGBA(image.Rect(0, 0, 1, 1))); err == nil {
		t.Error("a picture without luma: no error")
	}
}

func TestDoubledIsResized(t *testing.T) {
	for _, size := range []box{{16, 12}, {17, 11}, {1, 1}, {2, 3}} {
		w, h := size[0], size[1]
		g := plane((w+1)/2, (h+1)/2, func(x, y float64) float64 { return 100 + 90*math.Sin(3*x)*math.Cos(2*y) })
		g.spanX, g.spanY = float64(w)/2, float64(h)/2
		want, got := g.resized(w, h, triangle), g.doubled(w, h)
		for i, v := range want.at {
			if math.Abs(got.at[i]-v) > 1e-9 {
				t.Fatalf("%v: sample %d is %v, want %v", size, i, got.at[i], v)
			}
		}
	}
}
