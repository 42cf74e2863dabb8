// Package webp reads WebP files (WebP Container Specification, RFC 6386, WebP Lossless Bitstream
// Specification) by golang.org/x/image/webp. Of an animation it reads the first frame. It never
// writes.
package webp

import (
	"bytes"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// Format describes WebP files.
var Format = &codec.Format{
	Name: "webp", Title: "WebP",
	Extensions: []string{".webp"},
	MediaType:  "image/webp",
	Abilities:  codec.Abilities{Lossy: true, Lossless: true, Alpha: true, Profile: true, EXIF: true, Bits: 8},
	Uploaded:   true,
	Detect: func(head []byte) bool {
		return len(head) >= 12 && bytes.HasPrefix(head, []byte("RIFF")) && string(head[8:12]) == "WEBP"
	},
	Open: codec.Whole(open),
}
