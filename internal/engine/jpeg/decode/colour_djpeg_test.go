package decode

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/jpeg/jpegtest"
	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// asRGB marks a file of three components as RGB, whatever it is, so that libjpeg outputs the
// samples without colour conversion.
func asRGB(t testing.TB, file []byte) []byte {
	t.Helper()
	out := append(bytes.Clone(file[:2]), adobe(0)...)
	for at := 2; ; {
		for file[at] != 0xFF || file[at+1] == 0 || file[at+1] == 0xFF {
			at++
		}
		m := file[at+1]
		if m == stream.SOS {
			return append(out, file[at:]...)
		}
		end := at + 2
		if m != stream.TEM && (m < stream.RST0 || m > stream.SOI) {
			end += max(int(file[end])<<8|int(file[end+1]), 2) // libjpeg reads no less
		}
		if m != stream.APP0 && m != stream.APP14 {
			out = append(out, file[at:end]...)
		}
		at = end
	}
}

// difference compares libjpeg's samples with those that want returns for each pixel of a picture.
// It returns the largest difference, and describes where it is.
func difference(
	p *plane.Picture, samples int, pix []byte, want func(x, y int) [3]float64,
) (most float64, where string) {
	w := p.Width()
	for y := range p.Height() {
		for x := range w {
			v := want(x, y)
			for i, got := range pix[(y*w+x)*samples:][:samples] {
				if d := math.Abs(v[i] - float64(got)); d > most {
					most = d
					where = fmt.Sprintf("sample %d at %d,%d is %.2f, libjpeg has %d",
						i, x, y, v[i], got)
				}
			}
		}
	}
	return most, where
}

// raised returns the sample of a plane at a position of plane 0, with the samples of coarser planes
// repeated.
func raised(h Header, p *plane.Picture) func(i, x, y int) float64 {
	hmax, vmax := 1, 1
	for _, c := range h.Components {
		hmax, vmax = max(hmax, c.H), max(vmax, c.V)
	}
	return func(i, x, y int) float64 {
		if c := h.Components[i]; p.Model == plane.YCbCr && i > 0 {
			x, y = x*c.H/hmax, y*c.V/vmax
		}
		return float64(p.Row(i, y)[x])
	}
}

// converted returns the pixels of a picture, by the equations of T.871; for inks, it converts as
// djpeg does.
func converted(h Header, p *plane.Picture) func(x, y int) [3]float64 {
	at := raised(h, p)
	return func(x, y int) (v [3]float64) {
		switch p.Model {
		case plane.Gray:
			v[0] = at(0, x, y)
		case plane.YCbCr:
			l, b, r := at(0, x, y), at(1, x, y)-128, at(2, x, y)-128
			v = [3]float64{l + 1.402*r, l - 0.344136*b - 0.714136*r, l + 1.772*b}
		case plane.RGB:
			v = [3]float64{at(0, x, y), at(1, x, y), at(2, x, y)}
		case plane.CMYK:
			for i := range v {
				// It is stored inverted, and djpeg does not undo that.
				v[i] = (255 - at(i, x, y)) * (255 - at(3, x, y)) / 255
			}
		}
		for i := range v {
			v[i] = min(max(v[i], 0), 255)
		}
		return v
	}
}

