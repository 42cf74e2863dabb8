package tiff

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

func openFile(b []byte) (codec.Decoder, error) {
	return codec.Set{Format}.Open(bytes.NewReader(b), codec.OpenOptions{Limits: codec.Limits{Pixels: 1 << 26}})
}

// strict is a plane.Picture that also checks the order of the rows.
type strict struct {
	*plane.Picture
	next []int
}

func newStrict(l plane.Layout) *strict { return &strict{plane.New(l), make([]int, len(l.Planes))} }

func (s *strict) Rows(p, y int, r plane.Rows) error {
	if p < 0 || p >= len(s.next) || y != s.next[p] || r.N <= 0 {
		return fmt.Errorf("rows %d to %d of plane %d, expected row %v", y, y+r.N, p, s.next)
	}
	s.next[p] += r.N
	if s.HasAlpha() && !s.Subsampled() && p > 0 && s.next[p] != s.next[p-1] {
		return fmt.Errorf("plane %d has %d rows beside %d of the one before", p, s.next[p], s.next[p-1])
	}
	return s.Picture.Rows(p, y, r)
}

// decodeFile decodes a file twice, read at any place and as a stream, and checks that it makes no
// difference.
func decodeFile(b []byte) (*plane.Picture, error) {
	p, err := decodeReader(bytes.NewReader(b))
	q, other := decodeReader(struct{ io.Reader }{bytes.NewReader(b)})
	if (err == nil) != (other == nil) || errors.Is(err, codec.ErrUnsupported) != errors.Is(other, codec.ErrUnsupported) {
		return nil, fmt.Errorf("read at any place: %v; as a stream: %v", err, other)
	}
	if err == nil && !slices.EqualFunc(p.Pix, q.Pix, bytes.Equal) {
		return nil, errors.New("read at any place, the picture is another than as a stream")
	}
	return p, err
}

func decodeReader(r io.Reader) (*plane.Picture, error) {
	d, err := codec.Set{Format}.Open(r, codec.OpenOptions{Limits: codec.Limits{Pixels: 1 << 26}})
	if err != nil {
		return nil, err
	}
	s := newStrict(d.Header().Layout)
	report, err := d.Decode(context.Background(), s)
	if err == nil {
		err = report.Damage
	}
	for p, n := range s.next {
		if err == nil && n != s.Planes[p].Height {
			err = fmt.Errorf("plane %d has %d rows of %d", p, n, s.Planes[p].Height)
		}
	}
	return s.Picture, err
}

func mustDecode(t *testing.T, name string, b []byte) *plane.Picture {
	t.Helper()
	p, err := decodeFile(b)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return p
}

// level is the 8-bit level of a stored sample, computed apart from the decoder.
func level(v uint64, bits, format int) byte {
	switch {
	case format == float && bits == 32:
		return byte(uint16(math.Round(float64(math.Float32frombits(uint32(v)))*65535)) >> 8)
	case format == float && bits == 64:
		return byte(uint16(math.Round(math.Float64frombits(v)*65535)) >> 8)
	case format == signed:
		return byte(v>>(bits-8)) ^ 0x80
	case bits >= 8:
		return byte(v >> (bits - 8))
	}
	return byte((v*510 + 1<<bits - 1) / (1<<bits - 1) / 2) // rounded
}

// wave is a sample with all bits in use.
func wave(bits, format int) func(x, y, k int) uint64 {
	return func(x, y, k int) uint64 {
		v := uint64(x*x+7*y*x+13*y+61*k+x*y/3) * 0x9E3779B97F4A7C15
		if x%7 < 4 {
			v = uint64(x/7+y/5+k) << 61 // flat places, which compress
		}
		u := float64(v>>11) / (1 << 53)
		switch {
		case format == float && bits == 32:
			return uint64(math.Float32bits(float32(u)))
		case format == float && bits == 64:
			return math.Float64bits(u)
		}
		return v >> (64 - bits)
	}
}

