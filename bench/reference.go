package main

import (
	"fmt"
	"image"
	"image/jpeg"
	"math"
	"os"
)

// The reference is a full decode by Go's image/jpeg, reduced in 64-bit floating point by Lanczos3,
// stretched by the step (K. Turkowski, Filters for Common Resampling Tasks, 1990). Luma and chroma
// are each reduced from the grid of the file. Chroma samples are centred (T.871). Neither the EXIF
// orientation nor a profile is applied: none of the photographs of the table needs turning, and the
// only profile among them is sRGB.

// grid holds the samples of one plane, of which the picture covers spanX by spanY.
type grid struct {
	w, h         int
	spanX, spanY float64
	at           []float64
}

// picture holds luma and chroma. A grey picture has no chroma.
type picture struct {
	y, cb, cr grid
}

// load decodes a file with image/jpeg.
func load(file string) (*picture, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	m, err := jpeg.Decode(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return planesOf(m)
}

func planesOf(m image.Image) (*picture, error) {
	size := m.Bounds().Size()
	switch m := m.(type) {
	case *image.Gray:
		return &picture{y: gridOf(m.Pix, m.Stride, size.X, size.Y, 1, 1)}, nil
	case *image.YCbCr:
		subX, subY, err := subsampling(m.SubsampleRatio)
		if err != nil {
			return nil, err
		}
		return &picture{
			y:  gridOf(m.Y, m.YStride, size.X, size.Y, 1, 1),
			cb: gridOf(m.Cb, m.CStride, size.X, size.Y, subX, subY),
			cr: gridOf(m.Cr, m.CStride, size.X, size.Y, subX, subY),
		}, nil
	}
	return nil, fmt.Errorf("cannot compare a picture of type %T", m)
}

func subsampling(r image.YCbCrSubsampleRatio) (x, y int, err error) {
	switch r {
	case image.YCbCrSubsampleRatio444:
		return 1, 1, nil
	case image.YCbCrSubsampleRatio422:
		return 2, 1, nil
	case image.YCbCrSubsampleRatio420:
		return 2, 2, nil
	case image.YCbCrSubsampleRatio440:
		return 1, 2, nil
	}
	return 0, 0, fmt.Errorf("cannot compare a picture with subsampling %v", r)
}

// gridOf returns a plane of a w×h picture.
func gridOf(pix []byte, stride, w, h, subX, subY int) grid {
	g := grid{
		w: (w + subX - 1) / subX, h: (h + subY - 1) / subY,
		spanX: float64(w) / float64(subX), spanY: float64(h) / float64(subY),
	}
	g.at = make([]float64, g.w*g.h)
	for y := range g.h {
		for x, v := range pix[y*stride:][:g.w] {
			g.at[y*g.w+x] = float64(v)
		}
	}
	return g
}

// resized returns the picture at w×h, with all planes of that size.
func (p *picture) resized(w, h int, k kernel) *picture {
	q := &picture{y: p.y.resized(w, h, k)}
	if p.cb.w > 0 {
		q.cb, q.cr = p.cb.resized(w, h, k), p.cr.resized(w, h, k)
	}
	return q
}

// kernel is a filter: its weight at a distance, and the distance from which on that is zero.
type kernel struct {
	weight func(float64) float64
	radius float64
}

var lanczos3 = kernel{func(x float64) float64 {
	if math.Abs(x) >= 3 {
		return 0
	}
	return sinc(x) * sinc(x/3)
}, 3}

// triangle interpolates linearly when it enlarges.
var triangle = kernel{func(x float64) float64 { return max(0, 1-math.Abs(x)) }, 1}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// resized returns the part of g that the picture covers, at w×h samples.
func (g grid) resized(w, h int, k kernel) grid {
	across := grid{w: w, h: g.h, at: make([]float64, w*g.h)}
	for x := range w {
		first, weights := k.window(g.w, g.spanX, w, x)
		for y := range g.h {
			sum := 0.0
			for i, c := range weights {
				sum += c * g.at[y*g.w+first+i]
			}
			across.at[y*w+x] = sum
		}
	}
	out := grid{w: w, h: h, spanX: float64(w), spanY: float64(h), at: make([]float64, w*h)}
	for y := range h {
		first, weights := k.window(g.h, g.spanY, h, y)
		row := out.at[y*w:][:w]
		for i, c := range weights {
			for x, v := range across.at[(first+i)*w:][:w] {
				row[x] += c * v
			}
		}
	}
	return out
}

// doubled returns what resized does by triangle for a plane of half the size in both directions, rounded up, and is faster.
func (g grid) doubled(w, h int) grid {
	out := grid{w: w, h: h, spanX: float64(w), spanY: float64(h), at: make([]float64, w*h)}
	// The nearer sample of two counts 3/4. Beyond an edge there is the edge's.
	nearest := func(i, n int) (near, far int) {
		near = i / 2
		return near, min(max(near-1+2*(i%2), 0), n-1)
	}
	row := make([]float64, g.w)
	for y := range h {
		near, far := nearest(y, g.h)
		a, b := g.at[near*g.w:][:g.w], g.at[far*g.w:][:g.w]
		for x := range row {
			row[x] = 0.75*a[x] + 0.25*b[x]
		}
		for x := range w {
			near, far := nearest(x, g.w)
			out.at[y*w+x] = 0.75*row[near] + 0.25*row[far]
		}
	}
	return out
}

// window returns the weights, normalised, of sample i of n for the src samples from first on; span
// of the source samples are mapped to the n. Weights beyond an edge are added to the edge sample.
func (k kernel) window(src int, span float64, n, i int) (first int, weights []float64) {
	step := span / float64(n)
	scale := max(1, step)
	centre := (float64(i) + 0.5) * step
	lo := int(math.Floor(centre - k.radius*scale))
	hi := int(math.Ceil(centre + k.radius*scale))
	first = min(max(lo, 0), src-1)
	weights = make([]float64, min(max(hi, 0), src-1)-first+1)
	sum := 0.0
	for s := lo; s <= hi; s++ {
		c := k.weight((float64(s) + 0.5 - centre) / scale)
		weights[min(max(s, 0), src-1)-first] += c
		sum += c
	}
	for j := range weights {
		weights[j] /= sum
	}
	return first, weights
}
