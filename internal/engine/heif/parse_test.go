package heif

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/exif"
)

// probe is a format that parses a file and shows nothing of it.
func probe(parse func(c *container) error) codec.Set {
	f := *HEIC
	f.Open = func(s *codec.Stream, _ codec.OpenOptions) (codec.Decoder, error) {
		c, err := readContainer(s)
		if err != nil {
			return nil, err
		}
		if err := parse(c); err != nil {
			return nil, err
		}
		return codec.NewStill(codec.Header{Format: &f, Width: 1, Height: 1}, s, 0, nil), nil
	}
	return codec.Set{&f}
}

// parsed returns what the primary picture of a file is.
func parsed(file []byte) (p *picture, h codec.Header, err error) {
	set := probe(func(c *container) error {
		b := &builder{container: c, known: map[uint32]*picture{}, most: 1e9}
		if c.meta == nil {
			p, err = b.sample(c.movie)
			return err
		}
		if p, err = b.primary(); err != nil {
			return err
		}
		if err := c.describe(&h, p.item.id); err != nil {
			return err
		}
		orient(&h, p.view)
		return nil
	})
	for _, r := range []func() (codec.Decoder, error){
		func() (codec.Decoder, error) { return set.Open(bytes.NewReader(file), codec.OpenOptions{}) },
		func() (codec.Decoder, error) {
			return set.Open(iotest.HalfReader(struct{ *bytes.Buffer }{bytes.NewBuffer(file)}), codec.OpenOptions{})
		},
	} {
		h = codec.Header{}
		if _, err = r(); err != nil {
			return nil, h, err
		}
	}
	return p, h, nil
}

// hvc is a picture that is not decoded.
func hvc(id uint32, w, h int, data string, more ...prop) entry {
	return entry{id: id, kind: "hvc1", data: []byte(data), properties: append([]prop{hvcC([]byte("config")), ispe(w, h)}, more...)}
}

// content returns the data of a picture.
func content(t *testing.T, file []byte, p *picture) string {
	t.Helper()
	var s strings.Builder
	for _, part := range p.data {
		s.Write(file[part.at:][:part.n])
	}
	return s.String()
}

// TestDetect: the brands of real files, in the order in which they name them.
func TestDetect(t *testing.T) {
	for brands, want := range map[string]string{
		"heic0000mif1MiHE": "heic", "mif10000mif1heic": "heic", "heix0000mif1": "heic", "msf10000hevcheic": "heic",
		"mif10000miafMiHB": "heic", "mif20000mif1miaf": "heic", "avif0000avifmif1": "avif", "mif10000avif": "avif",
		"avis0000msf1": "avif", "isom0000iso2avc1": "", "qt  0000": "",
	} {
		if got := brand(pack(uint32(len(brands)+8), "ftyp", brands, "heicheic")); got != want {
			t.Errorf("%s: %q, not %q", brands, got, want)
		}
	}
	if got := brand([]byte("\x00\x00\x00\x10ftypisom0000heicheic")); got != "" {
		t.Errorf("a brand behind the box counts: %q", got)
	}
}

// TestLocations: data is found wherever a file may put it, in every version of the tables.
func TestLocations(t *testing.T) {
	for _, d := range []drawn{
		{}, {metaLast: true}, {wideAt: 8}, {wideProp: true}, {wideBox: true}, {version: 1}, {version: 2},
		{version: 2, wideAt: 8, wideProp: true, wideBox: true, metaLast: true},
		{behind: pack(uint32(0), "mpvd", "a film without an end")},
	} {
		for method := range 3 {
			for _, parts := range []int{1, 3} {
				if method > 0 && d.version == 0 {
					continue
				}
				name := fmt.Sprintf("version %d, method %d, %d parts, %+v", d.version, method, parts, d)
				e := hvc(4711, 64, 48, "the coded picture")
				e.method, e.parts = method, parts
				d.primary = 4711
				d.entries = []entry{{id: 3, kind: "Exif", data: []byte("none")}, e}
				if method == 2 {
					d.entries[1].references = ref("iloc", 900)
					d.entries = append(d.entries, entry{id: 900, kind: "hold", data: []byte("the coded picture"), parts: 2})
				}
				file := d.file()
				p, _, err := parsed(file)
				if err != nil {
					t.Errorf("%s: %v", name, err)
					continue
				}
				if got := content(t, file, p); got != "the coded picture" || p.width != 64 || p.height != 48 {
					t.Errorf("%s: %q, %d×%d", name, got, p.width, p.height)
				}
			}
		}
	}
}

