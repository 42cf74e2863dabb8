// Package heif detects pictures in ISO base media files, HEIC (ISO/IEC 23008-12) and AVIF (AV1 Image
// File Format), and reads HEIC: the boxes (ISO/IEC 14496-12) and, with package hevc, the pictures in them.
package heif

import (
	"encoding/binary"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// HEIC describes HEVC-coded pictures, which iPhones take.
var HEIC = &codec.Format{
	Name: "heic", Title: "HEIC", Aliases: []string{"heif"},
	Refused: "codings other than HEVC (AV1, H.264, H.266, JPEG, uncompressed); encrypted items; " +
		"layers; constant luminance and other rare matrices",
	Extensions: []string{".heic", ".heif", ".hif"},
	MediaType:  "image/heic",
	Abilities:  codec.Abilities{Lossy: true, Alpha: true, Profile: true, EXIF: true, XMP: true, Bits: 8},
	Uploaded:   true,
	Detect:     func(head []byte) bool { return brand(head) == "heic" },
	Open:       openHEIC,
}

// AVIF describes AV1-coded pictures.
var AVIF = &codec.Format{
	Name: "avif", Title: "AVIF",
	Refused:    "all: it is recognised only",
	Extensions: []string{".avif"},
	MediaType:  "image/avif",
	Abilities:  codec.Abilities{Lossy: true, Lossless: true, Alpha: true, Animation: true, Profile: true, EXIF: true, Bits: 12},
	Uploaded:   true,
	Detect:     func(head []byte) bool { return brand(head) == "avif" },
}

// brand returns "heic" or "avif", whichever the major and compatible brands name first (ISO/IEC
// 23008-12, 10), or "". A file whose brands name no coding is taken for HEIC; its items tell.
func brand(head []byte) string {
	if len(head) < 16 || string(head[4:8]) != "ftyp" {
		return ""
	}
	if size := binary.BigEndian.Uint32(head); size >= 16 {
		head = head[:min(uint32(len(head)), size)]
	}
	structural := ""
	for i := 8; i+4 <= len(head); i += 4 {
		switch string(head[i : i+4]) {
		case "avif", "avis":
			return "avif"
		case "heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs":
			return "heic"
		case "mif1", "mif2", "msf1", "miaf":
			structural = "heic"
		}
	}
	return structural
}
