package formats

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/heif"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

func open(r io.Reader, l codec.Limits) (codec.Decoder, error) {
	return All().Open(r, codec.OpenOptions{Limits: l, Threads: 2})
}

// files returns the drawing sample.Landscape(61, 43) in every format that can be read: written by a
// library or, if Go has none, a file of the format's package that a tool wrote, or written by our own
// encoder.
func files(t testing.TB) map[string][]byte {
	t.Helper()
	m := sample.Landscape(61, 43)
	libraries := map[string]func(io.Writer) error{
		"jpeg": func(w io.Writer) error { return jpeg.Encode(w, m, nil) },
		"png":  func(w io.Writer) error { return png.Encode(w, m) },
		"gif":  func(w io.Writer) error { return gif.Encode(w, m, nil) },
		"bmp":  func(w io.Writer) error { return bmp.Encode(w, m) },
		"tiff": func(w io.Writer) error { return tiff.Encode(w, m, nil) },
		"ico":  func(w io.Writer) error { return drawICO(w, m) },
		"pnm":  func(w io.Writer) error { return drawPNM(w, m) },
		"qoi":  func(w io.Writer) error { return drawQOI(w, m) },
		"psd":  func(w io.Writer) error { return drawPSD(w, m) },
	}
	out := map[string][]byte{}
	for _, f := range All().Readable() {
		folder := cmp.Or(map[string]string{"heic": "heif"}[f.Name], f.Name)
		committed, err := os.ReadFile(filepath.Join("..", folder, "testdata", "landscape"+f.Extensions[0]))
		switch {
		case libraries[f.Name] != nil:
			var b bytes.Buffer
			if err := libraries[f.Name](&b); err != nil {
				t.Fatal(err)
			}
			out[f.Name] = b.Bytes()
		case err == nil:
			out[f.Name] = committed
		case f.Encoder != nil:
			p := plane.New(f.Encoder(nil).Layout(plane.Gray, false, 61, 43))
			for y := range 43 {
				for x := range 61 {
					for i := range p.Planes {
						p.Row(i, y)[x] = luma(m.At(x, y))
					}
				}
			}
			if out[f.Name], err = f.Encoder(nil).Encode(t.Context(), p, codec.EncodeOptions{}); err != nil {
				t.Fatal(err)
			}
		default:
			t.Errorf("there is no file of %s: %v", f.Name, err)
		}
	}
	return out
}

func decode(d codec.Decoder) (*plane.Picture, codec.Report, error) {
	p := plane.New(d.Header().Layout)
	r, err := d.Decode(context.Background(), p)
	return p, r, err
}

func TestEveryFormatIsDetectedAndDecoded(t *testing.T) {
	want := sample.Landscape(61, 43)
	for f, data := range files(t) {
		d, err := open(bytes.NewReader(data), codec.Limits{})
		if err != nil {
			t.Errorf("%s: %v", f, err)
			continue
		}
		h := d.Header()
		if h.Format.Name != f || h.Width != 61 || h.Height != 43 || h.Frames != 1 || h.Orientation != 1 {
			t.Errorf("%s: header %+v", f, h)
		}
		p, _, err := decode(d)
		if err != nil {
			t.Errorf("%s: %v", f, err)
			continue
		}
		tolerance := map[string]int{"jpeg": 90, "gif": 60, "webp": 90}[f] // one sample; chroma and palettes lose much in so small a picture
		if p.Planes[0].Kind == plane.Luma {
			if n := distance(p.Row(0, 20)[30], luma(want.At(30, 20))); n > 30 {
				t.Errorf("%s: luma is off by %d", f, n)
			}
			continue
		}
		for i, w := range rgb(want.At(30, 20)) {
			if n := distance(p.Row(i, 20)[30], w); n > tolerance {
				t.Errorf("%s: channel %d is off by %d", f, i, n)
			}
		}
	}
}

func rgb(c color.Color) [3]uint8 {
	n := color.NRGBAModel.Convert(c).(color.NRGBA)
	return [3]uint8{n.R, n.G, n.B}
}
func luma(c color.Color) uint8 { return color.GrayModel.Convert(c).(color.Gray).Y }
func distance(a, b uint8) int  { return max(int(a)-int(b), int(b)-int(a)) }

