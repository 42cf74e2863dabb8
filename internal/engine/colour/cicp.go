package colour

import "fmt"

// CICP are coding-independent code points (ITU-T H.273): colour primaries (table 2), transfer
// characteristics (table 3), matrix coefficients (table 4), and whether samples use the full range.
type CICP struct {
	Primaries, Transfer, Matrix uint8
	FullRange                   bool
}

var cicpPrimaries = map[uint8]Primaries{
	1:  SRGB,
	4:  {Chromaticity{0.310, 0.316}, Chromaticity{0.67, 0.33}, Chromaticity{0.21, 0.71}, Chromaticity{0.14, 0.08}},
	5:  {whiteD65, Chromaticity{0.64, 0.33}, Chromaticity{0.29, 0.60}, Chromaticity{0.15, 0.06}},
	6:  {whiteD65, Chromaticity{0.630, 0.340}, Chromaticity{0.310, 0.595}, Chromaticity{0.155, 0.070}},
	7:  {whiteD65, Chromaticity{0.630, 0.340}, Chromaticity{0.310, 0.595}, Chromaticity{0.155, 0.070}},
	8:  {Chromaticity{0.310, 0.316}, Chromaticity{0.681, 0.319}, Chromaticity{0.243, 0.692}, Chromaticity{0.145, 0.049}},
	9:  {whiteD65, Chromaticity{0.708, 0.292}, Chromaticity{0.170, 0.797}, Chromaticity{0.131, 0.046}},
	11: {Chromaticity{0.314, 0.351}, Chromaticity{0.680, 0.320}, Chromaticity{0.265, 0.690}, Chromaticity{0.150, 0.060}},
	12: DisplayP3,
	22: {whiteD65, Chromaticity{0.630, 0.340}, Chromaticity{0.295, 0.605}, Chromaticity{0.155, 0.077}},
}

// cicpTransfers are from samples to the light of a display. Those of BT.709, BT.601, BT.2020 and xvYCC
// describe a camera; a display shows them by BT.1886, as browsers do.
var cicpTransfers = map[uint8]func(float64) float64{
	1: power(2.4), 6: power(2.4), 11: power(2.4), 14: power(2.4), 15: power(2.4),
	4: power(2.2), 5: power(2.8), 7: smpte240ToLight, 8: func(v float64) float64 { return v },
	13: srgbToLight, 17: st428ToLight,
}

// Source returns the space of RGB samples, or an error if a value is reserved or unspecified. The
// matrix must be 0: the samples are RGB.
func (c CICP) Source() (Source, error) {
	p, known := cicpPrimaries[c.Primaries]
	transfer, hdr := cicpTransfers[c.Transfer], hdrTransfers[c.Transfer]
	if !known || transfer == nil && hdr == nil || c.Matrix != 0 {
		return nil, fmt.Errorf("%w: code points %d/%d/%d are not known", ErrProfile, c.Primaries, c.Transfer, c.Matrix)
	}
	if hdr == nil {
		return newRGB(p, transfer)
	}
	m, err := p.matrix()
	if err != nil {
		return nil, err
	}
	return &hdrSpace{hdr, m}, nil
}

// Gray returns the space of gray samples.
func (c CICP) Gray() (Source, error) {
	transfer := cicpTransfers[c.Transfer]
	if hdr := hdrTransfers[c.Transfer]; hdr != nil {
		transfer = func(v float64) float64 { return toneMapped(hdr([]float64{v, v, v}))[0] }
	}
	if transfer == nil {
		return nil, fmt.Errorf("%w: transfer characteristics %d are not known", ErrProfile, c.Transfer)
	}
	return &graySpace{transfer}, nil
}