// TestDrawings writes pictures of every depth, order, division and compression, and compares every
// sample.
func TestDrawings(t *testing.T) {
	type kind struct{ bits, format, photometric, samples int }
	kinds := []kind{}
	for _, bits := range []int{1, 2, 3, 4, 6, 8, 12, 16, 24, 32} {
		kinds = append(kinds, kind{bits, unsigned, blackIsZero, 1}, kind{bits, unsigned, rgb, 3})
	}
	kinds = append(kinds, kind{8, signed, blackIsZero, 1}, kind{16, signed, rgb, 3}, kind{32, float, rgb, 3},
		kind{64, float, blackIsZero, 1}, kind{8, unsigned, separated, 4}, kind{16, unsigned, separated, 4}, kind{8, unsigned, rgb, 4})
	for _, k := range kinds {
		for _, c := range []int{uncompressed, packBits, lzw, deflate, zstandard} {
			for form := range 16 {
				if testing.Short() && form%5 != 0 {
					continue
				}
				d := drawing{w: 61, h: 43, bits: k.bits, format: k.format, photometric: k.photometric, samples: k.samples,
					compression: c, rows: 7, at: wave(k.bits, k.format)}
				d.big, d.planar, d.atEnd = form&1 != 0, form&2 != 0, form&4 != 0
				if form&1 != 0 {
					d.order = binary.BigEndian
				}
				if form&8 != 0 {
					d.tileW, d.tileH = 32, 16
				}
				d.oldLZW = c == lzw && form&4 != 0
				if c != uncompressed && form&2 == 0 && k.bits >= 8 && k.bits != 12 && k.bits != 24 {
					d.predictor = 2
					if k.format == float {
						d.predictor = 3
					}
				}
				if k.samples == 4 && k.photometric == rgb {
					d.tags = []tag{{tagExtraSamples, []uint16{unassociated}}}
				}
				name := fmt.Sprintf("%+v, compression %d, form %d", k, c, form)
				p := mustDecode(t, name, d.file(t))
				compare(t, name, d, p)
			}
		}
	}
}

