package decode

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/iptc"
	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
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
	case m.EXIF == nil && len(b) > 6 && string(b[:5]) == stream.EXIFPrefix[:5] && (b[5] == 0 || b[5] == 0xFF):
		m.EXIF = bytes.Clone(b[6:])
	case m.XMP == nil && bytes.HasPrefix(b, []byte(stream.XMPPrefix)):
		m.XMP = bytes.Clone(b[len(stream.XMPPrefix):])
	case len(b) > len(stream.ExtendedXMPPrefix)+stream.ExtendedXMPHead && bytes.HasPrefix(b, []byte(stream.ExtendedXMPPrefix)):
		b = b[len(stream.ExtendedXMPPrefix):]
		be, parts := binary.BigEndian, &d.tables.parts
		p := extendedPart{guid: string(b[:32]), full: int64(be.Uint32(b[32:])), from: int64(be.Uint32(b[36:]))}
		if parts.size += len(b); parts.size <= 2*codec.MaxMetadata {
			p.data = bytes.Clone(b[stream.ExtendedXMPHead:])
			parts.extended = append(parts.extended, p)
		}
	}
}

// app13 keeps image resources.
func (d *Decoder) app13(b []byte) {
	if rest, ok := bytes.CutPrefix(b, []byte(stream.PhotoshopPrefix)); ok {
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
