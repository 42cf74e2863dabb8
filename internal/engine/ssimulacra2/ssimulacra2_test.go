package ssimulacra2

import (
	"image"
	"math"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/cpu"
	"github.com/imgmill/imgmill/internal/engine/sample"
)

// compare returns the score of a picture beside the original.
func compare(original, other *image.RGBA) float64 {
	size := original.Bounds().Size()
	c := New(size.X, size.Y)
	for y := range size.Y {
		c.Row(rowOf(original, y), rowOf(other, y))
	}
	return c.Score()
}

func rowOf(m *image.RGBA, y int) (rgb [3][]byte) {
	for x := range m.Rect.Dx() {
		for c := range rgb {
			rgb[c] = append(rgb[c], m.Pix[m.PixOffset(x, y)+c])
		}
	}
	return rgb
}

// changed returns a picture of which each sample is what change makes of it.
func changed(m *image.RGBA, change func(x, y, c int, v float64) float64) *image.RGBA {
	out := image.NewRGBA(m.Rect)
	for y := range m.Rect.Dy() {
		for x := range m.Rect.Dx() {
			i := m.PixOffset(x, y)
			for c := range 3 {
				out.Pix[i+c] = uint8(min(max(math.Round(change(x, y, c, float64(m.Pix[i+c]))), 0), 255))
			}
			out.Pix[i+3] = 255
		}
	}
	return out
}

// at returns a sample, or the nearest at the edge.
func at(m *image.RGBA, x, y, c int) float64 {
	x, y = min(max(x, 0), m.Rect.Dx()-1), min(max(y, 0), m.Rect.Dy()-1)
	return float64(m.Pix[m.PixOffset(x, y)+c])
}

// noise returns a number from -1 to 1 that belongs to a sample.
func noise(x, y, c int) float64 {
	h := uint32(x)*0x9e3779b1 ^ uint32(y)*0x85ebca6b ^ uint32(c)*0xc2b2ae35
	h ^= h >> 15
	h *= 0x2c1b3c6d
	h ^= h >> 12
	return float64(h)/(1<<31) - 1
}

// distortions are what is done to a picture, each at a strength.
var distortions = map[string]func(m *image.RGBA, strength float64) *image.RGBA{
	"noise": func(m *image.RGBA, s float64) *image.RGBA {
		return changed(m, func(x, y, c int, v float64) float64 { return v + s*noise(x, y, c) })
	},
	"blur": func(m *image.RGBA, s float64) *image.RGBA {
		return changed(m, func(x, y, c int, v float64) float64 {
			sum := at(m, x-1, y, c) + at(m, x+1, y, c) + at(m, x, y-1, c) + at(m, x, y+1, c)
			return v + s*(sum/4-v)
		})
	},
	"levels": func(m *image.RGBA, s float64) *image.RGBA {
		return changed(m, func(x, y, c int, v float64) float64 { return math.Round(v/s) * s })
	},
	"blocks": func(m *image.RGBA, s float64) *image.RGBA {
		return changed(m, func(x, y, c int, v float64) float64 {
			sum := 0.0
			for i := range 64 {
				sum += at(m, x&^7+i%8, y&^7+i/8, c)
			}
			return v + s*(sum/64-v)
		})
	},
	"hue": func(m *image.RGBA, s float64) *image.RGBA {
		return changed(m, func(x, y, c int, v float64) float64 { return v + s*float64(c-1) })
	},
}

// references are scores of libjxl 0.11.2's ssimulacra2 for drawn pictures. `make ssimulacra2` computes them.
var references = []struct {
	width, height int
	distortion    string
	strength      float64
	score         float64
}{
	{320, 240, "noise", 4, 86.411},
	{320, 240, "noise", 24, 16.346},
	{320, 240, "blur", 0.5, 80.961},
	{320, 240, "blur", 1, 61.831},
	{320, 240, "levels", 8, 84.134},
	{320, 240, "levels", 32, -8.041},
	{320, 240, "blocks", 0.2, 74.47},
	{320, 240, "blocks", 1, -20.509},
	{320, 240, "hue", 8, 85.589},
	{320, 240, "hue", 20, 70.111},
	{161, 127, "noise", 10, 69.459},
	{161, 127, "blocks", 0.5, 41.638},
	{131, 400, "levels", 16, 53.173},
}

func TestDrawnPicturesScoreAsTheReferenceSays(t *testing.T) {
	for _, r := range references {
		m := sample.Landscape(r.width, r.height)
		got := compare(m, distortions[r.distortion](m, r.strength))
		if math.Abs(got-r.score) > 0.3 {
			t.Errorf("%s %g at %d×%d scores %.3f, the reference %.3f", r.distortion, r.strength, r.width, r.height, got, r.score)
		}
	}
}

