package hevc

// Flags of a cell, a block of 8×8 luma samples: which halves of its left and its upper edge are filtered.
// Between blocks that are intra, bS is 2 at all edges of transform blocks (8.7.2.4), and edges of
// prediction blocks are among those.
const (
	edgeLeft   = 1 << 0 // of the upper half; the lower one has the next bit
	edgeAbove  = 1 << 2 // of the left half; the right one has the next bit
	unfiltered = 1 << 4 // pcm_loop_filter_disabled_flag or cu_transquant_bypass_flag
)

// filterParameters are what the loop filters need of a slice.
type filterParameters struct {
	betaOffset, tcOffset int
	acrossSlices         bool
}

// cell returns the index of the cell with a luma sample.
func (p *picture) cell(x, y int) int { return y>>3*p.cellStride + x>>3 }

// setUnit records what the filters and the prediction of QpY need of a coding unit.
func (p *picture) setUnit(x, y, log2, qp int, bypass bool) {
	n := 1 << (log2 - 3)
	at := p.cell(x, y)
	for range n {
		row := p.qp[at : at+n]
		for i := range row {
			row[i] = int8(qp)
		}
		if bypass {
			p.anyUnfiltered.Store(true)
			for i := range n {
				p.cells[at+i] |= unfiltered
			}
		}
		at += p.cellStride
	}
}

// deblockEdges marks the left and upper edge of a transform block (8.7.2.3).
func (p *picture) deblockEdges(w *worker, x, y, log2 int) {
	if w.h.deblockingDisabled {
		return
	}
	mask := 1<<p.sps.log2CTB - 1
	at := p.cell(x, y)
	if x&7 == 0 && (x&mask != 0 || w.filterLeft) {
		if log2 == 2 {
			p.cells[at] |= edgeLeft << (y >> 2 & 1)
		} else {
			for i := range 1 << (log2 - 3) {
				p.cells[at+i*p.cellStride] |= edgeLeft * 3
			}
		}
	}
	if y&7 == 0 && (y&mask != 0 || w.filterUp) {
		if log2 == 2 {
			p.cells[at] |= edgeAbove << (x >> 2 & 1)
		} else {
			for i := range 1 << (log2 - 3) {
				p.cells[at+i] |= edgeAbove * 3
			}
		}
	}
}

// betaTable and tcTable are β′ and tC′ (Table 8-12).
var (
	betaTable = [52]uint8{
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
		16, 17, 18, 20, 22, 24, 26, 28, 30, 32, 34, 36, 38, 40, 42, 44, 46, 48, 50, 52, 54, 56, 58, 60, 62, 64,
	}
	tcTable = [54]uint8{
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1,
		2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 5, 5, 6, 6, 7, 8, 9, 10, 11, 13, 14, 16, 18, 20, 22, 24,
	}
)

// deblockRow filters the vertical edges in a row of CTBs, and then the horizontal ones, the upper edge of
// the row among them (8.7.2). The row above has been filtered; three of its rows of samples change.
func (p *picture) deblockRow(ctbY int) {
	if !p.anyDeblocking {
		return
	}
	s := p.sps
	y0 := ctbY << s.log2CTB
	y1 := min(y0+1<<s.log2CTB, s.height)
	for _, vertical := range [2]bool{true, false} {
		for y := y0; y < y1; y += 8 {
			p.deblockCells(y, vertical)
		}
	}
}

// deblockCells filters the vertical or the horizontal edges of a row of cells.
func (p *picture) deblockCells(y int, vertical bool) {
	s := p.sps
	at := p.cell(0, y)
	first, before := edgeAbove, p.cellStride
	if vertical {
		first, before = edgeLeft, 1
	}
	ctb := p.filters[y>>s.log2CTB*s.widthCTB:]
	for i, flags := range p.cells[at : at+s.width>>3] {
		edges := int(flags) & (3 * first)
		if edges == 0 {
			continue
		}
		x := i << 3
		e := edge{vertical: vertical, parameters: &p.slices[ctb[x>>s.log2CTB]]}
		e.qp = (int(p.qp[at+i]) + int(p.qp[at+i-before]) + 1) >> 1
		e.keepP, e.keepQ = p.cells[at+i-before]&unfiltered != 0, p.cells[at+i]&unfiltered != 0
		for half := range 2 {
			if edges&(first<<half) == 0 {
				continue
			}
			if vertical {
				p.deblockLuma(x, y+4*half, &e)
			} else {
				p.deblockLuma(x+4*half, y, &e)
			}
		}
		if s.components == 3 {
			p.deblockChroma(x, y, edges/first, &e)
		}
	}
}

// edge is what filtering one side of a cell needs.
type edge struct {
	vertical     bool
	parameters   *filterParameters
	qp           int  // qPL
	keepP, keepQ bool // the samples before and behind the edge stay as they are
}

// tc returns tC for a quantization parameter and bS of 2 (8.7.2.5.3).
func (e *edge) tc(qp, depth int) int32 {
	return int32(tcTable[min(max(qp+2+e.parameters.tcOffset, 0), 53)]) << (depth - 8)
}

// lines returns where the samples q0 and p0 of an edge at x, y of a plane lie, how far it is to the next
// sample across the edge, and to the next line.
func (pl *samplePlane) lines(x, y int, vertical bool) (q, p, across, along int) {
	q = pl.offset(x, y)
	if vertical {
		return q, q - 1, 1, pl.stride
	}
	return q, pl.offset(x, y-1), pl.stride, 1
}

