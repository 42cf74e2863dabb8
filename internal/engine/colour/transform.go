package colour

import (
	"encoding/binary"
	"math"
	"sync"
	"sync/atomic"
)

// Destination is a space that samples are converted to.
type Destination uint8

const (
	// ToSRGB is sRGB, for gray its transfer function.
	ToSRGB Destination = iota
	// ToDisplayP3 has the primaries of Display P3 and the transfer function of sRGB.
	ToDisplayP3
)

// Transform converts rows of 8-bit samples from one source to one destination: gray to gray, RGB and
// CMYK to RGB. Colours that the destination does not hold are clipped, channel by channel. It may be
// used concurrently.
//
// RGB by matrix and curves:  level = E((M·L + 2^13) >> 14), where L is light in 65535ths from a table
// of each channel's 256 levels, M the product of both spaces' matrices in 14 fractional bits, and E a
// table of the level nearest to each light. The error is at most 0.51 of a level at an output level
// above 3, and 0.6 below.
//
// Tables:  the source is evaluated at the nodes of a grid of at least 33 points along each channel for
// RGB and 17 for CMYK, when a sample first needs them, and interpolated within the tetrahedron that
// holds the sample (Kasson et al., "Performing color space conversions with three-dimensional linear
// interpolation", 1995).
type Transform struct {
	gray  *[256]uint8
	light *[3][256]int64
	m     [3][3]int64
	nodes *nodes
}

// New compiles a conversion.
func New(src Source, dst Destination) *Transform {
	if src.Channels() == 1 {
		t := &Transform{gray: new([256]uint8)}
		for level := range t.gray {
			y := src.XYZ([]float64{float64(level) / 255})[1]
			t.gray[level] = uint8(math.Round(255 * lightToSRGB(clamp01(y))))
		}
		return t
	}
	toRGB := fromXYZ(dst)
	rgb, ok := src.(*rgbSpace)
	if !ok {
		return &Transform{nodes: newNodes(src, toRGB)}
	}
	t := &Transform{light: new([3][256]int64)}
	for c := range 3 {
		for level := range 256 {
			t.light[c][level] = int64(math.Round(65535 * clamp01(rgb.curve[c](float64(level)/255))))
		}
	}
	m := toRGB.times(rgb.matrix)
	for i := range 3 {
		for j := range 3 {
			t.m[i][j] = int64(math.Round(m[i][j] * (1 << 14)))
		}
	}
	return t
}

// fromXYZ returns the map from XYZ relative to D50 to light of a destination.
func fromXYZ(dst Destination) matrix {
	p := SRGB
	if dst == ToDisplayP3 {
		p = DisplayP3
	}
	m, err := p.matrix()
	inverse, ok := m.inverse()
	if err != nil || !ok {
		panic("colour: constant primaries") // a test compiles both
	}
	return inverse
}

// levels is the level nearest to each light in 65535ths.
var levels = sync.OnceValue(func() *[65536]uint8 {
	t := new([65536]uint8)
	for light := range t {
		t[light] = uint8(math.Round(255 * lightToSRGB(float64(light)/65535)))
	}
	return t
})

// Row converts a row of each plane of src to dst, which may be the same memory. Gray has one plane in
// both; RGB has three; CMYK has four in src, 255 for full ink, and three in dst.
func (t *Transform) Row(dst, src [][]byte) {
	switch {
	case t.gray != nil:
		for x, v := range src[0] {
			dst[0][x] = t.gray[v]
		}
	case t.light != nil:
		t.matrixRow(dst, src)
	default:
		t.nodes.row(dst, src)
	}
}

func (t *Transform) matrixRow(dst, src [][]byte) {
	const half = 1 << 13
	level, m := levels(), &t.m
	lr, lg, lb := &t.light[0], &t.light[1], &t.light[2]
	n := len(src[0])
	sr, sg, sb := src[0][:n], src[1][:n], src[2][:n]
	dr, dg, db := dst[0][:n], dst[1][:n], dst[2][:n]
	for x := range n {
		r, g, b := lr[sr[x]], lg[sg[x]], lb[sb[x]]
		dr[x] = level[clamp16((m[0][0]*r+m[0][1]*g+m[0][2]*b+half)>>14)]
		dg[x] = level[clamp16((m[1][0]*r+m[1][1]*g+m[1][2]*b+half)>>14)]
		db[x] = level[clamp16((m[2][0]*r+m[2][1]*g+m[2][2]*b+half)>>14)]
	}
}

func clamp16(v int64) uint16 { return uint16(min(max(v, 0), 65535)) }

// nodes is a grid of converted colours that is filled as samples need it. It refines the grid of the
// source's table, if it has one, so that its cells end where those of the table do.
type nodes struct {
	src    Source
	toRGB  matrix
	points [4]int              // along each channel
	place  [4][256]place       // of each level of a channel, after the table's input curves
	value  []atomic.Uint64     // red, green, blue in 1/128 of a level, 16 bits each; above them a mark
	eval   func([]float64) XYZ // of points, 0 to 1
	first  int                 // channels that are interpolated on their own, before the simplex
	n      int                 // channels
	// recent holds samples that were converted and their colours, by a hash of the sample. A small file of
	// many pixels repeats its colours, and a photograph has neighbours that are alike.
	recent [1 << recentBits]atomic.Uint64
}

// A recent sample takes bits 24 to 55, its colour those below, and bit 56 marks that there is one.
const recentBits = 15

// recently returns the place of a sample, and what it holds above the colour if it is that sample.
func (n *nodes) recently(key *[4]byte) (place *atomic.Uint64, held uint64) {
	k := binary.LittleEndian.Uint32(key[:])
	return &n.recent[k*0x9E3779B1>>(32-recentBits)], 1<<32 | uint64(k) // the golden ratio spreads them
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
	for x := range src[0] {
		var key [4]byte
		for c := range n.n {
			key[c] = src[c][x]
		}
		recent, held := n.recently(&key)
		if v := recent.Load(); v>>24 == held {
			dst[0][x], dst[1][x], dst[2][x] = byte(v), byte(v>>8), byte(v>>16)
			continue
		}
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
			dst[c][x] = level[clamp16(((sum[c]-256*nodeOne)*65535+128*nodeOne)>>27)]
		}
		recent.Store(held<<24 | uint64(dst[0][x]) | uint64(dst[1][x])<<8 | uint64(dst[2][x])<<16)
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

// Identity reports whether the conversion changes no sample by more than one level, as that of a
// profile of sRGB itself: then it is not worth doing.
func (t *Transform) Identity() bool {
	near := func(a, b uint8) bool { return max(a, b)-min(a, b) <= 1 }
	switch {
	case t.gray != nil:
		for level, v := range t.gray {
			if !near(uint8(level), v) {
				return false
			}
		}
		return true
	case t.light == nil && t.nodes.n != 3:
		return false
	}
	const steps = 9 // along each channel
	src, dst := make([][]byte, 3), make([][]byte, 3)
	for c := range 3 {
		src[c], dst[c] = make([]byte, steps*steps*steps), make([]byte, steps*steps*steps)
	}
	for i := range src[0] {
		for c, n := range [3]int{i % steps, i / steps % steps, i / steps / steps} {
			src[c][i] = uint8(n * 255 / (steps - 1))
		}
	}
	t.Row(dst, src)
	for c := range src {
		for i, v := range src[c] {
			if !near(v, dst[c][i]) {
				return false
			}
		}
	}
	return true
}
