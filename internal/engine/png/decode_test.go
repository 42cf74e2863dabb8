package png

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// types is every combination of colour type and bit depth (table 12).
var types = []struct{ colour, depth byte }{
	{0, 1}, {0, 2}, {0, 4}, {0, 8}, {0, 16}, {2, 8}, {2, 16}, {3, 1}, {3, 2}, {3, 4}, {3, 8},
	{4, 8}, {4, 16}, {6, 8}, {6, 16},
}

// drawing is a picture as a test draws it: a value for every sample, which file writes as a PNG by
// the definitions of the specification alone.
type drawing struct {
	w, h          int
	colour, depth byte
	interlaced    bool
	samples       []uint16 // of each pixel, row by row
	before, after []byte   // chunks around IDAT
	filter        func(y int) byte
	level         int
}

func (d *drawing) channels() int {
	return map[byte]int{0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[d.colour]
}

func draw(w, h int, colour, depth byte, interlaced bool, seed uint64) *drawing {
	d := &drawing{w: w, h: h, colour: colour, depth: depth, interlaced: interlaced, level: 6}
	r := rand.New(rand.NewPCG(seed, 1))
	d.filter = func(int) byte { return byte(r.IntN(5)) }
	n := d.channels()
	for i := range w * h * n {
		v := uint16(i * 37)
		if r.IntN(3) == 0 {
			v = uint16(r.Uint32())
		}
		d.samples = append(d.samples, v>>(16-depth))
	}
	return d
}

func (d *drawing) ihdr() []byte {
	b := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(d.w)), uint32(d.h))
	b = append(b, d.depth, d.colour, 0, 0, 0)
	if d.interlaced {
		b[12] = 1
	}
	return b
}

// rows returns the filtered rows.
func (d *drawing) rows() []byte {
	var out []byte
	n, y := d.channels(), 0
	for pass := range 7 {
		x0, y0 := []int{0, 4, 0, 2, 0, 1, 0}[pass], []int{0, 0, 4, 0, 2, 0, 1}[pass]
		dx, dy := []int{8, 8, 4, 4, 2, 2, 1}[pass], []int{8, 8, 8, 4, 4, 2, 2}[pass]
		if !d.interlaced {
			x0, y0, dx, dy = 0, 0, 1, 1
		}
		var above []byte
		for py := y0; py < d.h && x0 < d.w; py += dy {
			var row []byte
			bit := 0
			for px := x0; px < d.w; px += dx {
				for c := range n {
					v := d.samples[(py*d.w+px)*n+c]
					switch d.depth {
					case 16:
						row = binary.BigEndian.AppendUint16(row, v)
					case 8:
						row = append(row, byte(v))
					default:
						if bit%8 == 0 {
							row = append(row, 0)
						}
						row[len(row)-1] |= byte(v) << (8 - int(d.depth) - bit%8)
						bit += int(d.depth)
					}
				}
			}
			if above == nil {
				above = make([]byte, len(row))
			}
			out = append(out, filtered(d.filter(y), row, above, max(1, n*int(d.depth)/8))...)
			above = row
			y++
		}
		if !d.interlaced {
			break
		}
	}
	return out
}

// filtered applies a filter as section 9.2 defines it.
func filtered(f byte, row, above []byte, unit int) []byte {
	out := []byte{f}
	at := func(b []byte, i int) int {
		if i < 0 {
			return 0
		}
		return int(b[i])
	}
	for i, v := range row {
		a, b, c := at(row, i-unit), at(above, i), at(above, i-unit)
		var predicted int
		switch f {
		case 1:
			predicted = a
		case 2:
			predicted = b
		case 3:
			predicted = (a + b) / 2
		case 4:
			p := a + b - c
			abs := func(v int) int { return max(v, -v) }
			switch {
			case abs(p-a) <= abs(p-b) && abs(p-a) <= abs(p-c):
				predicted = a
			case abs(p-b) <= abs(p-c):
				predicted = b
			default:
				predicted = c
			}
		}
		out = append(out, v-byte(predicted))
	}
	return out
}

func deflated(b []byte, level int) []byte {
	var z bytes.Buffer
	w, _ := zlib.NewWriterLevel(&z, level)
	w.Write(b)
	w.Close()
	return z.Bytes()
}

func (d *drawing) file() []byte { return d.fileOf(deflated(d.rows(), d.level)) }

// fileOf puts pixel data into a file.
func (d *drawing) fileOf(idat []byte) []byte {
	b := appendChunk([]byte(signature), "IHDR", d.ihdr())
	b = append(b, d.before...)
	for len(idat) > 700 { // several chunks
		b = appendChunk(b, "IDAT", idat[:700])
		idat = idat[700:]
	}
	b = appendChunk(b, "IDAT", idat)
	return appendChunk(append(b, d.after...), "IEND", nil)
}

