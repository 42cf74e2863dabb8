//go:build !nohevc

package heif

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/codec/codectest"
	"github.com/imgmill/imgmill/internal/engine/colour"
	"github.com/imgmill/imgmill/internal/engine/heif/heiftest"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// readable is the set of formats of these tests.
var readable = func() codec.Set {
	f := *HEIC
	f.Open = open
	return codec.Set{&f}
}()

func decode(t *testing.T, d drawn) (*plane.Picture, codec.Header) {
	t.Helper()
	p, h, err := codectest.Decode(readable, d.file())
	if err != nil {
		t.Fatal(err)
	}
	return p, h
}

// rgba returns a pixel of a picture, 0 to 255, chroma by the nearest sample.
func rgba(p *plane.Picture, x, y int) (c [4]float64) {
	var v [4]float64
	for i, size := range p.Planes {
		v[i] = float64(p.Row(i, y*size.Height/p.Height())[x*size.Width/p.Width()])
		if subX, subY := p.Subsampling(); size.Kind == plane.Chroma {
			v[i] = float64(p.Row(i, y/subY)[x/subX])
		}
	}
	n := p.Model.Colours()
	switch p.Model {
	case plane.Gray:
		c = [4]float64{v[0], v[0], v[0]}
	case plane.RGB:
		c = v
	case plane.YCbCr:
		l, u, w := v[0], v[1]-128, v[2]-128
		c = [4]float64{l + 1.402*w, l - 0.344136*u - 0.714136*w, l + 1.772*u}
	}
	c[3] = 255
	if p.HasAlpha() {
		c[3] = v[n]
	}
	return c
}

// meant returns a pixel of a coded picture by the equations of ITU-T H.273, chroma by the nearest
// sample. It may lie outside of 0 to 255.
func (s stream) meant(g signal, x, y int) (c [3]float64) {
	unit := float64(int(1) << (s.depth - 8))
	subX, subY := s.sub()
	var v [3]float64
	for p := range s.planes() {
		switch n := float64(s.sample(p, x, y)); {
		case p == 0 && g.fullRange || g.matrix == 0 && g.fullRange:
			v[p] = float64(s.sample(p, x, y)) / (256*unit - 1)
		case p == 0:
			v[p] = (n/unit - 16) / 219
		default:
			n = float64(s.sample(p, x/subX, y/subY))
			if v[p] = (n - 128*unit) / (256*unit - 1); !g.fullRange {
				v[p] = (n/unit - 128) / 224
			}
		}
	}
	l, u, w := v[0], v[1], v[2]
	switch g.matrix {
	case 0:
		c = [3]float64{v[2], v[0], v[1]}
	case 1:
		c = [3]float64{l + 1.5748*w, l - 0.187324*u - 0.468124*w, l + 1.8556*u}
	case 6:
		c = [3]float64{l + 1.402*w, l - 0.344136*u - 0.714136*w, l + 1.772*u}
	case 8:
		c = [3]float64{l - u + w, l + u, l - u - w}
	case 9:
		c = [3]float64{l + 1.4746*w, l - 0.164553*u - 0.571353*w, l + 1.8814*u}
	default:
		panic("a matrix that the test does not know")
	}
	for i := range c {
		c[i] *= 255
	}
	return c
}

// compare compares pixels of a picture with those that a coded picture means; at returns which of its
// pixels is at x and y. Colours that RGB does not hold are left out.
func compare(t *testing.T, name string, p *plane.Picture, s stream, g signal, area image.Rectangle, at func(x, y int) (int, int)) {
	t.Helper()
	seen := 0
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			sx, sy := at(x, y)
			want, got := s.meant(g, sx, sy), rgba(p, x, y)
			if slices.Min(want[:]) < 0 || slices.Max(want[:]) > 255 {
				continue
			}
			seen++
			for i := range want {
				if math.Abs(want[i]-got[i]) > 1.75 { // three samples are rounded, and some weigh 1.77
					t.Fatalf("%s: pixel %d,%d is %.1f, not %.1f", name, x, y, got, want)
				}
			}
		}
	}
	if seen < area.Dx()*area.Dy()/8 {
		t.Errorf("%s: %d of %d pixels were compared", name, seen, area.Dx()*area.Dy())
	}
}

func same(x, y int) (int, int) { return x, y }

// limited601 is what files mean that declare nothing.
var limited601 = signal{2, 2, 6, false}

