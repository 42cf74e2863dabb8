package render

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/exif"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

var phoneGain = codec.Gain{
	Min: [3]float64{-1, -1, -1}, Max: [3]float64{3, 3, 3}, Gamma: [3]float64{1, 1, 1}, AlternateHeadroom: 2.25,
	OffsetBase: [3]float64{1. / 64, 1. / 64, 1. / 64}, OffsetAlternate: [3]float64{1. / 64, 1. / 64, 1. / 64},
}

// ramp is a picture whose levels rise from left to right, with a bright right upper quarter.
func ramp(m plane.Model, w, h int) *plane.Picture {
	p := plane.New(plane.NewLayout(m, false, w, h, 1, 1))
	for i := range p.Pix {
		for y := range h {
			for x, row := 0, p.Row(i, y); x < w; x++ {
				if row[x] = byte(200 * x / w); x > w/2 && y < h/2 {
					row[x] = 255
				}
			}
		}
	}
	return p
}

// withMap returns a JPEG of w×h pixels with a gain map of a quarter of that.
func withMap(t *testing.T, w, h int, o exif.Orientation) []byte {
	t.Helper()
	high := setting.Values{"quality": "95"}
	e := jpegFormat.Encoder(high)
	small, err := e.Encode(t.Context(), ramp(plane.Gray, w/4, h/4), codec.EncodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p := ramp(plane.RGB, w, h)
	q, err := (&job{format: jpegFormat, encoder: e, header: codec.Header{Layout: p.Layout}, frame: fit(Variant{}, w, h, subject{})}).convert(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	block := append([]byte("II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00"), byte(o), 0, 0, 0, 0, 0, 0, 0)
	file, err := e.Encode(t.Context(), q, codec.EncodeOptions{
		Metadata: codec.Metadata{EXIF: block}, GainMap: &codec.GainMap{File: small, Gain: phoneGain},
	})
	if err != nil {
		t.Fatal(err)
	}
	return file
}

var jpegEngine = &Engine{Formats: formats.All()}

func renderFile(t *testing.T, file []byte, v Variant) Output {
	t.Helper()
	_, outputs, err := jpegEngine.Make(t.Context(), bytes.NewReader(file), codec.Limits{}, []Variant{v})
	if err != nil {
		t.Fatal(err)
	}
	return outputs[0]
}

// TestGainMapWaitsForMemory: a gain map for which no memory is free now is not dropped.
func TestGainMapWaitsForMemory(t *testing.T) {
	file := withMap(t, 400, 300, 1)
	v := []Variant{{Name: "v", Width: 200, HDR: KeepHDR, Format: jpegFormat}}
	var asked []int64
	busy := errors.New("busy")
	l := codec.Limits{Reserve: func(n int64) error { asked = append(asked, n); return nil }}
	if _, _, err := jpegEngine.Make(t.Context(), bytes.NewReader(file), l, v); err != nil || len(asked) != 2 {
		t.Fatalf("asked for %d, %v", asked, err)
	}
	if least := int64(200 * 150); asked[1] < least { // samples of luma of the reduced picture, which is still held
		t.Errorf("asked for %d bytes with the gain map, not %d or more", asked[1], least)
	}
	calls := 0
	l.Reserve = func(int64) error {
		if calls++; calls == 2 {
			return busy
		}
		return nil
	}
	if _, outputs, err := jpegEngine.Make(t.Context(), bytes.NewReader(file), l, v); !errors.Is(err, busy) {
		t.Errorf("%v, %+v", err, outputs)
	}
}

// mapOf returns the gain map of a file, decoded, or nil.
func mapOf(t *testing.T, file []byte) *plane.Picture {
	t.Helper()
	d := open(t, file)
	if _, err := d.Decode(t.Context(), plane.New(d.Header().Layout)); err != nil {
		t.Fatal(err)
	}
	m, err := d.(codec.GainMapDecoder).GainMap(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if m == nil {
		return nil
	}
	if math.Abs(m.Gain.Max[0]-phoneGain.Max[0]) > 1e-5 || math.Abs(m.Gain.AlternateHeadroom-phoneGain.AlternateHeadroom) > 1e-5 {
		t.Errorf("the gain is %+v", m.Gain)
	}
	d = open(t, m.File)
	p := plane.New(d.Header().Layout)
	if _, err := d.Decode(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestGainMapFollows compares each map with the luma of its picture, which shows the same, at its place.
func TestGainMapFollows(t *testing.T) {
	for _, c := range []struct {
		name string
		o    exif.Orientation
		v    Variant
		w, h int
	}{
		{"reduced", 1, Variant{Width: 200}, 50, 38},
		{"turned", 6, Variant{Width: 200}, 50, 67},
		{"mirrored", 2, Variant{Width: 200}, 50, 38},
		{"covered", 1, Variant{Width: 120, Height: 200, Fit: Cover}, 30, 50},
		{"covered and turned", 8, Variant{Width: 200, Height: 60, Fit: Cover}, 50, 15},
		{"covered by attention", 6, Variant{Width: 120, Height: 200, Fit: Cover, Position: Attention}, 30, 50},
		{"covered by a point", 3, Variant{Width: 120, Height: 200, Fit: Cover, Position: FocalPosition, Focal: &Point{0.1, 0.5}}, 30, 50},
		{"contained", 1, Variant{Width: 200, Height: 200, Fit: Contain, Background: [3]uint8{64, 64, 64}}, 50, 50},
		{"bounded", 1, Variant{Width: 200, MaxBytes: 9000}, 50, 38},
		{"in linear light", 1, Variant{Width: 200, LinearLight: true}, 50, 38},
		{"as it is", 1, Variant{}, 100, 75},
	} {
		c.v.HDR, c.v.Format = KeepHDR, jpegFormat
		o := renderFile(t, withMap(t, 400, 300, c.o), c.v)
		if o.Dropped != nil || c.v.MaxBytes > 0 && int64(len(o.Data)) > c.v.MaxBytes {
			t.Errorf("%s: %d bytes, without %q", c.name, len(o.Data), o.Dropped)
		}
		m := mapOf(t, o.Data)
		if m == nil {
			t.Fatalf("%s: no gain map", c.name)
		}
		if m.Width() != c.w || m.Height() != c.h || len(m.Planes) != 1 {
			t.Errorf("%s: a map of %d×%d, want %d×%d", c.name, m.Width(), m.Height(), c.w, c.h)
		}
		d := open(t, o.Data)
		p := plane.New(d.Header().Layout)
		if _, err := d.Decode(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for y := range m.Height() {
			for x, v := range m.Row(0, y) {
				at := p.Row(0, (2*y+1)*p.Height()/(2*m.Height()))[(2*x+1)*p.Width()/(2*m.Width())]
				sum += math.Abs(float64(v) - float64(at))
			}
		}
		if mean := sum / float64(m.Width()*m.Height()); mean > 5 {
			t.Errorf("%s: the map is %.1f levels from its picture on average", c.name, mean)
		}
	}
}

// TestGainMapIsDropped leaves nothing of the map where it is not asked for, or where the format has none.
func TestGainMapIsDropped(t *testing.T) {
	file := withMap(t, 400, 300, 1)
	plain := renderFile(t, file, Variant{Width: 200, Format: jpegFormat})
	for _, trace := range []string{"hdrgm", "MPF", "iso:ts:21496", "Container"} {
		if bytes.Contains(plain.Data, []byte(trace)) {
			t.Errorf("the default leaves %s", trace)
		}
	}
	png := renderFile(t, file, Variant{Width: 200, Format: pngFormat, HDR: KeepHDR})
	if want := []string{"the gain map: PNG holds none"}; !slices.Equal(png.Dropped, want) {
		t.Errorf("PNG: dropped %q, want %q", png.Dropped, want)
	}
	cut := renderFile(t, file[:len(file)-200], Variant{Width: 200, Format: jpegFormat, HDR: KeepHDR})
	if m := bytes.Contains(cut.Data, []byte("MPF")); m != (cut.Dropped == nil) {
		t.Errorf("a map that is cut off: written %v, dropped %q", m, cut.Dropped)
	}
	broken := io.MultiReader(bytes.NewReader(file[:len(file)-200]), iotest.ErrReader(io.ErrUnexpectedEOF))
	if _, _, err := jpegEngine.Make(t.Context(), broken, codec.Limits{}, []Variant{{Width: 200, Format: jpegFormat, HDR: KeepHDR}}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a download that fails within the map: %v", err)
	}
	without := renderFile(t, plain.Data, Variant{Width: 100, Format: jpegFormat, HDR: KeepHDR})
	if without.Dropped != nil || bytes.Contains(without.Data, []byte("MPF")) {
		t.Errorf("a picture without: dropped %q", without.Dropped)
	}
}

// TestGainMapBesideXMP: the packet that is kept takes the announcement in, for readers look at one.
func TestGainMapBesideXMP(t *testing.T) {
	const rating = `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">` +
		`<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4"/></rdf:RDF></x:xmpmeta>`
	file := withMap(t, 400, 300, 1)
	packet := "http://ns.adobe.com/xap/1.0/\x00" + rating
	segment := append([]byte{0xff, 0xe1, byte((2 + len(packet)) >> 8), byte(2 + len(packet))}, packet...)
	file = slices.Concat(file[:2], segment, file[2:])
	o := renderFile(t, file, Variant{Width: 200, Format: jpegFormat, HDR: KeepHDR, Metadata: Keep})
	d := open(t, o.Data)
	if xmp := string(d.Header().XMP); !strings.Contains(xmp, "Rating") || !strings.Contains(xmp, "Container:Directory") {
		t.Errorf("the packet is %s", xmp)
	}
	if n := bytes.Count(o.Data, []byte(packet[:29])); n != 2 { // one for each of the two files
		t.Errorf("%d packets", n)
	}
	if mapOf(t, o.Data) == nil || o.Dropped != nil {
		t.Errorf("no map, or dropped %q", o.Dropped)
	}
}

// TestGainMapForOthers has libvips and sharp read what is written. IMGMILL_PYTHON names a Python with
// pyvips, and IMGMILL_SHARP the folder node_modules/sharp.
func TestGainMapForOthers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "hdr.jpg")
	o := renderFile(t, withMap(t, 400, 300, 6), Variant{Width: 150, Height: 160, Fit: Cover, Format: jpegFormat, HDR: KeepHDR})
	if err := os.WriteFile(file, o.Data, 0o600); err != nil {
		t.Fatal(err)
	}
	python := cmp.Or(os.Getenv("IMGMILL_PYTHON"), "python3")
	vips := exec.Command(python, "-c", "import pyvips; raise SystemExit(pyvips.version(0) == 8 and pyvips.version(1) < 18)").Run() == nil
	if vips {
		out, err := exec.Command(python, "testdata/gainmap.py", file).CombinedOutput()
		if got, want := strings.TrimSpace(string(out)), "uhdrload 150 160 38 40 8.0000 8.0000 8.0000 4.7568"; err != nil || got != want {
			t.Errorf("libvips: %v, %q, want %q", err, got, want)
		}
	}
	sharp := os.Getenv("IMGMILL_SHARP")
	if sharp != "" {
		script := fmt.Sprintf(`require(%q)(%q).metadata().then(m => console.log(m.width, m.height, m.gainMap && m.gainMap.image.length))`, sharp, file)
		out, err := exec.Command("node", "-e", script).CombinedOutput()
		if got := strings.Fields(string(out)); err != nil || len(got) != 3 || got[0] != "150" || got[1] != "160" || got[2] == "undefined" {
			t.Errorf("sharp: %v, %s", err, out)
		}
	}
	if !vips && sharp == "" {
		t.Skip("there is neither a Python with pyvips 8.18 nor sharp")
	}
}
