package vp8

import (
	"bytes"

	"github.com/imgmill/imgmill/internal/engine/plane"
)

// planeSource reads macroblocks of a picture. Beyond the picture, its last column and row are
// repeated. The chroma of gray pictures is neutral. Samples that do not show, since their pixels are
// transparent, are replaced by the mean of those of the macroblock that do: they would take bytes, and
// hold what nobody was meant to see.
type planeSource struct {
	*plane.Picture
	vector bool
	alpha  int // the plane, or -1 where no pixel is transparent
}

func newPlaneSource(p *plane.Picture) planeSource {
	s := planeSource{p, useVector(), -1}
	if i, _ := p.Alpha(); !p.Opaque() {
		s.alpha = i
	}
	return s
}

// load copies macroblock x, y to blocks of 4×4 samples in studio range: those of luma, and then those
// of each chroma.
func (s planeSource) load(x, y int, out *[24][16]uint8) {
	var edge [256]byte
	for p := range 3 {
		per, blocks := 4, out[:16]
		if p > 0 {
			per, blocks = 2, out[12+4*p:][:4]
		}
		if p > 0 && s.Model == plane.Gray {
			for i := range blocks {
				fill(blocks[i][:], 128)
			}
			continue
		}
		pix, stride := s.samples(p, 4*per*x, 4*per*y, 4*per, &edge)
		studioBlocks(pix, stride, per, blocks, s.vector)
	}
}

// samples returns size×size samples of plane p from x, y on, those of a macroblock, and how far their
// rows are apart: in place, or in edge where the picture has not all of them, or not all show.
func (s planeSource) samples(p, x, y, size int, edge *[256]byte) (pix []byte, stride int) {
	w, h := s.Planes[p].Width, s.Planes[p].Height
	hides := s.shown(x*16/size, y*16/size) != allShown
	if x+size <= w && y+size <= h && !hides {
		return s.Pix[p][y*s.Stride[p]+x:], s.Stride[p]
	}
	for i := range size {
		line, row := s.Row(p, min(y+i, h-1)), edge[i*size:][:size]
		have := copy(row, line[x:])
		fill(row[have:], line[w-1])
	}
	if hides {
		s.hide(edge[:size*size], x*16/size, y*16/size, 16/size)
	}
	return edge[:], size
}

// How many pixels of a macroblock are not transparent.
const (
	allShown = iota
	someShown
	noneShown
)

// shown returns how many pixels of the macroblock at x, y show.
func (s planeSource) shown(x, y int) int {
	if s.alpha < 0 {
		return allShown
	}
	transparent, n := 0, 0
	for row := y; row < min(y+16, s.Height()); row++ {
		pix := s.Row(s.alpha, row)[x:min(x+16, s.Width())]
		n += len(pix)
		transparent += bytes.Count(pix, []byte{0})
	}
	switch transparent {
	case 0:
		return allShown
	case n:
		return noneShown
	}
	return someShown
}

// hide replaces the samples of a macroblock at x, y that do not show, each of which has scale×scale
// pixels.
func (s planeSource) hide(pix []byte, x, y, scale int) {
	size := 16 / scale
	var shows [256]bool
	sum, n := 0, 0
	for i, v := range pix {
		left, top := x+i%size*scale, y+i/size*scale
		for row := top; row < top+scale; row++ {
			line := s.Row(s.alpha, min(row, s.Height()-1))
			for column := left; column < left+scale; column++ {
				shows[i] = shows[i] || line[min(column, s.Width()-1)] != 0
			}
		}
		if shows[i] {
			sum += int(v)
			n++
		}
	}
	for i := range pix {
		if !shows[i] {
			pix[i] = uint8((sum + n/2) / max(n, 1))
		}
	}
}

// studioBlocks copies samples to blocks in studio range: those of luma, four blocks in a row, or of
// chroma, two.
func studioBlocks(pix []byte, stride, per int, out [][16]uint8, vector bool) {
	if vector {
		studioBlocksVector(pix, stride, per, out)
		return
	}
	table := &studioTables.luma
	if per == 2 {
		table = &studioTables.chroma
	}
	for y := range 4 * per {
		for x, v := range pix[y*stride:][:4*per] {
			out[y/4*per+x/4][y%4*4+x%4] = table[v]
		}
	}
}

// quarterSums returns the sums of the samples of each quarter of 16×16, and of their squares.
func quarterSums(pix []byte, stride int, vector bool) (sums, squares [4]uint32) {
	if vector {
		quarterSumsVector(pix, stride, &sums, &squares)
		return sums, squares
	}
	for y := range 16 {
		for x, v := range pix[y*stride:][:16] {
			sums[y/8*2+x/8] += uint32(v)
			squares[y/8*2+x/8] += uint32(v) * uint32(v)
		}
	}
	return sums, squares
}
