package exif

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math"
)

// Tags of IFD0, IFD1, the Exif IFD and the interoperability IFD that this package reads or writes.
const (
	tagImageWidth      = 0x0100
	tagImageLength     = 0x0101
	tagOrientation     = 0x0112
	tagArtist          = 0x013B
	tagStripOffsets    = 0x0111
	tagStripByteCounts = 0x0117
	tagSubIFDs         = 0x014A
	tagThumbnailOffset = 0x0201
	tagThumbnailLength = 0x0202
	tagCopyright       = 0x8298
	tagExifIFD         = 0x8769
	tagGPSIFD          = 0x8825
	tagMakerNote       = 0x927C
	tagSubjectArea     = 0x9214
	tagColorSpace      = 0xA001
	tagPixelXDimension = 0xA002
	tagPixelYDimension = 0xA003
	tagInteropIFD      = 0xA005
	tagSubjectLocation = 0xA214
	tagInteropIndex    = 0x0001 // of the interoperability IFD, as the next two
	tagRelatedWidth    = 0x1001
	tagRelatedLength   = 0x1002
)

// Field types (TIFF 6.0 section 2; Exif 3.0 4.6.2 adds UTF-8).
const (
	typeByte      = 1
	typeASCII     = 2
	typeShort     = 3
	typeLong      = 4
	typeRational  = 5
	typeSByte     = 6
	typeUndefined = 7
	typeSShort    = 8
	typeSLong     = 9
	typeSRational = 10
	typeFloat     = 11
	typeDouble    = 12
	typeUTF8      = 129
)

// typeSize is the length of one value of each type in bytes.
var typeSize = map[uint16]int64{
	typeByte: 1, typeASCII: 1, typeShort: 2, typeLong: 4, typeRational: 8, typeSByte: 1, typeUndefined: 1,
	typeSShort: 2, typeSLong: 4, typeSRational: 8, typeFloat: 4, typeDouble: 8, typeUTF8: 1,
}

const (
	headerSize = 8  // byte order, 42, offset of IFD0
	entrySize  = 12 // tag, type, count, value or its offset
)

// block is a TIFF structure in memory. All offsets are in bytes from its start.
type block struct {
	data  []byte
	order binary.ByteOrder
	first int64 // offset of IFD0, not checked
}

// directory is an IFD: n entries that lie entirely within the block, from at to end.
type directory struct {
	at, n, end int64
	next       int64 // offset of the next IFD, not checked; 0 if there is none
}

// entry is one field of a directory; its value, or the offset of its value, is at at+8.
type entry struct {
	at       int64
	tag, typ uint16
	count    uint32
}

func damage(at int64, format string, args ...any) error {
	return fmt.Errorf("exif at byte %d: %s", at, fmt.Sprintf(format, args...))
}

func open(data []byte) (block, error) {
	if len(data) < headerSize {
		return block{}, damage(int64(len(data)), "truncated header")
	}
	var order binary.ByteOrder
	switch string(data[:2]) {
	case "II":
		order = binary.LittleEndian
	case "MM":
		order = binary.BigEndian
	default:
		return block{}, damage(0, "invalid byte order mark %q", data[:2])
	}
	if magic := order.Uint16(data[2:]); magic != 42 {
		return block{}, damage(2, "magic number %d, want 42", magic)
	}
	return block{data: data, order: order, first: int64(order.Uint32(data[4:]))}, nil
}

// directory reads the IFD at an offset. A truncated one is returned with its remaining entries and
// an error.
func (b block) directory(at int64) (directory, error) {
	size := int64(len(b.data))
	if at < headerSize || at > size-2 {
		return directory{}, damage(at, "directory outside the block")
	}
	claimed := int64(b.order.Uint16(b.data[at:]))
	d := directory{at: at, n: min(claimed, (size-at-2)/entrySize)}
	d.end = at + 2 + d.n*entrySize
	if d.n < claimed {
		return d, damage(d.end, "directory of %d entries truncated after %d", claimed, d.n)
	}
	// Some writers omit the link after the last directory.
	if d.end+4 <= size {
		d.next = int64(b.order.Uint32(b.data[d.end:]))
		d.end += 4
	}
	return d, nil
}

