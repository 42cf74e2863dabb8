package codec

import (
	"context"
	"math"
)

// GainMap is a second, smaller picture that says by how much a display with room above white may brighten
// each place of the first (ISO 21496-1; Ultra HDR).
type GainMap struct {
	// File is a JPEG: as it was found when a decoder returns it, without metadata when an encoder takes it.
	File []byte
	Gain Gain
}

// Gain says what the samples of a gain map mean, for red, green and blue; a map of one component has the
// same for all. A sample v, from 0 to 1, stands for a gain of 2^(Min + (Max-Min)·v^(1/Gamma)), which is
// applied to light with offsets: (base + OffsetBase)·gain - OffsetAlternate (ISO 21496-1:2025, 6).
type Gain struct {
	Min, Max                    [3]float64 // logarithms to base 2
	Gamma                       [3]float64
	OffsetBase, OffsetAlternate [3]float64
	// Headroom, the logarithm of how far a display goes beyond white, from which on the map is applied,
	// and from which on it is applied in full.
	BaseHeadroom, AlternateHeadroom float64
	// OwnSpace is set if the map is to be applied in the colour space of the alternate picture, not in
	// that of the base.
	OwnSpace bool
}

// None returns the sample, 0 to 255, that stands for a gain of 1 in each channel, or the nearest to it.
func (g *Gain) None() (v [3]uint8) {
	for c := range v {
		at := 0.0
		if span := g.Max[c] - g.Min[c]; span > 0 && g.Gamma[c] > 0 {
			at = math.Pow(min(max(-g.Min[c]/span, 0), 1), g.Gamma[c])
		}
		v[c] = uint8(math.Round(255 * at))
	}
	return v
}

// GainMapDecoder is a Decoder of a format that can hold a gain map.
type GainMapDecoder interface {
	Decoder
	// GainMap returns the picture's gain map, or nil if it announces none. It is called after Decode,
	// and reads on to the map. An error about the map wraps ErrCorrupt or ErrLimit, and is no reason to
	// refuse the picture; others are the stream's.
	GainMap(ctx context.Context) (*GainMap, error)
}
