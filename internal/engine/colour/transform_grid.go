package colour

import (
	"math"
	"sync/atomic"
)

// nodes is a grid of converted colours, which are evaluated when a sample first needs them, and
// interpolated within the tetrahedron that holds the sample (Kasson et al., "Performing color space
// conversions with three-dimensional linear interpolation", 1995); for CMYK, linearly along the first
// channel between two tetrahedra of the others. It has at least 33 points along each channel for RGB and
// 17 for CMYK, and refines the grid of the source's table, if it has one, so that its cells end where
// those of the table do.
//
// A node holds the light of red, green and blue in 21 bits each, from the lowest on: 1 + light in 2^19ths,
// so that light may be negative, as it is outside the destination's gamut. It is 0 until it is evaluated.
// Clipping comes after the interpolation: before it, it would bend the values between two nodes.
type nodes struct {
	src    Source
	toRGB  matrix
	eval   func([]float64) XYZ // of points, 0 to 1
	n      int                 // channels
	points [4]int              // along each channel
	stride [4]int              // from a node to the next along each channel
	place  [4][256]place       // of each level of a channel, after the table's input curves
	value  []atomic.Uint64
	// recent holds samples that were converted and their colours, by a hash of the sample. A small file of
	// many pixels repeats its colours, and a photograph has neighbours that are alike.
	recent [1 << recentBits]atomic.Uint64
}

// A recent sample takes bits 24 to 55, its colour those below, and bit 56 marks that there is one.
const recentBits = 15

// recently returns the place of a sample, and what it holds above the colour if it is that sample.
func (n *nodes) recently(key uint32) (place *atomic.Uint64, held uint64) {
	return &n.recent[key*0x9E3779B1>>(32-recentBits)], 1<<32 | uint64(key) // the golden ratio spreads them
}

// place is where a level lies on an axis: the stretch to the node before it, and how far it is beyond that,
// in 256ths. Steps are sorted by how far they are: step is that, above 32 bits, and the axis's stride.
type place struct {
	low  int
	step uint64
}

func newNodes(src Source, toRGB matrix) *nodes {
	n := &nodes{src: src, toRGB: toRGB, n: src.Channels(), eval: src.XYZ}
	l, _ := src.(*lut)
	if l != nil {
		n.eval = l.afterCurves
	}
	n.choosePoints(l)
	size := 1
	for c := n.n - 1; c >= 0; c-- {
		n.stride[c] = size
		size *= n.points[c]
		for level := range 256 {
			v := float64(level) / 255
			if l != nil && l.a != nil {
				v = clamp01(l.a[c](v))
			}
			at := int(math.Round(v * float64(n.points[c]-1) * 256))
			low := min(at>>8, n.points[c]-2)
			n.place[c][level] = place{low * n.stride[c], uint64(at-low<<8)<<32 | uint64(n.stride[c])}
		}
	}
	n.value = make([]atomic.Uint64, size)
	return n
}

// choosePoints chooses how many points each channel has. A table of which a refined grid would be larger
// than any table may be is not refined.
func (n *nodes) choosePoints(l *lut) {
	least, size := 33, 1
	if n.n == 4 {
		least = 17
	}
	for c := range n.n {
		n.points[c] = least
		if l != nil && l.grid != nil {
			cells := l.grid.points[c] - 1
			n.points[c] = cells*((least-2)/cells+1) + 1
		}
		size *= n.points[c]
	}
	if size > maxNodes {
		copy(n.points[:], l.grid.points)
	}
}

// at returns node i.
func (n *nodes) at(i int) uint64 {
	if v := n.value[i].Load(); v != 0 {
		return v
	}
	return n.evaluate(i)
}

func (n *nodes) evaluate(i int) uint64 {
	var device [4]float64
	for c := range n.n {
		point := i / n.stride[c] % n.points[c]
		device[c] = float64(point) / float64(n.points[c]-1)
	}
	v := uint64(0)
	for c, light := range n.toRGB.mul(n.eval(device[:n.n])) {
		v |= uint64(math.Round(min(max((light+1)*nodeOne, 1), nodeMask))) << (nodeBits * c)
	}
	n.value[i].Store(v)
	return v
}

