// Package png reads and writes PNG files (W3C Portable Network Graphics specification, third
// edition).
//
// It reads the chunks around the pixels itself, so that limits hold before a pixel is decoded, and
// leaves the pixels to image/png. Of an animation it reads the default image. Samples of 16 bits
// are reduced to their upper 8. It never writes palettes or interlaced files.
package png

import (
	"bytes"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

// Format describes PNG files.
var Format = &codec.Format{
	Name: "png", Title: "PNG",
	Extensions: []string{".png"},
	MediaType:  "image/png",
	Abilities:  codec.Abilities{Lossless: true, Alpha: true, Profile: true, EXIF: true, Bits: 8},
	Uploaded:   true,
	Detect:     func(head []byte) bool { return bytes.HasPrefix(head, []byte(signature)) },
	Open:       open,
	Encoder:    func(setting.Values) codec.Encoder { return encoder{} },
}

const signature = "\x89PNG\r\n\x1a\n"
