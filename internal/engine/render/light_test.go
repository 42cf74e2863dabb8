package render

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/colour"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/resample"
)

// TestTransferIsTheSameEverywhere checks that no entry is so close to a rounding boundary that the
// last bit of a power could decide.
func TestTransferIsTheSameEverywhere(t *testing.T) {
	far := func(what string, v, boundary float64) {
		if math.Abs(v-boundary) < 1e-6 {
			t.Errorf("%s: %v is at a boundary", what, v)
		}
	}
	s := sRGB()
	for level := range 256 {
		v := lightOf(float64(level))
		if level > 0 && level < 255 {
			far(fmt.Sprintf("light of %d", level), v, math.Floor(v)+0.5)
			half := lightOf(float64(level) + 0.5)
			far(fmt.Sprintf("end of level %d", level), half, math.Round(half))
		}
		if got := s.level[int(s.light[level])+32768]; int(got) != level {
			t.Errorf("level %d comes back as %d", level, got)
		}
	}
	if s.light[0] != -32768 || s.light[255] != 32767 {
		t.Errorf("black is %d, white %d", s.light[0], s.light[255])
	}
}

// shown returns the level of a light in real numbers: the inverse as in IEC 61966-2-1.
func shown(light float64) float64 {
	v := min(max(light/65535, 0), 1)
	if v <= 0.0031308 {
		return math.Round(255 * 12.92 * v)
	}
	return math.Round(255 * (1.055*math.Pow(v, 1/2.4) - 0.055))
}

// weights returns the weights of Lanczos3 for output i of n, from the samples of a row of m.
func weights(i, n, m int) []float64 {
	sinc := func(x float64) float64 {
		if x == 0 {
			return 1
		}
		return math.Sin(math.Pi*x) / (math.Pi * x)
	}
	step := float64(m) / float64(n)
	scale := max(1, step)
	w := make([]float64, m)
	sum := 0.0
	for k := -3 * m; k < 4*m; k++ {
		if x := (float64(k) + 0.5 - (float64(i)+0.5)*step) / scale; math.Abs(x) < 3 {
			w[min(max(k, 0), m-1)] += sinc(x) * sinc(x/3)
			sum += sinc(x) * sinc(x/3)
		}
	}
	for k := range w {
		w[k] /= sum
	}
	return w
}

// reduced returns what Lanczos3 makes at (x, y) of n×m from a w×h picture, given as a function.
func reduced(w, h, n, m, x, y int, of func(x, y int) float64) (sum float64) {
	across, down := weights(x, n, w), weights(y, m, h)
	for k, v := range down {
		for i, u := range across {
			if u != 0 && v != 0 {
				sum += u * v * of(i, k)
			}
		}
	}
	return sum
}

// TestLinearLightAgainstRealNumbers checks the error bound of light.go.
func TestLinearLightAgainstRealNumbers(t *testing.T) {
	const w, h, n, m = 46, 31, 17, 13
	window := func(from, to int) float64 { return math.Ceil(6*max(1, float64(from)/float64(to))) + 1 }
	bound := 1.55*(window(w, n)*2+1) + window(h, m)*3.1 + 1.8
	for _, model := range []plane.Model{plane.Gray, plane.RGB, plane.CMYK} {
		p := scene(w, h, model, false, 1)
		for i := range p.Pix[0] { // black and white edges, too
			if i%w > w/2 && i%7 < 3 {
				p.Pix[0][i] = uint8(-(i & 1))
			}
		}
		rgb := func(c, x, y int) float64 {
			switch model {
			case plane.Gray:
				c = 0
			case plane.CMYK:
				return math.Round(float64(255-int(p.Row(c, y)[x])) * float64(255-int(p.Row(3, y)[x])) / 255)
			}
			return float64(p.Row(c, y)[x])
		}
		got := decodePNG(t, one(t, picture(p, 1), Variant{Width: n, Height: m, Fit: Fill, Format: pngFormat, LinearLight: true}))
		for y := range m {
			for x := range n {
				c := color.NRGBAModel.Convert(got.At(x, y)).(color.NRGBA)
				for i, v := range []uint8{c.R, c.G, c.B} {
					want := reduced(w, h, n, m, x, y, func(x, y int) float64 { return lightOf(rgb(i, x, y)) })
					if float64(v) < shown(want-bound) || float64(v) > shown(want+bound) {
						t.Fatalf("%v: sample %d of %d,%d is %d, want %v to %v", model, i, x, y, v, shown(want-bound), shown(want+bound))
					}
				}
			}
		}
	}
}

func TestLinearLightWithAlpha(t *testing.T) {
	const w, h, n, m = 40, 30, 16, 12
	p := scene(w, h, plane.RGB, true, 1)
	for i := range p.Pix[3] {
		switch x := i % w; {
		case x < w/3:
			p.Pix[3][i] = 255
		case x > 2*w/3:
			p.Pix[3][i], p.Pix[0][i] = 0, 255 // must not bleed
		}
	}
	got := decodePNG(t, one(t, picture(p, 1), Variant{Width: n, Format: pngFormat, LinearLight: true}))
	for y := range m {
		for x := range n {
			c := color.NRGBAModel.Convert(got.At(x, y)).(color.NRGBA)
			alpha := reduced(w, h, n, m, x, y, func(x, y int) float64 { return float64(p.Row(3, y)[x]) / 255 })
			if math.Abs(float64(c.A)-255*min(max(alpha, 0), 1)) > 1 {
				t.Fatalf("alpha %d at %d,%d, want %v", c.A, x, y, 255*alpha)
			}
			if alpha < 0.1 {
				continue
			}
			for i, v := range []uint8{c.R, c.G, c.B} {
				want := reduced(w, h, n, m, x, y, func(x, y int) float64 {
					return lightOf(float64(p.Row(i, y)[x])) * float64(p.Row(3, y)[x]) / 255
				})
				if math.Abs(float64(v)-shown(want/alpha)) > 2 {
					t.Fatalf("sample %d of %d,%d is %d with alpha %d, want %v", i, x, y, v, c.A, shown(want/alpha))
				}
			}
		}
	}
}

