// Package plane holds pictures as planes of 8-bit samples, the form in which they travel through
// the engine: decoders push rows of planes, the resampler consumes and produces them, encoders read
// them. Colour is never interleaved on the way.
//
// It never decodes, converts or filters. It only describes samples: what each plane is, which
// colour space it is in, and which part of the picture its samples cover.
package plane

import (
	"bytes"
	"errors"
	"fmt"
)

// Rows is a run of N whole rows of one plane; row i starts at Pix[i*Stride].
type Rows struct {
	Pix    []byte
	Stride int
	N      int
}

// Row returns the first w samples of row i.
func (r Rows) Row(i, w int) []byte { return r.Pix[i*r.Stride:][:w:w] }

// ErrEnough is what a Sink returns when no further row of any plane can change its result.
var ErrEnough = errors.New("no more rows are needed")

// Sink consumes a picture while it is produced. The rows of one plane arrive in order from the top,
// each exactly once. Planes may run ahead of one another, with one exception: where a picture has
// alpha and no plane is subsampled, the same rows of every plane arrive, in plane order, before the
// next rows of any. r is valid only until the call returns. Calls never overlap. An error stops the
// producer, which returns it unchanged, including ErrEnough; no rows follow it.
type Sink interface {
	Rows(plane, y int, r Rows) error
}

// Picture is a whole picture in memory. It is a Sink that keeps what it receives.
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

// Row returns row y of a plane.
func (p *Picture) Row(plane, y int) []byte {
	return p.Pix[plane][y*p.Stride[plane]:][:p.Planes[plane].Width]
}

// Opaque reports whether no pixel is transparent: there is no alpha plane, or all its samples are 255.
func (p *Picture) Opaque() bool {
	alpha, ok := p.Alpha()
	for y := 0; ok && y < p.Height(); y++ {
		if row := p.Row(alpha, y); bytes.Count(row, []byte{255}) != len(row) {
			return false
		}
	}
	return true
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
