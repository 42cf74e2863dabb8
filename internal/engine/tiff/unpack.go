package tiff

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/imgmill/imgmill/internal/engine/plane"
)

// A row of a strip or tile is unpacked into one row for each sample of a pixel, of 8 bits or, where
// arithmetic follows that needs them, of 16. Fewer bits are spread over the whole range, more are
// reduced to the upper ones. Signed integers are shifted so that the least one is black. Floats are
// black at 0 and white at 1, unless SMinSampleValue and SMaxSampleValue name other limits.

// packing is how the samples of a row are stored.
type packing struct {
	order     binary.ByteOrder
	bits      int
	per       int // samples in a pixel of this row: 1 in planes
	format    int
	low, high float64
}

func newPacking(c *container, f *fields) packing {
	p := packing{order: c.order, bits: f.bits, per: f.samples, format: f.format, low: f.low, high: f.high}
	if f.planar {
		p.per = 1
	}
	if !(p.low < p.high) || math.IsInf(p.high-p.low, 0) {
		p.low, p.high = 0, 1
	}
	return p
}

// rowBytes is the length of a row of n pixels.
func (p *packing) rowBytes(n int) int64 { return (int64(n)*int64(p.per)*int64(p.bits) + 7) / 8 }

// split writes the samples of a row to one row each; nil for a sample that is not needed.
func (p *packing) split(dst [][]byte, row []byte) {
	plain := p.format != signed && p.format != float
	bytes := 0 // in a sample whose upper byte is all that is needed
	if plain && (p.bits == 8 || p.bits == 16) {
		bytes = p.bits / 8
	}
	upper := 0
	if bytes == 2 && p.order == binary.LittleEndian {
		upper = 1
	}
	switch {
	case bytes == 1 && p.per == 1:
		copy(dst[0], row)
	case bytes == 1 && p.per == 3 && whole(dst, 3):
		plane.Split3(dst[0], dst[1], dst[2], row[:3*len(dst[0])])
	case bytes == 1 && p.per == 4 && whole(dst, 4):
		plane.Split4(dst[0], dst[1], dst[2], dst[3], row[:4*len(dst[0])])
	case bytes > 0:
		for k, d := range dst {
			if len(d) > 0 {
				pick(d, row[bytes*k+upper:], bytes*p.per)
			}
		}
	case p.bits == 1 && p.per == 1 && plain:
		expandBits(dst[0], row)
	case p.bits < 16 && plain:
		p.splitBits(dst, row)
	default:
		for k, d := range dst {
			for x := range d {
				d[x] = byte(p.level(row, x*p.per+k) >> 8)
			}
		}
	}
}

// whole reports whether all of n samples are needed.
func whole(dst [][]byte, n int) bool {
	return len(dst) == n && !slices.ContainsFunc(dst, func(d []byte) bool { return d == nil })
}

// splitBits is split for samples of fewer than 16 bits that may cross bytes.
func (p *packing) splitBits(dst [][]byte, row []byte) {
	n := uint(p.bits)
	var levels [256]byte
	for v := range min(1<<n, 256) {
		levels[v] = byte(p.spread(uint64(v)) >> 8)
	}
	var acc uint64
	var have uint
	w := 0
	for _, d := range dst {
		w = max(w, len(d))
	}
	for x := range w {
		for k := range p.per {
			for have < n {
				acc, row = acc<<8|uint64(row[0]), row[1:]
				have += 8
			}
			have -= n
			if k >= len(dst) || dst[k] == nil {
				continue
			}
			if v := acc >> have & (1<<n - 1); n > 8 {
				dst[k][x] = byte(v >> (n - 8))
			} else {
				dst[k][x] = levels[v]
			}
		}
	}
}

// pick copies every n-th byte.
func pick(dst, src []byte, n int) {
	switch n {
	case 2:
		src = src[:2*len(dst)-1]
		for x := range dst {
			dst[x] = src[2*x]
		}
	case 3:
		src = src[:3*len(dst)-2]
		for x := range dst {
			dst[x] = src[3*x]
		}
	case 4:
		src = src[:4*len(dst)-3]
		for x := range dst {
			dst[x] = src[4*x]
		}
	default:
		i := 0
		for x := range dst {
			dst[x] = src[i]
			i += n
		}
	}
}

