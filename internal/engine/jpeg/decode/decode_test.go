package decode

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/jpeg/encode"
	"github.com/imgmill/imgmill/internal/engine/jpeg/jpegtest"
	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// TestDecodeSampling decodes every kind of sampling, in one scan and in several, with and without
// restart markers.
func TestDecodeSampling(t *testing.T) {
	var cases [][][2]int
	for h := 1; h <= 4; h++ {
		for v := 1; v <= 4; v++ {
			cases = append(cases,
				[][2]int{{h, v}, {1, 1}, {1, 1}}, [][2]int{{h, v}, {max(h-1, 1), 1}, {1, v}})
		}
	}
	cases = append(cases, [][2]int{{1, 1}}, [][2]int{{3, 2}},
		[][2]int{{1, 1}, {2, 2}, {1, 2}}, [][2]int{{2, 3}, {3, 2}, {1, 1}})
	for i, s := range cases {
		f := newFixture(53, 43, uint64(i), s...)
		name := fmt.Sprint(s)
		if len(s) == 1 {
			// A single component is never interleaved, whatever its sampling factors are.
			f = newFixture(53, 43, uint64(i), [2]int{1, 1})
		}
		scans := [][][]int{nil}
		if len(s) == 3 {
			scans = append(scans, [][]int{{0}, {1}, {2}}, [][]int{{1, 2}, {0}})
		}
		for _, scan := range scans {
			for _, interval := range []int{0, 3} {
				f.scans, f.interval = scan, interval
				file := f.bytes()
				if len(s) == 1 {
					factors := byte(s[0][0]<<4 | s[0][1])
					file = bytes.Replace(file, []byte{1, 1, 0x11, 0}, []byte{1, 1, factors, 0}, 1)
				}
				for _, n := range []int{8, 3} {
					name := fmt.Sprintf("%s/%v/restart=%d/scale=%d", name, scan, interval, n)
					t.Run(name, func(t *testing.T) {
						p := decodeAt(t, file, n)
						f.compare(t, p, n, onlyLuma)
					})
				}
			}
		}
	}
}

