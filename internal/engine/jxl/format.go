// Package jxl detects JPEG XL files (ISO/IEC 18181-2). It does not read them yet.
package jxl

import (
	"bytes"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// Format describes JPEG XL files: a bare codestream, or one in a container.
var Format = &codec.Format{
	Name: "jxl", Title: "JPEG XL",
	Refused:    "all: it is recognised only",
	Extensions: []string{".jxl"},
	MediaType:  "image/jxl",
	Abilities:  codec.Abilities{Lossy: true, Lossless: true, Alpha: true, Animation: true, Profile: true, EXIF: true, Bits: 16},
	Detect: func(head []byte) bool {
		return bytes.HasPrefix(head, []byte("\xff\x0a")) || bytes.HasPrefix(head, []byte("\x00\x00\x00\x0cJXL \r\n\x87\n"))
	},
}
