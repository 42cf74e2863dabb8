// Package webp reads and writes WebP files (WebP Container Specification, RFC 6386, WebP Lossless
// Bitstream Specification): lossy and lossless stills and animations, with alpha.
//
// Rows are pushed as they are decoded, and no more than a file's bytes, a row of macroblocks and the
// reach of backward references is in memory; only composed frames of animations are whole. It never
// shows a part of a truncated picture, and never turns a lossy still into RGB. Lossy pictures are
// written straight from planes of luma and chroma; their alpha has no loss.
//
// There is one file for each stage, named by the specification: container, compose and mux for
// files, vp8_* for the lossy bit stream, vp8l_* for the lossless one, alph for alpha planes.
package webp

import (
	"bytes"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

// Format describes WebP files.
var Format = &codec.Format{
	Name: "webp", Title: "WebP",
	Extensions: []string{".webp"},
	MediaType:  "image/webp",
	Abilities: codec.Abilities{
		Lossy: true, Lossless: true, Alpha: true, Animation: true, Profile: true, ColourOnly: true,
		EXIF: true, XMP: true, Bits: 8,
	},
	Uploaded: true,
	Detect: func(head []byte) bool {
		return len(head) >= 12 && bytes.HasPrefix(head, []byte("RIFF")) && string(head[8:12]) == "WEBP"
	},
	Open: open,
	Settings: []*setting.Setting{
		qualitySetting, losslessSetting, nearLosslessSetting, exactSetting, sharpChromaSetting, codec.EffortSetting,
	},
	Encoder: newEncoder,
}