// TestView: properties in any order turn and crop the picture as they would turn its pixels one after
// another.
func TestView(t *testing.T) {
	type step struct {
		name string
		view func(v *view)
		pix  func(p pixels) pixels
	}
	cut := image.Rect(1, 0, 3, 2)
	steps := []step{
		{"irot 0", func(v *view) { v.rotate(0) }, func(p pixels) pixels { return p }},
		{"irot 1", func(v *view) { v.rotate(1) }, pixels.left},
		{"irot 2", func(v *view) { v.rotate(2) }, func(p pixels) pixels { return p.left().left() }},
		{"irot 3", func(v *view) { v.rotate(3) }, func(p pixels) pixels { return p.left().left().left() }},
		{"imir 0", func(v *view) { v.mirror(0) }, pixels.upsideDown},
		{"imir 1", func(v *view) { v.mirror(1) }, func(p pixels) pixels { return p.left().upsideDown().left().left().left() }},
		{"clap", func(v *view) { v.clip(cut) }, func(p pixels) pixels { return p.cut(cut) }},
	}
	stored := pixels{{1, 2, 3, 4, 5}, {6, 7, 8, 9, 10}, {11, 12, 13, 14, 15}, {16, 17, 18, 19, 20}}
	for _, a := range steps {
		for _, b := range steps {
			for _, c := range steps {
				v, want := whole(5, 4), stored
				for _, s := range []step{a, b, c} {
					if s.name == "clap" && (len(want) < 2 || len(want[0]) < 3) {
						continue
					}
					s.view(&v)
					want = s.pix(want)
				}
				got := stored.cut(v.crop).turned(v.orientation())
				if !slices.EqualFunc(got, want, slices.Equal) || v.size() != image.Pt(len(want[0]), len(want)) {
					t.Errorf("%s, %s, %s: %v, not %v", a.name, b.name, c.name, got, want)
				}
			}
		}
	}
}

type pixels [][]int

// left is p turned by a quarter, counter-clockwise.
func (p pixels) left() pixels {
	var q pixels
	for x := len(p[0]) - 1; x >= 0; x-- {
		var row []int
		for y := range p {
			row = append(row, p[y][x])
		}
		q = append(q, row)
	}
	return q
}

func (p pixels) upsideDown() pixels {
	q := slices.Clone(p)
	slices.Reverse(q)
	return q
}

func (p pixels) cut(r image.Rectangle) pixels {
	var q pixels
	for y := r.Min.Y; y < r.Max.Y; y++ {
		q = append(q, p[y][r.Min.X:r.Max.X])
	}
	return q
}

// turned applies an EXIF orientation by the table of package exif.
func (p pixels) turned(o exif.Orientation) pixels {
	w, h := len(p[0]), len(p)
	qw, qh := w, h
	if o.Swaps() {
		qw, qh = h, w
	}
	q := make(pixels, qh)
	for y := range q {
		q[y] = make([]int, qw)
	}
	for y := range p {
		for x := range p[y] {
			at := [9][2]int{
				1: {x, y}, 2: {w - 1 - x, y}, 3: {w - 1 - x, h - 1 - y}, 4: {x, h - 1 - y},
				5: {y, x}, 6: {h - 1 - y, x}, 7: {h - 1 - y, w - 1 - x}, 8: {y, w - 1 - x},
			}[o]
			q[at[1]][at[0]] = p[y][x]
		}
	}
	return q
}

