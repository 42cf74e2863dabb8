package colour

import "math"

// hdrSpace is a space whose light goes beyond that of white: PQ or HLG (ITU-R BT.2100). Its light is
// relative to the reference white of BT.2408, 203 cd/m², and is mapped to what an SDR display shows by the
// reference white tone mapping of SMPTE ST 2094-50, as Chromium 156 maps pictures that state no more than
// code points:
//
//	m = max(R,G,B)/2 + (R+G+B)/6              each channel is multiplied by T(m)/m
//	T(m) = m/2                                up to reference white
//	T(m) = y of the Bézier curve with x = m   (1, 1/2), (1.65, 0.825), (1000/203, 1)
//	T(m) = 1                                  beyond 1000 cd/m²
//
// White is therefore as bright as half of what the display can show, which leaves room for highlights.
type hdrSpace struct {
	toLight func(device []float64) [3]float64
	matrix  matrix
}

func (s *hdrSpace) Channels() int { return 3 }

func (s *hdrSpace) XYZ(device []float64) XYZ { return s.matrix.mul(toneMapped(s.toLight(device))) }

// toneMapped applies the tone mapping.
func toneMapped(light [3]float64) [3]float64 {
	m := max(light[0], light[1], light[2])/2 + (light[0]+light[1]+light[2])/6
	if m <= 0 {
		return [3]float64{}
	}
	gain := toneCurve(m) / m
	return [3]float64{light[0] * gain, light[1] * gain, light[2] * gain}
}

func toneCurve(m float64) float64 {
	const peak = 1000.0 / 203
	switch {
	case m <= 1:
		return m / 2
	case m >= peak:
		return 1
	}
	// m = 1 + 1.3·t + a·t², y = 0.5 + 0.65·t - 0.15·t²
	const a = peak - 2.3
	t := (math.Sqrt(1.69+4*a*(m-1)) - 1.3) / (2 * a)
	return 0.5 + 0.65*t - 0.15*t*t
}

// pq returns the light of samples of the perceptual quantiser (SMPTE ST 2084; value 16).
func pq(device []float64) (light [3]float64) {
	const m1, m2, c1, c2, c3 = 2610.0 / 16384, 2523.0 / 32, 3424.0 / 4096, 2413.0 / 128, 2392.0 / 128
	for c, v := range device {
		p := math.Pow(clamp01(v), 1/m2)
		light[c] = math.Pow(max(p-c1, 0)/(c2-c3*p), 1/m1) * 10000 / 203
	}
	return light
}

// hlg returns the light of samples of hybrid log-gamma (ARIB STD-B67; value 18) with the system gamma of a
// display of 1,000 cd/m², by the luminance of BT.2020.
func hlg(device []float64) (light [3]float64) {
	const a, b, c = 0.17883277, 0.28466892, 0.55991073
	for i, v := range device {
		if v = clamp01(v); v <= 0.5 {
			light[i] = v * v / 3
		} else {
			light[i] = (math.Exp((v-c)/a) + b) / 12
		}
	}
	y := 0.2627*light[0] + 0.6780*light[1] + 0.0593*light[2]
	if y <= 0 {
		return [3]float64{}
	}
	scale := math.Pow(y, 0.2) * 1000 / 203
	return [3]float64{light[0] * scale, light[1] * scale, light[2] * scale}
}

// hdrTransfers are the transfer characteristics whose light goes beyond white.
var hdrTransfers = map[uint8]func([]float64) [3]float64{16: pq, 18: hlg}
