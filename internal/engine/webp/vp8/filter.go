package vp8

// The loop filters of RFC 6386 section 15. An edge lies between the pixels p0 and q0:
//
//	p3 p2 p1 p0 | q0 q1 q2 q3
//
// step is the distance of two pixels across the edge, and next that of two pixels along it.

// clampSigned holds v within -128 to 127.
func clampSigned(v int32) int32 {
	if v != int32(int8(v)) {
		return v>>31 ^ 127
	}
	return v
}

// commonAdjust moves p0 and q0 towards each other (section 15.2), and returns by how much q0 moved.
func commonAdjust(pix []byte, at, step int, outer bool) int32 {
	p0, q0 := int32(pix[at-step]), int32(pix[at])
	a := 3 * (q0 - p0)
	if outer {
		a += clampSigned(int32(pix[at-2*step]) - int32(pix[at+step]))
	}
	a = clampSigned(a)
	f := clampSigned(a+4) >> 3
	pix[at] = uint8(clamp(q0 - f))
	pix[at-step] = uint8(clamp(p0 + clampSigned(a+3)>>3))
	return f
}

// simpleEdge filters n positions of an edge that begins at pix[at] (section 15.2).
func simpleEdge(pix []byte, at, step, next, n, edge int) {
	for range n {
		p1, p0 := int32(pix[at-2*step]), int32(pix[at-step])
		q0, q1 := int32(pix[at]), int32(pix[at+step])
		if 4*abs(p0-q0)+abs(p1-q1) <= 2*int32(edge)+1 {
			commonAdjust(pix, at, step, true)
		}
		at += next
	}
}

// normalEdge filters n positions of an edge that begins at pix[at] (section 15.3): of a macroblock
// if outer is set, and of a subblock otherwise.
func normalEdge(pix []byte, at, step, next, n, edge int, l filterLimits, outer bool) {
	interior, hev := int32(l.interior), int32(l.hev)
	for range n {
		p3, p2 := int32(pix[at-4*step]), int32(pix[at-3*step])
		p1, p0 := int32(pix[at-2*step]), int32(pix[at-step])
		q0, q1 := int32(pix[at]), int32(pix[at+step])
		q2, q3 := int32(pix[at+2*step]), int32(pix[at+3*step])
		switch {
		case 4*abs(p0-q0)+abs(p1-q1) > 2*int32(edge)+1,
			abs(p3-p2) > interior, abs(p2-p1) > interior, abs(p1-p0) > interior,
			abs(q3-q2) > interior, abs(q2-q1) > interior, abs(q1-q0) > interior:
		case abs(p1-p0) > hev || abs(q1-q0) > hev:
			commonAdjust(pix, at, step, true)
		case outer:
			w := clampSigned(clampSigned(p1-q1) + 3*(q0-p0))
			a := (27*w + 63) >> 7
			pix[at-step], pix[at] = uint8(clamp(p0+a)), uint8(clamp(q0-a))
			a = (18*w + 63) >> 7
			pix[at-2*step], pix[at+step] = uint8(clamp(p1+a)), uint8(clamp(q1-a))
			a = (9*w + 63) >> 7
			pix[at-3*step], pix[at+2*step] = uint8(clamp(p2+a)), uint8(clamp(q2-a))
		default:
			a := (commonAdjust(pix, at, step, false) + 1) >> 1
			pix[at-2*step], pix[at+step] = uint8(clamp(p1+a)), uint8(clamp(q1-a))
		}
		at += next
	}
}

// edges is which edges of a macroblock are filtered, and how strongly.
type edges struct {
	limits filterLimits
	inner  bool
}

// filterRow filters the macroblocks of a band. top is false for the first band of the picture,
// which has nothing above it.
func (f *loopFilter) filterRow(b *band, top bool) {
	for x := range b.edges {
		e := &b.edges[x]
		switch {
		case e.limits.edge == 0:
		case f.simple:
			f.filterSimple(b, x, e, top)
		case f.vector:
			f.filterVector(b, x, e, top)
		default:
			f.filterNormal(b, x, e, top)
		}
	}
}

// loopFilter filters bands.
type loopFilter struct{ simple, vector bool }

func (f *loopFilter) filterSimple(b *band, x int, e *edges, top bool) {
	pix, stride := b.pix[0], b.stride[0]
	at := bandApron*stride + 16*x
	if x > 0 {
		simpleEdge(pix, at, 1, stride, 16, e.limits.edge+4)
	}
	if e.inner {
		for i := 4; i < 16; i += 4 {
			simpleEdge(pix, at+i, 1, stride, 16, e.limits.edge)
		}
	}
	if top {
		simpleEdge(pix, at, stride, 1, 16, e.limits.edge+4)
	}
	if e.inner {
		for i := 4; i < 16; i += 4 {
			simpleEdge(pix, at+i*stride, stride, 1, 16, e.limits.edge)
		}
	}
}

func (f *loopFilter) filterNormal(b *band, x int, e *edges, top bool) {
	for p := range 3 {
		pix, stride, size := b.pix[p], b.stride[p], 16
		at := bandApron*stride + 16*x
		if p > 0 {
			size = 8
			at = bandApron/2*stride + 8*x
		}
		if x > 0 {
			normalEdge(pix, at, 1, stride, size, e.limits.edge+4, e.limits, true)
		}
		if e.inner {
			for i := 4; i < size; i += 4 {
				normalEdge(pix, at+i, 1, stride, size, e.limits.edge, e.limits, false)
			}
		}
		if top {
			normalEdge(pix, at, stride, 1, size, e.limits.edge+4, e.limits, true)
		}
		if e.inner {
			for i := 4; i < size; i += 4 {
				normalEdge(pix, at+i*stride, stride, 1, size, e.limits.edge, e.limits, false)
			}
		}
	}
}
