package webp

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	colours "github.com/imgmill/imgmill/internal/engine/colour"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/setting"
	"github.com/imgmill/imgmill/internal/engine/webp/vp8"
)

// edged draws rings of a colour on another, of a few pixels with soft edges.
func edged(w, h int, back, front [3]uint8) *plane.Picture {
	p := plane.New(plane.NewLayout(plane.RGB, false, w, h, 1, 1))
	for y := range h {
		for x := range w {
			r := math.Hypot(float64(x)-float64(w)/2, float64(y)-float64(h)/2)
			share := min(1, max(0, 2*math.Cos(r/3)+0.5)) // of the front, so that edges are soft
			for c := range 3 {
				p.Row(c, y)[x] = uint8(math.Round(float64(back[c]) + share*(float64(front[c])-float64(back[c]))))
			}
		}
	}
	return p
}

// asYCbCr converts an RGB picture, without subsampling or with the mean of four pixels.
func asYCbCr(p *plane.Picture, sub int) *plane.Picture {
	full := plane.New(plane.NewLayout(plane.YCbCr, false, p.Width(), p.Height(), 1, 1))
	for y := range p.Height() {
		colours.YCbCrRow(full.Row(0, y), full.Row(1, y), full.Row(2, y), p.Row(0, y), p.Row(1, y), p.Row(2, y))
	}
	if sub == 1 {
		return full
	}
	half := plane.New(plane.NewLayout(plane.YCbCr, false, p.Width(), p.Height(), 2, 2))
	copy(half.Pix[0], full.Pix[0])
	for c := 1; c < 3; c++ {
		for y := range half.Planes[c].Height {
			for x := range half.Row(c, y) {
				sum, n := 0, 0
				for j := 2 * y; j < min(2*y+2, p.Height()); j++ {
					for i := 2 * x; i < min(2*x+2, p.Width()); i++ {
						sum, n = sum+int(full.Row(c, j)[i]), n+1
					}
				}
				half.Row(c, y)[x] = uint8((sum + n/2) / n)
			}
		}
	}
	return half
}

// shown converts a decoded picture to RGB, as libwebp does.
func shown(t *testing.T, p *plane.Picture) *plane.Picture {
	t.Helper()
	rows := vp8.Rows{N: p.Height()}
	for c := range 3 {
		rows.Stride[c] = p.Stride[c]
		for _, v := range p.Pix[c] { // to studio range (RFC 6386 section 9.2)
			level := math.Round(16 + 219*float64(v)/255)
			if c > 0 {
				level = math.Round(128 + 224*(float64(v)-128)/255)
			}
			rows.Pix[c] = append(rows.Pix[c], uint8(level))
		}
	}
	out := plane.New(plane.NewLayout(plane.RGB, false, p.Width(), p.Height(), 1, 1))
	err := vp8.NewRGBRows(p.Width(), p.Height(), func(y int, r, g, b []byte) error {
		copy(out.Row(0, y), r)
		copy(out.Row(1, y), g)
		copy(out.Row(2, y), b)
		return nil
	}).Add(rows)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// rgbPSNR is that of all three planes.
func rgbPSNR(a, b *plane.Picture) float64 {
	var sum float64
	for c := range 3 {
		sum += math.Pow(10, -psnr(a, b, c)/10) / 3
	}
	return -10 * math.Log10(sum)
}

// colourPairs are backgrounds, and what is drawn on them; gain is how many dB sharp chroma gains at least.
var colourPairs = []struct {
	back, front [3]uint8
	gain        float64
}{
	{[3]uint8{0, 0, 0}, [3]uint8{255, 0, 0}, 2.4},
	{[3]uint8{255, 255, 255}, [3]uint8{0, 0, 255}, 3},
	{[3]uint8{200, 0, 0}, [3]uint8{255, 255, 255}, 3.5},
	{[3]uint8{0, 0, 255}, [3]uint8{255, 0, 0}, 1.7},
}

// TestSharpChroma: edges between saturated colours are nearer to the source, from RGB and from YCbCr
// without subsampling, in sizes even and odd, and beside cwebp's, if there is one.
func TestSharpChroma(t *testing.T) {
	v := setting.Values{"quality": "100", "sharp_chroma": "true"}
	for _, c := range colourPairs {
		for _, size := range [][2]int{{160, 120}, {161, 119}} {
			p := edged(size[0], size[1], c.back, c.front)
			look := func(in *plane.Picture, v setting.Values) float64 {
				return rgbPSNR(p, shown(t, checkLossy(t, in, encodeWith(t, in, v, codec.EncodeOptions{}))))
			}
			plain := look(asYCbCr(p, 2), setting.Values{"quality": "100"})
			sharp, full := look(p, v), look(asYCbCr(p, 1), v)
			if sharp < plain+c.gain || full < plain+c.gain {
				t.Errorf("%v on %v, %v: %.2f dB from RGB and %.2f from YCbCr, after %.2f", c.front, c.back, size, sharp, full, plain)
			}
			if theirs, ok := sharpByCwebp(t, p); ok && sharp < theirs-0.3 {
				t.Errorf("%v on %v, %v: %.2f dB, and cwebp has %.2f", c.front, c.back, size, sharp, theirs)
			}
		}
	}
}

// sharpByCwebp returns the PSNR of what cwebp makes.
func sharpByCwebp(t *testing.T, p *plane.Picture) (float64, bool) {
	cwebp, err := exec.LookPath("cwebp")
	if err != nil {
		return 0, false
	}
	dir := t.TempDir()
	in, out := filepath.Join(dir, "a.ppm"), filepath.Join(dir, "a.webp")
	ppm := fmt.Appendf(nil, "P6\n%d %d\n255\n", p.Width(), p.Height())
	for i := range p.Pix[0] {
		ppm = append(ppm, p.Pix[0][i], p.Pix[1][i], p.Pix[2][i])
	}
	if err := os.WriteFile(in, ppm, 0o600); err != nil {
		t.Fatal(err)
	}
	if b, err := exec.Command(cwebp, "-quiet", "-q", "100", "-sharp_yuv", in, "-o", out).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	file, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	_, got := decodeBytes(t, file)
	return rgbPSNR(p, shown(t, got)), true
}

// TestSharpChromaKeepsPlainColours: a picture of one colour is coded as without the setting, up to a
// level, in every small size.
func TestSharpChromaKeepsPlainColours(t *testing.T) {
	for n := range 60 {
		w, h := 1+n%5, 1+n%7
		c := [3]uint8{uint8(37 * n), uint8(91 * n), uint8(201 * n)}
		p := edged(w, h, c, c)
		got, err := vp8.Sharpen(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		want := asYCbCr(p, 2)
		for i := range want.Pix {
			for k, v := range want.Pix[i] {
				if d := int(v) - int(got.Pix[i][k]); d < -1 || d > 1 {
					t.Fatalf("%v, %d×%d: plane %d has %d, want %d", c, w, h, i, got.Pix[i][k], v)
				}
			}
		}
	}
}
