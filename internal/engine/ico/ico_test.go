package ico

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/codec/codectest"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// bitmaps stands for the BMP package: it reads bitmaps of 24 and 32 bits whose last row comes first,
// with alpha if the header has a mask for it.
var bitmaps = &codec.Format{
	Name: "bmp", Title: "BMP", Extensions: []string{".bmp"},
	Detect: func(head []byte) bool { return bytes.HasPrefix(head, []byte("BM")) },
	Open: func(s *codec.Stream, o codec.OpenOptions) (codec.Decoder, error) {
		return codec.Whole(func(b []byte, s *codec.Stream, _ codec.OpenOptions) (codec.Decoder, error) {
			u32 := func(i int) int { return int(binary.LittleEndian.Uint32(b[i:])) }
			w, h, n := u32(18), u32(22), int(b[28])/8
			alpha := u32(14) == 108 && u32(66) != 0
			header := codec.Header{Format: s.Format(), Width: w, Height: h, Frames: 1, Orientation: 1}
			header.Layout = plane.NewLayout(plane.RGB, alpha, w, h, 1, 1)
			p := plane.New(header.Layout)
			stride := (w*n + 3) &^ 3
			for y := range h {
				for x := range w {
					s := b[u32(10)+(h-1-y)*stride+x*n:]
					p.Row(0, y)[x], p.Row(1, y)[x], p.Row(2, y)[x] = s[2], s[1], s[0]
					if alpha {
						p.Row(3, y)[x] = s[3]
					}
				}
			}
			return &picture{header, p}, nil
		})(s, o)
	},
}

// pngs stands for the PNG package: its pictures have one pixel, {7, 8, 9}.
var pngs = &codec.Format{
	Name: "png", Title: "PNG", Extensions: []string{".png"},
	Detect: func(head []byte) bool { return bytes.HasPrefix(head, []byte("\x89PNG")) },
	Open: func(s *codec.Stream, _ codec.OpenOptions) (codec.Decoder, error) {
		header := codec.Header{Format: s.Format(), Width: 1, Height: 1, Frames: 1, Orientation: 1}
		header.Layout = plane.NewLayout(plane.RGB, false, 1, 1, 1, 1)
		p := plane.New(header.Layout)
		p.Pix[0][0], p.Pix[1][0], p.Pix[2][0] = 7, 8, 9
		return &picture{header, p}, nil
	},
}

type picture struct {
	header codec.Header
	p      *plane.Picture
}

func (d *picture) Header() codec.Header         { return d.header }
func (d *picture) Shrink(int, int) plane.Layout { return d.header.Layout }
func (d *picture) Memory() int64                { return 0 }
func (d *picture) Length(int64) (int64, error)  { return 0, nil }
func (d *picture) Decode(_ context.Context, s plane.Sink) (codec.Report, error) {
	return codec.Report{}, d.p.Push(s)
}

var formats = codec.Set{Format, bitmaps, pngs}

// bitmap is a bitmap of an icon: every pixel has the value fill. mask is a bit for each pixel.
func bitmap(w, h, bits int, fill []byte, mask ...byte) []byte {
	b := make([]byte, 40)
	binary.LittleEndian.PutUint32(b, 40)
	binary.LittleEndian.PutUint32(b[4:], uint32(w))
	binary.LittleEndian.PutUint32(b[8:], uint32(2*h))
	b[12], b[14] = 1, byte(bits)
	for range h {
		row := bytes.Repeat(fill, w)
		b = append(append(b, row...), make([]byte, -len(row)&3)...)
	}
	for _, m := range mask {
		b = append(b, m, 0, 0, 0)
	}
	return b
}

func png(w, h uint32) []byte {
	b := append([]byte("\x89PNG\r\n\x1a\n"), make([]byte, 8)...)
	b = binary.BigEndian.AppendUint32(b, w)
	return append(binary.BigEndian.AppendUint32(b, h), make([]byte, 30)...)
}

func icon(kind byte, pictures ...[]byte) []byte {
	b := []byte{0, 0, kind, 0, byte(len(pictures)), 0}
	offset := directoryLength + entryLength*len(pictures)
	for _, p := range pictures {
		b = append(b, 0, 0, 0, 0, 0, 0, 0, 0)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(p)))
		b = binary.LittleEndian.AppendUint32(b, uint32(offset))
		offset += len(p)
	}
	return append(b, bytes.Join(pictures, nil)...)
}

