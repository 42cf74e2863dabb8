package bmp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/codec/codectest"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

var formats = codec.Set{Format}

// file is a bitmap to be written.
type file struct {
	header        int
	width, height int
	bits          int
	compression   uint32
	masks         []uint32 // in the header or, if that is short, behind it
	table         [][3]byte
	pixels        []byte
	profile       []byte
}

func (f file) bytes() []byte {
	le := binary.LittleEndian
	h := make([]byte, max(f.header, 124))
	le.PutUint32(h, uint32(f.header))
	entry := 4
	if f.header == coreHeader {
		le.PutUint16(h[4:], uint16(f.width))
		le.PutUint16(h[6:], uint16(f.height))
		h[8], h[10] = 1, byte(f.bits)
		entry = 3
	} else {
		le.PutUint32(h[4:], uint32(int32(f.width)))
		le.PutUint32(h[8:], uint32(int32(f.height)))
		h[12], h[14] = 1, byte(f.bits)
		le.PutUint32(h[16:], f.compression)
		le.PutUint32(h[32:], uint32(len(f.table)))
	}
	for i, m := range f.masks {
		le.PutUint32(h[40+4*i:], m)
	}
	n := f.header
	if f.header == infoHeader {
		n += 4 * len(f.masks)
	}
	offset := fileHeaderLength + n + entry*len(f.table)
	if f.profile != nil {
		copy(h[56:], "DEBM")
		le.PutUint32(h[112:], uint32(offset-fileHeaderLength+len(f.pixels)))
		le.PutUint32(h[116:], uint32(len(f.profile)))
	}
	b := append([]byte("BM"), make([]byte, 12)...)
	le.PutUint32(b[10:], uint32(offset))
	b = append(b, h[:n]...)
	for _, c := range f.table {
		b = append(b, c[2], c[1], c[0])
		b = append(b, make([]byte, entry-3)...)
	}
	return append(append(b, f.pixels...), f.profile...)
}

// bit returns the n bits of b from the i-th on, the highest first.
func bit(b []byte, i, n int) (v int) {
	for k := range n {
		v = v<<1 | int(b[(i+k)/8]>>(7-(i+k)%8)&1)
	}
	return v
}

// TestEveryDepth compares with an expansion of single bits.
func TestEveryDepth(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	table := make([][3]byte, 256)
	for i := range table {
		table[i] = [3]byte{byte(i), byte(3 * i), byte(7 * i)}
	}
	for _, header := range []int{coreHeader, 16, infoHeader, os2Header, v4Header, v5Header} {
		for _, bits := range []int{1, 2, 4, 8, 16, 24, 32} {
			for _, width := range []int{1, 2, 7, 8, 9, 33} {
				for _, height := range []int{1, 5, 40, -5} {
					if header == coreHeader && height < 0 {
						continue
					}
					f := file{header: header, width: width, height: height, bits: bits}
					if bits <= 8 {
						f.table = table[:1<<bits]
					}
					stride := (width*bits + 31) / 32 * 4
					rows := max(height, -height)
					f.pixels = make([]byte, stride*rows)
					for i := range f.pixels {
						f.pixels[i] = byte(rnd.Uint32())
					}
					p, _, err := codectest.Decode(formats, f.bytes())
					if err != nil {
						t.Fatalf("header %d, %d bits, %d×%d: %v", header, bits, width, height, err)
					}
					for y := range rows {
						row := f.pixels[y*stride:]
						if height > 0 {
							row = f.pixels[(rows-1-y)*stride:]
						}
						for x := range width {
							var want [3]byte
							switch {
							case bits <= 8:
								want = table[bit(row, x*bits, bits)]
							case bits == 16:
								v := int(binary.LittleEndian.Uint16(row[2*x:]))
								for i := range want {
									want[i] = byte((v>>(10-5*i)&31*255*2 + 31) / 62)
								}
							default:
								s := row[x*bits/8:]
								want = [3]byte{s[2], s[1], s[0]}
							}
							if got := codectest.Samples(p, x, y); !bytes.Equal(got, want[:]) && !(len(got) == 1 && got[0] == want[0]) {
								t.Fatalf("header %d, %d bits, %d×%d: pixel %d,%d is %v, not %v", header, bits, width, height, x, y, got, want)
							}
						}
					}
				}
			}
		}
	}
}

