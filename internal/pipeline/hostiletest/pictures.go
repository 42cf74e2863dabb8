package hostiletest

import (
	"bytes"
	"encoding/binary"
	"strings"
)

var be, le = binary.BigEndian, binary.LittleEndian

// Picture is a file with markers, and the same picture without them.
type Picture struct {
	Name        string // what is special about it, with the extension of its format
	Data, Clean []byte
	// Profile is whether Data has a profile, from which its colours are converted: its variants are
	// then not those of Clean.
	Profile bool
}

// Extension returns the extension of the picture's format.
func (p Picture) Extension() string { return p.Name[strings.LastIndexByte(p.Name, '.'):] }

type adder func(name string, clean, data []byte)

// Pictures returns a file for each place of each format that can be read.
func Pictures() (all []Picture) {
	add := func(name string, clean, data []byte) {
		all = append(all, Picture{name, data, clean, strings.HasPrefix(name, "profile")})
	}
	for _, format := range []func(adder){
		addJPEG, addPNG, addGIF, addWebP, addTIFF, addBMP, addICO, addPNM, addQOI, addPSD, addHEIC,
	} {
		format(add)
	}
	return all
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// archive returns what makes a ZIP of a file that it is appended to.
func archive() []byte {
	return []byte("PK\x03\x04" + run + "PK\x05\x06" + strings.Repeat("\x00", 18))
}
