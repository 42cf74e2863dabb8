package jpeg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/jpeg/encode"
	"github.com/imgmill/imgmill/internal/engine/jpeg/jpegtest"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// fit is codec.Fit over trials of p.
func fit(p *plane.Picture, o encode.Options, maxBytes, lo, hi int) ([]byte, int, error) {
	e, err := encode.New(context.Background(), p)
	if err != nil {
		return nil, 0, err
	}
	return codec.Fit(context.Background(), &trials{e: e, o: o}, int64(maxBytes), lo, hi)
}

// TestFit requires the best quality within the limit, which it determines by trying them all.
func TestFit(t *testing.T) {
	p := jpegtest.YCbCr(jpegtest.Scene(300, 200), 2, 2)
	for _, o := range []encode.Options{{}, {Progressive: true}} {
		size := make([]int, 101)
		for q := 1; q <= 100; q++ {
			o.Quality = q
			size[q] = len(encoded(t, p, o))
		}
		for _, c := range []struct{ limit, lo, hi int }{
			{size[95] + 1, 10, 95}, {size[80], 10, 95}, {size[80] - 1, 10, 95},
			{size[50] + 7, 1, 100}, {size[30], 10, 90}, {size[11], 10, 80}, {size[10], 10, 80},
			{size[60] + 1, 60, 60}, {size[75], 70, 80}, {size[5], 1, 100},
		} {
			file, quality, err := fit(p, o, c.limit, c.lo, c.hi)
			if err != nil {
				t.Errorf("%+v: %v", c, err)
				continue
			}
			best := c.hi
			for size[best] > c.limit {
				best--
			}
			o.Quality = quality
			if quality != best || !bytes.Equal(file, encoded(t, p, o)) {
				t.Errorf("%+v: got quality %d with %d bytes, want quality %d",
					c, quality, len(file), best)
			}
		}
	}
}

func TestFitTooLarge(t *testing.T) {
	p := jpegtest.Noise(100, 100, 1, 1, 3)
	smallest := len(encoded(t, p, encode.Options{Quality: 20}))
	for _, limit := range []int{0, 1, 1000, smallest - 1} {
		_, _, err := fit(p, encode.Options{}, limit, 20, 90)
		want := fmt.Sprintf("%d bytes at the lowest quality allowed, the limit is %d; raise max_bytes", smallest, limit)
		if !errors.Is(err, codec.ErrTooLarge) || !strings.Contains(err.Error(), want) {
			t.Errorf("limit %d: error %v, want %q", limit, err, want)
		}
	}
}

func TestFitErrors(t *testing.T) {
	p := jpegtest.Noise(10, 10, 1, 1, 3)
	for _, c := range [][2]int{{0, 50}, {50, 101}, {60, 50}} {
		if _, _, err := fit(p, encode.Options{}, 1000, c[0], c[1]); err == nil || errors.Is(err, codec.ErrTooLarge) {
			t.Errorf("qualities %v: %v", c, err)
		}
	}
	rgb := plane.New(plane.NewLayout(plane.RGB, false, 8, 8, 1, 1))
	if _, _, err := fit(rgb, encode.Options{}, 1000, 10, 90); err == nil {
		t.Error("RGB: no error")
	}
	long := encode.Options{Metadata: codec.Metadata{EXIF: make([]byte, 1<<16)}}
	if _, _, err := fit(p, long, 1000, 10, 90); err == nil || errors.Is(err, codec.ErrTooLarge) {
		t.Errorf("long EXIF: %v", err)
	}
}

// TestFitPhotographs requires six trials to suffice for photographs.
func TestFitPhotographs(t *testing.T) {
	for n, m := range jpegtest.Kodak(t, 3, 8, 19) {
		p := jpegtest.YCbCr(m, 2, 2)
		for _, limit := range []int{25 << 10, 35 << 10, 60 << 10, 90 << 10, 150 << 10} {
			file, quality, err := fit(p, encode.Options{}, limit, 10, 95)
			if err != nil {
				t.Errorf("kodak %d, %d bytes: %v", n, limit, err)
				continue
			}
			if len(file) > limit {
				t.Errorf("kodak %d: %d bytes exceed the limit of %d", n, len(file), limit)
			}
			if quality < 95 {
				if above := len(encoded(t, p, encode.Options{Quality: quality + 1})); above <= limit {
					t.Errorf("kodak %d, limit %d: got quality %d, but the next one fits with %d bytes",
						n, limit, quality, above)
				}
			}
		}
	}
}

func BenchmarkFit(b *testing.B) {
	p := jpegtest.YCbCr(jpegtest.Scene(800, 600), 2, 2)
	for b.Loop() {
		if _, _, err := fit(p, encode.Options{}, 60<<10, 40, 90); err != nil {
			b.Fatal(err)
		}
	}
}
