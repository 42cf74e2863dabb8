package colour

import (
	"math"
	"sync/atomic"
)

// nodes is a grid of converted colours, which are evaluated when a sample first needs them, and
// interpolated within the tetrahedron that holds the sample (Kasson et al., "Performing color space
// conversions with three-dimensional linear interpolation", 1995). It has at least 33 points along each
// channel for RGB and 17 for CMYK, and refines the grid of the source's table, if it has one, so that
// its cells end where those of the table do.
type nodes struct {
	src    Source
	toRGB  matrix
	points [4]int              // along each channel
	place  [4][256]place       // of each level of a channel, after the table's input curves
	value  []atomic.Uint64     // red, green, blue in 1/128 of a level, 16 bits each; above them a mark
	eval   func([]float64) XYZ // of points, 0 to 1
	first  int                 // channels that are interpolated on their own, before the simplex
	n      int                 // channels
}

// place is where a level lies on an axis: the point before it, and how far beyond that, in 256ths.
type place struct{ low, frac int32 }

func newNodes(src Source, toRGB matrix) *nodes {
	n := &nodes{src: src, toRGB: toRGB, n: src.Channels(), eval: src.XYZ}
	least := 33
	if n.n == 4 {
		n.first, least = 1, 17
	}
	l, _ := src.(*lut)
	size := 1
	for c := range n.n {
		n.points[c] = least
		if l != nil && l.grid != nil {
			cells := l.grid.points[c] - 1
			n.points[c] = cells*((least-2)/cells+1) + 1
		}
		size *= n.points[c]
		for level := range 256 {
			v := float64(level) / 255
			if l != nil && l.a != nil {
				v = clamp01(l.a[c](v))
			}
			at := int32(math.Round(v * float64(n.points[c]-1) * 256))
			n.place[c][level] = place{min(at>>8, int32(n.points[c]-2)), 0}
			n.place[c][level].frac = at - n.place[c][level].low<<8
		}
	}
	if l != nil {
		n.eval = l.afterCurves
	}
	n.value = make([]atomic.Uint64, size)
	return n
}

// A node holds the light of red, green and blue in 21 bits each: 1 + light in 2^19ths, so that light may
// be negative, as it is outside the destination's gamut. Clipping comes after the interpolation: before
// it, it would bend the values between two nodes. The uppermost bit marks a node that is filled.
const (
	nodeBits = 21
	nodeOne  = 1 << 19
	filled   = 1 << 63
)

// at returns the colour of a node, given by its point on each axis.
func (n *nodes) at(point *[4]int32) uint64 {
	i := 0
	for c := range n.n {
		i = i*n.points[c] + int(point[c])
	}
	if v := n.value[i].Load(); v != 0 {
		return v
	}
	var device [4]float64
	for c := range n.n {
		device[c] = float64(point[c]) / float64(n.points[c]-1)
	}
	light := n.toRGB.mul(n.eval(device[:n.n]))
	v := uint64(filled)
	for c := range light {
		v |= uint64(math.Round(min(max(light[c]+1, 0), 3.99)*nodeOne)) << (nodeBits * c)
	}
	n.value[i].Store(v)
	return v
}

// row interpolates each sample: for CMYK, linearly along the first channel between two simplices of the
// others.
func (n *nodes) row(dst, src [][]byte) {
	level := levels()
	var last [4]byte
	for x := range src[0] {
		var key [4]byte
		for c := range n.n {
			key[c] = src[c][x]
		}
		if x > 0 && key == last { // flat places are common
			for c := range 3 {
				dst[c][x] = dst[c][x-1]
			}
			continue
		}
		last = key
		var point [4]int32
		for c := range n.n {
			point[c] = n.place[c][key[c]].low
		}
		sum := n.simplex(point, &key)
		if n.first == 1 {
			if frac := int64(n.place[0][key[0]].frac); frac > 0 {
				point[0]++
				high := n.simplex(point, &key)
				for c := range sum {
					sum[c] += (high[c] - sum[c]) * frac >> 8
				}
			}
		}
		for c := range sum { // of 256 parts of a node
			dst[c][x] = level.nearest(clamp16(((sum[c]-256*nodeOne)*65535 + 128*nodeOne) >> 27))
		}
	}
}

// simplex interpolates over the channels from first on: from the lower corner of the cell along the
// channel with the largest fraction, then the next, to the upper corner.
func (n *nodes) simplex(point [4]int32, key *[4]byte) (sum [3]int64) {
	var frac, order [4]int32
	for c := n.first; c < n.n; c++ {
		f := n.place[c][key[c]].frac
		k := c
		for ; k > n.first && frac[order[k-1]] < f; k-- {
			order[k] = order[k-1]
		}
		frac[c], order[k] = f, int32(c)
	}
	before := int32(256)
	for i := n.first; ; i++ {
		after := int32(0)
		if i < n.n {
			after = frac[order[i]]
		}
		if weight := int64(before - after); weight > 0 {
			v := n.at(&point)
			for c := range sum {
				sum[c] += weight * int64(v>>(nodeBits*c)&(1<<nodeBits-1))
			}
		}
		if after == 0 {
			return sum
		}
		point[order[i]]++
		before = after
	}
}
