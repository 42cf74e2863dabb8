package tiff

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	stdjpeg "image/jpeg"
	"math"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/jpeg/decode"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/sample"
)

// jpegOf encodes a part of a drawing with image/jpeg, which subsamples chroma 2×2.
func jpegOf(t testing.TB, m image.Image, r image.Rectangle) []byte {
	t.Helper()
	var part image.Image = crop{m, r}
	if g, ok := m.(*image.Gray); ok {
		part = g.SubImage(r)
	}
	var b bytes.Buffer
	if err := stdjpeg.Encode(&b, part, &stdjpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// crop is a part of a picture, whose edge is repeated beyond it.
type crop struct {
	image.Image
	r image.Rectangle
}

func (c crop) Bounds() image.Rectangle { return c.r }

func (c crop) At(x, y int) color.Color {
	b := c.Image.Bounds()
	return c.Image.At(min(x, b.Max.X-1), min(y, b.Max.Y-1))
}

// abbreviate takes the tables out of a JPEG file (TIFF technical note 2).
func abbreviate(file []byte) (tables, rest []byte) {
	tables, rest = []byte{0xFF, 0xD8}, []byte{0xFF, 0xD8}
	for i := 2; ; {
		n := 2 + int(binary.BigEndian.Uint16(file[i+2:]))
		switch file[i+1] {
		case 0xDB, 0xC4:
			tables = append(tables, file[i:i+n]...)
		case 0xDA:
			return append(tables, 0xFF, 0xD9), append(rest, file[i:]...)
		default:
			rest = append(rest, file[i:i+n]...)
		}
		i += n
	}
}

// jpegFileOf writes a TIFF of JPEG compression in strips or tiles of w×h pixels.
func jpegFileOf(t testing.TB, m image.Image, tiled, shared bool, w, h int) []byte {
	t.Helper()
	size := m.Bounds().Size()
	d := drawing{w: size.X, h: size.Y, photometric: yCbCr, samples: 3, compression: jpegNew, order: binary.LittleEndian, bits: 8}
	if _, ok := m.(*image.Gray); ok {
		d.photometric, d.samples = blackIsZero, 1
	}
	if tiled {
		d.tileW, d.tileH = w, h
	} else {
		d.rows, w = h, size.X
	}
	var blocks [][]byte
	for y := 0; y < size.Y; y += h {
		for x := 0; x < size.X; x += w {
			r := image.Rect(x, y, x+w, y+h)
			if !tiled {
				r = r.Intersect(m.Bounds())
			}
			file := jpegOf(t, m, r)
			if shared {
				var tables []byte
				tables, file = abbreviate(file)
				d.tags = []tag{{tagJPEGTables, tables}}
			}
			blocks = append(blocks, file)
		}
	}
	return d.assemble(blocks)
}

// assemble writes a file of ready strips or tiles behind the directory.
func (d drawing) assemble(blocks [][]byte) []byte {
	var offsets, counts []uint32
	var pixels []byte
	for _, b := range blocks {
		offsets, counts = append(offsets, uint32(len(pixels))), append(counts, uint32(len(b)))
		pixels = append(pixels, b...)
	}
	base := 8 + len(d.directory(offsets, counts, 8))
	for i := range offsets {
		offsets[i] += uint32(base)
	}
	out := append([]byte("II*\x00"), 8, 0, 0, 0)
	return append(append(out, d.directory(offsets, counts, 8)...), pixels...)
}

// offBy is the mean difference of plane 0 of a picture from the luma of a drawing.
func offBy(p *plane.Picture, m image.Image) float64 {
	sum := 0.0
	for y := range p.Height() {
		for x, v := range p.Row(0, y) {
			sum += math.Abs(float64(v) - float64(color.GrayModel.Convert(m.At(x, y)).(color.Gray).Y))
		}
	}
	return sum / float64(p.Width()*p.Height())
}

func TestJPEGInStripsAndTiles(t *testing.T) {
	colours := sample.Landscape(201, 133)
	gray := image.NewGray(colours.Bounds())
	for i := range gray.Pix {
		gray.Pix[i] = color.GrayModel.Convert(colours.At(i%201, i/201)).(color.Gray).Y
	}
	for _, m := range []image.Image{colours, gray} {
		for _, tiled := range []bool{false, true} {
			for _, shared := range []bool{false, true} {
				name := fmt.Sprintf("%T, tiled %v, shared tables %v", m, tiled, shared)
				file := jpegFileOf(t, m, tiled, shared, 64, 32)
				p := mustDecode(t, name, file)
				want := plane.YCbCr
				if m == image.Image(gray) {
					want = plane.Gray
				}
				if off := offBy(p, m); p.Model != want || off > 3 {
					t.Errorf("%s: model %v, off by %.2f", name, p.Model, off)
				}
				for n := 300; n < len(file); n += len(file) / 5 {
					if _, err := decodeFile(file[:n]); !errors.Is(err, codec.ErrCorrupt) {
						t.Errorf("%s: %d bytes of %d: %v", name, n, len(file), err)
					}
				}
			}
		}
	}
}

// TestJPEGOfOneStrip compares with our own JPEG decoder, which reads the same data.
func TestJPEGOfOneStrip(t *testing.T) {
	m := sample.Landscape(201, 133)
	for name, d := range map[string]drawing{
		"new":           {compression: jpegNew},
		"old, in strip": {compression: jpegOld},
		"old":           {compression: jpegOld, tags: []tag{{tagJPEGInterchange, []uint32{8}}, {tagJPEGLength, []uint32{3}}}},
	} {
		d.w, d.h, d.photometric, d.samples, d.rows = 201, 133, yCbCr, 3, 133
		d = d.normal()
		data := jpegOf(t, m, m.Bounds())
		file := d.assemble([][]byte{data})
		if name == "old" { // with the JPEG file before the directory
			dir := d.directory([]uint32{8}, []uint32{5}, 8+len(data))
			file = append(append(append([]byte("II*\x00"), binary.LittleEndian.AppendUint32(nil, uint32(8+len(data)))...), data...), dir...)
		}
		p := mustDecode(t, name, file)
		j, err := decode.New(bytes.NewReader(data), decode.Options{})
		if err != nil {
			t.Fatal(err)
		}
		want := plane.New(j.Header().Layout)
		if _, err := j.Decode(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		for k := range want.Pix {
			if !bytes.Equal(p.Pix[k], want.Pix[k]) {
				t.Errorf("%s: plane %d differs", name, k)
			}
		}
	}
}

// rawFile writes a camera raw file: a thumbnail first, a JPEG preview, and sensor data.
func rawFile(t testing.TB, preview image.Rectangle, sensorW int, dng bool) []byte {
	order := binary.LittleEndian
	out := append([]byte("II*\x00"), 0, 0, 0, 0)
	place := func(b []byte) uint32 {
		at := len(out)
		out = append(append(out, b...), make([]byte, len(b)%2)...)
		return uint32(at)
	}
	data := jpegOf(t, sample.Landscape(preview.Dx(), preview.Dy()), preview)
	jpegAt := place(data)
	thumb := place(make([]byte, 16*12*3))
	children := []uint32{
		place(appendTags(order, false, []tag{
			{tagNewSubfileType, []uint32{1}}, {tagCompression, []uint16{jpegOld}},
			{tagJPEGInterchange, []uint32{jpegAt}}, {tagJPEGLength, []uint32{uint32(len(data))}},
		}, len(out))),
	}
	children = append(children, place(appendTags(order, false, []tag{
		{tagNewSubfileType, []uint32{0}}, {tagImageWidth, []uint32{uint32(sensorW)}}, {tagImageLength, []uint32{uint32(sensorW / 2)}},
		{tagCompression, []uint16{1}}, {tagPhotometric, []uint16{cfa}}, {tagStripOffsets, []uint32{8}}, {tagStripByteCounts, []uint32{100}},
	}, len(out))))
	tags := []tag{
		{tagNewSubfileType, []uint32{1}}, {tagImageWidth, []uint32{16}}, {tagImageLength, []uint32{12}},
		{tagBitsPerSample, []uint16{8, 8, 8}}, {tagCompression, []uint16{1}}, {tagPhotometric, []uint16{rgb}},
		{tagMake, "Imgmill\x00"}, {tagOrientation, []uint16{6}}, {315, "A. Photographer\x00"},
		{tagSamplesPerPixel, []uint16{3}}, {tagStripOffsets, []uint32{thumb}}, {tagStripByteCounts, []uint32{16 * 12 * 3}},
		{tagSubIFDs, children},
	}
	if dng {
		tags = append(tags, tag{tagDNGVersion, []byte{1, 4, 0, 0}})
	}
	order.PutUint32(out[4:], uint32(len(out)))
	return append(out, appendTags(order, false, tags, len(out))...)
}

func TestCameraRawShowsItsLargePreview(t *testing.T) {
	for _, dng := range []bool{false, true} {
		d, err := openFile(rawFile(t, image.Rect(0, 0, 1200, 800), 6000, dng))
		if err != nil {
			t.Fatal(err)
		}
		h := d.Header()
		if h.Width != 1200 || h.Height != 800 || h.Orientation != 6 || !strings.Contains(h.Preview, "1200×800") {
			t.Errorf("%d×%d, orientation %d, preview %q", h.Width, h.Height, h.Orientation, h.Preview)
		}
		if !bytes.Contains(h.EXIF, []byte("A. Photographer")) {
			t.Error("the artist is missing")
		}
		if l := d.Shrink(300, 200); l.Width() != 300 {
			t.Errorf("shrunk to %d", l.Width())
		}
		s := newStrict(d.Shrink(300, 200))
		if _, err := d.Decode(t.Context(), s); err != nil {
			t.Error(err)
		}
		_, err = openFile(rawFile(t, image.Rect(0, 0, 160, 120), 6000, dng))
		if !errors.Is(err, codec.ErrUnsupported) || !strings.Contains(err.Error(), "export it as JPEG") {
			t.Errorf("with a small preview: %v", err)
		}
		if d, err := openFile(rawFile(t, image.Rect(0, 0, 640, 320), 640, dng)); err != nil || d.Header().Width != 640 {
			t.Errorf("with a preview as large as the photograph: %v", err)
		}
	}
}

// TestThumbnailIsNoPhotograph checks that a thumbnail is not shown where the file does not say how
// large the photograph is.
func TestThumbnailIsNoPhotograph(t *testing.T) {
	data := jpegOf(t, sample.Landscape(160, 120), image.Rect(0, 0, 160, 120))
	d := drawing{w: 160, h: 120, photometric: yCbCr, samples: 3, compression: jpegOld, order: binary.LittleEndian, bits: 8, rows: 120}
	file := d.assemble([][]byte{data})
	copy(file, "IIRO")
	if _, err := openFile(file); !errors.Is(err, codec.ErrUnsupported) {
		t.Errorf("a thumbnail of 160×120: %v", err)
	}
}

// TestCameraRawWithoutNamedPreview finds a preview that no directory names.
func TestCameraRawWithoutNamedPreview(t *testing.T) {
	data := jpegOf(t, sample.Landscape(1100, 80), image.Rect(0, 0, 1100, 80))
	dir := appendTags(binary.LittleEndian, false, []tag{{tagImageWidth, []uint32{4000}}, {tagImageLength, []uint32{3000}}}, 8)
	for _, magic := range []string{"IIRO", "IIRS", "IIU\x00"} {
		file := append(append(append([]byte(magic), 8, 0, 0, 0), dir...), make([]byte, 70001)...)
		d, err := openFile(append(file, data...))
		if err != nil || d.Header().Width != 1100 || d.Header().Preview == "" {
			t.Errorf("%q: %v", magic, err)
		}
		if _, err := openFile(file); !errors.Is(err, codec.ErrUnsupported) {
			t.Errorf("%q without a preview: %v", magic, err)
		}
	}
}