// deblockLuma filters four lines of luma across an edge (8.7.2.5.3, 8.7.2.5.6, 8.7.2.5.7).
func (p *picture) deblockLuma(x, y int, e *edge) {
	pl := &p.planes[0]
	depth := p.sps.bitDepth[0]
	beta := int32(betaTable[min(max(e.qp+e.parameters.betaOffset, 0), 51)]) << (depth - 8)
	tc := e.tc(e.qp, depth)
	if beta == 0 {
		return
	}
	qAt, pAt, across, along := pl.lines(x, y, e.vertical)
	pix := pl.pix
	var v [4][8]int32 // lines of p3 to q3
	for k := range v {
		for i := range 4 {
			v[k][3-i] = int32(pix[pAt+k*along-i*across])
			v[k][4+i] = int32(pix[qAt+k*along+i*across])
		}
	}
	bend := func(a, b, c int32) int32 { return magnitude(a - 2*b + c) }
	dp0, dp3 := bend(v[0][1], v[0][2], v[0][3]), bend(v[3][1], v[3][2], v[3][3])
	dq0, dq3 := bend(v[0][6], v[0][5], v[0][4]), bend(v[3][6], v[3][5], v[3][4])
	if dp0+dq0+dp3+dq3 >= beta {
		return
	}
	flat := func(l *[8]int32, d int32) bool {
		return 2*d < beta>>2 && magnitude(l[0]-l[3])+magnitude(l[4]-l[7]) < beta>>3 &&
			magnitude(l[3]-l[4]) < (5*tc+1)>>1
	}
	strong := flat(&v[0], dp0+dq0) && flat(&v[3], dp3+dq3)
	side := (beta + beta>>1) >> 3
	moreP, moreQ := dp0+dp3 < side, dq0+dq3 < side
	for k := range v {
		l := v[k]
		if strong {
			strongLuma(&l, tc)
		} else if !weakLuma(&l, tc, moreP, moreQ, int32(pl.highest)) {
			continue
		}
		for i := range 3 {
			if !e.keepP {
				pix[pAt+k*along-i*across] = uint16(l[3-i])
			}
			if !e.keepQ {
				pix[qAt+k*along+i*across] = uint16(l[4+i])
			}
		}
	}
}

func magnitude(v int32) int32 {
	if v < 0 {
		return -v
	}
	return v
}

// strongLuma is the strong filter on one line (8-402 to 8-407).
func strongLuma(l *[8]int32, tc int32) {
	p3, p2, p1, p0, q0, q1, q2, q3 := l[0], l[1], l[2], l[3], l[4], l[5], l[6], l[7]
	near := func(v, old int32) int32 { return min(max(v, old-2*tc), old+2*tc) }
	l[3] = near((p2+2*p1+2*p0+2*q0+q1+4)>>3, p0)
	l[2] = near((p2+p1+p0+q0+2)>>2, p1)
	l[1] = near((2*p3+3*p2+p1+p0+q0+4)>>3, p2)
	l[4] = near((p1+2*p0+2*q0+2*q1+q2+4)>>3, q0)
	l[5] = near((p0+q0+q1+q2+2)>>2, q1)
	l[6] = near((p0+q0+q1+3*q2+2*q3+4)>>3, q2)
}

// weakLuma is the normal filter on one line; it reports whether the line changes.
func weakLuma(l *[8]int32, tc int32, moreP, moreQ bool, highest int32) bool {
	p2, p1, p0, q0, q1, q2 := l[1], l[2], l[3], l[4], l[5], l[6]
	delta := (9*(q0-p0) - 3*(q1-p1) + 8) >> 4
	if magnitude(delta) >= tc*10 {
		return false
	}
	delta = min(max(delta, -tc), tc)
	clip := func(v int32) int32 { return min(max(v, 0), highest) }
	l[3], l[4] = clip(p0+delta), clip(q0-delta)
	half := tc >> 1
	if moreP {
		l[2] = clip(p1 + min(max(((p2+p0+1)>>1-p1+delta)>>1, -half), half))
	}
	if moreQ {
		l[5] = clip(q1 + min(max(((q2+q0+1)>>1-q1-delta)>>1, -half), half))
	}
	return true
}

// deblockChroma filters the chroma along one side of the cell at luma sample x, y, if it is an edge of
// the grid of 8×8 chroma samples (8.7.2.5.5). edges has a bit for each half of the side.
func (p *picture) deblockChroma(x, y, edges int, e *edge) {
	s := p.sps
	alongShift := s.subX
	if e.vertical {
		if x>>s.subX&7 != 0 {
			return
		}
		alongShift = s.subY
	} else if y>>s.subY&7 != 0 {
		return
	}
	cx, cy := x>>s.subX, y>>s.subY
	lines := 4 >> alongShift // for each half
	for c := 1; c < 3; c++ {
		pl := &p.planes[c]
		tc := e.tc(chromaQPFrom(e.qp+p.pps.qpOffset[c], s.chroma), s.bitDepth[c])
		if tc == 0 {
			continue
		}
		qAt, pAt, across, along := pl.lines(cx, cy, e.vertical)
		for k := range 2 * lines {
			if edges>>(k/lines)&1 == 0 {
				continue
			}
			pp, qq := pl.pix[pAt+k*along:], pl.pix[qAt+k*along:]
			p1 := int32(pl.pix[pAt+k*along-across])
			p0, q0, q1 := int32(pp[0]), int32(qq[0]), int32(qq[across])
			delta := min(max(((q0-p0)<<2+p1-q1+4)>>3, -tc), tc)
			if !e.keepP {
				pp[0] = uint16(min(max(p0+delta, 0), int32(pl.highest)))
			}
			if !e.keepQ {
				qq[0] = uint16(min(max(q0-delta, 0), int32(pl.highest)))
			}
		}
	}
}