// TestSignal: matrix and range of colr, else of the video usability information, else BT.601 in the
// limited range; every depth and kind of chroma.
func TestSignal(t *testing.T) {
	for _, c := range []struct {
		stream string
		props  []prop
		want   signal
		model  plane.Model
	}{
		{"tile1", nil, limited601, plane.YCbCr},                                             // libheif's example
		{"bt601-full", nil, signal{2, 2, 6, true}, plane.YCbCr},                             // iPhones
		{"bt601-limited", nil, limited601, plane.YCbCr},                                     // Nokia 8.3
		{"bt709-full", nil, signal{2, 2, 1, true}, plane.YCbCr},                             // Vision Pro
		{"bt709-full", []prop{nclxBox(1, 13, 6, false)}, limited601, plane.YCbCr},           // colr counts first
		{"bt709-full", []prop{nclxBox(1, 13, 2, true)}, signal{2, 2, 1, true}, plane.YCbCr}, // if it says
		{"tile1", []prop{nclxBox(9, 16, 9, true)}, signal{2, 2, 9, true}, plane.YCbCr},      // PQ
		{"tile1", []prop{nclxBox(5, 1, 5, true)}, signal{2, 2, 6, true}, plane.YCbCr},
		{"full444", []prop{nclxBox(1, 13, 0, true)}, signal{2, 2, 0, true}, plane.RGB},
		{"full444", []prop{nclxBox(1, 13, 8, true)}, signal{2, 2, 8, true}, plane.YCbCr},
		{"full444", []prop{nclxBox(1, 13, 1, false)}, signal{2, 2, 1, false}, plane.YCbCr},
		{"deep420", nil, limited601, plane.YCbCr},
		{"deep422", []prop{nclxBox(1, 13, 9, true)}, signal{2, 2, 9, true}, plane.YCbCr}, // Canon, Sony
		{"deep444", []prop{nclxBox(1, 13, 6, true)}, signal{2, 2, 6, true}, plane.YCbCr},
		{"gray", nil, limited601, plane.Gray},
		{"gray10", []prop{nclxBox(1, 13, 6, true)}, signal{2, 2, 6, true}, plane.Gray},
		{"window", nil, limited601, plane.YCbCr},
	} {
		s := streams[c.stream]
		p, h := decode(t, drawn{primary: 1, entries: []entry{s.item(t, 1, c.props...)}})
		name := fmt.Sprintf("%s %+v", c.stream, c.want)
		if h.Width != s.width || h.Height != s.height || p.Model != c.model {
			t.Errorf("%s: %d×%d, %v", name, h.Width, h.Height, p.Model)
		}
		compare(t, name, p, s, c.want, image.Rect(0, 0, s.width, s.height), same)
	}
	for matrix, want := range map[int]string{0: "chroma in 4:2:0", 10: "matrix coefficients 10", 14: "matrix coefficients 14"} {
		file := drawn{primary: 1, entries: []entry{streams["tile1"].item(t, 1, nclxBox(1, 13, matrix, true))}}.file()
		if _, _, err := codectest.Decode(readable, file); !errors.Is(err, codec.ErrUnsupported) || !strings.Contains(err.Error(), want) {
			t.Errorf("matrix %d: %v", matrix, err)
		}
	}
}

// TestSpace: a profile counts before code points, also one on the tiles only; what video cameras are
// said to record is sRGB.
func TestSpace(t *testing.T) {
	profile := colour.DisplayP3Profile()
	one := func(more ...prop) drawn {
		return drawn{primary: 1, entries: []entry{streams["tile1"].item(t, 1, more...)}}
	}
	for name, c := range map[string]struct {
		d            drawn
		icc, declare bool
	}{
		"nothing":                    {one(), false, false},
		"sRGB":                       {one(nclxBox(1, 13, 6, true)), false, false},
		"Nokia's BT.601":             {one(nclxBox(5, 1, 5, false)), false, false},
		"Sony's":                     {one(nclxBox(1, 13, 5, true)), false, false},
		"Display P3":                 {one(nclxBox(12, 13, 6, true)), false, true},
		"PQ":                         {one(nclxBox(9, 16, 9, true)), false, true},
		"HLG":                        {one(nclxBox(9, 18, 9, true)), false, true},
		"reserved":                   {one(nclxBox(9999, 16, 9, true)), false, false},
		"a profile":                  {one(iccBox(profile)), true, false},
		"S24 FE: both, on the tiles": {grid4(t, nclxBox(5, 1, 5, true), iccBox(profile)), true, false},
		"code points on the tiles":   {grid4(t, nclxBox(12, 13, 6, true)), false, true},
	} {
		_, h := decode(t, c.d)
		space := h.Layout.Space
		if (space.ICC != nil) != c.icc || (space.Source != nil) != c.declare {
			t.Errorf("%s: profile of %d bytes, declared: %v", name, len(space.ICC), space.Source != nil)
		}
	}
}

