// Package tiff reads TIFF files (TIFF revision 6.0) by golang.org/x/image/tiff. Of a file with
// several pictures it reads the first. It never writes.
package tiff

import (
	"bytes"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// Format describes TIFF files.
var Format = &codec.Format{
	Name: "tiff", Title: "TIFF", Aliases: []string{"tif"},
	Extensions: []string{".tif", ".tiff"},
	MediaType:  "image/tiff",
	Abilities:  codec.Abilities{Lossless: true, Alpha: true, Profile: true, Bits: 8},
	Uploaded:   true,
	Detect: func(head []byte) bool {
		return bytes.HasPrefix(head, []byte("II*\x00")) || bytes.HasPrefix(head, []byte("MM\x00*"))
	},
	Open: codec.Whole(open),
}
