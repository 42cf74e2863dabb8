// Package scenes draws pictures that have a subject: people, boats, flowers, lighthouses.
package scenes

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"

	"github.com/imgmill/imgmill/internal/engine/sample"
)

// Scene is a drawn picture and where its subject is.
type Scene struct {
	Kind    string
	Picture *image.RGBA
	Subject image.Rectangle
}

// shape is a figure on a canvas, in pixels.
type shape struct {
	colour color.RGBA
	inside func(x, y float64) bool
}

func paint(c uint32) color.RGBA {
	return color.RGBA{R: uint8(c >> 16), G: uint8(c >> 8), B: uint8(c), A: 255}
}

func ellipse(c color.RGBA, x, y, rx, ry float64) shape {
	return shape{c, func(px, py float64) bool {
		dx, dy := (px-x)/rx, (py-y)/ry
		return dx*dx+dy*dy < 1
	}}
}

func box(c color.RGBA, x0, y0, x1, y1 float64) shape {
	return shape{c, func(x, y float64) bool { return x >= x0 && x < x1 && y >= y0 && y < y1 }}
}

// triangle has its tip at x, y and a base of a width at a height.
func triangle(c color.RGBA, x, y, width, bottom float64) shape {
	return shape{c, func(px, py float64) bool {
		return py >= y && py < bottom && math.Abs(px-x) < width/2*(py-y)/(bottom-y)
	}}
}

// fill draws shapes with four samples a pixel.
func fill(m *image.RGBA, shapes []shape) {
	b := m.Bounds()
	for y := range b.Dy() {
		for x := range b.Dx() {
			i := m.PixOffset(x, y)
			for _, s := range shapes {
				covered := 0
				for k := range 4 {
					if s.inside(float64(x)+0.25+0.5*float64(k%2), float64(y)+0.25+0.5*float64(k/2)) {
						covered++
					}
				}
				for c, v := range [3]uint8{s.colour.R, s.colour.G, s.colour.B} {
					m.Pix[i+c] = uint8((int(v)*covered + int(m.Pix[i+c])*(4-covered)) / 4)
				}
			}
		}
	}
}

// ramp is a background from one colour at the top to another at the bottom, with grain.
func ramp(r *rand.Rand, w, h int, top, bottom color.RGBA) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			grain, i := r.IntN(7)-3, m.PixOffset(x, y)
			for c, v := range [3][2]uint8{{top.R, bottom.R}, {top.G, bottom.G}, {top.B, bottom.B}} {
				m.Pix[i+c] = uint8(min(max((int(v[0])*(h-y)+int(v[1])*y)/h+grain, 0), 255))
			}
			m.Pix[i+3] = 255
		}
	}
	return m
}

// grass is a background of even texture.
func grass(r *rand.Rand, w, h int) *image.RGBA {
	m := ramp(r, w, h, paint(0x5a7a35), paint(0x3f6127))
	for range w * h / 12 {
		x, y, length, light := r.IntN(w), r.IntN(h), 3+r.IntN(8), r.IntN(60)-25
		for k := range min(length, h-y) {
			i := m.PixOffset(x, y+k)
			for c := range 3 {
				m.Pix[i+c] = uint8(min(max(int(m.Pix[i+c])+light, 0), 255))
			}
		}
	}
	return m
}

var skins = []uint32{0xf3d0b5, 0xe0ac85, 0xc68a5e, 0x8f5a38, 0x5c3a25}

// person draws head and shoulders; size is the height of the head.
func person(r *rand.Rand, x, y, size float64) []shape {
	skin := paint(skins[r.IntN(len(skins))])
	hair := paint([]uint32{0x2a1c14, 0x5b3a1e, 0xc9a25a, 0x777777}[r.IntN(4)])
	cloth := paint([]uint32{0x2f4a7a, 0x7a2f3a, 0x4a4a4a, 0xd8d3c8, 0x2f6b4f}[r.IntN(5)])
	dark := paint(0x2a1a14)
	return []shape{
		ellipse(cloth, x, y+size*1.5, size*0.95, size*0.85), box(cloth, x-size*0.95, y+size*1.5, x+size*0.95, y+size*9),
		box(skin, x-size*0.18, y+size*0.3, x+size*0.18, y+size*0.8),
		ellipse(hair, x, y-size*0.1, size*0.42, size*0.5), ellipse(skin, x, y+size*0.05, size*0.35, size*0.45),
		ellipse(dark, x-size*0.13, y, size*0.04, size*0.03), ellipse(dark, x+size*0.13, y, size*0.04, size*0.03),
		ellipse(paint(0xa04040), x, y+size*0.25, size*0.1, size*0.03),
	}
}

