// Package palette reduces the colours of a picture to a table of at most 256: it counts them, chooses
// the table and maps pixels to it, with dithering where the table does not have their colours.
//
// The table minimises the squared error of red, green and blue, as far as alpha lets them be seen, and of
// alpha: boxes of colours are cut where that takes away most of it (X. Wu, "Efficient statistical
// computations for optimal color quantization", Graphics Gems II, 1991, with the best cut first), and
// k-means moves what results to a local optimum. All of it is integer arithmetic or sums in a fixed order: equal pixels give equal tables on
// every machine. The package knows no file format.
package palette

import "slices"

// Colour is alpha, red, green and blue, 8 bits each, blue lowest. A transparent pixel is 0.
type Colour uint32

// RGB returns an opaque colour.
func RGB(r, g, b uint8) Colour { return 255<<24 | Colour(r)<<16 | Colour(g)<<8 | Colour(b) }

// sample is red, green and blue, each multiplied by alpha, and alpha: what is seen of a colour.
type sample struct{ r, g, b, a int32 }

func (c Colour) sample() sample {
	s := sample{int32(c >> 16 & 255), int32(c >> 8 & 255), int32(c & 255), int32(c >> 24)}
	if s.a < 255 {
		s.r, s.g, s.b = (s.r*s.a+127)/255, (s.g*s.a+127)/255, (s.b*s.a+127)/255
	}
	return s
}

// alphaWeight is how many samples alpha counts as. Over white, what is not covered shows in all three.
const alphaWeight = 3

// distance returns the squared distance of two samples.
func (s *sample) distance(t *sample) int32 {
	r, g, b, a := s.r-t.r, s.g-t.g, s.b-t.b, s.a-t.a
	return r*r + g*g + b*b + alphaWeight*a*a
}

// maxCells is how many cells a histogram has at most: what 5 bits of each sample distinguish.
const maxCells = 1 << 15

// Histogram counts colours. Up to maxCells of them are counted one by one; of more, the lowest bits of
// their samples are ignored, as few as suffice, and their mean is kept.
type Histogram struct {
	shift uint // bits of each sample that are ignored
	mask  Colour
	slots []uint16 // by hash: 1 + the index of a cell, or 0
	cells []cell
	last  Colour // the key of the cell that was found last
	at    int    // and its index
}

// cell is a colour, or neighbouring ones.
type cell struct {
	key Colour
	sums
}

// NewHistogram returns an empty histogram.
func NewHistogram() *Histogram {
	h := &Histogram{slots: make([]uint16, 2*maxCells)}
	h.Reset()
	return h
}

// Reset empties the histogram.
func (h *Histogram) Reset() {
	if len(h.cells) > 0 {
		clear(h.slots)
	}
	h.shift, h.mask, h.cells, h.last = 0, 0xffffffff, h.cells[:0], 0
}

// Add counts the pixels of a row that are not transparent.
func (h *Histogram) Add(row []Colour) {
	for _, c := range row {
		if c == 0 {
			continue
		}
		if key := c & h.mask; key != h.last {
			h.at, h.last = h.find(key), key
			if len(h.cells) > maxCells {
				h.coarsen()
				h.last = c & h.mask
				h.at = h.find(h.last)
			}
		}
		h.cells[h.at].add(point{c.sample(), 1})
	}
}

// find returns the index of the cell of a key, which is made where it is missing.
func (h *Histogram) find(key Colour) int {
	for i := uint32(key) * 0x9e3779b1 >> 16; ; i++ {
		slot := &h.slots[i%(2*maxCells)]
		switch {
		case *slot == 0:
			h.cells = append(h.cells, cell{key: key})
			*slot = uint16(len(h.cells))
			return len(h.cells) - 1
		case h.cells[*slot-1].key == key:
			return int(*slot - 1)
		}
	}
}

// coarsen ignores one more bit of each sample.
func (h *Histogram) coarsen() {
	old := slices.Clone(h.cells)
	shift := h.shift + 1
	h.Reset()
	h.shift = shift
	h.mask = 0x01010101 * (255 << shift & 255)
	for _, c := range old {
		h.cells[h.find(c.key&h.mask)].join(c.sums)
	}
}

// Colours returns the colours in rising order if there are no more than n of them.
func (h *Histogram) Colours(n int) (colours []Colour, ok bool) {
	if h.shift > 0 || len(h.cells) > n {
		return nil, false
	}
	for _, c := range h.cells {
		colours = append(colours, c.key)
	}
	slices.Sort(colours)
	return colours, true
}

// Error returns the mean squared distance of the pixels from the nearest colours of a table.
func (h *Histogram) Error(f *Finder) float64 {
	var n, sum int64
	for _, p := range h.points() {
		_, d := f.nearest(p.sample)
		n, sum = n+p.n, sum+p.n*int64(d)
	}
	return float64(sum) / float64(max(n, 1))
}

// point is the mean of a cell, and its pixels.
type point struct {
	sample
	n int64
}

func (h *Histogram) points() []point {
	points := make([]point, len(h.cells))
	for i, c := range h.cells {
		points[i] = point{c.mean(), c.n}
	}
	return points
}