// pixels holds the eight pixels of each byte of bilevel data.
var pixels = func() (t [256][8]byte) {
	for b := range t {
		for i := range t[b] {
			t[b][i] = -byte(b >> (7 - i) & 1)
		}
	}
	return t
}()

// expandBits makes 0 or 255 of each bit.
func expandBits(dst, row []byte) {
	x := 0
	for ; x+8 <= len(dst); x += 8 {
		*(*[8]byte)(dst[x:]) = pixels[row[x/8]]
	}
	if x < len(dst) {
		copy(dst[x:], pixels[row[x/8]][:])
	}
}

// to16 writes sample k of each pixel of a row to dst, as fractions of 65535.
func (p *packing) to16(dst []uint16, row []byte, k int) {
	for x := range dst {
		dst[x] = p.level(row, x*p.per+k)
	}
}

// level returns sample i of a row as a fraction of 65535.
func (p *packing) level(row []byte, i int) uint16 {
	if p.format == float {
		return p.fraction(p.real(row, i))
	}
	v := p.integer(row, i)
	if p.format == signed {
		v ^= 1 << (p.bits - 1)
	}
	return p.spread(v)
}

// spread returns an unsigned sample as a fraction of 65535.
func (p *packing) spread(v uint64) uint16 {
	n := uint(p.bits)
	switch {
	case n >= 16:
		return uint16(v >> (n - 16))
	case n >= 8:
		return uint16(v<<(16-n) | v>>(2*n-16))
	}
	most := uint64(1)<<n - 1
	return uint16((v*255 + most/2) / most * 257) // rounded to 8 bits
}

// integer returns sample i of a row as it is stored.
func (p *packing) integer(row []byte, i int) uint64 {
	switch p.bits {
	case 8:
		return uint64(row[i])
	case 16:
		return uint64(p.order.Uint16(row[2*i:]))
	case 24:
		b := row[3*i : 3*i+3]
		if p.order == binary.LittleEndian {
			return uint64(b[2])<<16 | uint64(b[1])<<8 | uint64(b[0])
		}
		return uint64(b[0])<<16 | uint64(b[1])<<8 | uint64(b[2])
	case 32:
		return uint64(p.order.Uint32(row[4*i:]))
	case 64:
		return p.order.Uint64(row[8*i:])
	}
	var v uint64
	for at, end := i*p.bits, (i+1)*p.bits; at < end; {
		k := min(8-at%8, end-at)
		v = v<<k | uint64(row[at/8])>>(8-at%8-k)&(1<<k-1)
		at += k
	}
	return v
}

// fraction places a float between black and white.
func (p *packing) fraction(v float64) uint16 {
	v = (v - p.low) / (p.high - p.low)
	if !(v > 0) { // also if it is no number
		return 0
	}
	return uint16(math.Round(min(v, 1) * 65535))
}

// real returns the float that is sample i of a row: IEEE 754 of 16, 32 or 64 bits, or the 24 bits of
// Adobe's technical note 3, with 7 bits of exponent and 16 of fraction.
func (p *packing) real(row []byte, i int) float64 {
	v := p.integer(row, i)
	switch p.bits {
	case 16:
		return small(v, 5, 10)
	case 24:
		return small(v, 7, 16)
	case 32:
		return float64(math.Float32frombits(uint32(v)))
	}
	return math.Float64frombits(v)
}

// small returns a float of a sign, exponent bits and fraction bits.
func small(v uint64, exponent, fraction int) float64 {
	bias := 1<<(exponent-1) - 1
	e := int(v >> fraction & (1<<exponent - 1))
	m := float64(v & (1<<fraction - 1))
	var r float64
	switch e {
	case 0:
		r = math.Ldexp(m, 1-bias-fraction)
	case 1<<exponent - 1:
		r = math.Inf(1)
		if m != 0 {
			return math.NaN()
		}
	default:
		r = math.Ldexp(m+float64(uint64(1)<<fraction), e-bias-fraction)
	}
	if v>>(exponent+fraction)&1 != 0 {
		return -r
	}
	return r
}
