package png

import (
	"bytes"
	"compress/zlib"
	"io"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/exif"
)

// readText keeps the XMP packet of an iTXt chunk with that keyword (section 11.3.3.4; XMP
// Specification Part 3, 1.1.5), or the first bytes of one that is too long: edit histories come after the
// properties that describe the picture.
func (r *reader) readText(data []byte) {
	rest, ok := bytes.CutPrefix(data, []byte("XML:com.adobe.xmp\x00"))
	if !ok || len(rest) < 2 {
		return
	}
	r.seen[seenXMP] = true
	compressed := rest[0] == 1
	rest = rest[2:]
	for range 2 { // language and translated keyword
		_, after, ok := bytes.Cut(rest, []byte{0})
		if !ok {
			return
		}
		rest = after
	}
	if compressed {
		z, err := zlib.NewReader(bytes.NewReader(rest))
		if err != nil {
			return
		}
		rest, _ = io.ReadAll(io.LimitReader(z, codec.MaxMetadata)) // what a damaged stream holds is enough
	}
	r.head.XMP = rest[:min(len(rest), codec.MaxMetadata)]
}

// xmpOrientation returns the orientation that an XMP packet declares, as an attribute or as an
// element, or 0 (XMP Specification Part 2, 2.4.4, "TIFF namespace").
func xmpOrientation(xmp []byte) exif.Orientation {
	_, value, ok := bytes.Cut(xmp, []byte("tiff:Orientation"))
	if !ok {
		return 0
	}
	value = bytes.TrimLeft(value, " \t\r\n=\"'>")
	if len(value) < 2 || value[1] >= '0' && value[1] <= '9' {
		return 0
	}
	if o := exif.Orientation(value[0] - '0'); o.Valid() {
		return o
	}
	return 0
}

// xmpText returns the data of an iTXt chunk with an XMP packet, which is not compressed, and without
// languages.
func xmpText(packet []byte) []byte {
	return append([]byte("XML:com.adobe.xmp\x00\x00\x00\x00\x00"), packet...)
}
