package render

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/exif"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

var (
	engine     = &Engine{Formats: formats.All()}
	jpegFormat = engine.Formats.Named("jpeg")
	pngFormat  = engine.Formats.Named("png")
)

// memory is a Decoder of a picture that the test made.
type memory struct {
	header codec.Header
	pix    *plane.Picture
	damage error
	panics bool
}

func (d *memory) Header() codec.Header         { return d.header }
func (d *memory) Shrink(int, int) plane.Layout { return d.header.Layout }
func (d *memory) Decode(_ context.Context, s plane.Sink) (codec.Report, error) {
	if d.panics {
		panic("index out of range")
	}
	return codec.Report{Damage: d.damage}, d.pix.Push(s)
}

func (d *memory) Memory() int64               { return 1000 }
func (d *memory) Length(int64) (int64, error) { return 1 << 40, nil }

func picture(p *plane.Picture, o exif.Orientation) *memory {
	return &memory{header: codec.Header{
		Format: pngFormat, Width: p.Width(), Height: p.Height(), Orientation: o, Frames: 1, Layout: p.Layout}, pix: p}
}

// scene is a picture without any symmetry.
func scene(w, h int, m plane.Model, alpha bool, sub int) *plane.Picture {
	p := plane.New(plane.NewLayout(m, alpha, w, h, sub, sub))
	for i, s := range p.Planes {
		for y := range s.Height {
			for x := range s.Width {
				u, v := (float64(x)+0.5)/s.SpanX, (float64(y)+0.5)/s.SpanY
				p.Row(i, y)[x] = uint8(128 + 60*math.Sin(7*u*u+float64(i)) + 60*math.Cos(5*v+3*u*v))
			}
		}
	}
	return p
}

func one(t *testing.T, d codec.Decoder, v Variant) Output {
	t.Helper()
	out, err := engine.Render(t.Context(), d, codec.Limits{}, []Variant{v})
	if err != nil {
		t.Fatal(err)
	}
	return out[0]
}

func decodePNG(t *testing.T, o Output) image.Image {
	t.Helper()
	m, err := png.Decode(bytes.NewReader(o.Data))
	if err != nil {
		t.Fatal(err)
	}
	if m.Bounds().Dx() != o.Width || m.Bounds().Dy() != o.Height {
		t.Fatalf("the file is %v, the output says %d×%d", m.Bounds().Size(), o.Width, o.Height)
	}
	return m
}

// difference returns the largest difference between two pictures in any channel.
func difference(t *testing.T, a, b image.Image) int {
	t.Helper()
	if a.Bounds().Size() != b.Bounds().Size() {
		t.Fatalf("sizes differ: %v and %v", a.Bounds().Size(), b.Bounds().Size())
	}
	most := 0
	for y := range a.Bounds().Dy() {
		for x := range a.Bounds().Dx() {
			c, d := color.NRGBAModel.Convert(a.At(x, y)).(color.NRGBA), color.NRGBAModel.Convert(b.At(x, y)).(color.NRGBA)
			for _, n := range []int{int(c.R) - int(d.R), int(c.G) - int(d.G), int(c.B) - int(d.B), int(c.A) - int(d.A)} {
				most = max(most, n, -n)
			}
		}
	}
	return most
}

// lay stores the upright picture p as a camera with orientation o would: the inverse of turning it
// upright, written as the table of EXIF 2.32, tag 274, independently of turn.
func lay(p *plane.Picture, o exif.Orientation) *plane.Picture {
	w, h := p.Width(), p.Height()
	if o >= 5 {
		w, h = h, w
	}
	q := plane.New(plane.NewLayout(p.Model, p.HasAlpha(), w, h, 1, 1))
	for i := range p.Planes {
		for y := range h {
			for x := range w {
				ux, uy := x, y // where stored (x, y) is in the upright picture
				switch o {
				case 2:
					ux = w - 1 - x
				case 3:
					ux, uy = w-1-x, h-1-y
				case 4:
					uy = h - 1 - y
				case 5:
					ux, uy = y, x
				case 6:
					ux, uy = h-1-y, x
				case 7:
					ux, uy = h-1-y, w-1-x
				case 8:
					ux, uy = y, w-1-x
				}
				q.Row(i, y)[x] = p.Row(i, uy)[ux]
			}
		}
	}
	return q
}

