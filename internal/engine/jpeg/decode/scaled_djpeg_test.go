package decode

import (
	"math"
	"os"
	"path/filepath"
	"testing"
)

// lanczos returns for each of the n/8 samples its first source sample and the weights from there on
// (Lanczos3, stretched by 8/n).
func lanczos(src, n int) (first []int, weights [][]float64) {
	step := 8 / float64(n)
	sinc := func(x float64) float64 {
		if x == 0 {
			return 1
		}
		return math.Sin(math.Pi*x) / (math.Pi * x)
	}
	for i := range ceilDiv(src*n, 8) {
		centre := (float64(i) + 0.5) * step
		from := max(int(math.Ceil(centre-3*step-0.5)), 0)
		to := min(int(centre+3*step+0.5), src)
		var w []float64
		sum := 0.0
		for k := from; k < to; k++ {
			x := (float64(k) + 0.5 - centre) / step
			w = append(w, sinc(x)*sinc(x/3))
			sum += w[len(w)-1]
		}
		for k := range w {
			w[k] /= sum
		}
		first, weights = append(first, from), append(weights, w)
	}
	return first, weights
}

// reduced returns a plane at n/8 of its size, computed by Lanczos3 in real arithmetic.
func reduced(pix []byte, w, h, n int) []float64 {
	first, weights := lanczos(w, n)
	narrow := len(first)
	rows := make([]float64, narrow*h)
	for y := range h {
		src, dst := pix[y*w:][:w], rows[y*narrow:][:narrow]
		for x := range dst {
			for k, v := range weights[x] {
				dst[x] += v * float64(src[first[x]+k])
			}
		}
	}
	first, weights = lanczos(h, n)
	out := make([]float64, narrow*len(first))
	for y, from := range first {
		dst := out[y*narrow:][:narrow]
		for k, v := range weights[y] {
			src := rows[(from+k)*narrow:][:narrow]
			for x := range dst {
				dst[x] += v * src[x]
			}
		}
	}
	return out
}

func psnrTo(want []float64, got []byte) float64 {
	sum := 0.0
	for i, v := range want {
		d := v - float64(got[i])
		sum += d * d
	}
	return 10 * math.Log10(255*255*float64(len(want))/sum)
}

// TestScaledQuality compares luma at n/8 with libjpeg's. Measured against a reduction of the full
// decode, it may be at most 0.2 dB worse. IMGMILL_SCALES=all tests every photograph and scale.
func TestScaledQuality(t *testing.T) {
	const tolerance = 0.2
	scales, photos := []int{1, 2, 3, 4, 6}, []string{"photos/sharp*.jpg", "photos/dslr-2304*.jpg"}
	if os.Getenv("IMGMILL_SCALES") == "all" {
		scales, photos = []int{1, 2, 3, 4, 5, 6, 7}, []string{"photos/*.jpg"}
	}
	for _, name := range corpus(t, photos...) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			file, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			full := decodeAt(t, file, 8)
			for _, n := range scales {
				want := reduced(full.Pix[0], full.Width(), full.Height(), n)
				w, h, theirs := djpegGray(t, file, n)
				p := decodeAt(t, file, n)
				if p.Width() != w || p.Height() != h || len(want) != w*h {
					t.Fatalf("%d/8: %d×%d, libjpeg has %d×%d", n, p.Width(), p.Height(), w, h)
				}
				a, b := psnrTo(want, p.Pix[0]), psnrTo(want, theirs)
				t.Logf("%d/8: %.2f dB, libjpeg %.2f", n, a, b)
				if a < b-tolerance {
					t.Errorf("%d/8: %.2f dB, libjpeg has %.2f", n, a, b)
				}
			}
		})
	}
}
