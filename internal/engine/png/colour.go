package png

import (
	"encoding/binary"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// Colour is what the chunks gAMA, cHRM, sRGB and cICP of a file declare about the colour space of
// its samples (section 11.3.2). Where several are present, cICP takes precedence, then an embedded
// profile (plane.Space.ICC), then sRGB, then gAMA with cHRM (section 4.3).
type Colour struct {
	// Gamma is the exponent that encoded light as samples, times 100000: 45455 for 1/2.2. It is 0
	// without a gAMA chunk.
	Gamma uint32
	// Chromaticities are x and y of white, red, green and blue, in this order, times 100000. They
	// are valid if HasChromaticities is set.
	Chromaticities    [8]uint32
	HasChromaticities bool
	// SRGB is set if the file declares its samples to be sRGB.
	SRGB bool
	// CICP holds the code points of colour primaries, transfer function and matrix coefficients,
	// and the full range flag (ITU-T H.273). They are valid if HasCICP is set.
	CICP    [4]byte
	HasCICP bool
}

// ColourOf returns what a PNG declares about its colours. ok is false for other formats.
func ColourOf(d codec.Decoder) (c Colour, ok bool) {
	if p, is := d.(*decoder); is {
		return p.colours, true
	}
	return Colour{}, false
}

// read reads one of the four chunks. The first of each kind counts, and none of a wrong length.
func (c *Colour) read(kind string, data []byte) {
	switch {
	case kind == "gAMA" && len(data) == 4 && c.Gamma == 0:
		c.Gamma = binary.BigEndian.Uint32(data)
	case kind == "cHRM" && len(data) == 32 && !c.HasChromaticities:
		for i := range c.Chromaticities {
			c.Chromaticities[i] = binary.BigEndian.Uint32(data[4*i:])
		}
		c.HasChromaticities = true
	case kind == "sRGB" && len(data) == 1:
		c.SRGB = true
	case kind == "cICP" && len(data) == 4 && !c.HasCICP:
		copy(c.CICP[:], data)
		c.HasCICP = true
	}
}
