package decode

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"math"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/jpeg/jpegtest"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// waves draws a smooth picture, in which repetition of coarse samples would show.
func waves(w, h int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			fx, fy := float64(x), float64(y)
			at := func(v float64) uint8 { return uint8(127.5 + 120*v) }
			m.SetRGBA(x, y, color.RGBA{at(math.Sin(fx/9 + fy/13)), at(math.Cos(fx/11 - fy/17)), at(math.Sin(fy/7 + fx/23)), 255})
		}
	}
	return m
}

// readableSamplings lists the combinations of sampling factors of three components that libjpeg
// writes in one scan and reads: at most 10 blocks in an MCU, and whole ratios.
func readableSamplings() (list [][3][2]int) {
	var factors [][2]int
	for h := 1; h <= 4; h++ {
		for v := 1; v <= 4; v++ {
			factors = append(factors, [2]int{h, v})
		}
	}
	for _, a := range factors {
		for _, b := range factors {
			for _, c := range factors {
				s := [3][2]int{a, b, c}
				h, v, blocks := 0, 0, 0
				for _, k := range s {
					h, v, blocks = max(h, k[0]), max(v, k[1]), blocks+k[0]*k[1]
				}
				ok := blocks <= 10
				for _, k := range s {
					ok = ok && h%k[0] == 0 && v%k[1] == 0
				}
				if ok {
					list = append(list, s)
				}
			}
		}
	}
	return list
}

// TestEverySamplingAsGoodAsDjpeg compares every plane of RGB files of all sampling factors with its
// original: raised by this package it must be as close as raised by libjpeg.
func TestEverySamplingAsGoodAsDjpeg(t *testing.T) {
	const w, h = 101, 79
	m := waves(w, h)
	list := readableSamplings()
	least := math.Inf(1)
	for i, s := range list {
		if testing.Short() && i%10 != 0 {
			continue
		}
		sample := fmt.Sprintf("%dx%d,%dx%d,%dx%d", s[0][0], s[0][1], s[1][0], s[1][1], s[2][0], s[2][1])
		file := jpegtest.Cjpeg(t, m, "-rgb", "-quality", "97", "-sample", sample)
		_, _, _, pix, complaint := jpegtest.Djpeg(t, file, true)
		if complaint != "" {
			t.Fatalf("%s: %s", sample, complaint)
		}
		p, report := decodeAll(t, file, 0, 0)
		if p.Model != plane.RGB || report.Damage != "" {
			t.Fatalf("%s: %v, damage %q", sample, p.Model, report.Damage)
		}
		for c := range 3 {
			var original, theirs []byte
			for k := range w * h {
				original = append(original, m.Pix[4*k+c])
				theirs = append(theirs, pix[3*k+c])
			}
			gain := jpegtest.PSNR(p.Pix[c], original) - jpegtest.PSNR(theirs, original)
			if least = min(least, gain); gain < -0.1 {
				t.Errorf("%s: plane %d is %.2f dB worse than libjpeg's", sample, c, -gain)
			}
		}
	}
	t.Logf("%d combinations: at least %.3f dB better than libjpeg", len(list), least)
}

// TestRaiseOddRatios decodes ratios that libjpeg does not read, in whatever bands the lines arrive.
func TestRaiseOddRatios(t *testing.T) {
	for _, sampling := range [][][2]int{
		{{3, 2}, {2, 3}, {1, 1}}, {{4, 3}, {3, 4}, {2, 1}}, {{1, 4}, {3, 1}, {2, 2}}, {{2, 4}, {3, 3}, {4, 1}},
	} {
		f := newFixture(67, 53, 3, sampling...)
		f.before = adobe(0)
		for n := 1; n <= 8; n++ {
			f.compare(t, decodeAt(t, f.bytes(), n), n, func(int) bool { return true })
		}
		f.scans = [][]int{{2}, {0}, {1}}
		f.compare(t, decodeAt(t, f.bytes(), 8), 8, func(int) bool { return true })
	}
	one := bytes.Clone(newFixture(1, 1, 1, [2]int{1, 1}, [2]int{2, 2}, [2]int{2, 2}).bytes())
	if p, report := decodeAll(t, one, 0, 0); p.Width() != 1 || report.Damage != "" {
		t.Errorf("one sample: %d wide, damage %q", p.Width(), report.Damage)
	}
}
