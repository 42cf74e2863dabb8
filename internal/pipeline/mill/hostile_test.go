package mill_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"golang.org/x/image/bmp"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/mem"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// The malicious uploader's list: pictures that carry a marker in every place beside their pixels,
// under names and with headers that carry it as well. Under default settings, nothing of it may
// reach the target.

// planted is the marker, short enough for the smallest places. Long places repeat it.
const planted = "PLANTED!"

var markerRun = strings.Repeat(planted, 40)

// hostilePicture is a file with markers, and the same picture without them.
type hostilePicture struct {
	name        string
	data, clean []byte
	profile     bool // it has a profile, from which its colours are converted
}

func (p hostilePicture) extension() string { return p.name[strings.LastIndexByte(p.name, '.'):] }

// hostilePictures returns one file for each place of each readable format.
func hostilePictures(t *testing.T) []hostilePicture {
	t.Helper()
	var all []hostilePicture
	add := func(name string, clean, data []byte) {
		all = append(all, hostilePicture{name, data, clean, strings.Contains(name, "profile")})
	}
	photo := sample.Photo(60, 40)
	for name, segments := range map[string][]byte{
		"comment.jpg":          segment(0xfe, markerRun),
		"exif.jpg":             segment(0xe1, "Exif\x00\x00"+plantedEXIF()),
		"broken exif.jpg":      segment(0xe1, "Exif\x00\x00"+markerRun),
		"xmp.jpg":              segment(0xe1, "http://ns.adobe.com/xap/1.0/\x00<x:xmpmeta>"+markerRun+"</x:xmpmeta>"),
		"extended xmp.jpg":     segment(0xe1, "http://ns.adobe.com/xmp/extension/\x00"+markerRun),
		"jfif thumbnail.jpg":   segment(0xe0, "JFXX\x00\x13\x04\x04"+markerRun),
		"iptc.jpg":             segment(0xed, "Photoshop 3.0\x008BIM\x04\x04\x00\x00\x00\x00\x01\x40"+markerRun),
		"every app.jpg":        everyAPP(),
		"profile.jpg":          segment(0xe2, "ICC_PROFILE\x00\x01\x01"+plantedProfile()),
		"broken profile.jpg":   segment(0xe2, "ICC_PROFILE\x00\x01\x01"+markerRun),
		"profile in parts.jpg": append(segment(0xe2, "ICC_PROFILE\x00\x02\x02"+plantedProfile()[300:]), segment(0xe2, "ICC_PROFILE\x00\x01\x02"+plantedProfile()[:300])...),
	} {
		add(name, photo, join(photo[:2], segments, photo[2:]))
	}
	add("after the end.jpg", photo, join(photo, []byte(markerRun)))
	add("a page.jpg", photo, join(photo, []byte("<html><script>"+markerRun+"</script></html>")))
	add("an archive.jpg", photo, join(photo, []byte("PK\x03\x04"+markerRun+"PK\x05\x06"+strings.Repeat("\x00", 18))))

	drawing := dot(t, 30, 2, 0)
	const first = 8 + 25 // the signature and IHDR
	for name, chunks := range map[string][]byte{
		"text.png":           chunk("tEXt", "Author\x00"+markerRun),
		"international.png":  chunk("iTXt", "XML:com.adobe.xmp\x00\x00\x00\x00\x00"+markerRun),
		"exif.png":           chunk("eXIf", plantedEXIF()),
		"profile.png":        chunk("iCCP", planted+"\x00\x00"+string(deflated(plantedProfile()))),
		"broken profile.png": chunk("iCCP", planted+"\x00\x00"+string(deflated(markerRun))),
		"private chunk.png":  chunk("prVt", markerRun),
		"suggested.png":      chunk("sPLT", markerRun),
	} {
		add(name, drawing, join(drawing[:first], chunks, drawing[first:]))
	}
	add("after the end.png", drawing, join(drawing, []byte(markerRun)))

	var b bytes.Buffer
	m := image.NewPaletted(image.Rect(0, 0, 30, 20), color.Palette{color.Black, color.White})
	if err := gif.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	still := bytes.Clone(b.Bytes())
	at := 13 + 3*2 // behind the screen's palette of two colours
	add("comment.gif", still, join(still[:at], []byte("\x21\xfe\x40"+markerRun[:64]+"\x00"), still[at:]))
	add("application.gif", still, join(still[:at], []byte("\x21\xff\x0bXMP DataXMP\x40"+markerRun[:64]+"\x00"), still[at:]))
	add("after the end.gif", still, join(still, []byte(markerRun)))

	// A lossless WebP of one pixel, alone and in an extended file.
	pixel := []byte("VP8L\x0d\x00\x00\x00\x2f\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88\xfe\x07\x00")
	riff := func(chunks ...[]byte) []byte {
		body := join(append([][]byte{[]byte("WEBP")}, chunks...)...)
		return join([]byte("RIFF"), binary.LittleEndian.AppendUint32(nil, uint32(len(body))), body)
	}
	part := func(name, data string) []byte {
		out := binary.LittleEndian.AppendUint32([]byte(name), uint32(len(data)))
		return append(append(out, data...), make([]byte, len(data)&1)...)
	}
	// Flags: profile 32, EXIF 8, XMP 4.
	extended := func(flags byte) []byte {
		return part("VP8X", string([]byte{flags})+"\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	}
	add("exif.webp", riff(pixel), riff(extended(8), pixel, part("EXIF", plantedEXIF())))
	add("xmp.webp", riff(pixel), riff(extended(4), pixel, part("XMP ", markerRun)))
	add("profile.webp", riff(pixel), riff(extended(32), part("ICCP", plantedProfile()), pixel))
	add("unknown chunk.webp", riff(pixel), riff(extended(0), pixel, part("PRIV", markerRun)))

	add("tags.tiff", plainTIFF(false), plainTIFF(true))
	b.Reset()
	if err := bmp.Encode(&b, sample.Landscape(30, 20)); err != nil {
		t.Fatal(err)
	}
	bitmap := bytes.Clone(b.Bytes())
	add("after the end.bmp", bitmap, join(bitmap, []byte(markerRun)))
	addSmallFormats(add, drawing, join(drawing[:first], chunk("tEXt", "Author\x00"+markerRun), drawing[first:]))

	// Not every format can be read yet.
	known := formats.All().Readable()
	return slices.DeleteFunc(all, func(p hostilePicture) bool { return known.Extension(p.extension()) == nil })
}

// addSmallFormats adds pictures in formats that take a few lines each. The two PNGs are the same
// picture without and with markers.
func addSmallFormats(add func(name string, clean, data []byte), clean, text []byte) {
	le, be := binary.LittleEndian, binary.BigEndian
	pix := []byte("\x10\x20\x30\x40\x50\x60\x70\x80\x90\xa0\xb0\xc0\xd0\xe0\xf0\x00\x11\x22") // 3×2, RGB
	pnm := func(comment string) []byte { return join([]byte("P6\n"+comment+"3 2\n255\n"), pix) }
	add("comment.ppm", pnm(""), pnm("# "+markerRun+"\n"))

	qoi := []byte("qoif\x00\x00\x00\x03\x00\x00\x00\x02\x03\x00")
	for i := 0; i < len(pix); i += 3 {
		qoi = append(append(qoi, 0xfe), pix[i:i+3]...)
	}
	qoi = append(qoi, 0, 0, 0, 0, 0, 0, 0, 1)
	add("after the end.qoi", qoi, join(qoi, []byte(markerRun)))

	ico := func(png []byte) []byte {
		entry := le.AppendUint32([]byte("\x00\x00\x01\x00\x01\x00\x1e\x1e\x00\x00\x01\x00\x20\x00"), uint32(len(png)))
		return join(le.AppendUint32(entry, 22), png)
	}
	add("text.ico", ico(clean), join(ico(text), []byte(markerRun)))

	psd := func(resources, end string) []byte {
		out := []byte("8BPS\x00\x01\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x02\x00\x00\x00\x03\x00\x08\x00\x03\x00\x00\x00\x00")
		out = append(be.AppendUint32(out, uint32(len(resources))), resources...)
		out = append(out, 0, 0, 0, 0, 0, 0) // no layers; no compression
		return join(out, pix, []byte(end))
	}
	add("resources.psd", psd("", ""), psd("8BIM\x04\x04\x00\x00\x00\x00\x01\x40"+markerRun, markerRun))
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// segment returns a segment of a JPEG.
func segment(marker byte, data string) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(len(data)+2)), data...)
}

