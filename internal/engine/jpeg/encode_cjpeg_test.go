package jpeg

import (
	"bytes"
	"fmt"
	"image"
	"os/exec"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/plane"
)

// runCjpeg encodes with libjpeg.
func runCjpeg(t testing.TB, m *image.RGBA, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(tool(t, "cjpeg"), append([]string{"-dct", "int"}, args...)...)
	cmd.Stdin = bytes.NewReader(ppm(m))
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("cjpeg %v: %v", args, err)
	}
	return out
}

func encode(t testing.TB, p *plane.Picture, o Options) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Encode(t.Context(), &b, p, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestEqualsLibjpeg requires every byte of a file to equal libjpeg's: transform, rounding, tables
// and scans. Where chroma is subsampled, the sides are multiples of an MCU, because libjpeg pads
// before it subsamples whereas this package receives subsampled planes.
func TestEqualsLibjpeg(t *testing.T) {
	tool(t, "cjpeg")
	samplings := map[string][2]int{"1x1": {1, 1}, "2x1": {2, 1}, "1x2": {1, 2}, "2x2": {2, 2}}
	for _, size := range [][2]int{{320, 208}, {16, 16}, {1600, 64}} {
		m := scene(size[0], size[1])
		for name, sub := range samplings {
			p := toYCbCr(m, sub[0], sub[1])
			for _, q := range []int{1, 10, 25, 50, 75, 80, 90, 95, 100} {
				for _, mode := range []string{"-optimize", "-progressive"} {
					want := runCjpeg(t, m, "-baseline", mode, "-quality", fmt.Sprint(q),
						"-sample", name)
					got := encode(t, p, Options{Quality: q, Progressive: mode == "-progressive",
						libjpeg: true})
					if !bytes.Equal(got, want) {
						t.Errorf("%v %s quality %d %s: %d bytes, libjpeg has %d, first difference at %d",
							size, name, q, mode, len(got), len(want), firstDifference(got, want))
					}
				}
			}
		}
	}
}

// TestEqualsLibjpegAnySize compares arbitrary sizes without subsampling.
func TestEqualsLibjpegAnySize(t *testing.T) {
	tool(t, "cjpeg")
	for i := range 40 {
		w, h := 1+i*7%40, 1+i*11%37
		m := scene(w, h)
		for _, mode := range []string{"-optimize", "-progressive"} {
			o := Options{Quality: 20 + 2*i, Progressive: mode == "-progressive", libjpeg: true}
			quality := fmt.Sprint(o.Quality)
			want := runCjpeg(t, m, "-baseline", mode, "-quality", quality, "-sample", "1x1")
			if got := encode(t, toYCbCr(m, 1, 1), o); !bytes.Equal(got, want) {
				t.Errorf("%d×%d %s: first difference at %d of %d bytes",
					w, h, mode, firstDifference(got, want), len(want))
			}
			want = runCjpeg(t, m, "-baseline", mode, "-quality", quality, "-grayscale")
			if got := encode(t, toGray(m), o); !bytes.Equal(got, want) {
				t.Errorf("%d×%d gray %s: first difference at %d of %d bytes",
					w, h, mode, firstDifference(got, want), len(want))
			}
		}
	}
}

// TestEqualsLibjpegPhotographs compares photographs.
func TestEqualsLibjpegPhotographs(t *testing.T) {
	tool(t, "cjpeg")
	for n, m := range kodak(t, 1, 5, 8, 13, 20, 23) {
		p := toYCbCr(m, 2, 2)
		for _, q := range []int{40, 80, 92} {
			for _, mode := range []string{"-optimize", "-progressive"} {
				want := runCjpeg(t, m, "-baseline", mode, "-quality", fmt.Sprint(q), "-sample", "2x2")
				got := encode(t, p, Options{Quality: q, Progressive: mode == "-progressive",
					libjpeg: true})
				if !bytes.Equal(got, want) {
					t.Errorf("kodak %d quality %d %s: differs; %d bytes, libjpeg has %d",
						n, q, mode, len(got), len(want))
				}
			}
		}
	}
}

func firstDifference(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}
