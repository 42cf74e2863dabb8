package imgmill_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/disintegration/imaging"
	"golang.org/x/image/draw"

	"github.com/imgmill/imgmill"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/heif"
)

func landscape(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/landscape.jpg")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestVariants(t *testing.T) {
	var engine imgmill.Engine
	for _, c := range []struct {
		v             imgmill.Variant
		format        string
		width, height int
	}{
		{imgmill.Variant{}, "jpeg", 960, 640},
		{imgmill.Variant{Width: 2000}, "jpeg", 960, 640},
		{imgmill.Variant{Width: 2000, Settings: map[string]string{"enlarge": "true"}}, "jpeg", 2000, 1333},
		{imgmill.Variant{Height: 100}, "jpeg", 150, 100},
		{imgmill.Variant{Width: 100, Height: 100}, "jpeg", 100, 67},
		{imgmill.Variant{Width: 100, Height: 100, Fit: "cover", Format: "png"}, "png", 100, 100},
		{imgmill.Variant{Width: 100, Height: 100, Fit: "contain", Quality: 60}, "jpeg", 100, 100},
	} {
		p, err := engine.Open(t.Context(), bytes.NewReader(landscape(t)))
		if err != nil {
			t.Fatal(err)
		}
		out, err := p.Render(t.Context(), c.v)
		if err != nil {
			t.Errorf("%+v: %v", c.v, err)
			continue
		}
		o := out[0]
		m, name, err := image.Decode(bytes.NewReader(o.Data))
		if err != nil || name != c.format || m.Bounds().Size() != image.Pt(c.width, c.height) {
			t.Errorf("%+v: %s, %v", c.v, name, err)
		}
		if o.Format != c.format || o.MediaType != "image/"+c.format || o.Width != c.width || o.Height != c.height {
			t.Errorf("%+v: described as %s, %s, %d×%d", c.v, o.Format, o.MediaType, o.Width, o.Height)
		}
	}
}

// TestDocumentationNamesTheFormats compares the package comment with the set of formats.
func TestDocumentationNamesTheFormats(t *testing.T) {
	data, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(strings.ReplaceAll(string(data), "\n// ", " "), "\n")
	reads, writes, _ := strings.Cut(first, ", and writes ")
	writes, _, _ = strings.Cut(writes, ", in pure Go")
	for _, f := range formats.All() {
		if f == heif.HEIC && f.Open == nil {
			continue // in a build that leaves HEVC out
		}
		if words(reads)[f.Title] != (f.Open != nil) || words(writes)[f.Title] != (f.Encoder != nil) {
			t.Errorf("%s: doc.go says that the package reads %q, and writes %q", f.Title, reads, writes)
		}
	}
}

// words returns the words of a list.
func words(list string) map[string]bool {
	found := map[string]bool{}
	for word := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == ' ' || r == ',' }) {
		found[word] = true
	}
	return found
}

func TestBadVariants(t *testing.T) {
	var engine imgmill.Engine
	p, err := engine.Open(t.Context(), bytes.NewReader(landscape(t)))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		v    imgmill.Variant
		want string
	}{
		{imgmill.Variant{Width: -1}, "variant 1: width: -1 is out of range"},
		{imgmill.Variant{Fit: "squeeze"}, `fit: "squeeze" is not valid`},
		{imgmill.Variant{Fit: "cover"}, "needs both width and height"},
		{imgmill.Variant{Format: "tiff"}, "tiff can be read but not written yet"},
		{imgmill.Variant{Format: "png", Quality: 80}, "png has no such setting"},
		{imgmill.Variant{Quality: 101}, "101 is out of range"},
		{imgmill.Variant{Settings: map[string]string{"shine": "true"}}, `no setting "shine"`},
		{imgmill.Variant{Settings: map[string]string{"filter": "soft"}}, `filter: "soft" is not valid`},
		{imgmill.Variant{MaxBytes: 999}, `max_bytes: "999" is too small`},
		{imgmill.Variant{MaxBytes: -1}, `max_bytes: "-1" is not a size`},
		{imgmill.Variant{Width: 1 << 40}, "is out of range"},
	} {
		if _, err := p.Render(t.Context(), imgmill.Variant{}, c.v); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c.v, err)
		}
	}
	if _, err := p.Render(t.Context(), imgmill.Variant{Width: 10}); err != nil {
		t.Errorf("a refused variant spoils the picture: %v", err)
	}
	if _, err := p.Render(t.Context(), imgmill.Variant{Width: 10}); err == nil || !strings.Contains(err.Error(), "open it again") {
		t.Errorf("rendered twice: %v", err)
	}
}

