package plane

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/cpu"
)

// TestHalvedChroma compares halved chroma with its definition, for odd sizes too.
func TestHalvedChroma(t *testing.T) {
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
		means := New(p.Layout)
		for i := range p.Pix {
			copy(means.Pix[i], p.Pix[i])
		}
		half := NewLayout(YCbCr, false, w, h, 2, 2)
		q, err := Subsample(t.Context(), same, half, true)
		if err != nil {
			t.Fatal(err)
		}
		if means, err = Subsample(t.Context(), means, half, false); err != nil {
			t.Fatal(err)
		}
		mean := func(i, x, y int) int {
			s := q.Planes[i]
			return int(blockMean(p, i, 2*min(max(x, 0), s.Width-1), 2*min(max(y, 0), s.Height-1), 2, 2, nil))
		}
		for i := 1; i < 3; i++ {
			for y := range q.Planes[i].Height {
				for x, got := range q.Row(i, y) {
					if got := int(means.Row(i, y)[x]); got != mean(i, x, y) {
						t.Fatalf("%d×%d, plane %d, %d,%d: mean %d, want %d", w, h, i, x, y, got, mean(i, x, y))
					}
					beside := mean(i, x-1, y) + mean(i, x+1, y) + mean(i, x, y-1) + mean(i, x, y+1)
					if want := uint8(min(max((20*mean(i, x, y)-beside+8)>>4, 0), 255)); got != want {
						t.Fatalf("%d×%d, plane %d, %d,%d: %d, want %d", w, h, i, x, y, got, want)
					}
				}
			}
		}
	}
}

// interpolated returns the chroma that readers give the pixels of a picture of which it is halved in both
// directions: of the four nearest samples, 9, 3, 3 and 1 16ths.
func interpolated(p *Picture, i, x, y int) float64 {
	s := p.Planes[i]
	sum := 0.0
	for k, weight := range []float64{9, 3, 3, 1} {
		column := min(max(x/2+k%2*(2*(x%2)-1), 0), s.Width-1)
		row := min(max(y/2+k/2*(2*(y%2)-1), 0), s.Height-1)
		sum += weight / 16 * float64(p.Row(i, row)[column])
	}
	return sum
}

// luminanceOf is the luminance of a colour of sRGB.
func luminanceOf(y, cb, cr float64) float64 {
	light := func(v float64) float64 {
		if v = min(max(v/255, 0), 1); v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*light(y+1.402*(cr-128)) + 0.7152*light(y-0.344136*(cb-128)-0.714136*(cr-128)) + 0.0722*light(y+1.772*(cb-128))
}

// TestLuminance requires pixels to keep their luminance where interpolated chroma is not theirs, much better than
// without a correction, and gray to stay what it is.
func TestLuminance(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {2, 3}, {37, 22}, {64, 31}} {
		w, h := size[0], size[1]
		full := New(NewLayout(YCbCr, false, w, h, 1, 1))
		for y := range h {
			for x := range w { // stripes of red on teal, and slow changes
				l, u, v := 90+x%40+y%20, 120, 110
				if (x/3+y/5)%2 == 0 {
					l, u, v = 80+x%40, 110+y%8, 180
				}
				full.Row(0, y)[x], full.Row(1, y)[x], full.Row(2, y)[x] = uint8(l), uint8(u), uint8(v)
			}
		}
		p := New(full.Layout)
		for i := range p.Pix {
			copy(p.Pix[i], full.Pix[i])
		}
		q, err := Subsample(t.Context(), p, NewLayout(YCbCr, false, w, h, 2, 2), true)
		if err != nil {
			t.Fatal(err)
		}
		var before, after float64
		for y := range h {
			for x := range w {
				l, u, v := float64(full.Row(0, y)[x]), interpolated(q, 1, x, y), interpolated(q, 2, x, y)
				want := luminanceOf(l, float64(full.Row(1, y)[x]), float64(full.Row(2, y)[x]))
				before += math.Abs(luminanceOf(l, u, v) - want)
				after += math.Abs(luminanceOf(float64(q.Row(0, y)[x]), u, v) - want)
			}
		}
		if w > 2 && after > before/4 {
			t.Errorf("%d×%d: luminance is off by %.5f in the mean, and by %.5f without correction", w, h, after/float64(w*h), before/float64(w*h))
		}
	}
	gray := New(NewLayout(YCbCr, false, 9, 7, 1, 1))
	for i := range gray.Pix[0] {
		gray.Pix[0][i], gray.Pix[1][i], gray.Pix[2][i] = uint8(i*31), 128, 128
	}
	luma := bytes.Clone(gray.Pix[0])
	if q, err := Subsample(t.Context(), gray, NewLayout(YCbCr, false, 9, 7, 2, 2), true); err != nil || !bytes.Equal(q.Pix[0], luma) {
		t.Errorf("the luma of a gray picture changes, error %v", err)
	}
}

// TestHalvePlain requires the same planes with and without vector instructions.
func TestHalvePlain(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 5))
	for w := 1; w < 140; w += 3 {
		h := 1 + w%7
		p, same := New(NewLayout(YCbCr, false, w, h, 1, 1)), New(NewLayout(YCbCr, false, w, h, 1, 1))
		for i := range p.Pix {
			for k := range p.Pix[i] {
				if p.Pix[i][k] = uint8(random.Uint32()); w%2 == 1 { // extremes
					p.Pix[i][k] = uint8(255 * (random.Uint32() & 1))
				}
			}
			copy(same.Pix[i], p.Pix[i])
		}
		half := NewLayout(YCbCr, false, w, h, 2, 2)
		got, err := Subsample(t.Context(), p, half, true)
		if err != nil {
			t.Fatal(err)
		}
		vectors := cpu.Plain()
		want, err := Subsample(t.Context(), same, half, true)
		vectors()
		if err != nil {
			t.Fatal(err)
		}
		for i := range got.Planes {
			for y := range got.Planes[i].Height {
				if !bytes.Equal(got.Row(i, y), want.Row(i, y)) {
					t.Fatalf("%d×%d: row %d of plane %d is %v, want %v", w, h, y, i, got.Row(i, y), want.Row(i, y))
				}
			}
		}
	}
}

func BenchmarkSubsample(b *testing.B) {
	p := New(NewLayout(YCbCr, false, 800, 600, 1, 1))
	for i := range p.Pix {
		for k := range p.Pix[i] {
			p.Pix[i][k] = uint8(k * (i + 1) >> 3)
		}
	}
	for b.Loop() {
		if _, err := Subsample(b.Context(), p, NewLayout(YCbCr, false, 800, 600, 2, 2), true); err != nil {
			b.Fatal(err)
		}
	}
}