const (
	nodeBits = 21
	nodeMask = 1<<nodeBits - 1
	nodeOne  = 1 << 19
)

// row converts samples of the last three channels, and of the one before them, if there are four.
func (n *nodes) row(dst, src [][]byte) {
	width := len(src[0])
	colour := src[n.n-3:]
	s0, s1, s2 := colour[0][:width], colour[1][:width], colour[2][:width]
	r, g, b := dst[0][:width], dst[1][:width], dst[2][:width]
	axes := n.place[n.n-3:]
	a0, a1, a2 := &axes[0], &axes[1], &axes[2]
	last, level := ^uint32(0), levels()
	var red, green, blue uint8
	for x := range s0 {
		key := uint32(s0[x]) | uint32(s1[x])<<8 | uint32(s2[x])<<16
		if n.n == 4 {
			key |= uint32(src[0][x]) << 24
		}
		if key != last || x == 0 { // flat places are common
			last = key
			recent, held := n.recently(key)
			if v := recent.Load(); v>>24 == held {
				red, green, blue = uint8(v), uint8(v>>8), uint8(v>>16)
				r[x], g[x], b[x] = red, green, blue
				continue
			}
			p0, p1, p2 := &a0[key&255], &a1[key>>8&255], &a2[key>>16&255]
			at, steps := p0.low+p1.low+p2.low, sorted(p0.step, p1.step, p2.step)
			if n.n == 4 {
				at += n.place[0][key>>24].low
			}
			i, j, k := n.simplex(at, &steps)
			if n.n == 4 {
				if f := int64(n.place[0][key>>24].step >> 32); f > 0 {
					i2, j2, k2 := n.simplex(at+n.stride[0], &steps)
					i, j, k = i+(i2-i)*f>>8, j+(j2-j)*f>>8, k+(k2-k)*f>>8
				}
			}
			red, green, blue = level.nearest(lightOf(i)), level.nearest(lightOf(j)), level.nearest(lightOf(k))
			recent.Store(held<<24 | uint64(red) | uint64(green)<<8 | uint64(blue)<<16)
		}
		r[x], g[x], b[x] = red, green, blue
	}
}

// lightOf returns the light, in 65535ths, of 256 parts of a node.
func lightOf(sum int64) uint16 { return clamp16(((sum-256*nodeOne)*65535 + 128*nodeOne) >> 27) }

// sorted returns three steps from the largest fraction to the smallest.
func sorted(a, b, c uint64) [3]uint64 {
	a, b = max(a, b), min(a, b)
	a, c = max(a, c), min(a, c)
	return [3]uint64{a, max(b, c), min(b, c)}
}

// simplex interpolates from node i, the lower corner of a cell, along the channel with the largest
// fraction, then the next, to the upper corner. It returns 256 parts of a node. A corner of weight 0 is
// evaluated as well; none is beyond the grid.
func (n *nodes) simplex(i int, steps *[3]uint64) (red, green, blue int64) {
	s0, s1, s2 := steps[0], steps[1], steps[2]
	f0, f1, f2 := s0>>32, s1>>32, s2>>32
	j := i + int(uint32(s0))
	k := j + int(uint32(s1))
	a, b, c, d := n.at(i), n.at(j), n.at(k), n.at(k+int(uint32(s2)))
	rg := two(a)*(256-f0) + two(b)*(f0-f1) + two(c)*(f1-f2) + two(d)*f2
	third := a>>42*(256-f0) + b>>42*(f0-f1) + c>>42*(f1-f2) + d>>42*f2
	return int64(rg & (1<<32 - 1)), int64(rg >> 32), int64(third)
}

// two spreads the lower two values of a node over 32 bits each, where a product with 256 fits.
func two(v uint64) uint64 { return v&nodeMask | v<<11&(nodeMask<<32) }
