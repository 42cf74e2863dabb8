// Package bmp reads Windows and OS/2 bitmaps: files of a BITMAPFILEHEADER and a bitmap header of any
// version (Microsoft, [MS-WMF] 2.2.2 and "Bitmap Storage" of the Windows GDI; IBM, OS/2 Presentation
// Manager "Bitmap File Format").
//
// It reads 1 to 32 bits per pixel, run lengths, bit masks of any width and embedded profiles, and
// shows alpha as Chromium does: by the alpha mask of the header alone. Pixels that run lengths skip are
// black. JPEG and PNG files in a bitmap are opened with the set of formats. It refuses 64-bit, CMYK and
// Huffman-coded bitmaps, ignores linked profiles and calibration, and never writes.
//
// Most bitmaps store the last row first, so that their pixels are held in memory as stored.
package bmp

import (
	"encoding/binary"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// Format describes BMP files.
var Format = &codec.Format{
	Name: "bmp", Title: "BMP",
	Refused:    "64 bits per pixel, CMYK, OS/2's Huffman coding",
	Extensions: []string{".bmp"},
	MediaType:  "image/bmp",
	Abilities:  codec.Abilities{Lossless: true, Alpha: true, Profile: true, Bits: 8},
	Uploaded:   true,
	Detect:     detect,
	Open:       open,
}

// detect looks at the length of the bitmap header as well. The two letters "BM" alone would match
// any text that starts so.
func detect(head []byte) bool {
	return len(head) >= 18 && string(head[:2]) == "BM" && knownHeader(binary.LittleEndian.Uint32(head[14:]))
}