// compareWithDjpeg requires every sample of a file to differ from libjpeg's by at most 1 before
// colour conversion, where libjpeg can output that, and by at most 2 after it. It returns the
// largest differences.
func compareWithDjpeg(t *testing.T, file []byte, threads int) (before, after float64) {
	t.Helper()
	d, err := New(bytes.NewReader(file), Options{Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	w, h, samples, pix, complaint := jpegtest.Djpeg(t, file, d.colour.model != plane.YCbCr)
	if complaint != "" {
		t.Fatalf("libjpeg: %s", complaint)
	}
	p := plane.New(d.Header().Layout)
	report, err := d.Decode(context.Background(), p)
	if err != nil || report.Damage != "" {
		t.Fatalf("damage %q, error %v", report.Damage, err)
	}
	if p.Width() != w || p.Height() != h || (samples == 1) != (p.Model == plane.Gray) {
		t.Fatalf("%d×%d of %s, libjpeg has %d×%d of %d samples",
			p.Width(), p.Height(), p.Model, w, h, samples)
	}
	after, where := difference(p, samples, pix, converted(d.header, p))
	if after > 2 {
		t.Errorf("after conversion, %s", where)
	}
	switch p.Model {
	case plane.Gray, plane.RGB:
		before = after
	case plane.YCbCr:
		at := raised(d.header, p)
		if _, _, _, pix, complaint = jpegtest.Djpeg(t, asRGB(t, file), false); complaint != "" {
			t.Fatalf("libjpeg, with the file marked as RGB: %s", complaint)
		}
		before, where = difference(p, 3, pix, func(x, y int) [3]float64 {
			return [3]float64{at(0, x, y), at(1, x, y), at(2, x, y)}
		})
	case plane.CMYK:
		before = math.NaN() // libjpeg outputs only products of samples
	}
	if before > 1 {
		t.Errorf("before conversion, %s", where)
	}
	return before, after
}

// TestColoursEqualDjpeg compares all components for every colour model and sampling that libjpeg
// reads.
func TestColoursEqualDjpeg(t *testing.T) {
	for _, c := range []struct {
		name     string
		before   []byte
		sampling [][2]int
	}{
		{"grey", jfif, [][2]int{{1, 1}}},
		{"444", jfif, [][2]int{{1, 1}, {1, 1}, {1, 1}}},
		{"422", jfif, [][2]int{{2, 1}, {1, 1}, {1, 1}}},
		{"440", jfif, [][2]int{{1, 2}, {1, 1}, {1, 1}}},
		{"420", jfif, [][2]int{{2, 2}, {1, 1}, {1, 1}}},
		{"411", jfif, [][2]int{{4, 1}, {1, 1}, {1, 1}}},
		{"410", jfif, [][2]int{{4, 2}, {1, 1}, {1, 1}}},
		{"one coarse chroma", jfif, [][2]int{{2, 2}, {2, 1}, {1, 2}}},
		{"RGB", adobe(0), [][2]int{{1, 1}, {1, 1}, {1, 1}}},
		{"RGB, coarse", adobe(0), [][2]int{{1, 1}, {2, 2}, {2, 1}}},
		{"CMYK", nil, [][2]int{{1, 1}, {1, 1}, {1, 1}, {1, 1}}},
		{"CMYK by Adobe", adobe(0), [][2]int{{1, 1}, {1, 1}, {1, 1}, {1, 1}}},
		{"CMYK, coarse", adobe(0), [][2]int{{2, 1}, {1, 1}, {1, 2}, {2, 2}}},
		{"YCCK", adobe(2), [][2]int{{1, 1}, {1, 1}, {1, 1}, {1, 1}}},
		{"YCCK, coarse", adobe(2), [][2]int{{2, 2}, {1, 1}, {1, 1}, {2, 2}}},
	} {
		for _, interval := range []int{0, 3} {
			f := newFixture(183, 131, 8, c.sampling...)
			f.before, f.interval = c.before, interval
			before, after := compareWithDjpeg(t, f.bytes(), 1)
			t.Logf("%s, restart interval %d: at most %g before, %.2f after conversion",
				c.name, interval, before, after)
		}
	}
}

// TestCorpusEqualsDjpeg compares every valid JPEG of the corpus, which is one about which libjpeg
// prints no message. The log lists the others.
func TestCorpusEqualsDjpeg(t *testing.T) {
	jpegtest.Tool(t, "djpeg")
	root := filepath.Dir(filepath.Dir(corpus(t, "photos/*.jpg")[0]))
	valid := 0
	err := filepath.WalkDir(root, func(name string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		file, err := os.ReadFile(name)
		if err != nil || testing.Short() && len(file) > 1<<20 {
			return err
		}
		short := strings.TrimPrefix(name, root+"/")
		hostile := strings.Contains(short, "hostile") || strings.HasPrefix(short, "cases/") // not all valid
		if !hostile && !bytes.HasPrefix(file, []byte{0xFF, stream.SOI, 0xFF}) {
			return nil
		}
		if _, _, _, _, complaint := jpegtest.Djpeg(t, file, false); complaint != "" {
			t.Logf("%s is not valid: %s", short, complaint)
			if !hostile {
				t.Errorf("%s is not valid", short)
			}
			return nil
		}
		var u *UnsupportedError
		if _, err := New(bytes.NewReader(file), Options{}); hostile && errors.As(err, &u) {
			t.Logf("%s is not supported: %v", short, err)
			return nil
		}
		valid++
		t.Run(short, func(t *testing.T) {
			before, after := compareWithDjpeg(t, file, 1+valid%2)
			t.Logf("at most %g before, %.2f after conversion", before, after)
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d valid files", valid)
}
