package main

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"math"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"

	"github.com/imgmill/imgmill/bench/scenes"
	"github.com/imgmill/imgmill/internal/engine/sample"
)

// upload is a picture that the demo begins with.
type upload struct {
	key  string
	data []byte
}

// uploads draws the pictures of the demo, as a camera and a browser would store them.
func uploads() ([]upload, error) {
	all := []upload{{"hills.jpg", sample.Photo(2400, 1600)}}
	for _, s := range []struct {
		key, kind    string
		w, h         int
		x, y, radius float64
	}{
		{"lighthouse.jpg", "lighthouse", 1920, 1280, 560, 700, 210},
		{"scenes/portrait.jpg", "portrait", 960, 480, 170, 220, 100},
		{"scenes/balloon.jpg", "balloon", 960, 480, 760, 190, 90},
		{"scenes/boat.jpg", "boat", 960, 480, 800, 260, 110},
		{"scenes/flower.jpg", "flower", 960, 480, 150, 210, 110},
		{"scenes/dog.jpg", "dog in snow", 960, 480, 210, 300, 110},
		{"scenes/moon.jpg", "moon", 960, 480, 800, 140, 110},
	} {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, scenes.Draw(s.kind, s.w, s.h, s.x, s.y, s.radius), &jpeg.Options{Quality: 92}); err != nil {
			return nil, err
		}
		all = append(all, upload{s.key, b.Bytes()})
	}
	screen, err := asPNG(screenshot())
	return append(all, upload{"screenshot.png", screen}), err
}

func asPNG(m image.Image) ([]byte, error) {
	var b bytes.Buffer
	err := png.Encode(&b, m)
	return b.Bytes(), err
}

// cover returns how much of a pixel is in a figure, from sixteen samples.
func cover(x, y int, inside func(x, y float64) bool) float64 {
	n := 0
	for k := range 16 {
		if inside(float64(x)+0.125+0.25*float64(k%4), float64(y)+0.125+0.25*float64(k/4)) {
			n++
		}
	}
	return float64(n) / 16
}

// paint lays a figure over what is within a rectangle.
func paint(m *image.NRGBA, r image.Rectangle, c color.NRGBA, inside func(x, y float64) bool) {
	r = r.Intersect(m.Bounds())
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			if a := cover(x, y, inside) * float64(c.A) / 255; a > 0 {
				old, i := m.NRGBAAt(x, y), m.PixOffset(x, y)
				under := float64(old.A) / 255 * (1 - a)
				for k, v := range [3][2]uint8{{c.R, old.R}, {c.G, old.G}, {c.B, old.B}} {
					m.Pix[i+k] = uint8(math.Round((float64(v[0])*a + float64(v[1])*under) / (a + under)))
				}
				m.Pix[i+3] = uint8(math.Round(255 * (a + under)))
			}
		}
	}
}

// rounded is a rectangle whose corners have a radius.
func rounded(m *image.NRGBA, x, y, w, h, radius float64, c color.NRGBA) {
	paint(m, image.Rect(int(x), int(y), int(x+w)+1, int(y+h)+1), c, func(px, py float64) bool {
		dx := max(x+radius-px, px-(x+w-radius), 0)
		dy := max(y+radius-py, py-(y+h-radius), 0)
		return px >= x && px < x+w && py >= y && py < y+h && dx*dx+dy*dy <= radius*radius
	})
}

// write writes a text of which each dot is scale pixels wide.
func write(m *image.NRGBA, x, y, scale int, c color.NRGBA, text string) {
	face := basicfont.Face7x13
	small := image.NewAlpha(image.Rect(0, 0, face.Advance*len(text), face.Height))
	(&font.Drawer{Dst: small, Src: image.Opaque, Face: face, Dot: fixed.P(0, face.Ascent)}).DrawString(text)
	for sy := range small.Rect.Dy() {
		for sx := range small.Rect.Dx() {
			if small.AlphaAt(sx, sy).A > 0 {
				draw.Draw(m, image.Rect(x+sx*scale, y+sy*scale, x+(sx+1)*scale, y+(sy+1)*scale), image.NewUniform(c), image.Point{}, draw.Src)
			}
		}
	}
}

func hex(c uint32) color.NRGBA {
	return color.NRGBA{R: uint8(c >> 16), G: uint8(c >> 8), B: uint8(c), A: 255}
}

// card is a white sheet with a shadow.
func card(m *image.NRGBA, x, y, w, h float64) {
	for k := range 9 {
		d := float64(9 - k)
		rounded(m, x-d, y-d+4, w+2*d, h+2*d, 14+d, color.NRGBA{R: 20, G: 50, B: 60, A: 4})
	}
	rounded(m, x, y, w, h, 14, hex(0xffffff))
}

