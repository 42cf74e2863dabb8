// Package gif reads GIF files (Graphics Interchange Format, version 89a). It shows the first frame
// on the canvas of the logical screen, as browsers do, and never writes.
package gif

import (
	"bytes"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// Format describes GIF files.
var Format = &codec.Format{
	Name: "gif", Title: "GIF",
	Extensions: []string{".gif"},
	MediaType:  "image/gif",
	Abilities:  codec.Abilities{Lossless: true, Alpha: true, Palette: true, Bits: 8},
	Uploaded:   true,
	Detect: func(head []byte) bool {
		return bytes.HasPrefix(head, []byte("GIF87a")) || bytes.HasPrefix(head, []byte("GIF89a"))
	},
	Open: codec.Whole(open),
}
