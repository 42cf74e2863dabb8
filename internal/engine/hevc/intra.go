package hevc

// Intra prediction modes (Table 8-1).
const (
	intraPlanar     = 0
	intraDC         = 1
	intraHorizontal = 10
	intraVertical   = 26
)

// intra is the neighbouring samples of a block: at 0 the corner p[−1][−1], at 1+i p[i][−1] above or
// p[−1][i] to the left, up to 2·nTbS−1.
type intra struct {
	left, above                 [80]uint16
	filteredLeft, filteredAbove [80]uint16
	reference                   [32 + 80]uint16
	block                       [32 * 32]uint16 // a prediction before rows and columns are exchanged
	vector                      bool            // whether the kernels run: they need samples of at most 10 bits
}

// intraPredAngle (Table 8-5) and invAngle (Table 8-6), by predModeIntra.
var (
	intraPredAngle = [35]int8{
		0, 0, 32, 26, 21, 17, 13, 9, 5, 2, 0, -2, -5, -9, -13, -17, -21, -26,
		-32, -26, -21, -17, -13, -9, -5, -2, 0, 2, 5, 9, 13, 17, 21, 26, 32,
	}
	invAngle = [35]int16{
		11: -4096, -1638, -910, -630, -482, -390, -315, -256, -315, -390, -482, -630, -910, -1638, -4096,
	}
)

// predict fills a block of component c with its prediction (8.4.4.2.1). x and y are in samples of the
// component.
func (w *worker) predict(x, y, log2, c int, mode uint8) {
	in := &w.intra
	in.vector = w.vector && intraKernels && w.p.sps.bitDepth[c] <= 10
	w.neighbours(x, y, log2, c)
	left, above := &in.left, &in.above
	if w.filterNeighbours(log2, c, mode) {
		left, above = &in.filteredLeft, &in.filteredAbove
	}
	plane := &w.p.planes[c]
	dst := plane.pix[plane.offset(x, y):]
	n := 1 << log2
	edges := c == 0 && n < 32
	switch {
	case mode == intraPlanar && in.vector && log2 > 2:
		planarVector(dst, plane.stride, log2, left, above)
	case mode == intraPlanar:
		predictPlanar(dst, plane.stride, log2, left, above)
	case mode == intraDC:
		predictDC(dst, plane.stride, log2, left, above, edges)
	default:
		edges = edges && !(w.p.sps.implicitRDPCM && w.cu.bypass) // disableIntraBoundaryFilter
		in.predictAngular(dst, plane.stride, log2, mode, left, above, edges, int32(plane.highest))
	}
}

// neighbours reads the samples around a block, and replaces those that are not available (8.4.4.2.2).
func (w *worker) neighbours(x, y, log2, c int) {
	in, p := &w.intra, w.p
	plane := &p.planes[c]
	n := 1 << log2
	shiftX, shiftY := p.subsampling(c)
	lx, ly := x<<shiftX, y<<shiftY // in luma samples
	mask := 1<<p.sps.log2CTB - 1

	// How many samples there are above, above and to the right, to the left, and below them.
	atLeft, atTop := lx&mask == 0, ly&mask == 0
	hasLeft := !atLeft || w.left
	hasAbove := !atTop || w.up
	var hasCorner bool
	switch {
	case atLeft && atTop:
		hasCorner = w.upLeft
	case atLeft:
		hasCorner = w.left
	case atTop:
		hasCorner = w.up
	default:
		hasCorner = true
	}
	nRight, nBelow := 0, 0
	if w.decoded(lx, ly, lx+n<<shiftX, ly-1) {
		nRight = min(n, plane.width-x-n)
	}
	if hasLeft && w.decoded(lx, ly, lx-1, ly+n<<shiftY) {
		nBelow = min(n, plane.height-y-n)
	}

	at := plane.offset(x, y)
	if hasAbove || hasCorner || nRight > 0 {
		row := at - plane.stride
		if atTop {
			row = plane.offset(x, y-1)
		}
		if hasAbove {
			copy(in.above[1:1+n], plane.pix[row:row+n])
		}
		if nRight > 0 {
			copy(in.above[1+n:], plane.pix[row+n:row+n+nRight])
		}
		if hasCorner {
			in.left[0] = plane.pix[row-1]
		}
	}
	if hasLeft {
		pix := plane.pix[at-1:]
		for i := range n + nBelow {
			in.left[1+i] = pix[i*plane.stride]
		}
	}
	in.substitute(n, nRight, nBelow, hasLeft, hasAbove, hasCorner, uint16(1)<<(p.sps.bitDepth[c]-1))
}

