package png

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/adler32"
	"image"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/deflate"
	"github.com/imgmill/imgmill/internal/engine/palette"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

// picture returns a picture with gradients and noise.
func picture(m plane.Model, alpha bool, w, h int) *plane.Picture {
	p := plane.New(plane.NewLayout(m, alpha, w, h, 1, 1))
	for i := range p.Pix {
		for y := range h {
			for x := range w {
				p.Row(i, y)[x] = byte(x*(i+1)/3 + y*y/7 + (x*x*31+y*17)%11)
			}
		}
	}
	return p
}

func TestEncodedPicturesDecodeAlike(t *testing.T) {
	for _, m := range []plane.Model{plane.Gray, plane.RGB} {
		for _, alpha := range []bool{false, true} {
			for _, wh := range [][2]int{{1, 1}, {3, 2}, {1, 700}, {700, 1}, {9, 9}, {640, 480}, {1000, 900}} {
				name := fmt.Sprintf("%v, alpha %t, %d×%d", m, alpha, wh[0], wh[1])
				encodesAlike(t, name, picture(m, alpha, wh[0], wh[1]))
			}
		}
	}
}

// encodesAlike encodes a picture with every effort and with several threads, reads the files back, and
// returns that of normal effort.
func encodesAlike(t *testing.T, name string, p *plane.Picture) (file []byte) {
	t.Helper()
	for _, e := range []codec.Effort{codec.HighEffort, codec.FastEffort, codec.NormalEffort} {
		if e != codec.NormalEffort && p.Width()*p.Height() > 20_000 {
			continue
		}
		file = nil
		for _, threads := range []int{1, 3} {
			again, err := encoder{effort: e}.Encode(t.Context(), p, codec.EncodeOptions{Threads: threads})
			if err != nil {
				t.Fatal(err)
			}
			if file != nil && !bytes.Equal(again, file) {
				t.Errorf("%s: %d threads give other bytes", name, threads)
			}
			file = again
		}
		if _, err := png.Decode(bytes.NewReader(file)); err != nil { // checks every sum
			t.Errorf("%s: %v", name, err)
		}
		got, err := decodeBytes(file, 1)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !bytes.Equal(rgba(t, got), rgba(t, p)) {
			t.Errorf("%s: other pixels, effort %d", name, e)
		}
	}
	return file
}

// TestColours: a picture has no more colours than asked for, looks about as before, and one that has no more
// stays as it is.
func TestColours(t *testing.T) {
	for _, m := range []plane.Model{plane.Gray, plane.RGB} {
		for _, alpha := range []bool{false, true} {
			p := picture(m, alpha, 120, 90)
			for _, n := range []int{2, 5, 16, 200, 256} {
				for _, d := range palette.DitherSetting.Choices {
					v := setting.Values{"colours": fmt.Sprint(n), "dither": d}
					file, err := Format.Encoder(v).Encode(t.Context(), p, codec.EncodeOptions{})
					if err != nil {
						t.Fatal(err)
					}
					got, err := decodeBytes(file, 1)
					if err != nil {
						t.Fatal(err)
					}
					seen, sum := &colourTable{}, 0
					if !seen.add(pixels(t, got)) || len(seen.colours) > n {
						t.Errorf("%v, alpha %t, %v: %d colours", m, alpha, v, len(seen.colours))
					}
					have, want := rgba(t, got), rgba(t, p)
					for i := range have {
						a := int(want[i|3])
						if i%4 == 3 {
							a = 255
						}
						off := (int(have[i]) - int(want[i])) * a / 255
						sum += off * off
					}
					if mean := sum / len(have); n >= 200 && mean > 200 {
						t.Errorf("%v, alpha %t, %v: the mean squared error is %d", m, alpha, v, mean)
					}
					again, err := Format.Encoder(v).Encode(t.Context(), got, codec.EncodeOptions{})
					if err != nil || !bytes.Equal(again, file) {
						t.Errorf("%v, alpha %t, %v: few colours became others, %v", m, alpha, v, err)
					}
				}
			}
		}
	}
}

