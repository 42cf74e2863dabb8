package formats

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path"
	"path/filepath"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

// toolCase is a line of cases.json, which .ci/matrix writes.
type toolCase struct {
	Name   string   // the file
	Frames []string // what a program read of it; none if the file is to be unsupported
	Within int      // levels by which we may differ
}

// Reasons why we do not agree with a reader.
const (
	noFlag = "Pillow shows black where no frame is any more if the file announces no alpha"
	extra  = "ImageMagick takes a sample of unspecified meaning for alpha (TIFF 6.0, section 18)"
	white  = "the white of L*a*b* is D50 for LittleCMS, Photoshop and us, and D65 for ImageMagick"
	invert = "ImageMagick does not invert WhiteIsZero of 32 bits and more"
	two    = "a JPEG of two components is refused"
)

// disagreements are patterns of cases, in the syntax of path.Match, whose reader we do not agree
// with, and why.
var disagreements = map[string]string{
	"png/im-gamma.png":                      "ImageMagick writes gamma 2.2 for sRGB; browsers convert it",
	"png/pillow-animated.png":               "Pillow makes an opaque pixel transparent that it blends with",
	"webp/gif2webp-background*":             noFlag,
	"webp/gif2webp-previous*":               noFlag,
	"tiff/im-rgba8-unspecified-[^J]*61x43*": extra,
	"tiff/tiffcp-rgba8-unspecified*":        extra,
	"tiff/im-lab8-JPEG*":                    "ImageMagick does not take a* and b* of a JPEG for signed",
	"tiff/im-lab*[^G]-61x43*":               white,
	"tiff/tiffcp-lab*":                      white,
	"tiff/raw2tiff-cielab*":                 white,
	"tiff/tiffcp-*_3--B*":                   "tiffcp swaps the bytes of floats before predictor 3, and does not read that",
	"tiff/raw2tiff-miniswhite-long*":        invert,
	"tiff/raw2tiff-miniswhite-float*":       invert,
	"tiff/raw2tiff-miniswhite-double*":      invert,
	"tiff/im-graya8-JPEG*":                  two,
	"heic/quality-0.heic":                   "libde265 does not bound the QP of 4:4:4 chroma by 51 (H.265, 8.6.1); x265's checksum agrees with us",
	"tiff/pillow-LA-jpeg*":                  two,
}

