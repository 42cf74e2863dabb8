package main

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/image/tiff"

	"github.com/imgmill/imgmill/internal/engine/sample"
)

// playButteraugli prints the root mean square of the differences between two PPM files, as a distance and as a
// 3-norm.
func playButteraugli(files []string) error {
	a, errA := os.ReadFile(files[0])
	b, errB := os.ReadFile(files[1])
	if err := errors.Join(errA, errB); err != nil || len(a) != len(b) {
		return fmt.Errorf("%d and %d bytes: %w", len(a), len(b), err)
	}
	sum := 0.0
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		sum += d * d
	}
	distance := math.Sqrt(sum / float64(len(a)))
	_, err := fmt.Printf("%f\n3-norm: %f\n", 2*distance, distance)
	return err
}

func drawnPNG(t *testing.T, w, h int) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "drawn.png")
	var b bytes.Buffer
	if err := errors.Join(png.Encode(&b, sample.Landscape(w, h)), os.WriteFile(name, b.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestRateSource compares the engine with itself, and its high effort with that.
func TestRateSource(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	t.Setenv("LocalAppData", t.TempDir())
	sources, err := reduce(drawnPNG(t, 200, 150), t.TempDir(), 0)
	if err != nil || len(sources) != 1 || sources[0].luma.w != 200 {
		t.Fatalf("%d sources, %v", len(sources), err)
	}
	encoders := []runningEncoder{
		{ratedEncoders[0], startSelf(t, "Pillow")}, {ratedEncoders[3], startSelf(t, "imgmill")}, {ratedEncoders[4], startSelf(t, "imgmill")},
	}
	encoders[0].effort = "normal"
	t.Setenv(childVariable, "butteraugli")
	o := options{runs: 1, butteraugli: os.Args[0]}
	table, err := o.rateSource(sources[0], encoders)
	if err != nil {
		t.Fatal(err)
	}
	self, high := table[1], table[2]
	for i, m := range rateMeasures {
		if math.Abs(self.deltas[i]) > 0.03 {
			t.Errorf("the same encoder differs by %.3f in %s", self.deltas[i], m.name)
		}
	}
	if high.deltas[0] > -0.01 || high.deltas[3] < 0.05 || self.short || high.time <= 0 {
		t.Errorf("high effort: %+v", high)
	}
	if f := self.at(80); f.Bytes < 1000 || f.SSIMULACRA2 < 50 || math.Abs(f.ButteraugliMax-2*f.Butteraugli3) > 1e-5 || f.Butteraugli3 >= 0 {
		t.Errorf("quality 80 has %+v", f)
	}
	o.butteraugli = filepath.Join(t.TempDir(), "none")
	if _, err := o.rateSource(sources[0], encoders); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without Butteraugli, and not in the cache: %v", err)
	}
}

func TestReduce(t *testing.T) {
	sources, err := reduce(drawnPNG(t, 900, 30), t.TempDir(), 3)
	if err != nil || len(sources) != 2 {
		t.Fatalf("%d sources, %v", len(sources), err)
	}
	small, whole := sources[0], sources[1]
	if small.luma.w != 800 || small.luma.h != 27 || !strings.HasSuffix(small.group, " → 800") ||
		whole.luma.w != 900 || strings.Contains(whole.group, "→") || small.file == whole.file {
		t.Errorf("got %d×%d in %s and %d in %s", small.luma.w, small.luma.h, small.group, whole.luma.w, whole.group)
	}
	data, err := os.ReadFile(whole.file)
	if err != nil {
		t.Fatal(err)
	}
	m, err := tiff.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	want := sample.Landscape(900, 30)
	for i := range 900 * 30 {
		if m.At(i%900, i/900) != want.At(i%900, i/900) {
			t.Fatalf("pixel %d is %v, want %v", i, m.At(i%900, i/900), want.At(i%900, i/900))
		}
	}
}

func TestOtherSubsamplingIsRefused(t *testing.T) {
	for ratio, ok := range map[image.YCbCrSubsampleRatio]bool{image.YCbCrSubsampleRatio420: true, image.YCbCrSubsampleRatio422: false} {
		if _, err := halvedPlanesOf(image.NewYCbCr(image.Rect(0, 0, 16, 8), ratio)); (err == nil) != ok {
			t.Errorf("%v: %v", ratio, err)
		}
	}
}

func TestRateTable(t *testing.T) {
	row := func(group, encoder string, size int, deltas ...float64) rateRow {
		return rateRow{group: group, encoder: encoder, qualities: []int{80}, deltas: deltas, time: 2,
			files: []ratedFile{{scores{SSIMULACRA2: 70}, size}}}
	}
	table := []rateRow{
		row("a", "libjpeg-turbo", 100), row("a", "normal", 80, -0.1, -0.2, 0, 0.5, 1),
		row("b", "libjpeg-turbo", 100), row("b", "normal", 90, -0.3, -0.4, 0, 0.7, 1),
	}
	lines := rateLines(table)
	want := []string{"all (2)", "normal", "-18.1 %", "-25.9 %", "+0.0 %", "+0.60", "+1.00", "2.00", "-15.1 %", "70.0"}
	if len(lines) != 7 || !slices.Equal(lines[6], want) || lines[5][2] != "–" {
		t.Errorf("got %q", lines)
	}
	for bounds, fails := range map[string]string{
		"": "", "normal=-18": "", "normal=-18.2": "by SSIMULACRA2", "high=0": "was not measured",
	} {
		b, err := parseBounds(bounds)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.check(table); (err == nil) != (fails == "") || err != nil && !strings.Contains(err.Error(), fails) {
			t.Errorf("-most %q: %v", bounds, err)
		}
	}
	for _, bounds := range []string{"normal", "normal=x", "libjpeg-turbo=3", "none=1"} {
		if _, err := parseBounds(bounds); err == nil {
			t.Errorf("-most %q: no error", bounds)
		}
	}
}