// grid4 is a picture of 2×2 tiles, as phones write it: the last row and column are cut, and the data of
// the grid lies in the meta box.
func grid4(t testing.TB, more ...prop) drawn {
	d := drawn{primary: 49, version: 1, entries: []entry{
		{id: 49, kind: "grid", data: gridData(2, 2, 101, 90), method: 1, references: ref("dimg", 1, 2, 3, 4), properties: []prop{ispe(101, 90)}},
	}}
	for k := range 4 {
		d.entries = append(d.entries, streams[fmt.Sprintf("tile%d", k)].item(t, uint32(k+1), more...))
	}
	return d
}

// compareGrid compares a part of grid4, which begins at a place of it.
func compareGrid(t *testing.T, name string, p *plane.Picture, at image.Point) {
	t.Helper()
	for k := range 4 {
		whole := image.Rect(0, 0, 64, 64).Add(image.Pt(k%2*64, k/2*64))
		area := whole.Sub(at).Intersect(image.Rect(0, 0, p.Width(), p.Height()))
		compare(t, fmt.Sprintf("%s, tile %d", name, k), p, streams[fmt.Sprintf("tile%d", k)], limited601, area,
			func(x, y int) (int, int) { return x + at.X - whole.Min.X, y + at.Y - whole.Min.Y })
	}
}

// TestGrid: tiles are put together, whoever decodes them, and cut where the picture ends.
func TestGrid(t *testing.T) {
	file := grid4(t).file()
	var first *plane.Picture
	for threads := 1; threads <= 5; threads++ {
		d, err := readable.Open(bytes.NewReader(file), codec.OpenOptions{Threads: threads})
		if err != nil {
			t.Fatal(err)
		}
		p := plane.New(d.Header().Layout)
		if _, err := d.Decode(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = p
			compareGrid(t, "grid", p, image.Point{})
		}
		for i := range p.Pix {
			if !bytes.Equal(p.Pix[i], first.Pix[i]) {
				t.Errorf("%d threads: plane %d differs", threads, i)
			}
		}
	}
	one := grid4(t) // libheif's way to cut an odd size
	one.entries[0].data, one.entries[0].references = gridData(1, 1, 63, 61), ref("dimg", 1)
	p, h := decode(t, one)
	if h.Width != 63 || h.Height != 61 {
		t.Errorf("1×1: %d×%d", h.Width, h.Height)
	}
	compare(t, "1×1", p, streams["tile0"], limited601, image.Rect(0, 0, 63, 61), same)
}

// TestCrop: crops of grids and of single pictures, also between two samples of chroma.
func TestCrop(t *testing.T) {
	for _, r := range []image.Rectangle{
		image.Rect(10, 20, 90, 80), image.Rect(64, 64, 101, 90), image.Rect(0, 0, 40, 35), image.Rect(11, 21, 90, 80),
		image.Rect(66, 1, 101, 2), image.Rect(100, 89, 101, 90),
	} {
		d := grid4(t)
		// In halves: twice the distance of the centres.
		x, y := r.Min.X+r.Max.X-101, r.Min.Y+r.Max.Y-90
		c := prop{mkbox("clap", uint32(r.Dx()), uint32(1), uint32(r.Dy()), uint32(1), int32(x), uint32(2), int32(y), uint32(2)), true}
		d.entries[0].properties = append(d.entries[0].properties, c)
		p, h := decode(t, d)
		if h.Width != r.Dx() || h.Height != r.Dy() {
			t.Fatalf("%v: %d×%d", r, h.Width, h.Height)
		}
		compareGrid(t, r.String(), p, r.Min)
	}
	s := streams["window"]
	p, h := decode(t, drawn{primary: 1, entries: []entry{s.item(t, 1, clap(41, 33, -1, 3, 1))}})
	at := image.Pt(21, 21) // (86-41)/2 - 1, (70-33)/2 + 3, rounded down
	if h.Width != 41 || h.Height != 33 {
		t.Errorf("one picture: %d×%d", h.Width, h.Height)
	}
	compare(t, "one picture", p, s, limited601, image.Rect(0, 0, 41, 33), func(x, y int) (int, int) { return x + at.X, y + at.Y })
}

