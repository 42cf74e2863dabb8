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

// bt709ToLight inverts the camera's transfer function of BT.709, BT.601 and BT.2020 (H.273, table 3,
// values 1, 6, 14 and 15).
func bt709ToLight(v float64) float64 {
	if v < 4.5*0.018053968510807 {
		return v / 4.5
	}
	return math.Pow((v+0.099296826809442)/1.099296826809442, 1/0.45)
}

// smpte240ToLight is that of SMPTE ST 240 (value 7).
func smpte240ToLight(v float64) float64 {
	if v < 4*0.022821585529445 {
		return v / 4
	}
	return math.Pow((v+0.111572195921731)/1.111572195921731, 1/0.45)
}

// pqToLight is the perceptual quantiser (SMPTE ST 2084; value 16), scaled so that the reference white
// of BT.2408, 203 cd/m², is 1, and mapped to what an SDR display shows.
func pqToLight(v float64) float64 {
	const m1, m2, c1, c2, c3 = 2610.0 / 16384, 2523.0 / 32, 3424.0 / 4096, 2413.0 / 128, 2392.0 / 128
	p := math.Pow(max(v, 0), 1/m2)
	light := math.Pow(max(p-c1, 0)/(c2-c3*p), 1/m1) // of 10,000 cd/m²
	return toneMap(light*10000/203, 10000.0/203)
}

// hlgToLight is hybrid log-gamma (ARIB STD-B67; value 18) with the system gamma of a 1,000 cd/m²
// display, scaled and mapped likewise.
func hlgToLight(v float64) float64 {
	const a, b, c = 0.17883277, 0.28466892, 0.55991073
	scene := v * v / 3
	if v > 0.5 {
		scene = (math.Exp((v-c)/a) + b) / 12
	}
	return toneMap(math.Pow(max(scene, 0), 1.2)*1000/203, 1000.0/203)
}

// toneMap rolls light above SDR white off: Reinhard's extended curve (Reinhard et al., "Photographic
// tone reproduction for digital images", 2002, equation 4), which maps 0 to 0 and peak to 1.
func toneMap(light, peak float64) float64 {
	return min(light*(1+light/(peak*peak))/(1+light), 1)
}
