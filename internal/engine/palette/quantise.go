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
		of := b.sums()
		table[i] = of.colour()
	}
	for range refinements {
		table = refine(table, boxes)
	}
	slices.Sort(table)
	return slices.Compact(table)
}

// sums are the number of some pixels and the sums of their samples.
type sums struct{ n, r, g, b, a int64 }

func (s *sums) add(p point) {
	s.join(sums{p.n, p.n * int64(p.r), p.n * int64(p.g), p.n * int64(p.b), p.n * int64(p.a)})
}

func (s *sums) join(t sums) {
	s.n, s.r, s.g, s.b, s.a = s.n+t.n, s.r+t.r, s.g+t.g, s.b+t.b, s.a+t.a
}

// merit is the square of the vector of sums over the number of pixels. The squared error of pixels
// around their mean is the sum of their squares less the merit, so a cut takes away as much of the
// error as it adds to the merit. No product is fused with a sum, which would round it otherwise.
func (s sums) merit() float64 {
	r, g, b, a := float64(s.r), float64(s.g), float64(s.b), float64(s.a)
	return (float64(r*r) + float64(g*g) + float64(b*b) + float64(alphaWeight*a*a)) / float64(s.n)
}

func (s *sums) mean() sample {
	half := s.n / 2
	return sample{
		int32((s.r + half) / s.n), int32((s.g + half) / s.n), int32((s.b + half) / s.n), int32((s.a + half) / s.n),
	}
}

// colour returns the colour whose sample is nearest to the mean.
func (s *sums) colour() Colour {
	m := s.mean()
	if m.a < 255 {
		straight := func(v int32) int32 { return min((v*255+m.a/2)/max(m.a, 1), 255) }
		m.r, m.g, m.b, m.a = straight(m.r), straight(m.g), straight(m.b), max(m.a, 1)
	}
	return Colour(m.a)<<24 | Colour(m.r)<<16 | Colour(m.g)<<8 | Colour(m.b)
}

// box is a set of neighbouring colours, and where it is best cut.
type box struct {
	points []point
	gain   float64 // of the cut; 0 if there is none
	axis   int     // 0 for red, 1 for green, 2 for blue, 3 for alpha
	last   int32   // level of the lower half
}

func (p *point) level(axis int) int32 { return [...]int32{p.r, p.g, p.b, p.a}[axis] }

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
	var levels [4][256]sums
	for _, p := range points {
		levels[0][p.r].add(p)
		levels[1][p.g].add(p)
		levels[2][p.b].add(p)
		levels[3][p.a].add(p)
	}
	for axis := range levels {
		var low sums
		for level, s := range levels[axis] {
			if s.n == 0 {
				continue
			}
			low.join(s)
			high := sums{all.n - low.n, all.r - low.r, all.g - low.g, all.b - low.b, all.a - low.a}
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
			i, _ := f.nearest(p.sample)
			near[i].add(p)
		}
	}
	moved := slices.Clone(table)
	for i, s := range near {
		if s.n > 0 {
			moved[i] = s.colour()
		}
	}
	return moved
}
