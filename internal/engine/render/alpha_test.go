package render

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/exif"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

// raw is a format whose file is the picture itself: what the encoder got. It takes YCbCr with
// subsampled chroma and alpha, as lossy WebP does.
type raw struct {
	subX, subY int
	got        *plane.Picture
}

func (r *raw) Layout(_ plane.Model, alpha bool, w, h int) plane.Layout {
	return plane.NewLayout(plane.YCbCr, alpha, w, h, r.subX, r.subY)
}

func (r *raw) Encode(_ context.Context, p *plane.Picture, _ codec.EncodeOptions) ([]byte, error) {
	r.got = p
	return bytes.Join(p.Pix, nil), nil
}

func (r *raw) format() *codec.Format {
	return &codec.Format{Name: "raw", Title: "Raw", Extensions: []string{".raw"}, Abilities: codec.Abilities{Alpha: true, Lossless: true},
		Encoder: func(setting.Values) codec.Encoder { return r }}
}

// through renders p and returns what the encoder got.
func through(t *testing.T, p *plane.Picture, o exif.Orientation, v Variant) *plane.Picture {
	t.Helper()
	r := &raw{subX: 2, subY: 2}
	v.Format = r.format()
	one(t, picture(p, o), v)
	if got := r.got.Layout; got.Model != plane.YCbCr || got.HasAlpha() != p.HasAlpha() {
		t.Fatalf("the encoder got %+v", got)
	}
	return r.got
}

// withAlpha is a scene whose alpha is half transparent on the left, opaque on the right.
func withAlpha(w, h int, m plane.Model, sub int) *plane.Picture {
	p := scene(w, h, m, true, sub)
	a, _ := p.Alpha()
	for y := range h {
		for x := range w {
			p.Row(a, y)[x] = 255
			if x < w/2 {
				p.Row(a, y)[x] = 128
			}
		}
	}
	return p
}

// TestAlphaSurvivesSubsampledChroma takes pictures with alpha to 4:2:0 with alpha, by every step
// there is.
func TestAlphaSurvivesSubsampledChroma(t *testing.T) {
	const w, h = 40, 24
	for name, p := range map[string]*plane.Picture{
		"RGB": withAlpha(w, h, plane.RGB, 1), "4:4:4": withAlpha(w, h, plane.YCbCr, 1), "4:2:0": withAlpha(w, h, plane.YCbCr, 2),
	} {
		a, _ := p.Alpha()
		// At its own size every value of alpha must come through.
		got := through(t, p, 1, Variant{})
		ga, _ := got.Alpha()
		for y := range h {
			if !slices.Equal(got.Row(ga, y), p.Row(a, y)) {
				t.Fatalf("%s: row %d of alpha differs", name, y)
			}
		}
		if name == "4:4:4" && !bytes.Equal(got.Pix[0], p.Pix[0]) {
			t.Errorf("%s: luma differs", name)
		}
		// Turned, alpha goes with the pixels: the half that was left is the top one with
		// orientation 6.
		turned := through(t, p, 6, Variant{})
		ta, _ := turned.Alpha()
		if turned.Width() != h || turned.Height() != w {
			t.Fatalf("%s: turned to %d×%d", name, turned.Width(), turned.Height())
		}
		if top, bottom := turned.Row(ta, 5)[5], turned.Row(ta, w-5)[5]; top != 128 || bottom != 255 {
			t.Errorf("%s: turned, alpha is %d above and %d below", name, top, bottom)
		}
		// Reduced, cropped and padded.
		for _, linear := range []bool{false, true} {
			small := through(t, p, 1, Variant{Width: 20, LinearLight: linear})
			sa, _ := small.Alpha()
			if l, r := small.Row(sa, 6)[3], small.Row(sa, 6)[16]; l != 128 || r != 255 {
				t.Errorf("%s: reduced, alpha is %d and %d", name, l, r)
			}
			crop := through(t, p, 1, Variant{Width: 10, Height: 12, Fit: Cover, LinearLight: linear})
			ca, _ := crop.Alpha()
			if l, r := crop.Row(ca, 6)[1], crop.Row(ca, 6)[8]; l != 128 || r != 255 {
				t.Errorf("%s: cropped, alpha is %d and %d", name, l, r)
			}
			padded := through(t, p, 1, Variant{Width: 20, Height: 20, Fit: Contain, LinearLight: linear})
			pa, _ := padded.Alpha()
			if border, l, r := padded.Row(pa, 0)[3], padded.Row(pa, 10)[3], padded.Row(pa, 10)[16]; border != 255 || l != 128 || r != 255 {
				t.Errorf("%s: padded, alpha is %d at the border, inside %d and %d", name, border, l, r)
			}
		}
	}
}