// substitute fills in what is not available: from the nearest sample in the order from the lower left
// to the upper right.
func (in *intra) substitute(n, nRight, nBelow int, hasLeft, hasAbove, hasCorner bool, middle uint16) {
	if !hasLeft {
		v := middle
		switch {
		case hasCorner:
			v = in.left[0]
		case hasAbove:
			v = in.above[1]
		case nRight > 0:
			v = in.above[1+n]
		}
		fill(in.left[1:1+2*n], v)
	} else {
		fill(in.left[1+n+nBelow:1+2*n], in.left[n+nBelow])
	}
	if !hasCorner {
		in.left[0] = in.left[1]
	}
	in.above[0] = in.left[0]
	if !hasAbove {
		fill(in.above[1:1+n], in.left[0])
	}
	fill(in.above[1+n+nRight:1+2*n], in.above[n+nRight])
}

func fill(dst []uint16, v uint16) {
	for i := range dst {
		dst[i] = v
	}
}

// zOrder is the place of a 4×4 block in the z-scan of a CTB, by column and, times 2, by row.
var zOrder = func() (t [16]uint16) {
	for i := range t {
		t[i] = uint16(i&1 | i&2<<1 | i&4<<2 | i&8<<3)
	}
	return t
}()

// decoded reports whether the luma sample at nx, ny was decoded before the block at x, y and may be
// used for it (6.4.1).
func (w *worker) decoded(x, y, nx, ny int) bool {
	s := w.p.sps
	if nx >= s.width || ny >= s.height || nx < 0 || ny < 0 {
		return false
	}
	log2 := s.log2CTB
	switch dx, dy := nx>>log2-w.ctbX, ny>>log2-w.ctbY; {
	case dx == 0 && dy == 0:
		mask := 1<<log2 - 1
		return zOrder[nx&mask>>2]|zOrder[ny&mask>>2]<<1 < zOrder[x&mask>>2]|zOrder[y&mask>>2]<<1
	case dx == -1 && dy == 0:
		return w.left
	case dx == 0 && dy == -1:
		return w.up
	case dx == 1 && dy == -1:
		return w.upRight
	case dx == -1 && dy == -1:
		return w.upLeft
	}
	return false
}

// filterNeighbours smooths the neighbouring samples where the mode asks for it (8.4.4.2.3), and reports
// whether it did.
func (w *worker) filterNeighbours(log2, c int, mode uint8) bool {
	s := w.p.sps
	if s.intraSmoothingDisabled || c > 0 && s.chroma != Chroma444 || mode == intraDC || log2 == 2 {
		return false
	}
	distance := min(absolute(int(mode)-intraVertical), absolute(int(mode)-intraHorizontal))
	if mode != intraPlanar && distance <= [3]int{7, 1, 0}[log2-3] {
		return false
	}
	in := &w.intra
	n := 1 << log2
	corner, right, below := int(in.left[0]), int(in.above[2*n]), int(in.left[2*n])
	if flat := 1 << (s.bitDepth[0] - 5); s.strongIntraSmoothing && c == 0 && log2 == 5 &&
		absolute(corner+right-2*int(in.above[n])) < flat && absolute(corner+below-2*int(in.left[n])) < flat {
		for i := range 64 {
			in.filteredLeft[i] = uint16(((64-i)*corner + i*below + 32) >> 6)
			in.filteredAbove[i] = uint16(((64-i)*corner + i*right + 32) >> 6)
		}
		in.filteredLeft[64], in.filteredAbove[64] = in.left[64], in.above[64]
		return true
	}
	smooth(&in.filteredLeft, &in.left, n)
	smooth(&in.filteredAbove, &in.above, n)
	first := uint16((uint32(in.left[1]) + 2*uint32(in.left[0]) + uint32(in.above[1]) + 2) >> 2)
	in.filteredLeft[0], in.filteredAbove[0] = first, first
	return true
}

