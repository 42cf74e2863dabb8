// Package tiff reads TIFF files: TIFF 6.0 with Adobe's technical notes and photoshop supplement,
// BigTIFF, and the JPEG previews of camera raw files, which are TIFFs. It never writes.
//
// Strips and tiles are decompressed a few rows at a time, and rows of planes passed on at once: of
// a strip as they come, of tiles when a row of tiles is complete. A file whose strips follow one
// another behind its directory is read from the stream; of any other the bytes are held in memory,
// as they are. Samples of more than 8 bits are reduced to their upper ones, fewer are spread over
// the range; floats are black at 0 and white at 1, unless the file declares other limits.
// Associated alpha is divided out. L*a*b* and unusual YCbCr become RGB; everything else stays in the
// colours in which it is stored, with the profile of the file.
//
// Of a file with several pages it reads the first. It never develops sensor data, never guesses at
// damaged data (a strip that ends early makes the picture corrupt), and refuses JBIG, LERC and other
// rare compression by name.
package tiff

import (
	"bytes"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// Format describes TIFF files, camera raw files among them.
var Format = &codec.Format{
	Name: "tiff", Title: "TIFF", Aliases: []string{"tif"},
	Refused: "JBIG, JPEG 2000, JPEG XL, LERC, SGI log, and compressions of single makers; " +
		"sensor data; LogLuv and ITU Lab; inks other than CMYK; complex samples; 33 to 63 bits per sample",
	Extensions: []string{".tif", ".tiff", ".dng"},
	MediaType:  "image/tiff",
	Abilities:  codec.Abilities{Lossless: true, Alpha: true, Profile: true, EXIF: true, XMP: true, IPTC: true, Bits: 8},
	Uploaded:   true,
	Detect:     detect,
	Open:       open,
}

func detect(head []byte) bool {
	for _, magic := range []string{"II*\x00", "MM\x00*", "II+\x00", "MM\x00+"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return true
		}
	}
	return hasRawMagic(head)
}
