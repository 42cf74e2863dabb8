// Package colour converts samples between colour spaces: from the space that a picture declares to sRGB
// or Display P3.
//
//	icc.go            profiles: header, tag table, colorants (ICC.1:2022; v2 is ICC.1:2001-04)
//	icc_curve.go      one-dimensional curves: curv and para
//	icc_lut.go        multi-dimensional tables: mft1, mft2, mAB
//	primaries.go      chromaticities to matrices, chromatic adaptation
//	icc_black.go      black-point compensation
//	transfer.go       transfer functions: sRGB, gamma
//	hdr.go            PQ and HLG, and how they become SDR
//	cicp.go           coding-independent code points (ITU-T H.273)
//	transform.go      compiled conversions of rows of samples: _matrix.go and _grid.go
//	ycbcr.go          rows of YCbCr and RGB
//	write.go          small profiles for what is written
//
// A source space is evaluated in floating point, from device values to XYZ relative to D50, the
// profile connection space. A Transform compiles that into tables and a matrix, or into a grid with
// tetrahedral interpolation, for 8-bit samples. Everything in a profile is bounded by its length; a
// broken profile is an error, and the caller decides what its pixels are.
//
// The package never reads pictures, and knows no format.
package colour

import "errors"

// ErrProfile is the error of a profile that cannot be used. It is wrapped with the reason.
var ErrProfile = errors.New("colour profile")

// XYZ is a colour relative to the D50 white of the profile connection space, where white has Y 1.
type XYZ [3]float64

// d50 is the white of the profile connection space (ICC.1:2022, 7.2.16).
var d50 = XYZ{0.9642, 1, 0.8249}

// Source is a colour space that samples can be in.
type Source interface {
	// Channels is the number of components: 1 for gray, 3 for RGB, 4 for CMYK.
	Channels() int
	// XYZ returns the colour of device values from 0 to 1: light for gray and RGB, ink for CMYK.
	XYZ(device []float64) XYZ
}

// rgbSpace is a space of three primaries and one curve for each.
type rgbSpace struct {
	curve  [3]func(float64) float64 // device to light
	matrix matrix                   // light to XYZ
}

func (s *rgbSpace) Channels() int { return 3 }

func (s *rgbSpace) XYZ(device []float64) XYZ {
	var light [3]float64
	for i := range light {
		light[i] = s.curve[i](device[i])
	}
	return s.matrix.mul(light)
}

// graySpace is a curve along the neutral axis.
type graySpace struct{ curve func(float64) float64 }

func (s *graySpace) Channels() int { return 1 }

func (s *graySpace) XYZ(device []float64) XYZ {
	y := s.curve(device[0])
	return XYZ{d50[0] * y, d50[1] * y, d50[2] * y}
}

// newRGB returns a space of primaries with one transfer function.
func newRGB(p Primaries, toLight func(float64) float64) (*rgbSpace, error) {
	m, err := p.matrix()
	if err != nil {
		return nil, err
	}
	return &rgbSpace{[3]func(float64) float64{toLight, toLight, toLight}, m}, nil
}

// Curves returns the functions from a device value to light, both 0 to 1, of each channel of a space of
// curves. It reports false for a space of tables, and where a curve falls or is flat: such a curve has no
// inverse.
func Curves(s Source) (curves [3]func(float64) float64, ok bool) {
	switch s := s.(type) {
	case *rgbSpace:
		curves = s.curve
	case *graySpace:
		curves = [3]func(float64) float64{s.curve, s.curve, s.curve}
	default:
		return curves, false
	}
	for _, f := range curves {
		before := -1.0
		for level := range 256 {
			v := f(float64(level) / 255)
			if !(v >= before && v >= 0 && v <= 1) {
				return curves, false
			}
			before = v
		}
		if before-f(0) < 0.5 {
			return curves, false
		}
	}
	return curves, true
}

// NewGamma returns the RGB space of primaries whose samples are light to the power of 1/exponent, as
// PNG's gAMA and cHRM declare it.
func NewGamma(p Primaries, exponent float64) (Source, error) {
	return newRGB(p, power(exponent))
}

// NewGrayGamma returns the gray space whose samples are light to the power of 1/exponent.
func NewGrayGamma(exponent float64) Source { return &graySpace{power(exponent)} }
