package webp

import (
	"bytes"
	"image"
	"math/rand/v2"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

// TestFramesDrawnOver: lossless frames leave out what is shown already where that makes them simpler, and
// where what is drawn hides what is below it. They show the same in any case.
func TestFramesDrawnOver(t *testing.T) {
	const w, h = 60, 40
	rnd := rand.New(rand.NewPCG(1, 2))
	for name, c := range map[string]struct {
		noise, hole bool
		alphas      [2]byte // of the first and the second spot
		over        bool
	}{
		"noise":                  {noise: true, alphas: [2]byte{255, 255}, over: true},
		"flat":                   {alphas: [2]byte{255, 255}},
		"translucent":            {noise: true, alphas: [2]byte{255, 120}},
		"erased":                 {noise: true, alphas: [2]byte{0, 255}},
		"translucent on nothing": {noise: true, hole: true, alphas: [2]byte{120, 255}, over: true},
	} {
		first := plane.New(plane.NewLayout(plane.RGB, true, w, h, 1, 1))
		for i := range first.Pix {
			for k := range first.Pix[i] {
				switch {
				case i == 3:
					first.Pix[i][k] = 255
				case c.noise:
					first.Pix[i][k] = byte(rnd.IntN(256))
				}
			}
		}
		spots := [2]image.Rectangle{image.Rect(3, 4, 9, 9), image.Rect(41, 31, 50, 37)}
		second := plane.New(first.Layout)
		for i := range first.Pix {
			if c.hole {
				for y := spots[0].Min.Y; y < spots[0].Max.Y; y++ {
					clear(first.Row(i, y)[spots[0].Min.X:spots[0].Max.X])
				}
			}
			copy(second.Pix[i], first.Pix[i])
			for k, spot := range spots {
				for y := spot.Min.Y; y < spot.Max.Y; y++ {
					for x := spot.Min.X; x < spot.Max.X; x++ {
						second.Row(i, y)[x] = []byte{byte(90 + x&1), 7, 200, c.alphas[k]}[i]
						if c.alphas[k] == 0 {
							second.Row(i, y)[x] = 0
						}
					}
				}
			}
		}
		drawn, ok := holes(first, second, image.Rect(2, 2, 52, 38))
		if ok != c.over || ok && drawn.Opaque() {
			t.Errorf("%s: drawn over is %t", name, ok)
		}
		file := animate(t, setting.Values{"lossless": "true"}, 0, []*plane.Picture{first, second}, []int{50, 50})
		d, err := codec.Set{Format}.Open(bytes.NewReader(file), codec.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []*plane.Picture{first, second} {
			if _, err := d.(codec.FrameDecoder).NextFrame(t.Context()); err != nil {
				t.Fatal(err)
			}
			got := plane.New(d.Shrink(w, h))
			if _, err := d.Decode(t.Context(), got); err != nil {
				t.Fatal(err)
			}
			if !got.HasAlpha() && !want.Opaque() {
				t.Errorf("%s: frame %d is opaque", name, i)
			}
			for k := range got.Pix {
				if !bytes.Equal(got.Pix[k], want.Pix[k]) {
					t.Errorf("%s: frame %d has other samples in plane %d", name, i, k)
				}
			}
		}
	}
}
