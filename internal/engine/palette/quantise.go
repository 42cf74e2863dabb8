package palette

import "slices"

// refinements is how often k-means moves the colours of a table.
const refinements = 4

// Quantise returns a table of at most n colours for the pixels that were counted, in rising order.
func (h *Histogram) Quantise(n int) []Colour {
	boxes := []box{newBox(h.points())}
	for len(boxes) < n {
		widest := 0
		for i := range boxes {
			if boxes[i].gain > boxes[widest].gain {
				widest = i
			}
		}
		if boxes[widest].gain <= 0 {
			break
		}
		low, high := boxes[widest].cut()
		boxes[widest] = low
		boxes = append(boxes, high)
	}
	table := make([]Colour, len(boxes))
	for i, b := range boxes {
		table[i] = mean(b.sums())
	}
	for range refinements {
		table = refine(table, boxes)
	}
	slices.Sort(table)
	return slices.Compact(table)
}

// sums are the number of some pixels and the sums of their samples.
type sums struct{ n, r, g, b int64 }

func (s *sums) add(p point) {
	s.n += p.n
	s.r += p.n * int64(p.r)
	s.g += p.n * int64(p.g)
	s.b += p.n * int64(p.b)
}

// merit is the square of the vector of sums over the number of pixels. The squared error of pixels
// around their mean is the sum of their squares less the merit, so a cut takes away as much of the
// error as it adds to the merit.
func (s sums) merit() float64 {
	r, g, b := float64(s.r), float64(s.g), float64(s.b)
	return (r*r + g*g + b*b) / float64(s.n)
}

func mean(s sums) Colour {
	half := s.n / 2
	return RGB(uint8((s.r+half)/s.n), uint8((s.g+half)/s.n), uint8((s.b+half)/s.n))
}

// box is a set of neighbouring colours, and where it is best cut.
type box struct {
	points []point
	gain   float64 // of the cut; 0 if there is none
	axis   int     // 0 for red, 1 for green, 2 for blue
	last   int32   // level of the lower half
}

func (p *point) level(axis int) int32 { return [...]int32{p.r, p.g, p.b}[axis] }

func (b *box) sums() (s sums) {
	for _, p := range b.points {
		s.add(p)
	}
	return s
}

// newBox returns the box of some points with its best cut.
func newBox(points []point) box {
	b := box{points: points}
	all := b.sums()
	var levels [3][256]sums
	for _, p := range points {
		levels[0][p.r].add(p)
		levels[1][p.g].add(p)
		levels[2][p.b].add(p)
	}
	for axis := range levels {
		var low sums
		for level, s := range levels[axis] {
			if s.n == 0 {
				continue
			}
			low.n, low.r, low.g, low.b = low.n+s.n, low.r+s.r, low.g+s.g, low.b+s.b
			high := sums{all.n - low.n, all.r - low.r, all.g - low.g, all.b - low.b}
			if high.n == 0 {
				break
			}
			if gain := low.merit() + high.merit() - all.merit(); gain > b.gain {
				b.gain, b.axis, b.last = gain, axis, int32(level)
			}
		}
	}
	return b
}

// cut returns the halves of a box.
func (b *box) cut() (low, high box) {
	n := 0
	for i := range b.points {
		if b.points[i].level(b.axis) <= b.last {
			b.points[i], b.points[n] = b.points[n], b.points[i]
			n++
		}
	}
	return newBox(b.points[:n]), newBox(b.points[n:])
}

// refine returns the means of the pixels that are nearest to each colour of a table. A colour that is
// nearest to none stays.
func refine(table []Colour, boxes []box) []Colour {
	f := NewFinder(table)
	near := make([]sums, len(table))
	for _, b := range boxes {
		for _, p := range b.points {
			i, _ := f.nearest(p.r, p.g, p.b)
			near[i].add(p)
		}
	}
	moved := slices.Clone(table)
	for i, s := range near {
		if s.n > 0 {
			moved[i] = mean(s)
		}
	}
	return moved
}
