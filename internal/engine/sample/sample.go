// Package sample draws pictures with the statistics of photographs: smooth sky, sharp edges, fine
// texture and noise. They let people try and test the project without using anybody's photographs.
// A picture depends on its size alone, except that processors may round a few samples differently.
package sample

import (
	"bytes"
	"image"
	"image/jpeg"
	"math"
)

// Landscape draws hills under a low sun, w×h pixels, opaque.
func Landscape(w, h int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	ridges := [][]float64{
		ridge(w, 0.46, 0.10, 3.1, 1), ridge(w, 0.58, 0.07, 5.3, 2), ridge(w, 0.72, 0.05, 7.7, 3),
	}
	for y := range h {
		for x := range w {
			u, v := float64(x)/float64(w), float64(y)/float64(h)
			r, g, b := sky(u, v)
			for k, top := range ridges {
				if v > top[x] {
					r, g, b = hill(k, x, y, v-top[x])
				}
			}
			grain := 5 * (noise(x, y, 9) - 0.5)
			i := m.PixOffset(x, y)
			m.Pix[i], m.Pix[i+1], m.Pix[i+2] = level(r+grain), level(g+grain), level(b+grain)
			m.Pix[i+3] = 255
		}
	}
	return m
}

// Photo returns a Landscape as a JPEG file of the quality that cameras use. It panics if no JPEG
// can have that size.
func Photo(w, h int) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, Landscape(w, h), &jpeg.Options{Quality: 92}); err != nil {
		panic(err) // The size is invalid; a bytes.Buffer never fails.
	}
	return b.Bytes()
}

// ridge returns the upper edge of a row of hills for each column, as a fraction of the height.
func ridge(w int, base, height, frequency float64, seed int) []float64 {
	top := make([]float64, w)
	for x := range top {
		u, sum, amplitude := float64(x)/float64(w)*frequency, 0.0, 0.5
		for octave := range 6 {
			sum += amplitude * smooth(u, 0, seed*10+octave)
			u, amplitude = u*2.1, amplitude*0.5
		}
		top[x] = base - height*(2*sum-1)
	}
	return top
}

// sky is a gradient with a sun and bands of cloud.
func sky(u, v float64) (r, g, b float64) {
	r, g, b = 70+260*v, 120+150*v, 200+20*v
	sun := math.Exp(-900 * ((u-0.7)*(u-0.7) + (v-0.33)*(v-0.33)*0.5))
	glow := math.Exp(-12 * ((u-0.7)*(u-0.7) + (v-0.33)*(v-0.33)))
	cloud := max(0, smooth(u*6, v*22, 40)+0.5*smooth(u*14, v*50, 41)-0.85) * 120
	return r + 200*sun + 60*glow + cloud, g + 190*sun + 30*glow + cloud, b + 120*sun - 20*glow + cloud
}

// hill returns the colour of the ground at some depth below its ridge: hazy in the distance, grassy
// in the foreground.
func hill(k, x, y int, depth float64) (r, g, b float64) {
	near := float64(k) / 2
	texture := smooth(float64(x)/3, float64(y)/7, 60+k)*0.6 + noise(x, y/2, 70+k)*0.4
	shade := 0.75 + near*0.5*(texture-0.5) - 0.5*depth
	r, g, b = 120-55*near, 125-15*near, 140-100*near
	if k == 2 && noise(x/4, y/4, 80) > 0.992 { // flowers
		return 225, 60, 70
	}
	return r * shade, g * shade, b * shade
}

// noise hashes a lattice point to a value in 0..1.
func noise(x, y, seed int) float64 {
	h := uint32(x)*0x9e3779b1 ^ uint32(y)*0x85ebca77 ^ uint32(seed)*0xc2b2ae3d
	h = (h ^ h>>15) * 0x2c1b3c6d
	h = (h ^ h>>12) * 0x297a2d39
	return float64(h^h>>15) / math.MaxUint32
}

// smooth interpolates noise between lattice points.
func smooth(x, y float64, seed int) float64 {
	x0, y0 := math.Floor(x), math.Floor(y)
	ease := func(t float64) float64 { return t * t * (3 - 2*t) }
	fx, fy := ease(x-x0), ease(y-y0)
	at := func(dx, dy int) float64 { return noise(int(x0)+dx, int(y0)+dy, seed) }
	return (at(0, 0)*(1-fx)+at(1, 0)*fx)*(1-fy) + (at(0, 1)*(1-fx)+at(1, 1)*fx)*fy
}

func level(v float64) uint8 { return uint8(math.Round(min(255, max(0, v)))) }
