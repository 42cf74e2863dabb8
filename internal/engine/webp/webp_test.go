package webp

import (
	"bytes"
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/sample"
)

// decode reads a file of testdata.
func decode(t *testing.T, name string) *plane.Picture {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+".webp"))
	if err != nil {
		t.Fatal(err)
	}
	d, err := codec.Set{Format}.Open(bytes.NewReader(data), codec.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p := plane.New(d.Header().Layout)
	if _, err := d.Decode(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestDrawings compares each kind of WebP with the drawing that it was made from.
func TestDrawings(t *testing.T) {
	want := sample.Landscape(61, 43)
	for _, name := range []string{"landscape", "lossless", "lossy-alpha", "lossless-alpha"} {
		p := decode(t, name)
		a, alpha := p.Alpha()
		if alpha != strings.HasSuffix(name, "-alpha") {
			t.Errorf("%s: alpha is %t", name, alpha)
			continue
		}
		sum := 0
		for y := range p.Height() {
			for x := range p.Width() {
				if alpha && p.Row(a, y)[x] != uint8(x*255/60) {
					t.Fatalf("%s: alpha at %d,%d is %d", name, x, y, p.Row(a, y)[x])
				}
				got, w := p.Row(0, y)[x], want.RGBAAt(x, y).R
				if p.Model == plane.YCbCr {
					w = color.GrayModel.Convert(want.At(x, y)).(color.Gray).Y
				}
				if strings.HasPrefix(name, "lossless") && x > 0 && got != w { // nothing shows of column 0
					t.Fatalf("%s: red at %d,%d is %d, want %d", name, x, y, got, w)
				}
				if x > 0 {
					sum += max(int(got)-int(w), int(w)-int(got))
				}
			}
		}
		if mean := float64(sum) / float64(60*43); mean > 4 {
			t.Errorf("%s: off by %.1f on average", name, mean)
		}
	}
}
