package encode

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/jpeg/jpegtest"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// encoded encodes a picture.
func encoded(t testing.TB, p *plane.Picture, o Options) []byte {
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
	jpegtest.Tool(t, "cjpeg")
	samplings := map[string][2]int{"1x1": {1, 1}, "2x1": {2, 1}, "1x2": {1, 2}, "2x2": {2, 2}}
	for _, size := range [][2]int{{320, 208}, {16, 16}, {1600, 64}} {
		m := jpegtest.Scene(size[0], size[1])
		for name, sub := range samplings {
			p := jpegtest.YCbCr(m, sub[0], sub[1])
			for _, q := range []int{1, 10, 25, 50, 75, 80, 90, 95, 100} {
				for _, mode := range []string{"-optimize", "-progressive"} {
					want := jpegtest.Cjpeg(t, m, "-baseline", mode, "-quality", fmt.Sprint(q),
						"-sample", name)
					got := encoded(t, p, Options{Quality: q, Progressive: mode == "-progressive",
						libjpeg: true})
					if !bytes.Equal(got, want) {
						t.Errorf("%v %s quality %d %s: %d bytes, libjpeg has %d, first difference at %d",
							size, name, q, mode, len(got), len(want), jpegtest.FirstDifference(got, want))
					}
				}
			}
		}
	}
}

// TestEqualsLibjpegAnySize compares arbitrary sizes without subsampling.
func TestEqualsLibjpegAnySize(t *testing.T) {
	jpegtest.Tool(t, "cjpeg")
	for i := range 40 {
		w, h := 1+i*7%40, 1+i*11%37
		m := jpegtest.Scene(w, h)
		for _, mode := range []string{"-optimize", "-progressive"} {
			o := Options{Quality: 20 + 2*i, Progressive: mode == "-progressive", libjpeg: true}
			quality := fmt.Sprint(o.Quality)
			want := jpegtest.Cjpeg(t, m, "-baseline", mode, "-quality", quality, "-sample", "1x1")
			if got := encoded(t, jpegtest.YCbCr(m, 1, 1), o); !bytes.Equal(got, want) {
				t.Errorf("%d×%d %s: first difference at %d of %d bytes",
					w, h, mode, jpegtest.FirstDifference(got, want), len(want))
			}
			want = jpegtest.Cjpeg(t, m, "-baseline", mode, "-quality", quality, "-grayscale")
			if got := encoded(t, jpegtest.Gray(m), o); !bytes.Equal(got, want) {
				t.Errorf("%d×%d gray %s: first difference at %d of %d bytes",
					w, h, mode, jpegtest.FirstDifference(got, want), len(want))
			}
		}
	}
}

// TestEqualsLibjpegPhotographs compares photographs.
func TestEqualsLibjpegPhotographs(t *testing.T) {
	jpegtest.Tool(t, "cjpeg")
	for n, m := range jpegtest.Kodak(t, 1, 5, 8, 13, 20, 23) {
		p := jpegtest.YCbCr(m, 2, 2)
		for _, q := range []int{40, 80, 92} {
			for _, mode := range []string{"-optimize", "-progressive"} {
				want := jpegtest.Cjpeg(t, m, "-baseline", mode, "-quality", fmt.Sprint(q), "-sample", "2x2")
				got := encoded(t, p, Options{Quality: q, Progressive: mode == "-progressive",
					libjpeg: true})
				if !bytes.Equal(got, want) {
					t.Errorf("kodak %d quality %d %s: differs; %d bytes, libjpeg has %d",
						n, q, mode, len(got), len(want))
				}
			}
		}
	}
}
