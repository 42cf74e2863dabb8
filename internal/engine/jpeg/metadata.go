package jpeg

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/iptc"
	"github.com/imgmill/imgmill/internal/engine/xmp"
)

// Prefixes of segments with metadata.
const (
	exifPrefix      = "Exif\x00\x00"                             // APP1 (Exif 4.7.2)
	xmpPrefix       = "http://ns.adobe.com/xap/1.0/\x00"         // APP1 (XMP Specification Part 3, 1.1.3)
	extendedPrefix  = "http://ns.adobe.com/xmp/extension/\x00"   // APP1 (1.1.3.1)
	photoshopPrefix = "Photoshop 3.0\x00"                        // APP13, image resources
	maxSegment      = 65533                                      // bytes of a segment behind its length
	maxEXIF         = maxSegment - len(exifPrefix)               // bytes of a block
	maxXMP          = 65502                                      // as 1.1.3 says
	maxIPTC         = maxSegment - len(photoshopPrefix) - 12 - 1 // of an image resource: its head, and padding
	extendedHead    = 32 + 4 + 4                                 // GUID, length of the extension, offset
	extendedChunk   = maxSegment - len(extendedPrefix) - extendedHead
)

// metadataParts are the segments that metadata is joined from.
type metadataParts struct {
	extended  []extendedPart
	size      int    // bytes of all of them
	resources []byte // of APP13 segments, which continue one another
}

// extendedPart is a piece of an extension.
type extendedPart struct {
	guid       string
	full, from int64 // the length of the extension, and where in it the piece begins
	data       []byte
}

// app1 keeps the first EXIF block, whose prefix some writers end with 0xFF, the first XMP packet, and
// pieces of its extension.
func (d *Decoder) app1(b []byte) {
	m := &d.header.Metadata
	switch {
	case m.EXIF == nil && len(b) > 6 && string(b[:5]) == exifPrefix[:5] && (b[5] == 0 || b[5] == 0xFF):
		m.EXIF = bytes.Clone(b[6:])
	case m.XMP == nil && bytes.HasPrefix(b, []byte(xmpPrefix)):
		m.XMP = bytes.Clone(b[len(xmpPrefix):])
	case len(b) > len(extendedPrefix)+extendedHead && bytes.HasPrefix(b, []byte(extendedPrefix)):
		b = b[len(extendedPrefix):]
		be, parts := binary.BigEndian, &d.tables.parts
		p := extendedPart{guid: string(b[:32]), full: int64(be.Uint32(b[32:])), from: int64(be.Uint32(b[36:]))}
		if parts.size += len(b); parts.size <= 2*codec.MaxMetadata {
			p.data = bytes.Clone(b[extendedHead:])
			parts.extended = append(parts.extended, p)
		}
	}
}

// app13 keeps image resources.
func (d *Decoder) app13(b []byte) {
	if rest, ok := bytes.CutPrefix(b, []byte(photoshopPrefix)); ok {
		parts := &d.tables.parts
		if len(parts.resources)+len(rest) <= codec.MaxMetadata {
			parts.resources = append(parts.resources, rest...)
		}
	}
}

// joinMetadata makes blocks of the segments that have been read.
func (d *Decoder) joinMetadata() {
	m, parts := &d.header.Metadata, &d.tables.parts
	m.IPTC = iptc.Resource(parts.resources, iptc.ResourceIIM)
	// Other extensions than the one that the packet names are left over from other software.
	named := slices.DeleteFunc(parts.extended, func(p extendedPart) bool {
		return !bytes.Contains(m.XMP, []byte(p.guid))
	})
	slices.SortStableFunc(named, func(a, b extendedPart) int { return cmp.Compare(a.from, b.from) })
	var whole []byte
	for _, p := range named {
		if p.from == int64(len(whole)) && p.full == named[0].full {
			whole = append(whole, p.data...)
		}
	}
	if len(named) > 0 {
		if int64(len(whole)) == named[0].full && len(whole) <= codec.MaxMetadata {
			m.ExtendedXMP = whole
		} else {
			m.Lacks("extended XMP: incomplete, or more than %d bytes", codec.MaxMetadata)
		}
	}
	*parts = metadataParts{}
}

// checkMetadata refuses blocks that no segment holds.
func checkMetadata(m *codec.Metadata) error {
	for _, block := range []struct {
		name       string
		size, most int
	}{{"EXIF", len(m.EXIF), maxEXIF}, {"XMP", len(m.XMP), maxXMP}, {"IPTC", len(m.IPTC), maxIPTC}} {
		if block.size > block.most {
			return fmt.Errorf("encode jpeg: %s block of %d bytes exceeds the %d that fit a segment",
				block.name, block.size, block.most)
		}
	}
	return nil
}

// metadata writes segments of metadata.
func (b *bitWriter) metadata(m *codec.Metadata) {
	if len(m.EXIF) > 0 {
		b.segment(markerAPP1, []byte(exifPrefix), m.EXIF)
	}
	if len(m.XMP) > 0 {
		b.segment(markerAPP1, []byte(xmpPrefix), m.XMP)
	}
	for at := 0; at < len(m.ExtendedXMP); at += extendedChunk {
		chunk := m.ExtendedXMP[at:min(at+extendedChunk, len(m.ExtendedXMP))]
		head := binary.BigEndian.AppendUint32([]byte(xmp.GUID(m.ExtendedXMP)), uint32(len(m.ExtendedXMP)))
		head = binary.BigEndian.AppendUint32(head, uint32(at))
		b.segment(markerAPP1, []byte(extendedPrefix), head, chunk)
	}
	if len(m.IPTC) > 0 {
		b.segment(markerAPP13, []byte(photoshopPrefix), iptc.AppendResource(nil, iptc.ResourceIIM, m.IPTC))
	}
}