// everyAPP returns a segment of each application, and of those that JPEG reserves, with text alone.
func everyAPP() []byte {
	var all []byte
	for marker := byte(0xe0); marker <= 0xef; marker++ {
		if marker != 0xee { // a malformed Adobe segment would change how colours are read
			all = append(all, segment(marker, markerRun)...)
		}
	}
	return all
}

// chunk returns a chunk of a PNG.
func chunk(name, data string) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	out = append(append(out, name...), data...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
}

// deflated returns data as a zlib stream of one stored block.
func deflated(data string) []byte {
	a, b := uint32(1), uint32(0)
	for _, c := range []byte(data) {
		a = (a + uint32(c)) % 65521
		b = (b + a) % 65521
	}
	out := []byte{0x78, 1, 1}
	out = binary.LittleEndian.AppendUint16(out, uint16(len(data)))
	out = binary.LittleEndian.AppendUint16(out, ^uint16(len(data)))
	return binary.BigEndian.AppendUint32(append(out, data...), b<<16|a)
}

// plantedEXIF returns an EXIF block whose texts, maker note and thumbnail are markers.
func plantedEXIF() string {
	le := binary.LittleEndian
	tags := []uint16{0x010e, 0x010f, 0x013b, 0x8298, 0x9286, 0x927c, 0xfde8} // description to owner
	out := le.AppendUint16([]byte("II*\x00\x08\x00\x00\x00"), uint16(len(tags)))
	at := uint32(8 + 2 + 12*len(tags) + 4)
	for _, tag := range tags {
		out = le.AppendUint16(le.AppendUint16(out, tag), 2)
		out = le.AppendUint32(le.AppendUint32(out, uint32(len(markerRun))), at)
	}
	out = le.AppendUint32(out, 0)
	return string(out) + markerRun
}

