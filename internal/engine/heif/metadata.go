package heif

import (
	"encoding/binary"
	"slices"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/exif"
)

// describe reads the EXIF block and the XMP packet of a picture into h. Which picture an item
// describes, its reference cdsc says; one without is about the picture that is shown.
func (c *container) describe(h *codec.Header, id uint32) error {
	for _, i := range c.meta.order {
		if to := i.targets("cdsc"); to != nil && !slices.Contains(to, id) {
			continue
		}
		var name string
		switch {
		case i.kind == "Exif" && h.EXIF == nil:
			name = "EXIF"
		case i.kind == "mime" && i.mediaType == "application/rdf+xml" && h.XMP == nil:
			name = "XMP"
		default:
			continue
		}
		if i.encoding != "" {
			h.Lacks("%s: it is compressed (%s)", name, i.encoding)
			continue
		}
		b, err := c.data(i, codec.MaxMetadata)
		if err != nil {
			if c.s.Err() != nil {
				return err
			}
			h.Lacks("%s: %v", name, err)
			continue
		}
		if name == "XMP" {
			h.XMP = b
			continue
		}
		// The block begins as many bytes behind the first field as that says (ISO/IEC 23008-12, A.2.1).
		if len(b) < 4 || int64(binary.BigEndian.Uint32(b)) > int64(len(b)-4) {
			h.Lacks("EXIF: the block is not where its item says")
			continue
		}
		h.EXIF = b[4+binary.BigEndian.Uint32(b):]
	}
	return nil
}

// orient chooses the orientation. The properties of the file decide, and the EXIF block only where
// there is none that turns or mirrors: then it is the only one to say which way is up.
func orient(h *codec.Header, v view) {
	h.Orientation = v.orientation()
	if info, _ := exif.Parse(h.EXIF); !v.turned && info.Orientation.Valid() { // what could be read
		h.Orientation = info.Orientation
	}
}
