package ssimulacra2

import (
	"bytes"
	"image"
	"image/draw"
	"image/jpeg"
	"image/png"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/sample"
)

// TestReferenceTool compares with libjxl's ssimulacra2, version 0.9 or later: the drawn pictures and, as JPEG
// files of several qualities, the Kodak set of IMGMILL_CORPUS. `make ssimulacra2` runs it.
//
// Where a picture is smooth and the score high, the tool's is lower: its recursive filter of 32 bits adds up
// rounding errors along rows and columns, and a small difference of large variances shows them. We are then
// held to the formulas in 64 bits alone.
func TestReferenceTool(t *testing.T) {
	tool := os.Getenv("IMGMILL_SSIMULACRA2")
	if tool == "" {
		t.Skip("IMGMILL_SSIMULACRA2 names no command")
	}
	for _, r := range references {
		m := sample.Landscape(r.width, r.height)
		other := distortions[r.distortion](m, r.strength)
		t.Logf("{%d, %d, %q, %g, %.3f},", r.width, r.height, r.distortion, r.strength, runTool(t, tool, m, other))
	}
	kodak, err := filepath.Glob(filepath.Join(os.Getenv("IMGMILL_CORPUS"), "kodak", "*.png"))
	if err != nil || len(kodak) == 0 {
		t.Fatalf("no pictures in IMGMILL_CORPUS: %v", err)
	}
	for _, quality := range []int{20, 35, 50, 65, 80, 90, 95} {
		worst, worstOf, over, lowest := 0.0, "", 0, 100.0
		for _, file := range kodak {
			m := openPNG(t, file)
			other := asJPEG(t, m, quality)
			got, want := compare(m, other), runTool(t, tool, m, other)
			d := math.Abs(got - want)
			if d > worst {
				worst, worstOf = d, filepath.Base(file)
			}
			if d > 0.5 {
				over++
			}
			lowest = min(lowest, got-want)
			if quality == 95 && math.Abs(got-plainScore(m, other)) > 0.02 {
				t.Errorf("%s at %d scores %.3f, by the formulas %.3f", file, quality, got, plainScore(m, other))
			}
			if want < 77 && d > 0.5 {
				t.Errorf("%s at %d scores %.3f, the reference %.3f", file, quality, got, want)
			}
		}
		t.Logf("quality %d: %.2f apart at most (%s), %d of %d more than 0.5; least %+.2f",
			quality, worst, worstOf, over, len(kodak), lowest)
	}
}

func runTool(t *testing.T, tool string, pictures ...*image.RGBA) float64 {
	t.Helper()
	var args []string
	for i, m := range pictures {
		var b bytes.Buffer
		if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, m); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), strconv.Itoa(i)+".png")
		if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, file)
	}
	out, err := exec.Command(tool, args...).Output()
	if err != nil {
		t.Fatalf("%s: %v", tool, err)
	}
	score, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
	if err != nil {
		t.Fatal(err)
	}
	return score
}

func openPNG(t *testing.T, file string) *image.RGBA {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	m, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return rgba(m)
}

func asJPEG(t *testing.T, m image.Image, quality int) *image.RGBA {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	decoded, err := jpeg.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	return rgba(decoded)
}

func rgba(m image.Image) *image.RGBA {
	out := image.NewRGBA(m.Bounds())
	draw.Draw(out, out.Rect, m, m.Bounds().Min, draw.Src)
	return out
}
