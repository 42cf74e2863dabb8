package psd

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/codec/codectest"
	"github.com/imgmill/imgmill/internal/engine/iptc"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

var formats = codec.Set{Format}

// file is a file to be written.
type file struct {
	large         bool
	channels      int
	width, height int
	depth, mode   int
	palette       []byte
	resources     []byte
	layers        int16 // their number
	deep          bool  // whether they are in the block of 16-bit layers
	packed        bool
	pixels        []byte // rows of the first channel, then of the next
}

func be(size int, n int) []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(n))
	return b[8-size:]
}

func (f file) bytes() []byte {
	b := append([]byte("8BPS"), 0, 1, 0, 0, 0, 0, 0, 0)
	wide := 4
	if f.large {
		b[5], wide = 2, 8
	}
	b = append(b, be(2, f.channels)...)
	b = append(append(b, be(4, f.height)...), be(4, f.width)...)
	b = append(append(b, be(2, f.depth)...), be(2, f.mode)...)
	b = append(append(b, be(4, len(f.palette))...), f.palette...)
	b = append(append(b, be(4, len(f.resources))...), f.resources...)
	count := append(be(2, int(uint16(f.layers))), 9, 9, 9, 9)
	section := append(be(wide, len(count)), count...)
	section = append(section, be(4, 0)...)
	if f.deep {
		section = append(be(wide, 0), be(4, 2)...)
		section = append(section, 7, 7)
		section = append(append(section, "8BIMlyid"...), be(4, 4)...)
		section = append(append(section, 0, 0, 0, 1), "8BIMLr16"...)
		section = append(append(section, be(wide, len(count))...), count...)
		section = append(section, 0, 0)
	}
	b = append(append(b, be(wide, len(section))...), section...)
	if !f.packed {
		return append(append(b, 0, 0), f.pixels...)
	}
	b = append(b, 0, 1)
	var data []byte
	row := (f.width*f.depth + 7) / 8
	for s := f.pixels; len(s) > 0; s = s[row:] {
		p := pack(s[:row])
		b = append(b, be(wide/2, len(p))...)
		data = append(data, p...)
	}
	return append(b, data...)
}

// pack packs a row: runs of three and more, and the rest as it is.
func pack(s []byte) (b []byte) {
	for i := 0; i < len(s); {
		n := 1
		for i+n < len(s) && s[i+n] == s[i] && n < 128 {
			n++
		}
		if n >= 3 {
			b = append(b, byte(1-n), s[i])
			i += n
			continue
		}
		start := i
		for i < len(s) && i-start < 128 && (i+2 >= len(s) || s[i] != s[i+1] || s[i] != s[i+2]) {
			i++
		}
		b = append(append(b, byte(i-start-1)), s[start:i]...)
	}
	return append(b, 0x80) // no operation
}

func TestEveryMode(t *testing.T) {
	const w, h = 37, 19
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		name     string
		mode     int
		depth    int
		channels int
		layers   int16
		model    plane.Model
		alpha    bool
	}{
		{"bitmap", bitmap, 1, 1, 0, plane.Gray, false},
		{"gray", gray, 8, 1, 0, plane.Gray, false},
		{"gray of 16 bits", gray, 16, 1, 0, plane.Gray, false},
		{"gray and alpha", gray, 8, 2, -1, plane.Gray, true},
		{"gray and a mask", gray, 8, 2, 1, plane.Gray, false},
		{"duotone", duotone, 8, 1, 0, plane.Gray, false},
		{"indexed", indexed, 8, 1, 0, plane.RGB, false},
		{"RGB", rgb, 8, 3, 2, plane.RGB, false},
		{"RGB of 16 bits and alpha", rgb, 16, 4, -3, plane.RGB, true},
		{"RGB, alpha and masks", rgb, 8, 6, -1, plane.RGB, true},
		{"CMYK", cmyk, 8, 4, 0, plane.CMYK, false},
		{"CMYK and alpha", cmyk, 8, 5, -1, plane.CMYK, true},
	} {
		f := file{width: w, height: h, channels: c.channels, depth: c.depth, mode: c.mode, layers: c.layers}
		if c.mode == indexed {
			f.palette = make([]byte, 768)
			for i := range f.palette {
				f.palette[i] = byte(rnd.Uint32())
			}
		}
		row := (w*c.depth + 7) / 8
		f.pixels = make([]byte, row*h*c.channels)
		for i := range f.pixels {
			if f.pixels[i] = byte(rnd.Uint32()); i > 2 && rnd.IntN(2) == 0 {
				f.pixels[i] = f.pixels[i-1]
			}
		}
		for variant := range 8 {
			f.large, f.packed, f.deep = variant&1 != 0, variant&2 != 0, variant&4 != 0
			p, _, err := codectest.Decode(formats, f.bytes())
			if err != nil {
				t.Fatalf("%s, variant %d: %v", c.name, variant, err)
			}
			if p.Model != c.model || p.HasAlpha() != c.alpha {
				t.Fatalf("%s: %v, alpha %t", c.name, p.Model, p.HasAlpha())
			}
			for y := range h {
				for x := range w {
					for i, got := range codectest.Samples(p, x, y) {
						if want := f.sample(i, x, y); got != want {
							t.Fatalf("%s, variant %d: sample %d at %d,%d is %d, not %d", c.name, variant, i, x, y, got, want)
						}
					}
				}
			}
		}
	}
}

// sample returns the 8-bit sample of a plane.
func (f file) sample(i, x, y int) byte {
	row := (f.width*f.depth + 7) / 8
	at := func(i int) []byte { return f.pixels[(i*f.height+y)*row:][:row] }
	switch {
	case f.mode == bitmap:
		return 255 * (1 - at(0)[x/8]>>(7-x%8)&1)
	case f.mode == indexed:
		return f.palette[256*i+int(at(0)[x])]
	case f.mode == cmyk && i < 4:
		return 255 - at(i)[x]
	}
	return at(i)[x*f.depth/8]
}