func TestEqualPicturesScore100(t *testing.T) {
	for _, size := range []image.Point{{1, 1}, {5, 3}, {8, 8}, {9, 200}, {640, 7}, {333, 251}} {
		m := sample.Landscape(size.X, size.Y)
		if got := compare(m, m); got != 100 {
			t.Errorf("%v: %v", size, got)
		}
	}
}

// TestScoreIsThatOfTheFormulas compares with all maps of all scales, in 64 bits.
func TestScoreIsThatOfTheFormulas(t *testing.T) {
	for _, size := range []image.Point{{320, 240}, {97, 300}, {64, 64}, {40, 9}} {
		m := sample.Landscape(size.X, size.Y)
		for name, strength := range map[string]float64{"noise": 6, "blur": 0.4, "levels": 4, "blocks": 0.4, "hue": 8} {
			other := distortions[name](m, strength)
			if got, want := compare(m, other), plainScore(m, other); math.Abs(got-want) > 0.02 {
				t.Errorf("%s at %v scores %.4f, by the formulas %.4f", name, size, got, want)
			}
		}
	}
}

// TestScoreIsTheSameOnEveryMachine holds bits of scores: kernels, plain Go and other processors agree.
func TestScoreIsTheSameOnEveryMachine(t *testing.T) {
	m, other := image.NewRGBA(image.Rect(0, 0, 203, 150)), image.NewRGBA(image.Rect(0, 0, 203, 150))
	for i := range m.Pix { // whole numbers alone, which all processors round alike
		x, y := i/4%203, i/4/203
		m.Pix[i] = uint8((x*x+3*y*y)>>7 + x*y*(i%4)%29)
		other.Pix[i] = m.Pix[i] &^ 7
	}
	const want uint64 = 0x40555b29159d1b35
	if got := math.Float64bits(compare(m, other)); got != want {
		t.Errorf("bits of the score are %#x, not %#x", got, want)
	}
	defer cpu.Plain()()
	if got := math.Float64bits(compare(m, other)); got != want {
		t.Errorf("in plain Go, bits of the score are %#x, not %#x", got, want)
	}
}

// TestScoreDoesNotFallWithTheWidth: copies side by side, every second one mirrored, look like one.
func TestScoreDoesNotFallWithTheWidth(t *testing.T) {
	copies := func(m *image.RGBA, n int) *image.RGBA {
		return changed(image.NewRGBA(image.Rect(0, 0, 160*n, 120)), func(x, y, c int, _ float64) float64 {
			if x/160%2 == 1 {
				return at(m, 159-x%160, y, c)
			}
			return at(m, x%160, y, c)
		})
	}
	sky := changed(image.NewRGBA(image.Rect(0, 0, 160, 120)), func(x, y, c int, _ float64) float64 {
		return 215 + 25*math.Sin(float64(x)/63) + noise(x, y, 0)
	})
	other := distortions["blur"](sky, 0.5)
	one, many := compare(sky, other), compare(copies(sky, 12), copies(other, 12))
	if math.Abs(one-many) > 0.2 {
		t.Errorf("one scores %.2f, twelve %.2f", one, many)
	}
}

// TestKernelsEqualPlainGo compares scores of random sizes to the last bit.
func TestKernelsEqualPlainGo(t *testing.T) {
	if !vector() {
		t.Skip("no vector kernels")
	}
	for width := 1; width < 70; width += 4 {
		m := sample.Landscape(width, 90-width)
		other := distortions["noise"](m, 9)
		kernels := compare(m, other)
		restore := cpu.Plain()
		plain := compare(m, other)
		restore()
		if kernels != plain {
			t.Errorf("%d×%d: %v by kernels, %v in plain Go", width, 90-width, kernels, plain)
		}
	}
}

func TestPower(t *testing.T) {
	for _, x := range []float64{1e-12, 0.003, 0.04045, 0.5, 0.70710678, 1, 1.7, 17, 12345.6} {
		for _, e := range []float64{0.6276336467831387, 2.4} {
			if got, want := power(x, e), math.Pow(x, e); math.Abs(got/want-1) > 1e-13 {
				t.Errorf("%g^%g = %v, not %v", x, e, got, want)
			}
		}
	}
}

func TestCubeRoot(t *testing.T) {
	for v := float32(bias); v < 1.1; v *= 1.0001 {
		if got, want := cubeRoot(v), math.Cbrt(float64(v)); math.Abs(float64(got)/want-1) > 2.0/(1<<23) {
			t.Fatalf("of %g: %g, not %g", v, got, want)
		}
	}
}

