// Package gif reads and writes GIF files (Graphics Interchange Format, version 89a).
//
// It shows frames on the canvas of the logical screen as browsers do: a first frame that lies
// partly outside the screen enlarges it, what no frame covers is transparent, colour indexes beyond
// the table are black, and data beyond a frame is ignored. A frame with too little data is refused,
// although browsers show the part of it that is there. The file is held in memory, because the
// number of frames is known at its end only; rows are decoded from it one by one, and of an
// animation one canvas is kept.
//
// Stills and animations are written. Colours are kept where a frame has no more than a table, and
// otherwise reduced by package palette. It writes no interlaced files.
package gif

import (
	"bytes"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/palette"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

// Format describes GIF files.
var Format = &codec.Format{
	Name: "gif", Title: "GIF",
	Extensions: []string{".gif"},
	MediaType:  "image/gif",
	Abilities:  codec.Abilities{Lossless: true, Alpha: true, Animation: true, Palette: true, XMP: true, Bits: 8},
	Uploaded:   true,
	Detect: func(head []byte) bool {
		return bytes.HasPrefix(head, []byte("GIF87a")) || bytes.HasPrefix(head, []byte("GIF89a"))
	},
	Open:     open,
	Settings: []*setting.Setting{coloursSetting, palette.DitherSetting},
	Encoder:  newEncoder,
}
