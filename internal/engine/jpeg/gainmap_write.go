package jpeg

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
)

// withGainMap returns a file and its gain map as one file. The segments that announce the map follow the
// other application segments of each file, except that an XMP packet of the first takes the announcement in,
// for readers look at one packet.
func withGainMap(file []byte, m *codec.GainMap) []byte {
	second := insert(m.File,
		rawSegment(stream.APP1, stream.XMPPrefix+gainXMP(&m.Gain)), rawSegment(stream.APP2, isoPrefix+string(gainISO(&m.Gain))))
	file = insert(announce(file, containerDescription(len(second))), rawSegment(stream.APP2, isoPrefix+"\x00\x00\x00\x00"))
	// An MPF segment has the same length whatever it says, so that it can count itself.
	size := len(file) + len(mpf(0, 0, 0))
	at := afterSegments(file) + 4 + len(mpfPrefix) // of the byte order mark
	return append(insert(file, mpf(size, len(second), size-at)), second...)
}

// announce puts an RDF description into the XMP packet of a file, or into one of its own. Where a packet has
// no room for it, the description is left out: the file has an announcement in APP2 as well.
func announce(file []byte, description string) []byte {
	at := 2
	for _, s := range appSegments(file) {
		end := at + 4 + len(s.body)
		if s.marker == stream.APP1 && bytes.HasPrefix(s.body, []byte(stream.XMPPrefix)) {
			i := bytes.LastIndex(s.body, []byte("</rdf:RDF>"))
			if i < 0 || len(s.body)+len(description) > stream.MaxSegment {
				return file
			}
			packet := rawSegment(stream.APP1, string(s.body[:i])+description+string(s.body[i:]))
			return slices.Concat(file[:at], packet, file[end:])
		}
		at = end
	}
	return insert(file, rawSegment(stream.APP1, stream.XMPPrefix+xmpPacket(description)))
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

// containerDescription is the announcement of Ultra HDR: a directory of the two files, of which the second
// has a length.
func containerDescription(length int) string {
	return gainDescription(`
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
	return rawSegment(stream.APP2, string(b))
}