func TestMasks(t *testing.T) {
	px := func(v ...uint32) (b []byte) {
		for _, v := range v {
			b = binary.LittleEndian.AppendUint32(b, v)
		}
		return b
	}
	std := []uint32{0xff0000, 0xff00, 0xff, 0xff000000}
	for name, c := range map[string]struct {
		f    file
		want []byte // of the first pixel
	}{
		"behind the header":        {file{header: 40, bits: 32, compression: 3, masks: []uint32{0xff, 0xff00, 0xff0000}, pixels: px(0x11223344, 0)}, []byte{0x44, 0x33, 0x22}},
		"alpha behind the header":  {file{header: 40, bits: 32, compression: 6, masks: std, pixels: px(0x11223344, 0)}, []byte{0x22, 0x33, 0x44, 0x11}},
		"of 10 bits":               {file{header: 56, bits: 32, compression: 3, masks: []uint32{0x3ff00000, 0xffc00, 0x3ff, 0xc0000000}, pixels: px(0x80000000|0x3fc<<20|0x204<<10|3, 0)}, []byte{0xff, 0x81, 0, 170}},
		"of 1 to 3 bits":           {file{header: 52, bits: 16, compression: 3, masks: []uint32{7, 8, 0x30}, pixels: []byte{0x2d, 0, 0, 0}}, []byte{182, 255, 170}},
		"a channel without a mask": {file{header: 52, bits: 16, compression: 3, masks: []uint32{0xff, 0, 0xff00}, pixels: []byte{1, 2, 0, 0}}, []byte{1, 0, 2}},
		"V5":                       {file{header: 124, bits: 32, compression: 3, masks: std, pixels: px(0x11223344, 0)}, []byte{0x22, 0x33, 0x44, 0x11}},
		"V5 without alpha":         {file{header: 124, bits: 32, compression: 3, masks: []uint32{0xff0000, 0xff00, 0xff, 0}, pixels: px(0x11223344, 0)}, []byte{0x22, 0x33, 0x44}},
		"V5 without compression":   {file{header: 124, bits: 32, pixels: px(0x11223344, 0)}, []byte{0x22, 0x33, 0x44}},
		"info without compression": {file{header: 40, bits: 32, pixels: px(0x11223344, 0)}, []byte{0x22, 0x33, 0x44}},
		"alpha that is always 0":   {file{header: 124, bits: 32, compression: 3, masks: std, pixels: px(0x223344, 0x1)}, []byte{0x22, 0x33, 0x44, 0}},
		"alpha that once is not 0": {file{header: 124, bits: 32, compression: 3, masks: std, pixels: px(0x223344, 0x1000000)}, []byte{0x22, 0x33, 0x44, 0}},
		"alpha of 16 bits, always": {file{header: 124, bits: 16, compression: 3, masks: []uint32{0x7c00, 0x3e0, 0x1f, 0x8000}, pixels: []byte{31, 0, 31, 0}}, []byte{0, 0, 255, 0}},
		"shared by two channels":   {file{header: 52, bits: 16, compression: 3, masks: []uint32{0x1f, 0x1f, 0x300}, pixels: []byte{31, 1, 0, 0}}, []byte{255, 255, 85}},
		"V4, plain":                {file{header: 108, bits: 32, masks: []uint32{1, 2, 4, 8}, pixels: px(0x11223344, 0)}, []byte{0x22, 0x33, 0x44, 0x11}},
		"V3, plain":                {file{header: 56, bits: 32, masks: std, pixels: px(0x11223344, 0)}, []byte{0x22, 0x33, 0x44}},
		"V4, plain, 16 bits":       {file{header: 108, bits: 16, masks: std, pixels: []byte{31, 0, 31, 0}}, []byte{0, 0, 255}},
	} {
		for _, height := range []int{1, -1} {
			c.f.width, c.f.height = 2, height
			p, _, err := codectest.Decode(formats, c.f.bytes())
			if err != nil {
				t.Errorf("%s: %v", name, err)
			} else if got := codectest.Samples(p, 0, 0); !bytes.Equal(got, c.want) {
				t.Errorf("%s: %v, want %v", name, got, c.want)
			}
		}
	}
	scattered := file{header: 52, width: 1, height: 1, bits: 16, compression: 3,
		masks: []uint32{5, 0x30, 0x300}, pixels: make([]byte, 4)}
	if _, _, err := codectest.Decode(formats, scattered.bytes()); !errors.Is(err, codec.ErrCorrupt) {
		t.Errorf("scattered: %v", err)
	}
}