func (b block) entries(d directory) iter.Seq[entry] {
	return func(yield func(entry) bool) {
		for i := range d.n {
			at := d.at + 2 + i*entrySize
			e := entry{
				at:    at,
				tag:   b.order.Uint16(b.data[at:]),
				typ:   b.order.Uint16(b.data[at+2:]),
				count: b.order.Uint32(b.data[at+4:]),
			}
			if !yield(e) {
				return
			}
		}
	}
}

// find returns the first entry of a tag.
func (b block) find(d directory, tag uint16) (entry, bool) {
	for e := range b.entries(d) {
		if e.tag == tag {
			return e, true
		}
	}
	return entry{}, false
}

// width returns the size in bytes of an integer stored in the entry itself, or 0 if the entry holds
// none. The standard requires a SHORT for the orientation, but other integer types are in use.
func (e entry) width() int {
	if e.count != 1 {
		return 0
	}
	switch e.typ {
	case typeByte, typeSByte:
		return 1
	case typeShort, typeSShort:
		return 2
	case typeLong, typeSLong:
		return 4
	}
	return 0
}

// integer returns the entry's single value. Negative numbers become large ones.
func (b block) integer(e entry) (uint32, error) {
	value := b.data[e.at+8:]
	switch e.width() {
	case 1:
		return uint32(value[0]), nil
	case 2:
		return uint32(b.order.Uint16(value)), nil
	case 4:
		return b.order.Uint32(value), nil
	}
	return 0, damage(e.at, "tag 0x%04x is not a single integer: type %d, count %d",
		e.tag, e.typ, e.count)
}

// setInteger overwrites the entry's single value; it leaves an entry that holds no integer, or one that
// is too small for v, unchanged.
func (b block) setInteger(e entry, v uint32) {
	value := b.data[e.at+8:]
	switch n := e.width(); {
	case n == 1 && v <= math.MaxInt8:
		value[0] = uint8(v)
	case n == 2 && v <= math.MaxUint16:
		b.order.PutUint16(value, uint16(v))
	case n == 4:
		b.order.PutUint32(value, v)
	}
}

// span returns where the entry's values begin and end. ok is false if the type is unknown, or if they are
// not in the block.
func (b block) span(e entry) (from, to int64, ok bool) {
	n, at := int64(e.count)*typeSize[e.typ], e.at+8
	if n > 4 {
		at = int64(b.order.Uint32(b.data[at:]))
	}
	return at, at + n, n > 0 && at+n <= int64(len(b.data))
}

// value returns the entry's values, under the same conditions.
func (b block) value(e entry) (v []byte, ok bool) {
	from, to, ok := b.span(e)
	if !ok {
		return nil, false
	}
	return b.data[from:to], true
}

// integers returns the entry's values if they are SHORT or LONG.
func (b block) integers(e entry) (all []uint32) {
	v, ok := b.value(e)
	for ; ok && len(v) > 0; v = v[typeSize[e.typ]:] {
		switch e.typ {
		case typeShort:
			all = append(all, uint32(b.order.Uint16(v)))
		case typeLong:
			all = append(all, b.order.Uint32(v))
		default:
			return nil
		}
	}
	return all
}

// text returns the entry's bytes, including NULs.
func (b block) text(e entry) (string, error) {
	if e.typ != typeASCII && e.typ != typeUTF8 {
		return "", damage(e.at, "tag 0x%04x is not text: type %d", e.tag, e.typ)
	}
	n, at := int64(e.count), e.at+8
	if n > maxText {
		return "", damage(e.at, "tag 0x%04x has %d bytes, more than the limit of %d", e.tag, n, maxText)
	}
	if n > 4 {
		at = int64(b.order.Uint32(b.data[at:]))
	}
	if at > int64(len(b.data))-n {
		return "", damage(e.at, "tag 0x%04x has %d bytes at offset %d, outside the block", e.tag, n, at)
	}
	return string(b.data[at : at+n]), nil
}
