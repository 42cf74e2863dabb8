package encode

import (
	"encoding/binary"
	"fmt"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/iptc"
	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
	"github.com/imgmill/imgmill/internal/engine/xmp"
)

// checkMetadata refuses blocks that no segment holds.
func checkMetadata(m *codec.Metadata) error {
	for _, block := range []struct {
		name       string
		size, most int
	}{{"EXIF", len(m.EXIF), stream.MaxEXIF}, {"XMP", len(m.XMP), stream.MaxXMP}, {"IPTC", len(m.IPTC), stream.MaxIPTC}} {
		if block.size > block.most {
			return fmt.Errorf("encode jpeg: %s block of %d bytes exceeds the %d that fit a segment",
				block.name, block.size, block.most)
		}
	}
	return nil
}

// extendedChunk is how many bytes of an extension a segment holds.
const extendedChunk = stream.MaxSegment - len(stream.ExtendedXMPPrefix) - stream.ExtendedXMPHead

// metadata writes segments of metadata.
func (b *bitWriter) metadata(m *codec.Metadata) {
	if len(m.EXIF) > 0 {
		b.segment(stream.APP1, []byte(stream.EXIFPrefix), m.EXIF)
	}
	if len(m.XMP) > 0 {
		b.segment(stream.APP1, []byte(stream.XMPPrefix), m.XMP)
	}
	for at := 0; at < len(m.ExtendedXMP); at += extendedChunk {
		chunk := m.ExtendedXMP[at:min(at+extendedChunk, len(m.ExtendedXMP))]
		head := binary.BigEndian.AppendUint32([]byte(xmp.GUID(m.ExtendedXMP)), uint32(len(m.ExtendedXMP)))
		head = binary.BigEndian.AppendUint32(head, uint32(at))
		b.segment(stream.APP1, []byte(stream.ExtendedXMPPrefix), head, chunk)
	}
	if len(m.IPTC) > 0 {
		b.segment(stream.APP13, []byte(stream.PhotoshopPrefix), iptc.AppendResource(nil, iptc.ResourceIIM, m.IPTC))
	}
}
