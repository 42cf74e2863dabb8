// Package jp2 detects JPEG 2000 pictures (ISO/IEC 15444-1): files of the format's own, and bare
// codestreams. It does not read them.
package jp2

import (
	"bytes"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// Format describes JPEG 2000 pictures.
var Format = &codec.Format{
	Name: "jp2", Title: "JPEG 2000", Aliases: []string{"jpeg2000", "j2k"},
	Refused:    "all: it is recognised only",
	Extensions: []string{".jp2", ".j2k", ".jpx", ".jpf", ".j2c"},
	MediaType:  "image/jp2",
	Abilities:  codec.Abilities{Lossy: true, Lossless: true, Alpha: true, Profile: true, Bits: 16},
	Detect: func(head []byte) bool {
		return bytes.HasPrefix(head, []byte("\x00\x00\x00\x0cjP  \r\n\x87\n")) || // signature box, I.5.1
			bytes.HasPrefix(head, []byte("\xff\x4f\xff\x51")) // SOC and SIZ, A.4.1, A.5.1
	},
}