// TestClap: crops of odd sizes, whose offsets are fractions, as x265's pictures have them.
func TestClap(t *testing.T) {
	for _, c := range []struct {
		p    prop
		want image.Rectangle
	}{
		{clap(202, 259, 0, -1, 1), image.Rect(0, 0, 202, 258)}, // its first row, -1, is not there
		{prop{mkbox("clap", uint32(202), uint32(1), uint32(259), uint32(1), int32(0), uint32(1), int32(-1), uint32(2)), true}, image.Rect(0, 0, 202, 259)},
		{clap(100, 100, 0, 0, 1), image.Rect(51, 80, 151, 180)},
		{clap(100, 100, -51, -80, 1), image.Rect(0, 0, 100, 100)},
		{clap(200, 202, 25, 30, 2), image.Rect(63, 94, 163, 195)},
		{clap(1, 1, 0, 0, 1), image.Rect(100, 129, 101, 130)},
		{clap(300, 300, 0, 0, 1), image.Rect(0, 0, 202, 260)},
	} {
		p, _, err := parsed(drawn{primary: 1, entries: []entry{hvc(1, 202, 260, "x", c.p)}}.file())
		if err != nil {
			t.Error(err)
		} else if p.view.crop != c.want {
			t.Errorf("%x: %v, not %v", c.p.box[8:], p.view.crop, c.want)
		}
	}
	for _, p := range []prop{clap(10, 10, 0, 0, 0), clap(10, 10, 1000, 0, 1), clap(0, 10, 0, 0, 1)} {
		if _, _, err := parsed(drawn{primary: 1, entries: []entry{hvc(1, 202, 260, "x", p)}}.file()); !errors.Is(err, codec.ErrCorrupt) {
			t.Errorf("%x: %v", p.box, err)
		}
	}
}

// TestOrientation: the properties turn a picture, and EXIF only where there are none.
func TestOrientation(t *testing.T) {
	for _, c := range []struct {
		name string
		exif int
		prop []prop
		want exif.Orientation
	}{
		{"iPhone, upright", 1, []prop{irot(0)}, 1},
		{"iPhone, turned", 6, []prop{irot(3)}, 6},
		{"camera app without irot; Galaxy S24 FE", 6, nil, 6},
		{"irot 0 beside EXIF 6", 6, []prop{irot(0)}, 1},
		{"Nokia 8.3", 1, []prop{irot(3)}, 6},
		{"Sony, no EXIF orientation", 0, []prop{irot(0)}, 1},
		{"neither", 0, nil, 1},
		{"turned and mirrored", 1, []prop{irot(3), imir(1)}, 5},
		{"mirrored and turned", 1, []prop{imir(1), irot(3)}, 7},
	} {
		x := entry{id: 2, kind: "Exif", data: exifItem(6, c.exif), references: ref("cdsc", 1)}
		_, h, err := parsed(drawn{primary: 1, entries: []entry{hvc(1, 64, 48, "x", c.prop...), x}}.file())
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if h.Orientation != c.want {
			t.Errorf("%s: orientation %d, not %d", c.name, h.Orientation, c.want)
		}
	}
}

// exifItem is an EXIF item whose block begins behind a prefix of so many bytes.
func exifItem(prefix, orientation int) []byte {
	before := map[int]string{0: "", 6: "Exif\x00\x00", 10: "\xff\xe1\x00\x24Exif\x00\x00"}[prefix]
	return pack(uint32(prefix), before, "MM\x00*", uint32(8), uint16(1),
		uint16(0x112), uint16(3), uint32(1), uint16(orientation), uint16(0), uint32(0))
}

// TestMetadata: blocks belong to the picture that they describe, and begin where the item says.
func TestMetadata(t *testing.T) {
	packet := entry{id: 7, kind: "mime", media: "application/rdf+xml", data: []byte("<of the gain map>"), references: ref("cdsc", 9)}
	own := entry{id: 8, kind: "mime", media: "application/rdf+xml", data: []byte("<of the picture>"), references: ref("cdsc", 1)}
	for _, prefix := range []int{0, 6, 10} {
		x := entry{id: 2, kind: "Exif", data: exifItem(prefix, 8), references: ref("cdsc", 1)}
		_, h, err := parsed(drawn{primary: 1, entries: []entry{packet, hvc(1, 64, 48, "x"), x, own}}.file())
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(h.EXIF, []byte("MM\x00*")) || h.Orientation != 8 || string(h.XMP) != "<of the picture>" {
			t.Errorf("prefix %d: EXIF %q, orientation %d, XMP %q", prefix, h.EXIF, h.Orientation, h.XMP)
		}
	}
	x := entry{id: 2, kind: "Exif", data: pack(uint32(4000), "MM")}
	if _, h, err := parsed(drawn{primary: 1, entries: []entry{hvc(1, 64, 48, "x"), x}}.file()); err != nil || len(h.Missing) != 1 {
		t.Errorf("EXIF beyond its item: %v, %q", err, h.Missing)
	}
}

