package exif

import "encoding/binary"

// field is one directory entry of a block under construction. A value of up to four bytes is stored
// in the entry.
type field struct {
	tag, typ uint16
	count    uint32
	value    []byte
}

type byteOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

var byteOrders = map[string]byteOrder{"II": binary.LittleEndian, "MM": binary.BigEndian}

func short(order byteOrder, tag uint16, v uint16) field {
	return field{tag, typeShort, 1, order.AppendUint16(nil, v)}
}

func ascii(tag uint16, s string) field {
	return field{tag, typeASCII, uint32(len(s)), []byte(s)}
}

// build arranges directories one after another, each followed by its values, as EXIF writers do.
func build(mark string, directories ...[]field) []byte {
	order := byteOrders[mark]
	out := append([]byte(mark), order.AppendUint16(nil, 42)...)
	out = order.AppendUint32(out, headerSize)
	for i, fields := range directories {
		var tail []byte
		values := len(out) + 2 + len(fields)*entrySize + 4
		out = order.AppendUint16(out, uint16(len(fields)))
		for _, f := range fields {
			out = order.AppendUint16(out, f.tag)
			out = order.AppendUint16(out, f.typ)
			out = order.AppendUint32(out, f.count)
			if len(f.value) <= 4 {
				out = append(out, append(f.value[:len(f.value):len(f.value)], 0, 0, 0, 0)[:4]...)
				continue
			}
			out = order.AppendUint32(out, uint32(values+len(tail)))
			tail = append(tail, f.value...)
		}
		next := 0
		if i+1 < len(directories) {
			next = values + len(tail)
		}
		out = order.AppendUint32(out, uint32(next))
		out = append(out, tail...)
	}
	return out
}
