package palette

import "math"

// Finder finds the nearest colour of a table. Colours are divided into cells of 16 levels a side. For
// each cell that is asked for, the colours that are nearest to some point of it are listed once: those
// that are nearer to it at their nearest than another one is at its farthest.
type Finder struct {
	colours []entry
	opaque  []uint8          // the indexes of those that can be found
	lists   [1 << 12][]uint8 // by the upper four bits of red, green and blue; nil before its first use
}

type entry struct{ r, g, b int32 }

// NewFinder returns a finder of a table of up to 256 colours. A transparent one is never found.
func NewFinder(table []Colour) *Finder {
	f := &Finder{}
	for i, c := range table {
		r, g, b := c.samples()
		f.colours = append(f.colours, entry{r, g, b})
		if c&Opaque != 0 {
			f.opaque = append(f.opaque, uint8(i))
		}
	}
	return f
}

// Nearest returns the index of the colour of the table that is nearest to c, the first of several.
func (f *Finder) Nearest(c Colour) uint8 {
	i, _ := f.nearest(c.samples())
	return i
}

// nearest also returns the squared distance.
func (f *Finder) nearest(r, g, b int32) (index uint8, distance int32) {
	cell := r>>4<<8 | g>>4<<4 | b>>4
	list := f.lists[cell]
	if list == nil {
		list = f.list(r&^15, g&^15, b&^15)
		f.lists[cell] = list
	}
	distance = math.MaxInt32
	for _, i := range list {
		e := &f.colours[i]
		dr, dg, db := e.r-r, e.g-g, e.b-b
		if d := dr*dr + dg*dg + db*db; d < distance {
			index, distance = i, d
		}
	}
	return index, distance
}

// list returns the candidates of the cell whose lowest corner is given.
func (f *Finder) list(r, g, b int32) []uint8 {
	var near [256]int32
	least := int32(math.MaxInt32)
	for _, i := range f.opaque {
		e := f.colours[i]
		nr, fr := reach(e.r, r)
		ng, fg := reach(e.g, g)
		nb, fb := reach(e.b, b)
		near[i] = nr + ng + nb
		least = min(least, fr+fg+fb)
	}
	var list []uint8
	for _, i := range f.opaque {
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
	for _, i := range f.opaque {
		least, a := int32(math.MaxInt32), f.colours[i]
		for _, k := range f.opaque {
			b := f.colours[k]
			dr, dg, db := a.r-b.r, a.g-b.g, a.b-b.b
			if d := dr*dr + dg*dg + db*db; k != i && d < least {
				least = d
			}
		}
		sum += math.Sqrt(float64(least) / 3)
	}
	return sum / float64(len(f.opaque))
}
