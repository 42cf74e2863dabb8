package main

import (
	"bytes"
	"image"
	"image/jpeg"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/sample"
)

func TestPSNR(t *testing.T) {
	got, want := psnr(squaredError([]float64{10, 20}, []float64{11, 19}), 2), 48.1308
	if math.Abs(got-want) > 1e-4 {
		t.Errorf("errors of one level: got %v dB, want %v", got, want)
	}
	if got := squaredError([]float64{300, -4}, []float64{255, 0}); got != 0 {
		t.Errorf("values out of range differ by %v from their limits, want 0", got)
	}
}

func TestRGB(t *testing.T) {
	one := func(v float64) grid { return grid{w: 1, h: 1, at: []float64{v}} }
	red := picture{one(76.245), one(84.97232), one(255.5)} // T.871: Cr of pure red is 255.5, Cb 84.97
	for i, want := range [3]float64{255, 0, 0} {
		if got := red.rgb(0)[i]; math.Abs(got-want) > 0.01 {
			t.Errorf("channel %d of red is %v, want %v", i, got, want)
		}
	}
	if got := (&picture{y: one(9)}).rgb(0); got != [3]float64{9, 9, 9} {
		t.Errorf("grey 9 is %v", got)
	}
}

func TestSSIM(t *testing.T) {
	a := plane(40, 30, func(x, y float64) float64 { return 128 + 90*math.Sin(x/3)*math.Cos(y/4) })
	if got := ssim(a, a); math.Abs(got-1) > 1e-12 {
		t.Errorf("similarity to itself is %v", got)
	}
	shifted := plane(40, 30, func(x, y float64) float64 { return 138 + 90*math.Sin(x/3)*math.Cos(y/4) })
	negative := plane(40, 30, func(x, y float64) float64 { return 128 - 90*math.Sin(x/3)*math.Cos(y/4) })
	if got := ssim(a, shifted); got < 0.95 || got >= 1 {
		t.Errorf("similarity to a slightly brighter picture is %v", got)
	}
	if got := ssim(a, negative); got > 0 {
		t.Errorf("similarity to its negative is %v", got)
	}
	// Flat planes differ only in their means: (2ab+c1)/(a²+b²+c1).
	flat := func(v float64) grid { return plane(12, 12, func(_, _ float64) float64 { return v }) }
	want := (2*12000 + 6.5025) / (10000 + 14400 + 6.5025)
	if got := ssim(flat(100), flat(120)); math.Abs(got-want) > 1e-9 {
		t.Errorf("similarity of flat planes is %v, want %v", got, want)
	}
	if got := ssim(plane(10, 40, func(_, _ float64) float64 { return 1 }), flat(1)); !math.IsNaN(got) {
		t.Errorf("similarity of planes smaller than the window is %v, want NaN", got)
	}
}

// TestJudge checks that a better file is judged better, and that missing colour is detected.
func TestJudge(t *testing.T) {
	file := filepath.Join(t.TempDir(), "photo.jpg")
	if err := os.WriteFile(file, sample.Photo(320, 240), 0o600); err != nil {
		t.Fatal(err)
	}
	encode := func(m image.Image, q int) []byte {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: q}); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	small, err := renderTo(mustOpen(t, file), request{Boxes: []box{{160}}, Quality: quality})
	if err != nil {
		t.Fatal(err)
	}
	m, err := jpeg.Decode(bytes.NewReader(small[0]))
	if err != nil {
		t.Fatal(err)
	}
	rough, grey := encode(m, 20), image.NewGray(m.Bounds())
	copy(grey.Pix, m.(*image.YCbCr).Y)
	t.Setenv(childVariable, "butteraugli")
	j := judge{butteraugli: os.Args[0]}
	list, err := j.files(request{File: file, Boxes: []box{{160}, {160}, {160}}},
		[][]byte{small[0], rough, encode(grey, 95)})
	if err != nil {
		t.Fatal(err)
	}
	good, bad, colourless := list[0], list[1], list[2]
	if good.Width != 160 || good.Height != 120 || good.Bytes != len(small[0]) || good.Box != "160" {
		t.Errorf("got %+v", good)
	}
	if good.PSNR < 30 || good.PSNR < bad.PSNR+2 || good.SSIM < bad.SSIM || good.Look < bad.Look+10 {
		t.Errorf("quality 80 has %.1f dB, %.3f and %.1f, quality 20 %.1f dB, %.3f and %.1f",
			good.PSNR, good.SSIM, good.Look, bad.PSNR, bad.SSIM, bad.Look)
	}
	if good.Butteraugli <= 0 || bad.Butteraugli < 1.2*good.Butteraugli {
		t.Errorf("distances of Butteraugli: quality 80 has %.2f, quality 20 %.2f", good.Butteraugli, bad.Butteraugli)
	}
	if colourless.PSNR < good.PSNR-1 || colourless.PSNRRGB > good.PSNRRGB-5 {
		t.Errorf("without colour: luma %.1f, RGB %.1f dB; with it %.1f and %.1f",
			colourless.PSNR, colourless.PSNRRGB, good.PSNR, good.PSNRRGB)
	}
	if _, err := j.files(request{File: file, Boxes: []box{{1}}}, nil); err == nil {
		t.Error("no file for a size: no error")
	}
}

func mustOpen(t *testing.T, file string) *os.File {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestProfileBytes(t *testing.T) {
	segment := func(marker byte, body string) string {
		return string([]byte{0xFF, marker, byte((len(body) + 2) >> 8), byte(len(body) + 2)}) + body
	}
	profile := segment(0xE2, "ICC_PROFILE\x00\x01\x01profile")
	file := "\xff\xd8" + segment(0xE0, "JFIF") + "\xff\xe2\x00\x08other!" + profile +
		"\xff\xda\x00\x02"
	if got := profileBytes([]byte(file)); got != len(profile) {
		t.Errorf("%d bytes of profile, want %d", got, len(profile))
	}
	if got := profileBytes([]byte(file[:len(file)-len(profile)])); got != 0 {
		t.Errorf("%d bytes of profile in a file without one", got)
	}
}

func TestEqualBytes(t *testing.T) {
	a, b := output{Bytes: 1100, Profile: 100, Look: 80}, output{Bytes: 900, Profile: 100, Look: 78}
	for score, want := range map[float64]int{80: 1000, 78: 800, 79: 894, 76: 640} {
		if got := equalBytes(a, b, score); got != want {
			t.Errorf("score %v: got %d bytes, want %d", score, got, want)
		}
	}
	if got := equalBytes(a, a, 70); got != 0 {
		t.Errorf("two files of one score: got %d bytes", got)
	}
}
