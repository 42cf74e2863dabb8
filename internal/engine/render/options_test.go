package render

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os/exec"
	"testing"
	"testing/iotest"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/jpeg/encode"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/resample"
	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

func open(t *testing.T, file []byte) codec.Decoder {
	t.Helper()
	d, err := engine.Open(bytes.NewReader(file), codec.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// file returns a drawn picture as a JPEG whose chroma is subsampled by subX and subY.
func file(t *testing.T, m plane.Model, w, h, subX, subY int) []byte {
	t.Helper()
	p := scene(w, h, m, false, 1)
	if m == plane.YCbCr {
		var err error
		if p, err = plane.Subsample(t.Context(), p, plane.NewLayout(m, false, w, h, subX, subY), false); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := encode.Encode(t.Context(), &b, p, encode.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// mean returns the average colour of a picture.
func mean(m image.Image) (c [3]float64) {
	b := m.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			n := color.NRGBAModel.Convert(m.At(x, y)).(color.NRGBA)
			for i, v := range []uint8{n.R, n.G, n.B} {
				c[i] += float64(v) / float64(b.Dx()*b.Dy())
			}
		}
	}
	return c
}

// isProgressive reports whether a JPEG has a frame header SOF2.
func isProgressive(file []byte) bool {
	return bytes.Contains(file, []byte{0xff, 0xc2, 0, 17, 8}) || bytes.Contains(file, []byte{0xff, 0xc2, 0, 11, 8})
}

// TestEveryInputThroughEveryOption checks the size, sampling and colours of outputs with a decoder
// that is not ours.
func TestEveryInputThroughEveryOption(t *testing.T) {
	const w, h = 57, 38
	inputs := map[string]func() codec.Decoder{
		"CMYK":  func() codec.Decoder { return picture(scene(w, h, plane.CMYK, false, 1), 1) },
		"alpha": func() codec.Decoder { return picture(scene(w, h, plane.RGB, true, 1), 1) },
	}
	gray := file(t, plane.Gray, w, h, 1, 1)
	inputs["gray"] = func() codec.Decoder { return open(t, gray) }
	for _, sub := range [][2]int{{2, 2}, {2, 1}, {1, 2}, {1, 1}} {
		f := file(t, plane.YCbCr, w, h, sub[0], sub[1])
		inputs[fmt.Sprintf("chroma %d×%d", sub[0], sub[1])] = func() codec.Decoder { return open(t, f) }
	}
	ratios := []struct {
		asked string
		made  image.YCbCrSubsampleRatio
	}{
		{"", image.YCbCrSubsampleRatio420}, {"4:2:0", image.YCbCrSubsampleRatio420},
		{"4:2:2", image.YCbCrSubsampleRatio422}, {"4:4:4", image.YCbCrSubsampleRatio444},
	}
	djpeg, _ := exec.LookPath("djpeg") // where there is one, it is asked too
	for name, input := range inputs {
		plain := mean(decodePNG(t, one(t, input(), Variant{Format: pngFormat})))
		n := 0
		for _, filter := range []resample.Filter{"", resample.Lanczos3, resample.CatmullRom, resample.Mitchell, resample.Linear, resample.Box} {
			for _, sub := range ratios {
				for _, size := range []Variant{{Width: 23}, {Width: 20, Height: 31, Fit: Fill}, {Width: 40, Height: 40, Fit: Contain}, {}, {Width: 90, Enlarge: true}} {
					n++
					v := size
					v.Filter, v.Format, v.LinearLight, v.Background = filter, jpegFormat, n%2 == 0, [3]uint8{120, 120, 120}
					v.Encoding.Set("quality", "95")
					v.Encoding.Set("subsampling", sub.asked)
					if n%3 == 0 {
						v.Encoding.Set("progressive", "true")
					}
					if n%5 == 0 {
						v.Encoding.Set("effort", "high")
					}
					what := fmt.Sprintf("%s, %+v", name, v)
					o := one(t, input(), v)
					m, err := jpeg.Decode(bytes.NewReader(o.Data))
					if err != nil {
						t.Fatalf("%s: %v", what, err)
					}
					if m.Bounds().Size() != image.Pt(o.Width, o.Height) {
						t.Errorf("%s: %v, said to be %d×%d", what, m.Bounds().Size(), o.Width, o.Height)
					}
					if y, ok := m.(*image.YCbCr); ok != (name != "gray") || ok && y.SubsampleRatio != sub.made {
						t.Errorf("%s: comes out as %T", what, m)
					}
					if isProgressive(o.Data) != (n%3 == 0 || n%5 == 0) {
						t.Errorf("%s: progressive %t", what, isProgressive(o.Data))
					}
					if v.Fit != Contain && name != "alpha" {
						// Edge samples count more or less; linear light is brighter than the mean
						// of levels.
						for i, got := range mean(m) {
							if d := got - plain[i]; d < -7 || d > 7 && !v.LinearLight || d > 14 {
								t.Errorf("%s: channel %d has mean %.1f, the picture %.1f", what, i, got, plain[i])
							}
						}
					}
					if djpeg != "" && n%20 == 1 {
						readByDjpeg(t, djpeg, what, o)
					}
				}
			}
		}
	}
}

// readByDjpeg checks that libjpeg reads a file without a warning.
func readByDjpeg(t *testing.T, djpeg, what string, o Output) {
	t.Helper()
	var out, said bytes.Buffer
	cmd := exec.Command(djpeg, "-pnm")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(o.Data), &out, &said
	err := cmd.Run()
	if head := fmt.Sprintf("\n%d %d\n", o.Width, o.Height); err != nil || said.Len() > 0 || !bytes.Contains(out.Bytes()[:min(20, out.Len())], []byte(head)) {
		t.Errorf("%s: djpeg: %v %s", what, err, said.Bytes())
	}
}

// TestFineColourSurvivesWithoutSubsampling checks that chroma is decoded at the scale of luma if the
// output keeps it.
func TestFineColourSurvivesWithoutSubsampling(t *testing.T) {
	const w, h = 256, 64
	p := plane.New(plane.NewLayout(plane.YCbCr, false, w, h, 1, 1))
	for y := range h {
		for x := range w { // columns of red and blue of one luma, one pixel each once reduced to a quarter
			p.Row(0, y)[x], p.Row(1, y)[x], p.Row(2, y)[x] = 110, 60, 190
			if x/4%2 == 1 {
				p.Row(1, y)[x], p.Row(2, y)[x] = 190, 60
			}
		}
	}
	var b bytes.Buffer
	if err := encode.Encode(t.Context(), &b, p, encode.Options{Quality: 98}); err != nil {
		t.Fatal(err)
	}
	contrast := func(v Variant) int {
		var m image.Image
		o := one(t, open(t, b.Bytes()), v)
		if v.Format == pngFormat {
			m = decodePNG(t, o)
		} else {
			var err error
			if m, err = jpeg.Decode(bytes.NewReader(o.Data)); err != nil {
				t.Fatal(err)
			}
		}
		red, _, _, _ := m.At(32, 8).RGBA()
		blue, _, _, _ := m.At(33, 8).RGBA()
		return int(red>>8) - int(blue>>8)
	}
	for _, linear := range []bool{false, true} {
		for _, format := range []*codec.Format{jpegFormat, pngFormat} {
			v := Variant{Width: w / 4, Format: format, LinearLight: linear}
			if format == jpegFormat {
				v.Encoding = setting.Values{"quality": "98", "subsampling": "4:4:4"}
			}
			if d := contrast(v); d < 80 {
				t.Errorf("%+v: red and blue are %d apart", v, d)
			}
		}
	}
	if d := contrast(Variant{Width: w / 4, Format: jpegFormat, Encoding: setting.Values{"quality": "98"}}); d > 40 {
		t.Errorf("at 4:2:0 red and blue are %d apart: the test tests nothing", d)
	}
}

func TestFiltersDiffer(t *testing.T) {
	seen := map[string]resample.Filter{}
	for _, f := range []resample.Filter{resample.Lanczos3, resample.CatmullRom, resample.Mitchell, resample.Linear, resample.Box} {
		o := one(t, picture(scene(60, 40, plane.RGB, true, 1), 1), Variant{Width: 22, Filter: f, Format: pngFormat})
		if other, ok := seen[string(o.Data)]; ok {
			t.Errorf("%s gives what %s gives", f, other)
		}
		seen[string(o.Data)] = f
	}
}

// small returns a drawn photograph as a JPEG of some quality.
func small(t *testing.T, quality int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, sample.Landscape(320, 200), &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestJPEGDoesNotGrow(t *testing.T) {
	for _, quality := range []int{20, 45, 60, 75, 90} {
		source := small(t, quality)
		for _, v := range []Variant{{Width: 800}, {Width: 320}, {Width: 310}, {Width: 800, Encoding: setting.Values{"effort": "high"}}, {Width: 300, Height: 190, Fit: Cover, Format: jpegFormat}, {Width: 800, LinearLight: true, Filter: resample.Mitchell, Encoding: setting.Values{"progressive": "true"}}} {
			o := one(t, open(t, source), v)
			if len(o.Data) > len(source) {
				t.Errorf("quality %d, %+v: %d bytes became %d", quality, v, len(source), len(o.Data))
			}
			if _, err := jpeg.Decode(bytes.NewReader(o.Data)); err != nil {
				t.Errorf("quality %d, %+v: %v", quality, v, err)
			}
		}
	}
	// A variant that asks for more than a size may grow.
	source := small(t, 45)
	for _, v := range []Variant{{Width: 800, Encoding: setting.Values{"quality": "80"}}, {Width: 800, Encoding: setting.Values{"subsampling": "4:4:4"}}, {Width: 500, Enlarge: true}, {Width: 400, Height: 400, Fit: Contain}} {
		if o := one(t, open(t, source), v); len(o.Data) <= len(source) {
			t.Errorf("%+v: %d bytes became %d", v, len(source), len(o.Data))
		}
	}
}

// TestPNGDoesNotGrow: a source for which somebody has searched for the fewest bytes has no more of them
// afterwards, unless little effort is asked for.
func TestPNGDoesNotGrow(t *testing.T) {
	var b bytes.Buffer
	if err := png.Encode(&b, sample.Landscape(120, 90)); err != nil {
		t.Fatal(err)
	}
	high := Variant{Encoding: setting.Values{"effort": "high"}}
	source := one(t, open(t, b.Bytes()), high).Data
	if o := one(t, open(t, source), Variant{}); len(o.Data) > len(source) {
		t.Errorf("%d bytes became %d", len(source), len(o.Data))
	}
	o := one(t, open(t, source), Variant{Encoding: setting.Values{"effort": "fast"}})
	if len(o.Data) <= len(source) {
		t.Errorf("%d bytes became %d with little effort", len(source), len(o.Data))
	}
}

func TestDefaultQualityIsKeptWhereItFits(t *testing.T) {
	source := small(t, 92)
	free := one(t, open(t, source), Variant{Width: 800, Encoding: setting.Values{"quality": "80"}})
	if o := one(t, open(t, source), Variant{Width: 800}); !bytes.Equal(o.Data, free.Data) {
		t.Error("a picture that has room is not the one of the default quality")
	}
	// Data that follows the picture counts: the bound is the size of the file, in whatever pieces it
	// arrives.
	source = small(t, 45)
	long := append(bytes.Clone(source), make([]byte, 200000)...)
	if o := one(t, open(t, long), Variant{Width: 800}); !bytes.Equal(o.Data, one(t, open(t, long), Variant{Width: 800, Encoding: setting.Values{"quality": "80"}}).Data) {
		t.Error("a picture with room behind it is not the one of the default quality")
	}
	whole := one(t, open(t, source), Variant{Width: 800})
	slow := func(b []byte) []byte {
		d, err := engine.Open(iotest.OneByteReader(bytes.NewReader(b)), codec.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		return one(t, d, Variant{Width: 800}).Data
	}
	if !bytes.Equal(slow(source), whole.Data) || !bytes.Equal(slow(long), one(t, open(t, long), Variant{Width: 800}).Data) {
		t.Error("read as single bytes, the picture differs")
	}
}

// TestLocationIsNeverCopied checks that even a variant that changes nothing does not pass on the
// bytes of the source.
func TestLocationIsNeverCopied(t *testing.T) {
	source := small(t, 45)
	const secret = "48.8584N 2.2945E"
	xmp := append([]byte{0xff, 0xe1, 0, byte(2 + len(secret))}, secret...)
	source = append(append(bytes.Clone(source[:2]), xmp...), append(bytes.Clone(source[2:]), secret...)...)
	for _, v := range []Variant{{Width: 320}, {Width: 800, Metadata: Keep}, {Width: 320, Metadata: Copyright}} {
		if o := one(t, open(t, source), v); bytes.Contains(o.Data, []byte(secret)) {
			t.Errorf("%+v: the place is in the output", v)
		}
	}
}

// sized is a JPEG of a given length, or one whose stream breaks before the length is known.
type sized struct {
	*memory
	length int64
	err    error
}

func (d sized) Length(int64) (int64, error) { return d.length, d.err }

func TestSourceSmallerThanLowestQuality(t *testing.T) {
	d := picture(scene(200, 150, plane.YCbCr, false, 2), 1)
	d.header.Format = jpegFormat
	o := one(t, sized{d, 400, nil}, Variant{Width: 800})
	lowest := one(t, d, Variant{Width: 800, Encoding: setting.Values{"quality": "10", "progressive": "true"}})
	if !bytes.Equal(o.Data, lowest.Data) {
		t.Errorf("%d bytes, the lowest quality has %d", len(o.Data), len(lowest.Data))
	}
}

func TestBrokenStreamAfterThePictureIsTransient(t *testing.T) {
	d := picture(scene(40, 30, plane.YCbCr, false, 2), 1)
	d.header.Format = jpegFormat
	broken := errors.New("connection reset")
	_, err := engine.Render(t.Context(), sized{d, 0, broken}, codec.Limits{}, []Variant{{Width: 20}})
	if !errors.Is(err, broken) || codec.Permanent(err) {
		t.Errorf("%v", err)
	}
}