// TestTools compares what we read of files that other people's programs wrote with what those
// programs read of them. IMGMILL_MATRIX is the folder that .ci/matrix filled.
func TestTools(t *testing.T) {
	dir := os.Getenv("IMGMILL_MATRIX")
	if dir == "" {
		t.Skip("IMGMILL_MATRIX is not set")
	}
	list, err := os.ReadFile(filepath.Join(dir, "cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []toolCase
	if err := json.Unmarshal(list, &cases); err != nil || len(cases) == 0 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	agreed, excused := map[string]int{}, map[string]int{}
	for _, c := range cases {
		pattern, err := excuse(c.Name), c.check(dir)
		switch {
		case pattern == "" && err != nil:
			t.Errorf("%s: %v", c.Name, err)
		case pattern == "":
			agreed[path.Dir(c.Name)]++
		case err != nil:
			excused[pattern]++
		default:
			t.Errorf("%s agrees, but should not: %s", c.Name, disagreements[pattern])
		}
	}
	for pattern := range disagreements {
		if excused[pattern] == 0 {
			t.Errorf("there is no case %s", pattern)
		}
	}
	t.Logf("%d cases; these agree: %v; these differ, with a reason: %v", len(cases), agreed, excused)
}

// excuse returns the pattern by which a case may differ, or "".
func excuse(name string) string {
	for pattern := range disagreements {
		if ok, _ := path.Match(pattern, name); ok {
			return pattern
		}
	}
	return ""
}

// check compares the frames of the file with the references.
func (c toolCase) check(dir string) error {
	file, err := os.ReadFile(filepath.Join(dir, c.Name))
	if err != nil {
		return err
	}
	frames, err := framesOf(file)
	if len(c.Frames) == 0 {
		if !errors.Is(err, codec.ErrUnsupported) {
			return fmt.Errorf("not refused as unsupported: %w", err)
		}
		return nil
	}
	if err != nil {
		return err
	}
	if len(frames) != len(c.Frames) {
		return fmt.Errorf("%d frames, not %d", len(frames), len(c.Frames))
	}
	for i, name := range c.Frames {
		reference, err := os.Open(filepath.Join(dir, path.Dir(c.Name), name))
		if err != nil {
			return err
		}
		want, err := png.Decode(reference)
		reference.Close()
		if err != nil {
			return err
		}
		if err := c.compare(frames[i], want); err != nil {
			return fmt.Errorf("frame %d: %w", i, err)
		}
	}
	return nil
}

// compare compares two pictures over black and over white, and their opacity.
func (c toolCase) compare(p *plane.Picture, want image.Image) error {
	if size := want.Bounds().Size(); p.Width() != size.X || p.Height() != size.Y {
		return fmt.Errorf("%d×%d pixels, not %v", p.Width(), p.Height(), size)
	}
	worst, off, at, text := 0, 0, image.Point{}, ""
	for y := range p.Height() {
		for x := range p.Width() {
			got := color.NRGBA{p.Row(0, y)[x], p.Row(1, y)[x], p.Row(2, y)[x], 255}
			if p.HasAlpha() {
				got.A = p.Row(3, y)[x]
			}
			wanted := color.NRGBAModel.Convert(want.At(x, y)).(color.NRGBA)
			if n := apart(got, wanted); n > c.Within {
				if off++; n > worst {
					worst, at, text = n, image.Pt(x, y), fmt.Sprintf("%v, not %v", got, wanted)
				}
			}
		}
	}
	if off > 0 {
		return fmt.Errorf("%d of %d pixels differ, at %v by %d: %s", off, p.Width()*p.Height(), at, worst, text)
	}
	return nil
}

// apart is by how many levels two colours differ at most over black, over white, and in opacity.
func apart(a, b color.NRGBA) int {
	n := distance(a.A, b.A)
	for i, v := range rgb3(a) {
		w := rgb3(b)[i]
		over := (int(v)*int(a.A) - int(w)*int(b.A)) / 255
		white := over - int(a.A) + int(b.A)
		n = max(n, over, -over, white, -white)
	}
	return n
}

func rgb3(c color.NRGBA) [3]uint8 { return [3]uint8{c.R, c.G, c.B} }

// framesOf takes a file through the engine, as a variant of a format that is made of frames of red,
// green, blue and alpha.
func framesOf(file []byte) ([]*plane.Picture, error) {
	var frames recorder
	format := &codec.Format{Name: "frames", Title: "Frames", Extensions: []string{".frames"},
		Abilities: codec.Abilities{Animation: true, Alpha: true}, Encoder: func(setting.Values) codec.Encoder { return &frames }}
	engine := &render.Engine{Formats: All()}
	variant := render.NewVariant("frames")
	variant.Format, variant.Frames = format, render.AllFrames
	_, _, err := engine.Make(context.Background(), bytes.NewReader(file), codec.Limits{}, []render.Variant{variant})
	return frames.pictures, err
}

// recorder is an encoder that keeps what it is given.
type recorder struct{ pictures []*plane.Picture }

func (*recorder) Layout(_ plane.Model, alpha bool, w, h int) plane.Layout {
	return plane.NewLayout(plane.RGB, alpha, w, h, 1, 1)
}

func (r *recorder) Encode(ctx context.Context, p *plane.Picture, _ codec.EncodeOptions) ([]byte, error) {
	return []byte("frames"), r.WriteFrame(ctx, p, 0)
}

func (r *recorder) Animate(plane.Layout, int, codec.EncodeOptions) (codec.FrameWriter, error) {
	return r, nil
}

func (*recorder) FrameMemory(plane.Layout) int64 { return 0 }

func (r *recorder) WriteFrame(_ context.Context, p *plane.Picture, _ int) error {
	kept := plane.New(p.Layout)
	r.pictures = append(r.pictures, kept)
	return p.Push(kept)
}

func (*recorder) Size() int64 { return 0 }

func (*recorder) Close(context.Context) ([]byte, error) { return []byte("frames"), nil }
