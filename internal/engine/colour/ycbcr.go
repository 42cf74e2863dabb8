package colour

// Conversions between YCbCr and RGB are JFIF's (ITU-T T.871, section 7), with weights of 16 fractional
// bits, rounded to nearest:
//
//	R = Y + (91881·Cr' + 2^15) >> 16                     Cb' = Cb-128, Cr' = Cr-128
//	G = Y + (-22554·Cb' - 46802·Cr' + 2^15) >> 16
//	B = Y + (116130·Cb' + 2^15) >> 16
//	Y  = (19595·R + 38470·G + 7471·B + 2^15) >> 16
//	Cb = (-11059·R - 21709·G + 32768·B + 128·2^16 + 2^15) >> 16
//	Cr = (32768·R - 27439·G - 5329·B + 128·2^16 + 2^15) >> 16
//
// clamped to a byte. Every sum fits 32 bits; the error before rounding is less than 0.004 of a level.
// Each row function takes rows of one length, of which outputs may be the memory of inputs.

// block is the samples that a vector kernel takes at a time.
const block = 16

// ToRGB converts one pixel.
func ToRGB(y, cb, cr uint8) (r, g, b uint8) {
	const half = 1 << 15
	l, u, v := int32(y), int32(cb)-128, int32(cr)-128
	return clamp8(l + (91881*v+half)>>16),
		clamp8(l + (-22554*u-46802*v+half)>>16),
		clamp8(l + (116130*u+half)>>16)
}

// ToYCbCr converts one pixel.
func ToYCbCr(r, g, b uint8) (y, cb, cr uint8) {
	const half = 1 << 15
	i, j, k := int32(r), int32(g), int32(b)
	return uint8((19595*i + 38470*j + 7471*k + half) >> 16),
		clamp8((-11059*i - 21709*j + 32768*k + 128<<16 + half) >> 16),
		clamp8((32768*i - 27439*j - 5329*k + 128<<16 + half) >> 16)
}

func clamp8(v int32) uint8 { return uint8(min(255, max(0, v))) }

// RGBRow converts a row of YCbCr without subsampling.
func RGBRow(r, g, b, y, cb, cr []byte) {
	n := len(r)
	g, b, y, cb, cr = g[:n], b[:n], y[:n], cb[:n], cr[:n]
	done := blocks(n)
	if done > 0 {
		toRGBVector(&r[0], &g[0], &b[0], &y[0], &cb[0], &cr[0], done)
	}
	for x := done * block; x < n; x++ {
		r[x], g[x], b[x] = ToRGB(y[x], cb[x], cr[x])
	}
}

// YCbCrRow converts a row of RGB.
func YCbCrRow(y, cb, cr, r, g, b []byte) {
	n := len(y)
	cb, cr, r, g, b = cb[:n], cr[:n], r[:n], g[:n], b[:n]
	done := blocks(n)
	if done > 0 {
		toYCbCrVector(&y[0], &cb[0], &cr[0], &r[0], &g[0], &b[0], done)
	}
	for x := done * block; x < n; x++ {
		y[x], cb[x], cr[x] = ToYCbCr(r[x], g[x], b[x])
	}
}

// LumaRow computes the luma of a row of RGB.
func LumaRow(y, r, g, b []byte) {
	n := len(y)
	r, g, b = r[:n], g[:n], b[:n]
	done := blocks(n)
	if done > 0 {
		lumaVector(&y[0], &r[0], &g[0], &b[0], done)
	}
	for x := done * block; x < n; x++ {
		y[x] = uint8((19595*int32(r[x]) + 38470*int32(g[x]) + 7471*int32(b[x]) + 1<<15) >> 16)
	}
}

// DoubleRow writes each sample of src twice, as far as dst goes. dst is not the memory of src.
func DoubleRow(dst, src []byte) {
	n := len(dst) / 2
	src = src[:(len(dst)+1)/2]
	done := blocks(n)
	if done > 0 {
		doubleVector(&dst[0], &src[0], done)
	}
	for x := 2 * done * block; x < len(dst); x++ {
		dst[x] = src[x/2]
	}
}

// MeanRow computes the mean of each 2×2 samples of two rows, rounded to nearest, half up. Both rows
// have at least twice the length of dst.
func MeanRow(dst, above, below []byte) {
	above, below = above[:2*len(dst)], below[:2*len(dst)]
	done := blocks(len(dst))
	if done > 0 {
		meanVector(&dst[0], &above[0], &below[0], done)
	}
	for x := done * block; x < len(dst); x++ {
		a, b := above[2*x:2*x+2], below[2*x:2*x+2]
		dst[x] = uint8((int(a[0]) + int(a[1]) + int(b[0]) + int(b[1]) + 2) / 4)
	}
}
