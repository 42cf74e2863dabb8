package tiff

import (
	"math"
	"sync"
)

// labTable converts CIE L*a*b* to sRGB. TIFF 6.0 (section 23) makes D65 the white point unless
// WhitePoint names another; the programs that write such files mean D50, the white of ICC profiles,
// and so does this table: L* 100 is the white of sRGB. The arithmetic is in integers.
type labTable struct {
	offset bool // ICCLab: a* and b* have 128 added instead of a sign
	gamma  *[4097]byte
}

func newLabTable(offset bool) *labTable { return &labTable{offset, srgbLevels()} }

// srgbLevels are the levels of light in 4096ths (IEC 61966-2-1).
var srgbLevels = sync.OnceValue(func() *[4097]byte {
	t := new([4097]byte)
	for i := range t {
		v := float64(i) / 4096
		if v <= 0.0031308 {
			v *= 12.92
		} else {
			v = 1.055*math.Pow(v, 1/2.4) - 0.055
		}
		t[i] = byte(math.Round(255 * v))
	}
	return t
})

// row converts a row of 8-bit samples in place.
func (t *labTable) row(l, a, b []byte) {
	for x := range l {
		l[x], a[x], b[x] = t.rgb(int64(l[x])*100<<16/255, t.axis(int64(a[x]), 8), t.axis(int64(b[x]), 8))
	}
}

// deep converts w samples of 16 bits.
func (t *labTable) deep(dst [][]byte, src [][]uint16, w int) {
	most := int64(65535)
	if t.offset {
		most = 65280 // 255 times 256: both encodings of ICC profiles of version 2
	}
	for x := range w {
		l, a, b := int64(src[0][x]), int64(src[1][x]), int64(src[2][x])
		dst[0][x], dst[1][x], dst[2][x] = t.rgb(min(l, most)*100<<16/most, t.axis(a, 16), t.axis(b, 16))
	}
}

// axis returns a* or b* in 65536ths of a stored value of 8 or 16 bits.
func (t *labTable) axis(v int64, bits uint) int64 {
	half := int64(1) << (bits - 1)
	switch {
	case t.offset:
		v -= half
	case v >= half:
		v -= 2 * half
	}
	return v << (24 - bits)
}

// rgb converts one colour, in 65536ths.
func (t *labTable) rgb(l, a, b int64) (byte, byte, byte) {
	fy := (l + 16<<16) / 116
	x := cube(fy+a/500) * 9642 / 10000 // D50: ICC.1:2022, 7.2.16
	y := cube(fy)
	z := cube(fy-b/200) * 8249 / 10000
	// sRGB's matrix from XYZ, adapted to D50 by Bradford's method, in 10000ths.
	level := func(m0, m1, m2 int64) byte {
		v := (m0*x + m1*y + m2*z + 80000) / 160000 // in 4096ths
		return t.gamma[min(max(v, 0), 4096)]
	}
	return level(31339, -16169, -4906), level(-9788, 19161, 335), level(719, -2290, 14052)
}

// cube undoes the f of CIE 15: the cube, and below 6/29 a straight line.
func cube(f int64) int64 {
	if f > 13559 { // 6/29
		return f * f >> 16 * f >> 16
	}
	return (f - 9039) * 8416 >> 16 // 4/29; 3·(6/29)²
}