// TestWebP reads strips and tiles that are WebP files.
func TestWebP(t *testing.T) {
	for samples := 3; samples <= 4; samples++ {
		for form := range 4 {
			d := drawing{w: 61, h: 43, photometric: rgb, samples: samples, compression: webpFile, rows: 7}
			d.at = func(x, y, k int) uint64 { return wave(8, unsigned)(x, y, k) | uint64(k/3) } // no alpha of 0
			d.atEnd = form&1 != 0
			if form&2 != 0 {
				d.tileW, d.tileH = 32, 16
			}
			name := fmt.Sprintf("WebP of %d samples, form %d", samples, form)
			compare(t, name, d, mustDecode(t, name, d.file(t)))
		}
	}
	d := drawing{w: 61, h: 43, photometric: rgb, samples: 3, compression: webpFile, at: wave(8, unsigned)}.normal()
	for name, data := range map[string][]byte{
		"not a WebP": []byte("X"),
		"too wide":   webpEncode(t, make([]byte, 70*3), 70, 1, 3),
		"too narrow": webpEncode(t, make([]byte, 60*43*3), 60, 43, 3),
		"one row":    webpEncode(t, make([]byte, 61*3), 61, 1, 3),
	} {
		file := d.file(t)
		copy(file[bytes.Index(file, []byte("RIFF")):], data)
		if _, err := decodeFile(file); !errors.Is(err, codec.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func compare(t *testing.T, name string, d drawing, p *plane.Picture) {
	t.Helper()
	d = d.normal()
	for k := range p.Planes {
		for y := range p.Height() {
			for x, v := range p.Row(k, y) {
				if want := level(d.sample(x, y, k), d.bits, d.format); v != want {
					t.Fatalf("%s: plane %d, pixel %d,%d is %d, want %d", name, k, x, y, v, want)
				}
			}
		}
	}
}

func TestFillOrder(t *testing.T) {
	for _, c := range []int{uncompressed, packBits, lzw, deflate} {
		d := drawing{w: 61, h: 43, bits: 1, photometric: blackIsZero, compression: c, lsbFirst: true, at: wave(1, unsigned)}
		compare(t, "bits in reverse", d, mustDecode(t, "bits in reverse", d.file(t)))
	}
}

func TestUnknownLengths(t *testing.T) {
	for _, c := range []int{uncompressed, packBits, lzw, deflate, zstandard} {
		d := drawing{w: 61, h: 43, photometric: rgb, samples: 3, compression: c, rows: 7, noLengths: true, at: wave(8, unsigned)}
		compare(t, "lengths of 0", d, mustDecode(t, "lengths of 0", d.file(t)))
	}
}

// TestLengthThatIsTooSmall reads all rows of an uncompressed picture of one strip, as libtiff does,
// where they are there.
func TestLengthThatIsTooSmall(t *testing.T) {
	d := drawing{w: 61, h: 43, photometric: rgb, samples: 3, at: wave(8, unsigned)}
	order := binary.LittleEndian
	file := bytes.Replace(d.file(t), order.AppendUint32(nil, 61*43*3), order.AppendUint32(nil, 61*43), 1)
	compare(t, "a length of a third", d, mustDecode(t, "a length of a third", file))
	if _, err := decodeFile(file[:len(file)-61*3]); !errors.Is(err, codec.ErrCorrupt) {
		t.Errorf("without the last row: %v", err)
	}
}

func TestWhiteIsZeroIsInverted(t *testing.T) {
	for _, bits := range []int{1, 4, 8, 16} {
		d := drawing{w: 61, h: 43, bits: bits, photometric: whiteIsZero, at: wave(bits, unsigned)}
		p := mustDecode(t, "white is zero", d.file(t))
		for i := range p.Pix[0] {
			p.Pix[0][i] = ^p.Pix[0][i]
		}
		compare(t, "white is zero", d, p)
	}
}

func TestPalette(t *testing.T) {
	for _, bits := range []int{1, 2, 4, 8} {
		n := 1 << bits
		table := make([]uint16, 3*n)
		for i := range n {
			table[i], table[n+i], table[2*n+i] = uint16(i*7919), uint16(i*104729), uint16(40000-i)
		}
		d := drawing{w: 61, h: 43, bits: bits, photometric: palette, tags: []tag{{tagColorMap, table}}, at: wave(bits, unsigned)}
		p := mustDecode(t, "palette", d.file(t))
		for k := range 3 {
			for y := range d.h {
				for x, v := range p.Row(k, y) {
					if want := byte(table[k*n+int(d.sample(x, y, 0))] >> 8); v != want {
						t.Fatalf("%d bits: plane %d, pixel %d,%d is %d, want %d", bits, k, x, y, v, want)
					}
				}
			}
		}
	}
}

func TestAssociatedAlphaIsDividedOut(t *testing.T) {
	for _, bits := range []int{8, 16} {
		for _, planar := range []bool{false, true} {
			most := uint64(1)<<bits - 1
			colour := func(x, y, k int) uint64 { return wave(bits, unsigned)(x, y, k) }
			d := drawing{w: 61, h: 43, bits: bits, photometric: rgb, samples: 5, planar: planar,
				tags: []tag{{tagExtraSamples, []uint16{unspecified, associated}}},
				at: func(x, y, k int) uint64 {
					a := colour(x, y, 4)
					switch k {
					case 3:
						return 99
					case 4:
						return a
					}
					return (colour(x, y, k)*a + most/2) / most
				}}
			p := mustDecode(t, "associated alpha", d.file(t))
			if !p.HasAlpha() || len(p.Planes) != 4 {
				t.Fatalf("planes %v", p.Planes)
			}
			for k := range 3 {
				for y := range d.h {
					for x, v := range p.Row(k, y) {
						a := float64(colour(x, y, 4)) / float64(most)
						off := math.Abs(float64(v)-float64(colour(x, y, k)>>(bits-8))) * a
						if a > 0 && off > 1 {
							t.Fatalf("%d bits: plane %d, pixel %d,%d of alpha %.2f is %d, want %d",
								bits, k, x, y, a, v, colour(x, y, k)>>(bits-8))
						}
					}
				}
			}
		}
	}
}

func TestWhichSamplesAreAlpha(t *testing.T) {
	for name, c := range map[string]struct {
		samples int
		extra   []uint16
		alpha   bool
	}{
		"not explained":          {4, nil, true},
		"unspecified":            {4, []uint16{unspecified}, false},
		"unassociated":           {4, []uint16{unassociated}, true},
		"second":                 {5, []uint16{unspecified, unassociated}, true},
		"two that are not said":  {5, nil, false},
		"more named than stored": {3, []uint16{unassociated}, false},
	} {
		d := drawing{w: 61, h: 43, photometric: rgb, samples: c.samples, at: wave(8, unsigned)}
		if c.extra != nil {
			d.tags = []tag{{tagExtraSamples, c.extra}}
		}
		if p := mustDecode(t, name, d.file(t)); p.HasAlpha() != c.alpha {
			t.Errorf("%s: alpha is %v", name, p.HasAlpha())
		}
	}
}

// TestSamplesBetweenColourAndAlpha passes over samples that mean nothing, of every kind of picture.
func TestSamplesBetweenColourAndAlpha(t *testing.T) {
	table := make([]uint16, 3*256)
	for i := range table {
		table[i] = uint16(i%256*257) ^ uint16(i/256*0x2F2F)
	}
	for _, photometric := range []int{whiteIsZero, blackIsZero, palette, rgb} {
		colours := (&fields{photometric: photometric}).colours()
		for between := 1; between <= 3; between++ {
			for _, bits := range []int{8, 16} {
				if photometric == palette && bits == 16 {
					continue
				}
				for _, planar := range []bool{false, true} {
					d := drawing{w: 61, h: 43, bits: bits, photometric: photometric, samples: colours + between + 1,
						planar: planar, at: wave(bits, unsigned), tags: []tag{
							{tagExtraSamples, append(make([]uint16, between), unassociated)}, {tagColorMap, table}}}
					name := fmt.Sprintf("photometric %d, %d bits, %d samples, planar %v", photometric, bits, d.samples, planar)
					p := mustDecode(t, name, d.file(t))
					for y := range d.h {
						for x := range d.w {
							upper := func(k int) byte { return byte(d.sample(x, y, k) >> (bits - 8)) }
							want := upper(0)
							switch photometric {
							case whiteIsZero:
								want = ^want
							case palette:
								want = byte(table[want] >> 8)
							}
							alpha := p.Row(len(p.Planes)-1, y)[x]
							if v := p.Row(0, y)[x]; v != want || alpha != upper(d.samples-1) {
								t.Fatalf("%s: pixel %d,%d is %d of alpha %d, want %d of %d", name, x, y, v, alpha, want, upper(d.samples-1))
							}
						}
					}
				}
			}
		}
	}
}

func TestSubsampledChroma(t *testing.T) {
	for _, sub := range [][2]int{{1, 1}, {2, 1}, {2, 2}, {4, 2}, {1, 2}, {4, 4}} {
		for _, tiled := range []bool{false, true} {
			for _, narrow := range []bool{false, true} {
				// Chroma is constant within the largest unit, so that RGB does not depend on how it is enlarged.
				at := func(x, y, k int) uint64 {
					if k > 0 {
						x, y = x/4*4, y/4*4
					}
					return 16 + wave(8, unsigned)(x, y, k)%200
				}
				d := drawing{w: 61, h: 43, photometric: yCbCr, samples: 3, subX: sub[0], subY: sub[1], rows: 8, at: at}
				if tiled {
					d.tileW, d.tileH = 32, 16
				}
				if narrow {
					d.tags = []tag{{tagReferenceBW, []uint32{15, 235, 128, 240, 128, 240}}}
				}
				d = d.normal()
				name := fmt.Sprintf("%v, tiled %v, narrow %v", sub, tiled, narrow)
				p := mustDecode(t, name, d.file(t))
				if narrow {
					compareRGB(t, name, d, p)
					continue
				}
				for k, size := range p.Planes {
					for y := range size.Height {
						for x, v := range p.Row(k, y) {
							if k > 0 {
								x *= sub[0]
							}
							want := d.sample(x, y, k)
							if k > 0 {
								want = d.sample(x, y*sub[1], k)
							}
							if v != byte(want) {
								t.Fatalf("%s: plane %d, sample %d,%d is %d, want %d", name, k, x, y, v, want)
							}
						}
					}
				}
			}
		}
	}
}

// compareRGB compares with the equations of section 21, in floating point.
func compareRGB(t *testing.T, name string, d drawing, p *plane.Picture) {
	t.Helper()
	if p.Model != plane.RGB {
		t.Fatalf("%s: %v", name, p.Model)
	}
	for y := range d.h {
		for x := range d.w {
			luma := (float64(d.sample(x, y, 0)) - 15) * 255 / (235 - 15)
			cb := (float64(d.sample(x/4*4, y/4*4, 1)) - 128) * 127 / (240 - 128)
			cr := (float64(d.sample(x/4*4, y/4*4, 2)) - 128) * 127 / (240 - 128)
			r, b := luma+1.402*cr, luma+1.772*cb
			g := (luma - 0.299*r - 0.114*b) / 0.587
			for k, want := range []float64{r, g, b} {
				got := float64(p.Row(k, y)[x])
				if math.Abs(got-min(max(want, 0), 255)) > 0.51 {
					t.Fatalf("%s: plane %d, pixel %d,%d is %g, want %.2f", name, k, x, y, got, want)
				}
			}
		}
	}
}

// TestLab compares with the equations of CIE 15 and IEC 61966-2-1, in floating point.
func TestLab(t *testing.T) {
	for _, photometric := range []int{cieLab, iccLab} {
		for _, bits := range []int{8, 16} {
			d := drawing{w: 61, h: 43, bits: bits, photometric: photometric, samples: 3, at: wave(bits, unsigned)}
			p := mustDecode(t, "lab", d.file(t))
			for y := range d.h {
				for x := range d.w {
					v := [3]float64{}
					for k := range v {
						s := d.sample(x, y, k)
						switch {
						case k == 0 && bits == 16 && photometric == iccLab:
							v[k] = min(float64(s)/65280, 1) * 100
						case k == 0:
							v[k] = float64(s) / (math.Pow(2, float64(bits)) - 1) * 100
						case photometric == iccLab:
							v[k] = float64(s)/math.Pow(2, float64(bits-8)) - 128
						case bits == 8:
							v[k] = float64(int8(s))
						default:
							v[k] = float64(int16(s)) / 256
						}
					}
					for k, want := range labToRGB(v) {
						if got := float64(p.Row(k, y)[x]); math.Abs(got-want) > 1.2 {
							t.Fatalf("photometric %d, %d bits: %v is %g in plane %d, want %.2f", photometric, bits, v, got, k, want)
						}
					}
				}
			}
		}
	}
}

func labToRGB(v [3]float64) (c [3]float64) {
	inverse := func(f float64) float64 {
		if f > 6.0/29 {
			return f * f * f
		}
		return 3 * 36.0 / 841 * (f - 4.0/29)
	}
	fy := (v[0] + 16) / 116
	x, y, z := 0.9642*inverse(fy+v[1]/500), inverse(fy), 0.8249*inverse(fy-v[2]/200)
	for k, m := range [3][3]float64{
		{3.1338561, -1.6168667, -0.4906146}, {-0.9787684, 1.9161415, 0.0334540}, {0.0719453, -0.2289914, 1.4052427},
	} {
		l := min(max(m[0]*x+m[1]*y+m[2]*z, 0), 1)
		if l <= 0.0031308 {
			c[k] = 255 * 12.92 * l
		} else {
			c[k] = 255 * (1.055*math.Pow(l, 1/2.4) - 0.055)
		}
	}
	return c
}

func TestDeclaredRangeOfFloats(t *testing.T) {
	d := drawing{w: 61, h: 43, bits: 32, format: float, photometric: blackIsZero,
		tags: []tag{{tagSMinSampleValue, []float64{-100}}, {tagSMaxSampleValue, []float64{100}}},
		at:   func(x, y, _ int) uint64 { return uint64(math.Float32bits(float32(x*10 - 300))) }}
	p := mustDecode(t, "range", d.file(t))
	for x, want := range map[int]byte{0: 0, 20: 0, 30: 128, 40: 255, 60: 255} {
		if got := p.Row(0, 3)[x]; got != want {
			t.Errorf("%d is %d, want %d", x*10-300, got, want)
		}
	}
}

func TestSmallFloats(t *testing.T) {
	for _, c := range []struct {
		v                  uint64
		exponent, fraction int
		want               float64
	}{
		{0x3C00, 5, 10, 1}, {0x3800, 5, 10, 0.5}, {0xC000, 5, 10, -2}, {1, 5, 10, 0x1p-24}, {0x7C00, 5, 10, math.Inf(1)},
		{0x3F0000, 7, 16, 1}, {0x3E8000, 7, 16, 0.75}, {0, 7, 16, 0},
	} {
		if got := small(c.v, c.exponent, c.fraction); got != c.want {
			t.Errorf("%x is %g, want %g", c.v, got, c.want)
		}
	}
	if !math.IsNaN(small(0x7C01, 5, 10)) {
		t.Error("0x7c01 is a number")
	}
}

// TestMemoryAndStreaming checks that a file is held only if its strips lie before its directory and
// it cannot be read at any place.
func TestMemoryAndStreaming(t *testing.T) {
	for _, atEnd := range []bool{false, true} {
		d := drawing{w: 1000, h: 2000, photometric: rgb, samples: 3, rows: 20, atEnd: atEnd, at: wave(8, unsigned)}
		file := d.file(t)
		for _, places := range []bool{false, true} {
			var r io.Reader = bytes.NewReader(file)
			if !places {
				r = struct{ io.Reader }{r}
			}
			opened, err := codec.Set{Format}.Open(r, codec.OpenOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if n := opened.Memory(); (n > int64(len(file))) != (atEnd && !places) || !(n < int64(len(file))/3) && places {
				t.Errorf("the directory at the end %v, read at any place %v: %d bytes are held of %d", atEnd, places, n, len(file))
			}
		}
		// A reader of one byte at a time makes every value cross a read.
		small := drawing{w: 61, h: 43, photometric: rgb, samples: 3, rows: 5, atEnd: atEnd, compression: lzw, at: wave(8, unsigned)}
		slow, err := codec.Set{Format}.Open(iotest.OneByteReader(bytes.NewReader(small.file(t))), codec.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		p := plane.New(slow.Header().Layout)
		if _, err := slow.Decode(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		compare(t, "one byte at a time", small, p)
	}
}

// parts is a file in a bucket: a stream, of which parts can be asked for.
type parts struct {
	io.Reader
	file     *bytes.Reader
	requests int
	fail     error // of the requests
}

func newParts(file []byte) *parts {
	return &parts{Reader: struct{ io.Reader }{bytes.NewReader(file)}, file: bytes.NewReader(file)}
}

func (p *parts) Size() int64 { return p.file.Size() }

func (p *parts) ReadAt(b []byte, off int64) (int, error) {
	p.requests++
	if p.fail != nil {
		return 0, p.fail
	}
	return p.file.ReadAt(b, off)
}

// TestPartsOfAnObject checks how many parts are asked for, what is held, and that the picture is the same.
func TestPartsOfAnObject(t *testing.T) {
	large := drawing{w: 1000, h: 1000, photometric: rgb, samples: 3, rows: 20, atEnd: true, at: wave(8, unsigned)}
	small, first, short, planar := large, large, large, large
	small.h, first.atEnd, short.rows, planar.planar = 200, false, 1, true
	for _, c := range []struct {
		name     string
		d        drawing
		requests int
		held     bool
	}{
		{"directory at the end", large, 2, false}, // the piece of the directory, and what follows it
		{"a strip for each row", short, 2, false},
		{"directory at the start", first, 0, false},
		{"small", small, 0, true},
		{"planes one after another", planar, 2, false},
	} {
		file := c.d.file(t)
		r := newParts(file)
		opened, err := codec.Set{Format}.Open(r, codec.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if n := opened.Memory(); (n > int64(len(file))) != c.held {
			t.Errorf("%s: %d bytes are held of %d", c.name, n, len(file))
		}
		p := plane.New(opened.Header().Layout)
		if _, err := opened.Decode(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		compare(t, c.name, c.d, p)
		if r.requests > c.requests || c.requests > 0 && r.requests == 0 {
			t.Errorf("%s: %d requests, want at most %d", c.name, r.requests, c.requests)
		}
	}

	// What is wrong with a request is not the picture's fault.
	broken := errors.New("the store is gone")
	r := newParts(large.file(t))
	r.fail = broken
	if _, err := decodeReader(r); err != broken {
		t.Errorf("a request fails: %v", err)
	}
	// A picture whose parts lie in many places is held once too many have been asked for.
	pages := pagesOf(t, 40)
	r = newParts(pages)
	opened, err := codec.Set{Format}.Open(r, codec.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if n := opened.Header().Frames; n != 40 || r.requests > maxRequests {
		t.Errorf("%d pages in %d requests", n, r.requests)
	}
}

// pagesOf is a file of n gray pages of 1 MB and more, each with its directory behind its pixels.
func pagesOf(t *testing.T, n int) []byte {
	t.Helper()
	const w, h = 1024, 1100
	file := []byte{'I', 'I', 42, 0, 0, 0, 0, 0}
	link := 4
	for range n {
		at := len(file)
		file = append(file, make([]byte, w*h)...)
		binary.LittleEndian.PutUint32(file[link:], uint32(len(file)))
		entries := [][2]uint32{
			{256, w}, {257, h}, {258, 8}, {259, 1}, {262, 1}, {273, uint32(at)}, {277, 1}, {278, h}, {279, w * h},
		}
		file = binary.LittleEndian.AppendUint16(file, uint16(len(entries)))
		for _, e := range entries {
			file = binary.LittleEndian.AppendUint16(file, uint16(e[0]))
			file = binary.LittleEndian.AppendUint16(file, typeLong)
			file = binary.LittleEndian.AppendUint32(file, 1)
			file = binary.LittleEndian.AppendUint32(file, e[1])
		}
		link = len(file)
		file = binary.LittleEndian.AppendUint32(file, 0)
	}
	return file
}

// failing is a file that fails behind some bytes, wherever it is read.
type failing struct {
	*bytes.Reader
	after int64
	err   error
}

func (f failing) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > f.after {
		return 0, f.err
	}
	return f.Reader.ReadAt(p, off)
}

// TestPlacesOfAFile reads a file from its middle on, as a part of another, and one that fails.
func TestPlacesOfAFile(t *testing.T) {
	d := drawing{w: 200, h: 300, photometric: rgb, samples: 3, rows: 7, atEnd: true, at: wave(8, unsigned)}
	file := d.file(t)
	within := bytes.NewReader(append([]byte("before it "), file...))
	if _, err := within.Seek(10, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	p, err := decodeReader(within)
	if err != nil {
		t.Fatal(err)
	}
	compare(t, "within another", d, p)
	broken := errors.New("the disk is gone")
	for _, n := range []int64{0, 100_000, int64(len(file)) - 1} {
		if _, err := decodeReader(failing{bytes.NewReader(file), n, broken}); err != broken {
			t.Errorf("fails behind %d bytes: %v", n, err)
		}
	}
	limits := codec.Limits{Bytes: int64(len(file)) - 1}
	if _, err := (codec.Set{Format}).Open(bytes.NewReader(file), codec.OpenOptions{Limits: limits}); !errors.Is(err, codec.ErrLimit) {
		t.Errorf("a byte more than the limit: %v", err)
	}
}

// counted counts the bytes that are read at any place.
type counted struct {
	*bytes.Reader
	n int
}

func (c *counted) ReadAt(p []byte, off int64) (int, error) {
	c.n += len(p)
	return c.Reader.ReadAt(p, off)
}

// TestStripsOfUnknownLengthCostLittle reads the first byte of many ranges that have no end.
func TestStripsOfUnknownLengthCostLittle(t *testing.T) {
	all := &counted{Reader: bytes.NewReader(make([]byte, 1<<20))}
	f := &codec.Format{Name: "any", Detect: func([]byte) bool { return true }}
	f.Open = func(s *codec.Stream, _ codec.OpenOptions) (codec.Decoder, error) {
		data := section{f: newFile(s)}
		for at := range int64(1000) {
			data.reset(at, math.MaxInt64)
			if _, err := data.ReadByte(); err != nil {
				t.Fatal(err)
			}
		}
		return nil, codec.ErrUnsupported
	}
	if _, err := (codec.Set{f}).Open(all, codec.OpenOptions{}); !errors.Is(err, codec.ErrUnsupported) {
		t.Fatal(err)
	}
	if all.n > 1000*512 {
		t.Errorf("%d bytes were read for 1000", all.n)
	}
}

func TestTruncatedFilesAreCorrupt(t *testing.T) {
	for _, c := range []int{uncompressed, packBits, lzw, deflate, zstandard} {
		d := drawing{w: 61, h: 43, photometric: rgb, samples: 3, rows: 7, compression: c, at: wave(8, unsigned)}
		file := d.file(t)
		for n := range len(file) - 12 {
			if n%7 != 0 {
				continue
			}
			if _, err := decodeFile(file[:n]); !errors.Is(err, codec.ErrCorrupt) && !errors.Is(err, codec.ErrNotImage) {
				t.Fatalf("compression %d, %d bytes of %d: %v", c, n, len(file), err)
			}
		}
	}
}

func TestErrorOfTheStreamIsReturnedUnchanged(t *testing.T) {
	broken := errors.New("connection lost")
	for _, atEnd := range []bool{false, true} {
		file := drawing{w: 61, h: 43, photometric: rgb, samples: 3, rows: 7, atEnd: atEnd, compression: deflate, at: wave(8, unsigned)}.file(t)
		for n := 40; n < len(file); n += 333 {
			r := io.MultiReader(bytes.NewReader(file[:n]), iotest.ErrReader(broken))
			d, err := codec.Set{Format}.Open(r, codec.OpenOptions{})
			if err == nil {
				_, err = d.Decode(t.Context(), plane.New(d.Header().Layout))
			}
			if err != broken {
				t.Fatalf("after %d bytes of %d: %v", n, len(file), err)
			}
		}
	}
}

type enough struct{ rows int }

func (e *enough) Rows(int, int, plane.Rows) error {
	if e.rows--; e.rows < 0 {
		return plane.ErrEnough
	}
	return nil
}

func TestErrEnoughAndContext(t *testing.T) {
	file := drawing{w: 61, h: 430, photometric: rgb, samples: 3, rows: 7, at: wave(8, unsigned)}.file(t)
	d, err := openFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Decode(t.Context(), &enough{4}); err != plane.ErrEnough {
		t.Errorf("the sink's error became %v", err)
	}
	if d, err = openFile(file); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Decode(ctx, plane.New(d.Header().Layout)); err != context.Canceled {
		t.Errorf("after the end of the context: %v", err)
	}
}

func TestRefusedByName(t *testing.T) {
	for want, d := range map[string]drawing{
		"JBIG":                  {compression: 34661},
		"LERC":                  {compression: 34887},
		"WebP compression":      {compression: webpFile, photometric: rgb, samples: 3, bits: 16},
		"compression 12345":     {compression: 12345},
		"ITU Lab":               {photometric: ituLab, samples: 3},
		"LogLuv":                {photometric: 32845, samples: 3},
		"old-style JPEG":        {compression: jpegOld, photometric: yCbCr, samples: 3},
		"inks other than":       {photometric: separated, samples: 4, tags: []tag{{tagInkSet, []uint16{2}}}},
		"complex samples":       {format: 6},
		"48-bit samples":        {bits: 48},
		"predictor 7":           {predictor: 7},
		"horizontal predictor":  {bits: 4, predictor: 2},
		"camera raw":            {photometric: cfa},
		"samples in a pixel":    {samples: 200},
		"transparency mask":     {photometric: mask},
		"floating-point sample": {format: float, bits: 12},
	} {
		d.w, d.h, d.at = 16, 16, wave(8, unsigned)
		_, err := decodeFile(d.file(t))
		if !errors.Is(err, codec.ErrUnsupported) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestPagesAreCounted(t *testing.T) {
	order := binary.LittleEndian
	file := drawing{w: 8, h: 8, atEnd: true, at: wave(8, unsigned)}.file(t)
	first := int(order.Uint32(file[4:]))
	entries := int(order.Uint16(file[first:]))
	link := first + 2 + 12*entries
	for pages := 2; pages < 5; pages++ {
		at := len(file)
		order.PutUint32(file[link:], uint32(at))
		file = append(file, file[first:first+2+12*entries+4]...)
		link = at + 2 + 12*entries
		order.PutUint32(file[link:], 0)
		d, err := openFile(file)
		if err != nil || d.Header().Frames != pages {
			t.Fatalf("%d pages: %v", pages, err)
		}
	}
	order.PutUint32(file[link:], uint32(first)) // a ring
	if d, err := openFile(file); err != nil || d.Header().Frames != 4 {
		t.Errorf("a ring of directories: %v", err)
	}
}