func TestOtherFilesAreNotImages(t *testing.T) {
	for name, data := range map[string]string{
		"empty": "", "text": "Hello, this is a text file that ends in .jpg", "html": "<!doctype html>", "zip": "PK\x03\x04aaaaaaaaaaaaaa",
		"text with a bitmap's letters": "BMW is a maker of cars, and this is no bitmap",
	} {
		if _, err := open(strings.NewReader(data), codec.Limits{}); !errors.Is(err, codec.ErrNotImage) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLimitsHoldBeforeAnyPixelIsDecoded(t *testing.T) {
	huge := claim(100000, 100000)
	if _, err := open(bytes.NewReader(huge), codec.Limits{Pixels: 200e6}); !errors.Is(err, codec.ErrLimit) || !strings.Contains(err.Error(), "100000×100000") {
		t.Errorf("pixels: %v", err)
	}
	for _, lim := range []codec.Limits{{}, {Pixels: 200e6}} { // their product is negative in 64 bits
		if _, err := open(bytes.NewReader(claim(0xFFFFFF06, 0xD44D1402)), lim); !codec.Permanent(err) {
			t.Errorf("sides beyond the format, %+v: %v", lim, err)
		}
	}
	for _, size := range [][2]uint32{{codec.MaxSide + 1, 1}, {1, codec.MaxSide + 1}} {
		if _, err := open(bytes.NewReader(claim(size[0], size[1])), codec.Limits{}); !errors.Is(err, codec.ErrLimit) {
			t.Errorf("%d×%d: %v", size[0], size[1], err)
		}
	}
	for f, data := range files(t) {
		_, err := open(bytes.NewReader(data), codec.Limits{Pixels: 61*43 - 1})
		if !errors.Is(err, codec.ErrLimit) {
			t.Errorf("%s: pixels: %v", f, err)
		}
		// The stream ends the moment it is over the limit, wherever the decoder is by then.
		d, err := open(bytes.NewReader(data), codec.Limits{Bytes: int64(len(data) - 1)})
		if err == nil {
			_, _, err = decode(d)
		}
		if !errors.Is(err, codec.ErrLimit) {
			t.Errorf("%s: bytes: %v", f, err)
		}
	}
	many := animation(t, 5)
	d, err := open(bytes.NewReader(many), codec.Limits{})
	if err != nil || d.Header().Frames != 5 {
		t.Fatalf("animation: %v", err)
	}
	if _, err := open(bytes.NewReader(many), codec.Limits{Frames: 4}); err != nil {
		t.Errorf("frames that are not decoded count: %v", err)
	}
}

// claim is a PNG whose header says w×h, with no pixels behind it.
func claim(w, h uint32) []byte {
	ihdr := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)
	b := append([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", append(ihdr, 8, 2, 0, 0, 0))...)
	return append(append(b, chunk("IDAT", nil)...), chunk("IEND", nil)...)
}

// chunk is a PNG chunk: length, type, data, and the CRC of type and data.
func chunk(kind string, data []byte) []byte {
	b := append(binary.BigEndian.AppendUint32(nil, uint32(len(data))), kind...)
	b = append(b, data...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

func animation(t *testing.T, frames int) []byte {
	g := &gif.GIF{Config: image.Config{Width: 20, Height: 10}}
	for i := range frames {
		m := image.NewPaletted(image.Rect(4, 2, 12, 8), color.Palette{color.Black, color.White})
		m.Pix[i] = 1
		g.Image, g.Delay = append(g.Image, m), append(g.Delay, 1)
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, g); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGIFFrameIsPlacedOnTheScreen(t *testing.T) {
	d, err := open(bytes.NewReader(animation(t, 2)), codec.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	p, _, err := decode(d)
	if err != nil {
		t.Fatal(err)
	}
	if p.Width() != 20 || p.Height() != 10 || !p.HasAlpha() {
		t.Fatalf("layout %+v", p.Layout)
	}
	if a := p.Row(3, 0)[0]; a != 0 {
		t.Errorf("outside the frame alpha is %d", a)
	}
	if a, v := p.Row(3, 2)[4], p.Row(0, 2)[4]; a != 255 || v != 255 {
		t.Errorf("the frame's first pixel is %d, alpha %d", v, a)
	}
}

func TestTruncatedFilesAreCorruptAndBrokenStreamsAreNot(t *testing.T) {
	broken := errors.New("connection reset")
	for f, data := range files(t) {
		for _, n := range []int{len(data) / 3, len(data) * 2 / 3} {
			err := openAndDecode(bytes.NewReader(data[:n]))
			if !errors.Is(err, codec.ErrCorrupt) {
				t.Errorf("%s cut at %d of %d: %v", f, n, len(data), err)
			}
			err = openAndDecode(io.MultiReader(bytes.NewReader(data[:n]), iotest.ErrReader(broken)))
			if !errors.Is(err, broken) || errors.Is(err, codec.ErrCorrupt) {
				t.Errorf("%s with a connection that broke at %d: %v", f, n, err)
			}
		}
	}
}

func openAndDecode(r io.Reader) error {
	d, err := open(r, codec.Limits{Pixels: 50e6})
	if err != nil {
		return err
	}
	_, report, err := decode(d)
	if err == nil {
		return report.Damage
	}
	return err
}

func TestSinkErrorStopsTheDecoder(t *testing.T) {
	for _, stop := range []error{errors.New("no room"), plane.ErrEnough} {
		for f, data := range files(t) {
			d, err := open(bytes.NewReader(data), codec.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := d.Decode(t.Context(), failing{stop}); err != stop {
				t.Errorf("%s: %v", f, err)
			}
		}
	}
}

type failing struct{ err error }

func (f failing) Rows(int, int, plane.Rows) error { return f.err }

func TestSixteenBitAndTransparentPNG(t *testing.T) {
	m := image.NewNRGBA64(image.Rect(0, 0, 3, 2))
	m.SetNRGBA64(1, 1, color.NRGBA64{0xff12, 0x8034, 0x0156, 0x0200})
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	d, err := open(&b, codec.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	p, _, err := decode(d)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []byte{0xff, 0x80, 0x01, 0x02} { // straight colour survives under little alpha
		if got := p.Row(i, 1)[1]; got != want {
			t.Errorf("plane %d: %#x, want %#x", i, got, want)
		}
	}
}

// The corpus holds valid and broken files of other people. Valid ones must agree with ImageMagick
// on their size; of all, none may panic, and every error must be of a known kind.
func TestCorpus(t *testing.T) {
	root := os.Getenv("IMGMILL_CORPUS")
	if root == "" {
		t.Skip("IMGMILL_CORPUS is not set")
	}
	decoded, refused := 0, 0
	for _, dir := range []string{"corpus/pngsuite", "corpus/mixed", "corpus/jpeg-hostile"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			switch err := openAndDecode(bytes.NewReader(data)); {
			case err == nil:
				decoded++
			case errors.Is(err, codec.ErrCorrupt), errors.Is(err, codec.ErrUnsupported), errors.Is(err, codec.ErrNotImage), errors.Is(err, codec.ErrLimit):
				refused++
				t.Logf("%s: %v", path, err)
			default:
				t.Errorf("%s: an error of no known kind: %v", path, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d decoded, %d refused", decoded, refused)
	if decoded < 100 {
		t.Errorf("only %d files could be decoded", decoded)
	}
}

func TestWebPColoursAgreeWithDwebp(t *testing.T) {
	root := os.Getenv("IMGMILL_CORPUS")
	dwebp, err := exec.LookPath("dwebp")
	if root == "" || err != nil {
		t.Skip("IMGMILL_CORPUS is not set, or dwebp is not installed")
	}
	paths, err := filepath.Glob(filepath.Join(root, "corpus/mixed/webp/*/*.webp"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no WebP in the corpus: %v", err)
	}
	compared := 0
	for _, path := range paths {
		out := filepath.Join(t.TempDir(), "out.png")
		if exec.Command(dwebp, "-nofancy", path, "-o", out).Run() != nil {
			continue // animated or broken
		}
		want := openFile(t, out)
		got := openFile(t, path)
		if want.Width() != got.Width() || want.Height() != got.Height() {
			t.Errorf("%s: %d×%d, dwebp says %d×%d", path, got.Width(), got.Height(), want.Width(), want.Height())
			continue
		}
		sum, n := 0, 0
		for y := range want.Height() {
			for x, v := range want.Row(0, y) {
				if want.HasAlpha() && want.Row(3, y)[x] == 0 {
					continue // no colour to compare
				}
				r := got.Row(0, y)[x]
				if got.Model == plane.YCbCr {
					c := color.YCbCr{Y: r, Cb: got.Row(1, y/2)[x/2], Cr: got.Row(2, y/2)[x/2]}
					r = rgb(c)[0]
				}
				sum += distance(r, v)
				n++
			}
		}
		if mean := float64(sum) / float64(n); mean > 1.5 {
			t.Errorf("%s: red differs from dwebp's by %.2f on average", path, mean)
		}
		compared++
	}
	if compared == 0 {
		t.Error("nothing was compared")
	}
}

func openFile(t *testing.T, path string) *plane.Picture {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	d, err := open(bytes.NewReader(data), codec.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	p, _, err := decode(d)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func FuzzOpen(f *testing.F) {
	for _, data := range files(f) {
		f.Add(data)
	}
	f.Add(claim(3, 2))
	f.Add(claim(0xFFFFFF06, 0xD44D1402))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := open(bytes.NewReader(data), codec.Limits{Pixels: 1e6, Bytes: 1e6, Frames: 100})
		if err != nil {
			return
		}
		h := d.Header()
		if h.Width*h.Height > 1e6 || h.Layout.Width() != h.Width || h.Layout.Height() != h.Height {
			t.Fatalf("header %+v", h)
		}
		if l := d.Shrink(8, 8); l.Width() < min(8, h.Width) || l.Height() < min(8, h.Height) {
			t.Fatalf("asked for 8×8, got %d×%d", l.Width(), l.Height())
		} else {
			p := plane.New(l)
			_, _ = d.Decode(context.Background(), p) // any error will do; a panic or a row out of place will not
		}
	})
}

func TestWebPFrameMustLieOnItsCanvas(t *testing.T) {
	lossless := []byte("VP8L\x05\x00\x00\x00\x2f\xfe\xff\xff\x0f\x00") // 16383×16383, nothing behind its header
	canvas := []byte("VP8X\x0a\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	for name, body := range map[string][]byte{
		"canvas behind the picture": append(bytes.Clone(lossless), canvas...),
		"picture beyond its canvas": append(bytes.Clone(canvas), lossless...),
	} {
		file := append([]byte("RIFF\xff\x00\x00\x00WEBP"), body...)
		if _, err := open(bytes.NewReader(file), codec.Limits{Pixels: 1e6}); !errors.Is(err, codec.ErrCorrupt) && !errors.Is(err, codec.ErrLimit) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// counted is a stream that counts what was read of it.
type counted struct {
	r io.Reader
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// TestLengthReadsNoMoreThanNeeded: how long a file is at least is known from a part of it.
func TestLengthReadsNoMoreThanNeeded(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2)) // more threads read further ahead
	file := sample.Photo(1500, 2000)
	size := int64(len(file))
	for _, enough := range []int64{0, 1000, size / 2, size - 1, size, size + 1, 10 * size} {
		r := &counted{r: bytes.NewReader(file)}
		d, err := open(r, codec.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Decode(t.Context(), failing{plane.ErrEnough}); err != plane.ErrEnough {
			t.Fatal(err)
		}
		read := r.n
		if read > size/2-100 {
			t.Fatalf("the first rows took %d of %d bytes", read, size)
		}
		for range 2 {
			n, err := d.Length(enough)
			if err != nil || n < min(enough, size) || n > size || n != r.n || r.n > min(max(read, enough), size) {
				t.Errorf("enough %d: length %d, %v; %d of %d bytes were read", enough, n, err, r.n, size)
			}
		}
	}
	broken := errors.New("connection reset")
	d, err := open(io.MultiReader(bytes.NewReader(file[:size/2]), iotest.ErrReader(broken)), codec.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Decode(t.Context(), failing{plane.ErrEnough}); err != plane.ErrEnough {
		t.Fatal(err)
	}
	if _, err := d.Length(size/2 + 1); err != broken {
		t.Errorf("a stream that breaks: %v", err)
	}
}

// TestReportComesBesideErrEnough: the report comes beside the sink's error.
func TestReportComesBesideErrEnough(t *testing.T) {
	file := sample.Photo(400, 1600)
	cut := append(bytes.Clone(file[:len(file)/3]), 0xff, 0xd9)
	for row, spoilt := range map[int]bool{100: false, 1500: true} {
		d, err := open(bytes.NewReader(cut), codec.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		report, err := d.Decode(t.Context(), until(row))
		if err != plane.ErrEnough || errors.Is(report.Damage, codec.ErrCorrupt) != spoilt {
			t.Errorf("enough at row %d: %v, damage %v", row, err, report.Damage)
		}
	}
	// What broke while more was read ahead than the sink took is nobody's concern.
	d, err := open(io.MultiReader(bytes.NewReader(cut[:len(cut)/2]), iotest.ErrReader(errors.New("connection reset"))), codec.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if report, err := d.Decode(t.Context(), until(1)); err != plane.ErrEnough || report.Damage != nil {
		t.Errorf("broken behind: %v, damage %v", err, report.Damage)
	}
}

// until is a sink that has enough at a row.
type until int

func (u until) Rows(_, y int, r plane.Rows) error {
	if y+r.N > int(u) {
		return plane.ErrEnough
	}
	return nil
}

func TestDetectKnowsFormatsThatCannotBeRead(t *testing.T) {
	for head, want := range map[string]string{
		"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00mif1miaf": "avif",
		"\xff\x0a\xff\x07": "jxl",
		"\x00\x00\x00\x0cJXL \r\n\x87\n\x00\x00\x00\x14ftypjxl ": "jxl",
	} {
		if f := All().Detect([]byte(head)); f == nil || f.Name != want {
			t.Errorf("%q is detected as %v, not %s", head, f, want)
		}
		if _, err := open(strings.NewReader(head), codec.Limits{}); !errors.Is(err, codec.ErrUnsupported) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// TestDescriptors holds the promises that the rest of the program derives from.
func TestDescriptors(t *testing.T) {
	names, extensions := map[string]bool{}, map[string]bool{}
	types := map[string]setting.Type{}
	for _, f := range All() {
		for _, name := range append([]string{f.Name}, f.Aliases...) {
			if names[name] || name != strings.ToLower(name) {
				t.Errorf("%s: the name %q is taken or not lower case", f.Name, name)
			}
			names[name] = true
			if All().Named(strings.ToUpper(name)) != f {
				t.Errorf("%s is not found by the name %s", f.Name, name)
			}
		}
		for _, e := range f.Extensions {
			if extensions[e] || e != strings.ToLower(e) || e[0] != '.' {
				t.Errorf("%s: the extension %q is taken or malformed", f.Name, e)
			}
			extensions[e] = true
			if All().Extension(strings.ToUpper(e)) != f {
				t.Errorf("%s is not found by its extension %s", f.Name, e)
			}
		}
		if f.Title == "" || !strings.HasPrefix(f.MediaType, "image/") || !f.Lossy && !f.Lossless || f.Bits == 0 {
			t.Errorf("%s is described in part: %+v", f.Name, f)
		}
		if left := f == heif.HEIC && f.Open == nil; !left && (f.Open == nil) != strings.HasPrefix(f.Refused, "all:") {
			t.Errorf("%s is read: %t, but refuses %q", f.Name, f.Open != nil, f.Refused)
		}
		if (f.Settings != nil) && f.Encoder == nil {
			t.Errorf("%s has settings and no encoder", f.Name)
		}
		for _, s := range f.Settings {
			if kind, ok := types[s.Name]; ok && kind != s.Type {
				t.Errorf("%s: %s has another type than in other formats", f.Name, s.Name)
			}
			types[s.Name] = s.Type
			if s.Help == "" || (s.Default == "") == (s.Absent == "") {
				t.Errorf("%s: %s does not explain itself", f.Name, s.Name)
			}
			for _, text := range append([]string{s.Default, s.Example}, s.Choices...) {
				if text == "" {
					continue
				}
				if canonical, err := s.Parse(text); err != nil || canonical != text {
					t.Errorf("%s: %s: its own text %q reads as %q, %v", f.Name, s.Name, text, canonical, err)
				}
			}
		}
		if f.Encoder == nil {
			continue
		}
		if _, lossy := f.Encoder(nil).(codec.LossyEncoder); lossy != f.Lossy {
			t.Errorf("%s is lossy: %t, its encoder: %t", f.Name, f.Lossy, lossy)
		}
		if _, frames := f.Encoder(nil).(codec.FrameEncoder); frames != f.Animation {
			t.Errorf("%s holds animations: %t, its encoder: %t", f.Name, f.Animation, frames)
		}
		if alpha := f.Encoder(nil).Layout(plane.RGB, true, 4, 4).HasAlpha(); alpha != f.Alpha {
			t.Errorf("%s holds alpha: %t, its encoder: %t", f.Name, f.Alpha, alpha)
		}
	}
}
