package exif

import (
	"bytes"
	"encoding/binary"
)

// Picture is what a block describes once the picture has been resized.
type Picture struct {
	Width, Height int // pixels
	// ColorSpace is the value of that tag (Exif 4.6.6): SRGB, Uncalibrated, or 0 if the samples are in the
	// space that the block declares.
	ColorSpace uint16
}

// Values of ColorSpace.
const (
	SRGB         = 1
	Uncalibrated = 0xFFFF
)

// Resized returns a copy of a block for a picture that was turned upright and is now p: the
// orientation is TopLeft, and the sizes and the colour space that the block declares are those of p.
// The thumbnail is removed, and previews inside the maker note are blanked, because they show the picture
// as it was, with whatever a crop has cut off. No other byte moves, so offsets inside maker notes stay
// valid. A block without these fields, or too damaged to find them, is copied unchanged.
func Resized(tiff []byte, p Picture) []byte {
	out := bytes.Clone(tiff)
	b, err := open(out)
	if err != nil {
		return out
	}
	// The errors are of no consequence: a truncated directory still has entries to set, a missing one
	// has none.
	picture, _ := b.directory(b.first)
	ifds := []directory{picture}
	to := map[uint16]uint32{
		tagOrientation: uint32(TopLeft), tagImageWidth: uint32(p.Width), tagImageLength: uint32(p.Height),
	}
	exif := b.set(picture, to, tagExifIFD, &ifds)
	to = map[uint16]uint32{tagPixelXDimension: uint32(p.Width), tagPixelYDimension: uint32(p.Height)}
	if p.ColorSpace != 0 {
		to[tagColorSpace] = uint32(p.ColorSpace)
	}
	interop := b.set(exif, to, tagInteropIFD, &ifds)
	to = map[uint16]uint32{tagRelatedWidth: uint32(p.Width), tagRelatedLength: uint32(p.Height)}
	b.set(interop, to, 0, &ifds)
	if p.ColorSpace != 0 {
		b.clearAdobeRGB(interop)
	}
	b.clearPreviews(exif, ifds)
	return b.removeThumbnail(picture, ifds)
}

// set overwrites the integers of a directory by tag, and returns the directory that a link leads to,
// which it appends to the others. It returns the zero directory if there is none, or if it overlaps one
// of the others, which no writer does.
func (b block) set(d directory, to map[uint16]uint32, link uint16, others *[]directory) (linked directory) {
	for e := range b.entries(d) {
		if v, ok := to[e.tag]; ok {
			b.setInteger(e, v)
		} else if at, err := b.integer(e); link != 0 && e.tag == link && err == nil && linked.at == 0 {
			linked, _ = b.directory(int64(at))
		}
	}
	if linked.at == 0 || overlapsAny(*others, linked.at, linked.end) {
		return directory{}
	}
	*others = append(*others, linked)
	return linked
}

// clearAdobeRGB turns the interoperability index that declares Adobe RGB into that of sRGB.
func (b block) clearAdobeRGB(interop directory) {
	if e, ok := b.find(interop, tagInteropIndex); ok && e.count <= 4 {
		if s, err := b.text(e); err == nil && artist(s) == "R03" {
			copy(b.data[e.at+8:], "R98")
		}
	}
}

// clearPreviews blanks the JPEG files inside the maker note of the Exif IFD, which no two cameras lay out
// alike: what goes from the start of a picture through well-formed segments to a scan is one.
func (b block) clearPreviews(exif directory, ifds []directory) {
	e, ok := b.find(exif, tagMakerNote)
	if !ok {
		return
	}
	for at, end, ok := b.span(e); ok; {
		i := bytes.Index(b.data[at:end], []byte("\xff\xd8\xff"))
		if i < 0 {
			break
		}
		at += int64(i)
		n := jpegLength(b.data[at:end])
		if n > 0 && !overlapsAny(ifds, at, at+n) {
			clear(b.data[at : at+n])
		}
		at += max(n, 1)
	}
}

// jpegLength returns how many bytes of b, which begins with SOI, are a JPEG file (T.81 B.2.1), or 0 if no
// scan follows within some dozen segments. One without an end is all of b.
func jpegLength(b []byte) int64 {
	const sos, most = 0xDA, 50
	i := 2
	for n := 0; n < most && i+4 <= len(b) && b[i] == 0xFF && b[i+1] >= 0xC0 && b[i+1] != sos; n++ {
		i += 2 + int(binary.BigEndian.Uint16(b[i+2:]))
	}
	if i+4 > len(b) || b[i] != 0xFF || b[i+1] != sos {
		return 0
	}
	end := bytes.Index(b[i:], []byte("\xff\xd9"))
	if end < 0 {
		return int64(len(b))
	}
	return int64(i + end + 2)
}

// maxStrips bounds the strips of a thumbnail; each may be as long as the block.
const maxStrips = 64

// removeThumbnail unlinks IFD1 and clears its picture, or cuts it off if it is the end of the block. A
// range that overlaps one of the other directories is forged, and stays.
func (b block) removeThumbnail(picture directory, ifds []directory) []byte {
	if picture.next == 0 {
		return b.data
	}
	thumbnail, _ := b.directory(picture.next)
	b.order.PutUint32(b.data[picture.end-4:], 0)
	// A thumbnail is a JPEG file, or strips of samples (Exif 4.5.4).
	for _, tags := range [][2]uint16{
		{tagThumbnailOffset, tagThumbnailLength}, {tagStripOffsets, tagStripByteCounts},
	} {
		var from, sizes []uint32
		for e := range b.entries(thumbnail) {
			switch e.tag {
			case tags[0]:
				from = b.integers(e)
			case tags[1]:
				sizes = b.integers(e)
			}
		}
		for i := range min(len(from), len(sizes), maxStrips) {
			b.data = b.cut(int64(from[i]), int64(from[i])+int64(sizes[i]), ifds)
		}
	}
	return b.data
}

// cut clears a range of bytes that is no directory, or cuts it off at the end of the block.
func (b block) cut(from, to int64, ifds []directory) []byte {
	if from < headerSize || to > int64(len(b.data)) || overlapsAny(ifds, from, to) {
		return b.data
	}
	clear(b.data[from:to])
	if int64(len(b.data))-to < 2 { // padding to an even length
		return b.data[:from]
	}
	return b.data
}

// overlapsAny reports whether a range of bytes has one in common with a directory.
func overlapsAny(ifds []directory, from, to int64) bool {
	for _, d := range ifds {
		if from < d.end && to > d.at {
			return true
		}
	}
	return false
}
