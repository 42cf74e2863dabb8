package colour

import "math"

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
type Transform struct {
	gray  *[256]uint8
	mixer *mixer
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
	return &Transform{mixer: newMixer(rgb, toRGB)}
}

// Size is about how many bytes of memory the conversion holds.
func (t *Transform) Size() int {
	if t.nodes == nil {
		return 1 << 12
	}
	size := 8 * len(t.nodes.value)
	if l, ok := t.nodes.src.(*lut); ok && l.grid != nil {
		size += len(l.grid.data)
	}
	return size
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

// Row converts a row of each plane of src to dst, which may be the same memory. Gray has one plane in
// both; RGB has three; CMYK has four in src, 255 for full ink, and three in dst.
func (t *Transform) Row(dst, src [][]byte) {
	switch {
	case t.gray != nil:
		for x, v := range src[0] {
			dst[0][x] = t.gray[v]
		}
	case t.mixer != nil:
		t.mixer.row(dst, src)
	default:
		t.nodes.row(dst, src)
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
	case t.mixer == nil && t.nodes.n != 3:
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