// TestLinearLightOfSubsampledChroma checks that chroma is brought to luma's grid by interpolation
// between centres.
func TestLinearLightOfSubsampledChroma(t *testing.T) {
	const w, h, n, m = 45, 33, 15, 11
	for _, sub := range []int{1, 2} {
		p := scene(w, h, plane.YCbCr, false, sub)
		at := func(i, x, y int) float64 { // bilinear, edges repeated
			s := p.Planes[i]
			u, v := (float64(x)+0.5)/float64(w)*s.SpanX-0.5, (float64(y)+0.5)/float64(h)*s.SpanY-0.5
			var sum float64
			for k := int(math.Floor(v)); k <= int(math.Floor(v))+1; k++ {
				for j := int(math.Floor(u)); j <= int(math.Floor(u))+1; j++ {
					share := max(0, 1-math.Abs(u-float64(j))) * max(0, 1-math.Abs(v-float64(k)))
					sum += share * float64(p.Row(i, min(max(k, 0), s.Height-1))[min(max(j, 0), s.Width-1)])
				}
			}
			return sum
		}
		rgb := func(c, x, y int) float64 {
			luma, cb, cr := float64(p.Row(0, y)[x]), at(1, x, y)-128, at(2, x, y)-128
			return min(max([]float64{luma + 1.402*cr, luma - 0.344136*cb - 0.714136*cr, luma + 1.772*cb}[c], 0), 255)
		}
		got := decodePNG(t, one(t, picture(p, 1), Variant{Width: n, Height: m, Fit: Fill, Format: pngFormat, LinearLight: true}))
		for y := range m {
			for x := range n {
				c := color.NRGBAModel.Convert(got.At(x, y)).(color.NRGBA)
				for i, v := range []uint8{c.R, c.G, c.B} {
					want := shown(reduced(w, h, n, m, x, y, func(x, y int) float64 { return lightOf(rgb(i, x, y)) }))
					if math.Abs(float64(v)-want) > 2 { // chroma and colours are rounded on the way
						t.Fatalf("%d: sample %d of %d,%d is %d, want %v", sub, i, x, y, v, want)
					}
				}
			}
		}
	}
}

func TestHalfTheLightIsNotHalfTheLevel(t *testing.T) {
	p := plane.New(plane.NewLayout(plane.Gray, false, 40, 40, 1, 1))
	for i := range p.Pix[0] {
		p.Pix[0][i] = uint8(-((i + i/40) & 1)) // a chessboard
	}
	for linear, want := range map[bool]uint8{false: 128, true: 188} {
		m := decodePNG(t, one(t, picture(p, 1), Variant{Width: 20, Filter: resample.Box, LinearLight: linear, Format: pngFormat}))
		for _, v := range m.(*image.Gray).Pix {
			if v != want {
				t.Fatalf("linear %t: level %d, want %d", linear, v, want)
			}
		}
	}
}

func TestLinearLightWithoutResampling(t *testing.T) {
	p := scene(30, 20, plane.RGB, false, 1)
	for _, v := range []Variant{{}, {Width: 20, Height: 20, Fit: Cover}} {
		v.Format = pngFormat
		plain := decodePNG(t, one(t, picture(p, 1), v))
		v.LinearLight = true
		if d := difference(t, plain, decodePNG(t, one(t, picture(p, 1), v))); d != 0 {
			t.Errorf("%+v: differs by %d", v, d)
		}
	}
}

// TestLinearLightOfTheSpace reduces columns of black and white, whose mean is half of the light in every
// space, and level 188 in sRGB.
func TestLinearLightOfTheSpace(t *testing.T) {
	linear, err := colour.NewGamma(colour.DisplayP3, 1)
	if err != nil {
		t.Fatal(err)
	}
	adobe, err := colour.NewGamma(colour.AdobeRGB, 563.0/256)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		m plane.Model
		s plane.Space
	}{
		"none":             {plane.RGB, plane.Space{}},
		"gray gamma":       {plane.Gray, plane.Space{Source: colour.NewGrayGamma(1)}},
		"linear":           {plane.RGB, plane.Space{Source: linear}},
		"a linear profile": {plane.RGB, plane.Space{ICC: colour.Profile(linear, "")}},
		"Adobe RGB":        {plane.RGB, plane.Space{Source: adobe}},
		"of other pixels":  {plane.Gray, plane.Space{ICC: colour.Profile(linear, "")}},
		"YCbCr":            {plane.YCbCr, plane.Space{ICC: colour.Profile(linear, "")}},
	} {
		p := plane.New(plane.NewLayout(c.m, false, 32, 32, 1, 1))
		p.Space = c.s
		for i := range p.Pix {
			for k := range p.Pix[i] {
				if p.Pix[i][k] = uint8(-(k & 1)); p.Planes[i].Kind == plane.Chroma {
					p.Pix[i][k] = 128
				}
			}
		}
		v := Variant{Width: 4, Height: 4, Fit: Fill, Format: pngFormat, LinearLight: true, Filter: resample.Box}
		got := rgba(decodePNG(t, one(t, picture(p, 1), v)).At(2, 2))
		for _, level := range got[:3] {
			if level < 187 || level > 189 {
				t.Errorf("%s: %v, want 188", name, got)
			}
		}
	}
}
