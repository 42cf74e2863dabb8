//go:build !nohevc

package heif

import (
	"bytes"
	"fmt"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/codec/codectest"
	"github.com/imgmill/imgmill/internal/engine/colour"
	"github.com/imgmill/imgmill/internal/engine/heif/heiftest"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/sample"
)

// TestIPhone reads the picture of package heiftest, which it writes with -update; x265 must then be in
// PATH. The options of x265 are what iPhones do: CTBs of 32, the default scaling lists, wavefronts,
// chroma offsets of +2, and BT.601 in the full range.
func TestIPhone(t *testing.T) {
	const w, h, tile = heiftest.Height, heiftest.Width, 512
	shown := sample.Landscape(heiftest.Width, heiftest.Height)
	// Turned by a quarter, counter-clockwise: irot 3 turns it back.
	stored := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			stored.Set(x, y, shown.At(heiftest.Width-1-y, x))
		}
	}
	if *update {
		file := writeIPhone(t, stored, tile)
		if err := os.WriteFile(filepath.Join("heiftest", "iphone.heic"), file, 0o644); err != nil {
			t.Fatal(err)
		}
		t.Skip("run the test again: the file is linked into it")
	}
	p, head, err := codectest.Decode(readable, heiftest.IPhone)
	if err != nil {
		t.Fatal(err)
	}
	if head.Width != w || head.Height != h || head.Orientation != 6 || head.EXIF == nil || head.XMP == nil ||
		head.Missing != nil || head.Layout.HasAlpha() || !bytes.Equal(head.Layout.Space.ICC, colour.DisplayP3Profile()) {
		t.Errorf("header: %d×%d, orientation %d, %+v", head.Width, head.Height, head.Orientation, head.Layout)
	}
	var sum, n float64
	for y := 0; y < h; y += 3 {
		for x := 0; x < w; x += 3 {
			got, want := rgba(p, x, y), stored.RGBAAt(x, y)
			for i, v := range []uint8{want.R, want.G, want.B} {
				sum += (got[i] - float64(v)) * (got[i] - float64(v))
				n++
			}
		}
	}
	if sum/n > 60 {
		t.Errorf("the mean square error is %.1f", sum/n)
	}
}

// TestIPhoneMemory: of a picture of tiles, two rows of them are held at most.
func TestIPhoneMemory(t *testing.T) {
	d, err := readable.Open(bytes.NewReader(heiftest.IPhone), codec.OpenOptions{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	// Two stripes of 1008×512 samples and half as many of chroma, and what two tiles take.
	if got := d.Memory(); got > 2*1008*512*3/2+4<<20 {
		t.Errorf("%d bytes", got)
	}
}

// TestLandscape reads testdata/landscape.heic, a crop of a single picture, which it writes with -update.
func TestLandscape(t *testing.T) {
	name := filepath.Join("testdata", "landscape.heic")
	if *update {
		e := encode(t, sample.Landscape(61, 43), image.Rect(0, 0, 64, 64), 1, "420")
		e.properties = append(e.properties, prop{mkbox("clap", uint32(61), uint32(1), uint32(43), uint32(1),
			int32(-3), uint32(2), int32(-21), uint32(2)), true})
		if err := os.WriteFile(name, drawn{primary: 1, entries: []entry{e}}.file(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, h, err := codectest.Decode(readable, file); err != nil || h.Width != 61 || h.Height != 43 {
		t.Errorf("%d×%d, %v", h.Width, h.Height, err)
	}
}

func writeIPhone(t *testing.T, m *image.RGBA, tile int) []byte {
	w, h := m.Bounds().Dx(), m.Bounds().Dy()
	var d drawn
	d.primary, d.version = 49, 1
	var ids []uint32
	for y := 0; y < h; y += tile {
		for x := 0; x < w; x += tile {
			id := uint32(len(ids) + 1)
			ids = append(ids, id)
			d.entries = append(d.entries, encode(t, m, image.Rect(x, y, x+tile, y+tile), id, "420"))
		}
	}
	small := image.NewRGBA(image.Rect(0, 0, 320, 240))
	for y := range 240 {
		for x := range 320 {
			small.Set(x, y, m.At(x*w/320, y*h/240))
		}
	}
	thumb := encode(t, small, small.Bounds(), 50, "420")
	thumb.references = ref("thmb", 49)
	thumb.properties = append(thumb.properties, irot(3))
	gain := encode(t, small, image.Rect(0, 0, 320, 240), 51, "400")
	gain.references = ref("auxl", 49)
	gain.properties = append(gain.properties, irot(3), auxC("urn:com:apple:photo:2020:aux:hdrgainmap"))
	xmp := `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">` +
		`<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:creator><rdf:Seq><rdf:li>Ada Example</rdf:li>` +
		`</rdf:Seq></dc:creator></rdf:Description></rdf:RDF></x:xmpmeta>`
	d.entries = append(d.entries,
		entry{id: 49, kind: "grid", data: gridData((w+tile-1)/tile, (h+tile-1)/tile, w, h), method: 1, references: ref("dimg", ids...),
			properties: []prop{iccBox(colour.DisplayP3Profile()), irot(3), ispe(w, h), {mkbox("pixi", uint32(0), "\x03\x08\x08\x08"), false}}},
		thumb, gain,
		entry{id: 52, kind: "Exif", data: exifItem(6, 6), references: ref("cdsc", 49)},
		entry{id: 53, kind: "mime", media: "application/rdf+xml", data: []byte(xmp), references: ref("cdsc", 49)},
	)
	return d.file()
}

// encode has x265 code a part of a picture, which may reach beyond its edges. Further options count before those
// of iPhones.
func encode(t *testing.T, m *image.RGBA, r image.Rectangle, id uint32, chroma string, more ...string) entry {
	t.Helper()
	l := plane.NewLayout(plane.YCbCr, false, r.Dx(), r.Dy(), 2, 2)
	p := plane.New(l)
	var sum [2][]int // of four samples of chroma
	for i := range sum {
		sum[i] = make([]int, len(p.Pix[1]))
	}
	for y := range r.Dy() {
		for x := range r.Dx() {
			c := m.RGBAAt(min(r.Min.X+x, m.Bounds().Max.X-1), min(r.Min.Y+y, m.Bounds().Max.Y-1))
			luma, u, v := colour.ToYCbCr(c.R, c.G, c.B)
			p.Row(0, y)[x] = luma
			sum[0][y/2*(r.Dx()/2)+x/2] += int(u)
			sum[1][y/2*(r.Dx()/2)+x/2] += int(v)
		}
	}
	for i := range sum {
		for k, n := range sum[i] {
			p.Pix[1+i][k] = uint8((n + 2) / 4)
		}
	}
	raw := p.Pix[0]
	if chroma == "420" {
		raw = bytes.Join(p.Pix, nil)
	}
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.yuv"), filepath.Join(dir, "out.hevc")
	if err := os.WriteFile(in, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	options := []string{"--input", in, "--input-res", fmt.Sprintf("%dx%d", r.Dx(), r.Dy()), "--fps", "1",
		"--input-csp", "i" + chroma, "--frames", "1", "--keyint", "1", "--no-info", "--qp", "27", "--ctu", "32",
		"--scaling-list", "default", "--wpp", "--cbqpoffs", "2", "--crqpoffs", "2", "--colorprim", "smpte432",
		"--transfer", "bt709", "--colormatrix", "smpte170m", "--range", "full", "-o", out}
	if text, err := exec.Command("x265", append(options, more...)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return itemOf(b, r.Dx(), r.Dy(), id)
}