// picture draws plane 0 with a letter for each value from 1 on, and a dot for 0.
func picture(p *plane.Picture) string {
	var b strings.Builder
	for y := range p.Height() {
		for x := range p.Width() {
			if v := codectest.Samples(p, x, y)[0]; v == 0 {
				b.WriteByte('.')
			} else {
				b.WriteByte('a' - 1 + v)
			}
		}
		b.WriteByte('\n')
	}
	return strings.TrimSpace(b.String())
}

func TestRunLengths(t *testing.T) {
	table := make([][3]byte, 16)
	for i := range table {
		table[i] = [3]byte{byte(i + 1), byte(i + 1), byte(i + 1)}
	}
	colours := make([][3]byte, 16)
	for i := range colours {
		colours[i] = [3]byte{byte(i + 1), 99, 0}
	}
	for name, c := range map[string]struct {
		compression uint32
		data        []byte
		want        string
	}{
		"runs":                      {1, []byte{3, 1, 2, 2, 0, 0, 5, 3, 0, 1}, "ddddd\nbbbcc"},
		"literals":                  {1, []byte{0, 5, 1, 2, 3, 4, 5, 0, 0, 0, 0, 3, 1, 2, 3, 0, 2, 1, 0, 1}, "bcdbb\nbcdef"},
		"without the end code":      {1, []byte{5, 1, 0, 0, 5, 2}, "ccccc\nbbbbb"},
		"a run beyond the row":      {1, []byte{9, 1, 0, 0, 5, 2, 0, 1}, "ccccc\nbbbbb"},
		"rows beyond the picture":   {1, []byte{5, 1, 0, 0, 5, 2, 0, 0, 5, 3, 0, 0, 0, 1}, "ccccc\nbbbbb"},
		"a short row":               {1, []byte{2, 1, 0, 0, 5, 2, 0, 1}, "ccccc\nbb..."},
		"an early end":              {1, []byte{5, 1, 0, 1}, ".....\nbbbbb"},
		"an empty picture":          {1, []byte{0, 1}, ".....\n....."},
		"a delta in the row":        {1, []byte{1, 1, 0, 2, 2, 0, 2, 2, 0, 0, 5, 3, 0, 1}, "ddddd\nb..cc"},
		"a delta up":                {1, []byte{1, 1, 0, 2, 2, 1, 2, 2, 0, 1}, "...cc\nb...."},
		"a delta beyond":            {1, []byte{1, 1, 0, 2, 2, 9, 2, 2, 0, 1}, ".....\nb...."},
		"4 bits, runs":              {2, []byte{5, 0x12, 0, 0, 4, 0x34, 1, 0x50, 0, 1}, "dedef\nbcbcb"},
		"4 bits, literals":          {2, []byte{0, 5, 0x12, 0x34, 0x50, 0, 0, 0, 0, 3, 0x12, 0x30, 2, 0x44, 0, 1}, "bcdee\nbcdef"},
		"4 bits, a run from within": {2, []byte{1, 0x10, 4, 0x23, 0, 0, 5, 0, 0, 1}, "aaaaa\nbcdcd"},
		"24 bits":                   {4, []byte{2, 0, 0, 1, 0, 3, 0, 0, 2, 0, 0, 3, 0, 0, 4, 0, 0, 0, 5, 0, 0, 5, 0, 1}, "eeeee\naabcd"},
	} {
		for _, tab := range [][][3]byte{table, colours} {
			up, down, _ := strings.Cut(c.want, "\n")
			for height, want := range map[int]string{2: c.want, -2: down + "\n" + up} {
				f := file{header: 40, width: 5, height: height, compression: c.compression, table: tab, pixels: c.data}
				f.bits = map[uint32]int{1: 8, 2: 4, 4: 24}[c.compression]
				if f.bits == 24 {
					f.header, f.table = os2Header, nil
				}
				p, _, err := codectest.Decode(formats, f.bytes())
				if err != nil {
					t.Errorf("%s: %v", name, err)
				} else if got := picture(p); got != want || p.HasAlpha() {
					t.Errorf("%s, height %d:\n%s\nwant\n%s", name, height, got, want)
				}
			}
		}
	}
	for name, data := range map[string][]byte{
		"no data": {}, "half a code": {5, 1, 0, 0, 5}, "half a literal": {5, 1, 0, 0, 0, 5, 1, 1}, "a row is missing": {5, 1, 0, 0},
		"half a row is missing": {5, 1, 0, 0, 2, 2}, "half a delta": {5, 1, 0, 2, 0},
	} {
		f := file{header: 40, width: 5, height: 2, bits: 8, compression: 1, table: table, pixels: data}
		if _, _, err := codectest.Decode(formats, f.bytes()); !errors.Is(err, codec.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTables(t *testing.T) {
	f := file{header: 40, width: 4, height: 1, bits: 8, table: [][3]byte{{1, 2, 3}, {4, 5, 6}}, pixels: []byte{1, 0, 2, 255}}
	p, _, err := codectest.Decode(formats, f.bytes())
	if err != nil {
		t.Fatal(err)
	}
	for x, want := range [][]byte{{4, 5, 6}, {1, 2, 3}, {0, 0, 0}, {0, 0, 0}} { // beyond the table is black
		if got := codectest.Samples(p, x, 0); !bytes.Equal(got, want) {
			t.Errorf("pixel %d: %v, want %v", x, got, want)
		}
	}
}

func TestEmbeddedProfileIsKept(t *testing.T) {
	icc := bytes.Repeat([]byte("profile "), 40)
	for name, f := range map[string]file{
		"up":          {header: 124, width: 3, height: 3, bits: 24, pixels: make([]byte, 36), profile: icc},
		"down":        {header: 124, width: 3, height: -3, bits: 24, pixels: make([]byte, 36), profile: icc},
		"run lengths": {header: 124, width: 3, height: 1, bits: 8, compression: 1, pixels: []byte{3, 0, 0, 1}, profile: icc},
	} {
		_, h, err := codectest.Decode(formats, f.bytes())
		if err != nil || !bytes.Equal(h.Layout.Space.ICC, icc) {
			t.Errorf("%s: %v, a profile of %d bytes", name, err, len(h.Layout.Space.ICC))
		}
		cut := f.bytes()
		_, h, err = codectest.Decode(formats, cut[:len(cut)-1])
		if err != nil || h.Layout.Space.ICC != nil {
			t.Errorf("%s, cut: %v, a profile of %d bytes", name, err, len(h.Layout.Space.ICC))
		}
	}
	f := file{header: 124, width: 1, height: -2, bits: 24, pixels: []byte{1, 2, 3, 0, 4, 5, 6, 0}, profile: icc}
	b := f.bytes()
	pixels := len(b) - len(icc) - len(f.pixels)
	b = slices.Concat(b[:pixels], icc, f.pixels)
	binary.LittleEndian.PutUint32(b[10:], uint32(pixels+len(icc)))
	binary.LittleEndian.PutUint32(b[fileHeaderLength+112:], uint32(pixels-fileHeaderLength))
	p, h, err := codectest.Decode(formats, b)
	if err != nil || !bytes.Equal(h.Layout.Space.ICC, icc) {
		t.Errorf("before the pixels: %v, a profile of %d bytes", err, len(h.Layout.Space.ICC))
	} else if got := codectest.Samples(p, 0, 1); !bytes.Equal(got, []byte{6, 5, 4}) {
		t.Errorf("behind a profile: %v", got)
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		f    file
		want error
	}{
		"no width":        {file{header: 40, width: 0, height: 2, bits: 24}, codec.ErrCorrupt},
		"negative width":  {file{header: 40, width: -2, height: 2, bits: 24}, codec.ErrCorrupt},
		"3 bits":          {file{header: 40, width: 2, height: 2, bits: 3}, codec.ErrCorrupt},
		"64 bits":         {file{header: 40, width: 2, height: 2, bits: 64}, codec.ErrUnsupported},
		"CMYK":            {file{header: 40, width: 2, height: 2, bits: 32, compression: 11}, codec.ErrUnsupported},
		"Huffman":         {file{header: 64, width: 2, height: 2, bits: 1, compression: 3}, codec.ErrUnsupported},
		"RLE of 4 bits":   {file{header: 40, width: 2, height: 2, bits: 4, compression: 1}, codec.ErrCorrupt},
		"a missing row":   {file{header: 40, width: 2, height: 2, bits: 24, pixels: make([]byte, 8)}, codec.ErrCorrupt},
		"PNG, no decoder": {file{header: 40, width: 2, height: 2, compression: 5, pixels: []byte("\x89PNG")}, codec.ErrUnsupported},
	} {
		if _, _, err := codectest.Decode(formats, c.f.bytes()); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	f := file{header: 40, width: 2, height: 2, bits: 24, pixels: make([]byte, 14)} // without the last padding
	if _, _, err := codectest.Decode(formats, f.bytes()); err != nil {
		t.Errorf("a last row without padding: %v", err)
	}
}

// gray is a format named as one of those that a bitmap may contain: a letter, and a gray picture of
// two pixels.
func gray(name string) *codec.Format {
	return &codec.Format{
		Name: name, Title: name, Extensions: []string{".x"},
		Detect: func(head []byte) bool { return len(head) > 0 && head[0] == name[0] },
		Open: func(s *codec.Stream, _ codec.OpenOptions) (codec.Decoder, error) {
			b, err := io.ReadAll(s)
			if err != nil || len(b) != 3 {
				return nil, fmt.Errorf("%d bytes, %w", len(b), err)
			}
			f := file{header: 40, width: 2, height: 1, bits: 8, table: make([][3]byte, 256)}
			for i := range f.table {
				f.table[i] = [3]byte{byte(i), byte(i), byte(i)}
			}
			f.pixels = append(b[1:], 0, 0)
			return formats.Open(bytes.NewReader(f.bytes()), codec.OpenOptions{})
		},
	}
}

func TestPicturesWithin(t *testing.T) {
	set := codec.Set{Format, gray("png"), gray("jpeg")}
	for compression, data := range map[uint32]string{4: "j\x01\x02", 5: "p\x01\x02"} {
		f := file{header: 40, width: 2, height: 1, compression: compression, pixels: []byte(data)}
		p, h, err := codectest.Decode(set, f.bytes())
		if err != nil || h.Format != Format || picture(p) != "ab" {
			t.Errorf("compression %d: %v", compression, err)
		}
	}
	f := file{header: 40, width: 2, height: 1, compression: 5, pixels: []byte("j\x01\x02")}
	if _, _, err := codectest.Decode(set, f.bytes()); !errors.Is(err, codec.ErrCorrupt) {
		t.Errorf("a JPEG where a PNG belongs: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	table := [][3]byte{{1, 2, 3}, {4, 5, 6}, {7, 8, 9}}
	for _, s := range []file{
		{header: 12, width: 3, height: 2, bits: 24, pixels: make([]byte, 24)},
		{header: 40, width: 3, height: 2, bits: 4, table: table, pixels: make([]byte, 8)},
		{header: 40, width: 3, height: 2, bits: 8, compression: 1, table: table, pixels: []byte{3, 1, 0, 0, 0, 3, 1, 2, 3, 0, 0, 2, 1, 0, 0, 1}},
		{header: 40, width: 3, height: 2, bits: 4, compression: 2, table: table, pixels: []byte{3, 0x12, 0, 0, 2, 1, 0, 1}},
		{header: 40, width: 450_000, height: -1, bits: 4, table: table}, // indexes of a row take most of its memory
		{header: 64, width: 3, height: 2, bits: 24, compression: 4, pixels: []byte{3, 1, 2, 3, 0, 1}},
		{header: 124, width: 2, height: -2, bits: 32, compression: 3, masks: []uint32{0xff, 0xff00, 0xff0000, 0xff000000}, pixels: make([]byte, 16), profile: []byte("p")},
	} {
		f.Add(s.bytes())
	}
	f.Fuzz(func(t *testing.T, data []byte) { codectest.Promises(t, formats, data, 64<<10) })
}

func BenchmarkDecode(b *testing.B) {
	for _, bits := range []int{1, 8, 16, 24, 32} {
		f := file{header: 40, width: 1500, height: 1000, bits: bits, pixels: make([]byte, (1500*bits+31)/32*4*1000)}
		if bits <= 8 {
			f.table = [][3]byte{{1, 2, 3}, {4, 5, 6}}
		}
		data := f.bytes()
		b.Run(fmt.Sprint(bits), func(b *testing.B) {
			b.SetBytes(1500 * 1000)
			for b.Loop() {
				d, err := formats.Open(bytes.NewReader(data), codec.OpenOptions{})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := d.Decode(b.Context(), nothing{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

type nothing struct{}

func (nothing) Rows(int, int, plane.Rows) error { return nil }