// TestAlpha: opacity beside every kind of picture, in its size or another, cropped with it or by itself.
func TestAlpha(t *testing.T) {
	gray := streams["gray"]
	aux := func(of uint32, s stream, more ...prop) entry {
		e := s.item(t, 90, append([]prop{auxC("urn:mpeg:hevc:2015:auxid:1")}, more...)...)
		e.references = ref("auxl", of)
		return e
	}
	crop := clap(32, 32, 0, 0, 1) // from 16,16 on
	for name, c := range map[string]struct {
		d  drawn
		at func(x, y int) (int, int) // of the opacity
	}{
		"one picture":     {drawn{primary: 1, entries: []entry{streams["tile1"].item(t, 1), aux(1, gray)}}, same},
		"turned":          {drawn{primary: 1, entries: []entry{streams["tile1"].item(t, 1, irot(3)), aux(1, gray)}}, same},
		"turned together": {drawn{primary: 1, entries: []entry{streams["tile1"].item(t, 1, irot(3)), aux(1, gray, irot(3))}}, same},
		"limited":         {drawn{primary: 1, entries: []entry{streams["tile1"].item(t, 1), aux(1, gray, nclxBox(1, 13, 6, false))}}, same},
		"cropped":         {drawn{primary: 1, entries: []entry{streams["tile1"].item(t, 1, crop), aux(1, gray)}}, func(x, y int) (int, int) { return x + 16, y + 16 }},
		"cropped both":    {drawn{primary: 1, entries: []entry{streams["tile1"].item(t, 1, crop), aux(1, gray, crop)}}, func(x, y int) (int, int) { return x + 16, y + 16 }},
		"a grid":          {drawn{primary: 49, version: 1, entries: append(grid4(t).entries, aux(49, gray))}, func(x, y int) (int, int) { return x * 64 / 101, y * 64 / 90 }},
		"gray":            {drawn{primary: 1, entries: []entry{gray.item(t, 1), aux(1, gray)}}, same},
		"GBR":             {drawn{primary: 1, entries: []entry{streams["full444"].item(t, 1, nclxBox(1, 13, 0, true)), aux(1, gray)}}, same},
		"4:2:0":           {drawn{primary: 1, entries: []entry{streams["tile1"].item(t, 1), aux(1, streams["tile3"])}}, same},
	} {
		p, h := decode(t, c.d)
		if !h.Layout.HasAlpha() {
			t.Errorf("%s: no alpha", name)
			continue
		}
		of := gray
		if name == "4:2:0" {
			of = streams["tile3"]
		}
		for y := range p.Height() {
			for x := range p.Width() {
				ax, ay := c.at(x, y)
				if got, want := rgba(p, x, y)[3], float64(of.sample(0, ax, ay)); got != want {
					t.Fatalf("%s: opacity at %d,%d is %v, not %v", name, x, y, got, want)
				}
			}
		}
	}
	file := drawn{primary: 1, entries: []entry{streams["tile1"].item(t, 1, irot(3)), aux(1, gray, irot(1))}}.file()
	if _, _, err := codectest.Decode(readable, file); !errors.Is(err, codec.ErrUnsupported) {
		t.Errorf("opacity that is turned in another way: %v", err)
	}
	grid := drawn{primary: 49, version: 1, entries: append(grid4(t).entries, aux(49, gray))}
	p, _ := decode(t, grid)
	compareGrid(t, "a grid with opacity", p, image.Point{})
}

// TestPremultiplied: colours that are multiplied by the opacity are divided by it.
func TestPremultiplied(t *testing.T) {
	s, gray := streams["full444"], streams["gray"]
	a := gray.item(t, 2, auxC("urn:mpeg:hevc:2015:auxid:1"))
	a.references = ref("auxl", 1)
	e := s.item(t, 1, nclxBox(1, 13, 0, true))
	e.references = ref("prem", 2)
	p, _ := decode(t, drawn{primary: 1, entries: []entry{e, a}})
	for y := range 64 {
		for x := range 64 {
			got, alpha := rgba(p, x, y), float64(gray.sample(0, x, y))
			for i, c := range [3]int{2, 0, 1} {
				want := math.Min(255, float64(s.sample(c, x, y))*255/alpha)
				if math.Abs(got[i]-want) > 0.51 {
					t.Fatalf("%d,%d: %.0f, not %.1f in channel %d", x, y, got, want, i)
				}
			}
		}
	}
	for _, name := range []string{"tile1", "gray"} { // by way of RGB
		e := streams[name].item(t, 1)
		e.references = ref("prem", 2)
		if p, _ := decode(t, drawn{primary: 1, entries: []entry{e, a}}); p.Model != plane.RGB || !p.HasAlpha() {
			t.Errorf("%s: %v", name, p.Layout)
		}
	}
}

