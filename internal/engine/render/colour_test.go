package render

import (
	"bytes"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/colour"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

// flat is a picture of one colour in a space.
func flat(m plane.Model, s plane.Space, levels ...byte) *memory {
	p := plane.New(plane.NewLayout(m, false, 16, 16, 1, 1))
	for i, v := range levels {
		for k := range p.Pix[i] {
			p.Pix[i][k] = v
		}
	}
	p.Space = s
	return picture(p, 1)
}

func written(t *testing.T, o Output) (plane.Space, [4]uint8) {
	t.Helper()
	d, err := engine.Open(bytes.NewReader(o.Data), codec.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return d.Header().Layout.Space, rgba(decodePNG(t, o).At(3, 3))
}

// TestColourSettings takes an orange of Display P3 to each space.
func TestColourSettings(t *testing.T) {
	p3 := plane.Space{ICC: colour.DisplayP3Profile()}
	for _, c := range []struct {
		to      Colour
		in      *memory
		want    [4]uint8
		profile bool
	}{
		{"", flat(plane.RGB, p3, 200, 120, 60), [4]uint8{213, 115, 42, 255}, false},
		{SRGB, flat(plane.RGB, p3, 200, 120, 60), [4]uint8{213, 115, 42, 255}, false},
		{KeepSpace, flat(plane.RGB, p3, 200, 120, 60), [4]uint8{200, 120, 60, 255}, true},
		{DisplayP3, flat(plane.RGB, p3, 200, 120, 60), [4]uint8{200, 120, 60, 255}, true},
		{DisplayP3, flat(plane.RGB, plane.Space{}, 213, 115, 42), [4]uint8{200, 120, 60, 255}, true},
		{SRGB, flat(plane.Gray, p3, 99), [4]uint8{99, 99, 99, 255}, false},
		{SRGB, flat(plane.Gray, plane.Space{Source: colour.NewGrayGamma(1)}, 117), [4]uint8{180, 180, 180, 255}, false},
		{SRGB, flat(plane.RGB, plane.Space{ICC: make([]byte, 400)}, 9, 8, 7), [4]uint8{9, 8, 7, 255}, false},
	} {
		o := one(t, c.in, Variant{Format: pngFormat, Colour: c.to})
		space, got := written(t, o)
		for i, w := range c.want {
			if d := int(got[i]) - int(w); d < -1 || d > 1 {
				t.Errorf("%q: %v, want %v", c.to, got, c.want)
				break
			}
		}
		if (space.ICC != nil) != c.profile {
			t.Errorf("%q: a profile of %d bytes", c.to, len(space.ICC))
		}
	}
}

// TestColourOfSubsampledChroma converts a YCbCr picture for a JPEG.
func TestColourOfSubsampledChroma(t *testing.T) {
	y, cb, cr := colour.ToYCbCr(200, 120, 60)
	d := flat(plane.YCbCr, plane.Space{ICC: colour.DisplayP3Profile()}, y, cb, cr)
	o := one(t, d, Variant{Width: 8, Format: jpegFormat, Encoding: setting.Values{"quality": "100"}})
	again := open(t, o.Data)
	p := plane.New(again.Header().Layout)
	if _, err := again.Decode(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	r, g, b := colour.ToRGB(p.Row(0, 3)[3], p.Row(1, 1)[1], p.Row(2, 1)[1])
	for i, pair := range [][2]uint8{{r, 213}, {g, 115}, {b, 42}} {
		if d := int(pair[0]) - int(pair[1]); d < -3 || d > 3 {
			t.Errorf("channel %d is %d, want %d", i, pair[0], pair[1])
		}
	}
	if again.Header().Layout.Space.ICC != nil {
		t.Error("the profile of other pixels was written")
	}
}

// TestTransformsAreShared compiles a profile once.
func TestTransformsAreShared(t *testing.T) {
	var known transforms
	s := plane.Space{ICC: colour.DisplayP3Profile()}
	first := known.get(s, plane.RGB, colour.ToSRGB, colour.Rendering{})
	if first == nil || known.get(s, plane.YCbCr, colour.ToSRGB, colour.Rendering{}) != first || known.get(s, plane.RGB, colour.ToDisplayP3, colour.Rendering{}) != nil {
		t.Error("a profile was compiled again, or for the wrong destination")
	}
	if other := known.get(s, plane.RGB, colour.ToSRGB, colour.Rendering{Intent: colour.Perceptual}); other == nil || other == first {
		t.Error("another intent has the same conversion")
	}
	if r := (Variant{Intent: PerceptualIntent, BlackPoint: true}).rendering(); r != (colour.Rendering{Intent: colour.Perceptual, BlackPoint: true}) {
		t.Errorf("%+v", r)
	}
	for i := range 3 * maxTransforms {
		other := append(bytes.Clone(s.ICC), byte(i))
		known.get(plane.Space{ICC: other}, plane.RGB, colour.ToSRGB, colour.Rendering{})
	}
	if len(known.known) > maxTransforms {
		t.Errorf("%d conversions are kept", len(known.known))
	}
}

// TestBackgroundIsSRGB pads pictures with an sRGB orange.
func TestBackgroundIsSRGB(t *testing.T) {
	for to, want := range map[Colour][4]uint8{SRGB: {213, 115, 42, 255}, DisplayP3: {200, 120, 60, 255}} {
		v := Variant{Width: 16, Height: 32, Fit: Contain, Format: pngFormat, Colour: to, Background: [3]uint8{213, 115, 42}}
		got := rgba(decodePNG(t, one(t, flat(plane.RGB, plane.Space{}, 1, 2, 3), v)).At(3, 1))
		for i, w := range want {
			if d := int(got[i]) - int(w); d < -1 || d > 1 {
				t.Errorf("%s: the border is %v, want %v", to, got, want)
				break
			}
		}
	}
}

// TestAdobeRGBByEXIF converts a picture whose EXIF block alone declares Adobe RGB.
func TestAdobeRGBByEXIF(t *testing.T) {
	d := flat(plane.RGB, plane.Space{}, 120, 180, 90)
	d.header.EXIF = append([]byte("II*\x00\x08\x00\x00\x00\x01\x00\x69\x87\x04\x00\x01\x00\x00\x00\x1a\x00\x00\x00\x00\x00\x00\x00"),
		"\x01\x00\x01\xa0\x03\x00\x01\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00"...)
	if _, got := written(t, one(t, d, Variant{Format: pngFormat})); got != [4]uint8{81, 181, 83, 255} {
		t.Errorf("%v", got)
	}
	d.header.Layout.Space.ICC = colour.DisplayP3Profile() // a profile takes precedence
	if _, got := written(t, one(t, d, Variant{Format: pngFormat})); got == [4]uint8{81, 181, 83, 255} {
		t.Errorf("the profile is ignored: %v", got)
	}
}

// TestKeepWritesWhatDescribesThePixels keeps spaces that are declared in other ways than by a small profile.
func TestKeepWritesWhatDescribesThePixels(t *testing.T) {
	long := plane.Space{ICC: append(colour.DisplayP3Profile(), make([]byte, 20<<10)...)}
	broken := plane.Space{ICC: make([]byte, 20<<10)}
	copy(broken.ICC[16:], "RGB ")
	adobe, err := colour.NewGamma(colour.AdobeRGB, 563.0/256)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		in     *memory
		format *codec.Format
		want   [4]uint8
		class  string
	}{
		"a long profile":        {flat(plane.RGB, long, 200, 120, 60), pngFormat, [4]uint8{200, 120, 60, 255}, "RGB "},
		"a broken long profile": {flat(plane.RGB, broken, 200, 120, 60), pngFormat, [4]uint8{200, 120, 60, 255}, ""},
		"Adobe RGB":             {flat(plane.RGB, plane.Space{Source: adobe}, 120, 180, 90), pngFormat, [4]uint8{120, 180, 90, 255}, "RGB "},
		"linear gray": {flat(plane.Gray, plane.Space{Source: colour.NewGrayGamma(1)}, 117), pngFormat,
			[4]uint8{117, 117, 117, 255}, "GRAY"},
	} {
		o := one(t, c.in, Variant{Format: c.format, Colour: KeepSpace})
		space, got := written(t, o)
		if space.Class() != c.class || len(space.ICC) > 1000 || got != c.want {
			t.Errorf("%s: %v with a %q profile of %d bytes, want %v and %q", name, got, space.Class(), len(space.ICC), c.want, c.class)
		}
		if c.class == "" {
			continue
		}
		m := c.in.header.Layout.Model
		again := flat(m, space, c.want[:m.Colours()]...)
		_, direct := written(t, one(t, c.in, Variant{Format: pngFormat}))
		if _, later := written(t, one(t, again, Variant{Format: pngFormat})); later != direct {
			t.Errorf("%s: converted later it is %v, converted at once %v", name, later, direct)
		}
	}
}

// TestKeepConvertsGrayForWebP: a WebP has no gray pictures, and browsers ignore a profile of gray in one.
func TestKeepConvertsGrayForWebP(t *testing.T) {
	for _, v := range []setting.Values{nil, {"lossless": "true"}} {
		in := flat(plane.Gray, plane.Space{Source: colour.NewGrayGamma(1)}, 117)
		d := open(t, one(t, in, Variant{Format: engine.Formats.Named("webp"), Colour: KeepSpace, Encoding: v}).Data)
		p := plane.New(d.Header().Layout)
		if _, err := d.Decode(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		if got := p.Row(0, 3)[3]; got < 178 || got > 182 || p.Space.ICC != nil {
			t.Errorf("%v: %d with a %q profile, want 180 without one", v, got, p.Space.Class())
		}
	}
}

// TestMaxBytesCountTheProfile bounds a file that keeps its profile.
func TestMaxBytesCountTheProfile(t *testing.T) {
	p := scene(300, 200, plane.RGB, false, 1)
	p.Space = plane.Space{ICC: colour.DisplayP3Profile()}
	o := one(t, picture(p, 1), Variant{Format: jpegFormat, Colour: KeepSpace, MaxBytes: 3000})
	if space := open(t, o.Data).Header().Layout.Space; len(o.Data) > 3000 || space.ICC == nil {
		t.Errorf("%d bytes with a profile of %d", len(o.Data), len(space.ICC))
	}
}
