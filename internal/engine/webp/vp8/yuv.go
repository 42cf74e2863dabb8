package vp8

// rangeTables stretch VP8's samples to the full range that JFIF uses. WebP's are BT.601 studio
// swing, luma 16 to 235 and chroma 16 to 240 (RFC 6386 section 9.2).
var rangeTables = func() (t struct{ luma, chroma [256]byte }) {
	for i := range 256 {
		t.luma[i] = uint8(min(255, max(0, (255*(i-16)+109)/219)))
		t.chroma[i] = uint8(min(255, max(0, 128+roundDiv(255*(i-128), 224))))
	}
	return t
}()

// studioTables map samples of full range to VP8's, the opposite of rangeTables.
var studioTables = func() (t struct{ luma, chroma [256]byte }) {
	for i := range 256 {
		t.luma[i] = uint8(16 + (219*i+127)/255)
		t.chroma[i] = uint8(128 + roundDiv(224*(i-128), 255))
	}
	return t
}()

// roundDiv divides by a positive n, rounding halves away from zero.
func roundDiv(a, n int) int {
	if a < 0 {
		return -((-a + n/2) / n)
	}
	return (a + n/2) / n
}

// StretchRow maps samples of studio range to full range.
func StretchRow(dst, src []byte, chroma bool) {
	n := 0
	if useVector() {
		n = stretchWhole(dst, src, chroma)
	}
	if chroma {
		stretch(dst[n:], src[n:], &rangeTables.chroma)
	} else {
		stretch(dst[n:], src[n:], &rangeTables.luma)
	}
}

// stretch maps samples by a table of rangeTables.
func stretch(dst, src []byte, table *[256]byte) {
	src = src[:len(dst)]
	for i, v := range src {
		dst[i] = table[v]
	}
}

// RGBRows turns the rows of a frame to red, green and blue. Chroma is interpolated as libwebp and
// browsers do it ("fancy upsampling"): each pixel takes 9/16 of the nearest chroma sample, 3/16 of
// the next one across and of the next one down, and 1/16 of that on the diagonal, rounded in
// libwebp's two steps.
type RGBRows struct {
	width, height int
	emit          func(y int, r, g, b []byte) error

	last    [2][]byte // chroma of the last row that was consumed
	pending []byte    // luma of the last row, if it waits for the chroma below it
	u, v    []byte    // interpolated
	rgb     [3][]byte
}

func NewRGBRows(w, h int, emit func(y int, r, g, b []byte) error) *RGBRows {
	c := &RGBRows{width: w, height: h, emit: emit}
	cw := (w + 1) / 2
	c.last = [2][]byte{make([]byte, cw), make([]byte, cw)}
	c.pending = make([]byte, w)
	c.u, c.v = make([]byte, w), make([]byte, w)
	c.rgb = [3][]byte{make([]byte, w), make([]byte, w), make([]byte, w)}
	return c
}

// Add consumes the next rows of a frame.
func (c *RGBRows) Add(r Rows) error {
	cw := (c.width + 1) / 2
	chroma := func(row int) [2][]byte {
		if row < r.Y/2 {
			return c.last
		}
		row -= r.Y / 2
		return [2][]byte{r.Pix[1][row*r.Stride[1]:][:cw], r.Pix[2][row*r.Stride[2]:][:cw]}
	}
	if r.Y > 0 {
		if err := c.row(r.Y-1, c.pending, c.last, chroma(r.Y/2)); err != nil {
			return err
		}
	}
	for y := r.Y; y < r.Y+r.N; y++ {
		luma := r.Pix[0][(y-r.Y)*r.Stride[0]:][:c.width]
		near, far := y/2, y/2-1+y&1*2
		switch {
		case y == 0, y == c.height-1 && y&1 == 1:
			far = near
		case y == r.Y+r.N-1 && y&1 == 1:
			copy(c.pending, luma)
			continue
		}
		if err := c.row(y, luma, chroma(near), chroma(far)); err != nil {
			return err
		}
	}
	end := chroma((r.Y + r.N - 1) / 2)
	copy(c.last[0], end[0])
	copy(c.last[1], end[1])
	return nil
}

// row emits a row whose nearest chroma is near.
func (c *RGBRows) row(y int, luma []byte, near, far [2][]byte) error {
	upsample(c.u, near[0], far[0])
	upsample(c.v, near[1], far[1])
	studioToRGB(c.rgb[0], c.rgb[1], c.rgb[2], luma, c.u, c.v)
	return c.emit(y, c.rgb[0], c.rgb[1], c.rgb[2])
}

// upsample interpolates a row of chroma between the nearest row and the next one.
func upsample(dst, near, far []byte) {
	far = far[:len(near)]
	n0, f0 := int32(near[0]), int32(far[0])
	dst[0] = uint8((3*n0 + f0 + 2) >> 2)
	x := 1
	for i := 1; x+1 < len(dst); i++ {
		n1, f1 := int32(near[i]), int32(far[i])
		sum := n0 + n1 + f0 + f1 + 8
		dst[x] = uint8(((sum+2*(n1+f0))>>3 + n0) >> 1)
		dst[x+1] = uint8(((sum+2*(n0+f1))>>3 + n1) >> 1)
		n0, f0 = n1, f1
		x += 2
	}
	if x < len(dst) {
		dst[x] = uint8((3*n0 + f0 + 2) >> 2)
	}
}

// studioToRGB converts a row of BT.601 studio swing to red, green and blue, in libwebp's 14-bit
// fixed point: factors are rounded to 1/16384, products to 1/64.
func studioToRGB(r, g, b, luma, u, v []byte) {
	g, b, luma, u, v = g[:len(r)], b[:len(r)], luma[:len(r)], u[:len(r)], v[:len(r)]
	for x := range r {
		y, cb, cr := int32(luma[x])*19077>>8, int32(u[x]), int32(v[x])
		r[x] = uint8(clamp((y + cr*26149>>8 - 14234) >> 6))
		g[x] = uint8(clamp((y - cb*6419>>8 - cr*13320>>8 + 8708) >> 6))
		b[x] = uint8(clamp((y + cb*33050>>8 - 17685) >> 6))
	}
}
