package render

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"math"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/colour"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/engine/setting"
	"github.com/imgmill/imgmill/internal/engine/ssimulacra2"
)

// looking returns a variant whose quality is chosen by its look.
func looking(format string, width int, look Look, more ...string) Variant {
	v := NewVariant("auto")
	v.Format, v.Width, v.Look = engine.Formats.Named(format), width, look
	v.Encoding = setting.Values{"quality": "auto"}
	for _, s := range more {
		name, text, _ := strings.Cut(s, "=")
		v.Encoding.Set(name, text)
	}
	return v
}

func TestAutoMeetsTheLook(t *testing.T) {
	photo, gray := sample.Photo(900, 600), file(t, plane.Gray, 900, 600, 1, 1)
	wide := scene(400, 300, plane.RGB, false, 1)
	wide.Space.ICC = colour.DisplayP3Profile()
	inputs := map[string]func() codec.Decoder{
		"photo": func() codec.Decoder { return open(t, photo) },
		"gray":  func() codec.Decoder { return open(t, gray) },
		"alpha": func() codec.Decoder { return picture(scene(400, 300, plane.RGB, true, 1), 1) },
		"P3":    func() codec.Decoder { return picture(wide, 6) },
	}
	for name, input := range inputs {
		for _, format := range []string{"jpeg", "webp", "jpeg effort=high", "webp effort=fast"} {
			for _, look := range []Look{Good, High} {
				if look == High && name == "photo" {
					continue // whose drawn grain half of the chroma cannot hold
				}
				format, setting, _ := strings.Cut(format, " ")
				v := looking(format, 300, look, setting)
				v.Colour = KeepSpace
				o := one(t, input(), v)
				f := o.Found
				if f == nil || f.Encodes > 9 || f.Score < look.target() || len(o.Dropped) > 0 {
					t.Fatalf("%s as %s %s, %s: %+v, without %q", name, format, setting, look, f, o.Dropped)
				}
				if f.Score > look.target()+4 && f.Quality > codec.LowestQuality {
					t.Errorf("%s as %s %s, %s: %+v", name, format, setting, look, *f)
				}
				v.Look = "" // that it is the lowest: one less must miss the target
			}
		}
	}
}

// TestAutoScoreIsThatOfTheFile measures a file by a decoder that is not ours, beside a variant without loss.
func TestAutoScoreIsThatOfTheFile(t *testing.T) {
	for name, photo := range map[string][]byte{
		"colour": sample.Photo(700, 500), "gray": file(t, plane.Gray, 700, 500, 1, 1),
	} {
		o := one(t, open(t, photo), looking("jpeg", 350, High, "subsampling=4:4:4"))
		exact := decodePNG(t, one(t, open(t, photo), Variant{Width: 350, Format: pngFormat}))
		m, err := jpeg.Decode(bytes.NewReader(o.Data))
		if err != nil {
			t.Fatal(err)
		}
		if got := scoreOf(exact, m); math.Abs(got-o.Found.Score) > 0.5 {
			t.Errorf("%s: the score is %.2f, and said to be %.2f", name, got, o.Found.Score)
		}
	}
}

func scoreOf(original, other image.Image) float64 {
	b := original.Bounds()
	c := ssimulacra2.New(b.Dx(), b.Dy())
	for y := range b.Dy() {
		var rows [2][3][]byte
		for i, m := range []image.Image{original, other} {
			for x := range b.Dx() {
				v := rgba(m.At(x, y))
				for k := range rows[i] {
					rows[i][k] = append(rows[i][k], v[k])
				}
			}
		}
		c.Row(rows[0], rows[1])
	}
	return c.Score()
}

func TestAutoGivesWayToBytes(t *testing.T) {
	photo := sample.Photo(600, 400)
	for _, format := range []string{"jpeg", "webp"} {
		v := looking(format, 400, Good)
		free := one(t, open(t, photo), v)
		v.MaxBytes = int64(len(free.Data))
		if o := one(t, open(t, photo), v); !bytes.Equal(o.Data, free.Data) || len(o.Dropped) > 0 {
			t.Errorf("%s: %d bytes with a bound of %d, without %q", format, len(o.Data), v.MaxBytes, o.Dropped)
		}
		v.MaxBytes = v.MaxBytes * 2 / 3
		o := one(t, open(t, photo), v)
		if n := int64(len(o.Data)); n > v.MaxBytes || n < v.MaxBytes*8/10 {
			t.Errorf("%s: %d bytes with a bound of %d", format, n, v.MaxBytes)
		}
		if want := fmt.Sprintf("the look good: it takes %d bytes", len(free.Data)); len(o.Dropped) != 1 || o.Dropped[0] != want {
			t.Errorf("%s: without %q, not %q", format, o.Dropped, want)
		}
	}
	// A JPEG from a JPEG does not grow either.
	small := one(t, open(t, photo), Variant{Width: 600, Encoding: setting.Values{"quality": "30"}}).Data
	o := one(t, open(t, small), looking("jpeg", 0, VisuallyLossless))
	if len(o.Data) > len(small) || len(o.Dropped) != 1 {
		t.Errorf("%d bytes from %d, without %q", len(o.Data), len(small), o.Dropped)
	}
}

// TestAutoSaysWhatNoQualityReaches: in a WebP, which has half of the chroma each way, fine stripes of two colours
// are never as they were.
func TestAutoSaysWhatNoQualityReaches(t *testing.T) {
	p := plane.New(plane.NewLayout(plane.RGB, false, 160, 120, 1, 1))
	for y := range 120 {
		for x := range 160 {
			p.Row(x%2, y)[x] = uint8(160 + x/2)
		}
	}
	o := one(t, picture(p, 1), looking("webp", 0, Good))
	if len(o.Dropped) != 1 || !strings.HasPrefix(o.Dropped[0], "the look good in WebP: it scores ") || o.Found.Score >= 70 {
		t.Errorf("%+v, without %q", *o.Found, o.Dropped)
	}
}

// TestAutoSeesNoColoursUnderTransparency: what does not show has no influence.
func TestAutoSeesNoColoursUnderTransparency(t *testing.T) {
	var found []codec.Found
	for _, hidden := range []uint8{0, 1} {
		p := scene(200, 150, plane.RGB, true, 1)
		for y := range 150 {
			for x := range 200 {
				if p.Row(3, y)[x] = uint8(min(255, max(0, 4*(x-60)))); x <= 60 {
					p.Row(0, y)[x] = 255 * (hidden ^ uint8((x+y)%2))
				}
			}
		}
		found = append(found, *one(t, picture(p, 1), looking("webp", 0, Good)).Found)
	}
	if d := found[0].Score - found[1].Score; math.Abs(d) > 1.5 {
		t.Errorf("%+v and %+v", found[0], found[1])
	}
}

func TestLookNeedsAuto(t *testing.T) {
	schema := NewSchema(engine.Formats)
	for want, v := range map[string]Variant{
		"":        looking("webp", 300, High),
		"look":    {Format: jpegFormat, Width: 300, Look: High, Encoding: setting.Values{"quality": "80"}},
		"quality": {Format: engine.Formats.Named("webp"), Frames: 5, Encoding: setting.Values{"quality": "auto"}},
	} {
		problems := schema.Problems(v)
		if want == "" && len(problems) > 0 || want != "" && (len(problems) != 1 || problems[0].Setting != want) {
			t.Errorf("problems %v, want one of %q", problems, want)
		}
	}
}
