package iptc

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// Image resources with metadata.
const (
	ResourceIIM  = 0x0404
	ResourceEXIF = 0x0422
	ResourceXMP  = 0x0424
)

// resourceMark begins an image resource.
const resourceMark = "8BIM"

// Resource returns the data of the first image resource of a number, or nil. Other programs than
// Photoshop have marks of their own.
func Resource(resources []byte, id uint16) []byte {
	b := resources
	for len(b) >= 12 {
		name := (int(b[6]) + 2) &^ 1 // with its length, an even number of bytes
		if len(b) < 6+name+4 {
			return nil
		}
		size := int64(binary.BigEndian.Uint32(b[6+name:]))
		data := b[6+name+4:]
		if size > int64(len(data)) {
			return nil
		}
		if string(b[:4]) == resourceMark && binary.BigEndian.Uint16(b[4:]) == id {
			return data[:size:size]
		}
		b = data[min(size+size&1, int64(len(data))):]
	}
	return nil
}

// AppendResource appends an image resource without a name.
func AppendResource(b []byte, id uint16, data []byte) []byte {
	b = binary.BigEndian.AppendUint16(append(b, resourceMark...), id)
	b = binary.BigEndian.AppendUint32(append(b, 0, 0), uint32(len(data)))
	b = append(b, data...)
	if len(data)%2 != 0 {
		b = append(b, 0)
	}
	return b
}

// Bare returns IIM data without what writers do to it. Some wrap it into an image resource where it
// belongs alone. libtiff stores it as 32-bit numbers, whose bytes are in reverse where the byte orders of
// the writer's machine and of the file differ.
func Bare(iim []byte) []byte {
	resources := bytes.TrimPrefix(iim, []byte("Photoshop 3.0\x00"))
	if bytes.HasPrefix(resources, []byte(resourceMark)) {
		return Resource(resources, ResourceIIM)
	}
	if len(iim) < 5 || iim[0] == tagMarker || iim[3] != tagMarker || len(iim)%4 != 0 {
		return iim
	}
	out := bytes.Clone(iim)
	for i := 0; i < len(out); i += 4 {
		v := binary.BigEndian.Uint32(out[i:])
		binary.BigEndian.PutUint32(out[i:], bits.ReverseBytes32(v))
	}
	return out
}
