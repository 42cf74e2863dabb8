package exif

import (
	"encoding/binary"
	"slices"
)

// Field is one field of a directory that Write lays out.
type Field struct {
	Tag, Type uint16
	Count     uint32
	Value     []byte  // in the byte order of the block
	Fields    []Field // of the directory that the field points to; Value is then not used
}

// Write returns a new block of the fields of IFD0 and of the directories that they point to, in the
// order of their tags (TIFF 6.0 section 2). order is that of the values.
func Write(order binary.AppendByteOrder, fields []Field) []byte {
	out := []byte("II")
	if order.AppendUint16(nil, 1)[0] == 0 {
		out = []byte("MM")
	}
	out = order.AppendUint32(order.AppendUint16(out, 42), headerSize)
	return appendDirectory(out, fields, order)
}

// appendDirectory appends a directory, its values and the directories that it points to.
func appendDirectory(out []byte, fields []Field, order binary.AppendByteOrder) []byte {
	fields = slices.Clone(fields)
	slices.SortStableFunc(fields, func(a, b Field) int { return int(a.Tag) - int(b.Tag) })
	at := len(out) + 2 + entrySize*len(fields) + 4
	var tail []byte
	out = order.AppendUint16(out, uint16(len(fields)))
	for _, f := range fields {
		if f.Fields != nil {
			f.Type, f.Count = typeLong, 1
		}
		out = order.AppendUint32(order.AppendUint16(order.AppendUint16(out, f.Tag), f.Type), f.Count)
		if f.Fields == nil && len(f.Value) <= 4 {
			out = append(out, append(slices.Clone(f.Value), 0, 0, 0, 0)[:4]...)
			continue
		}
		out = order.AppendUint32(out, uint32(at+len(tail)))
		if f.Fields != nil {
			whole := appendDirectory(make([]byte, at+len(tail)), f.Fields, order)
			tail = append(tail, whole[at+len(tail):]...)
		} else {
			tail = append(tail, f.Value...)
		}
		if (at+len(tail))%2 != 0 {
			tail = append(tail, 0) // Values start at even offsets.
		}
	}
	return append(order.AppendUint32(out, 0), tail...)
}

// CopyrightOnly returns a new little-endian block that holds the artist and the copyright of info and
// nothing else. It returns nil if both are empty. Text over 16 KiB is truncated; Parse never returns
// that much.
func CopyrightOnly(info Info) []byte {
	var fields []Field
	add := func(tag uint16, text string) {
		if text != "" {
			value := append([]byte(text[:min(len(text), maxText-1)]), 0)
			fields = append(fields, Field{Tag: tag, Type: typeASCII, Count: uint32(len(value)), Value: value})
		}
	}
	add(tagArtist, artist(info.Artist))
	add(tagCopyright, rights(info.Copyright))
	if fields == nil {
		return nil
	}
	return Write(binary.LittleEndian, fields)
}
