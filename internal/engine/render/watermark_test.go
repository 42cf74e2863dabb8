package render

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

// logo is a w×h overlay without symmetry: transparent, half transparent and opaque places, gray or not.
func logo(t *testing.T, w, h int, gray bool) *Overlay {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.NRGBA{uint8(40 + 200*x/w), uint8(250 - 200*y/h), uint8(30 + 7*(x*y%29)), uint8(255 * ((x/2 + y) % 4) / 3)}
			if gray {
				c.G, c.B = c.R, c.R
			}
			m.SetNRGBA(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	o, err := engine.Overlay(t.Context(), &b, codec.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// laid composes an overlay of its own size on a canvas by the definition, in floating point: its planes
// are those of model m, and alpha.
func laid(p *plane.Picture, o *plane.Picture, m Watermark, left, top, stepX, stepY int) [][]float64 {
	w, h := p.Width(), p.Height()
	var canvas [][]float64 // of the overlay, everywhere
	for range len(o.Planes) {
		canvas = append(canvas, make([]float64, w*h))
	}
	opacity := 1.0
	if m.Opacity != "" {
		opacity = float64(setting.Hundredths(m.Opacity)) / 10000
	}
	put := func(tx, ty int) {
		for y := range o.Height() {
			for x := range o.Width() {
				if X, Y := tx+x, ty+y; X >= 0 && X < w && Y >= 0 && Y < h {
					for i := range canvas {
						canvas[i][Y*w+X] = float64(o.Row(i, y)[x])
					}
				}
			}
		}
	}
	if stepX == 0 {
		put(left, top)
	} else {
		for a := -20; a <= 20; a++ {
			for b := -20; b <= 20; b++ {
				put(left+a*stepX, top+b*stepY)
			}
		}
	}
	colours := p.Model.Colours()
	a, has := p.Alpha()
	var out [][]float64
	for i, s := range p.Planes {
		subX, subY := (w+s.Width-1)/s.Width, (h+s.Height-1)/s.Height
		plane := make([]float64, s.Width*s.Height)
		for y := range s.Height {
			for x := range s.Width {
				A, B, sum, n := 0.0, 0.0, 0.0, 0.0
				for Y := y * subY; Y < min((y+1)*subY, h); Y++ {
					for X := x * subX; X < min((x+1)*subX, w); X++ {
						over := canvas[colours][Y*w+X] / 255 * opacity
						under := 1.0
						if has {
							under = float64(p.Row(a, Y)[X]) / 255
						}
						A, B, n = A+over, B+under*(1-over), n+1
						if i < colours {
							sum += canvas[i][Y*w+X] * over
						}
					}
				}
				v := float64(p.Row(i, y)[x])
				switch {
				case i == colours:
					v = 255 * (A + B) / n
				case A > 0:
					v = (sum + v*B) / (A + B)
				}
				plane[y*s.Width+x] = v
			}
		}
		out = append(out, plane)
	}
	return out
}

// TestWatermark compares what a variant shows with the definition, on every model, grid and kind of alpha, anywhere.
func TestWatermark(t *testing.T) {
	for _, c := range []struct {
		mark        Watermark
		left, top   int // of the first one
		stepX, step int
	}{
		{Watermark{}, 70, 42, 0, 0}, // in the right bottom corner, 2 of 100 pixels from the edges
		{Watermark{Position: "0% 0%", Margin: "0%"}, 0, 0, 0, 0},
		{Watermark{Position: Center, Opacity: "50%"}, 36, 22, 0, 0},
		{Watermark{Position: "30% 70%", Margin: "5.5%", Opacity: "12.25%"}, 24, 28, 0, 0},
		{Watermark{Tile: true, Margin: "0%", Position: "0% 0%"}, 0, 0, 29, 17},
		{Watermark{Tile: true, Margin: "3%", Position: Center}, 4, 2, 32, 20},
	} {
		for _, model := range []plane.Model{plane.Gray, plane.RGB, plane.YCbCr} {
			for _, alpha := range []bool{false, true} {
				for _, sub := range []int{1, 2} {
					if sub == 2 && model != plane.YCbCr {
						continue
					}
					what := fmt.Sprintf("%+v on %v, alpha %t, 1/%d", c.mark, model, alpha, sub)
					p := scene(101, 61, model, alpha, sub)
					m := c.mark
					m.Overlay = logo(t, 29, 17, model == plane.Gray)
					j := &job{variant: Variant{Watermark: m}}
					before := plane.New(p.Layout)
					for i := range p.Pix {
						copy(before.Pix[i], p.Pix[i])
					}
					got, err := j.mark(t.Context(), p)
					if err != nil {
						t.Fatal(err)
					}
					o := m.Overlay.picture
					if model != plane.RGB {
						if o, err = inModel(t.Context(), o, model); err != nil {
							t.Fatal(err)
						}
					}
					want := laid(before, o, m, c.left, c.top, c.stepX, c.step)
					worst, changed := 0.0, false
					for i := range want {
						for k, v := range want[i] {
							worst = max(worst, math.Abs(v-float64(got.Pix[i][k])))
							changed = changed || got.Pix[i][k] != before.Pix[i][k]
						}
					}
					// Half a level of opacity may be 255/2 times as much in a difference of colours, and the result is rounded.
					bound := 0.51
					if m.Opacity != "" {
						bound = 1.1
					}
					if alpha {
						bound *= 2 // where both are nearly transparent
					}
					if worst > bound || !changed {
						t.Errorf("%s: off by %.2f, changed %t", what, worst, changed)
					}
				}
			}
		}
	}
}

// TestWatermarkSize: the overlay is as large as the settings say, and never larger than fits.
func TestWatermarkSize(t *testing.T) {
	for _, c := range []struct {
		m            Watermark
		ow, oh, w, h int
		want         string
	}{
		{Watermark{}, 100, 50, 1000, 500, "100×50 at 880,430"},
		{Watermark{Scale: "20%"}, 100, 50, 1000, 500, "200×100 at 780,380"},
		{Watermark{Scale: "20%", Margin: "0%", Position: "0% 100%"}, 100, 50, 1000, 500, "200×100 at 0,400"},
		{Watermark{Scale: "50%"}, 50, 100, 1000, 500, "230×460 at 750,20"}, // as high as fits
		{Watermark{}, 100, 50, 40, 40, "38×19 at 1,20"},
		{Watermark{Margin: "40%"}, 100, 50, 3, 1, "1×1 at 1,0"},
		{Watermark{}, 1000, 10, 1, 1, "1×1 at 0,0"},
		{Watermark{Tile: true, Scale: "30%", Position: Center}, 100, 50, 1000, 500, "300×150 at 30,5 every 320,170"},
	} {
		s, w, h := c.m.placed(c.ow, c.oh, c.w, c.h)
		got := fmt.Sprintf("%d×%d at %d,%d", w, h, s.left, s.top)
		if s.stepX > 0 {
			got += fmt.Sprintf(" every %d,%d", s.stepX, s.stepY)
		}
		if got != c.want {
			t.Errorf("%+v, %d×%d on %d×%d: %s, want %s", c.m, c.ow, c.oh, c.w, c.h, got, c.want)
		}
	}
}

// solid is an overlay of one colour.
func solid(t *testing.T, c color.NRGBA) *Overlay {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, 8, 8))
	for i := range 64 {
		m.SetNRGBA(i%8, i/8, c)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	o, err := engine.Overlay(t.Context(), &b, codec.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// TestWatermarkInEveryFormat: whatever the picture is and whatever is written, the mark is on it, in its colour.
func TestWatermarkInEveryFormat(t *testing.T) {
	red := solid(t, color.NRGBA{220, 30, 40, 255})
	for _, f := range engine.Formats.Writable() {
		for _, model := range []plane.Model{plane.Gray, plane.RGB, plane.YCbCr, plane.CMYK} {
			for _, v := range []Variant{{}, {Width: 48}, {Width: 60, Height: 60, Fit: Contain}, {Width: 48, LinearLight: true}, {Width: 40, Height: 40, Fit: Cover, Position: Attention}} {
				v.Format, v.Background = f, [3]uint8{255, 255, 255}
				v.Watermark = Watermark{Image: "logo.png", Overlay: red, Position: Center, Scale: "50%"}
				d := open(t, one(t, picture(scene(64, 48, model, false, 1), 1), v).Data)
				var k keeper
				k2 := Variant{Format: &codec.Format{Name: "kept", Encoder: func(setting.Values) codec.Encoder { return &k }}}
				one(t, d, k2)
				x, y := k.kept.Width()/2, k.kept.Height()/2
				got := [3]int{int(k.kept.Row(0, y)[x]), int(k.kept.Row(1, y)[x]), int(k.kept.Row(2, y)[x])}
				for i, want := range []int{220, 30, 40} {
					if got[i] < want-30 || got[i] > want+30 {
						t.Errorf("%v as %s, %+v: the mark is %v", model, f, v, got)
						break
					}
				}
			}
		}
	}
}

// TestWatermarkInP3: an overlay in sRGB is converted as the background is.
func TestWatermarkInP3(t *testing.T) {
	v := Variant{Format: pngFormat, Colour: DisplayP3, Watermark: Watermark{Image: "a", Overlay: solid(t, color.NRGBA{255, 0, 0, 255}), Position: Center}}
	m := decodePNG(t, one(t, picture(scene(32, 32, plane.RGB, false, 1), 1), v))
	if got := rgba(m.At(16, 16)); got != [4]uint8{234, 51, 35, 255} { // sRGB's red in Display P3, as CSS Color 4 computes it
		t.Errorf("red in Display P3 is %v", got)
	}
}

// TestWatermarkOnEachFrame marks each frame of an animation, and reduces the overlay once.
func TestWatermarkOnEachFrame(t *testing.T) {
	d := newFilm(3)
	white := solid(t, color.NRGBA{255, 255, 255, 255})
	out, err := engine.Render(t.Context(), d, codec.Limits{}, []Variant{{Name: "a", Format: flipFormat(nil), Frames: AllFrames,
		Watermark: Watermark{Image: "a", Overlay: white, Position: "0% 0%", Margin: "0%"}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := string(out[0].Data); strings.Count(got, " 255 for") != 3 {
		t.Errorf("the frames' first pixels: %s", got)
	}
}

func TestWatermarkErrors(t *testing.T) {
	_, err := engine.Render(t.Context(), picture(scene(8, 8, plane.RGB, false, 1), 1), codec.Limits{},
		[]Variant{{Name: "v", Format: pngFormat, Watermark: Watermark{Image: "logo.png"}}})
	if err == nil || codec.Permanent(err) || !strings.Contains(err.Error(), "logo.png has not been loaded") {
		t.Errorf("without its overlay: %v", err)
	}
	if _, err := engine.Overlay(t.Context(), strings.NewReader("no picture"), codec.Limits{}); err == nil {
		t.Error("no picture is an overlay")
	}
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 2001, 2000))); err != nil {
		t.Fatal(err)
	}
	if _, err := engine.Overlay(t.Context(), &b, codec.Limits{Pixels: 1e9}); err == nil {
		t.Error("an overlay of 4,002,000 pixels is accepted")
	}
	s := NewSchema(engine.Formats)
	for _, v := range []Variant{{Watermark: Watermark{Scale: "20%"}}, {Watermark: Watermark{Image: NoWatermark, Tile: true}}} {
		if idle := s.Idle(v); len(idle) != 1 || !strings.Contains(idle[0].Text, "watermark.image") {
			t.Errorf("%+v: %v", v.Watermark, idle)
		}
	}
	if p := s.Problems(Variant{Colour: KeepSpace, Watermark: Watermark{Image: "a.png"}}); len(p) != 1 || p[0].Setting != "colour" {
		t.Errorf("beside colour: keep: %v", p)
	}
}
