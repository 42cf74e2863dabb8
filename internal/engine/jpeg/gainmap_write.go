package jpeg

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// withGainMap returns a file and its gain map as one file. The segments that announce the map follow the
// other application segments of each file; nothing else changes.
func withGainMap(file []byte, m *codec.GainMap) []byte {
	second := insert(m.File,
		rawSegment(markerAPP1, xmpPrefix+gainXMP(&m.Gain)), rawSegment(markerAPP2, isoPrefix+string(gainISO(&m.Gain))))
	announcement := rawSegment(markerAPP1, xmpPrefix+containerXMP(len(second)))
	version := rawSegment(markerAPP2, isoPrefix+"\x00\x00\x00\x00")
	// An MPF segment has the same length whatever it says, so that it can count itself.
	size := len(file) + len(announcement) + len(version) + len(mpf(0, 0, 0))
	at := afterSegments(file) + len(announcement) + len(version) + 4 + len(mpfPrefix) // of the byte order mark
	first := insert(file, announcement, version, mpf(size, len(second), size-at))
	return append(first, second...)
}

func rawSegment(marker byte, body string) []byte {
	b := binary.BigEndian.AppendUint16([]byte{0xFF, marker}, uint16(2+len(body)))
	return append(b, body...)
}

// afterSegments returns where the application segments of a file end.
func afterSegments(file []byte) int {
	at := 2
	for _, s := range appSegments(file) {
		at += 4 + len(s.body)
	}
	return at
}

func insert(file []byte, segments ...[]byte) []byte {
	at := afterSegments(file)
	return slices.Concat(file[:at], slices.Concat(segments...), file[at:])
}

// containerXMP is the announcement of Ultra HDR: a directory of the two files, of which the second has a
// length.
func containerXMP(length int) string {
	return xmpPacket(`
 xmlns:Container="http://ns.google.com/photos/1.0/container/"
 xmlns:Item="http://ns.google.com/photos/1.0/container/item/"`, "", fmt.Sprintf(`<Container:Directory><rdf:Seq>
<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="Primary" Item:Mime="image/jpeg"/></rdf:li>
<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="GainMap" Item:Mime="image/jpeg" Item:Length="%d"/></rdf:li>
</rdf:Seq></Container:Directory>
`, length))
}

// mpf writes the index of two pictures (DC-007, 5.2): their sizes, and the offset of the second from the byte
// order mark.
func mpf(first, second, offset int) []byte {
	o := binary.BigEndian
	b := []byte(mpfPrefix + "MM\x00\x2A\x00\x00\x00\x08\x00\x03")
	entry := func(tag, kind uint16, count int, value string) {
		b = o.AppendUint32(o.AppendUint16(o.AppendUint16(b, tag), kind), uint32(count))
		b = append(b, value...)
	}
	const (
		undefined = 7
		long      = 4
		entries   = 8 + 2 + 3*12 + 4
	)
	entry(0xB000, undefined, 4, "0100")
	entry(0xB001, long, 1, "\x00\x00\x00\x02")
	entry(0xB002, undefined, 32, string([]byte{0, 0, 0, entries}))
	b = o.AppendUint32(b, 0) // there is no further directory
	for _, e := range [2][3]int{{0x030000, first, 0}, {0, second, offset}} {
		for _, v := range e {
			b = o.AppendUint32(b, uint32(v))
		}
		b = o.AppendUint32(b, 0) // it depends on no other picture
	}
	return rawSegment(markerAPP2, string(b))
}
