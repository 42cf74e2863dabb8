package codec

import (
	"bytes"
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

	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/sample"
)

// files are one small picture in every format that a library at hand can write.
func files(t testing.TB) map[Format][]byte {
	t.Helper()
	m := sample.Landscape(61, 43)
	out := map[Format][]byte{}
	for f, write := range map[Format]func(io.Writer) error{
		JPEG: func(w io.Writer) error { return jpeg.Encode(w, m, nil) },
		PNG:  func(w io.Writer) error { return png.Encode(w, m) },
		GIF:  func(w io.Writer) error { return gif.Encode(w, m, nil) },
		BMP:  func(w io.Writer) error { return bmp.Encode(w, m) },
		TIFF: func(w io.Writer) error { return tiff.Encode(w, m, nil) },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		out[f] = b.Bytes()
	}
	return out
}

func decode(d Decoder) (*plane.Picture, Report, error) {
	p := plane.New(d.Header().Layout)
	r, err := d.Decode(context.Background(), p)
	return p, r, err
}

func TestEveryFormatIsToldByItsBytesAndDecoded(t *testing.T) {
	want := sample.Landscape(61, 43)
	for f, data := range files(t) {
		d, err := Open(bytes.NewReader(data), Limits{})
		if err != nil {
			t.Errorf("%s: %v", f, err)
			continue
		}
		h := d.Header()
		if h.Format != f || h.Width != 61 || h.Height != 43 || h.Frames != 1 || h.Orientation != 1 {
			t.Errorf("%s: header %+v", f, h)
		}
		p, _, err := decode(d)
		if err != nil {
			t.Errorf("%s: %v", f, err)
			continue
		}
		tolerance := map[Format]int{JPEG: 90, GIF: 60}[f] // one sample; chroma and palettes lose much in so small a picture
		if f == JPEG {
			if n := distance(p.Row(0, 20)[30], luma(want.At(30, 20))); n > 30 {
				t.Errorf("jpeg: luma is off by %d", n)
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

func TestWhatIsNoPictureIsSaidToBeNone(t *testing.T) {
	for name, data := range map[string]string{
		"empty": "", "text": "Hello, this is a text file that ends in .jpg", "html": "<!doctype html>", "zip": "PK\x03\x04aaaaaaaaaaaaaa",
		"text with a bitmap's letters": "BMW is a maker of cars, and this is no bitmap",
	} {
		if _, err := Open(strings.NewReader(data), Limits{}); !errors.Is(err, ErrNotImage) {
			t.Errorf("%s: %v", name, err)
		}
	}
	heic := "\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"
	if _, err := Open(strings.NewReader(heic), Limits{}); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "heic") {
		t.Errorf("heic: %v", err)
	}
}

func TestLimitsHoldBeforeAPixelIsDecoded(t *testing.T) {
	huge := claim(100000, 100000)
	if _, err := Open(bytes.NewReader(huge), Limits{Pixels: 200e6}); !errors.Is(err, ErrLimit) || !strings.Contains(err.Error(), "100000×100000") {
		t.Errorf("pixels: %v", err)
	}
	for _, lim := range []Limits{{}, {Pixels: 200e6}} { // their product is negative in 64 bits
		if _, err := Open(bytes.NewReader(claim(0xFFFFFF06, 0xD44D1402)), lim); !errors.Is(err, ErrCorrupt) {
			t.Errorf("sides beyond the format, %+v: %v", lim, err)
		}
	}
	for f, data := range files(t) {
		_, err := Open(bytes.NewReader(data), Limits{Pixels: 61*43 - 1})
		if !errors.Is(err, ErrLimit) {
			t.Errorf("%s: pixels: %v", f, err)
		}
		// The stream ends the moment it is over the limit, wherever the decoder is by then.
		d, err := Open(bytes.NewReader(data), Limits{Bytes: int64(len(data) - 1)})
		if err == nil {
			_, _, err = decode(d)
		}
		if !errors.Is(err, ErrLimit) {
			t.Errorf("%s: bytes: %v", f, err)
		}
	}
	many := animation(t, 5)
	d, err := Open(bytes.NewReader(many), Limits{})
	if err != nil || d.Header().Frames != 5 {
		t.Fatalf("animation: %v", err)
	}
	if _, err := Open(bytes.NewReader(many), Limits{Frames: 4}); !errors.Is(err, ErrLimit) {
		t.Errorf("frames: %v", err)
	}
}

// claim is a PNG whose header says w×h, with no pixels behind it.
func claim(w, h uint32) []byte {
	ihdr := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)
	b := appendChunk([]byte("\x89PNG\r\n\x1a\n"), "IHDR", append(ihdr, 8, 2, 0, 0, 0))
	return appendChunk(appendChunk(b, "IDAT", nil), "IEND", nil)
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

func TestAGIFFrameLiesOnItsScreen(t *testing.T) {
	d, err := Open(bytes.NewReader(animation(t, 2)), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	p, _, err := decode(d)
	if err != nil {
		t.Fatal(err)
	}
	if p.Width() != 20 || p.Height() != 10 || !p.Alpha {
		t.Fatalf("layout %+v", p.Layout)
	}
	if a := p.Row(3, 0)[0]; a != 0 {
		t.Errorf("outside the frame alpha is %d", a)
	}
	if a, v := p.Row(3, 2)[4], p.Row(0, 2)[4]; a != 255 || v != 255 {
		t.Errorf("the frame's first pixel is %d, alpha %d", v, a)
	}
}

func TestCutAndBrokenFilesAreCorruptAndABrokenStreamIsNot(t *testing.T) {
	broken := errors.New("connection reset")
	for f, data := range files(t) {
		for _, n := range []int{len(data) / 3, len(data) * 2 / 3} {
			err := openAndDecode(bytes.NewReader(data[:n]))
			if !errors.Is(err, ErrCorrupt) {
				t.Errorf("%s cut at %d of %d: %v", f, n, len(data), err)
			}
			err = openAndDecode(io.MultiReader(bytes.NewReader(data[:n]), iotest.ErrReader(broken)))
			if !errors.Is(err, broken) || errors.Is(err, ErrCorrupt) {
				t.Errorf("%s with a connection that broke at %d: %v", f, n, err)
			}
		}
	}
}

func openAndDecode(r io.Reader) error {
	d, err := Open(r, Limits{Pixels: 50e6})
	if err != nil {
		return err
	}
	_, report, err := decode(d)
	if err == nil {
		return report.Damage
	}
	return err
}

func TestAnErrorOfTheSinkEndsTheDecode(t *testing.T) {
	for _, stop := range []error{errors.New("no room"), plane.ErrEnough} {
		for f, data := range files(t) {
			d, err := Open(bytes.NewReader(data), Limits{})
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
	d, err := Open(&b, Limits{})
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

func TestPNGCarriesProfileAndEXIF(t *testing.T) {
	p := plane.New(plane.NewLayout(plane.RGB, true, 5, 4, 1, 1))
	icc := bytes.Repeat([]byte{1, 2, 3, 4}, 100)
	exifBlock := []byte("II*\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	data, err := pngEncoder{}.Encode(p, EncodeOptions{ICC: icc, EXIF: exifBlock})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := png.Decode(bytes.NewReader(data)); err != nil { // checks every chunk's sum
		t.Error(err)
	}
	d, err := Open(bytes.NewReader(data), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if h := d.Header(); !bytes.Equal(h.ICC, icc) || !bytes.Equal(h.EXIF, exifBlock) {
		t.Errorf("ICC %d bytes, EXIF %d bytes", len(h.ICC), len(h.EXIF))
	}
}

// The corpus holds valid and broken files of other people. Valid ones must agree with ImageMagick on their size; of all,
// none may panic, and every error must be of a known kind.
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
			case errors.Is(err, ErrCorrupt), errors.Is(err, ErrUnsupported), errors.Is(err, ErrNotImage), errors.Is(err, ErrLimit):
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
		want := open(t, out)
		got := open(t, path)
		if want.Width() != got.Width() || want.Height() != got.Height() {
			t.Errorf("%s: %d×%d, dwebp says %d×%d", path, got.Width(), got.Height(), want.Width(), want.Height())
			continue
		}
		sum, n := 0, 0
		for y := range want.Height() {
			for x, v := range want.Row(0, y) {
				if want.Alpha && want.Row(3, y)[x] == 0 {
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

func open(t *testing.T, path string) *plane.Picture {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	d, err := Open(bytes.NewReader(data), Limits{})
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
		d, err := Open(bytes.NewReader(data), Limits{Pixels: 1e6, Bytes: 1e6, Frames: 100})
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

func TestAppendChunkSums(t *testing.T) {
	b := appendChunk(nil, "IEND", nil)
	if want := crc32.ChecksumIEEE([]byte("IEND")); binary.BigEndian.Uint32(b[8:]) != want {
		t.Errorf("% x", b)
	}
}

func TestAWebPFrameStaysOnItsCanvas(t *testing.T) {
	lossless := []byte("VP8L\x05\x00\x00\x00\x2f\xfe\xff\xff\x0f\x00") // 16383×16383, nothing behind its header
	canvas := []byte("VP8X\x0a\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	for name, body := range map[string][]byte{
		"canvas behind the picture": append(bytes.Clone(lossless), canvas...),
		"picture beyond its canvas": append(bytes.Clone(canvas), lossless...),
	} {
		file := append([]byte("RIFF\xff\x00\x00\x00WEBP"), body...)
		if _, err := Open(bytes.NewReader(file), Limits{Pixels: 1e6}); !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrLimit) {
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

// TestLengthReadsNoMoreThanItMust: how long a file is at least is known from a part of it.
func TestLengthReadsNoMoreThanItMust(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2)) // more threads read further ahead
	file := sample.Photo(1500, 2000)
	size := int64(len(file))
	for _, enough := range []int64{0, 1000, size / 2, size - 1, size, size + 1, 10 * size} {
		r := &counted{r: bytes.NewReader(file)}
		d, err := Open(r, Limits{})
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
	d, err := Open(io.MultiReader(bytes.NewReader(file[:size/2]), iotest.ErrReader(broken)), Limits{})
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

// TestWhatWasFoundBeforeTheSinkHadEnough: the report comes beside the sink's error.
func TestWhatWasFoundBeforeTheSinkHadEnough(t *testing.T) {
	file := sample.Photo(400, 1600)
	cut := append(bytes.Clone(file[:len(file)/3]), 0xff, 0xd9)
	for row, spoilt := range map[int]bool{100: false, 1500: true} {
		d, err := Open(bytes.NewReader(cut), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		report, err := d.Decode(t.Context(), until(row))
		if err != plane.ErrEnough || errors.Is(report.Damage, ErrCorrupt) != spoilt {
			t.Errorf("enough at row %d: %v, damage %v", row, err, report.Damage)
		}
	}
	// What broke while more was read ahead than the sink took is nobody's concern.
	d, err := Open(io.MultiReader(bytes.NewReader(cut[:len(cut)/2]), iotest.ErrReader(errors.New("connection reset"))), Limits{})
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