// plantedProfile returns a matrix profile with markers in texts, private tags, reserved fields and
// between its tags.
func plantedProfile() string {
	be := binary.BigEndian
	head := []byte(markerRun[:128])
	copy(head[8:], "\x02\x40\x00\x00mntrRGB XYZ ")
	copy(head[36:], "acsp")
	copy(head[64:], "\x00\x00\x00\x00\x00\x00\xf6\xd6\x00\x01\x00\x00\x00\x00\xd3\x2d")
	tags := []struct{ name, data string }{
		{"desc", "desc" + planted[:4] + markerRun}, {"cprt", "text\x00\x00\x00\x00" + markerRun}, {"dmnd", markerRun},
		{"rXYZ", "XYZ " + planted[:4] + "\x00\x00\x6f\xa2\x00\x00\x38\xf5\x00\x00\x03\x90" + planted},
		{"gXYZ", "XYZ " + planted[:4] + "\x00\x00\x62\x99\x00\x00\xb7\x85\x00\x00\x18\xda" + planted},
		{"bXYZ", "XYZ " + planted[:4] + "\x00\x00\x24\xa0\x00\x00\x0f\x84\x00\x00\xb6\xcf" + planted},
		{"wtpt", "XYZ " + planted[:4] + "\x00\x00\xf6\xd6\x00\x01\x00\x00\x00\x00\xd3\x2d" + planted},
		{"rTRC", "curv\x00\x00\x00\x00\x00\x00\x00\x01\x02\x33" + planted},
		{"gTRC", "curv\x00\x00\x00\x00\x00\x00\x00\x01\x02\x33" + planted},
		{"bTRC", "curv\x00\x00\x00\x00\x00\x00\x00\x01\x02\x33" + planted},
		{"priv", markerRun},
	}
	table, values := be.AppendUint32(nil, uint32(len(tags))), ""
	for _, tag := range tags {
		at := 128 + 4 + 12*len(tags) + len(values)
		table = be.AppendUint32(be.AppendUint32(append(table, tag.name...), uint32(at)), uint32(len(tag.data)))
		values += tag.data + planted
	}
	out := join(head, table, []byte(values))
	be.PutUint32(out, uint32(len(out)))
	return string(out)
}