// TestDerived: grids, overlays and identities, with what they inherit.
func TestDerived(t *testing.T) {
	tiles := []entry{hvc(1, 64, 64, "a", nclxBox(12, 13, 6, true)), hvc(2, 64, 64, "b"), hvc(3, 64, 64, "c"), hvc(4, 64, 64, "d")}
	of := func(kind string, data []byte, method int, props []prop, to ...uint32) entry {
		return entry{id: 99, kind: kind, data: data, method: method, properties: props, references: ref("dimg", to...)}
	}
	p, _, err := parsed(drawn{primary: 99, version: 1, entries: append(tiles,
		of("grid", gridData(2, 2, 100, 90), 1, []prop{ispe(100, 90), irot(1)}, 1, 2, 3, 4))}.file())
	if err != nil {
		t.Fatal(err)
	}
	if p.columns != 2 || len(p.inputs) != 4 || p.width != 100 || p.view.size() != image.Pt(90, 100) || p.colour.nclx.primaries != 12 {
		t.Errorf("grid: %+v", p)
	}
	p, _, err = parsed(drawn{primary: 99, entries: append(tiles,
		of("iovl", overlayData([4]uint16{1, 2, 3, 0xffff}, 200, 150, -10, 20, 30, -40), 0, nil, 1, 2))}.file())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(p.at, []image.Point{{-10, 20}, {30, -40}}) || p.fill != [4]uint16{1, 2, 3, 0xffff} {
		t.Errorf("overlay: %+v", p)
	}
	// An identity of an identity, cropped and turned at each step; its own ispe says nothing.
	inner := entry{id: 50, kind: "iden", properties: []prop{clap(60, 40, 0, 0, 1), irot(1)}, references: ref("dimg", 1)}
	p, _, err = parsed(drawn{primary: 99, entries: append(tiles, inner,
		of("iden", nil, 0, []prop{ispe(640, 640), clap(20, 30, 0, 0, 1), irot(1)}, 50))}.file())
	if err != nil {
		t.Fatal(err)
	}
	if p.kind != coded || p.view.crop != image.Rect(17, 22, 47, 42) || p.view.orientation() != 3 || p.colour.nclx == nil {
		t.Errorf("identity: %+v", p.view)
	}
}

// TestAuxiliary: only opacity is, among the auxiliary pictures.
func TestAuxiliary(t *testing.T) {
	aux := func(id uint32, kind string) entry {
		e := hvc(id, 32, 32, "aux", auxC(kind))
		e.references = ref("auxl", 1)
		return e
	}
	file := drawn{primary: 1, entries: []entry{
		hvc(1, 64, 64, "x"), aux(2, "urn:com:apple:photo:2020:aux:hdrgainmap"), aux(3, "urn:mpeg:hevc:2015:auxid:2"),
		aux(4, "urn:mpeg:hevc:2015:auxid:1"),
	}}.file()
	set := probe(func(c *container) error {
		b := &builder{container: c}
		if i := b.alphaOf(1); i == nil || i.id != 4 {
			t.Errorf("alpha is %+v", i)
		}
		if i := b.alphaOf(2); i != nil {
			t.Errorf("alpha of a gain map is %+v", i)
		}
		return nil
	})
	if _, err := set.Open(bytes.NewReader(file), codec.OpenOptions{}); err != nil {
		t.Fatal(err)
	}
}

// TestThumbnail: a primary item that is the thumbnail of a larger picture gives way to it (C005 of the
// conformance files); one that only claims to be stays.
func TestThumbnail(t *testing.T) {
	small, large := hvc(1, 32, 32, "small"), hvc(2, 640, 480, "large")
	small.references, large.references = ref("thmb", 2), nil
	if p, _, err := parsed(drawn{primary: 1, entries: []entry{small, large}}.file()); err != nil || p.item.id != 2 {
		t.Errorf("%v", err)
	}
	small.references, large.references = nil, ref("thmb", 1)
	if p, _, err := parsed(drawn{primary: 2, entries: []entry{small, large}}.file()); err != nil || p.item.id != 2 {
		t.Errorf("the reference is the wrong way round: %v", err)
	}
}