// grid is a plane in 64 bits.
type grid struct {
	w, h int
	v    []float64
}

func (g grid) at(x, y int) float64 {
	if x < 0 || y < 0 || x >= g.w || y >= g.h {
		return 0
	}
	return g.v[y*g.w+x]
}

func (g grid) each(f func(x, y int) float64) grid {
	out := grid{g.w, g.h, make([]float64, len(g.v))}
	for i := range out.v {
		out.v[i] = f(i%g.w, i/g.w)
	}
	return out
}

func (g grid) blurred() grid {
	mean := func(get func(d int) float64) (sum float64) {
		for d := -reach; d <= reach; d++ {
			sum += float64(taps[max(d, -d)]) * get(d)
		}
		return sum
	}
	across := g.each(func(x, y int) float64 { return mean(func(d int) float64 { return g.at(x+d, y) }) })
	return g.each(func(x, y int) float64 { return mean(func(d int) float64 { return across.at(x, y+d) }) })
}

func times(a, b grid) grid {
	return a.each(func(x, y int) float64 { return a.at(x, y) * b.at(x, y) })
}

func (g grid) halved() grid {
	out := grid{(g.w + 1) / 2, (g.h + 1) / 2, nil}
	out.v = make([]float64, out.w*out.h)
	return out.each(func(x, y int) (sum float64) {
		for i := range 4 {
			sum += g.at(min(2*x+i%2, g.w-1), min(2*y+i/2, g.h-1)) / 4
		}
		return sum
	})
}

// plainScore follows the published description step by step.
func plainScore(a, b *image.RGBA) float64 {
	var light [2][3]grid
	for i, m := range []*image.RGBA{a, b} {
		for c := range 3 {
			g := grid{m.Rect.Dx(), m.Rect.Dy(), make([]float64, m.Rect.Dx()*m.Rect.Dy())}
			light[i][c] = g.each(func(x, y int) float64 {
				v := at(m, x, y, c) / 255
				if v <= 0.04045 {
					return v / 12.92
				}
				return math.Pow((v+0.055)/1.055, 2.4)
			})
		}
	}
	sum := 0.0
	for s := range scales {
		if s > 0 {
			if light[0][0].w < minSide || light[0][0].h < minSide {
				break
			}
			for i := range light {
				for c := range light[i] {
					light[i][c] = light[i][c].halved()
				}
			}
		}
		first, second := positive(light[0]), positive(light[1])
		for c := range components {
			sum += plainMaps(first[c], second[c], &weights[c][s])
		}
	}
	return scoreOf(sum)
}

// positive returns the components of a picture in the metric's version of XYB.
func positive(rgb [3]grid) (xyb [3]grid) {
	root := func(k, x, y int) float64 {
		sum := bias
		for c := range rgb {
			sum += float64(absorbance[k][c]) * rgb[c].at(x, y)
		}
		return math.Cbrt(sum) - math.Cbrt(bias)
	}
	g := rgb[0]
	xyb[0] = g.each(func(x, y int) float64 { return (root(0, x, y)-root(1, x, y))/2*14 + 0.42 })
	xyb[1] = g.each(func(x, y int) float64 { return (root(0, x, y)+root(1, x, y))/2 + 0.01 })
	xyb[2] = g.each(func(x, y int) float64 { return root(2, x, y) - (root(0, x, y)+root(1, x, y))/2 + 0.55 })
	return xyb
}

func plainMaps(a, b grid, w *[norms][maps]float64) (weighted float64) {
	ma, mb, saa, sbb, sab := a.blurred(), b.blurred(), times(a, a).blurred(), times(b, b).blurred(), times(a, b).blurred()
	var sums [norms][maps]float64
	for y := range a.h {
		for x := range a.w {
			p, q := ma.at(x, y), mb.at(x, y)
			luma := 1 - (p-q)*(p-q)
			contrast := (2*(sab.at(x, y)-p*q) + 0.0009) / (saa.at(x, y) - p*p + sbb.at(x, y) - q*q + 0.0009)
			edge := (1+math.Abs(b.at(x, y)-q))/(1+math.Abs(a.at(x, y)-p)) - 1
			for m, v := range [maps]float64{max(1-luma*contrast, 0), max(edge, 0), max(-edge, 0)} {
				sums[0][m] += v
				sums[1][m] += v * v * v * v
			}
		}
	}
	n := float64(a.w * a.h)
	for m := range maps {
		weighted += w[0][m]*sums[0][m]/n + w[1][m]*math.Sqrt(math.Sqrt(sums[1][m]/n))
	}
	return weighted
}