// plainTIFF returns an uncompressed RGB picture of 30×20 pixels, with or without markers in its
// texts, XMP, IPTC, profile, private tags and unused bytes.
func plainTIFF(markers bool) []byte {
	const w, h = 30, 20
	pix := make([]byte, 3*w*h)
	for i := range pix {
		pix[i] = byte(i * 7)
	}
	type entry struct {
		tag, kind uint16
		count     uint32
		data      string
	}
	short := func(v ...uint16) string {
		var b []byte
		for _, x := range v {
			b = binary.LittleEndian.AppendUint16(b, x)
		}
		return string(b)
	}
	entries := []entry{
		{256, 3, 1, short(w)}, {257, 3, 1, short(h)}, {258, 3, 3, short(8, 8, 8)}, {259, 3, 1, short(1)}, {262, 3, 1, short(2)},
		{273, 4, 1, "\x08\x00\x00\x00"}, {277, 3, 1, short(3)}, {278, 3, 1, short(h)}, {279, 4, 1, short(uint16(len(pix)), 0)},
	}
	unused := make([]byte, 64)
	if markers {
		unused = []byte(markerRun[:64])
		text := func(tag uint16) entry { return entry{tag, 2, uint32(len(markerRun)), markerRun} }
		entries = append(append(append(entries[:5:5], text(270), text(271)), entries[5:]...), text(305), text(315),
			entry{700, 1, uint32(len(markerRun)), markerRun}, text(33432), entry{33723, 7, uint32(len(markerRun)), markerRun}, text(65000))
	}
	out := join([]byte("II*\x00"), binary.LittleEndian.AppendUint32(nil, uint32(8+len(pix)+len(unused))), pix, unused)
	ifd := binary.LittleEndian.AppendUint16(nil, uint16(len(entries)))
	at := len(out) + 2 + 12*len(entries) + 4
	var values []byte
	for _, e := range entries {
		ifd = binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(ifd, e.tag), e.kind)
		ifd = binary.LittleEndian.AppendUint32(ifd, e.count)
		if len(e.data) <= 4 {
			ifd = append(ifd, (e.data + "\x00\x00\x00\x00")[:4]...)
			continue
		}
		ifd = binary.LittleEndian.AppendUint32(ifd, uint32(at+len(values)))
		values = append(append(values, e.data...), make([]byte, len(e.data)&1)...)
	}
	return join(out, binary.LittleEndian.AppendUint32(ifd, 0), values)
}

// holdsMarker reports whether data contains a part of the marker, in one byte or two for a letter.
func holdsMarker(data []byte) bool {
	for _, piece := range []string{"PLANT", "ANTED", "NTED!"} {
		wide := []byte{}
		for _, u := range utf16.Encode([]rune(piece)) {
			wide = binary.BigEndian.AppendUint16(wide, u)
		}
		if bytes.Contains(data, []byte(piece)) || bytes.Contains(data, wide) {
			return true
		}
	}
	return false
}

