//go:build !nohevc

package heif

import (
	"bytes"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/colour"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/resample"
	"github.com/imgmill/imgmill/internal/engine/sample"
)

// The thumbnails in testdata/thumbnails.heic, by their items.
const (
	goodThumbnail    = 60
	softThumbnail    = 61 // reduced further, and enlarged again
	otherThumbnail   = 62 // of the picture before something in it was painted over
	coarseThumbnail  = 63 // with strong compression
	thumbnailsWidth  = 384
	thumbnailsHeight = 256
)

// thumbnailed returns testdata/thumbnails.heic, which it writes with -update, with those of its thumbnails that
// are kept: a picture of 6×4 tiles that x265 wrote.
func thumbnailed(t testing.TB, keep ...uint16) []byte {
	name := filepath.Join("testdata", "thumbnails.heic")
	if *update {
		if err := os.WriteFile(name, writeThumbnails(t.(*testing.T)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for id := uint16(goodThumbnail); id <= coarseThumbnail; id++ {
		kept := false
		for _, k := range keep {
			kept = kept || k == id
		}
		if before := pack("thmb", id); !kept {
			if !bytes.Contains(file, before) {
				t.Fatalf("there is no thumbnail %d", id)
			}
			file = bytes.Replace(file, before, pack("none", id), 1)
		}
	}
	return file
}

func writeThumbnails(t *testing.T) []byte {
	const w, h, tile, scale = thumbnailsWidth, thumbnailsHeight, 64, 4
	before := sample.Landscape(w, h*8/5).SubImage(image.Rect(0, 0, w, h)).(*image.RGBA) // without the flowers in its grass
	before.Pix = before.Pix[:4*w*h]
	m := image.NewRGBA(before.Bounds())
	copy(m.Pix, before.Pix)
	for y := 70; y < 120; y++ {
		for x := 70; x < 120; x++ {
			m.Set(x, y, color.Black)
		}
	}
	d := drawn{primary: 49, version: 1}
	var ids []uint32
	for y := 0; y < h; y += tile {
		for x := 0; x < w; x += tile {
			ids = append(ids, uint32(len(ids)+1))
			d.entries = append(d.entries, encode(t, m, image.Rect(x, y, x+tile, y+tile), ids[len(ids)-1], "420"))
		}
	}
	d.entries = append(d.entries, entry{id: 49, kind: "grid", data: gridData(w/tile, h/tile, w, h), method: 1, references: ref("dimg", ids...),
		properties: []prop{iccBox(colour.DisplayP3Profile()), irot(3), ispe(w, h)}})
	thumbnail := func(id uint32, m *image.RGBA, options ...string) {
		e := encode(t, m, m.Bounds(), id, "420", options...)
		e.references = ref("thmb", 49)
		e.properties = append(e.properties, irot(3))
		d.entries = append(d.entries, e)
	}
	thumbnail(goodThumbnail, reducedBy(t, m, scale), "--qp", "12")
	thumbnail(softThumbnail, enlargedBy(reducedBy(t, m, 2*scale), 2), "--qp", "12")
	thumbnail(otherThumbnail, reducedBy(t, before, scale), "--qp", "12")
	thumbnail(coarseThumbnail, reducedBy(t, m, scale), "--qp", "38")
	return d.file()
}

// reducedBy returns m with a side of one pixel for n, as good programs reduce it.
func reducedBy(t *testing.T, m *image.RGBA, n int) *image.RGBA {
	w, h := m.Bounds().Dx(), m.Bounds().Dy()
	out := image.NewRGBA(image.Rect(0, 0, w/n, h/n))
	axis := func(side int) resample.Axis { return resample.Axis{Src: side, Dst: side / n, Step: float64(n)} }
	for c := range 4 {
		channel := make([]byte, w*h)
		for i := range channel {
			channel[i] = m.Pix[4*i+c]
		}
		r, err := resample.NewPlane(axis(w), axis(h), resample.Lanczos3, func(y int, row []byte) error {
			for x, v := range row {
				out.Pix[out.PixOffset(x, y)+c] = v
			}
			return nil
		})
		if err == nil {
			err = r.Rows(0, plane.Rows{Pix: channel, Stride: w, N: h})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// enlargedBy repeats each pixel n×n times.
func enlargedBy(m *image.RGBA, n int) *image.RGBA {
	out := image.NewRGBA(image.Rect(0, 0, m.Bounds().Dx()*n, m.Bounds().Dy()*n))
	for i := range out.Pix {
		x, y, c := i/4%out.Bounds().Dx(), i/4/out.Bounds().Dx(), i%4
		out.Pix[i] = m.Pix[m.PixOffset(x/n, y/n)+c]
	}
	return out
}

func openEmbedded(t testing.TB, file []byte) codec.EmbeddedDecoder {
	t.Helper()
	d, err := readable.Open(bytes.NewReader(file), codec.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return d.(codec.EmbeddedDecoder)
}

// TestEmbedded: a thumbnail stands for the picture where it shows the same, is as sharp, and is as large as what is
// asked for.
func TestEmbedded(t *testing.T) {
	const w, h = thumbnailsWidth / 4, thumbnailsHeight / 4
	for name, c := range map[string]struct {
		thumbnail     uint16
		width, height int
		want          bool
	}{
		"its own size":        {goodThumbnail, w, h, true},
		"smaller":             {goodThumbnail, 64, 43, true},
		"very small":          {goodThumbnail, 8, 6, true},
		"wider":               {goodThumbnail, w + 1, h, false},
		"higher":              {goodThumbnail, w, h + 1, false},
		"soft":                {softThumbnail, 64, 43, false},
		"of what was painted": {otherThumbnail, 64, 43, false},
		"coarse":              {coarseThumbnail, 64, 43, false},
	} {
		d := openEmbedded(t, thumbnailed(t, c.thumbnail))
		l, err := d.ShrinkToEmbedded(t.Context(), c.width, c.height)
		if err != nil {
			t.Fatal(err)
		}
		if used := l.Width() == w; used != c.want || !used && l.Width() != thumbnailsWidth {
			t.Errorf("%s: %d×%d samples", name, l.Width(), l.Height())
		}
		p := plane.New(l)
		if _, err := d.Decode(t.Context(), p); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if c.want && (!bytes.Equal(l.Space.ICC, colour.DisplayP3Profile()) || d.Memory() > 1<<19) {
			t.Errorf("%s: a profile of %d bytes, %d bytes of memory", name, len(l.Space.ICC), d.Memory())
		}
	}
	// The one that will do is found among several; without a call, the picture is decoded.
	d := openEmbedded(t, thumbnailed(t, softThumbnail, coarseThumbnail, goodThumbnail))
	if l, err := d.ShrinkToEmbedded(t.Context(), 64, 43); err != nil || l.Width() != w {
		t.Errorf("of several: %d samples, %v", l.Width(), err)
	}
	if l := d.Shrink(64, 43); l.Width() != thumbnailsWidth {
		t.Errorf("Shrink: %d samples", l.Width())
	}
	p := plane.New(d.Header().Layout)
	if _, err := d.Decode(t.Context(), p); err != nil {
		t.Error(err)
	}
}

// promisesOfEmbedded looks for a thumbnail in any bytes. It comes whole or not at all, no damage is an error before
// the picture is decoded, and what is allocated, garbage included, is bounded by what the picture takes.
func promisesOfEmbedded(t *testing.T, file []byte) {
	d, err := readable.Open(bytes.NewReader(file), codec.OpenOptions{Limits: codec.Limits{Pixels: 1e6}})
	if err != nil {
		return
	}
	most := 2<<20 + 8*uint64(d.Memory())
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	l, err := d.(codec.EmbeddedDecoder).ShrinkToEmbedded(t.Context(), 64, 43)
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > most {
		t.Fatalf("%d bytes were allocated, %d are the most", n, most)
	}
	h := d.Header()
	if l.Width() == h.Layout.Width() {
		return
	}
	p := plane.New(l)
	if _, err := d.Decode(t.Context(), p); err != nil || l.Width() < 64 || l.Height() < 43 || l.Width() > h.Width || l.Height() > h.Height {
		t.Fatalf("%d×%d samples for %d×%d: %v", l.Width(), l.Height(), h.Width, h.Height, err)
	}
}

// TestThumbnails: only thumbnails that declare what the picture declares come into question.
func TestThumbnails(t *testing.T) {
	icc := iccBox(colour.DisplayP3Profile())
	for name, c := range map[string]struct {
		picture, thumbnail []prop
		columns, rows      int // tiles
		stream             string
		want               bool
	}{
		"alike":                   {nil, nil, 5, 5, "tile1", true},
		"colours of the picture":  {[]prop{icc}, nil, 5, 5, "tile1", true},
		"colours of both":         {[]prop{icc, irot(3)}, []prop{icc, irot(3)}, 5, 5, "tile1", true},
		"other proportions":       {nil, nil, 6, 5, "tile1", false},
		"another turn":            {[]prop{irot(3)}, nil, 5, 5, "tile1", false},
		"a crop":                  {[]prop{clap(300, 300, 0, 0, 1)}, nil, 5, 5, "tile1", false},
		"a crop of the thumbnail": {nil, []prop{clap(60, 60, 0, 0, 1)}, 5, 5, "tile1", true},
		"its crop is too narrow":  {nil, []prop{clap(50, 60, 0, 0, 1)}, 5, 5, "tile1", false},
		"another profile":         {[]prop{icc}, []prop{iccBox([]byte("other"))}, 5, 5, "tile1", false},
		"other code points":       {[]prop{nclxBox(1, 13, 6, false)}, []prop{nclxBox(12, 13, 6, false)}, 5, 5, "tile1", false},
		"another range":           {nil, nil, 5, 5, "bt601-full", false},
		"gray":                    {nil, nil, 5, 5, "gray", false},
		"other chroma":            {nil, nil, 5, 5, "full444", false},
		"few tiles":               {nil, nil, 4, 4, "tile1", false},
	} {
		d := drawn{primary: 49, version: 1, entries: []entry{streams["tile0"].item(t, 1)}}
		tiles := make([]uint32, c.columns*c.rows)
		for i := range tiles {
			tiles[i] = 1
		}
		thumbnail := streams[c.stream].item(t, 2, c.thumbnail...)
		thumbnail.references = ref("thmb", 49)
		d.entries = append(d.entries, thumbnail, entry{id: 49, kind: "grid", data: gridData(c.columns, c.rows, c.columns*64, c.rows*64), method: 1,
			references: ref("dimg", tiles...), properties: c.picture})
		e := openEmbedded(t, d.file()).(*decoder)
		found := e.thumbnails(10, 10)
		if l, err := e.ShrinkToEmbedded(t.Context(), 10, 10); err != nil || l.Width() != e.header.Layout.Width() {
			t.Errorf("%s: another picture is used, %d×%d: %v", name, l.Width(), l.Height(), err)
		}
		if name != "few tiles" && name != "a crop" && (len(found) == 1) != c.want {
			t.Errorf("%s: %d thumbnails", name, len(found))
		}
	}
	for _, c := range []struct {
		w, h, width, height int
		want                bool
	}{
		{320, 240, 4032, 3024, true}, {512, 384, 4000, 3000, true}, {320, 214, 2400, 1600, true}, {512, 236, 4000, 1848, true},
		{512, 240, 4000, 1848, false}, {320, 212, 8640, 5760, false}, {240, 320, 4032, 3024, false},
	} {
		if got := proportional(c.w, c.h, c.width, c.height); got != c.want {
			t.Errorf("%d×%d for %d×%d: %v", c.w, c.h, c.width, c.height, got)
		}
	}
}