// TestUnits: parameter sets in the data of the item, as Sony's cameras repeat them, and other units in
// front of the picture, as the iPhone 7 Plus writes them.
func TestUnits(t *testing.T) {
	s := streams["tile2"]
	sets, rest := s.units(t)
	sei := []byte{39 << 1, 1, 5, 1, 0, 0x80}
	for name, c := range map[string]struct {
		record bool
		units  [][]byte
	}{
		"repeated":           {true, append(slices.Clone(sets), rest...)},
		"in the data alone":  {false, append(slices.Clone(sets), rest...)},
		"a message in front": {true, append([][]byte{sei}, rest...)},
	} {
		e := s.item(t, 1)
		e.data = prefixed(c.units)
		if !c.record {
			e.properties[0] = hvcC(pack(uint8(1), make([]byte, 20), uint8(3), uint8(0)))
		}
		p, _ := decode(t, drawn{primary: 1, entries: []entry{e}})
		compare(t, name, p, s, limited601, image.Rect(0, 0, 64, 64), same)
	}
}

// TestComposed: overlays, and grids whose tiles are turned or have an opacity of their own.
func TestComposed(t *testing.T) {
	tile := func(k int, more ...prop) entry {
		return streams[fmt.Sprintf("tile%d", k)].item(t, uint32(k+1), more...)
	}
	over := func(fill uint16, to ...uint32) entry {
		return entry{id: 9, kind: "iovl", data: overlayData([4]uint16{0xffff, 0x8080, 0, fill}, 120, 100, 10, 20, 100, -30), references: ref("dimg", to...)}
	}
	p, h := decode(t, drawn{primary: 9, entries: []entry{tile(0), tile(1, irot(3)), over(0xffff, 1, 2)}})
	if h.Width != 120 || h.Height != 100 || p.HasAlpha() {
		t.Errorf("overlay: %d×%d, %v", h.Width, h.Height, p.Layout)
	}
	compare(t, "first layer", p, streams["tile0"], limited601, image.Rect(10, 20, 74, 84), func(x, y int) (int, int) { return x - 10, y - 20 })
	compare(t, "second layer", p, streams["tile1"], limited601, image.Rect(100, 0, 120, 34),
		func(x, y int) (int, int) { return y + 30, 63 - (x - 100) })
	if got := rgba(p, 0, 0); got != [4]float64{255, 128, 0, 255} {
		t.Errorf("ground: %v", got)
	}
	a := streams["gray"].item(t, 7, auxC("urn:mpeg:mpegB:cicp:systems:auxiliary:alpha"))
	a.references = ref("auxl", 1)
	p, _ = decode(t, drawn{primary: 9, entries: []entry{tile(0), a, tile(1), over(0, 1, 2)}})
	if !p.HasAlpha() || rgba(p, 0, 0)[3] != 0 || rgba(p, 110, 10)[3] != 255 || rgba(p, 10, 20)[3] != float64(streams["gray"].sample(0, 0, 0)) {
		t.Errorf("a transparent ground: %v, %v, %v", rgba(p, 0, 0), rgba(p, 110, 10), rgba(p, 10, 20))
	}
	turned := drawn{primary: 49, version: 1, entries: []entry{
		tile(0), tile(1, imir(1)), {id: 49, kind: "grid", data: gridData(2, 1, 120, 64), method: 1, references: ref("dimg", 1, 2)},
	}}
	p, _ = decode(t, turned)
	compare(t, "left", p, streams["tile0"], limited601, image.Rect(0, 0, 64, 64), same)
	compare(t, "mirrored", p, streams["tile1"], limited601, image.Rect(64, 0, 120, 64), func(x, y int) (int, int) { return 127 - x, y })
	cut := turned
	cut.entries = append(cut.entries, entry{id: 50, kind: "iden", references: ref("dimg", 49), properties: []prop{clap(20, 30, 0, 0, 1), irot(2)}})
	cut.primary = 50
	p, h = decode(t, cut)
	if h.Width != 20 || h.Height != 30 || h.Orientation != 3 {
		t.Errorf("a part of it: %d×%d, orientation %d", h.Width, h.Height, h.Orientation)
	}
	compare(t, "a part of it", p, streams["tile0"], limited601, image.Rect(0, 0, 14, 30), func(x, y int) (int, int) { return x + 50, y + 17 })
}