// kinds draw a w×h picture whose subject is around x, y, within a radius.
var kinds = []struct {
	name string
	draw func(r *rand.Rand, w, h int, x, y, radius float64) (*image.RGBA, image.Rectangle)
}{
	{"portrait", func(r *rand.Rand, w, h int, x, y, radius float64) (*image.RGBA, image.Rectangle) {
		m := sample.Landscape(w, h)
		fill(m, person(r, x, y, radius))
		return m, around(x, y, radius*0.45, radius*0.6)
	}},
	{"portrait indoors", func(r *rand.Rand, w, h int, x, y, radius float64) (*image.RGBA, image.Rectangle) {
		m := ramp(r, w, h, paint(0xb9a27f), paint(0x8a6f4d)) // warm, not far from skin
		fill(m, []shape{box(paint(0x6b5236), 0.02*float64(w), 0.1*float64(h), 0.1*float64(w), 0.9*float64(h)), box(paint(0xd9c9a8), 0.85*float64(w), 0.2*float64(h), 0.97*float64(w), 0.5*float64(h))})
		fill(m, person(r, x, y, radius))
		return m, around(x, y, radius*0.45, radius*0.6)
	}},
	{"balloon", func(r *rand.Rand, w, h int, x, y, radius float64) (*image.RGBA, image.Rectangle) {
		m := sample.Landscape(w, h)
		c := paint([]uint32{0xd02b2b, 0xe8a020, 0x3050c0}[r.IntN(3)])
		fill(m, []shape{ellipse(c, x, y, radius*0.7, radius*0.8), ellipse(paint(0xf0e8d8), x, y, radius*0.2, radius*0.8),
			triangle(paint(0x6b4a2a), x, y+radius*0.6, radius*0.3, y+radius), box(paint(0x4a321c), x-radius*0.15, y+radius*0.9, x+radius*0.15, y+radius*1.1)})
		return m, around(x, y+radius*0.1, radius*0.7, radius*0.95)
	}},
	{"boat", func(r *rand.Rand, w, h int, x, y, radius float64) (*image.RGBA, image.Rectangle) {
		m := ramp(r, w, h, paint(0xbcd6ea), paint(0xe8eef0))
		sea := []shape{box(paint(0x2f6486), 0, y, float64(w), float64(h))}
		for range 60 {
			wy := y + (float64(h)-y)*r.Float64()
			sea = append(sea, ellipse(paint(0x4f85a5), float64(w)*r.Float64(), wy, 6+14*r.Float64(), 1))
		}
		fill(m, append(sea, triangle(paint(0xfaf7ee), x+radius*0.1, y-radius, radius*0.8, y-radius*0.05),
			ellipse(paint(0x8a2f22), x, y+radius*0.05, radius*0.6, radius*0.2)))
		return m, around(x, y-radius*0.4, radius*0.6, radius*0.65)
	}},
	{"flower", func(r *rand.Rand, w, h int, x, y, radius float64) (*image.RGBA, image.Rectangle) {
		m := grass(r, w, h)
		c := paint([]uint32{0xf2e24a, 0xf5f2ee, 0xd0507f}[r.IntN(3)])
		shapes := []shape{box(paint(0x2f5a20), x-3, y, x+3, y+2*radius)}
		for k := range 7 {
			a := 2 * math.Pi * float64(k) / 7
			shapes = append(shapes, ellipse(c, x+radius*0.4*math.Cos(a), y+radius*0.4*math.Sin(a), radius*0.28, radius*0.28))
		}
		fill(m, append(shapes, ellipse(paint(0x8a5a1a), x, y, radius*0.25, radius*0.25)))
		return m, around(x, y, radius*0.68, radius*0.68)
	}},
	{"dog in snow", func(r *rand.Rand, w, h int, x, y, radius float64) (*image.RGBA, image.Rectangle) {
		m := ramp(r, w, h, paint(0xd8e2ec), paint(0xf4f6f8))
		for range 5 {
			fill(m, []shape{triangle(paint(0xb4c0c8), float64(w)*r.Float64(), float64(h)*(0.1+0.2*r.Float64()), 60, float64(h)*0.5)})
		}
		c := paint([]uint32{0x3a2a20, 0x8a5c30, 0x202024}[r.IntN(3)])
		fill(m, []shape{ellipse(c, x, y, radius*0.65, radius*0.3), ellipse(c, x-radius*0.6, y-radius*0.3, radius*0.25, radius*0.22),
			box(c, x-radius*0.5, y, x-radius*0.36, y+radius*0.6), box(c, x+radius*0.36, y, x+radius*0.5, y+radius*0.6),
			ellipse(c, x+radius*0.7, y-radius*0.25, radius*0.08, radius*0.3)})
		return m, around(x, y, radius*0.85, radius*0.6)
	}},
	{"moon", func(r *rand.Rand, w, h int, x, y, radius float64) (*image.RGBA, image.Rectangle) {
		m := ramp(r, w, h, paint(0x0a1024), paint(0x1a2440))
		for range 80 {
			i := m.PixOffset(r.IntN(w), r.IntN(h))
			m.Pix[i], m.Pix[i+1], m.Pix[i+2] = 180, 180, 190
		}
		fill(m, []shape{ellipse(paint(0xf1ecd8), x, y, radius*0.5, radius*0.5), ellipse(paint(0xd5cfb8), x-radius*0.1, y-radius*0.1, radius*0.12, radius*0.1)})
		return m, around(x, y, radius*0.5, radius*0.5)
	}},
	{"bottle", func(r *rand.Rand, w, h int, x, y, radius float64) (*image.RGBA, image.Rectangle) {
		m := ramp(r, w, h, paint(0xe9e6e0), paint(0xcfcac0))
		c := paint([]uint32{0x2f6b3a, 0x6b3a1a, 0x9ab8c8}[r.IntN(3)])
		fill(m, []shape{ellipse(paint(0xb5afa4), x+radius*0.4, y+radius*0.95, radius*0.7, radius*0.12),
			box(c, x-radius*0.28, y-radius*0.2, x+radius*0.28, y+radius), box(c, x-radius*0.1, y-radius, x+radius*0.1, y), ellipse(c, x, y-radius*0.2, radius*0.28, radius*0.25),
			box(paint(0xf5f0e0), x-radius*0.28, y+radius*0.2, x+radius*0.28, y+radius*0.7), box(paint(0xa02030), x-radius*0.2, y+radius*0.35, x+radius*0.2, y+radius*0.5)})
		return m, around(x, y, radius*0.3, radius)
	}},
	{"lighthouse", func(r *rand.Rand, w, h int, x, y, radius float64) (*image.RGBA, image.Rectangle) {
		m := sample.Landscape(w, h)
		shapes := []shape{triangle(paint(0xf4f2ee), x, y-radius*2.2, radius*0.9, y+radius), triangle(paint(0x8a1f1f), x, y-radius*1.1, radius*0.4, y-radius*0.7)}
		for k := range 3 {
			top := y - radius*0.6 + radius*0.5*float64(k)
			shapes = append(shapes, shape{paint(0xc03028), func(px, py float64) bool {
				return py >= top && py < top+radius*0.2 && math.Abs(px-x) < radius*0.45*(py-(y-radius*2.2))/(3.2*radius)
			}})
		}
		fill(m, shapes)
		return m, around(x, y, radius*0.45, radius)
	}},
	{"statue, gray", func(r *rand.Rand, w, h int, x, y, radius float64) (*image.RGBA, image.Rectangle) {
		m := ramp(r, w, h, paint(0x707070), paint(0xa0a0a0))
		for range 14 { // a hedge
			fill(m, []shape{ellipse(paint(0x5c5c5c), float64(w)*r.Float64(), float64(h), 20, 25)})
		}
		fill(m, []shape{box(paint(0xd8d8d8), x-radius*0.35, y+radius*0.5, x+radius*0.35, y+radius), ellipse(paint(0xe8e8e8), x, y, radius*0.3, radius*0.6),
			ellipse(paint(0xe8e8e8), x, y-radius*0.7, radius*0.2, radius*0.25), ellipse(paint(0xb0b0b0), x+radius*0.08, y-radius*0.65, radius*0.1, radius*0.18)})
		return m, around(x, y, radius*0.35, radius)
	}},
}