// screenshot draws the page of a program that nobody has written: cards, a curve, bars and a ring.
func screenshot() image.Image {
	const w, h = 1280, 800
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h { // a calm gradient, and soft shadows: more colours than a table holds
		for x := range w {
			t := float64(x)/w*0.6 + float64(y)/h*0.4
			m.SetNRGBA(x, y, color.NRGBA{R: uint8(246 - 22*t), G: uint8(247 - 9*t), B: uint8(243 - 4*t), A: 255})
		}
	}
	white, line, text, muted := hex(0xffffff), hex(0xdfe3dc), hex(0x22302b), hex(0x76827c)
	green, blue, amber, red := hex(0x1d7d6c), hex(0x3b6fb6), hex(0xe0a234), hex(0xc4513d)
	for y := range h {
		t := float64(y) / h
		rounded(m, 0, float64(y), 220, 1, 0, color.NRGBA{R: uint8(22 + 22*t), G: uint8(53 + 44*t), B: uint8(47 + 66*t), A: 255})
	}
	rounded(m, 28, 30, 34, 34, 9, hex(0x7fd6bd))
	write(m, 76, 34, 2, white, "Harbour")
	for i, item := range []string{"Overview", "Arrivals", "Berths", "Weather", "Crew", "Invoices"} {
		if i == 0 {
			rounded(m, 16, 108, 188, 40, 9, hex(0x265048))
		}
		rounded(m, 34, 120+float64(i)*48, 16, 16, 5, hex(0x9cc4ba))
		write(m, 66, 122+i*48, 1, hex(0xd5e7e2), item)
	}
	write(m, 256, 34, 2, text, "Arrivals this week")
	for i, number := range []struct {
		name, value string
		colour      color.NRGBA
	}{{"ships", "128", green}, {"on time", "94 %", blue}, {"waiting", "7", amber}, {"delayed", "3", red}} {
		x := 256 + float64(i)*250
		card(m, x, 84, 232, 108)
		rounded(m, x+20, 106, 10, 10, 5, number.colour)
		write(m, int(x)+40, 104, 1, muted, number.name)
		write(m, int(x)+20, 134, 3, text, number.value)
	}
	card(m, 256, 214, 640, 330)
	write(m, 278, 234, 1, muted, "tonnes a day")
	for i := range 5 {
		rounded(m, 278, 280+float64(i)*56, 596, 1, 0, line)
	}
	at := func(x float64) float64 { return 395 - 70*math.Sin(x/88) - 42*math.Sin(x/31+1) }
	wash := hex(0xdcefe9)
	paint(m, image.Rect(278, 262, 874, 504), wash, func(x, y float64) bool { return y > at(x-278) })
	paint(m, image.Rect(278, 262, 874, 504), green, func(x, y float64) bool {
		slope := (at(x-277) - at(x-279)) / 2
		return math.Abs(y-at(x-278)) < 1.7*math.Sqrt(1+slope*slope)
	})
	card(m, 914, 214, 342, 330)
	write(m, 936, 234, 1, muted, "berths")
	parts := []struct {
		share  float64
		colour color.NRGBA
	}{{0.46, green}, {0.27, blue}, {0.17, amber}, {0.10, red}}
	from := 0.0
	for _, p := range parts {
		low, high := from, from+p.share
		paint(m, image.Rect(970, 270, 1200, 500), p.colour, func(x, y float64) bool {
			dx, dy := x-1085, y-385
			d, turn := math.Hypot(dx, dy), math.Mod(math.Atan2(dx, -dy)/(2*math.Pi)+1, 1)
			return d > 66 && d < 108 && turn >= low && turn < high
		})
		from = high
	}
	write(m, 1050, 366, 3, text, "86%")
	card(m, 256, 566, 1000, 206)
	for i, row := range []string{"MS Aurora      Bergen      06:40   berth 12", "MV Silver Tern  Gdansk      07:15   berth 3",
		"MT Cormorant    Rotterdam   08:05   berth 7", "MS Halcyon      Lisbon      09:30   berth 1"} {
		y := 584 + i*46
		rounded(m, 280, float64(y)+2, 24, 24, 12, []color.NRGBA{green, blue, amber, red}[i])
		write(m, 322, y+7, 1, text, row)
	}
	view := sample.Landscape(330, 178)
	draw.Draw(m, image.Rect(912, 580, 1242, 758), view, image.Point{}, draw.Src)
	write(m, 924, 738, 1, white, "camera 2, east pier")
	return m
}

// logo draws the sign that watermarks lay over pictures: white, on nothing.
func logo() image.Image {
	m := image.NewNRGBA(image.Rect(0, 0, 480, 160))
	white := hex(0xffffff)
	rounded(m, 8, 16, 128, 128, 30, white)
	clear := func(r image.Rectangle, inside func(x, y float64) bool) {
		for y := r.Min.Y; y < r.Max.Y; y++ {
			for x := r.Min.X; x < r.Max.X; x++ {
				i := m.PixOffset(x, y) + 3
				m.Pix[i] = uint8(math.Round(float64(m.Pix[i]) * (1 - cover(x, y, inside))))
			}
		}
	}
	clear(image.Rect(30, 50, 116, 118), func(x, y float64) bool { // two hills
		return y < 116 && (y > 58+1.1*math.Abs(x-62) || y > 80+1.1*math.Abs(x-94))
	})
	clear(image.Rect(84, 30, 116, 62), func(x, y float64) bool { return math.Hypot(x-100, y-48) < 11 })
	write(m, 160, 36, 6, white, "imgmill"[:7])
	return m
}
