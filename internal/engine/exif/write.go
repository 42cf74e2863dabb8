package exif

import (
	"bytes"
	"encoding/binary"
)

// Upright is a copy of a block with every orientation in it set to TopLeft: that of the picture (IFD0) and that of its
// thumbnail (IFD1). Nothing else changes and no byte moves, so that offsets inside maker notes keep their meaning. A block
// without an orientation, or too damaged to find one, is copied as it is.
func Upright(tiff []byte) []byte {
	out := bytes.Clone(tiff)
	b, err := open(out)
	if err != nil {
		return out
	}
	// A directory that is cut short still has entries to set; one that is not there has none.
	picture, _ := b.directory(b.first)
	b.turnUpright(picture)
	if picture.next == 0 {
		return out
	}
	thumbnail, _ := b.directory(picture.next)
	// One that shares bytes with the picture's is a forgery: a write to it could change the picture's.
	if thumbnail.at >= picture.end || thumbnail.end <= picture.at {
		b.turnUpright(thumbnail)
	}
	return out
}

func (b block) turnUpright(d directory) {
	for e := range b.entries(d) {
		if e.tag == tagOrientation {
			b.setInteger(e, uint8(TopLeft))
		}
	}
}

// CopyrightOnly is a new block that holds the artist and the copyright of info and nothing else: little-endian, one IFD,
// fields in the order of their tags (TIFF 6.0 section 2). It is nil if both are empty. A text over 16 KiB is cut, which
// Parse never gives.
func CopyrightOnly(info Info) []byte {
	type field struct {
		tag  uint16
		text string
	}
	var fields []field
	if s := artist(info.Artist); s != "" {
		fields = append(fields, field{tagArtist, s})
	}
	if s := rights(info.Copyright); s != "" {
		fields = append(fields, field{tagCopyright, s})
	}
	if fields == nil {
		return nil
	}
	le := binary.LittleEndian
	out := append([]byte("II*\x00"), headerSize, 0, 0, 0)
	out = le.AppendUint16(out, uint16(len(fields)))
	values := headerSize + 2 + len(fields)*entrySize + 4
	var tail []byte
	for _, f := range fields {
		text := append([]byte(f.text[:min(len(f.text), maxText-1)]), 0)
		out = le.AppendUint16(out, f.tag)
		out = le.AppendUint16(out, typeASCII)
		out = le.AppendUint32(out, uint32(len(text)))
		if len(text) <= 4 {
			out = append(out, append(text, 0, 0, 0)[:4]...)
			continue
		}
		out = le.AppendUint32(out, uint32(values+len(tail)))
		tail = append(tail, text...)
		if len(tail)%2 != 0 {
			tail = append(tail, 0) // values begin at even offsets
		}
	}
	out = le.AppendUint32(out, 0)
	return append(out, tail...)
}
