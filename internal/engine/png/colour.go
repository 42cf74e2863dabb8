package png

import (
	"encoding/binary"

	"github.com/imgmill/imgmill/internal/engine/colour"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// colours is what the chunks gAMA, cHRM, sRGB and cICP of a file declare about the colour space of
// its samples (section 11.3.2). Where several are present, cICP takes precedence, then an embedded
// profile (plane.Space.ICC), then sRGB, then gAMA with cHRM (section 4.3).
type colours struct {
	// gamma is the exponent that encoded light as samples, times 100000: 45455 for 1/2.2. It is 0
	// without a gAMA chunk.
	gamma uint32
	// chromaticities are x and y of white, red, green and blue, in this order, times 100000. They
	// are valid if hasChromaticities is set.
	chromaticities    [8]uint32
	hasChromaticities bool
	// sRGB is set if the file declares its samples to be sRGB.
	sRGB bool
	// cicp holds the code points of colour primaries, transfer function and matrix coefficients,
	// and the full range flag (ITU-T H.273). They are valid if hasCICP is set.
	cicp    [4]byte
	hasCICP bool
}

// space returns the colour space of the samples: that of the chunk that takes precedence. Values that
// make no space count as absent, and so do code points of samples that leave out a part of their range,
// as in Chromium.
func (c *colours) space(icc []byte, gray bool) plane.Space {
	if c.hasCICP && c.cicp[3] == 1 {
		code := colour.CICP{Primaries: c.cicp[0], Transfer: c.cicp[1], Matrix: c.cicp[2], FullRange: true}
		read := code.Source
		if gray {
			read = code.Gray
		}
		if s, err := read(); err == nil {
			return plane.Space{Source: s}
		}
	}
	switch {
	case icc != nil:
		return plane.Space{ICC: icc}
	case c.sRGB, c.gamma == 0, c.likeSRGB():
		return plane.Space{}
	case gray:
		return plane.Space{Source: colour.NewGrayGamma(1e5 / float64(c.gamma))}
	}
	primaries := colour.SRGB
	if c.hasChromaticities {
		at := func(i int) colour.Chromaticity {
			return colour.Chromaticity{X: float64(c.chromaticities[i]) / 1e5, Y: float64(c.chromaticities[i+1]) / 1e5}
		}
		primaries = colour.Primaries{White: at(0), Red: at(2), Green: at(4), Blue: at(6)}
	}
	s, err := colour.NewGamma(primaries, 1e5/float64(c.gamma))
	if err != nil {
		return plane.Space{}
	}
	return plane.Space{Source: s}
}

// likeSRGB reports whether gAMA alone says what is usually said of sRGB: 1/2.2, within the 5 percent that
// libpng and browsers ignore. Beside cHRM, they take it at its word.
func (c *colours) likeSRGB() bool {
	return !c.hasChromaticities && c.gamma > 45455*95/100 && c.gamma < 45455*105/100
}

// read reads one of the four chunks. The first of each kind counts, and none of a wrong length.
func (c *colours) read(kind string, data []byte) {
	switch {
	case kind == "gAMA" && len(data) == 4 && c.gamma == 0:
		c.gamma = binary.BigEndian.Uint32(data)
	case kind == "cHRM" && len(data) == 32 && !c.hasChromaticities:
		for i := range c.chromaticities {
			c.chromaticities[i] = binary.BigEndian.Uint32(data[4*i:])
		}
		c.hasChromaticities = true
	case kind == "sRGB" && len(data) == 1 && data[0] < 4: // rendering intents
		c.sRGB = true
	case kind == "cICP" && len(data) == 4 && !c.hasCICP:
		copy(c.cicp[:], data)
		c.hasCICP = true
	}
}
