package placeholder

import (
	"math"
	"strings"
)

// BlurHash returns the BlurHash of a picture with nx×ny components, each from 1 to 9 (Wolt,
// github.com/woltapp/blurhash, Algorithm.md). It is made of cosine components in linear light:
//
//	1 digit: nx−1 + 9·(ny−1) | 1 digit: the scale | 4 digits: the average colour | 2 digits for each other component
//
// with digits of base 83. Where a picture is transparent, its average colour is behind it: the format
// has no alpha. The scale is that of the largest magnitude, as in Wolt's C; in their TypeScript, it is that
// of the largest component, so that a picture without a positive one becomes gray.
func (px Pixels) BlurHash(nx, ny int) string {
	components := px.spectrum(nx, ny)
	var out strings.Builder
	base83(&out, nx-1+9*(ny-1), 1)
	scale, quantised := 1.0, 0
	if len(components) > 1 {
		most := 0.0
		for _, c := range components[1:] {
			most = max(most, math.Abs(c[0]), math.Abs(c[1]), math.Abs(c[2]))
		}
		quantised = int(min(max(math.Floor(most*166-0.5), 0), 82))
		scale = float64(quantised+1) / 166
	}
	base83(&out, quantised, 1)
	mean := components[0]
	base83(&out, int(srgb(mean[0]))<<16|int(srgb(mean[1]))<<8|int(srgb(mean[2])), 4)
	for _, c := range components[1:] {
		n := 0
		for _, v := range c {
			root := math.Copysign(math.Sqrt(math.Abs(v/scale)), v)
			n = n*19 + int(min(max(math.Floor(float64(root*9)+9.5), 0), 18))
		}
		base83(&out, n, 2)
	}
	return out.String()
}

// spectrum returns the components of red, green and blue, from low to high frequencies, in linear light.
func (px Pixels) spectrum(nx, ny int) (all [][3]float64) {
	w, h := px.Width, px.Height
	waves := func(n, count int) [][]float64 {
		all := make([][]float64, count)
		for k := range all {
			for i := range n {
				all[k] = append(all[k], math.Cos(math.Pi*float64(k)*float64(i)/float64(n)))
			}
		}
		return all
	}
	alongX, alongY := waves(w, nx), waves(h, ny)
	all = make([][3]float64, nx*ny)
	for c, light := range px.light() {
		rows := project(light, w, h, alongX)
		for i := range all {
			gain := 2.0
			if i == 0 {
				gain = 1
			}
			all[i][c] = gain * dot(rows[i%nx], alongY[i/nx]) / float64(w*h)
		}
	}
	return all
}

// light returns red, green and blue in linear light, over the average colour.
func (px Pixels) light() (light [3][]float64) {
	var table [256]float64
	for i := range table {
		table[i] = linear(float64(i) / 255)
	}
	mean, _ := px.average()
	for i := 0; i < len(px.RGBA); i += 4 {
		a := px.RGBA[i+3]
		for c := range light {
			v := px.RGBA[i+c]
			if a == 255 {
				light[c] = append(light[c], table[v])
				continue
			}
			alpha := float64(a) / 255
			light[c] = append(light[c], linear(float64(float64(v)/255*alpha)+float64(mean[c]*(1-alpha))))
		}
	}
	return light
}

// linear returns the light of a level of sRGB, both from 0 to 1 (IEC 61966-2-1).
func linear(v float64) float64 {
	if v <= 0.04045 {
		return v / 12.92
	}
	return math.Pow((v+0.055)/1.055, 2.4)
}

// srgb returns the level of a light, as a number up to 255.
func srgb(light float64) uint8 {
	light = min(max(light, 0), 1)
	if light <= 0.0031308 {
		return uint8(float64(light*12.92*255) + 0.5)
	}
	return uint8(float64((float64(1.055*math.Pow(light, 1/2.4))-0.055)*255) + 0.5)
}

const digits83 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~"

// base83 appends a number as so many digits.
func base83(out *strings.Builder, n, digits int) {
	for d := digits - 1; d >= 0; d-- {
		out.WriteByte(digits83[n/pow83(d)%83])
	}
}

func pow83(d int) int {
	if d == 0 {
		return 1
	}
	return 83 * pow83(d-1)
}