// TestOverMeans: laying over is what the formula says.
func TestOverMeans(t *testing.T) {
	canvas := plane.New(plane.NewLayout(plane.RGB, true, 1, 1, 1, 1))
	for a := range 256 {
		for b := 0; b < 256; b += 5 {
			for i, v := range []byte{200, 30, 255, byte(b)} {
				canvas.Pix[i][0] = v
			}
			over(canvas, image.Point{}, [4][]byte{{10}, {220}, {255}, {byte(a)}}, 0)
			fa, fb := float64(a)/255, float64(b)/255
			c := fa + fb*(1-fa)
			if math.Abs(float64(canvas.Pix[3][0])-255*c) > 0.51 {
				t.Fatalf("%d over %d: opacity %d, not %.2f", a, b, canvas.Pix[3][0], 255*c)
			}
			for i, v := range [3][2]float64{{10, 200}, {220, 30}, {255, 255}} {
				if want := (v[0]*fa + v[1]*fb*(1-fa)) / c; c > 0 && math.Abs(float64(canvas.Pix[i][0])-want) > 0.51 {
					t.Fatalf("%d over %d: %d, not %.2f", a, b, canvas.Pix[i][0], want)
				}
			}
		}
	}
}

// TestFirstSample: of a sequence without a primary item, the first sample is decoded.
func TestFirstSample(t *testing.T) {
	s := streams["tile2"]
	item := s.item(t, 1)
	p, h, err := codectest.Decode(readable, sequence(item.properties[0].box, item.data))
	if err != nil {
		t.Fatal(err)
	}
	if h.Orientation != 6 || h.Frames != 1 {
		t.Errorf("orientation %d, %d frames", h.Orientation, h.Frames)
	}
	compare(t, "sequence", p, s, limited601, image.Rect(0, 0, 64, 64), same)
}

// decodable are files of every kind that is decoded.
func decodable(t testing.TB) [][]byte {
	a := streams["gray"].item(t, 7, auxC("urn:mpeg:hevc:2015:auxid:1"))
	a.references = ref("auxl", 49)
	grid := grid4(t, nclxBox(12, 13, 1, true))
	alpha := drawn{primary: 49, version: 1, entries: append(slices.Clone(grid.entries), a)}
	layers := drawn{primary: 9, entries: []entry{streams["tile0"].item(t, 1, irot(1)), streams["gray10"].item(t, 2),
		{id: 9, kind: "iovl", data: overlayData([4]uint16{}, 120, 100, 10, 20, 100, -30), references: ref("dimg", 1, 2)}}}
	item := streams["tile2"].item(t, 1)
	return [][]byte{grid.file(), alpha.file(), layers.file(), sequence(item.properties[0].box, item.data),
		drawn{primary: 1, entries: []entry{streams["deep422"].item(t, 1, clap(41, 33, -1, 3, 1))}}.file()}
}

// TestPromises: no more memory than announced, rows in order, and errors of known kinds; also of files
// that are cut or of which a bit is changed.
func TestPromises(t *testing.T) {
	for _, file := range decodable(t) {
		codectest.Promises(t, readable, file, 1<<20)
		for k := range 40 {
			codectest.Promises(t, readable, file[:len(file)*k/40], 1<<20)
			changed := bytes.Clone(file)
			changed[len(file)*k/40+5] ^= 1 << (k % 8)
			codectest.Promises(t, readable, changed, 1<<20)
		}
	}
}

