package colour

import (
	"encoding/binary"
	"fmt"
	"math"
)

// parseCurveTag reads a tag of type curv or para.
func parseCurveTag(b []byte) (func(float64) float64, error) {
	f, _, err := parseCurve(b)
	return f, err
}

// parseCurve reads a curve of type curv (ICC.1:2022, 10.6) or para (10.18) and returns its length in
// bytes. The function maps 0 to 1 to 0 to 1; arguments beyond that are clamped.
func parseCurve(b []byte) (f func(float64) float64, length int, err error) {
	if len(b) < 12 {
		return nil, 0, fmt.Errorf("%w: a curve is missing or cut off", ErrProfile)
	}
	switch string(b[:4]) {
	case "curv":
		return parseSampled(b)
	case "para":
		return parseParametric(b)
	}
	return nil, 0, fmt.Errorf("%w: a curve of type %q", ErrProfile, b[:4])
}

// maxSamples bounds a curve; the most in use are 4096.
const maxSamples = 1 << 16

// parseSampled reads a curv: nothing for the identity, one exponent, or samples at equal distances.
func parseSampled(b []byte) (func(float64) float64, int, error) {
	n := int(min(binary.BigEndian.Uint32(b[8:]), math.MaxInt32/2))
	if n > maxSamples || 12+2*n > len(b) {
		return nil, 0, fmt.Errorf("%w: a curve of %d samples is cut off", ErrProfile, n)
	}
	switch n {
	case 0:
		return clamp01, 12, nil
	case 1:
		gamma := power(float64(binary.BigEndian.Uint16(b[12:])) / 256)
		return func(v float64) float64 { return gamma(clamp01(v)) }, 14, nil
	}
	samples := make([]float64, n)
	for i := range samples {
		samples[i] = float64(binary.BigEndian.Uint16(b[12+2*i:])) / 65535
	}
	return func(v float64) float64 { return interpolate(samples, v) }, 12 + 2*n, nil
}

// interpolate returns the value of equally spaced samples at v from 0 to 1.
func interpolate(samples []float64, v float64) float64 {
	at := clamp01(v) * float64(len(samples)-1)
	i := min(int(at), len(samples)-2)
	return samples[i] + (samples[i+1]-samples[i])*(at-float64(i))
}

// parametricCounts is the number of parameters by function type (10.18, table 68).
var parametricCounts = [5]int{1, 3, 4, 5, 7}

func parseParametric(b []byte) (func(float64) float64, int, error) {
	kind := int(binary.BigEndian.Uint16(b[8:]))
	if kind >= len(parametricCounts) || 12+4*parametricCounts[kind] > len(b) {
		return nil, 0, fmt.Errorf("%w: a parametric curve of type %d is unknown or cut off", ErrProfile, kind)
	}
	var p [7]float64
	for i := range parametricCounts[kind] {
		p[i] = s15Fixed16(b[12+4*i:])
	}
	g, a, bb, c, d, e, f := p[0], p[1], p[2], p[3], p[4], p[5], p[6]
	if kind == 0 {
		a = 1
	}
	// Y = (aX+b)^g + offset from the threshold on, and cX + f below it.
	threshold, offset, slope, low := math.Inf(-1), 0.0, c, 0.0
	switch kind {
	case 1, 2:
		if a == 0 {
			return nil, 0, fmt.Errorf("%w: a parametric curve without a slope", ErrProfile)
		}
		threshold, slope = -bb/a, 0
		if kind == 2 {
			offset, low = c, c
		}
	case 3:
		threshold = d
	case 4:
		threshold, offset, low = d, e, f
	}
	raise := power(g)
	return func(v float64) float64 {
		v = clamp01(v)
		if v >= threshold {
			return clamp01(raise(a*v+bb) + offset)
		}
		return clamp01(slope*v + low)
	}, 12 + 4*parametricCounts[kind], nil
}