// TestManyItems: a photograph of 200 megapixels has 822 items, which sharp takes for an attack.
func TestManyItems(t *testing.T) {
	d := drawn{primary: 10063, version: 2, wideProp: true}
	tiles := make([]uint32, 32*24)
	for k := range tiles {
		tiles[k] = 10000 + uint32(k)
		if k >= 63 {
			tiles[k]++ // behind the primary item
		}
		d.entries = append(d.entries, hvc(tiles[k], 512, 512, "tile"))
	}
	d.entries = append(d.entries, entry{id: 10063, kind: "grid", data: gridData(32, 24, 16320, 12240), method: 1,
		properties: []prop{ispe(16320, 12240), irot(3)}, references: ref("dimg", tiles...)})
	for k := range uint32(48 + 5) {
		d.entries = append(d.entries, entry{id: 20000 + k, kind: "hvc1", data: []byte("of a gain map")})
	}
	p, _, err := parsed(d.file())
	if err != nil {
		t.Fatal(err)
	}
	if len(p.inputs) != 768 || p.inputs[63].item.id != 10064 || p.view.size() != image.Pt(12240, 16320) {
		t.Errorf("%d tiles, %v", len(p.inputs), p.view.size())
	}
}

// TestToneMap: of a tone-mapped picture (ISO 21496-1), the base is shown in its own colours.
func TestToneMap(t *testing.T) {
	d := drawn{primary: 3, entries: []entry{
		hvc(1, 64, 64, "base", nclxBox(12, 13, 6, true), irot(1)), hvc(2, 32, 32, "gain map"),
		{id: 3, kind: "tmap", data: make([]byte, 62), properties: []prop{nclxBox(9, 16, 9, true), ispe(64, 64)}, references: ref("dimg", 1, 2)},
	}}
	file := d.file()
	p, _, err := parsed(file)
	if err != nil {
		t.Fatal(err)
	}
	if content(t, file, p) != "base" || p.colour.nclx.primaries != 12 || p.view.orientation() != 8 {
		t.Errorf("%q, %+v, orientation %d", content(t, file, p), p.colour.nclx, p.view.orientation())
	}
}

