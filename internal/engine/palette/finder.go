package palette

import "math"

// Finder finds the nearest colour of a table. Opaque colours are divided into cells of 16 levels a side.
// For each cell that is asked for, the colours that are nearest to some point of it are listed once: those
// that are nearer to it at their nearest than another one is at its farthest. For others, the whole table
// is searched, and what was found is kept.
type Finder struct {
	colours []sample
	drawn   []uint8          // the indexes of those that can be found
	lists   [1 << 12][]uint8 // by the upper four bits of red, green and blue; nil before its first use
	found   []result         // of samples that are not opaque, by their hash; nil before its first use
}

type result struct {
	of    sample
	index uint8
	found bool
}

const foundBits = 12

// NewFinder returns a finder of a table of up to 256 colours. A transparent one is never found.
func NewFinder(table []Colour) *Finder {
	f := &Finder{}
	for i, c := range table {
		f.colours = append(f.colours, c.sample())
		if c != 0 {
			f.drawn = append(f.drawn, uint8(i))
		}
	}
	return f
}

// Nearest returns the index of the colour of the table that is nearest to c, the first of several.
func (f *Finder) Nearest(c Colour) uint8 {
	i, _ := f.nearest(c.sample())
	return i
}

// nearest also returns the squared distance.
func (f *Finder) nearest(s sample) (index uint8, distance int32) {
	if s.a == 255 {
		list := &f.lists[s.r>>4<<8|s.g>>4<<4|s.b>>4]
		if *list == nil {
			*list = f.list(s.r&^15, s.g&^15, s.b&^15)
		}
		return f.first(*list, s)
	}
	if f.found == nil {
		f.found = make([]result, 1<<foundBits)
	}
	key := uint32(s.a)<<24 | uint32(s.r)<<16 | uint32(s.g)<<8 | uint32(s.b)
	r := &f.found[key*0x9e3779b1>>(32-foundBits)]
	if !r.found || r.of != s {
		index, _ := f.first(f.drawn, s)
		*r = result{s, index, true}
	}
	return r.index, f.colours[r.index].distance(&s)
}

// first returns the nearest of some colours, the first of several.
func (f *Finder) first(list []uint8, s sample) (index uint8, distance int32) {
	distance = math.MaxInt32
	for _, i := range list {
		if d := f.colours[i].distance(&s); d < distance {
			index, distance = i, d
		}
	}
	return index, distance
}

// list returns the candidates of the cell whose lowest corner is given.
func (f *Finder) list(r, g, b int32) []uint8 {
	var near [256]int32
	least := int32(math.MaxInt32)
	for _, i := range f.drawn {
		e := f.colours[i]
		nr, fr := reach(e.r, r)
		ng, fg := reach(e.g, g)
		nb, fb := reach(e.b, b)
		a := alphaWeight * (255 - e.a) * (255 - e.a)
		near[i] = nr + ng + nb + a
		least = min(least, fr+fg+fb+a)
	}
	var list []uint8
	for _, i := range f.drawn {
		if near[i] <= least {
			list = append(list, i)
		}
	}
	return list
}

// reach returns the squared distances of v from the nearest and the farthest of the 16 levels from
// first on.
func reach(v, first int32) (nearest, farthest int32) {
	below, above := v-first, first+15-v
	out := max(0, -below, -above)
	far := max(below, above)
	return out * out, far * far
}

// spacing returns how far the colours of the table are from one another on each axis: the mean
// distance from the nearest other one, over the square root of three.
func (f *Finder) spacing() float64 {
	sum := 0.0
	for _, i := range f.drawn {
		least, a := int32(math.MaxInt32), f.colours[i]
		for _, k := range f.drawn {
			if d := a.distance(&f.colours[k]); k != i && d < least {
				least = d
			}
		}
		sum += math.Sqrt(float64(least) / 3)
	}
	return sum / float64(len(f.drawn))
}
