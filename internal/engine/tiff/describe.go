package tiff

import (
	"encoding/binary"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/exif"
)

const (
	tagExif = 34665
	tagGPS  = 34853

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
var notMoved = map[uint16]bool{37500: true, 40965: true, tagExif: true, tagGPS: true, tagSubIFDs: true}

// describe sets the orientation, profile and EXIF block of a header from a directory. The block is a
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
	h.EXIF = c.exif(d)
	return c.s.Err()
}

// exifField is one field of a block, in the byte order of the file. child is the fields of the
// directory that it points to.
type exifField struct {
	tag, typ uint16
	count    uint32
	value    []byte
	child    []exifField
}

// exif returns an EXIF block of the fields of a directory, or nil if nothing describes the picture.
func (c *container) exif(d *directory) []byte {
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
		if f := c.copyFields(child, &total, func(tag uint16) bool { return !notMoved[tag] }); f != nil {
			worth = true
			fields = insert(fields, exifField{tag: tag, typ: typeLong, count: 1, child: f})
		}
	}
	if !worth {
		return nil
	}
	order := c.order.(binary.AppendByteOrder)
	mark := "II"
	if c.order == binary.BigEndian {
		mark = "MM"
	}
	out := order.AppendUint32(order.AppendUint16([]byte(mark), 42), 8)
	return appendDirectory(out, fields, order)
}

// copyFields copies the fields of a directory that are wanted and small. total counts their bytes.
func (c *container) copyFields(d *directory, total *int, wanted func(tag uint16) bool) (fields []exifField) {
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
		fields = insert(fields, exifField{tag: e.tag, typ: e.typ, count: uint32(e.count), value: value})
	}
	return fields
}

// insert keeps fields in the order of their tags.
func insert(fields []exifField, f exifField) []exifField {
	i := len(fields)
	for i > 0 && fields[i-1].tag > f.tag {
		i--
	}
	return append(fields[:i:i], append([]exifField{f}, fields[i:]...)...)
}

// appendDirectory appends a directory, its values and the directories that it points to.
func appendDirectory(out []byte, fields []exifField, order binary.AppendByteOrder) []byte {
	at := len(out) + 2 + 12*len(fields) + 4
	var tail []byte
	out = order.AppendUint16(out, uint16(len(fields)))
	for _, f := range fields {
		out = order.AppendUint32(order.AppendUint16(order.AppendUint16(out, f.tag), f.typ), f.count)
		if f.child == nil && len(f.value) <= 4 {
			out = append(out, append(append([]byte{}, f.value...), 0, 0, 0, 0)[:4]...)
			continue
		}
		out = order.AppendUint32(out, uint32(at+len(tail)))
		if f.child != nil {
			whole := appendDirectory(make([]byte, at+len(tail)), f.child, order)
			tail = append(tail, whole[at+len(tail):]...)
		} else {
			tail = append(tail, f.value...)
		}
		if (at+len(tail))%2 != 0 {
			tail = append(tail, 0) // Values start at even offsets.
		}
	}
	return append(order.AppendUint32(out, 0), tail...)
}