func around(x, y, rx, ry float64) image.Rectangle {
	return image.Rect(int(x-rx), int(y-ry), int(math.Ceil(x+rx)), int(math.Ceil(y+ry)))
}

// All draws five pictures of each kind, whose subjects are anywhere but in the corners: three lie, two
// stand.
func All() (all []Scene) {
	const long, short = 480, 240
	for k, kind := range kinds {
		for n := range 5 {
			r := rand.New(rand.NewPCG(uint64(k), uint64(n)))
			w, h := long, short
			if n > 2 {
				w, h = short, long
			}
			radius := 35 + 30*r.Float64()
			x := radius + (float64(w)-2*radius)*r.Float64()
			y := float64(h)*0.35 + float64(h)*0.25*r.Float64()
			if h > w {
				x = float64(w)*0.35 + float64(w)*0.3*r.Float64()
				y = radius*1.2 + (float64(h)-2.4*radius)*r.Float64()
			}
			m, subject := kind.draw(r, w, h, x, y, radius)
			all = append(all, Scene{kind.name, m, subject.Intersect(m.Bounds())})
		}
	}
	return all
}

// Draw draws a w×h picture of a kind whose subject is around x, y, within a radius, all in pixels. It is nil if there
// is no such kind.
func Draw(kind string, w, h int, x, y, radius float64) *image.RGBA {
	for k, one := range kinds {
		if one.name == kind {
			m, _ := one.draw(rand.New(rand.NewPCG(uint64(k), 0)), w, h, x, y, radius)
			return m
		}
	}
	return nil
}