// TestFewBits: what is written takes as few bits a pixel as its colours allow.
func TestFewBits(t *testing.T) {
	for _, c := range []struct {
		name        string
		at          func(x, y int) pixel
		colour      byte
		depth       int
		transparent bool // a tRNS chunk
	}{
		{"black and white", func(x, y int) pixel { return grayPixel(x / 7 % 2 * 255) }, typeGray, 1, false},
		{"two grays", func(x, y int) pixel { return grayPixel(x/7%2*10 + 9) }, typePalette, 1, false},
		{"4 levels", func(x, y int) pixel { return grayPixel(x / 7 % 4 * 85) }, typeGray, 2, false},
		{"16 levels", func(x, y int) pixel { return grayPixel(x / 7 % 16 * 17) }, typeGray, 4, false},
		{"200 levels", func(x, y int) pixel { return grayPixel((x + y) % 200) }, typeGray, 8, false},
		{"5 colours", func(x, y int) pixel { return pixel((x+y)%5*40) | 255<<24 }, typePalette, 4, false},
		{"255 colours and none", func(x, y int) pixel {
			if v := (x + 5*y) % 256; v > 0 {
				return pixel(v) | pixel(v/2)<<16 | 255<<24
			}
			return 0
		}, typePalette, 8, true},
		{"200 colours of half opacity", func(x, y int) pixel { return pixel((x+y)%200) | 128<<24 }, typePalette, 8, true},
		{"gray and holes", func(x, y int) pixel {
			if x%9 == y%9 {
				return 0
			}
			return grayPixel((x + y) % 255)
		}, typeGray, 8, true},
		{"all grays and holes", func(x, y int) pixel {
			if x%9 == y%9 {
				return 0
			}
			return grayPixel((x + y) % 256)
		}, typeGrayAlpha, 8, false},
		{"colours", func(x, y int) pixel { return pixel(x%256) | pixel(y%256)<<8 | 255<<24 }, typeRGB, 8, false},
		{"colours and holes", func(x, y int) pixel {
			if x%9 == y%9 {
				return 0
			}
			return pixel(x%256) | pixel(y%256)<<8 | 255<<24
		}, typeRGB, 8, true},
		{"colours of any opacity", func(x, y int) pixel {
			return pixel(x%256) | pixel(y%256)<<8 | pixel(x*y%255+1)<<24
		}, typeRGBA, 8, false},
	} {
		p := plane.New(plane.NewLayout(plane.RGB, true, 301, 200, 1, 1))
		for y := range 200 {
			for x := range 301 {
				for i := range 4 {
					p.Row(i, y)[x] = byte(c.at(x, y) >> (8 * i))
				}
			}
		}
		file := encodesAlike(t, c.name, p)
		if file[25] != c.colour || int(file[24]) != c.depth || bytes.Contains(file, []byte("tRNS")) != c.transparent {
			t.Errorf("%s: colour type %d with %d bits", c.name, file[25], file[24])
		}
	}
}

func grayPixel(v int) pixel { return pixel(v)*0x010101 | 255<<24 }

