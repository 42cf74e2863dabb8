package colour

import (
	"math"
	"sync"
)

// mixer converts RGB by curves and a matrix:
//
//	light = T[channel][level]                    in 65535ths
//	mixed = clamp((M·light + 2^(f-1)) >> f)      M: the product of both spaces' matrices, f fractional bits
//	level = E(mixed)                             the level nearest to each light
//
// f is 14, or less if weights of such precision or their sums would not fit 16 or 32 bits, as from
// ProPhoto RGB, which has 13. The error is at most 0.51 of a level at an output level above 3, and 0.6
// below.
//
// Bit widths: the kernel multiplies light less 32768, which fits 16 bits, and adds what that lacks to the
// rounding. Partial sums may wrap around at 32 bits; the whole does not.
type mixer struct {
	light  [3][256]uint16 // of a channel's levels, less 32768, as a 16-bit integer in two's complement
	m      matrix32
	offset [3]int32
	shift  uint
	lanes  [3][3][8]int32 // for mixVector
}

type matrix32 [3][3]int32

func newMixer(src *rgbSpace, toRGB matrix) *mixer {
	t := new(mixer)
	for c := range 3 {
		for level := range 256 {
			light := math.Round(65535 * clamp01(src.curve[c](float64(level)/255)))
			t.light[c][level] = uint16(int32(light) - 32768)
		}
	}
	m := toRGB.times(src.matrix)
	t.shift = fractionBits(m)
	one, limit := float64(int(1)<<t.shift), float64(math.MaxInt16)
	if t.shift == 0 {
		limit /= 3 // a matrix of no real space must not overflow either
	}
	for i := range 3 {
		t.offset[i] = int32(1) << t.shift >> 1
		for j := range 3 {
			t.m[i][j] = int32(math.Round(min(max(m[i][j]*one, -limit), limit)))
			t.offset[i] += t.m[i][j] << 15
		}
		for lane := range 8 {
			t.lanes[i][0][lane] = t.m[i][0]&0xFFFF | t.m[i][1]<<16
			t.lanes[i][1][lane] = t.m[i][2] & 0xFFFF
			t.lanes[i][2][lane] = t.offset[i]
		}
	}
	return t
}

// fractionBits returns how many fractional bits the weights of a matrix can have: for each output, all
// weights must fit 16 bits, and the sums of the positive and of the negative ones times 65535 must fit 32.
func fractionBits(m matrix) uint {
	most := 0.0
	for _, row := range m {
		high, low := 0.0, 0.0
		for _, w := range row {
			high, low = high+max(w, 0), low-min(w, 0)
		}
		most = max(most, high, low)
	}
	bits := uint(14)
	for bits > 0 && most*float64(int(1)<<bits) > 32766 {
		bits--
	}
	return bits
}

// chunk is how many samples are converted at a time, few enough to stay in the processor's first cache.
const chunk = 512

func (t *mixer) row(dst, src [][]byte) {
	var light [3][chunk]uint16
	level := levels()
	for at := 0; at < len(src[0]); at += chunk {
		n := min(chunk, len(src[0])-at)
		for c := range light {
			lookUp(light[c][:n], src[c][at:at+n], &t.light[c])
		}
		t.mix(light[0][:n], light[1][:n], light[2][:n])
		for c := range light {
			level.row(dst[c][at:at+n], light[c][:n])
		}
	}
}

func lookUp(dst []uint16, src []byte, table *[256]uint16) {
	src = src[:len(dst)]
	done := blocks(len(dst))
	if done > 0 {
		lookUpVector(&dst[0], &src[0], &table[0], done)
	}
	for x := done * block; x < len(dst); x++ {
		dst[x] = table[src[x]]
	}
}

// mix replaces a row of light, less 32768, by mixed light.
func (t *mixer) mix(a, b, c []uint16) {
	b, c = b[:len(a)], c[:len(a)]
	done := blocks(len(a))
	if done > 0 {
		mixVector(&a[0], &b[0], &c[0], &t.lanes[0][0][0], uint64(t.shift), done)
	}
	m := &t.m
	for x := done * block; x < len(a); x++ {
		i, j, k := int32(int16(a[x])), int32(int16(b[x])), int32(int16(c[x]))
		a[x] = clamp16(int64((m[0][0]*i + m[0][1]*j + m[0][2]*k + t.offset[0]) >> t.shift))
		b[x] = clamp16(int64((m[1][0]*i + m[1][1]*j + m[1][2]*k + t.offset[1]) >> t.shift))
		c[x] = clamp16(int64((m[2][0]*i + m[2][1]*j + m[2][2]*k + t.offset[2]) >> t.shift))
	}
}

func clamp16(v int64) uint16 { return uint16(min(max(v, 0), 65535)) }

// encoder maps light in 65535ths to the nearest level of sRGB's transfer function. Its entry for each 16
// steps of light is 16 times the level at the first of them, plus the number of steps, at the end of the
// 16, that have the next level: a step of light is at most a 19th of a level.
type encoder [4096]uint16

func (e *encoder) nearest(light uint16) uint8 { return uint8((e[light>>4] + light&15) >> 4) }

func (e *encoder) row(dst []byte, light []uint16) {
	light = light[:len(dst)]
	done := blocks(len(dst))
	if done > 0 {
		levelsVector(&dst[0], &light[0], &e[0], done)
	}
	for x := done * block; x < len(dst); x++ {
		dst[x] = e.nearest(light[x])
	}
}

var levels = sync.OnceValue(func() *encoder {
	e, level := new(encoder), 0
	next := firstLight(1)
	for i := range e {
		if next <= 16*i {
			level++
			next = firstLight(level + 1)
		}
		e[i] = uint16(16*level + max(16*(i+1)-next, 0))
	}
	return e
})

// firstLight returns the least light, in 65535ths, that is nearer to a level than to the one below, as
// levels go.
func firstLight(level int) int {
	if level > 255 {
		return math.MaxInt32
	}
	return int(math.Ceil(65535 * srgbToLight((float64(level)-0.5)/255)))
}
