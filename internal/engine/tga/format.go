// Package tga detects TGA files (Truevision TGA File Format Specification, version 2.0). It does not
// read them.
package tga

import (
	"encoding/binary"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// Format describes TGA files.
var Format = &codec.Format{
	Name: "tga", Title: "TGA", Aliases: []string{"targa"},
	Refused:    "all: it is recognised only",
	Extensions: []string{".tga"},
	MediaType:  "image/x-tga",
	Abilities:  codec.Abilities{Lossless: true, Alpha: true, Bits: 8},
	Detect:     detect,
}

// detect checks that all fields of the header go together, for the file begins with no signature.
// Text is never taken for one: its bytes are larger than the colour map type.
func detect(head []byte) bool {
	if len(head) < 18 {
		return false
	}
	u16 := func(i int) int { return int(binary.LittleEndian.Uint16(head[i:])) }
	mapped, kind, mapLength, mapDepth := head[1], head[2], u16(5), head[7]
	depth, descriptor := head[16], head[17]
	if u16(12) == 0 || u16(14) == 0 || descriptor>>6 != 0 {
		return false
	}
	alphaBits := descriptor & 15
	noMap := mapped == 0 && u16(3) == 0 && mapLength == 0 && mapDepth == 0
	switch kind {
	case 1, 9: // colours from a map
		validMap := mapped == 1 && mapLength > 0 && mapLength <= 4096 &&
			(mapDepth == 15 || mapDepth == 16 || mapDepth == 24 || mapDepth == 32)
		return validMap && depth == 8 && (alphaBits == 0 || alphaBits == 8)
	case 2, 10: // true colour
		return noMap && (depth == 15 && alphaBits <= 1 || depth == 16 && alphaBits <= 1 ||
			depth == 24 && alphaBits == 0 || depth == 32 && (alphaBits == 0 || alphaBits == 8))
	case 3, 11: // gray
		return noMap && (depth == 8 && alphaBits == 0 || depth == 16 && alphaBits == 8)
	}
	return false
}