// want returns the planes that the specification defines, for 8 bits.
func (d *drawing) want(palette, alphas []byte, transparent []uint16) [][]byte {
	n := d.channels()
	var planes [][]byte
	add := func(value func(pixel []uint16) byte) {
		p := make([]byte, d.w*d.h)
		for i := range p {
			p[i] = value(d.samples[i*n : (i+1)*n])
		}
		planes = append(planes, p)
	}
	if d.colour == 3 {
		for c := range 3 {
			add(func(s []uint16) byte {
				if i := int(s[0])*3 + c; i < len(palette) {
					return palette[i]
				}
				return 0
			})
		}
		if alphas != nil {
			add(func(s []uint16) byte {
				if int(s[0]) < len(alphas) {
					return alphas[s[0]]
				}
				return 255
			})
		}
		return planes
	}
	for c := range n {
		add(func(s []uint16) byte {
			if d.depth == 16 {
				return byte(s[c] >> 8)
			}
			return byte(int(s[c]) * 255 / (1<<d.depth - 1))
		})
	}
	if transparent != nil {
		add(func(s []uint16) byte {
			for i, v := range transparent {
				if s[i] != v {
					return 255
				}
			}
			return 0
		})
	}
	return planes
}

func openBytes(t testing.TB, file []byte, threads int) codec.Decoder {
	t.Helper()
	d, err := codec.Set{Format}.Open(bytes.NewReader(file), codec.OpenOptions{Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func decodeBytes(file []byte, threads int) (*plane.Picture, error) {
	d, err := codec.Set{Format}.Open(bytes.NewReader(file), codec.OpenOptions{Threads: threads})
	if err != nil {
		return nil, err
	}
	p := plane.New(d.Header().Layout)
	_, err = d.Decode(context.Background(), p)
	return p, err
}

func compare(t *testing.T, name string, p *plane.Picture, want [][]byte) {
	t.Helper()
	if len(p.Pix) != len(want) {
		t.Errorf("%s: %d planes, want %d", name, len(p.Pix), len(want))
		return
	}
	for i := range want {
		for k, v := range want[i] {
			if p.Pix[i][k] != v {
				t.Errorf("%s: plane %d, column %d of row %d: %d, want %d", name, i, k%p.Width(), k/p.Width(), p.Pix[i][k], v)
				return
			}
		}
	}
}

func TestEveryTypeDecodesAsDefined(t *testing.T) {
	for _, k := range types {
		for _, interlaced := range []bool{false, true} {
			for size, wh := range [][2]int{{1, 1}, {2, 1}, {1, 3}, {5, 2}, {7, 9}, {33, 16}, {300, 211}} {
				for _, keyed := range []bool{false, true} {
					if keyed && (k.colour == 4 || k.colour == 6) {
						continue
					}
					d := draw(wh[0], wh[1], k.colour, k.depth, interlaced, uint64(size))
					var palette, alphas []byte
					var transparent []uint16
					if k.colour == 3 {
						for i := range 3 * (1<<k.depth - 1) { // the last index is beyond it
							palette = append(palette, byte(i*i))
						}
						d.before = appendChunk(d.before, "PLTE", palette)
					}
					if keyed && k.colour == 3 {
						alphas = []byte{0, 100, 200}[:min(3, len(palette)/3)]
						d.before = appendChunk(d.before, "tRNS", alphas)
					} else if keyed {
						var data []byte
						transparent = d.samples[:d.channels()]
						for _, v := range transparent {
							data = binary.BigEndian.AppendUint16(data, v)
						}
						d.before = appendChunk(d.before, "tRNS", data)
					}
					want := d.want(palette, alphas, transparent)
					for threads := 1; threads <= 2; threads++ {
						name := fmt.Sprintf("type %d, %d bits, interlaced %t, %d×%d, tRNS %t, %d threads",
							k.colour, k.depth, interlaced, d.w, d.h, keyed, threads)
						p, err := decodeBytes(d.file(), threads)
						if err != nil {
							t.Errorf("%s: %v", name, err)
							continue
						}
						compare(t, name, p, want)
					}
				}
			}
		}
	}
}

// damage returns a file with the CRC of its chunk of a kind changed.
func damage(file []byte, kind string) []byte {
	b := bytes.Clone(file)
	at := bytes.Index(b, []byte(kind))
	n := int(binary.BigEndian.Uint32(b[at-4:]))
	b[at+4+n] ^= 1
	return b
}

func TestHarmlessDamageIsAccepted(t *testing.T) {
	d := draw(61, 43, 2, 8, false, 1)
	rows := d.rows()
	z := deflated(rows, 6)
	more := deflated(append(bytes.Clone(rows), make([]byte, 3*184+1)...), 6)
	sound := d.file()
	iend := len(sound) - 12
	d.before = appendChunk(appendChunk(nil, "tEXt", []byte("Title\x00x")), "prVt", []byte{1, 2})
	noted := d.file()
	d.before = appendChunk(nil, "a1-\x00", []byte{1, 2})
	named := d.file()
	d.before = nil
	wrong := bytes.Clone(z)
	wrong[len(wrong)-1] ^= 1
	d.after = appendChunk(nil, "IDAT", []byte("left over"))
	leftOver := d.file()
	d.after = nil
	for name, file := range map[string][]byte{
		"sound":                        sound,
		"CRC of text":                  damage(noted, "tEXt"),
		"CRC of a private chunk":       damage(noted, "prVt"),
		"a chunk without letters":      named,
		"CRC of IEND":                  damage(sound, "IEND"),
		"CRC of pixels that have none": damage(sound, "IDAT"),
		"no IEND":                      sound[:iend],
		"half of IEND":                 sound[:iend+8],
		"no CRC of the pixels":         sound[:iend-4],
		"data behind the end":          append(bytes.Clone(sound), make([]byte, 300)...),
		"no Adler-32":                  d.fileOf(z[:len(z)-4]),
		"wrong Adler-32":               d.fileOf(wrong),
		"more rows":                    d.fileOf(more),
		"bytes behind the stream":      d.fileOf(append(bytes.Clone(z), "more than enough"...)),
		"another IDAT":                 leftOver,
		"an empty IDAT":                bytes.Replace(sound, []byte("\x00\x00\x02\xbcIDAT"), append(appendChunk(nil, "IDAT", nil), "\x00\x00\x02\xbcIDAT"...), 1),
	} {
		p, err := decodeBytes(file, 1)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		compare(t, name, p, d.want(nil, nil, nil))
	}
}

func TestDamagedPixelsAreCorrupt(t *testing.T) {
	d := draw(61, 43, 2, 8, false, 1)
	d.level = 0 // stored: a changed bit is still a valid stream
	sound, rows := d.file(), d.rows()
	changed := bytes.Clone(sound)
	changed[2000] ^= 1
	badFilter := bytes.Clone(rows)
	badFilter[184*7] = 5
	badAt := func(i int, v byte) []byte {
		b := bytes.Clone(deflated(rows, 6))
		b[i] = v
		return b
	}
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"a changed byte": {changed, "checksum"},
		"cut":            {sound[:len(sound)/2], "the pixel data ends in row 21 of 43"},
		"few rows":       {d.fileOf(deflated(rows[:184*40], 6)), "the pixel data ends in row 40 of 43"},
		"no rows":        {d.fileOf(nil), "the pixel data ends in row 0 of 43"},
		"filter":         {d.fileOf(deflated(badFilter, 6)), "filter type 5 in row 7"},
		"zlib header":    {d.fileOf(badAt(0, 0x79)), "no zlib header"},
		"deflate":        {d.fileOf(badAt(2, 0x07)), "row 0"},
		"CRC of IHDR":    {damage(sound, "IHDR"), "checksum of IHDR"},
	} {
		for threads := 1; threads <= 2; threads++ {
			_, err := decodeBytes(c.file, threads)
			if !errors.Is(err, codec.ErrCorrupt) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %q", name, err, c.want)
			}
		}
	}
}

func TestUnusableHeadersAreRefused(t *testing.T) {
	ok := draw(3, 2, 3, 4, false, 1)
	head := appendChunk([]byte(signature), "IHDR", ok.ihdr())
	plte := appendChunk(nil, "PLTE", make([]byte, 9))
	pixels := appendChunk(nil, "IDAT", deflated(ok.rows(), 6))
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	with := func(i int, v byte) []byte {
		b := ok.ihdr()
		b[i] = v
		return appendChunk([]byte(signature), "IHDR", b)
	}
	for name, c := range map[string]struct {
		file []byte
		want error
	}{
		"sound":             {join(head, plte, pixels), nil},
		"no palette":        {join(head, pixels), codec.ErrCorrupt},
		"two palettes":      {join(head, plte, plte, pixels), codec.ErrCorrupt},
		"an odd palette":    {join(head, appendChunk(nil, "PLTE", make([]byte, 10)), pixels), codec.ErrCorrupt},
		"no pixels":         {join(head, plte, appendChunk(nil, "IEND", nil)), codec.ErrCorrupt},
		"no header":         {join([]byte(signature), plte, pixels), codec.ErrCorrupt},
		"depth":             {join(with(8, 16), plte, pixels), codec.ErrCorrupt},
		"colour type":       {join(with(9, 5), plte, pixels), codec.ErrCorrupt},
		"interlace method":  {join(with(12, 2), plte, pixels), codec.ErrCorrupt},
		"an iOS file":       {join([]byte(signature), appendChunk(nil, "CgBI", make([]byte, 4)), head[8:], plte, pixels), codec.ErrUnsupported},
		"a critical chunk":  {join(head, plte, appendChunk(nil, "NEWc", nil), pixels), codec.ErrUnsupported},
		"not a chunk":       {join(head, make([]byte, 12), plte, pixels), codec.ErrCorrupt},
		"a huge ancillary":  {join(head, []byte("\x7f\xff\xff\xffiCCPx")), codec.ErrCorrupt},
		"a chunk too large": {join(head, []byte("\x80\x00\x00\x00iCCPx")), codec.ErrCorrupt},
	} {
		if _, err := decodeBytes(c.file, 1); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestDecoderStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	d := openBytes(t, draw(300, 300, 6, 8, false, 1).file(), 2)
	sink := cancelling{cancel}
	if _, err := d.Decode(ctx, sink); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

type cancelling struct{ cancel func() }

func (c cancelling) Rows(int, int, plane.Rows) error { c.cancel(); return nil }

func TestOrientationComesFromEXIFOrElseXMP(t *testing.T) {
	exif := []byte("II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00")
	text := func(flag byte, packet []byte) []byte {
		return appendChunk(nil, "iTXt", append([]byte("XML:com.adobe.xmp\x00"+string([]byte{flag, 0})+"\x00\x00"), packet...))
	}
	attribute := []byte(`<rdf:Description tiff:Orientation="8"/>`)
	element := []byte("<tiff:Orientation>3</tiff:Orientation>")
	for name, c := range map[string]struct {
		chunks []byte
		want   int
	}{
		"none":          {nil, 1},
		"EXIF":          {appendChunk(nil, "eXIf", exif), 6},
		"EXIF, bad CRC": {damage(appendChunk(nil, "eXIf", exif), "eXIf"), 1},
		"attribute":     {text(0, attribute), 8},
		"element":       {text(0, element), 3},
		"compressed":    {text(1, deflated(element, 6)), 3},
		"both":          {append(text(0, attribute), appendChunk(nil, "eXIf", exif)...), 6},
		"out of range":  {text(0, []byte(`tiff:Orientation="9"`)), 1},
		"two digits":    {text(0, []byte(`tiff:Orientation="12"`)), 1},
	} {
		d := draw(3, 2, 0, 8, false, 1)
		d.before = c.chunks
		if got := openBytes(t, d.file(), 1).Header().Orientation; int(got) != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

// TestColourChunksByPrecedence checks which of the chunks describes the samples.
func TestColourChunksByPrecedence(t *testing.T) {
	var p3 []byte // cHRM of Display P3
	for _, v := range []uint32{31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000} {
		p3 = binary.BigEndian.AppendUint32(p3, v)
	}
	gama := appendChunk(nil, "gAMA", []byte{0, 1, 0x86, 0xA0}) // 1.0: linear light
	chrm := appendChunk(nil, "cHRM", p3)
	srgb := appendChunk(nil, "sRGB", []byte{0})
	cicp := appendChunk(nil, "cICP", []byte{12, 13, 0, 1})
	reserved := appendChunk(nil, "cICP", []byte{2, 2, 0, 1})
	narrow := appendChunk(nil, "cICP", []byte{12, 13, 0, 0})
	usual := appendChunk(nil, "gAMA", []byte{0, 0, 0xB1, 0x8F}) // 1/2.2
	noIntent := appendChunk(nil, "sRGB", []byte{4})
	noName := appendChunk(nil, "iCCP", append([]byte("\x00\x00"), deflated([]byte("profile"), 6)...))
	iccp := appendChunk(nil, "iCCP", append([]byte("x\x00\x00"), deflated([]byte("profile"), 6)...))
	join := func(chunks ...[]byte) []byte { return bytes.Join(chunks, nil) }
	const level = 128.0 / 255
	for name, c := range map[string]struct {
		kind   byte
		chunks []byte
		icc    bool
		y      float64 // of a gray of 128 in the declared space; 0 for none
	}{
		"nothing":            {typeRGB, nil, false, 0},
		"gamma":              {typeRGB, gama, false, level},
		"gamma of gray":      {typeGray, join(gama, chrm), false, level},
		"gamma and colours":  {typeRGB, join(gama, chrm), false, level},
		"sRGB before gamma":  {typeRGB, join(gama, srgb), false, 0},
		"profile":            {typeRGB, join(iccp, gama, chrm), true, 0},
		"code points":        {typeRGB, join(cicp, iccp, gama), false, 0.2159},
		"code points, gray":  {typeGray, cicp, false, 0.2159},
		"code points of old": {typeRGB, join(reserved, gama), false, level},
		"colours alone":      {typeRGB, chrm, false, 0},
		"usual gamma":        {typeRGB, usual, false, 0},
		"usual, gray":        {typeGray, usual, false, 0},
		"usual, and colours": {typeRGB, join(usual, chrm), false, 0.2195},
		"no known intent":    {typeRGB, join(noIntent, gama), false, level},
		"a nameless profile": {typeRGB, join(noName, gama), false, level},
		"narrow range":       {typeRGB, join(narrow, gama), false, level},
	} {
		d := draw(3, 2, c.kind, 8, false, 1)
		d.before = c.chunks
		space := openBytes(t, d.file(), 1).Header().Layout.Space
		if (space.ICC != nil) != c.icc || (space.Source != nil) != (c.y != 0) {
			t.Errorf("%s: %+v", name, space)
			continue
		}
		if c.y == 0 {
			continue
		}
		gray := []float64{level, level, level}
		if y := space.Source.XYZ(gray[:space.Source.Channels()])[1]; math.Abs(y-c.y) > 1e-3 {
			t.Errorf("%s: a gray of 128 has Y %.4f, want %.4f", name, y, c.y)
		}
	}
}

func TestOnlyOneProfileIsDecompressed(t *testing.T) {
	icc := bytes.Repeat([]byte("profile "), 40)
	chunk := func(data []byte) []byte { return appendChunk(nil, "iCCP", append([]byte("x\x00\x00"), data...)) }
	good, bad := chunk(deflated(icc, 6)), chunk([]byte("no zlib"))
	for name, c := range map[string]struct {
		chunks []byte
		want   []byte
	}{
		"one":             {good, icc},
		"damaged":         {damage(good, "iCCP"), nil},
		"sound behind it": {append(damage(good, "iCCP"), good...), icc},
		"broken first":    {append(bytes.Clone(bad), good...), nil},
		"first of two":    {append(bytes.Clone(good), chunk(deflated([]byte("other"), 6))...), icc},
		"too large":       {chunk(deflated(make([]byte, codec.MaxProfile+1), 6)), nil},
	} {
		d := draw(3, 2, 2, 8, false, 1)
		d.before = c.chunks
		if got := openBytes(t, d.file(), 1).Header().Layout.Space.ICC; !bytes.Equal(got, c.want) {
			t.Errorf("%s: a profile of %d bytes, want %d", name, len(got), len(c.want))
		}
	}
}

func TestStreamErrorsAreReturned(t *testing.T) {
	broken := errors.New("connection reset")
	file := draw(300, 300, 6, 8, false, 1).file()
	for threads := 1; threads <= 2; threads++ {
		for _, n := range []int{20, len(file) / 2, len(file) - 40, len(file) - 6} {
			r := io.MultiReader(bytes.NewReader(file[:n]), failing{broken})
			d, err := codec.Set{Format}.Open(r, codec.OpenOptions{Threads: threads})
			if err == nil {
				_, err = d.Decode(t.Context(), plane.New(d.Header().Layout))
			}
			if err != broken {
				t.Errorf("broken at %d of %d: %v", n, len(file), err)
			}
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestUnfilterMatchesTheDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, unit := range []int{1, 2, 3, 4, 6, 8} {
		for _, n := range []int{unit, 2 * unit, 7 * unit, 64 * unit, 67 * unit} {
			for f := range byte(5) {
				row, above := make([]byte, n), make([]byte, n+slack)
				for i := range row {
					row[i], above[i] = byte(r.Uint32()), byte(r.Uint32())
				}
				src := append(filtered(f, row, above[:n], unit), make([]byte, slack)...)
				dst := make([]byte, n+slack)
				if !unfilter(f, dst, src[1:], above, n, unit) || !bytes.Equal(dst[:n], row) {
					t.Errorf("filter %d, %d bytes, unit %d", f, n, unit)
				}
			}
		}
	}
	if unfilter(5, nil, nil, nil, 0, 1) {
		t.Error("filter 5 exists")
	}
}
