package webp

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/codec/codectest"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

// inColours returns a noisy photograph in RGB, or rectangles of one colour each if flat.
func inColours(w, h int, alpha, flat bool) *plane.Picture {
	p := codectest.Draw(plane.NewLayout(plane.RGB, alpha, w, h, 1, 1), codectest.Smooth, 3)
	if !flat {
		noise := codectest.Draw(p.Layout, codectest.Noisy, 4)
		for i := range p.Pix {
			for k := range p.Pix[i] {
				p.Pix[i][k] += noise.Pix[i][k] % 9
			}
		}
		return p
	}
	for i := range p.Pix {
		for y := range h {
			for x := range w {
				p.Row(i, y)[x] = uint8(97*(x/20)*(i+1) + 31*(y/15))
			}
		}
	}
	return p
}

// TestAuto: auto gives the bytes of lossless: true for a drawing, those of a lossy file for a photograph,
// and never more than either where it has tried both.
func TestAuto(t *testing.T) {
	auto := Format.Encoder(setting.Values{"lossless": "auto"}).(autoEncoder)
	for _, alpha := range []bool{false, true} {
		for _, flat := range []bool{false, true} {
			for _, side := range []int{20, 150} {
				p := inColours(side, side+1, alpha, flat)
				got := encodeWith(t, p, setting.Values{"lossless": "auto"}, codec.EncodeOptions{})
				exact := encodeWith(t, p, setting.Values{"lossless": "true"}, codec.EncodeOptions{})
				q, err := auto.chroma(t.Context(), p)
				if err != nil {
					t.Fatal(err)
				}
				lossy := encodeWith(t, q, nil, codec.EncodeOptions{})
				want := lossy
				if len(exact) <= len(lossy) {
					want = exact
				}
				if flat != bytes.Equal(want, exact) {
					t.Errorf("alpha %t, flat %t, %d: %d bytes are lossless, %d lossy", alpha, flat, side, len(exact), len(lossy))
				}
				if !bytes.Equal(got, want) {
					t.Errorf("alpha %t, flat %t, %d: %d bytes, want the %d of one of the two", alpha, flat, side, len(got), len(want))
				}
			}
		}
	}
}

// TestAutoKeepsLossy: what comes in luma and chroma is a lossy file, whatever it shows.
func TestAutoKeepsLossy(t *testing.T) {
	for kind := range codectest.DrawnKinds {
		e := Format.Encoder(setting.Values{"lossless": "auto", "quality": "50"})
		p := codectest.Draw(e.Layout(plane.YCbCr, false, 70, 60), kind, 5)
		want := encodeWith(t, p, setting.Values{"quality": "50"}, codec.EncodeOptions{})
		if got := encodeWith(t, p, setting.Values{"lossless": "auto", "quality": "50"}, codec.EncodeOptions{}); !bytes.Equal(got, want) {
			t.Errorf("kind %d: %d bytes, want the %d of a lossy file", kind, len(got), len(want))
		}
	}
}

// TestAutoFits: max_bytes takes a drawing without loss if that fits, and a photograph with less quality.
func TestAutoFits(t *testing.T) {
	e := Format.Encoder(setting.Values{"lossless": "auto"}).(codec.LossyEncoder)
	for _, flat := range []bool{false, true} {
		p := inColours(150, 100, false, flat)
		trials, err := e.Trials(t.Context(), p, codec.EncodeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		const most = 1200
		file, quality, err := codec.Fit(t.Context(), trials, most, 1, trials.Quality())
		if err != nil || len(file) > most {
			t.Fatalf("flat %t: %d bytes, %v", flat, len(file), err)
		}
		if flat {
			checkLossless(t, p, file)
		}
		if flat != (quality == DefaultQuality) {
			t.Errorf("flat %t: quality %d", flat, quality)
		}
	}
}

// TestAutoAnimation: each frame is written one way or the other.
func TestAutoAnimation(t *testing.T) {
	photo, drawing := inColours(150, 100, false, false), inColours(150, 100, false, true)
	file := animate(t, setting.Values{"lossless": "auto"}, 0, []*plane.Picture{drawing, photo, drawing}, []int{50, 50, 50})
	if lossless, lossy := bytes.Count(file, []byte("VP8L")), bytes.Count(file, []byte("VP8 ")); lossless != 2 || lossy != 1 {
		t.Errorf("%d lossless frames and %d lossy ones, want 2 and 1", lossless, lossy)
	}
}

// TestExact: the colours of transparent pixels stay if they are to.
func TestExact(t *testing.T) {
	for _, effort := range codec.EffortSetting.Choices {
		for _, lossless := range []string{"true", "auto"} {
			p := inColours(60, 50, true, true)
			alpha, _ := p.Alpha()
			for y := range 50 {
				clear(p.Row(alpha, y)[y%3*20:][:20])
			}
			v := setting.Values{"lossless": lossless, "exact": "true", "effort": effort}
			_, got := decodeBytes(t, encodeWith(t, p, v, codec.EncodeOptions{}))
			for i := range p.Pix {
				if !bytes.Equal(got.Pix[i], p.Pix[i]) {
					t.Errorf("%v: plane %d has changed", v, i)
				}
			}
			v.Set("exact", "")
			_, got = decodeBytes(t, encodeWith(t, p, v, codec.EncodeOptions{}))
			if hidden := fmt.Sprint(got.Row(0, 0)[0], got.Row(1, 0)[0], got.Row(2, 0)[0]); hidden != "0 0 0" {
				t.Errorf("%v: a transparent pixel is %s", v, hidden)
			}
		}
	}
}

// TestExactThroughTheEngine: where the size stays, no step changes the colours of transparent pixels.
func TestExactThroughTheEngine(t *testing.T) {
	p := inColours(60, 50, true, false)
	alpha, _ := p.Alpha()
	for y := range 50 {
		clear(p.Row(alpha, y)[y:])
	}
	v := render.Variant{Name: "exact", Format: Format, Encoding: setting.Values{"lossless": "true", "exact": "true"}}
	engine := &render.Engine{Formats: codec.Set{Format}}
	_, outputs, err := engine.Make(t.Context(), bytes.NewReader(encodeWith(t, p, v.Encoding, codec.EncodeOptions{})), codec.Limits{}, []render.Variant{v})
	if err != nil {
		t.Fatal(err)
	}
	_, got := decodeBytes(t, outputs[0].Data)
	for i := range p.Pix {
		if !bytes.Equal(got.Pix[i], p.Pix[i]) {
			t.Errorf("plane %d has changed", i)
		}
	}
}
