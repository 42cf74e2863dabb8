package decode

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/jpeg/encode"
	"github.com/imgmill/imgmill/internal/engine/jpeg/jpegtest"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// decodeAll decodes a file at the scale that w×h requires, or at full size if they are 0.
func decodeAll(t testing.TB, file []byte, w, h int) (*plane.Picture, Report) {
	t.Helper()
	d, err := New(bytes.NewReader(file), Options{})
	if err != nil {
		t.Fatal(err)
	}
	l := d.Header().Layout
	if w > 0 {
		l = d.Shrink(w, h)
	}
	p := plane.New(l)
	r, err := d.Decode(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	return p, r
}

// djpegGray returns libjpeg's luma at n/8 of the size, decoded with the accurate integer method.
func djpegGray(t testing.TB, file []byte, n int) (w, h int, pix []byte) {
	t.Helper()
	cmd := exec.Command(jpegtest.Tool(t, "djpeg"),
		"-grayscale", "-dct", "int", "-scale", fmt.Sprintf("%d/8", n), "-pnm")
	cmd.Stdin = bytes.NewReader(file)
	out, err := cmd.Output()
	if err != nil && len(out) == 0 {
		t.Fatalf("djpeg: %v", err)
	}
	r := bytes.NewReader(out)
	var depth int
	if _, err := fmt.Fscanf(r, "P5\n%d %d\n%d\n", &w, &h, &depth); err != nil {
		t.Fatal(err)
	}
	return w, h, out[len(out)-w*h:]
}

func corpus(t testing.TB, patterns ...string) []string {
	t.Helper()
	dir := os.Getenv("IMGMILL_CORPUS")
	if dir == "" {
		t.Skip("IMGMILL_CORPUS is not set")
	}
	var files []string
	for _, p := range patterns {
		m, err := filepath.Glob(filepath.Join(dir, p))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, m...)
	}
	if len(files) == 0 {
		t.Fatalf("no %v in %s", patterns, dir)
	}
	return files
}

// equalsLibjpeg compares luma with libjpeg's. At 8/8 and 1/8 both use the same arithmetic.
func equalsLibjpeg(t *testing.T, file []byte, scales ...int) {
	t.Helper()
	for _, n := range scales {
		w, h, want := djpegGray(t, file, n)
		p, r := decodeAll(t, file, w, h)
		if r.Damage != "" {
			t.Errorf("scale %d: damage: %s", n, r.Damage)
		}
		if p.Width() != w || p.Height() != h {
			t.Fatalf("scale %d: %d×%d, libjpeg has %d×%d", n, p.Width(), p.Height(), w, h)
		}
		if i := jpegtest.FirstDifference(p.Pix[0], want); i < len(want) {
			t.Errorf("scale %d: luma differs at %d,%d: got %d, libjpeg has %d",
				n, i%w, i/w, p.Pix[0][i], want[i])
		}
	}
}

func TestDecodeEqualsLibjpeg(t *testing.T) {
	for _, sub := range jpegtest.Samplings {
		for _, progressive := range []bool{false, true} {
			for _, p := range []*plane.Picture{
				jpegtest.Noise(203, 157, sub.X, sub.Y, 1),
				jpegtest.YCbCr(jpegtest.Scene(203, 157), sub.X, sub.Y),
			} {
				equalsLibjpeg(t, encoded(t, p, encode.Options{Quality: 90, Progressive: progressive}), 1, 8)
			}
		}
	}
}

// TestPhotographsEqualLibjpeg compares at 1/8. TestCorpusEqualsDjpeg compares at full size.
func TestPhotographsEqualLibjpeg(t *testing.T) {
	for _, name := range corpus(t,
		"photos/*.jpg", "corpus/mixed/jpg/*.jpg", "corpus/mixed/jpg/progressive/*.jpg") {
		t.Run(filepath.Base(name), func(t *testing.T) {
			file, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			equalsLibjpeg(t, file, 1)
		})
	}
}