// TestHostile: files that lie about themselves are refused in a sentence.
func TestHostile(t *testing.T) {
	grid := func(data []byte, to ...uint32) drawn {
		return drawn{primary: 9, version: 1, entries: []entry{
			hvc(1, 64, 64, "a"), hvc(2, 32, 64, "b"),
			{id: 9, kind: "grid", data: data, method: 1, references: ref("dimg", to...)},
		}}
	}
	one := drawn{primary: 1, entries: []entry{hvc(1, 64, 64, "coded")}}
	good := one.file()
	replaced := func(from, to string) []byte { return bytes.Replace(good, []byte(from), []byte(to), 1) }
	turned := drawn{primary: 1, entries: []entry{hvc(1, 64, 64, "coded", irot(1))}}.file()
	chain := func(n int) (all []entry) {
		all = []entry{hvc(1, 64, 64, "a")}
		for k := range uint32(n) {
			all = append(all, entry{id: k + 2, kind: "iden", references: ref("dimg", k+1)})
		}
		return all
	}
	var doubled []entry
	for k := range uint32(7) {
		doubled = append(doubled, entry{id: k + 2, kind: "iovl", data: overlayData([4]uint16{}, 30000, 30000, 0, 0, 0, 0), references: ref("dimg", k+1, k+1)})
	}
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"a grid of itself":      {grid(gridData(1, 1, 64, 64), 9).file(), "derived from itself"},
		"a grid of nothing":     {grid(gridData(1, 1, 64, 64)).file(), "derived from none"},
		"missing tiles":         {grid(gridData(2, 2, 128, 128), 1, 1, 1).file(), "a grid of 2×2 tiles has 3"},
		"unlike tiles":          {grid(gridData(2, 1, 96, 64), 1, 2).file(), "tiles of 64×64 and 32×64"},
		"tiles that are small":  {grid(gridData(1, 1, 65, 64), 1).file(), "do not cover 65×64"},
		"a tile that is absent": {grid(gridData(1, 1, 64, 64), 77).file(), "picture 77 is not in the file"},
		"a short grid":          {grid([]byte{0, 0, 1}, 1).file(), "cannot be parsed"},
		"a grid of 0 width":     {grid(gridData(1, 1, 0, 64), 1).file(), "a size of 0×64"},
		"a deep chain":          {drawn{primary: 30, entries: chain(29)}.file(), "more than 8 deep"},
		"work that doubles":     {drawn{primary: 8, entries: append(doubled, hvc(1, 64, 64, "a"))}.file(), "samples, the limit is"},
		"data beyond the end":   {good[:len(good)-2], "the file ends before byte"},
		"no data":               {replaced("coded", "")[:len(good)-5], "the file ends before byte"},
		"a box beyond its end":  {replaced("\x00\x00\x00\x14ispe", "\x00\x00\xff\x14ispe"), `the box "ispe" of 65300 bytes is longer than what contains it`},
		"a box of 4 bytes":      {replaced("\x00\x00\x00\x14ispe", "\x00\x00\x00\x04ispe"), "shorter than its header"},
		"a 64-bit size":         {pack(good[:24], uint32(1), "free", uint64(1)<<63), "longer than any file"},
		"a 64-bit size of 3":    {pack(good[:24], uint32(1), "free", uint64(3)), "shorter than its header"},
		"a huge meta box":       {pack(good[:24], uint32(1<<31), "meta"), "longer than the 8388608 that are read"},
		"no primary item":       {replaced("pitm\x00\x00\x00\x00\x00\x01", "pitm\x00\x00\x00\x00\x00\x00"), "no meta box with a primary item"},
		"another primary item":  {replaced("pitm\x00\x00\x00\x00\x00\x01", "pitm\x00\x00\x00\x00\x00\x07"), "picture 7 is not in the file"},
		"AV1":                   {replaced("hvc1", "av01"), "AV1 (av01), only HEVC is read"},
		"an unknown coding":     {replaced("hvc1", "xyz1"), `type "xyz1"`},
		"a size of millions":    {drawn{primary: 1, entries: []entry{hvc(1, 1<<30, 64, "a")}}.file(), "the limit of a side"},
		"many locations":        {replaced("iloc\x00\x00\x00\x00\x44\x40\x00\x01", "iloc\x00\x00\x00\x00\x44\x40\xff\xff"), `"iloc" is shorter than what it declares`},
		"locations of nothing":  {replaced("iloc\x00\x00\x00\x00\x44\x40", "iloc\x00\x00\x00\x00\x00\x00"), ""},
		"an essential property": {drawn{primary: 1, entries: []entry{hvc(1, 64, 64, "a", prop{mkbox("lsel", uint16(1)), true})}}.file(), `its property "lsel"`},
		"a property too many":   {bytes.Replace(turned, []byte("\x03\x81\x02\x83"), []byte("\x03\x81\x02\xb3"), 1), "property 51 of 3"},
		"no end of the ftyp":    {[]byte("\x00\x00\x00\x00ftypheic\x00\x00\x00\x00mif1"), "no meta box"},
	} {
		_, _, err := parsed(c.file)
		if err == nil || !codec.Permanent(err) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSharedBytes: the parts of an item lie beside one another.
func TestSharedBytes(t *testing.T) {
	e := hvc(1, 64, 64, "coded")
	e.parts = 2
	file := drawn{primary: 1, entries: []entry{e}}.file()
	// Both extents: offset 0 and 2, 2 and 3 bytes.
	twice := bytes.Replace(file, pack(uint32(0), uint32(2), uint32(2), uint32(3)), pack(uint32(2), uint32(3), uint32(2), uint32(3)), 1)
	if bytes.Equal(file, twice) {
		t.Fatal("the extents are elsewhere")
	}
	if _, _, err := parsed(twice); err != nil {
		t.Errorf("so few bytes are no burden: %v", err)
	}
	long := hvc(1, 64, 64, strings.Repeat("x", 4096))
	long.parts = 64
	file = drawn{primary: 1, entries: []entry{long}}.file()
	for k := range 64 {
		file = bytes.Replace(file, pack(uint32(64*k), uint32(64)), pack(uint32(0), uint32(4096)), 1)
	}
	if _, _, err := parsed(file); !errors.Is(err, codec.ErrCorrupt) || !strings.Contains(err.Error(), "share bytes") {
		t.Errorf("64 times the same bytes: %v", err)
	}
}

// drawnFiles are files of every kind, as seeds.
func drawnFiles() [][]byte {
	all := [][]byte{drawn{primary: 1, entries: []entry{hvc(1, 64, 64, "coded", irot(1), imir(0), clap(10, 10, 0, 0, 1), nclxBox(1, 13, 1, true), iccBox([]byte("profile")))}}.file()}
	grid := drawn{primary: 9, version: 2, wideAt: 8, wideProp: true, wideBox: true, metaLast: true, entries: []entry{
		hvc(1, 64, 64, "a"), hvc(2, 64, 64, "b"), {id: 9, kind: "grid", data: gridData(2, 1, 100, 60), method: 1, references: ref("dimg", 1, 2)},
		{id: 10, kind: "Exif", data: exifItem(6, 3), references: ref("cdsc", 9)},
		{id: 11, kind: "iovl", data: overlayData([4]uint16{}, 64, 64, 0, 0), references: ref("dimg", 9)},
	}}
	all = append(all, grid.file())
	grid.primary = 11
	return append(all, grid.file(), movieFile())
}

// movieFile is an image sequence that is not decoded.
func movieFile() []byte { return sequence(hvcC([]byte("config")).box, []byte("coded")) }

// sequence is a file of one sample of 64×64 pixels without a primary item, turned by a quarter.
func sequence(config, sample []byte) []byte {
	entry := mkbox("hvc1", make([]byte, 24), uint16(64), uint16(64), make([]byte, 50), config)
	make := func(at uint32) []byte {
		return pack(mkbox("ftyp", "hevc", uint32(0), "msf1"), mkbox("moov", mkbox("trak",
			mkbox("tkhd", uint32(0), [36]byte{}, [9]int32{0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30}),
			mkbox("mdia", mkbox("hdlr", uint32(0), uint32(0), "pict"), mkbox("minf", mkbox("stbl",
				mkbox("stsd", uint32(0), uint32(1), entry), mkbox("stsz", uint32(0), uint32(0), uint32(1), uint32(len(sample))),
				mkbox("stco", uint32(0), uint32(1), at)))))), mkbox("mdat", sample))
	}
	return make(uint32(len(make(0)) - len(sample)))
}

// TestSequence: of a file without a primary item, the first sample of the picture track is shown.
func TestSequence(t *testing.T) {
	file := movieFile()
	p, _, err := parsed(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := content(t, file, p); got != "coded" || p.width != 64 || p.height != 64 || p.view.orientation() != 6 {
		t.Errorf("%q, %d×%d, orientation %d", got, p.width, p.height, p.view.orientation())
	}
	if _, _, err := parsed(append(file, "\x00\x00\x00\x02 a trailer"...)); err != nil {
		t.Errorf("what is no box behind it: %v", err)
	}
}

// conformance returns the conformance files in IMGMILL_CORPUS that are no longer than most bytes.
func conformance(f *testing.F, most int) (files [][]byte) {
	root := os.Getenv("IMGMILL_CORPUS")
	if root == "" {
		return nil
	}
	names, err := filepath.Glob(filepath.Join(root, "corpus", "heif", "*.heic"))
	if err != nil || names == nil {
		f.Fatalf("no files in %s: %v", root, err)
	}
	for _, name := range names {
		file, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		if len(file) <= most {
			files = append(files, file)
		}
	}
	return files
}

// FuzzParse parses any bytes as the boxes of a file, in memory that is bounded by their number.
func FuzzParse(f *testing.F) {
	for _, file := range append(drawnFiles(), conformance(f, 128<<10)...) {
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		if !HEIC.Detect(file) {
			return
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _, err := parsed(file)
		runtime.ReadMemStats(&after)
		if err != nil && !codec.Permanent(err) {
			t.Fatalf("an error of no known kind: %v", err)
		}
		if got, most := int64(after.TotalAlloc-before.TotalAlloc), 1<<20+128*int64(len(file)); got > most {
			t.Fatalf("%d bytes were allocated for %d, %d are the most", got, len(file), most)
		}
	})
}
