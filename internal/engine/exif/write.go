package exif

import (
	"bytes"
	"encoding/binary"
)

// Upright returns a copy of a block with every orientation in it set to TopLeft: that of the
// picture (IFD0) and that of its thumbnail (IFD1). Nothing else changes and no byte moves, so
// offsets inside maker notes stay valid. A block without an orientation, or too damaged to find
// one, is copied unchanged.
func Upright(tiff []byte) []byte {
	out := bytes.Clone(tiff)
	b, err := open(out)
	if err != nil {
		return out
	}
	// The error is of no consequence: a truncated directory still has entries to set, a missing one
	// has none.
	picture, _ := b.directory(b.first)
	b.turnUpright(picture)
	if picture.next == 0 {
		return out
	}
	thumbnail, _ := b.directory(picture.next)
	// A directory that overlaps the picture's is forged: writing to it could change the picture's.
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

// CopyrightOnly returns a new block that holds the artist and the copyright of info and nothing
// else: little-endian, one IFD, fields in the order of their tags (TIFF 6.0 section 2). It returns
// nil if both are empty. Text over 16 KiB is truncated; Parse never returns that much.
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
			tail = append(tail, 0) // Values start at even offsets.
		}
	}
	out = le.AppendUint32(out, 0)
	return append(out, tail...)
}