// hostileRecipe makes variants in every format that can be written, and one in that of the source.
func hostileRecipe(t *testing.T) *recipe.Recipe {
	t.Helper()
	text := "source: {bucket: sources, suffixes: []}\ntarget: {bucket: outputs, key: '{variant}/{stem}{ext}'}\n" +
		"variants:\n  same: {width: 16}\n"
	for _, f := range formats.All().Writable() {
		text += fmt.Sprintf("  %s: {width: 12, format: %s}\n", f.Name, f.Name)
	}
	r, err := recipe.Parse(formats.All(), "test", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestNothingButPixels checks that nothing of an upload but its pixels reaches the target under
// default settings: the variants are those of the same picture without markers, unless its colours
// are converted from a profile, and neither they nor their headers hold a marker.
func TestNothingButPixels(t *testing.T) {
	r := hostileRecipe(t)
	covered := map[string]bool{}
	for _, p := range hostilePictures(t) {
		ext := p.extension()
		covered[ext] = true
		if !holdsMarker(p.data) {
			t.Errorf("%s: there is no marker in it", p.name)
		}
		store := mem.New("sources", "outputs")
		b := &bench{t, store, mill.New(store, r)}
		b.mill.Store = relabelled{store, func(i *bucket.Info) {
			i.ContentType = "text/html; x=" + markerRun
			i.CacheControl = "max-age=60, x=" + markerRun
			i.ContentDisposition = "attachment; filename=" + markerRun
			i.Metadata = map[string]string{"x": markerRun, "planted!": "x", "c": "\xff" + markerRun}
		}}
		b.want(b.upload("hostile"+ext, p.data, bucket.Attributes{}), outcome.Done, "")
		b.want(b.upload("clean"+ext, p.clean, bucket.Attributes{}), outcome.Done, "")
		for _, o := range r.Plan("hostile" + ext).Outputs {
			name := o.Variant.Name + "/hostile" + ext
			info, got := b.get(name)
			_, clean := b.get(o.Variant.Name + "/clean" + ext)
			if !p.profile && !bytes.Equal(got, clean) {
				t.Errorf("%s: %s differs from that of the clean picture", p.name, name)
			}
			d, err := r.Formats.Open(bytes.NewReader(got), codec.OpenOptions{})
			if err != nil {
				t.Fatalf("%s: %s: %v", p.name, name, err)
			}
			if h := d.Header(); holdsMarker(got) || h.Layout.Space.ICC != nil || h.EXIF != nil {
				t.Errorf("%s: a marker, EXIF data or a profile reaches %s", p.name, name)
			}
			headers := fmt.Sprint(info.ContentType, info.CacheControl, info.ContentDisposition, info.Metadata)
			if holdsMarker([]byte(strings.ToUpper(headers))) || info.CacheControl != "max-age=60" {
				t.Errorf("%s: a marker reaches the headers of %s: %s", p.name, name, headers)
			}
		}
	}
	for _, f := range r.Formats.Readable() {
		if !slices.ContainsFunc(f.Extensions, func(ext string) bool { return covered[ext] }) {
			t.Errorf("no hostile picture in %s", f.Title)
		}
	}
}

// TestHostileNames checks that keys of any kind end as done, skipped or bad, never as a retry or
// outside of the keys that the recipe names.
func TestHostileNames(t *testing.T) {
	photo := sample.Photo(60, 40)
	for _, key := range []string{
		"../../etc/passwd.jpg", "a/../../b.jpg", "./a.jpg", "/a.jpg", "//a.jpg", "a//b.jpg", ".jpg", "..jpg", "...jpg", "a.jpg/b.jpg",
		"a\\..\\b.jpg", "C:\\a.jpg", "a\x00b.jpg", "a\nb.jpg", "a\r\nX-Forged: b.jpg", "\x1b[2J.jpg", "\u202egpj.exe.jpg", "\xff\xfe.jpg",
		"%2e%2e/a.jpg", "a%00b.jpg", "a+b c.jpg", "{key}.jpg", "{variant}/{width}.jpg", "${HOME}.jpg", "`id`.jpg", "$(id).jpg", "';--.jpg",
		"<script>.jpg", "small/p.jpg", "failed/p.jpg", "failed/p.jpg.json.jpg", "p.jpg.imgmill.json.jpg", "夏休み.jpg", strings.Repeat("é", 508) + ".jpg",
		strings.Repeat("a/", 509) + ".jpg",
	} {
		for _, data := range [][]byte{photo, photo[:900]} {
			b := newBench(t, "on_bad: {prefix: failed/}\nmanifest: true\n")
			r := b.mill.Process(b.Context(), b.upload(key, data, bucket.Attributes{}))
			if r.Verdict == outcome.Retry {
				t.Errorf("%q: %s %s", key, r.Verdict, r.Reason)
			}
			for _, made := range b.outputs() {
				switch made {
				case "small/" + key, "tiny/" + key, key + ".imgmill.json", "failed/" + key, "failed/" + key + ".json":
				default:
					if !strings.HasPrefix(made, "failed/long-keys/") {
						t.Errorf("%q: %q was written", key, made)
					}
				}
			}
		}
	}
}

// TestPagesAreNotPictures checks that what a browser could run is neither a picture nor displayed if
// it is kept as a bad upload.
func TestPagesAreNotPictures(t *testing.T) {
	gifHead := []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00") // enough to be detected, and corrupt
	for name, data := range map[string][]byte{
		"page.jpg":     []byte("<!DOCTYPE html><script>alert(1)</script>"),
		"drawing.png":  []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`),
		"document.jpg": []byte("%PDF-1.7\n1 0 obj"),
		"script.gif":   []byte("GIF"),
		"polyglot.gif": append(gifHead, "/*<script>alert(1)</script>*/=1"...),
	} {
		b := newBench(t, "on_bad: {prefix: failed/}\n")
		r := b.mill.Process(b.Context(), b.upload(name, data, bucket.Attributes{ContentType: "text/html"}))
		if r.Verdict != outcome.Bad && r.Verdict != outcome.Skipped {
			t.Errorf("%s: %s %s", name, r.Verdict, r.Reason)
		}
		for _, key := range b.outputs() {
			if info, _ := b.get(key); info.ContentType == "text/html" || !strings.HasPrefix(key, "failed/") ||
				key == "failed/"+name && (info.ContentDisposition != "attachment" || info.ContentType != "application/octet-stream") {
				t.Errorf("%s: %+v", name, info)
			}
		}
	}
}
