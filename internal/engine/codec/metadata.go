package codec

import (
	"fmt"

	"github.com/imgmill/imgmill/internal/engine/exif"
)

// Metadata is what a file says about its picture beside the pixels and their colours, as blocks that no
// format changes. Decoders fill it without a look at the content, but for the orientation; what of it
// reaches a variant is decided by package render; encoders write what they are given.
type Metadata struct {
	EXIF []byte // TIFF-structured block without its "Exif\0\0" prefix, or nil
	XMP  []byte // packet, or nil
	// ExtendedXMP is the part of a packet that did not fit its place in a JPEG, an RDF document of its
	// own, or nil (XMP Specification Part 3, 1.1.3.1).
	ExtendedXMP []byte
	IPTC        []byte // IIM datasets, without the image resource that may surround them, or nil
	// Missing lists blocks that the file has and that could not be read, each with the reason.
	Missing []string
}

// MaxMetadata bounds a block that a decoder has to collect or decompress, in bytes.
const MaxMetadata = 1 << 20

// Lacks adds to Missing a block that could not be read.
func (m *Metadata) Lacks(format string, args ...any) {
	m.Missing = append(m.Missing, fmt.Sprintf(format, args...))
}

// SetEXIF stores an EXIF block and the orientation that it declares. A broken block does not make a
// picture bad.
func (h *Header) SetEXIF(tiff []byte) {
	h.EXIF = tiff
	info, _ := exif.Parse(tiff) // returns what could be read beside the error
	if info.Orientation.Valid() {
		h.Orientation = info.Orientation
	}
}