func TestEveryOrientationComesOutUpright(t *testing.T) {
	for _, size := range []image.Point{{64, 48}, {61, 37}} {
		for _, model := range []plane.Model{plane.Gray, plane.RGB, plane.YCbCr} {
			p := scene(size.X, size.Y, model, false, 1)
			for _, v := range []Variant{
				{Width: 23, Format: pngFormat},
				{Width: 20, Height: 20, Fit: Cover, Format: pngFormat},
				{Width: 31, Height: 9, Fit: Contain, Format: pngFormat},
				{Width: 23, Format: pngFormat, LinearLight: true},
			} {
				want := decodePNG(t, one(t, picture(p, 1), v))
				for o := exif.Orientation(2); o <= 8; o++ {
					got := decodePNG(t, one(t, picture(lay(p, o), o), v))
					// Both directions use the same weights; rounding twice in another order may
					// differ by one, which the step from chroma to colour multiplies by up to 1.8.
					tolerance := 1
					if model == plane.YCbCr {
						tolerance = 3
					}
					if d := difference(t, want, got); d > tolerance {
						t.Errorf("%v %v %v orientation %d: off by %d", size, model, v, o, d)
					}
				}
			}
		}
	}
}

func TestSubsampledChromaStaysInPlaceForEveryOrientation(t *testing.T) {
	p := scene(62, 38, plane.YCbCr, false, 1)
	v := Variant{Width: 23, Format: jpegFormat, Encoding: setting.Values{"quality": "100"}} // an odd width: the last chroma column overhangs
	decode := func(o Output) image.Image {
		m, err := jpeg.Decode(bytes.NewReader(o.Data))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	want := decode(one(t, picture(p, 1), v))
	for o := exif.Orientation(2); o <= 8; o++ {
		if d := difference(t, want, decode(one(t, picture(lay(p, o), o), v))); d > 6 {
			t.Errorf("orientation %d: off by %d", o, d)
		}
	}
}

func TestFit(t *testing.T) {
	for _, c := range []struct {
		v       Variant
		w, h    int
		want    string // content, canvas, crop
		comment string
	}{
		{Variant{Width: 720, Height: 588}, 2725, 2225, "720×588 on 720×588 of 2725×2225", "sharp's benchmark"},
		{Variant{Width: 800}, 300, 200, "300×200 on 300×200 of 300×200", "never enlarged"},
		{Variant{Width: 800, Enlarge: true}, 300, 200, "800×533 on 800×533 of 300×200", "unless asked"},
		{Variant{Height: 100}, 300, 200, "150×100 on 150×100 of 300×200", "width follows"},
		{Variant{}, 300, 200, "300×200 on 300×200 of 300×200", "no box"},
		{Variant{Width: 100, Height: 100, Fit: Outside}, 300, 200, "150×100 on 150×100 of 300×200", ""},
		{Variant{Width: 100, Height: 100, Fit: Cover}, 300, 200, "100×100 on 100×100 of 200×200", ""},
		{Variant{Width: 200, Height: 200, Fit: Cover}, 100, 300, "100×100 on 100×100 of 100×100", "the box shrinks, square"},
		{Variant{Width: 200, Height: 200, Fit: Cover}, 1000, 150, "150×150 on 150×150 of 150×150", "the box shrinks, square"},
		{Variant{Width: 200, Height: 200, Fit: Cover, Enlarge: true}, 100, 300, "200×200 on 200×200 of 100×100", ""},
		{Variant{Width: 100, Height: 100, Fit: Contain}, 300, 200, "100×67 on 100×100 of 300×200", ""},
		{Variant{Width: 400, Height: 400, Fit: Contain}, 300, 200, "300×200 on 400×400 of 300×200", "not enlarged, but padded"},
		{Variant{Width: 100, Height: 100, Fit: Fill}, 300, 200, "100×100 on 100×100 of 300×200", ""},
		{Variant{Width: 400, Height: 100, Fit: Fill}, 300, 200, "300×100 on 300×100 of 300×200", ""},
		{Variant{Width: 10}, 10000, 3, "10×1 on 10×1 of 10000×3", "never nothing"},
		{Variant{Width: 800}, 800, 12_800, "800×12800 on 800×12800 of 800×12800", "16 squares"},
		{Variant{Width: 800}, 800, 51_200, "400×25600 on 400×25600 of 800×51200", "no more than 16 squares"},
		{Variant{Height: 1600}, 64_000, 1600, "40477×1012 on 40477×1012 of 64000×1600", "no more than 16 squares"},
		{Variant{Width: 100}, 100, 64_000, "100×64000 on 100×64000 of 100×64000", "below 16 squares of 800"},
		{Variant{Width: 800}, 8, 64_000, "8×64000 on 8×64000 of 8×64000", "the box is larger, the picture is not"},
		{Variant{Width: 800, Height: 64_000}, 800, 64_000, "800×64000 on 800×64000 of 800×64000", "both sides are stated"},
	} {
		f := fit(c.v, c.w, c.h, subject{})
		got := fmt.Sprintf("%d×%d on %d×%d of %.0f×%.0f", f.width, f.height, f.canvasWidth, f.canvasHeight, f.window.width, f.window.height)
		if got != c.want {
			t.Errorf("%+v of %d×%d: %s, want %s (%s)", c.v, c.w, c.h, got, c.want, c.comment)
		}
	}
}

func TestContainPadsWithTheBackground(t *testing.T) {
	red := [3]uint8{255, 0, 0}
	for _, model := range []plane.Model{plane.Gray, plane.RGB, plane.YCbCr} {
		o := one(t, picture(scene(40, 20, model, false, 1), 1), Variant{Width: 20, Height: 20, Fit: Contain, Format: pngFormat, Background: red})
		m := decodePNG(t, o)
		if m.Bounds().Size() != image.Pt(20, 20) {
			t.Fatalf("%v: %v", model, m.Bounds())
		}
		r, g, b, _ := m.At(10, 1).RGBA()
		if r>>8 < 250 || g>>8 > 5 || b>>8 > 5 {
			t.Errorf("%v: the padding is %v", model, m.At(10, 1))
		}
	}
}

func TestTransparency(t *testing.T) {
	p := plane.New(plane.NewLayout(plane.RGB, true, 32, 32, 1, 1))
	for y := range 32 {
		for x := range 32 { // an opaque green square in the middle; red, but transparent, around
			inside := x >= 8 && x < 24 && y >= 8 && y < 24
			if inside {
				p.Row(1, y)[x], p.Row(3, y)[x] = 255, 255
			} else {
				p.Row(0, y)[x] = 255
			}
		}
	}
	m := decodePNG(t, one(t, picture(p, 1), Variant{Width: 16, Format: pngFormat}))
	if c := color.NRGBAModel.Convert(m.At(0, 0)).(color.NRGBA); c.A != 0 {
		t.Errorf("the corner is %v", c)
	}
	for y := range 16 {
		for x := range 16 { // premultiplied resampling: the invisible red must not bleed into the edge
			if c := color.NRGBAModel.Convert(m.At(x, y)).(color.NRGBA); c.A > 8 && c.R > 8 {
				t.Fatalf("red bleeds at %d,%d: %v", x, y, c)
			}
		}
	}
	o := one(t, picture(p, 1), Variant{Width: 16, Format: jpegFormat, Background: [3]uint8{0, 0, 255}, Encoding: setting.Values{"quality": "100"}})
	j, err := jpeg.Decode(bytes.NewReader(o.Data))
	if err != nil {
		t.Fatal(err)
	}
	if r, _, b, _ := j.At(1, 1).RGBA(); b>>8 < 240 || r>>8 > 20 {
		t.Errorf("the corner over blue is %v", j.At(1, 1))
	}
}

func TestCMYKBecomesRGB(t *testing.T) {
	p := plane.New(plane.NewLayout(plane.CMYK, false, 8, 8, 1, 1))
	for i := range p.Pix[0] {
		p.Pix[0][i], p.Pix[3][i] = 255, 51 // cyan under 20 % black
	}
	c := color.NRGBAModel.Convert(decodePNG(t, one(t, picture(p, 1), Variant{Format: pngFormat})).At(4, 4)).(color.NRGBA)
	if want := (color.NRGBA{0, 204, 204, 255}); c != want {
		t.Errorf("%v, want %v", c, want)
	}
}

// profile returns the smallest block that names a colour space.
func profile(space string) []byte {
	p := make([]byte, 200)
	copy(p[16:], space)
	copy(p[36:], "acsp")
	return p
}

func TestProfileStaysWithItsPixels(t *testing.T) {
	for _, c := range []struct {
		space string
		model plane.Model
		kept  bool
	}{
		{"RGB ", plane.YCbCr, true}, {"RGB ", plane.RGB, true}, {"GRAY", plane.Gray, true},
		{"CMYK", plane.CMYK, false}, {"RGB ", plane.Gray, false},
	} {
		for _, f := range []*codec.Format{jpegFormat, pngFormat} {
			d := picture(scene(20, 20, c.model, false, 1), 1)
			d.header.Layout.Space.ICC = profile(c.space)
			o := one(t, d, Variant{Width: 10, Format: f, Colour: KeepSpace})
			again, err := engine.Open(bytes.NewReader(o.Data), codec.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if kept := bytes.Equal(again.Header().Layout.Space.ICC, profile(c.space)); kept != c.kept {
				t.Errorf("%s profile of %v pixels in %s: kept %v", c.space, c.model, f, kept)
			}
		}
	}
}

func TestMetadataIsStrippedByDefault(t *testing.T) {
	d := picture(scene(20, 20, plane.RGB, false, 1), 6)
	d.header.EXIF = exif.CopyrightOnly(exif.Info{Artist: "A. Photographer", Copyright: "somebody"})
	for _, f := range []*codec.Format{jpegFormat, pngFormat} {
		for mode, want := range map[Metadata]string{"": "", Strip: "", Copyright: "somebody", Keep: "somebody"} {
			o := one(t, d, Variant{Width: 10, Format: f, Metadata: mode})
			again, err := engine.Open(bytes.NewReader(o.Data), codec.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			h := again.Header()
			if want == "" && h.EXIF != nil {
				t.Errorf("%s, %q: EXIF is there", f, mode)
			}
			info, _ := exif.Parse(h.EXIF)
			if info.Copyright != want {
				t.Errorf("%s, %q: copyright %q, want %q", f, mode, info.Copyright, want)
			}
			if h.Orientation != 1 {
				t.Errorf("%s, %q: an upright picture says orientation %d", f, mode, h.Orientation)
			}
		}
	}
}

func TestMaxBytes(t *testing.T) {
	photo := sample.Photo(600, 400)
	open := func() codec.Decoder {
		d, err := engine.Open(bytes.NewReader(photo), codec.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	free := one(t, open(), Variant{Width: 500})
	bound := int64(len(free.Data) * 2 / 3)
	tight := one(t, open(), Variant{Width: 500, MaxBytes: bound})
	if n := int64(len(tight.Data)); n > bound || n < bound*8/10 {
		t.Errorf("%d bytes, the bound was %d", n, bound)
	}
	_, err := engine.Render(t.Context(), open(), codec.Limits{}, []Variant{{Name: "tiny", Width: 500, MaxBytes: 300}})
	if !codec.Permanent(err) || !strings.Contains(err.Error(), "tiny") || !strings.Contains(err.Error(), "300") {
		t.Errorf("an impossible bound: %v", err)
	}
}

func TestSharedDecodeGivesTheSameBytes(t *testing.T) {
	photo := sample.Photo(640, 480)
	variants := []Variant{{Name: "a", Width: 64}, {Name: "b", Width: 300, Height: 300, Fit: Cover}, {Name: "c", Width: 640, Format: pngFormat}}
	d, err := engine.Open(bytes.NewReader(photo), codec.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	together, err := engine.Render(t.Context(), d, codec.Limits{}, variants)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range variants[1:] { // the first may be decoded at a smaller scale when it is alone
		d, err := engine.Open(bytes.NewReader(photo), codec.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		alone := one(t, d, v)
		if v.Name == "c" && !bytes.Equal(alone.Data, together[i+1].Data) {
			t.Errorf("variant %s differs when made alone", v.Name)
		}
		if alone.Width != together[i+1].Width || alone.Height != together[i+1].Height {
			t.Errorf("variant %s has another size when made alone", v.Name)
		}
	}
}

func TestDamageAndPanicsAreErrCorrupt(t *testing.T) {
	d := picture(scene(20, 20, plane.RGB, false, 1), 1)
	d.damage = &codec.CorruptError{Format: jpegFormat, Offset: 12, Reason: "the scan ends"}
	_, err := engine.Render(t.Context(), d, codec.Limits{}, []Variant{{Width: 10}})
	if !codec.Permanent(err) || !strings.Contains(err.Error(), "byte 12") {
		t.Errorf("damage: %v", err)
	}
	d.damage, d.panics = nil, true
	_, err = engine.Render(t.Context(), d, codec.Limits{}, []Variant{{Width: 10}})
	if !codec.Permanent(err) || !strings.Contains(err.Error(), "the decoder failed") {
		t.Errorf("panic: %v", err)
	}
}

func TestHighEffortTakesFewerBytes(t *testing.T) {
	photo := sample.Photo(640, 480)
	size := func(effort string) int {
		d, err := engine.Open(bytes.NewReader(photo), codec.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		o := one(t, d, Variant{Width: 400, Encoding: setting.Values{"effort": effort}})
		if _, err := jpeg.Decode(bytes.NewReader(o.Data)); err != nil {
			t.Errorf("effort %q: %v", effort, err)
		}
		return len(o.Data)
	}
	if normal, high := size("normal"), size("high"); high >= normal {
		t.Errorf("high effort makes %d bytes, normal %d", high, normal)
	}
}

func TestEnlargedResultIsBounded(t *testing.T) {
	p := scene(1, 6000, plane.Gray, false, 1)
	_, err := engine.Render(t.Context(), picture(p, 1), codec.Limits{}, []Variant{{Name: "wide", Width: 60000, Enlarge: true}})
	if !codec.Permanent(err) || !strings.Contains(err.Error(), "wide") {
		t.Errorf("%v", err)
	}
}

// TestOversizedEXIFIsReduced checks that a picture is not refused because of metadata that its
// format cannot hold: artist and copyright stay, and the output says what does not.
func TestOversizedEXIFIsReduced(t *testing.T) {
	d := picture(scene(20, 20, plane.RGB, false, 1), 1)
	rights := exif.CopyrightOnly(exif.Info{Artist: "Ada", Copyright: "2026 Ada"})
	d.header.EXIF = append(rights, make([]byte, 70000)...)
	variants := []Variant{{Width: 10, Format: jpegFormat, Metadata: Keep}, {Width: 10, Format: pngFormat, Metadata: Keep}}
	outputs, err := engine.Render(t.Context(), d, codec.Limits{}, variants)
	if err != nil {
		t.Fatal(err)
	}
	if o := outputs[0]; !bytes.Contains(o.Data, rights) || len(o.Data) > 2000 || !strings.Contains(fmt.Sprint(o.Dropped), "EXIF maker note and large values: 70") {
		t.Errorf("JPEG: %d bytes, dropped %q", len(o.Data), o.Dropped)
	}
	if o := outputs[1]; len(o.Data) < 70000 || o.Dropped != nil {
		t.Errorf("PNG: %d bytes, dropped %q", len(o.Data), o.Dropped)
	}
}

func rgba(c color.Color) [4]uint8 {
	n := color.NRGBAModel.Convert(c).(color.NRGBA)
	return [4]uint8{n.R, n.G, n.B, n.A}
}
