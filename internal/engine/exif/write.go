package exif

import (
	"bytes"
	"encoding/binary"
)

// Resized returns a copy of a block for a picture that was turned upright and is now width×height
// pixels: the orientation is TopLeft, and the sizes that the block declares are those. The thumbnail
// is removed, because it shows the picture as it was, with whatever a crop has cut off. No other byte
// moves, so offsets inside maker notes stay valid. A block without these fields, or too damaged to
// find them, is copied unchanged.
func Resized(tiff []byte, width, height int) []byte {
	out := bytes.Clone(tiff)
	b, err := open(out)
	if err != nil {
		return out
	}
	// The errors are of no consequence: a truncated directory still has entries to set, a missing one
	// has none.
	picture, _ := b.directory(b.first)
	sizes := map[uint16]int{tagImageWidth: width, tagImageLength: height, tagPixelXDimension: width, tagPixelYDimension: height}
	exif := directory{}
	for e := range b.entries(picture) {
		switch e.tag {
		case tagOrientation:
			b.setInteger(e, uint32(TopLeft))
		case tagImageWidth, tagImageLength:
			b.setInteger(e, uint32(sizes[e.tag]))
		case tagExifIFD:
			if at, err := b.integer(e); err == nil {
				exif, _ = b.directory(int64(at))
			}
		}
	}
	if exif.at != 0 && !exif.overlaps(picture.at, picture.end) {
		for e := range b.entries(exif) {
			if e.tag == tagPixelXDimension || e.tag == tagPixelYDimension {
				b.setInteger(e, uint32(sizes[e.tag]))
			}
		}
	}
	return b.removeThumbnail(picture, exif)
}

// removeThumbnail unlinks IFD1 and clears its picture, or cuts it off if it is the end of the block. A
// range that overlaps one of the other directories is forged, and stays.
func (b block) removeThumbnail(picture, exif directory) []byte {
	if picture.next == 0 {
		return b.data
	}
	thumbnail, _ := b.directory(picture.next)
	b.order.PutUint32(b.data[picture.end-4:], 0)
	var from, size int64
	for e := range b.entries(thumbnail) {
		v, err := b.integer(e)
		switch {
		case err != nil:
		case e.tag == tagThumbnailOffset:
			from = int64(v)
		case e.tag == tagThumbnailLength:
			size = int64(v)
		}
	}
	to := from + size
	if from < headerSize || to > int64(len(b.data)) || picture.overlaps(from, to) || exif.overlaps(from, to) {
		return b.data
	}
	clear(b.data[from:to])
	if int64(len(b.data))-to < 2 { // padding to an even length
		return b.data[:from]
	}
	return b.data
}

// overlaps reports whether a range of bytes has one in common with the directory.
func (d directory) overlaps(from, to int64) bool { return from < d.end && to > d.at }

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