// smooth filters one side of the neighbouring samples but for its ends, the second of which it copies.
func smooth(dst, src *[80]uint16, n int) {
	before, v := uint32(src[0]), uint32(src[1])
	for i := 1; i < 2*n; i++ {
		next := uint32(src[i+1])
		dst[i] = uint16((before + 2*v + next + 2) >> 2)
		before, v = v, next
	}
	dst[2*n] = src[2*n]
}

func absolute(v int) int {
	if v < 0 {
		return -v
	}
	return v
}

// predictPlanar is INTRA_PLANAR (8.4.4.2.4).
func predictPlanar(dst []uint16, stride, log2 int, left, above *[80]uint16) {
	n := 1 << log2
	right, below := int32(above[n+1]), int32(left[n+1])
	for y := range n {
		row := dst[y*stride : y*stride+n]
		l := int32(left[1+y])
		for x := range row {
			row[x] = uint16((int32(n-1-x)*l + int32(x+1)*right +
				int32(n-1-y)*int32(above[1+x]) + int32(y+1)*below + int32(n)) >> (log2 + 1))
		}
	}
}

// predictDC is INTRA_DC (8.4.4.2.5). edges says whether the first row and column are smoothed.
func predictDC(dst []uint16, stride, log2 int, left, above *[80]uint16, edges bool) {
	n := 1 << log2
	sum := uint32(n)
	for i := 1; i <= n; i++ {
		sum += uint32(left[i]) + uint32(above[i])
	}
	dc := sum >> (log2 + 1)
	row := dst[:n]
	fill(row, uint16(dc))
	for y := 1; y < n; y++ {
		copy(dst[y*stride:y*stride+n], row)
	}
	if !edges {
		return
	}
	dst[0] = uint16((uint32(left[1]) + 2*dc + uint32(above[1]) + 2) >> 2)
	for i := 1; i < n; i++ {
		dst[i] = uint16((uint32(above[1+i]) + 3*dc + 2) >> 2)
		dst[i*stride] = uint16((uint32(left[1+i]) + 3*dc + 2) >> 2)
	}
}

// predictAngular is INTRA_ANGULAR2 to 34 (8.4.4.2.6). Modes below 18 are those from 18 on with rows and
// columns exchanged.
func (in *intra) predictAngular(dst []uint16, stride, log2 int, mode uint8, left, above *[80]uint16, edges bool, highest int32) {
	n := 1 << log2
	angle := int(intraPredAngle[mode])
	main, side := above, left
	transposed := mode < 18
	if transposed {
		main, side = left, above
	}
	// reference[32+i] is ref[i].
	ref := &in.reference
	if angle < 0 {
		copy(ref[32:], main[:n+1])
		for i := n * angle >> 5; i < 0; i++ {
			ref[32+i] = side[(i*int(invAngle[mode])+128)>>8]
		}
	} else {
		copy(ref[32:], main[:2*n+1])
	}
	if in.vector {
		in.angularVector(dst, stride, log2, angle, transposed)
	} else {
		in.angular(dst, stride, n, angle, transposed)
	}
	if angle == 0 && edges {
		step := stride
		if transposed {
			step = 1
		}
		for i := range n {
			v := int32(main[1]) + (int32(side[1+i])-int32(side[0]))>>1
			dst[i*step] = uint16(min(max(v, 0), highest))
		}
	}
}

// angular fills a block from the reference samples.
func (in *intra) angular(dst []uint16, stride, n, angle int, transposed bool) {
	for y := range n {
		offset := (y + 1) * angle >> 5
		weight := uint32((y + 1) * angle & 31)
		from := in.reference[33+offset:]
		if transposed {
			for x := range n {
				dst[x*stride+y] = uint16(((32-weight)*uint32(from[x]) + weight*uint32(from[x+1]) + 16) >> 5)
			}
			continue
		}
		row := dst[y*stride : y*stride+n]
		for x := range row {
			row[x] = uint16(((32-weight)*uint32(from[x]) + weight*uint32(from[x+1]) + 16) >> 5)
		}
	}
}
