// Package jpegtest holds what the tests of the decoder and of the encoder share: pictures, comparisons, and libjpeg's tools.
// It is linked into tests only.
package jpegtest

import (
	"fmt"
	"image"
	"image/color"
	_ "image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/plane"
)

// Sampling is how many samples of luma there are to one of chroma, across and down.
type Sampling struct {
	Name string
	X, Y int
}

// Samplings are those that the encoder writes.
var Samplings = []Sampling{
	{"4:4:4", 1, 1},
	{"4:2:2", 2, 1},
	{"4:4:0", 1, 2},
	{"4:2:0", 2, 2},
}

// Scene draws a picture like a photograph: soft shading, edges in all directions, texture and some
// noise.
func Scene(w, h int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	seed := uint32(12345)
	for y := range h {
		for x := range w {
			fx, fy := float64(x), float64(y)
			base := 128 + 70*math.Sin(fx/97+fy/61) + 30*math.Sin(fx/31-fy/45)
			if d := math.Hypot(fx-float64(w)/3, fy-float64(h)/2); d < float64(min(w, h))/4 {
				base = 220 - d/3 + 20*math.Sin(fx/3)*math.Sin(fy/5)
			}
			if (x/37+y/53)%5 == 0 {
				base -= 60
			}
			seed = seed*1664525 + 1013904223
			noise := float64(seed>>24)/256*8 - 4
			c := func(v float64) uint8 { return uint8(min(max(v, 0), 255)) }
			red, blue := base+20*math.Sin(fx/83), base*0.8+40*math.Cos(fy/71)
			m.SetRGBA(x, y, color.RGBA{c(red + noise), c(base + noise), c(blue + noise), 255})
		}
	}
	return m
}

// Kodak returns some of the Kodak pictures, by number. It skips the test if IMGMILL_CORPUS is not
// set.
func Kodak(t testing.TB, numbers ...int) map[int]*image.RGBA {
	t.Helper()
	root := os.Getenv("IMGMILL_CORPUS")
	if root == "" {
		t.Skip("IMGMILL_CORPUS is not set")
	}
	all := map[int]*image.RGBA{}
	for _, n := range numbers {
		f, err := os.Open(filepath.Join(root, "kodak", fmt.Sprintf("%d.png", n)))
		if err != nil {
			t.Skip(err)
		}
		m, _, err := image.Decode(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		rgba := image.NewRGBA(m.Bounds())
		for y := range m.Bounds().Dy() {
			for x := range m.Bounds().Dx() {
				rgba.Set(x, y, m.At(x, y))
			}
		}
		all[n] = rgba
	}
	return all
}

// YCbCr converts as libjpeg's jccolor.c and jcsample.c do, bit for bit, so that files can be
// compared with cjpeg's.
func YCbCr(m *image.RGBA, subX, subY int) *plane.Picture {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	full := plane.New(plane.NewLayout(plane.YCbCr, false, w, h, 1, 1))
	for y := range h {
		for x := range w {
			c := m.RGBAAt(x, y)
			r, g, b := int(c.R), int(c.G), int(c.B)
			full.Row(0, y)[x] = byte((19595*r + 38470*g + 7471*b + 1<<15) >> 16)
			full.Row(1, y)[x] = byte((-11059*r - 21709*g + 32768*b + 128<<16 + 1<<15 - 1) >> 16)
			full.Row(2, y)[x] = byte((32768*r - 27439*g - 5329*b + 128<<16 + 1<<15 - 1) >> 16)
		}
	}
	if subX == 1 && subY == 1 {
		return full
	}
	p := plane.New(plane.NewLayout(plane.YCbCr, false, w, h, subX, subY))
	for y := range h {
		copy(p.Row(0, y), full.Row(0, y))
	}
	for c := 1; c <= 2; c++ {
		for y := range p.Planes[c].Height {
			for x := range p.Planes[c].Width {
				sum := 0
				for i := range subX * subY {
					sum += int(full.Row(c, min(subY*y+i/subX, h-1))[min(subX*x+i%subX, w-1)])
				}
				bias := 1 // int_downsample, which libjpeg uses for 1×2
				switch {
				case subX == 2 && subY == 1:
					bias = x & 1
				case subX == 2 && subY == 2:
					bias = 1 + x&1
				}
				p.Row(c, y)[x] = byte((sum + bias) / (subX * subY))
			}
		}
	}
	return p
}

// Gray returns only the luma plane.
func Gray(m *image.RGBA) *plane.Picture {
	full := YCbCr(m, 1, 1)
	return &plane.Picture{
		Layout: plane.NewLayout(plane.Gray, false, full.Width(), full.Height(), 1, 1),
		Pix:    full.Pix[:1], Stride: full.Stride[:1],
	}
}

// Noise makes all coefficients nonzero, which causes the largest symbols and the longest codes.
func Noise(w, h, subX, subY int, seed uint64) *plane.Picture {
	p := plane.New(plane.NewLayout(plane.YCbCr, false, w, h, subX, subY))
	r := rand.New(rand.NewPCG(seed, 1))
	for _, pix := range p.Pix {
		for i := range pix {
			if pix[i] = byte(r.Uint32()); seed%2 == 0 {
				pix[i] = byte(int8(pix[i]) >> 7) // black and white
			}
		}
	}
	return p
}
