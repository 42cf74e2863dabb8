package colour

import (
	"fmt"
	"math"
)

// Chromaticity is a point of the CIE 1931 xy diagram.
type Chromaticity struct{ X, Y float64 }

// Primaries are the chromaticities of white and of the three primaries of an RGB space.
type Primaries struct{ White, Red, Green, Blue Chromaticity }

var (
	whiteD65 = Chromaticity{0.3127, 0.3290}

	// SRGB are the primaries of sRGB and BT.709 (IEC 61966-2-1).
	SRGB = Primaries{whiteD65, Chromaticity{0.64, 0.33}, Chromaticity{0.30, 0.60}, Chromaticity{0.15, 0.06}}
	// DisplayP3 are those of SMPTE EG 432-1 with a white of D65.
	DisplayP3 = Primaries{whiteD65, Chromaticity{0.680, 0.320}, Chromaticity{0.265, 0.690}, Chromaticity{0.150, 0.060}}
	// AdobeRGB are those of Adobe RGB (1998).
	AdobeRGB = Primaries{whiteD65, Chromaticity{0.64, 0.33}, Chromaticity{0.21, 0.71}, Chromaticity{0.15, 0.06}}
)

// matrix is a linear map of three values, by rows.
type matrix [3][3]float64

func (m matrix) mul(v [3]float64) (r [3]float64) {
	for i := range r {
		r[i] = m[i][0]*v[0] + m[i][1]*v[1] + m[i][2]*v[2]
	}
	return r
}

func (m matrix) times(n matrix) (r matrix) {
	for i := range 3 {
		for j := range 3 {
			for k := range 3 {
				r[i][j] += m[i][k] * n[k][j]
			}
		}
	}
	return r
}

// inverse reports false if m has none that is of use.
func (m matrix) inverse() (matrix, bool) {
	c := func(i, j int) float64 { // cofactor
		a, b, d, e := (i+1)%3, (i+2)%3, (j+1)%3, (j+2)%3
		return m[a][d]*m[b][e] - m[a][e]*m[b][d]
	}
	det := m[0][0]*c(0, 0) + m[0][1]*c(0, 1) + m[0][2]*c(0, 2)
	if math.Abs(det) < 1e-9 || math.IsNaN(det) || math.IsInf(det, 0) {
		return m, false
	}
	var r matrix
	for i := range 3 {
		for j := range 3 {
			r[j][i] = c(i, j) / det
		}
	}
	return r, true
}

// bradford is the cone response of the Bradford chromatic adaptation (ICC.1:2022, annex E).
var bradford = matrix{{0.8951, 0.2664, -0.1614}, {-0.7502, 1.7135, 0.0367}, {0.0389, -0.0685, 1.0296}}

// adaptation returns the matrix that takes colours under a white to the same look under D50.
func adaptation(white XYZ) (matrix, bool) {
	back, _ := bradford.inverse() // a constant that has one
	from, to := bradford.mul(white), bradford.mul(d50)
	var scale matrix
	for i := range 3 {
		if math.Abs(from[i]) < 1e-6 {
			return scale, false
		}
		scale[i][i] = to[i] / from[i]
	}
	return back.times(scale).times(bradford), true
}

func (c Chromaticity) xyz() XYZ { return XYZ{c.X / c.Y, 1, (1 - c.X - c.Y) / c.Y} }

// matrix returns the map from light of the primaries to XYZ relative to D50.
func (p Primaries) matrix() (matrix, error) {
	for _, c := range []Chromaticity{p.White, p.Red, p.Green, p.Blue} {
		if !(c.Y >= 1e-5) || !(math.Abs(c.X) < 8) || !(c.Y < 8) {
			return matrix{}, fmt.Errorf("%w: no colours with a chromaticity of %.4f, %.4f", ErrProfile, c.X, c.Y)
		}
	}
	r, g, b, white := p.Red.xyz(), p.Green.xyz(), p.Blue.xyz(), p.White.xyz()
	m := matrix{{r[0], g[0], b[0]}, {r[1], g[1], b[1]}, {r[2], g[2], b[2]}}
	inverse, ok := m.inverse()
	if !ok {
		return matrix{}, fmt.Errorf("%w: the primaries lie on a line", ErrProfile)
	}
	scale := inverse.mul(white)
	for i := range 3 {
		for j := range 3 {
			m[i][j] *= scale[j]
		}
	}
	adapt, ok := adaptation(white)
	if !ok {
		return matrix{}, fmt.Errorf("%w: a white of %.4f, %.4f", ErrProfile, p.White.X, p.White.Y)
	}
	return adapt.times(m), nil
}
