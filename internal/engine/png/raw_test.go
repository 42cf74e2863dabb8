package png

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/exif"
	"github.com/imgmill/imgmill/internal/engine/iptc"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// openWith opens a picture with chunks before its pixels.
func openWith(t *testing.T, chunks ...[]byte) codec.Metadata {
	t.Helper()
	d := draw(3, 2, 0, 8, false, 1)
	d.before = bytes.Join(chunks, nil)
	return openBytes(t, d.file(), 1).Header().Metadata
}

func TestRawProfiles(t *testing.T) {
	const iim, packet = "\x1c\x02\x50\x00\x03Ann", "<x:xmpmeta/>"
	tiff := "MM\x00*\x00\x00\x00\x08" + strings.Repeat("long ", 20)
	resources := string(iptc.AppendResource(nil, iptc.ResourceIIM, []byte(iim)))
	text := func(name, data string) []byte {
		return appendChunk(nil, "tEXt", fmt.Appendf(nil, "Raw profile type %s\x00\n%s\n%8d\n%x\n", name, name, len(data), data))
	}
	compressed := func(name, data string) []byte { return appendChunk(nil, "zTXt", rawText(name, []byte(data))) }
	long := strings.Repeat("x", codec.MaxMetadata+1)
	for name, c := range map[string]struct {
		chunks [][]byte
		want   codec.Metadata
		missed bool
	}{
		"EXIF":                   {[][]byte{compressed("exif", "Exif\x00\x00"+tiff)}, codec.Metadata{EXIF: []byte(tiff)}, false},
		"EXIF without prefix":    {[][]byte{text("exif", tiff)}, codec.Metadata{EXIF: []byte(tiff)}, false},
		"EXIF of a segment":      {[][]byte{compressed("APP1", "Exif\x00\x00"+tiff)}, codec.Metadata{EXIF: []byte(tiff)}, false},
		"XMP of a segment":       {[][]byte{text("APP1", "http://ns.adobe.com/xap/1.0/\x00"+packet)}, codec.Metadata{XMP: []byte(packet)}, false},
		"XMP":                    {[][]byte{text("xmp", packet)}, codec.Metadata{XMP: []byte(packet)}, false},
		"IPTC":                   {[][]byte{compressed("iptc", resources)}, codec.Metadata{IPTC: []byte(iim)}, false},
		"IPTC without resource":  {[][]byte{text("iptc", iim)}, codec.Metadata{IPTC: []byte(iim)}, false},
		"IPTC as resources":      {[][]byte{text("8bim", resources)}, codec.Metadata{IPTC: []byte(iim)}, false},
		"the chunk has priority": {[][]byte{text("exif", tiff), appendChunk(nil, "eXIf", []byte("II*\x00"))}, codec.Metadata{EXIF: []byte("II*\x00")}, false},
		"the first":              {[][]byte{text("xmp", packet), text("xmp", "other")}, codec.Metadata{XMP: []byte(packet)}, false},
		"another kind":           {[][]byte{text("icc", "profile")}, codec.Metadata{}, false},
		"another text":           {[][]byte{appendChunk(nil, "tEXt", []byte("Raw profile type xmp"))}, codec.Metadata{}, false},
		"too long":               {[][]byte{compressed("xmp", long)}, codec.Metadata{}, true},
		"other length":           {[][]byte{appendChunk(nil, "tEXt", []byte("Raw profile type xmp\x00\nxmp\n 3\n0102\n"))}, codec.Metadata{}, true},
		"no digits":              {[][]byte{appendChunk(nil, "tEXt", []byte("Raw profile type xmp\x00\nxmp\n 1\nzz\n"))}, codec.Metadata{}, true},
		"negative length":        {[][]byte{appendChunk(nil, "tEXt", []byte("Raw profile type xmp\x00\nxmp\n -1\n\n"))}, codec.Metadata{}, true},
		"empty":                  {[][]byte{appendChunk(nil, "tEXt", []byte("Raw profile type xmp\x00"))}, codec.Metadata{}, true},
		"not compressed":         {[][]byte{appendChunk(nil, "zTXt", []byte("Raw profile type xmp\x00\x00zz"))}, codec.Metadata{}, true},
	} {
		got := openWith(t, c.chunks...)
		if !bytes.Equal(got.EXIF, c.want.EXIF) || !bytes.Equal(got.XMP, c.want.XMP) || !bytes.Equal(got.IPTC, c.want.IPTC) || (got.Missing != nil) != c.missed {
			t.Errorf("%s: %.300q", name, fmt.Sprint(got))
		}
	}
}

// TestMetadataReturns writes blocks and reads them back.
func TestMetadataReturns(t *testing.T) {
	want := codec.Metadata{EXIF: []byte("II*\x00"), XMP: []byte("<x:xmpmeta/>"), IPTC: bytes.Repeat([]byte("\x1c\x02\x50\x00\x03Ann"), 30)}
	p := plane.New(plane.NewLayout(plane.Gray, false, 3, 2, 1, 1))
	data, err := encoder{}.Encode(t.Context(), p, codec.EncodeOptions{Metadata: want})
	if err != nil {
		t.Fatal(err)
	}
	got := openBytes(t, data, 1).Header().Metadata
	if !bytes.Equal(got.EXIF, want.EXIF) || !bytes.Equal(got.XMP, want.XMP) || !bytes.Equal(got.IPTC, want.IPTC) {
		t.Errorf("%q", fmt.Sprint(got))
	}
}

// TestTextsNameRights checks that texts are read as rights where the file has nothing else that could
// name them.
func TestTextsNameRights(t *testing.T) {
	latin := func(keyword, text string) []byte { return appendChunk(nil, "tEXt", []byte(keyword+"\x00"+text)) }
	international := func(keyword, text string) []byte {
		return appendChunk(nil, "iTXt", []byte(keyword+"\x00\x00\x00en\x00\x00"+text))
	}
	packet := appendChunk(nil, "iTXt", xmpText([]byte("<x/>")))
	for name, c := range map[string]struct {
		chunks [][]byte
		want   exif.Info
	}{
		"Author and Copyright":  {[][]byte{latin("Author", "Zo\xeb"), latin("Copyright", "\xa9 Zo\xeb")}, exif.Info{Artist: "Zoë", Copyright: "© Zoë"}},
		"of ExifTool":           {[][]byte{latin("Artist", "Ann")}, exif.Info{Artist: "Ann"}},
		"international":         {[][]byte{international("Author", "写真"), latin("Author", "Ann")}, exif.Info{Artist: "写真"}},
		"another keyword":       {[][]byte{latin("Comment", "Ann"), international("Title", "Ann")}, exif.Info{}},
		"beside XMP":            {[][]byte{latin("Author", "Ann"), packet}, exif.Info{}},
		"beside EXIF":           {[][]byte{latin("Author", "Ann"), appendChunk(nil, "eXIf", []byte("II*\x00"))}, exif.Info{}},
		"behind XMP that is no": {[][]byte{international("XML:com.adobe.xmp2", "<x/>"), latin("Author", "Ann")}, exif.Info{Artist: "Ann"}},
	} {
		m := openWith(t, c.chunks...)
		if info, _ := exif.Parse(m.EXIF); info != c.want {
			t.Errorf("%s: %+v", name, info)
		}
	}
}
