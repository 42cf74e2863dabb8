// Package iptc reads the rights that IPTC-IIM data declares, copies the data for a resized picture, and
// finds and wraps it in Photoshop's image resources, in which most files keep it.
//
// IIM data is a sequence of datasets, each with a record number, a number and a value (IPTC-NAA
// Information Interchange Model 4.2, section 1.5 and 1.6). Image resources follow Adobe's Photoshop File
// Formats Specification. The package reads no dataset but those of rights, and trusts no length.
package iptc

import (
	"bytes"
	"encoding/binary"
	"iter"
	"strings"
	"unicode/utf8"
)

// tagMarker begins a dataset (1.6.2).
const tagMarker = 0x1C

// dataset is one value of IIM data.
type dataset struct {
	record, number byte
	value          []byte
	whole          []byte // with its marker and length
}

// datasets yields the datasets up to the end or to damage.
func datasets(b []byte) iter.Seq[dataset] {
	return func(yield func(dataset) bool) {
		for len(b) >= 5 && b[0] == tagMarker {
			size, start := int64(binary.BigEndian.Uint16(b[3:])), int64(5)
			if size&0x8000 != 0 { // an extended dataset: the length of the length comes first (1.6.3)
				n := size & 0x7FFF
				if n > 4 || int64(len(b)) < start+n {
					return
				}
				size = 0
				for _, v := range b[start : start+n] {
					size = size<<8 | int64(v)
				}
				start += n
			}
			end := start + size
			if end > int64(len(b)) {
				return
			}
			if !yield(dataset{b[1], b[2], b[start:end], b[:end]}) {
				return
			}
			b = b[end:]
		}
	}
}

// Records and datasets (IIM 4.2, sections 5 to 8; IPTC Core maps the rights to them).
const (
	envelope    = 1
	application = 2
	newsPhoto   = 3 // how the pixels were stored

	codedCharacterSet = 90 // of the envelope
	byLine            = 80 // of the application record, as the next three
	credit            = 110
	copyrightNotice   = 116
	previewFormat     = 200 // up to 202: a small picture
	previewData       = 202
)

// Rights is who made a picture and who may use it. Texts are UTF-8.
type Rights struct {
	Creators       []string
	Notice, Credit string
}

// Read returns the rights that IIM data declares. What damage hides is missing.
func Read(iim []byte) (r Rights) {
	utf := false
	for d := range datasets(iim) {
		switch {
		case d.record == envelope && d.number == codedCharacterSet:
			utf = bytes.HasPrefix(d.value, []byte("\x1b%G")) // ISO 2022: UTF-8
		case d.record != application:
		case d.number == byLine:
			if s := text(d.value, utf); s != "" {
				r.Creators = append(r.Creators, s)
			}
		case d.number == credit && r.Credit == "":
			r.Credit = text(d.value, utf)
		case d.number == copyrightNotice && r.Notice == "":
			r.Notice = text(d.value, utf)
		}
	}
	return r
}

// text decodes a value. Where the envelope does not name UTF-8, it usually is that all the same, or else
// Latin-1.
func text(value []byte, utf bool) string {
	value = bytes.Trim(value, "\x00 \t\r\n")
	if utf || utf8.Valid(value) {
		return strings.ToValidUTF8(string(value), "\ufffd")
	}
	return Latin1(string(value))
}

// Latin1 returns a text of ISO 8859-1 as UTF-8.
func Latin1(s string) string {
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(s[i])
	}
	return string(runes)
}

// Resized returns the data for a picture that has been resized: without the small picture that may be in
// it, which shows the picture as it was, and without records that describe or hold pixels. It returns nil
// if nothing is left.
func Resized(iim []byte) (kept []byte) {
	described := false
	for d := range datasets(iim) {
		preview := d.record == application && d.number >= previewFormat && d.number <= previewData
		if preview || d.record >= newsPhoto && d.record <= 9 {
			continue
		}
		kept = append(kept, d.whole...)
		described = described || d.record > envelope
	}
	if !described {
		return nil
	}
	return kept
}
