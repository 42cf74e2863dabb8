// Package png reads and writes PNG files (W3C Portable Network Graphics specification, third
// edition), APNG animations included.
//
// Rows are decompressed, unfiltered and pushed a few at a time. It is as lenient as browsers with
// what does not change pixels: checksums of chunks that it does not need, data behind the last row,
// a missing end. Pictures whose rows are not all there are corrupt. Samples of 16 bits are reduced
// to their upper 8. It never converts colours, and never writes interlaced files.
//
// What is written is stored in as few bits a pixel as it allows without loss (store.go), and filtered and
// compressed in strips that do not wait for one another (strips.go), as samples show to be best (method.go).
package png

import (
	"bytes"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/palette"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

// Format describes PNG files.
var Format = &codec.Format{
	Name: "png", Title: "PNG",
	Refused:    "unknown critical chunks, and files that Xcode compressed for iOS",
	Extensions: []string{".png"},
	MediaType:  "image/png",
	Abilities: codec.Abilities{
		Lossless: true, Alpha: true, Animation: true, Poster: true, Profile: true,
		EXIF: true, XMP: true, IPTC: true, Bits: 8,
	},
	Uploaded: true,
	Detect:   func(head []byte) bool { return bytes.HasPrefix(head, []byte(signature)) },
	Open:     open,
	Settings: []*setting.Setting{coloursSetting, palette.DitherSetting, codec.EffortSetting},
	Encoder:  newEncoder,
}

const signature = "\x89PNG\r\n\x1a\n"
