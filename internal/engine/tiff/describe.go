package tiff

import (
	"encoding/binary"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/exif"
	"github.com/imgmill/imgmill/internal/engine/iptc"
)

const (
	tagXMP       = 700   // XMP Specification Part 3, 3.3.1
	tagIPTC      = 33723 // as is the next one
	tagPhotoshop = 34377 // image resources
	tagExif      = 34665
	tagGPS       = 34853
	tagMakerNote = 37500 // of the Exif directory

	maxField = 16 << 10 // bytes of a value that is kept
	maxExif  = 60 << 10 // bytes of all of them: a JPEG segment holds 64 KiB
)

// descriptive are the tags of a TIFF directory that Exif 3.0 (4.6.4, 4.6.5 and annex) has too and
// that speak of the picture, not of how it is stored. true marks those for whose sake a block is
// made.
var descriptive = map[uint16]bool{
	270: true, 271: true, 272: true, 305: true, 306: true, 315: true, 316: true, 33432: true,
	40091: true, 40092: true, 40093: true, 40094: true, 40095: true,
	tagOrientation: false, 282: false, 283: false, 296: false,
}

// notMoved are tags of an Exif directory whose values contain offsets of the file.
var notMoved = map[uint16]bool{tagMakerNote: true, 40965: true, tagExif: true, tagGPS: true, tagSubIFDs: true}

// describe sets the orientation, profile and metadata of a header from a directory. The EXIF block is a
// copy of what describes the picture; damaged fields are left out.
func (c *container) describe(h *codec.Header, d *directory) error {
	if o := c.number(d, tagOrientation, 1); o <= 255 && exif.Orientation(o).Valid() {
		h.Orientation = exif.Orientation(o)
	}
	if e, ok := d.find(tagICCProfile); ok && e.size() <= codec.MaxProfile {
		if icc, err := c.bytes(e.at, e.size()); err == nil {
			h.Layout.Space.ICC = icc
		}
	}
	h.EXIF = c.exif(h, d)
	h.XMP = c.block(h, d, tagXMP)
	if h.IPTC = iptc.Bare(c.block(h, d, tagIPTC)); h.IPTC == nil {
		h.IPTC = iptc.Resource(c.block(h, d, tagPhotoshop), iptc.ResourceIIM)
	}
	return c.s.Err()
}

// block returns the bytes of a tag, or nil. One that is damaged or too large is missing.
func (c *container) block(h *codec.Header, d *directory, tag uint16) []byte {
	e, ok := d.find(tag)
	if !ok {
		return nil
	}
	if e.size() <= codec.MaxMetadata {
		if b, err := c.bytes(e.at, e.size()); err == nil {
			return b
		}
	}
	h.Lacks("tag %d: %d bytes that are not in the file, or more than %d", tag, e.size(), codec.MaxMetadata)
	return nil
}

// exif returns an EXIF block of the fields of a directory, or nil if nothing describes the picture.
func (c *container) exif(h *codec.Header, d *directory) []byte {
	total, worth := 0, false
	fields := c.copyFields(d, &total, func(tag uint16) bool {
		wanted, known := descriptive[tag]
		worth = worth || wanted
		return known
	})
	for _, tag := range []uint16{tagExif, tagGPS} {
		e, ok := d.find(tag)
		if !ok {
			continue
		}
		at, err := c.integer(e, 0)
		if err != nil || at > 1<<62 {
			continue
		}
		child, err := c.directory(int64(at))
		if err != nil {
			continue
		}
		if _, ok := child.find(tagMakerNote); ok {
			h.Lacks("EXIF maker note: it has offsets within the TIFF file")
		}
		if f := c.copyFields(child, &total, func(tag uint16) bool { return !notMoved[tag] }); f != nil {
			worth = true
			fields = append(fields, exif.Field{Tag: tag, Fields: f})
		}
	}
	if !worth {
		return nil
	}
	return exif.Write(c.order.(binary.AppendByteOrder), fields)
}

// copyFields copies the fields of a directory that are wanted and small. total counts their bytes.
func (c *container) copyFields(d *directory, total *int, wanted func(tag uint16) bool) (fields []exif.Field) {
	seen := map[uint16]bool{}
	for _, e := range d.entries {
		if seen[e.tag] || e.count == 0 || e.typ > typeDouble || e.size() > maxField || *total+int(e.size()) > maxExif {
			continue
		}
		seen[e.tag] = true
		value, err := c.bytes(e.at, e.size())
		if err != nil || !wanted(e.tag) {
			continue
		}
		*total += len(value) + 12
		fields = append(fields, exif.Field{Tag: e.tag, Type: e.typ, Count: uint32(e.count), Value: value})
	}
	return fields
}
