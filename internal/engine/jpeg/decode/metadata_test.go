package decode

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/iptc"
	"github.com/imgmill/imgmill/internal/engine/jpeg/encode"
	"github.com/imgmill/imgmill/internal/engine/jpeg/jpegtest"
	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
	"github.com/imgmill/imgmill/internal/engine/xmp"
)

// withSegments returns a small JPEG with segments behind its first marker.
func withSegments(t *testing.T, segments ...[]byte) []byte {
	file := encoded(t, jpegtest.Gray(jpegtest.Scene(20, 20)), encode.Options{Quality: 80})
	return slices.Concat(file[:2], slices.Concat(segments...), file[2:])
}

func textSegment(marker byte, pieces ...string) []byte {
	data := strings.Join(pieces, "")
	return append(binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(len(data)+2)), data...)
}

func metadataOf(t *testing.T, file []byte) codec.Metadata {
	t.Helper()
	d, err := New(bytes.NewReader(file), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return d.Header().Metadata
}

// TestMetadataReturns writes blocks of the largest size, and an extension of several segments.
func TestMetadataReturns(t *testing.T) {
	extension := bytes.Repeat([]byte("extension "), 20000)
	want := codec.Metadata{
		EXIF: bytes.Repeat([]byte("M"), stream.MaxEXIF), XMP: bytes.Repeat([]byte("x"), stream.MaxXMP),
		ExtendedXMP: extension, IPTC: bytes.Repeat([]byte("\x1c"), stream.MaxIPTC),
	}
	copy(want.XMP, xmp.GUID(extension))
	file := encoded(t, jpegtest.Gray(jpegtest.Scene(20, 20)), encode.Options{Quality: 80, Metadata: want})
	jpegtest.Standard(t, file)
	got := metadataOf(t, file)
	for name, blocks := range map[string][2][]byte{
		"EXIF": {got.EXIF, want.EXIF}, "XMP": {got.XMP, want.XMP}, "extended XMP": {got.ExtendedXMP, want.ExtendedXMP}, "IPTC": {got.IPTC, want.IPTC},
	} {
		if !bytes.Equal(blocks[0], blocks[1]) {
			t.Errorf("%s: %d bytes of %d", name, len(blocks[0]), len(blocks[1]))
		}
	}
	if got.Missing != nil {
		t.Errorf("missing: %q", got.Missing)
	}
	for name, m := range map[string]codec.Metadata{"XMP": {XMP: make([]byte, stream.MaxXMP+1)}, "IPTC": {IPTC: make([]byte, stream.MaxIPTC+1)}} {
		p := jpegtest.Gray(jpegtest.Scene(20, 20))
		if err := encode.Encode(t.Context(), &bytes.Buffer{}, p, encode.Options{Quality: 80, Metadata: m}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s that is too long: %v", name, err)
		}
	}
}

// TestExtendedXMPIsJoined checks pieces in any order, pieces of other extensions, and missing ones.
func TestExtendedXMPIsJoined(t *testing.T) {
	extension := strings.Repeat("abcdefghij", 30)
	guid, other := xmp.GUID([]byte(extension)), strings.Repeat("A", 32)
	packet := textSegment(stream.APP1, stream.XMPPrefix, "<x>", guid, "</x>")
	piece := func(guid string, full, at, end int) []byte {
		head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(full)), uint32(at))
		return textSegment(stream.APP1, stream.ExtendedXMPPrefix, guid, string(head), extension[at:end])
	}
	a, b, c := piece(guid, 300, 0, 100), piece(guid, 300, 100, 200), piece(guid, 300, 200, 300)
	for name, test := range map[string]struct {
		segments      [][]byte
		whole, missed bool
	}{
		"in order":           {[][]byte{packet, a, b, c}, true, false},
		"in another order":   {[][]byte{c, a, packet, b}, true, false},
		"another extension":  {[][]byte{packet, piece(other, 300, 0, 300), a, b, c}, true, false},
		"only another":       {[][]byte{packet, piece(other, 300, 0, 300)}, false, false},
		"without a packet":   {[][]byte{a, b, c}, false, false},
		"a piece is missing": {[][]byte{packet, a, c}, false, true},
		"a piece twice":      {[][]byte{packet, a, b, b}, false, true}, // as many bytes as the whole
		"other lengths":      {[][]byte{packet, a, piece(guid, 200, 100, 200)}, false, true},
		"outside":            {[][]byte{packet, piece(guid, 150, 100, 200)}, false, true},
		"too long":           {[][]byte{packet, piece(guid, codec.MaxMetadata+1, 0, 300)}, false, true},
	} {
		m := metadataOf(t, withSegments(t, test.segments...))
		if whole := string(m.ExtendedXMP) == extension; whole != test.whole || (m.Missing != nil) != test.missed || !whole && m.ExtendedXMP != nil {
			t.Errorf("%s: %d bytes, missing %q", name, len(m.ExtendedXMP), m.Missing)
		}
	}
}

// TestIPTCOfSeveralSegments checks that image resources may be divided anywhere.
func TestIPTCOfSeveralSegments(t *testing.T) {
	iim := "\x1c\x02\x50\x00\x03Ann"
	resources := string(iptc.AppendResource(iptc.AppendResource(nil, 0x03ED, []byte("odd")), iptc.ResourceIIM, []byte(iim)))
	for at := range len(resources) + 1 {
		file := withSegments(t, textSegment(stream.APP13, stream.PhotoshopPrefix, resources[:at]), textSegment(stream.APP13, "Adobe_CM"),
			textSegment(stream.APP13, stream.PhotoshopPrefix, resources[at:]))
		if m := metadataOf(t, file); string(m.IPTC) != iim {
			t.Errorf("divided at byte %d: %q", at, m.IPTC)
		}
	}
}
