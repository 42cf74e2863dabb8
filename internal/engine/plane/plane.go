// Package plane holds pictures as planes of 8-bit samples, the form in which they travel through the engine: decoders
// push rows of planes, the resampler takes and gives them, encoders read them. Colour is never interleaved on the way.
//
// It never decodes, converts or filters; it only says where samples are and what part of the picture they cover.
package plane

import (
	"errors"
	"fmt"
)

// Model names what the colour planes mean.
type Model uint8

const (
	// Gray is one plane of luminance.
	Gray Model = iota
	// YCbCr is full-range BT.601 luma and two chroma planes, as in JFIF.
	YCbCr
	// RGB is three planes, as stored: no profile is applied.
	RGB
	// CMYK is four planes of ink, 0 for none and 255 for full.
	CMYK
)

// Colours is the number of colour planes, alpha not counted.
func (m Model) Colours() int {
	switch m {
	case Gray:
		return 1
	case CMYK:
		return 4
	}
	return 3
}

func (m Model) String() string {
	switch m {
	case Gray:
		return "gray"
	case YCbCr:
		return "YCbCr"
	case RGB:
		return "RGB"
	case CMYK:
		return "CMYK"
	}
	return fmt.Sprintf("model %d", uint8(m))
}

// Size is the grid of one plane: Width×Height samples are stored, of which the picture covers SpanX×SpanY, measured in
// samples of this plane from its top left corner. The span is fractional where subsampling or a scaled decode does not
// divide the picture evenly: a chroma plane of a 5 wide 4:2:0 picture is 3 wide and spans 2.5. Sample i is centred at
// i+0.5, which is JFIF's siting for chroma.
type Size struct {
	Width, Height int
	SpanX, SpanY  float64
}

// Whole is a grid whose picture covers all of its samples.
func Whole(w, h int) Size { return Size{w, h, float64(w), float64(h)} }

// Layout says what planes a picture has. Planes holds the colour planes in the model's order and, if Alpha, one more for
// alpha. Colour is straight (not multiplied by alpha), as PNG and WebP store it. Plane 0 has the picture's full size.
type Layout struct {
	Model  Model
	Alpha  bool
	Planes []Size
}

// NewLayout is a w×h layout whose chroma planes, if the model has any, are subsampled by subX and subY.
func NewLayout(m Model, alpha bool, w, h, subX, subY int) Layout {
	l := Layout{Model: m, Alpha: alpha}
	for i := range m.Colours() {
		s := Whole(w, h)
		if m == YCbCr && i > 0 {
			s = Size{(w + subX - 1) / subX, (h + subY - 1) / subY, float64(w) / float64(subX), float64(h) / float64(subY)}
		}
		l.Planes = append(l.Planes, s)
	}
	if alpha {
		l.Planes = append(l.Planes, Whole(w, h))
	}
	return l
}

// Transposed is l of the picture whose axes are swapped.
func (l Layout) Transposed() Layout {
	planes := make([]Size, len(l.Planes))
	for i, s := range l.Planes {
		planes[i] = Size{Width: s.Height, Height: s.Width, SpanX: s.SpanY, SpanY: s.SpanX}
	}
	l.Planes = planes
	return l
}

// Width is the picture's width in samples of plane 0.
func (l Layout) Width() int { return l.Planes[0].Width }

// Height is the picture's height in samples of plane 0.
func (l Layout) Height() int { return l.Planes[0].Height }

// Rows is a run of N whole rows of one plane; row i starts at Pix[i*Stride].
type Rows struct {
	Pix    []byte
	Stride int
	N      int
}

// Row is row i, w samples of it.
func (r Rows) Row(i, w int) []byte { return r.Pix[i*r.Stride:][:w:w] }

// ErrEnough is what a Sink returns when no further row of any plane can change what it makes of the picture.
var ErrEnough = errors.New("no more rows are needed")

// Sink takes a picture as it is made. Rows of one plane come in order from the top, each exactly once; planes may run
// ahead of one another, except in a picture with alpha: there the same rows of every plane come, in plane order, before
// the next rows of any. r is valid only until the call returns. Calls never overlap. An error stops the producer, which
// returns it unchanged, ErrEnough like any other; no more rows come after it.
type Sink interface {
	Rows(plane, y int, r Rows) error
}

// Picture is a whole picture in memory. It is a Sink that keeps what it takes.
type Picture struct {
	Layout
	Pix    [][]byte
	Stride []int
}

// New allocates a picture of zero samples.
func New(l Layout) *Picture {
	p := &Picture{Layout: l}
	for _, s := range l.Planes {
		p.Pix = append(p.Pix, make([]byte, s.Width*s.Height))
		p.Stride = append(p.Stride, s.Width)
	}
	return p
}

// Row is row y of a plane.
func (p *Picture) Row(plane, y int) []byte {
	return p.Pix[plane][y*p.Stride[plane]:][:p.Planes[plane].Width]
}

// Rows stores rows y to y+r.N-1 of a plane.
func (p *Picture) Rows(plane, y int, r Rows) error {
	s := p.Planes[plane]
	if y < 0 || y+r.N > s.Height {
		return fmt.Errorf("plane %d: rows %d to %d of %d", plane, y, y+r.N, s.Height)
	}
	for i := range r.N {
		copy(p.Row(plane, y+i), r.Row(i, s.Width))
	}
	return nil
}

// Push sends the whole picture to a sink, in bands of all planes.
func (p *Picture) Push(s Sink) error {
	const band = 16
	done := make([]int, len(p.Planes))
	for y := 0; y < p.Height(); y += band {
		for i, size := range p.Planes {
			end := min(size.Height, (y+band)*size.Height/p.Height())
			if y+band >= p.Height() {
				end = size.Height
			}
			if end == done[i] {
				continue
			}
			r := Rows{p.Pix[i][done[i]*p.Stride[i]:], p.Stride[i], end - done[i]}
			if err := s.Rows(i, done[i], r); err != nil {
				return err
			}
			done[i] = end
		}
	}
	return nil
}
