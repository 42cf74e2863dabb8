package png

import (
	"bytes"
	"compress/zlib"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/iptc"
)

// Before PNG had chunks for metadata, ImageMagick wrote it as text, and others followed: under a keyword
// such as "Raw profile type exif", a line with the name, one with the number of bytes, and the bytes in
// hexadecimal digits, 36 a line. The specification does not know it; for IPTC there still is nothing else.
const rawKeyword = "Raw profile type "

// readLatin keeps rights from a tEXt chunk, and raw profiles from one or from a zTXt chunk (sections
// 11.3.3.2 and 11.3.3.3).
func (r *reader) readLatin(kind string, data []byte) {
	keyword, text, ok := bytes.Cut(data, []byte{0})
	if name, raw := bytes.CutPrefix(keyword, []byte(rawKeyword)); ok && raw {
		r.readRaw(kind, name, text)
	} else if ok && kind == "tEXt" {
		r.setRight(string(keyword), iptc.Latin1(string(text)))
	}
}

// readRaw keeps the first raw profile of each kind. Only these are decompressed.
func (r *reader) readRaw(kind string, name, text []byte) {
	index, known := map[string]int{
		"exif": seenRawEXIF, "APP1": seenRawEXIF, "xmp": seenRawXMP, "iptc": seenRawIPTC, "8bim": seenRawIPTC,
	}[string(name)]
	if !known || r.seen[index] {
		return
	}
	r.seen[index] = true
	if kind == "zTXt" {
		if len(text) == 0 || text[0] != 0 {
			return
		}
		text = inflateText(text[1:])
	}
	profile := parseRaw(text)
	switch {
	case profile == nil:
		r.raw.Lacks("%s of a raw profile: damaged, or more than %d bytes", name, codec.MaxMetadata)
	case index == seenRawIPTC:
		r.raw.IPTC = iptc.Bare(profile)
	case bytes.HasPrefix(profile, []byte("Exif\x00")) && len(profile) > 6:
		r.raw.EXIF = profile[6:]
	case index == seenRawEXIF && bytes.HasPrefix(profile, []byte("http://ns.adobe.com/xap/1.0/\x00")):
		_, r.raw.XMP, _ = bytes.Cut(profile, []byte{0}) // of an APP1 segment with XMP
	case index == seenRawEXIF:
		r.raw.EXIF = profile
	default:
		r.raw.XMP = profile
	}
}

// useRaw uses the raw profiles of what no chunk holds. An orientation in them has no effect, as in
// browsers.
func (r *reader) useRaw() {
	m := &r.head.Metadata
	if m.EXIF == nil {
		m.EXIF = r.raw.EXIF
	}
	if m.XMP == nil {
		m.XMP = r.raw.XMP
	}
	m.IPTC, m.Missing = r.raw.IPTC, r.raw.Missing
}

// inflateText decompresses the text of a raw profile, or returns nil.
func inflateText(data []byte) []byte {
	z, err := zlib.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil
	}
	const most = 5 * codec.MaxMetadata / 2 // two digits a byte, and line ends
	text, err := io.ReadAll(io.LimitReader(z, most+1))
	if err != nil || len(text) > most {
		return nil
	}
	return text
}

// parseRaw returns the bytes of a raw profile, or nil if they are not as many as it says.
func parseRaw(text []byte) []byte {
	_, text, _ = bytes.Cut(bytes.TrimLeft(text, "\n"), []byte{'\n'}) // the name
	number, text, _ := bytes.Cut(text, []byte{'\n'})
	size, err := strconv.Atoi(string(bytes.TrimSpace(number)))
	if err != nil || size <= 0 || size > codec.MaxMetadata {
		return nil
	}
	digits := bytes.Join(bytes.Fields(text), nil)
	if len(digits) != 2*size {
		return nil
	}
	profile := make([]byte, size)
	if _, err := hex.Decode(profile, digits); err != nil {
		return nil
	}
	return profile
}

// rawText returns the data of a zTXt chunk with a raw profile.
func rawText(name string, profile []byte) []byte {
	var text bytes.Buffer
	fmt.Fprintf(&text, "\n%s\n%8d\n", name, len(profile))
	for ; len(profile) > 36; profile = profile[36:] {
		fmt.Fprintf(&text, "%x\n", profile[:36])
	}
	fmt.Fprintf(&text, "%x\n", profile)
	return append([]byte(rawKeyword+name+"\x00\x00"), deflateProfile(text.Bytes())...)
}
