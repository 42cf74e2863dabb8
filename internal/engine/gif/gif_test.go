package gif

import (
	"bytes"
	"compress/lzw"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/codec/codectest"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

func openFile(data []byte) (codec.FrameDecoder, error) {
	d, err := codec.Set{Format}.Open(bytes.NewReader(data), codec.OpenOptions{})
	if err != nil {
		return nil, err
	}
	return d.(codec.FrameDecoder), nil
}

func decodeFile(t *testing.T, data []byte) (*plane.Picture, error) {
	t.Helper()
	d, err := openFile(data)
	if err != nil {
		return nil, err
	}
	p := plane.New(d.Header().Layout)
	_, err = d.Decode(t.Context(), p)
	return p, err
}

// raw is a file written by hand: a global table of eight colours, the i-th being {10i, 20i, 30i}.
type raw struct{ bytes.Buffer }

func newRaw(w, h int) *raw {
	r := &raw{}
	fmt.Fprintf(r, "GIF89a%s\xf2\x00\x00", le(w, h))
	for i := range 8 {
		r.Write([]byte{byte(10 * i), byte(20 * i), byte(30 * i)})
	}
	return r
}

func le(v ...int) string {
	var b []byte
	for _, n := range v {
		b = append(b, byte(n), byte(n>>8))
	}
	return string(b)
}

// control writes a graphic control extension.
func (r *raw) control(disposal, delay, transparent int) *raw {
	flags := disposal << 2
	if transparent >= 0 {
		flags |= 1
	}
	fmt.Fprintf(r, "!\xf9\x04%c%s%c\x00", rune(flags), le(delay), rune(max(transparent, 0)))
	return r
}

// frame writes a frame of w×h pixels whose colour indexes are given; flags are those of the
// descriptor, without a local table.
func (r *raw) frame(x, y, w, h int, flags byte, indexes []byte) *raw {
	fmt.Fprintf(r, ",%s", le(x, y, w, h))
	r.Write([]byte{flags, 3})
	var b bytes.Buffer
	z := lzw.NewWriter(&b, lzw.LSB, 3)
	if _, err := z.Write(indexes); err != nil {
		panic(err)
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	for b.Len() > 0 {
		block := b.Next(255)
		r.WriteByte(byte(len(block)))
		r.Write(block)
	}
	r.WriteByte(0)
	return r
}

func (r *raw) file() []byte { return append(bytes.Clone(r.Bytes()), labelTrailer) }

func repeated(v byte, n int) []byte { return bytes.Repeat([]byte{v}, n) }

// samples returns the samples of all planes at a pixel.
func samples(p *plane.Picture, x, y int) (s []byte) {
	for i := range p.Planes {
		s = append(s, p.Row(i, y)[x])
	}
	return s
}

func TestFirstFrameIsShownAsInBrowsers(t *testing.T) {
	for name, c := range map[string]struct {
		file          *raw
		width, height int
		at            image.Point
		want          []byte
	}{
		"covers the screen":          {newRaw(4, 3).frame(0, 0, 4, 3, 0, repeated(2, 12)), 4, 3, image.Pt(3, 2), []byte{20, 40, 60}},
		"smaller than the screen":    {newRaw(6, 6).frame(1, 1, 4, 3, 0, repeated(2, 12)), 6, 6, image.Pt(0, 0), []byte{0, 0, 0, 0}},
		"within the screen":          {newRaw(6, 6).frame(1, 1, 4, 3, 0, repeated(2, 12)), 6, 6, image.Pt(4, 3), []byte{20, 40, 60, 255}},
		"right of the frame":         {newRaw(6, 6).frame(1, 1, 4, 3, 0, repeated(2, 12)), 6, 6, image.Pt(5, 3), []byte{0, 0, 0, 0}},
		"larger than the screen":     {newRaw(2, 2).frame(0, 0, 4, 3, 0, repeated(2, 12)), 4, 3, image.Pt(3, 2), []byte{20, 40, 60}},
		"beyond the screen":          {newRaw(2, 2).frame(1, 2, 4, 3, 0, repeated(2, 12)), 5, 5, image.Pt(0, 4), []byte{0, 0, 0, 0}},
		"screen of 0×0":              {newRaw(0, 0).frame(0, 0, 4, 3, 0, repeated(2, 12)), 4, 3, image.Pt(0, 0), []byte{20, 40, 60}},
		"transparent":                {newRaw(4, 3).control(0, 0, 2).frame(0, 0, 4, 3, 0, repeated(2, 12)), 4, 3, image.Pt(0, 0), []byte{0, 0, 0, 0}},
		"not transparent":            {newRaw(4, 3).control(0, 0, 3).frame(0, 0, 4, 3, 0, repeated(2, 12)), 4, 3, image.Pt(0, 0), []byte{20, 40, 60, 255}},
		"too much data":              {newRaw(4, 3).frame(0, 0, 4, 3, 0, repeated(2, 9000)), 4, 3, image.Pt(3, 2), []byte{20, 40, 60}},
		"zeros between the blocks":   {zeros(newRaw(4, 3)).frame(0, 0, 4, 3, 0, repeated(2, 12)), 4, 3, image.Pt(0, 0), []byte{20, 40, 60}},
		"the second frame is broken": {newRaw(4, 3).frame(0, 0, 4, 3, 0, repeated(2, 12)).frame(0, 0, 4, 3, 0, nil), 4, 3, image.Pt(0, 0), []byte{20, 40, 60}},
	} {
		for kind, data := range map[string][]byte{
			"":                         c.file.file(),
			", no trailer":             c.file.Bytes(),
			", garbage behind it":      append(c.file.file(), "and more"...),
			", garbage and no trailer": append(bytes.Clone(c.file.Bytes()), "and more"...),
		} {
			p, err := decodeFile(t, data)
			if err != nil || p.Width() != c.width || p.Height() != c.height {
				t.Errorf("%s%s: %v", name, kind, err)
				continue
			}
			if got := samples(p, c.at.X, c.at.Y); !bytes.Equal(got, c.want) {
				t.Errorf("%s%s: %v, want %v", name, kind, got, c.want)
			}
		}
	}
}

func zeros(r *raw) *raw {
	r.Write(make([]byte, 5))
	return r
}

func TestIndexesBeyondTheTableAreBlack(t *testing.T) {
	ok := newRaw(4, 3).frame(0, 0, 4, 3, 0, repeated(2, 12)).file()
	for flags, table := range map[byte]int{0xf0: 6, 0x70: 0} { // of two colours, and none
		data := append(bytes.Clone(ok[:headerLength+table]), ok[headerLength+24:]...)
		data[10] = flags
		p, err := decodeFile(t, data)
		if err != nil {
			t.Fatal(err)
		}
		if got := samples(p, 1, 1); !bytes.Equal(got, []byte{0, 0, 0}) {
			t.Errorf("a table of %d bytes: %v", table, got)
		}
	}
}

func TestBrokenFilesAreCorrupt(t *testing.T) {
	ok := newRaw(4, 3).frame(0, 0, 4, 3, 0, repeated(2, 12)).file()
	change := func(i int, v byte) []byte {
		b := bytes.Clone(ok)
		b[i] = v
		return b
	}
	const descriptor = headerLength + 24
	for name, data := range map[string][]byte{
		"half a header":         ok[:10],
		"no frame":              append(bytes.Clone(ok[:descriptor]), labelTrailer),
		"an unknown block":      change(descriptor, 'x'),
		"half a descriptor":     ok[:descriptor+5],
		"no data":               ok[:descriptor+10],
		"a code size of 0":      change(descriptor+10, 0),
		"a code size of 9":      change(descriptor+10, 9),
		"a frame of no pixels":  change(descriptor+5, 0),
		"too little data":       newRaw(4, 3).frame(0, 0, 4, 3, 0, repeated(2, 11)).file(),
		"too little interlaced": newRaw(4, 3).frame(0, 0, 4, 3, 0x40, repeated(2, 11)).file(),
		"an invalid code":       change(descriptor+12, 0xff),
	} {
		if _, err := decodeFile(t, data); !errors.Is(err, codec.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCodesAgreeWithCompressLZW decodes what another LZW encoder writes, with every code size.
func TestCodesAgreeWithCompressLZW(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for size := 2; size <= 8; size++ {
		for _, kind := range []int{1, 2, 50} { // the longer the runs, the longer the strings
			indexes := make([]byte, 70000)
			v := byte(0)
			for i := range indexes {
				if rnd.IntN(kind) == 0 {
					v = byte(rnd.IntN(1 << size))
				}
				indexes[i] = v
			}
			var b bytes.Buffer
			w := lzw.NewWriter(&b, lzw.LSB, size)
			w.Write(indexes) //nolint:errcheck // a bytes.Buffer never fails
			w.Close()        //nolint:errcheck
			data := []byte{byte(size)}
			for b.Len() > 0 {
				block := b.Next(1 + rnd.IntN(255))
				data = append(append(data, byte(len(block))), block...)
			}
			f := inPieces(append(data, 0))
			var z codes
			if !z.start(f, 0, 1000) {
				t.Fatal("no start")
			}
			var got []byte
			for at := literals; len(got) < len(indexes); at = z.p {
				left := len(indexes) - len(got)
				at = z.decode(at, min(1000, left), left)
				if z.p == at {
					break
				}
				got = append(got, z.out[at:z.p]...)
			}
			if !bytes.Equal(got, indexes) {
				t.Errorf("size %d, runs of %d: %d bytes differ from %d", size, kind, len(got), len(indexes))
			}
		}
	}
}

func inPieces(b []byte) *file {
	f := &file{size: len(b)}
	for len(b) > pieceSize {
		f.pieces, b = append(f.pieces, b[:pieceSize]), b[pieceSize:]
	}
	f.pieces = append(f.pieces, b)
	return f
}

// compose draws the frames of an animation by the rules of the specification, as slowly as it
// pleases.
func compose(g *gif.GIF) (shown []*image.NRGBA) {
	canvas := image.NewNRGBA(image.Rect(0, 0, g.Config.Width, g.Config.Height))
	for i, m := range g.Image {
		before := *canvas
		before.Pix = bytes.Clone(canvas.Pix)
		draw.Draw(canvas, m.Bounds(), m, m.Bounds().Min, draw.Over)
		now := *canvas
		now.Pix = bytes.Clone(canvas.Pix)
		shown = append(shown, &now)
		switch g.Disposal[i] {
		case gif.DisposalBackground:
			draw.Draw(canvas, m.Bounds(), image.Transparent, image.Point{}, draw.Src)
		case gif.DisposalPrevious:
			canvas = &before
		}
	}
	return shown
}

// randomAnimation is one of n frames with every disposal, some with a transparent colour.
func randomAnimation(rnd *rand.Rand, n int) *gif.GIF {
	g := &gif.GIF{Config: image.Config{Width: 40, Height: 30}, LoopCount: 3}
	for i := range n {
		r := image.Rect(0, 0, 40, 30)
		if i > 0 || rnd.IntN(2) == 0 {
			x, y := rnd.IntN(38), rnd.IntN(28)
			r = image.Rect(x, y, x+1+rnd.IntN(39-x), y+1+rnd.IntN(29-y))
		}
		p := make(color.Palette, 16)
		for k := range p {
			p[k] = color.RGBA{byte(rnd.Uint32()), byte(rnd.Uint32()), byte(rnd.Uint32()), 255}
		}
		if rnd.IntN(2) == 0 {
			p[5] = color.RGBA{}
		}
		m := image.NewPaletted(r, p)
		for k := range m.Pix {
			m.Pix[k] = byte(rnd.IntN(16))
		}
		g.Image = append(g.Image, m)
		g.Delay = append(g.Delay, i)
		g.Disposal = append(g.Disposal, byte(rnd.IntN(4)))
	}
	return g
}

func TestAnimationsAreComposed(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		g := randomAnimation(rnd, 1+rnd.IntN(6))
		var b bytes.Buffer
		if err := gif.EncodeAll(&b, g); err != nil {
			t.Fatal(err)
		}
		d, err := openFile(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if d.Header().Frames != len(g.Image) || len(g.Image) > 1 && d.Loops() != 4 {
			t.Fatalf("%d frames, %d loops", d.Header().Frames, d.Loops())
		}
		for i, want := range compose(g) {
			delay, err := d.NextFrame(t.Context())
			if wait := map[int]int{0: 100, 1: 100}; err != nil || delay != max(10*i, wait[i]) {
				t.Fatalf("frame %d: delay %d, %v", i, delay, err)
			}
			if rnd.IntN(5) == 0 {
				continue // a frame that nobody decodes
			}
			p := plane.New(d.Shrink(0, 0))
			if _, err := d.Decode(t.Context(), p); err != nil {
				t.Fatal(err)
			}
			same(t, p, want)
		}
		if _, err := d.NextFrame(t.Context()); err != io.EOF {
			t.Fatalf("after the last frame: %v", err)
		}
	}
}

func same(t *testing.T, p *plane.Picture, want *image.NRGBA) {
	t.Helper()
	for y := range p.Height() {
		for x := range p.Width() {
			c, got := want.NRGBAAt(x, y), samples(p, x, y)
			if !p.HasAlpha() {
				got = append(got, 255)
			}
			if c.A == 0 {
				c = color.NRGBA{}
				got[0], got[1], got[2] = 0, 0, 0
			}
			if !bytes.Equal(got, []byte{c.R, c.G, c.B, c.A}) {
				t.Fatalf("pixel %d,%d is %v, not %v", x, y, got, c)
			}
		}
	}
}

func TestInterlacedRowsAreInPlace(t *testing.T) {
	for h := 1; h < 20; h++ {
		indexes := make([]byte, 0, 3*h)
		for i := range h {
			indexes = append(indexes, repeated(byte(interlacedRow(i, h)%8), 3)...)
		}
		data := newRaw(3, h).frame(0, 0, 3, h, 0x40, indexes).file()
		p, err := decodeFile(t, data)
		if err != nil {
			t.Fatal(err)
		}
		m, err := gif.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		for y := range h {
			if r, _, _, _ := m.At(1, y).RGBA(); p.Row(0, y)[1] != byte(10*(y%8)) || byte(r) != p.Row(0, y)[1] {
				t.Errorf("height %d: row %d is %d", h, y, p.Row(0, y)[1])
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(newRaw(4, 3).frame(0, 0, 4, 3, 0, repeated(2, 12)).file())
	f.Add(newRaw(2, 2).control(2, 3, 1).frame(1, 2, 4, 9, 0x40, repeated(2, 36)).control(3, 0, -1).frame(1, 2, 9, 9, 0, repeated(1, 81)).file())
	rnd := rand.New(rand.NewPCG(5, 6))
	for range 5 {
		var b bytes.Buffer
		if err := gif.EncodeAll(&b, randomAnimation(rnd, 4)); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	var large bytes.Buffer // codes refer to all of its output, for no code empties the table
	if err := gif.Encode(&large, image.NewPaletted(image.Rect(0, 0, 1000, 1000), color.Palette{color.Black, color.White}), nil); err != nil {
		f.Fatal(err)
	}
	f.Add(large.Bytes())
	f.Add(newRaw(0, 0).frame(0, 0, 2, 22000, 0x40, repeated(1, 3)).file()) // many rows and no data
	f.Fuzz(func(t *testing.T, data []byte) {
		codectest.Promises(t, codec.Set{Format}, data, 64<<10)
		d, err := codec.Set{Format}.Open(bytes.NewReader(data), codec.OpenOptions{Limits: codec.Limits{Pixels: 1e5}})
		if err != nil {
			return
		}
		for range 10 {
			if _, err := d.(codec.FrameDecoder).NextFrame(t.Context()); err != nil {
				return
			}
			if _, err := d.Decode(t.Context(), plane.New(d.Shrink(1, 1))); err != nil {
				return
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	rnd := rand.New(rand.NewPCG(7, 8))
	m := image.NewPaletted(image.Rect(0, 0, 1500, 1000), color.Palette{color.Black, color.White, color.Gray{7}, color.Gray{9}})
	for i := range m.Pix {
		m.Pix[i] = byte(rnd.IntN(2) + i/1500%3)
	}
	var data bytes.Buffer
	if err := gif.Encode(&data, m, nil); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(m.Pix)))
	for b.Loop() {
		d, err := openFile(data.Bytes())
		if err != nil {
			b.Fatal(err)
		}
		if _, err := d.Decode(b.Context(), nothing{}); err != nil {
			b.Fatal(err)
		}
	}
}

type nothing struct{}

func (nothing) Rows(int, int, plane.Rows) error { return nil }
