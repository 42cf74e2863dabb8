package colour

import "math"

// srgbToLight is the transfer function of sRGB (IEC 61966-2-1), from a level to light, both 0 to 1.
func srgbToLight(v float64) float64 {
	if v <= 0.04045 {
		return v / 12.92
	}
	return math.Pow((v+0.055)/1.055, 2.4)
}

// lightToSRGB is its inverse.
func lightToSRGB(v float64) float64 {
	if v <= 0.0031308 {
		return v * 12.92
	}
	return 1.055*math.Pow(v, 1/2.4) - 0.055
}

// power returns v to an exponent; negative values are 0.
func power(exponent float64) func(float64) float64 {
	return func(v float64) float64 {
		if v <= 0 {
			return 0
		}
		return math.Pow(v, exponent)
	}
}

// smpte240ToLight is that of SMPTE ST 240 (value 7).
func smpte240ToLight(v float64) float64 {
	if v < 4*0.022821585529445 {
		return v / 4
	}
	return math.Pow((v+0.111572195921731)/1.111572195921731, 1/0.45)
}

// st428ToLight is that of SMPTE ST 428-1 (value 17), whose white is 48 of 52.37 cd/m².
func st428ToLight(v float64) float64 { return min(power(2.6)(v)*52.37/48, 1) }
