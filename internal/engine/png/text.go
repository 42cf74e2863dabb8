package png

import (
	"bytes"
	"compress/zlib"
	"io"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/exif"
)

// readText keeps the XMP packet of an iTXt chunk with that keyword (section 11.3.3.4; XMP Specification
// Part 3, 1.1.5), or the first bytes of one that is too long: edit histories come after the properties that
// describe the picture. Of the other keywords, it keeps rights.
func (r *reader) readText(data []byte) {
	keyword, rest, ok := bytes.Cut(data, []byte{0})
	isXMP := string(keyword) == "XML:com.adobe.xmp"
	if !ok || len(rest) < 2 || isXMP && r.seen[seenXMP] {
		return
	}
	r.seen[seenXMP] = r.seen[seenXMP] || isXMP
	compressed := rest[0] == 1
	rest = rest[2:]
	for range 2 { // language and translated keyword
		_, after, ok := bytes.Cut(rest, []byte{0})
		if !ok {
			return
		}
		rest = after
	}
	if !isXMP && (compressed || r.right(string(keyword)) == nil) {
		return
	}
	if compressed {
		z, err := zlib.NewReader(bytes.NewReader(rest))
		if err != nil {
			return
		}
		rest, _ = io.ReadAll(io.LimitReader(z, codec.MaxMetadata)) // what a damaged stream holds is enough
	}
	if !isXMP {
		r.setRight(string(keyword), string(rest))
		return
	}
	r.head.XMP = rest[:min(len(rest), codec.MaxMetadata)]
}

// right returns where the text of a keyword that names rights belongs (section 11.3.3.2; ExifTool writes
// Artist), or nil.
func (r *reader) right(keyword string) *string {
	switch keyword {
	case "Author", "Artist":
		return &r.rights.Artist
	case "Copyright":
		return &r.rights.Copyright
	}
	return nil
}

// setRight keeps the first text of a keyword that names rights.
func (r *reader) setRight(keyword, text string) {
	if to := r.right(keyword); to != nil && *to == "" {
		*to = text
	}
}

// useRights makes an EXIF block of texts that name rights, where the file has nothing else that could.
func (r *reader) useRights() {
	if m := &r.head.Metadata; m.EXIF == nil && m.XMP == nil && m.IPTC == nil {
		m.EXIF = exif.CopyrightOnly(r.rights)
	}
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
