// Package exif reads the few facts of an EXIF block that a resized picture depends on (orientation, artist, copyright),
// and writes the blocks that go with one: the same block marked upright, or one with nothing but the rights.
//
// It takes a block that starts with its TIFF header, without the "Exif\0\0" that precedes it in a JPEG. It never reads
// maker notes, thumbnails or places, never moves a byte of a block it was given, and trusts no offset or count in it.
//
// The structure is that of TIFF 6.0 section 2, the tags those of CIPA DC-008 (Exif 3.0) section 4.6.
package exif

import "strings"

// Info is what a block says. A field is zero where the block does not say, or does not say it readably.
type Info struct {
	// Orientation is 1 to 8, or 0.
	Orientation Orientation
	// Artist is the bytes up to the first NUL, without blanks at the end; UTF-8 in practice, but nobody checks.
	Artist string
	// Copyright is the bytes without NULs and blanks at the end. A NUL inside parts the photographer's notice from the
	// editor's (Exif 4.6.4, Copyright).
	Copyright string
}

// maxText bounds the artist and the copyright, so that a block with both fits one JPEG segment of 64 KiB.
const maxText = 16 << 10

// Parse reads a block. Damage does not hide what can be read all the same: Info holds all that was found, and the error,
// which carries the offset in the block, is the first damage met. A tag that stands twice counts once, the first time.
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
		}
	}
	note(cut)
	return info, err
}

// artist is a text field as Info has it: cameras fill the space they reserve with blanks or NULs.
func artist(s string) string {
	s, _, _ = strings.Cut(s, "\x00")
	return strings.TrimRight(s, " ")
}

// rights is a copyright field as Info has it; " \0editor" must keep its first blank, which stands for no photographer.
func rights(s string) string { return strings.TrimRight(s, " \x00") }