func TestMethodFitsThePicture(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	grainy := func(x, y int) byte { return byte(x/8 + y/8 + r.IntN(16)) }
	var shapes [31][12][8]byte
	var text [64][128]int
	for i := range shapes {
		for y := range shapes[i] {
			for x := range shapes[i][y] {
				shapes[i][y][x] = [4]byte{0, 60, 120, 180}[r.IntN(4)]
			}
		}
	}
	for y := range text {
		for x := range text[y] {
			text[y][x] = r.IntN(len(shapes))
		}
	}
	glyphs := func(x, y int) byte { return shapes[text[y/12][x/8]][y%12][x%8] }
	ramp := func(x, y int) byte { return byte(x*x/5000 + y*y/3000) }
	half := func(x, y int) byte {
		if x/50%2 == y/50%2 {
			return grainy(x, y)
		}
		return ramp(x, y)
	}
	for _, c := range []struct {
		name string
		w, h int
		at   func(x, y int) byte
		want method
	}{
		{"grainy", 700, 500, grainy, method{adaptive, deflate.Entropy}},
		{"glyphs", 700, 500, glyphs, method{unfiltered, deflate.Deep}},
		{"ramp", 700, 500, ramp, method{adaptive, deflate.Normal}},
		{"half", 700, 500, half, method{adaptive, deflate.Fast}},
	} {
		p := plane.New(plane.NewLayout(plane.RGB, false, c.w, c.h, 1, 1))
		for i := range p.Pix {
			for y := range c.h {
				for x := range p.Row(i, y) {
					p.Row(i, y)[x] = c.at(x+i, y)
				}
			}
		}
		stored, err := store(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		s, err := newStrips(t.Context(), stored.raster(), codec.NormalEffort, new(deflate.Compressor))
		if err != nil || s.method != c.want {
			t.Errorf("%s: %+v, want %+v, %v", c.name, s.method, c.want, err)
		}
		file, err := encoder{}.Encode(t.Context(), p, codec.EncodeOptions{Threads: 2})
		if err != nil {
			t.Fatal(err)
		}
		got, err := png.Decode(bytes.NewReader(file))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		for _, at := range []image.Point{{0, 0}, {c.w - 1, c.h - 1}, {c.w / 2, c.h / 3}} {
			r, g, b, _ := got.At(at.X, at.Y).RGBA()
			if byte(r) != p.Row(0, at.Y)[at.X] || byte(g) != p.Row(1, at.Y)[at.X] || byte(b) != p.Row(2, at.Y)[at.X] {
				t.Errorf("%s: pixel %v differs", c.name, at)
			}
		}
	}
}

func TestEncoderStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (encoder{}).Encode(ctx, picture(plane.RGB, false, 1000, 1000), codec.EncodeOptions{Threads: 2}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestSumsOfPartsJoin(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789\xff\xfe"), 20000)
	for _, n := range []int{0, 1, 7, 100000, len(data)} {
		first, second, all := adler(1), adler(1), adler(1)
		first.update(data[:n])
		second.update(data[n:])
		all.update(data)
		if got := joinAdler(first, second, len(data)-n); got != all || all != adler(adler32.Checksum(data)) {
			t.Errorf("parted at %d: %x and %x, want %x", n, got, all, adler32.Checksum(data))
		}
	}
}

// TestFilesBesideTheLibrarys compares the bytes of the normal effort with those of image/png. Photographs may take
// a twentieth more, because matches save less than leastGain in them and take three times as long to find.
func TestFilesBesideTheLibrarys(t *testing.T) {
	root := os.Getenv("IMGMILL_CORPUS")
	if root == "" {
		t.Skip("IMGMILL_CORPUS is not set")
	}
	for dir, most := range map[string]float64{"kodak": 1.05, "corpus/pngsuite": 1} {
		paths, _ := filepath.Glob(filepath.Join(root, dir, "*.png"))
		more, _ := filepath.Glob(filepath.Join(root, dir, "*/*.png"))
		ours, theirs, n := 0, 0, 0
		for _, path := range append(paths, more...) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			p, err := decodeBytes(data, 1)
			if err != nil {
				continue
			}
			p.Space = plane.Space{}
			file, err := encoder{}.Encode(t.Context(), p, codec.EncodeOptions{})
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if err := png.Encode(&b, libraryImage(p)); err != nil {
				t.Fatal(err)
			}
			ours, theirs, n = ours+len(file), theirs+b.Len(), n+1
		}
		t.Logf("%s: %d files, %d bytes, the library's %d", dir, n, ours, theirs)
		if n == 0 || float64(ours) > most*float64(theirs) {
			t.Errorf("%s: %d files, %d bytes, the library's %d", dir, n, ours, theirs)
		}
	}
}

// libraryImage returns p as an image that image/png writes without loss.
func libraryImage(p *plane.Picture) image.Image {
	w, h := p.Width(), p.Height()
	if p.Model == plane.Gray && !p.HasAlpha() {
		return &image.Gray{Pix: p.Pix[0], Stride: p.Stride[0], Rect: image.Rect(0, 0, w, h)}
	}
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	a, alpha := p.Alpha()
	for i := range w * h {
		for c := range 3 {
			m.Pix[4*i+c] = p.Pix[min(c, p.Model.Colours()-1)][i]
		}
		m.Pix[4*i+3] = 255
		if alpha {
			m.Pix[4*i+3] = p.Pix[a][i]
		}
	}
	return m
}

func BenchmarkEncode(b *testing.B) {
	p := picture(plane.RGB, false, 1500, 1000)
	if path := os.Getenv("IMGMILL_PNG"); path != "" {
		data, err := os.ReadFile(path)
		if err != nil {
			b.Fatal(err)
		}
		if p, err = decodeBytes(data, 1); err != nil {
			b.Fatal(err)
		}
	}
	for threads := 1; threads <= 2; threads++ {
		b.Run(fmt.Sprint("threads=", threads), func(b *testing.B) {
			b.SetBytes(int64(len(p.Pix) * len(p.Pix[0])))
			for b.Loop() {
				file, err := encoder{}.Encode(b.Context(), p, codec.EncodeOptions{Threads: threads})
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(len(file)), "bytes")
			}
		})
	}
}