// decodeAt decodes all components at scale n.
func decodeAt(t testing.TB, file []byte, n int) *plane.Picture {
	t.Helper()
	d, err := New(bytes.NewReader(file), Options{Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range d.comps {
		d.setScale(c, n)
	}
	p := plane.New(d.layout())
	if _, err := d.Decode(context.Background(), p); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestDecodeScales compares each scale of a progressive file with a sequential file of the same
// coefficients.
func TestDecodeScales(t *testing.T) {
	for _, sub := range jpegtest.Samplings {
		p := jpegtest.YCbCr(jpegtest.Scene(203, 157), sub.X, sub.Y)
		sequential := encoded(t, p, encode.Options{Quality: 85})
		progressive := encoded(t, p, encode.Options{Quality: 85, Progressive: true})
		for n := 1; n <= 8; n++ {
			a, b := decodeAt(t, sequential, n), decodeAt(t, progressive, n)
			for i := range a.Pix {
				if k := jpegtest.FirstDifference(a.Pix[i], b.Pix[i]); k < len(a.Pix[i]) {
					t.Errorf("%d×%d scale %d: plane %d differs at %d", sub.X, sub.Y, n, i, k)
				}
			}
		}
	}
}

// TestShrink checks that the chosen scales are the smallest sufficient ones.
func TestShrink(t *testing.T) {
	file := newFixture(803, 401, 1, [2]int{2, 2}, [2]int{1, 1}, [2]int{1, 1}).bytes()
	d, err := New(bytes.NewReader(file), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ w, h, luma, chroma int }{
		{1, 1, 1, 1}, {101, 51, 1, 1}, {102, 10, 2, 1}, {103, 10, 2, 2}, {101, 52, 2, 1},
		{400, 200, 4, 4}, {402, 200, 4, 4}, {403, 200, 5, 5}, {803, 401, 8, 8}, {5000, 1, 8, 8},
		{1, 5000, 8, 8}, {0, 0, 1, 1},
	} {
		l := d.Shrink(c.w, c.h)
		size := func(n, over int) plane.Size {
			return plane.Size{
				Width: ceilDiv(803*n, over), Height: ceilDiv(401*n, over),
				SpanX: 803 * float64(n) / float64(over), SpanY: 401 * float64(n) / float64(over),
			}
		}
		want := []plane.Size{size(c.luma, 8), size(c.chroma, 16)}
		if l.Planes[0].Size != want[0] || l.Planes[1].Size != want[1] || l.Planes[2].Size != want[1] {
			t.Errorf("%d×%d: %+v, want %+v", c.w, c.h, l.Planes, want)
		}
	}
	file = newFixture(800, 400, 1, [2]int{1, 1}, [2]int{1, 1}, [2]int{1, 1}).bytes()
	if d, err = New(bytes.NewReader(file), Options{}); err != nil {
		t.Fatal(err)
	}
	if l := d.Shrink(400, 200); l.Width() != 400 || l.Planes[1].Width != 200 {
		t.Errorf("4:4:4 at half size: %+v", l.Planes)
	}
}

func adobe(transform byte) []byte {
	return append([]byte{0xFF, stream.APP14, 0, 14},
		"Adobe\x00\x64\x00\x00\x00\x00"+string(transform)...)
}

var jfif = append([]byte{0xFF, stream.APP0, 0, 16}, "JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"...)

// TestDecodeModels checks how the colour model is determined, and that the planes of all models
// except YCbCr have one size.
func TestDecodeModels(t *testing.T) {
	even := [][2]int{{1, 1}, {1, 1}, {1, 1}, {1, 1}}
	odd := [][2]int{{2, 2}, {1, 1}, {2, 1}, {2, 2}}
	for _, c := range []struct {
		name   string
		comps  int
		ids    string
		before []byte
		want   plane.Model
	}{
		{"grey", 1, "", nil, plane.Gray},
		{"plain", 3, "", nil, plane.YCbCr},
		{"jfif", 3, "RGB", jfif, plane.YCbCr},
		{"jfif and adobe", 3, "", append(bytes.Clone(jfif), adobe(0)...), plane.YCbCr},
		{"adobe 0", 3, "", adobe(0), plane.RGB},
		{"adobe 1", 3, "RGB", adobe(1), plane.YCbCr},
		{"letters", 3, "RGB", nil, plane.RGB},
		{"four", 4, "", nil, plane.CMYK},
		{"four by adobe", 4, "", adobe(0), plane.CMYK},
		{"ycck", 4, "", adobe(2), plane.CMYK},
	} {
		for _, sampling := range [][][2]int{even, odd} {
			for _, apart := range []bool{false, true} {
				t.Run(fmt.Sprint(c.name, sampling, apart), func(t *testing.T) {
					f := newFixture(37, 29, 5, sampling[:c.comps]...)
					if c.comps == 1 {
						f = newFixture(37, 29, 5, even[0])
					}
					f.before = c.before
					for i := range c.ids {
						f.comps[i].id = c.ids[i]
					}
					for i := range f.comps {
						if apart {
							f.scans = append(f.scans, []int{i})
						}
					}
					p := decodeAt(t, f.bytes(), 8)
					if p.Model != c.want {
						t.Fatalf("got %v, want %v", p.Model, c.want)
					}
					undoInk(t, f, p, c.name)
				})
			}
		}
	}
}

// undoInk converts ink back to the stored values and compares them.
func undoInk(t *testing.T, f *fixture, p *plane.Picture, name string) {
	t.Helper()
	if name == "ycck" {
		compareYCCK(t, f, p)
		return
	}
	f.compare(t, stored(p), 8, func(i int) bool { return i == 0 || p.Model != plane.YCbCr })
}

// stored returns a picture with ink as a JPEG file stores it: inverted.
func stored(p *plane.Picture) *plane.Picture {
	if p.Model == plane.CMYK {
		for _, pix := range p.Pix {
			for i := range pix {
				pix[i] = ^pix[i]
			}
		}
	}
	return p
}

func compareYCCK(t *testing.T, f *fixture, p *plane.Picture) {
	t.Helper()
	at := func(i, x, y int) float64 {
		return f.raised(i, 8, x, y)
	}
	for y := range f.h {
		for x := range f.w {
			l, b, r, k := at(0, x, y), at(1, x, y)-128, at(2, x, y)-128, at(3, x, y)
			// The equations of T.871. Adobe stores the YCbCr of inverted ink, inverted once more.
			want := []float64{l + 1.402*r, l - 0.344136*b - 0.714136*r, l + 1.772*b, 255 - k}
			for i, v := range want {
				if got := float64(p.Row(i, y)[x]); math.Abs(got-min(max(v, 0), 255)) > 3 {
					t.Fatalf("ink %d at %d,%d is %g, want %.1f", i, x, y, got, v)
				}
			}
		}
	}
}

// TestDecodeOddities decodes irregularities that some writers produce. None of them is damage.
func TestDecodeOddities(t *testing.T) {
	app := func(body string) []byte {
		return append([]byte{0xFF, 0xE5, 0, byte(2 + len(body))}, body...)
	}
	for name, change := range map[string]func(*fixture) []byte{
		"extended, 16-bit table": func(f *fixture) []byte {
			f.sof, f.wide = stream.SOF1, true
			return f.bytes()
		},
		"no Huffman tables": func(f *fixture) []byte { f.noTables = true; return f.bytes() },
		"fill bytes":        func(f *fixture) []byte { f.fill = 5; return f.bytes() },
		"second start": func(f *fixture) []byte {
			f.before = []byte{0xFF, stream.SOI}
			return f.bytes()
		},
		"stray bytes": func(f *fixture) []byte {
			f.before = append(app("hello"), "\x00junk\xFF\x00"...)
			return f.bytes()
		},
		"no end": func(f *fixture) []byte { f.end = nil; return f.bytes() },
		"trailing data": func(f *fixture) []byte {
			f.end = append(f.end, make([]byte, 70000)...)
			return f.bytes()
		},
		"second picture": func(f *fixture) []byte { b := f.bytes(); return append(b, b...) },
		"height in DNL":  func(f *fixture) []byte { f.dnl = true; return f.bytes() },
		"height in DNL, restarts": func(f *fixture) []byte {
			f.dnl, f.interval = true, 2
			return f.bytes()
		},
		"long frame header": func(f *fixture) []byte {
			b := f.bytes()
			i := bytes.Index(b, []byte{0xFF, stream.SOF0})
			b[i+3] += 4
			return append(append(bytes.Clone(b[:i+19]), 1, 2, 3, 4), b[i+19:]...)
		},
		"fill before restart markers": func(f *fixture) []byte {
			f.interval = 1
			return bytes.ReplaceAll(f.bytes(),
				[]byte{0xFF, stream.RST0 + 3}, []byte{0xFF, 0xFF, 0xFF, stream.RST0 + 3})
		},
		"other table numbers": func(f *fixture) []byte {
			b := f.bytes()
			b[bytes.Index(b, []byte{0xFF, stream.DQT})+4] = 3
			i := bytes.Index(b, []byte{0xFF, stream.SOF0})
			for k := range f.comps {
				b[i+12+3*k] = 3
			}
			return b
		},
		"equal identifiers": func(f *fixture) []byte {
			f.comps[1].id, f.comps[2].id = 1, 1
			return f.bytes()
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(61, 43, 3, [2]int{2, 2}, [2]int{1, 1}, [2]int{1, 1})
			p := decodeAt(t, change(f), 8)
			f.compare(t, p, 8, onlyLuma)
		})
	}
}

// TestDecodeByOnes reads a file byte by byte, and the last byte together with io.EOF.
func TestDecodeByOnes(t *testing.T) {
	f := newFixture(61, 43, 3, [2]int{2, 1}, [2]int{1, 1}, [2]int{1, 1})
	f.interval, f.dnl = 4, true
	file := f.bytes()
	r := iotest.DataErrReader(iotest.OneByteReader(bytes.NewReader(file)))
	d, err := New(r, Options{Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	p := plane.New(d.Header().Layout)
	if _, err := d.Decode(context.Background(), p); err != nil {
		t.Fatal(err)
	}
	f.compare(t, p, 8, onlyLuma)
}

// TestUnsupported checks that the errors for valid but unsupported kinds of JPEG name the feature.
func TestUnsupported(t *testing.T) {
	file := newFixture(16, 16, 1, [2]int{1, 1}, [2]int{1, 1}, [2]int{1, 1}).bytes()
	sof := bytes.Index(file, []byte{0xFF, stream.SOF0})
	for _, c := range []struct {
		at   int
		to   byte
		want string
	}{
		{sof + 1, 0xC5, "hierarchical"}, {sof + 1, 0xC7, "hierarchical"},
		{sof + 1, 0xCB, "lossless arithmetic"},
		{sof + 1, 0xCD, "hierarchical arithmetic"},
		{sof + 1, 0xDE, "hierarchical"},
		{sof + 1, 0xC8, "extension"}, {sof + 4, 7, "7-bit"}, {sof + 4, 16, "16-bit"},
		{sof + 9, 2, "2 components"},
	} {
		b := bytes.Clone(file)
		b[c.at] = c.to
		_, err := New(bytes.NewReader(b), Options{})
		var u *UnsupportedError
		if !errors.As(err, &u) || !strings.Contains(u.Feature, c.want) || u.Offset != int64(sof) {
			t.Errorf("byte %d = %#x: error %v, want one that names %q at byte %d",
				c.at, c.to, err, c.want, sof)
		}
	}
}

// TestHeaderErrors checks that an invalid header is refused with the right position.
func TestHeaderErrors(t *testing.T) {
	file := newFixture(16, 16, 1, [2]int{1, 1}, [2]int{1, 1}, [2]int{1, 1}).bytes()
	sof := bytes.Index(file, []byte{0xFF, stream.SOF0})
	sos := bytes.Index(file, []byte{0xFF, stream.SOS})
	dht := bytes.Index(file, []byte{0xFF, stream.DHT})
	for _, c := range []struct {
		name   string
		at     int
		to     byte
		offset int
	}{
		{"start", 1, 0, 0}, {"width", sof + 8, 0, sof},
		{"sampling", sof + 11, 0x51, sof}, {"table", sof + 12, 4, sof},
		{"truncated frame header", sof + 3, 8, sof}, {"unknown component", sos + 5, 77, sos},
		{"length", sos + 3, 1, sos}, {"no components", sos + 4, 0, sos},
		{"table class", dht + 4, 0x20, dht}, {"counts", dht + 5, 255, dht},
	} {
		b := bytes.Clone(file)
		b[c.at] = c.to
		_, err := New(bytes.NewReader(b), Options{})
		var f *FormatError
		if !errors.As(err, &f) || f.Offset != int64(c.offset) {
			t.Errorf("%s: error %v, want one at byte %d", c.name, err, c.offset)
		}
	}
}

// TestDecodeMetadata reads back what the encoder has written, with the chunks of the profile in
// another order or incomplete.
func TestDecodeMetadata(t *testing.T) {
	icc := bytes.Repeat([]byte("profile "), 20000)
	file := encoded(t, jpegtest.Gray(jpegtest.Scene(20, 20)),
		encode.Options{Quality: 80, ICC: icc, Metadata: codec.Metadata{EXIF: []byte("II*\x00 exif")}})
	header := func(file []byte) Header {
		d, err := New(bytes.NewReader(file), Options{})
		if err != nil {
			t.Fatal(err)
		}
		return d.Header()
	}
	h := header(file)
	if !bytes.Equal(h.ICC, icc) || string(h.EXIF) != "II*\x00 exif" || !h.JFIF || h.Adobe ||
		len(h.Notes) > 0 {
		t.Errorf("profile of %d bytes, EXIF %q, JFIF %v, Adobe %v, notes %q",
			len(h.ICC), h.EXIF, h.JFIF, h.Adobe, h.Notes)
	}
	first := bytes.Index(file, []byte(stream.ICCPrefix+"\x01")) - 4
	second := bytes.Index(file, []byte(stream.ICCPrefix+"\x02")) - 4
	third := bytes.Index(file, []byte(stream.ICCPrefix+"\x03")) - 4
	swapped := slices.Concat(file[:first], file[second:third], file[first:second], file[third:])
	if h := header(swapped); !bytes.Equal(h.ICC, icc) {
		t.Error("chunks in another order are not sorted")
	}
	missing := append(bytes.Clone(file[:second]), file[third:]...)
	if h := header(missing); h.ICC != nil || len(h.Notes) != 1 || !strings.Contains(h.Notes[0], "chunk 2 of 3") {
		t.Errorf("chunk missing: profile of %d bytes, notes %q", len(h.ICC), h.Notes)
	}
}

// TestSinkErrors checks that the error of a sink and that of a cancelled context are returned
// unchanged.
func TestSinkErrors(t *testing.T) {
	for _, progressive := range []bool{false, true} {
		file := encoded(t, jpegtest.Gray(jpegtest.Scene(100, 100)), encode.Options{Quality: 80, Progressive: progressive})
		d, err := New(bytes.NewReader(file), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Decode(context.Background(), brokenSink{}); err != errBroken {
			t.Errorf("progressive %v: error %v", progressive, err)
		}
		if d, err = New(bytes.NewReader(file), Options{}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := d.Decode(ctx, brokenSink{}); err != context.Canceled {
			t.Errorf("progressive %v, cancelled: error %v", progressive, err)
		}
	}
}

type brokenSink struct{}

func (brokenSink) Rows(int, int, plane.Rows) error { return errBroken }