// TestStops: a context that ends and a sink that has enough end the decoding, with their own error.
func TestStops(t *testing.T) {
	for i, file := range decodable(t) {
		for threads := 1; threads <= 3; threads++ {
			open := func() codec.Decoder {
				d, err := readable.Open(bytes.NewReader(file), codec.OpenOptions{Threads: threads})
				if err != nil {
					t.Fatal(err)
				}
				return d
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if _, err := open().Decode(ctx, discard{}); !errors.Is(err, context.Canceled) {
				t.Errorf("file %d, %d threads: %v", i, threads, err)
			}
			if _, err := open().Decode(t.Context(), discard{plane.ErrEnough}); err != plane.ErrEnough {
				t.Errorf("file %d, %d threads, enough: %v", i, threads, err)
			}
		}
	}
}

// discard is a sink that takes no rows.
type discard struct{ err error }

func (d discard) Rows(int, int, plane.Rows) error { return d.err }

// TestDamage: what is wrong with the data of a tile is told with its place.
func TestDamage(t *testing.T) {
	other := grid4(t)
	other.entries[2] = streams["full444"].item(t, 2)
	wrong := drawn{primary: 1, entries: []entry{streams["tile0"].item(t, 1)}}
	wrong.entries[0].properties[1] = ispe(64, 65)
	cut := grid4(t)
	cut.entries[3].data = cut.entries[3].data[:20]
	for name, c := range map[string]struct {
		d    drawn
		want string
	}{
		"a tile of another kind": {other, "coded in another way than the first"},
		"another size":           {wrong, "a picture of 64×65 is coded as 64×64"},
		"a tile that ends":       {cut, "the picture at byte "},
	} {
		_, _, err := codectest.Decode(readable, c.d.file())
		if !errors.Is(err, codec.ErrCorrupt) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOddities: what phones and other writers leave in their files, and what other programs pass over, changes
// nothing.
func TestOddities(t *testing.T) {
	s := streams["tile0"]
	one := func(change func(d *drawn)) drawn {
		d := drawn{primary: 1, version: 1, entries: []entry{s.item(t, 1)}}
		change(&d)
		return d
	}
	property := func(kind string) prop { return prop{mkbox(kind, uint32(0), "of any length"), true} }
	film := mkbox("moov", mkbox("mvhd", "short"), mkbox("trak", mkbox("mdia", mkbox("minf", mkbox("stbl", mkbox("stsz", "x"))))))
	quickTime := mkbox("moov", mkbox("trak", mkbox("mdia", mkbox("hdlr", uint32(0), "mhlrvide", make([]byte, 12)), mkbox("minf", mkbox("stbl",
		mkbox("stsd", uint32(0), uint32(1), mkbox("avc1", make([]byte, 78), mkbox("avcC", "config"), uint32(0))))))))
	dinf := func(flags int) []byte {
		return mkbox("dinf", mkbox("dref", uint32(0), uint32(1), mkbox("url ", uint32(flags), "elsewhere\x00")))
	}
	groups := mkbox("grpl", mkbox("altr", uint32(0), uint32(9000), uint32(2), uint32(7), uint32(1)), mkbox("ster", uint32(0), uint32(1)))
	for name, d := range map[string]drawn{
		"a film in front that cannot be parsed": one(func(d *drawn) { d.front = film }),
		"QuickTime in front":                    one(func(d *drawn) { d.front = quickTime }),
		"a long film in front":                  one(func(d *drawn) { d.front = mkbox("moov", make([]byte, maxTable)) }),
		"a meta box of another kind":            one(func(d *drawn) { d.front = mkbox("meta", uint32(0), mkbox("hdlr", uint64(0), "mdta")) }),
		"unknown boxes":                         one(func(d *drawn) { d.front, d.inMeta = mkbox("free", "x"), mkbox("wxyz", "x") }),
		"groups of alternatives":                one(func(d *drawn) { d.inMeta = groups }),
		"zeros behind the boxes":                one(func(d *drawn) { d.inMeta = make([]byte, 7) }),
		"this file, by a reference":             one(func(d *drawn) { d.inMeta, d.entries[0].reference = dinf(1), 1 }),
		"a reference without a table":           one(func(d *drawn) { d.entries[0].reference = 1 }),
		"data to the end of the file":           one(func(d *drawn) { d.entries[0].toEnd = true }),
		"data to the end of idat":               one(func(d *drawn) { d.entries[0].toEnd, d.entries[0].method = true, 1 }),
		"a hidden item":                         one(func(d *drawn) { d.entries[0].flags = 1 }),
		"parameter sets in the data":            one(func(d *drawn) { d.entries[0].kind = "hev1" }),
		"mif1 alone":                            one(func(d *drawn) { d.brands = "mif1mif1" }),
		"heix":                                  one(func(d *drawn) { d.brands = "heixmif1miafMiHA" }),
		"reserved coefficients":                 one(func(d *drawn) { d.entries[0].properties = append(d.entries[0].properties, nclxBox(1, 13, 99, false)) }),
		"camera matrices and times": one(func(d *drawn) {
			d.entries[0].properties = append(d.entries[0].properties, property("cmin"), property("cmex"), property("itai"), property("uuid"))
		}),
		"unknown properties": one(func(d *drawn) {
			d.entries[0].properties = append(d.entries[0].properties, prop{mkbox("wxyz", "any"), false})
		}),
		"thumbnails, depth, and more": one(func(d *drawn) {
			d.entries = append(d.entries,
				entry{id: 2, kind: "jpeg", data: []byte("x"), references: ref("thmb", 1)},
				entry{id: 3, kind: "hvc1", references: ref("auxl", 1), properties: []prop{auxC("urn:mpeg:hevc:2015:auxid:2")}},
				entry{id: 4, kind: "hvc1", references: ref("auxl", 1), properties: []prop{auxC("urn:com:apple:photo:2018:aux:portraiteffectsmatte")}},
				entry{id: 5, kind: "mime", media: "application/octet-stream", references: ref("cdsc", 1)},
				entry{id: 6, kind: "uri ", references: ref("cdsc", 1)},
				entry{id: 7, kind: "tmap", references: ref("dimg", 1, 77)})
		}),
		"samples to fill the last block": one(func(d *drawn) { d.entries[0].properties[1] = ispe(41, 53) }),
	} {
		p, h := decode(t, d)
		if want := image.Pt(64, 64); name != "samples to fill the last block" && (h.Width != want.X || h.Height != want.Y) {
			t.Errorf("%s: %d×%d", name, h.Width, h.Height)
		}
		compare(t, name, p, s, limited601, image.Rect(0, 0, h.Width, h.Height), same)
	}
	elsewhere := one(func(d *drawn) { d.inMeta, d.entries[0].reference = dinf(0), 1 })
	if _, _, err := codectest.Decode(readable, elsewhere.file()); !errors.Is(err, codec.ErrUnsupported) {
		t.Errorf("data in another file: %v", err)
	}
	// EXIF that describes two pictures, in a box each.
	exif := entry{id: 8, kind: "Exif", data: exifItem(6, 6), references: []reference{{"cdsc", []uint32{99}}, {"cdsc", []uint32{1}}}}
	_, h := decode(t, one(func(d *drawn) { d.entries = append(d.entries, exif) }))
	if h.EXIF == nil || h.Orientation != 6 {
		t.Errorf("EXIF of two pictures: %q, orientation %d", h.EXIF, h.Orientation)
	}
}

// TestOddTiles: tiles of an odd size, which fill the last block, lie beside one another all the same; so do those
// of a grid whose data reach to the end of the meta box.
func TestOddTiles(t *testing.T) {
	d := drawn{primary: 49, version: 1, entries: []entry{streams["tile0"].item(t, 1), streams["tile1"].item(t, 2),
		{id: 49, kind: "grid", data: gridData(2, 1, 120, 60), method: 1, toEnd: true, references: ref("dimg", 1, 2)},
		{id: 50, kind: "more", data: make([]byte, 2000), method: 1}}}
	p, _ := decode(t, d)
	compare(t, "left", p, streams["tile0"], limited601, image.Rect(0, 0, 64, 60), same)
	compare(t, "right", p, streams["tile1"], limited601, image.Rect(64, 0, 120, 60), func(x, y int) (int, int) { return x - 64, y })
	for k := range 2 {
		d.entries[k].properties[1] = ispe(61, 63)
	}
	p, _ = decode(t, d)
	compare(t, "left of 61", p, streams["tile0"], limited601, image.Rect(0, 0, 61, 60), same)
	compare(t, "right of 61", p, streams["tile1"], limited601, image.Rect(61, 0, 120, 60), func(x, y int) (int, int) { return x - 61, y })
}

// FuzzDecode decodes any bytes and holds the decoder to its promises.
func FuzzDecode(f *testing.F) {
	for _, file := range append(decodable(f), conformance(f, 64<<10)...) {
		f.Add(file)
	}
	f.Add(heiftest.IPhone)
	f.Add(thumbnailed(f, goodThumbnail))
	f.Add(thumbnailed(f, softThumbnail, otherThumbnail))
	f.Fuzz(func(t *testing.T, file []byte) {
		codectest.Promises(t, readable, file, 2<<20)
		promisesOfEmbedded(t, file)
	})
}
