// Package exif reads the few EXIF fields that a resized picture depends on (orientation, colour space,
// artist, copyright) and writes the blocks to store with one: the same block for the new size, without
// its thumbnail (Resized); a smaller one without maker note (Reduced); or a new one that holds nothing
// but artist and copyright (CopyrightOnly).
//
// A block starts with its TIFF header, without the "Exif\0\0" that precedes it in a JPEG. The package
// never looks into maker notes, thumbnails or positions, changes no block that it is given, and trusts
// no offset or count in it.
//
// It follows TIFF 6.0 section 2 for the structure and CIPA DC-008 (Exif 3.0) section 4.6 for the
// tags.
package exif

import "strings"

// Info holds the fields that Parse reads. A field that is missing or unreadable is zero.
type Info struct {
	// Orientation is 1 to 8, or 0.
	Orientation Orientation
	// Artist is the text up to the first NUL, without trailing blanks. It is UTF-8 in practice,
	// which is not checked.
	Artist string
	// Copyright is the text without trailing NULs and blanks. A NUL inside it separates the
	// photographer's notice from the editor's (Exif 4.6.4, Copyright).
	Copyright string
	// AdobeRGB is set if the samples are Adobe RGB (1998): cameras declare an uncalibrated colour space
	// and the interoperability index R03 of DCF 2.0, or the colour space 2, which is not in the standard.
	AdobeRGB bool
}

// maxText limits artist and copyright in bytes, so that a block with both fits one JPEG segment of
// 64 KiB.
const maxText = 16 << 10

// Parse reads a block. Damage does not prevent it from reading the rest: Info holds everything that
// was readable, and the error reports the first damage with its offset in the block. If a tag
// occurs twice, the first counts.
func Parse(tiff []byte) (Info, error) {
	var info Info
	b, err := open(tiff)
	if err != nil {
		return info, err
	}
	note := func(fault error) {
		if err == nil {
			err = fault
		}
	}
	seen := map[uint16]bool{}
	dir, cut := b.directory(b.first)
	for e := range b.entries(dir) {
		if seen[e.tag] {
			continue
		}
		seen[e.tag] = true
		switch e.tag {
		case tagOrientation:
			v, fault := b.integer(e)
			note(fault)
			if o := Orientation(min(v, 255)); o.Valid() {
				info.Orientation = o
			}
		case tagArtist:
			s, fault := b.text(e)
			note(fault)
			info.Artist = artist(s)
		case tagCopyright:
			s, fault := b.text(e)
			note(fault)
			info.Copyright = rights(s)
		case tagExifIFD:
			if at, fault := b.integer(e); fault == nil {
				info.AdobeRGB = b.adobeRGB(int64(at))
			}
		}
	}
	note(cut)
	return info, err
}

// artist normalises a text field for Info.Artist: cameras pad it with blanks or NULs.
func artist(s string) string {
	s, _, _ = strings.Cut(s, "\x00")
	return strings.TrimRight(s, " ")
}

// rights normalises a copyright field for Info.Copyright. " \0editor" must keep its first blank,
// which stands for an absent photographer's notice.
func rights(s string) string { return strings.TrimRight(s, " \x00") }

// adobeRGB reads the colour space from the Exif IFD at an offset, and the interoperability index from
// the directory that it links to. Damage there declares nothing.
func (b block) adobeRGB(at int64) bool {
	const uncalibrated, adobe = 0xFFFF, 2
	exif, _ := b.directory(at)
	space, interop := uint32(0), int64(0)
	for e := range b.entries(exif) {
		v, err := b.integer(e)
		switch {
		case err != nil:
		case e.tag == tagColorSpace:
			space = v
		case e.tag == tagInteropIFD:
			interop = int64(v)
		}
	}
	if space != uncalibrated || interop == 0 {
		return space == adobe
	}
	links, _ := b.directory(interop)
	if e, ok := b.find(links, tagInteropIndex); ok {
		s, err := b.text(e)
		return err == nil && artist(s) == "R03"
	}
	return false
}

// Subject returns the middle of what a camera has taken for the main subject, as fractions of the width and
// height of the stored picture (Exif 3.0, 4.6.6: SubjectArea, or else SubjectLocation). They are in pixels
// of PixelXDimension and PixelYDimension: programs that resize a file often leave all of these as they were.
// Without those, the file has w×h pixels. ok is false if the block says nothing, or something impossible.
func Subject(tiff []byte, w, h int) (x, y float64, ok bool) {
	b, err := open(tiff)
	if err != nil {
		return 0, 0, false
	}
	main, _ := b.directory(b.first)
	link, found := b.find(main, tagExifIFD)
	at, err := b.integer(link)
	if !found || err != nil {
		return 0, 0, false
	}
	dir, _ := b.directory(int64(at))
	var place []uint32
	width, height := uint32(0), uint32(0)
	for e := range b.entries(dir) {
		switch e.tag {
		case tagSubjectArea, tagSubjectLocation:
			if e.count >= 2 && e.count <= 4 && (place == nil || e.tag == tagSubjectArea) {
				place = b.integers(e)
			}
		case tagPixelXDimension:
			width, _ = b.integer(e) // 0 where it is none
		case tagPixelYDimension:
			height, _ = b.integer(e)
		}
	}
	if place == nil {
		return 0, 0, false
	}
	if width == 0 || height == 0 {
		width, height = uint32(w), uint32(h)
	}
	x, y = float64(place[0])/float64(width), float64(place[1])/float64(height)
	return x, y, x <= 1 && y <= 1
}
