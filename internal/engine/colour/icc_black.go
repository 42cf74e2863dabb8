package colour

// Black-point compensation (ISO 18619:2015) scales XYZ so that the black of a profile becomes that of the
// destination, which for a display profile of a matrix is 0, and white stays:
//
//	XYZ' = (XYZ - b)·white/(white - b)          b: the black of the profile
//
// How b is found follows LittleCMS 2.19, against which tests compare. For a space of curves and a matrix,
// whose colorants add up to white, the same is done to each channel's light.

// perceptualBlack is the luminance of the reference medium's black point (ICC.1:2022, 6.3.4.3).
const perceptualBlack = 0.0034731

// darkest is the luminance of L* = 50, which bounds that of black.
const darkest = 0.18418651851244416

// compensate returns a space with black-point compensation.
func (p *profile) compensate(s Source, intent Intent) Source {
	black := p.black(s, intent)
	if black[1] <= 0 {
		return s
	}
	scale := func(f func(float64) float64) func(float64) float64 {
		return func(v float64) float64 { return (f(v) - black[1]) / (1 - black[1]) }
	}
	switch s := s.(type) {
	case *graySpace:
		return &graySpace{scale(s.curve)}
	case *rgbSpace:
		return &rgbSpace{[3]func(float64) float64{scale(s.curve[0]), scale(s.curve[1]), scale(s.curve[2])}, s.matrix}
	case *lut:
		t, toXYZ := *s, s.toXYZ
		t.toXYZ = func(v [3]float64) XYZ {
			c := toXYZ(v)
			for i, b := range black {
				c[i] = (c[i] - b) * d50[i] / (d50[i] - b)
			}
			return c
		}
		return &t
	}
	return s
}

// neutral returns the gray of a luminance.
func neutral(y float64) XYZ { return XYZ{y * d50[0], y, y * d50[2]} }

// black returns a profile's black.
func (p *profile) black(s Source, intent Intent) XYZ {
	_, isTable := s.(*lut)
	switch {
	case intent == Perceptual && p.major >= 4 && isTable:
		return neutral(perceptualBlack)
	case intent == Relative && p.class == "prtr" && p.space == "CMYK":
		return p.printedBlack(s)
	case isTable && p.tags[intent.tags()[0]] == nil:
		return XYZ{} // the profile does not have the intent
	}
	device := make([]float64, p.channels())
	if p.space == "CMYK" {
		device = []float64{1, 1, 1, 1}
	}
	return bounded(s.XYZ(device))
}

// bounded replaces a black that is too light to be one.
func bounded(black XYZ) XYZ {
	if black[1] > darkest {
		return neutral(darkest)
	}
	return black
}

// printedBlack returns what a printer makes of black by its perceptual intent, which has as much ink as the
// paper takes. Ink of all colours at once is more, and nobody prints it.
func (p *profile) printedBlack(s Source) XYZ {
	b := p.tags["B2A0"]
	switch {
	case b == nil || p.tags["A2B0"] == nil:
		return XYZ{}
	case p.pcs == "XYZ ":
		return neutral(perceptualBlack) // its steps are too coarse for the way there and back
	}
	e, err := parseTable(b, "mBA ")
	if err != nil || e.in != 3 || e.out != 4 {
		return XYZ{}
	}
	y := 0.0
	if p.major >= 4 {
		y = perceptualBlack
	}
	l := labOf(y) / 100
	v := [3]float64{l, 0x8080 / 65535.0, 0x8080 / 65535.0}
	if e.wide { // the encoding of version 2
		v = [3]float64{l * 65280 / 65535, 32768.0 / 65535, 32768.0 / 65535}
	}
	return bounded(neutral(s.XYZ(e.fromConnection(v))[1]))
}

// fromConnection returns what a B2A table makes of an encoded value of the connection space.
func (e *elements) fromConnection(v [3]float64) []float64 {
	first, last := e.b, e.a
	if len(e.a) == 3 { // lut8Type or lut16Type: A is before the grid in both directions
		first, last = e.a, e.b
	}
	applyClamped(first, v[:])
	e.linear(&v)
	applyClamped(e.m, v[:])
	out := e.grid.at(v[:])
	applyClamped(last, out[:])
	return out[:]
}

// labOf returns L* of a luminance (ISO 11664-4).
func labOf(y float64) float64 {
	low, high := 0.0, 100.0
	for range 50 {
		if mid := (low + high) / 2; labToXYZ([3]float64{mid, 0, 0})[1] < y {
			low = mid
		} else {
			high = mid
		}
	}
	return low
}

func applyClamped(curves []func(float64) float64, v []float64) {
	apply(curves, v)
	for i := range v {
		v[i] = clamp01(v[i])
	}
}
