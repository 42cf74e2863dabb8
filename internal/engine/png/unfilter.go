package png

import "encoding/binary"

// Filter types (section 9.2).
const (
	filterNone = iota
	filterSub
	filterUp
	filterAverage
	filterPaeth
)

// slack is how many bytes behind a row must exist: loops load and store eight bytes at a time.
const slack = 8

// unfilter reverses a filter. dst, src and above have n bytes and slack behind them, of which dst's
// are overwritten; above is the row before dst, or zeros. unit is the size of a pixel in bytes, at
// least 1. It reports whether the filter type exists.
func unfilter(filter byte, dst, src, above []byte, n, unit int) bool {
	switch filter {
	case filterNone:
		copy(dst[:n], src[:n])
	case filterSub:
		if unit < 3 {
			subBytes(dst[:n], src[:n], unit)
		} else {
			sub(dst[:n+slack], src[:n+slack], n, unit)
		}
	case filterUp:
		up(dst[:n+slack], src[:n+slack], above[:n+slack], n)
	case filterAverage:
		if unit < 3 {
			averageBytes(dst[:n], src[:n], above[:n], unit)
		} else {
			average(dst[:n+slack], src[:n+slack], above[:n+slack], n, unit)
		}
	case filterPaeth:
		switch {
		case vectorPaeth(dst, src, above, n, unit):
		case unit == 3:
			paeth3(dst[:n], src[:n], above[:n])
		case unit == 4:
			paeth4(dst[:n], src[:n], above[:n])
		default:
			paeth(dst[:n], src[:n], above[:n], unit)
		}
	default:
		return false
	}
	return true
}

const (
	low7 = 0x7f7f7f7f7f7f7f7f
	high = 0x8080808080808080
)

// addBytes adds the eight bytes of a and b, each modulo 256.
func addBytes(a, b uint64) uint64 { return (a&low7 + b&low7) ^ (a^b)&high }

// sub reverses Sub for pixels of 3 to 8 bytes. A sum has eight lanes, of which the last ones belong
// to the next pixel and are overwritten by it.
func sub(dst, src []byte, n, unit int) {
	var sum uint64
	for i := 0; i < n; i += unit {
		sum = addBytes(sum, binary.LittleEndian.Uint64(src[i:]))
		binary.LittleEndian.PutUint64(dst[i:], sum)
	}
}

// subBytes reverses Sub for pixels of any size.
func subBytes(dst, src []byte, unit int) {
	copy(dst[:min(unit, len(dst))], src)
	if unit == 1 {
		var sum byte
		for i, v := range src {
			sum += v
			dst[i] = sum
		}
		return
	}
	for i := unit; i < len(dst); i++ {
		dst[i] = src[i] + dst[i-unit]
	}
}

// up reverses Up, eight bytes at a time.
func up(dst, src, above []byte, n int) {
	for i := 0; i < n; i += 8 {
		v := addBytes(binary.LittleEndian.Uint64(src[i:]), binary.LittleEndian.Uint64(above[i:]))
		binary.LittleEndian.PutUint64(dst[i:], v)
	}
}

// average reverses Average for pixels of 3 to 8 bytes, in lanes as sub. The mean of two bytes,
// rounded down, is what they share and half of what differs.
func average(dst, src, above []byte, n, unit int) {
	var left uint64
	for i := 0; i < n; i += unit {
		b := binary.LittleEndian.Uint64(above[i:])
		mean := left&b + (left^b)>>1&low7
		left = addBytes(mean, binary.LittleEndian.Uint64(src[i:]))
		binary.LittleEndian.PutUint64(dst[i:], left)
	}
}

// averageBytes reverses Average for pixels of any size.
func averageBytes(dst, src, above []byte, unit int) {
	for i := range dst {
		left := 0
		if i >= unit {
			left = int(dst[i-unit])
		}
		dst[i] = src[i] + byte((left+int(above[i]))/2)
	}
}

// nearest is the Paeth predictor (section 9.4): whichever of left a, above b and upper left c is
// nearest to a+b-c. It has no branches that depend on samples.
func nearest(a, b, c int32) int32 {
	pa, pb := b-c, a-c
	pc := pa + pb
	pa, pb, pc = (pa^pa>>31)-pa>>31, (pb^pb>>31)-pb>>31, (pc^pc>>31)-pc>>31
	if pb <= pc {
		c, pc = b, pb
	}
	if pa <= pc {
		c = a
	}
	return c
}

// paeth reverses Paeth for pixels of any size.
func paeth(dst, src, above []byte, unit int) {
	k := min(unit, len(dst))
	for i := range k { // left and upper left are 0, so above is nearest
		dst[i] = src[i] + above[i]
	}
	for i := k; i < len(dst); i++ {
		dst[i] = src[i] + byte(nearest(int32(dst[i-unit]), int32(above[i]), int32(above[i-unit])))
	}
}

func paeth3(dst, src, above []byte) {
	var a0, a1, a2, c0, c1, c2 int32
	for len(dst) >= 3 && len(src) >= 3 && len(above) >= 3 {
		b0, b1, b2 := int32(above[0]), int32(above[1]), int32(above[2])
		a0 = (nearest(a0, b0, c0) + int32(src[0])) & 255
		a1 = (nearest(a1, b1, c1) + int32(src[1])) & 255
		a2 = (nearest(a2, b2, c2) + int32(src[2])) & 255
		dst[0], dst[1], dst[2] = byte(a0), byte(a1), byte(a2)
		c0, c1, c2 = b0, b1, b2
		dst, src, above = dst[3:], src[3:], above[3:]
	}
}

func paeth4(dst, src, above []byte) {
	var a0, a1, a2, a3, c0, c1, c2, c3 int32
	for len(dst) >= 4 && len(src) >= 4 && len(above) >= 4 {
		b0, b1, b2, b3 := int32(above[0]), int32(above[1]), int32(above[2]), int32(above[3])
		a0 = (nearest(a0, b0, c0) + int32(src[0])) & 255
		a1 = (nearest(a1, b1, c1) + int32(src[1])) & 255
		a2 = (nearest(a2, b2, c2) + int32(src[2])) & 255
		a3 = (nearest(a3, b3, c3) + int32(src[3])) & 255
		dst[0], dst[1], dst[2], dst[3] = byte(a0), byte(a1), byte(a2), byte(a3)
		c0, c1, c2, c3 = b0, b1, b2, b3
		dst, src, above = dst[4:], src[4:], above[4:]
	}
}