func TestErrors(t *testing.T) {
	photo := landscape(t)
	render := func(e *imgmill.Engine, data []byte, v imgmill.Variant) error {
		p, err := e.Open(t.Context(), bytes.NewReader(data))
		if err != nil {
			return err
		}
		_, err = p.Render(t.Context(), v)
		return err
	}
	for name, c := range map[string]struct {
		limits imgmill.Limits
		data   []byte
		v      imgmill.Variant
		want   error
	}{
		"text":      {imgmill.Limits{}, []byte("no picture"), imgmill.Variant{}, imgmill.ErrNotImage},
		"cut":       {imgmill.Limits{}, photo[:len(photo)/2], imgmill.Variant{Width: 100}, imgmill.ErrCorrupt},
		"AVIF":      {imgmill.Limits{}, []byte("\x00\x00\x00\x18ftypavif\x00\x00\x00\x00mif1avif"), imgmill.Variant{}, imgmill.ErrUnsupported},
		"pixels":    {imgmill.Limits{Pixels: 1000}, photo, imgmill.Variant{}, imgmill.ErrLimit},
		"bytes":     {imgmill.Limits{Bytes: 1000}, photo, imgmill.Variant{}, imgmill.ErrLimit},
		"too large": {imgmill.Limits{}, photo, imgmill.Variant{MaxBytes: 1000}, imgmill.ErrTooLarge},
		"memory":    {imgmill.Limits{Memory: 1000}, photo, imgmill.Variant{}, imgmill.ErrLimit},
		"no limits": {imgmill.Limits{Pixels: -1, Bytes: -1, Frames: -1}, photo, imgmill.Variant{Width: 10}, nil},
	} {
		if err := render(&imgmill.Engine{Limits: c.limits}, c.data, c.v); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// TestFieldsTakePrecedence names a setting twice.
func TestFieldsTakePrecedence(t *testing.T) {
	var engine imgmill.Engine
	p, err := engine.Open(t.Context(), bytes.NewReader(landscape(t)))
	if err != nil {
		t.Fatal(err)
	}
	v := imgmill.Variant{Width: 20, Settings: map[string]string{"width": "10", "format": "png"}}
	out, err := p.Render(t.Context(), v)
	if err != nil || out[0].Width != 20 || out[0].Format != "png" || v.Settings["width"] != "10" {
		t.Errorf("%+v, %v, %v", out, err, v)
	}
}

// TestErrorsOfTheStreamAreNotThePictures breaks the connection at several places.
func TestErrorsOfTheStreamAreNotThePictures(t *testing.T) {
	photo, broken := landscape(t), errors.New("connection reset")
	for _, n := range []int{0, 1, 100, len(photo) / 2, len(photo) - 1} {
		var engine imgmill.Engine
		p, err := engine.Open(t.Context(), io.MultiReader(bytes.NewReader(photo[:n]), iotest.ErrReader(broken)))
		if err == nil {
			_, err = p.Render(t.Context(), imgmill.Variant{Width: 100})
		}
		if !errors.Is(err, broken) || errors.Is(err, imgmill.ErrCorrupt) {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
}

func TestContext(t *testing.T) {
	var engine imgmill.Engine
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := engine.Open(ended, bytes.NewReader(landscape(t))); !errors.Is(err, context.Canceled) {
		t.Errorf("open: %v", err)
	}
	p, err := engine.Open(t.Context(), bytes.NewReader(landscape(t)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Render(ended, imgmill.Variant{Width: 10}); !errors.Is(err, context.Canceled) {
		t.Errorf("render: %v", err)
	}
}

// TestConcurrentUse makes the same variants in many goroutines and with one thread: equal bytes.
func TestConcurrentUse(t *testing.T) {
	make := func(e *imgmill.Engine) []byte {
		p, err := e.Open(t.Context(), bytes.NewReader(landscape(t)))
		if err != nil {
			t.Error(err)
			return nil
		}
		out, err := p.Render(t.Context(), imgmill.Variant{Width: 300}, imgmill.Variant{Width: 60, Format: "png"})
		if err != nil {
			t.Error(err)
			return nil
		}
		return append(out[0].Data, out[1].Data...)
	}
	want := make(&imgmill.Engine{Threads: 1})
	var engine imgmill.Engine
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if !bytes.Equal(make(&engine), want) {
				t.Error("other bytes")
			}
		})
	}
	all.Wait()
}

// TestOutsideModule builds a program outside the repository that makes a thumbnail with the package.
func TestOutsideModule(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds a program")
	}
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	sums, err := os.ReadFile("go.sum")
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	// The versions are those of this module, so that nothing is looked up.
	_, rest, _ := strings.Cut(string(mod), "\n")
	for name, text := range map[string]string{
		"go.mod": "module example.com/thumbnail\n" + rest +
			"\nrequire github.com/imgmill/imgmill v0.0.0\nreplace github.com/imgmill/imgmill => " + root + "\n",
		"go.sum": string(sums),
		"main.go": `package main

import (
	"context"
	"log"
	"os"

	"github.com/imgmill/imgmill"
)

func main() {
	var engine imgmill.Engine
	picture, err := engine.Open(context.Background(), os.Stdin)
	if err != nil {
		log.Fatal(err)
	}
	outputs, err := picture.Render(context.Background(), imgmill.Variant{Width: 64})
	if err != nil {
		log.Fatal(err)
	}
	os.Stdout.Write(outputs[0].Data)
}
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run := exec.CommandContext(t.Context(), "go", "run", "-mod=mod", ".")
	run.Dir, run.Stdin, run.Stderr = dir, bytes.NewReader(landscape(t)), os.Stderr
	run.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOPROXY=off", "GOWORK=off")
	out, err := run.Output()
	if err != nil {
		t.Fatal(err)
	}
	if m, err := jpeg.Decode(bytes.NewReader(out)); err != nil || m.Bounds().Dx() != 64 {
		t.Errorf("%v", err)
	}
}

// BenchmarkThumbnail makes a JPEG 320 pixels wide from one of 960×640, or from the phone photograph of
// IMGMILL_CORPUS, from bytes to bytes at quality 80.
func BenchmarkThumbnail(b *testing.B) {
	photo := landscape(b)
	if root := os.Getenv("IMGMILL_CORPUS"); root != "" {
		var err error
		if photo, err = os.ReadFile(filepath.Join(root, "photos", "phone-4032x3024-422.jpg")); err != nil {
			b.Fatal(err)
		}
	}
	const width = 320
	engine := imgmill.Engine{Threads: 1} // the others use one
	for name, resize := range map[string]func(m image.Image) image.Image{
		"imgmill": nil,
		"x-image-draw-CatmullRom": func(m image.Image) image.Image {
			dst := image.NewRGBA(image.Rect(0, 0, width, m.Bounds().Dy()*width/m.Bounds().Dx()))
			draw.CatmullRom.Scale(dst, dst.Bounds(), m, m.Bounds(), draw.Src, nil)
			return dst
		},
		"imaging-Lanczos": func(m image.Image) image.Image { return imaging.Resize(m, width, 0, imaging.Lanczos) },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(photo)))
			b.ReportAllocs()
			for b.Loop() {
				if resize == nil {
					p, err := engine.Open(b.Context(), bytes.NewReader(photo))
					if err != nil {
						b.Fatal(err)
					}
					if _, err := p.Render(b.Context(), imgmill.Variant{Width: width, Quality: 80}); err != nil {
						b.Fatal(err)
					}
					continue
				}
				m, err := jpeg.Decode(bytes.NewReader(photo))
				if err != nil {
					b.Fatal(err)
				}
				var out bytes.Buffer
				if err := jpeg.Encode(&out, resize(m), &jpeg.Options{Quality: 80}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestFocal: a focal point chooses what "cover" shows, unless a position is named.
func TestFocal(t *testing.T) {
	m := image.NewGray(image.Rect(0, 0, 40, 10))
	for y := range 10 {
		for x := range 40 {
			m.SetGray(x, y, color.Gray{uint8(6 * x)})
		}
	}
	var file bytes.Buffer
	if err := png.Encode(&file, m); err != nil {
		t.Fatal(err)
	}
	var engine imgmill.Engine
	first := func(v imgmill.Variant) (color.Color, error) {
		p, err := engine.Open(t.Context(), bytes.NewReader(file.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		v.Width, v.Height, v.Fit = 10, 10, "cover"
		made, err := p.Render(t.Context(), v)
		if err != nil {
			return nil, err
		}
		out, err := png.Decode(bytes.NewReader(made[0].Data))
		if err != nil {
			t.Fatal(err)
		}
		return out.At(0, 0), nil
	}
	for _, c := range []struct {
		v    imgmill.Variant
		want int // the first column
	}{
		{imgmill.Variant{}, 15},
		{imgmill.Variant{Focal: &imgmill.Point{X: 0.5, Y: 1}}, 15},
		{imgmill.Variant{Focal: &imgmill.Point{X: 0.25}}, 5},
		{imgmill.Variant{Focal: &imgmill.Point{X: 0.25}, Settings: map[string]string{"position": "attention"}}, 5},
		{imgmill.Variant{Focal: &imgmill.Point{X: 0.25}, Settings: map[string]string{"position": "right"}}, 30},
	} {
		if got, err := first(c.v); err != nil || got != (color.Gray{uint8(6 * c.want)}) {
			t.Errorf("%+v: %v, %v, want column %d", c.v, got, err, c.want)
		}
	}
	if _, err := first(imgmill.Variant{Focal: &imgmill.Point{X: 1.5}}); err == nil || !strings.Contains(err.Error(), "0 to 1") {
		t.Errorf("outside: %v", err)
	}
}

// TestOverlay lays one picture over another.
func TestOverlay(t *testing.T) {
	fill := func(w, h int, c color.Gray) *bytes.Buffer {
		m := image.NewGray(image.Rect(0, 0, w, h))
		for i := range m.Pix {
			m.Pix[i] = c.Y
		}
		var b bytes.Buffer
		if err := png.Encode(&b, m); err != nil {
			t.Fatal(err)
		}
		return &b
	}
	var engine imgmill.Engine
	overlay, err := engine.Overlay(t.Context(), fill(4, 4, color.Gray{200}))
	if err != nil {
		t.Fatal(err)
	}
	render := func(v imgmill.Variant) ([]imgmill.Output, error) {
		p, err := engine.Open(t.Context(), fill(20, 10, color.Gray{50}))
		if err != nil {
			t.Fatal(err)
		}
		return p.Render(t.Context(), v)
	}
	made, err := render(imgmill.Variant{Watermark: overlay, Settings: map[string]string{"watermark.position": "left top", "watermark.margin": "5%", "watermark.opacity": "50%"}})
	if err != nil {
		t.Fatal(err)
	}
	m, err := png.Decode(bytes.NewReader(made[0].Data))
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[image.Point]uint8{{X: 0, Y: 0}: 50, {X: 1, Y: 1}: 125, {X: 4, Y: 4}: 125, {X: 5, Y: 4}: 50} {
		if got := m.At(at.X, at.Y); got != (color.Gray{want}) {
			t.Errorf("at %v: %v, want %d", at, got, want)
		}
	}
	if _, err := render(imgmill.Variant{Settings: map[string]string{"watermark.image": "logo.png"}}); err == nil || !strings.Contains(err.Error(), "Engine.Overlay") {
		t.Errorf("a name alone: %v", err)
	}
	if _, err := engine.Overlay(t.Context(), strings.NewReader("no picture")); !errors.Is(err, imgmill.ErrNotImage) {
		t.Errorf("no picture: %v", err)
	}
}