func TestColoursOverWhiteAreMadeStraight(t *testing.T) {
	f := file{width: 4, height: 1, channels: 4, depth: 8, mode: rgb, layers: -1}
	f.pixels = []byte{
		200, 227, 255, 155,
		100, 177, 255, 155,
		0, 127, 255, 155,
		255, 128, 0, 100,
	}
	p, _, err := codectest.Decode(formats, f.bytes())
	if err != nil {
		t.Fatal(err)
	}
	for x, want := range [][]byte{{200, 100, 0, 255}, {199, 100, 0, 128}, {255, 255, 255, 0}, {0, 0, 0, 100}} {
		if got := codectest.Samples(p, x, 0); !bytes.Equal(got, want) {
			t.Errorf("pixel %d is %v, not %v", x, got, want)
		}
	}
	f.pixels[7] = 153 // darker than white leaves it under alpha 100: so no colour is over white
	if p, _, err = codectest.Decode(formats, f.bytes()); err != nil {
		t.Fatal(err)
	}
	if got, want := codectest.Samples(p, 1, 0), []byte{227, 177, 127, 128}; !bytes.Equal(got, want) {
		t.Errorf("straight colours: %v, not %v", got, want)
	}
}

func resource(id int, name string, data []byte) []byte {
	b := append([]byte("8BIM"), be(2, id)...)
	b = append(append(b, byte(len(name))), name...)
	if len(name)%2 == 0 {
		b = append(b, 0)
	}
	b = append(append(b, be(4, len(data))...), data...)
	return append(b, make([]byte, len(data)%2)...)
}

func TestResources(t *testing.T) {
	icc, exif := []byte("a profile of odd length"), []byte("MM\x00\x2a\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00")
	f := file{width: 1, height: 1, channels: 1, depth: 8, mode: indexed, palette: make([]byte, 768), pixels: []byte{5}}
	f.resources = bytes.Join([][]byte{
		resource(1000, "", []byte("xyz")), resource(resourceICC, "a", icc), resource(iptc.ResourceEXIF, "ab", exif), resource(resourceTransparent, "", []byte{0, 5}),
	}, nil)
	p, h, err := codectest.Decode(formats, f.bytes())
	if err != nil || !bytes.Equal(h.Layout.Space.ICC, icc) || !bytes.Equal(h.EXIF, exif) || h.Orientation != 6 {
		t.Fatalf("%v: %+v", err, h)
	}
	if got := codectest.Samples(p, 0, 0); len(got) != 4 || got[3] != 0 {
		t.Errorf("the transparent colour: %v", got)
	}
	f.resources = append(f.resources[:len(f.resources)-20], "garbage in the resources"...)
	if _, _, err := codectest.Decode(formats, f.bytes()); err != nil {
		t.Errorf("broken resources: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	ok := file{width: 2, height: 2, channels: 3, depth: 8, mode: rgb, pixels: make([]byte, 12)}
	change := func(c func(f *file)) []byte {
		f := ok
		c(&f)
		return f.bytes()
	}
	zip := ok.bytes()
	zip[len(zip)-13] = 2
	short := change(func(f *file) { f.packed = true })
	for name, c := range map[string]struct {
		file []byte
		want error
	}{
		"no width":        {change(func(f *file) { f.width = 0 }), codec.ErrCorrupt},
		"Lab":             {change(func(f *file) { f.mode = 9 }), codec.ErrUnsupported},
		"32 bits":         {change(func(f *file) { f.depth = 32 }), codec.ErrUnsupported},
		"1 bit of RGB":    {change(func(f *file) { f.depth = 1 }), codec.ErrCorrupt},
		"mode 5":          {change(func(f *file) { f.mode = 5 }), codec.ErrCorrupt},
		"two channels":    {change(func(f *file) { f.channels = 2 }), codec.ErrCorrupt},
		"no palette":      {change(func(f *file) { f.mode = indexed }), codec.ErrCorrupt},
		"Deflate":         {zip, codec.ErrUnsupported},
		"a missing row":   {change(func(f *file) { f.pixels = f.pixels[:10] }), codec.ErrCorrupt},
		"no picture":      {ok.bytes()[:60], codec.ErrCorrupt},
		"packed, cut":     {short[:len(short)-1], codec.ErrCorrupt},
		"packed, too few": {append(bytes.Clone(short[:len(short)-4]), 0x80, 0x80, 0x80, 0x80), codec.ErrCorrupt},
	} {
		if _, _, err := codectest.Decode(formats, c.file); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []file{
		{width: 9, height: 2, channels: 1, depth: 1, mode: bitmap, pixels: make([]byte, 4)},
		{width: 65545, height: 2, channels: 1, depth: 1, mode: bitmap, pixels: make([]byte, 2*8194)}, // few rows, long ones
		{width: 2, height: 2, channels: 1, depth: 8, mode: indexed, palette: make([]byte, 768), pixels: make([]byte, 4), resources: resource(resourceTransparent, "", []byte{0, 5})},
		{width: 2, height: 2, channels: 4, depth: 16, mode: rgb, layers: -1, pixels: make([]byte, 32), packed: true, deep: true, large: true},
		{width: 2, height: 2, channels: 4, depth: 8, mode: cmyk, pixels: make([]byte, 16), resources: resource(resourceICC, "", []byte("p"))},
	} {
		f.Add(s.bytes())
	}
	f.Fuzz(func(t *testing.T, data []byte) { codectest.Promises(t, formats, data, 128<<10) })
}