// TestAlphaOfOddSizesFollowsOrientation stores pictures of odd and tiny sizes in every orientation:
// upright, alpha must be the same as if the picture had been stored upright.
func TestAlphaOfOddSizesFollowsOrientation(t *testing.T) {
	variants := []Variant{{}, {Width: 3}, {Width: 2, Height: 5, Fit: Cover}, {Width: 9, Height: 4, Fit: Contain}, {Width: 11, Height: 3, Fit: Outside, Enlarge: true}}
	for _, size := range [][2]int{{1, 1}, {1, 7}, {7, 1}, {5, 7}, {6, 5}} {
		for o := exif.Orientation(1); o <= 8; o++ {
			stored := scene(size[0], size[1], plane.YCbCr, true, 2)
			a, _ := stored.Alpha()
			upright := scene(size[0], size[1], plane.YCbCr, true, 2)
			if o.Swaps() {
				upright = scene(size[1], size[0], plane.YCbCr, true, 2)
			}
			alone := plane.New(plane.NewLayout(plane.Gray, false, size[0], size[1], 1, 1))
			copy(alone.Pix[0], stored.Pix[a])
			turned, err := turn(t.Context(), alone, o)
			if err != nil {
				t.Fatal(err)
			}
			copy(upright.Pix[a], turned.Pix[0])
			for i, v := range variants {
				for _, linear := range []bool{false, true} {
					v.LinearLight = linear
					got, want := through(t, stored, o, v), through(t, upright, 1, v)
					if !slices.Equal(got.Pix[a], want.Pix[a]) {
						t.Errorf("%v, orientation %d, variant %d, linear %t: alpha is\n%v, want\n%v", size, o, i, linear, got.Pix[a], want.Pix[a])
					}
				}
			}
		}
	}
}

// TestTransparentColourDoesNotBleed puts a strong colour under transparent pixels: nothing of it
// may show in what is opaque.
func TestTransparentColourDoesNotBleed(t *testing.T) {
	const w, h = 32, 32
	p := plane.New(plane.NewLayout(plane.YCbCr, true, w, h, 1, 1))
	for y := range h {
		for x := range w {
			values := []byte{100, 128, 128, 255} // gray
			if x%2 == 1 {                        // every other column: red, and transparent
				values = []byte{100, 90, 240, 0}
			}
			for i, v := range values {
				p.Row(i, y)[x] = v
			}
		}
	}
	for _, width := range []int{w, w / 2} { // subsampled as it is, and reduced before that
		got := through(t, p, 1, Variant{Width: width})
		for i, s := range got.Planes {
			if s.Kind != plane.Chroma {
				continue
			}
			for y := range s.Height {
				for x, v := range got.Row(i, y)[1 : s.Width-1] {
					if v < 127 || v > 129 {
						t.Fatalf("width %d: chroma plane %d at %d,%d is %d, not 128", width, i, x, y, v)
					}
				}
			}
		}
	}
}

// TestFlattenSubsampledAlpha lays a half-transparent 4:2:0 picture over a background for a format
// without alpha.
func TestFlattenSubsampledAlpha(t *testing.T) {
	p := plane.New(plane.NewLayout(plane.YCbCr, true, 16, 16, 2, 2))
	for i, v := range []byte{200, 128, 128, 128} {
		for k := range p.Pix[i] {
			p.Pix[i][k] = v
		}
	}
	o := one(t, picture(p, 1), Variant{Width: 8, Format: pngFormat})
	if c := decodePNG(t, o).At(4, 4); rgba(c) != [4]uint8{200, 200, 200, 128} {
		t.Errorf("PNG keeps %v", rgba(c))
	}
	o = one(t, picture(p, 1), Variant{Width: 8, Format: jpegFormat, Encoding: setting.Values{"quality": "100"}}) // over black
	d := open(t, o.Data)
	q := plane.New(d.Header().Layout)
	if _, err := d.Decode(context.Background(), q); err != nil {
		t.Fatal(err)
	}
	if v := q.Row(0, 4)[4]; v < 99 || v > 101 {
		t.Errorf("over black luma is %d, not 100", v)
	}
}

// gray is an encoder of gray pictures, which gets what it asks for.
type gray struct{ raw }

func (*gray) Layout(_ plane.Model, alpha bool, w, h int) plane.Layout {
	return plane.NewLayout(plane.Gray, alpha, w, h, 1, 1)
}

// TestEveryModelBecomesGray renders every colour model for a format that holds gray only.
func TestEveryModelBecomesGray(t *testing.T) {
	for _, m := range []plane.Model{plane.Gray, plane.YCbCr, plane.RGB, plane.CMYK} {
		for _, v := range []Variant{{Width: 12}, {Width: 12, LinearLight: true}, {Width: 12, Height: 12, Fit: Contain, Background: [3]uint8{255, 0, 0}}} {
			g := &gray{}
			v.Format = g.format()
			v.Format.Encoder = func(setting.Values) codec.Encoder { return g }
			one(t, picture(scene(24, 16, m, false, 2), 1), v)
			if g.got.Model != plane.Gray || len(g.got.Planes) != 1 {
				t.Errorf("%v, %+v: the encoder got %+v", m, v, g.got.Layout)
			}
		}
	}
	p := plane.New(plane.NewLayout(plane.RGB, false, 4, 4, 1, 1))
	for k := range p.Pix[1] {
		p.Pix[1][k] = 255 // green
	}
	g := &gray{}
	v := Variant{Format: g.format()}
	v.Format.Encoder = func(setting.Values) codec.Encoder { return g }
	one(t, picture(p, 1), v)
	if luma := g.got.Pix[0][5]; luma != 150 { // 0.587·255
		t.Errorf("green has luma %d", luma)
	}
}
