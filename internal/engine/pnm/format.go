// Package pnm reads the formats of Netpbm: PBM, PGM and PPM in text and in binary, and PAM (Netpbm
// manual, pbm(5), pgm(5), ppm(5), pam(5)).
//
// Rows are decoded from the stream one by one. Samples are scaled from the maximum that the file
// declares to 255, or reduced to their upper 8 bits if it is 65535; larger ones count as the
// maximum. Samples are taken for sRGB, as all programs do. Of a file of several pictures the first
// is read. The package never writes.
package pnm

import (
	"bytes"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// Format describes the files of Netpbm.
var Format = &codec.Format{
	Name: "pnm", Title: "PNM", Aliases: []string{"ppm", "pgm", "pbm", "pam", "netpbm"},
	Refused:    "PAM of tuple types that are no picture, or of more than four samples",
	Extensions: []string{".ppm", ".pgm", ".pbm", ".pnm", ".pam"},
	MediaType:  "image/x-portable-anymap",
	Abilities:  codec.Abilities{Lossless: true, Alpha: true, Bits: 8},
	Detect:     detect,
	Open:       open,
}

// detect looks at what follows the two letters, which many texts begin with as well: a number or a
// comment, and behind the number another one. A PAM begins with one of its keywords.
func detect(head []byte) bool {
	if len(head) < 3 || head[0] != 'P' || head[1] < '1' || head[1] > '7' {
		return false
	}
	if head[1] == '7' {
		for _, word := range []string{"#", "WIDTH ", "HEIGHT ", "DEPTH ", "MAXVAL ", "TUPLTYPE "} {
			if bytes.HasPrefix(head[2:], []byte("\n"+word)) {
				return true
			}
		}
		return false
	}
	numbers := 2 // width and height
	if head[1] == '1' || head[1] == '4' {
		numbers = 1 // what follows the height of a bitmap may be its pixels
	}
	rest := head[2:]
	for range numbers + 1 {
		space := len(rest) - len(bytes.TrimLeft(rest, whitespace))
		digits := rest[space:]
		switch {
		case len(digits) == 0:
			return len(head) >= codec.HeadLength
		case space > 0 && digits[0] == '#':
			return true
		case space == 0 || digits[0] < '0' || digits[0] > '9':
			return false
		}
		rest = bytes.TrimLeft(digits, "0123456789")
	}
	return true
}

// whitespace separates the numbers of a header.
const whitespace = " \t\n\v\f\r"