// FuzzEncode encodes pictures of few and many colours with every setting, and reads them back.
func FuzzEncode(f *testing.F) {
	for i := range uint16(8) {
		f.Add([]byte("\x00\x01\x02\xff\x80\x10 0123"), i*7919, uint8(5+i), uint8(3*i+1))
	}
	f.Fuzz(func(t *testing.T, samples []byte, how uint16, w, h uint8) {
		if len(samples) == 0 {
			return
		}
		model := []plane.Model{plane.Gray, plane.RGB}[how%2]
		p := plane.New(plane.NewLayout(model, how&2 != 0, 1+int(w)%80, 1+int(h)%80, 1, 1))
		r := rand.New(rand.NewPCG(uint64(how), 1))
		for i := range p.Pix {
			for k := range p.Pix[i] {
				switch how >> 2 & 3 {
				case 0:
					p.Pix[i][k] = samples[(k+i)%len(samples)]
				case 1:
					p.Pix[i][k] = samples[r.IntN(len(samples))]
				case 2:
					p.Pix[i][k] = samples[k/7%len(samples)]
				default:
					p.Pix[i][k] = samples[k%len(samples)] + byte(r.IntN(3)+k/40)
				}
			}
		}
		// Pictures this small get much effort unless little is asked for, which takes fifty times as long.
		v := setting.Values{"effort": codec.EffortSetting.Choices[max(0, int(how>>4%16)-13)]}
		file, err := Format.Encoder(v).Encode(t.Context(), p, codec.EncodeOptions{Threads: 1 + int(how>>6%3)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := png.Decode(bytes.NewReader(file)); err != nil {
			t.Fatal(err)
		}
		got, err := decodeBytes(file, 1)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(rgba(t, got), rgba(t, p)) {
			t.Error("other pixels")
		}
	})
}

// TestCompactBound: a large picture whose source has fewer bytes is not searched for long, so that it is made in time.
func TestCompactBound(t *testing.T) {
	for _, test := range []struct {
		height  int
		smaller bool
	}{{20, true}, {compactSize/1000 + 1, false}} {
		p := picture(plane.Gray, false, 1000, test.height)
		var files [2][]byte
		for i, compact := range []bool{false, true} {
			var err error
			if files[i], err = (encoder{effort: codec.NormalEffort}).Encode(t.Context(), p, codec.EncodeOptions{Compact: compact}); err != nil {
				t.Fatal(err)
			}
		}
		if smaller := len(files[1]) < len(files[0]); smaller != test.smaller {
			t.Errorf("%d rows: %d bytes, and %d if compact", test.height, len(files[0]), len(files[1]))
		}
	}
}