func TestTheBestPictureIsShown(t *testing.T) {
	blue, red := []byte{255, 0, 0}, []byte{0, 0, 255}
	redder := []byte{0, 0, 250, 255}
	for name, c := range map[string]struct {
		pictures [][]byte
		want     []byte // of the first pixel
	}{
		"one":                      {[][]byte{bitmap(3, 2, 24, blue, 0, 0)}, []byte{0, 0, 255}},
		"the largest":              {[][]byte{bitmap(2, 2, 32, redder), bitmap(3, 2, 24, blue, 0, 0), bitmap(2, 1, 24, red, 0)}, []byte{0, 0, 255}},
		"the deepest":              {[][]byte{bitmap(3, 2, 24, blue, 0, 0), bitmap(3, 2, 32, redder), bitmap(3, 2, 24, blue, 0, 0)}, []byte{250, 0, 0, 255}},
		"a PNG":                    {[][]byte{bitmap(3, 2, 24, blue, 0, 0), png(512, 512)}, []byte{7, 8, 9}},
		"one is unknown":           {[][]byte{bytes.Repeat([]byte("x"), 60), bitmap(3, 2, 24, blue, 0, 0)}, []byte{0, 0, 255}},
		"masked":                   {[][]byte{bitmap(3, 2, 24, blue, 0, 0x80)}, []byte{0, 0, 255, 0}},
		"masked below":             {[][]byte{bitmap(3, 2, 24, blue, 0x20, 0)}, []byte{0, 0, 255, 255}},
		"beyond the mask":          {[][]byte{bitmap(3, 2, 24, blue, 0x1f, 0x1f)}, []byte{0, 0, 255}},
		"no mask":                  {[][]byte{bitmap(3, 2, 24, blue)}, []byte{0, 0, 255}},
		"alpha of 0":               {[][]byte{bitmap(3, 2, 32, []byte{1, 2, 3, 0}, 0, 0)}, []byte{3, 2, 1}},
		"alpha of 0, and a mask":   {[][]byte{bitmap(3, 2, 32, []byte{1, 2, 3, 0}, 0, 0x80)}, []byte{3, 2, 1, 0}},
		"alpha goes before a mask": {[][]byte{bitmap(3, 2, 32, []byte{1, 2, 3, 4}, 0, 0x80)}, []byte{3, 2, 1, 4}},
	} {
		for kind := byte(1); kind <= 2; kind++ {
			p, h, err := codectest.Decode(formats, icon(kind, c.pictures...))
			if err != nil || h.Format != Format {
				t.Errorf("%s: %v", name, err)
			} else if got := codectest.Samples(p, 0, 0); !bytes.Equal(got, c.want) {
				t.Errorf("%s: %v, want %v", name, got, c.want)
			}
		}
	}
}

func TestMaskRowsGoFromBelow(t *testing.T) {
	p, _, err := codectest.Decode(formats, icon(1, bitmap(3, 2, 24, []byte{1, 1, 1}, 0x20, 0xc0)))
	if err != nil {
		t.Fatal(err)
	}
	if got := [][]byte{p.Row(3, 0), p.Row(3, 1)}; !bytes.Equal(got[0], []byte{0, 0, 255}) || !bytes.Equal(got[1], []byte{255, 255, 0}) {
		t.Errorf("%v", got)
	}
}

func TestBrokenFilesAreCorrupt(t *testing.T) {
	whole := icon(1, bitmap(3, 2, 24, []byte{1, 1, 1}, 0, 0))
	odd := bitmap(3, 2, 24, []byte{1, 1, 1}, 0, 0)
	odd[16] = 1
	for name, c := range map[string]struct {
		file []byte
		want error
	}{
		"cut in the mask":      {whole[:len(whole)-1], codec.ErrCorrupt},
		"cut in the pixels":    {whole[:len(whole)-15], codec.ErrCorrupt},
		"cut in the header":    {whole[:30], codec.ErrCorrupt},
		"cut before it":        {whole[:22], codec.ErrCorrupt},
		"an unknown picture":   {icon(1, bytes.Repeat([]byte("x"), 60)), codec.ErrCorrupt},
		"run lengths":          {icon(1, odd), codec.ErrUnsupported},
		"cut in the directory": {icon(1, odd, odd)[:30], codec.ErrCorrupt},
	} {
		if _, _, err := codectest.Decode(formats, c.file); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(icon(1, bitmap(3, 2, 24, []byte{1, 2, 3}, 0x80, 0)))
	f.Add(icon(2, bitmap(3, 2, 32, []byte{1, 2, 3, 4}), png(4, 4)))
	f.Fuzz(func(t *testing.T, data []byte) {
		// The stand-ins promise nothing, and panic on what the real packages refuse.
		d, err := codec.Set{Format}.Open(bytes.NewReader(data), codec.OpenOptions{Limits: codec.Limits{Pixels: 1e6}})
		if err == nil {
			t.Fatalf("opened without any format: %v", d.Header())
		}
		if !codec.Permanent(err) {
			t.Fatal(err)
		}
	})
}
