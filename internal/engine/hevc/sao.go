package hevc

// saoParameters are those of one CTB (7.4.9.3), by component.
type saoParameters struct {
	kind    [3]uint8 // SaoTypeIdx: 0 off, 1 band offset, 2 edge offset
	class   [3]uint8 // sao_band_position or SaoEoClass
	offsets [3][4]int16
}

// saoAt returns the parameters of a CTB, which are held as long as its samples.
func (p *picture) saoAt(ctbX, ctbY int) *saoParameters {
	return &p.sao[ctbY%p.layout.windowRows*p.sps.widthCTB+ctbX]
}

// parseSAO reads sao (7.3.8.3) of the current CTB.
func (w *worker) parseSAO() {
	sao := w.p.saoAt(w.ctbX, w.ctbY)
	if w.left && w.bin(&w.state[ctxSAOMerge]) != 0 {
		*sao = *w.p.saoAt(w.ctbX-1, w.ctbY)
		return
	}
	if w.up && w.bin(&w.state[ctxSAOMerge]) != 0 {
		*sao = *w.p.saoAt(w.ctbX, w.ctbY-1)
		return
	}
	*sao = saoParameters{}
	for c := range w.p.sps.components {
		if c == 0 && !w.h.saoLuma || c > 0 && !w.h.saoChroma {
			continue
		}
		if c < 2 {
			if w.bin(&w.state[ctxSAOType]) != 0 {
				sao.kind[c] = 1 + uint8(w.bypass())
			}
		} else {
			sao.kind[2], sao.class[2] = sao.kind[1], sao.class[1]
		}
		if sao.kind[c] != 0 {
			w.parseOffsets(sao, c)
		}
	}
}

// parseOffsets reads the offsets of one component.
func (w *worker) parseOffsets(sao *saoParameters, c int) {
	depth := w.p.sps.bitDepth[c]
	most := 1<<(min(depth, 10)-5) - 1
	scale := w.p.pps.log2SAOScaleLuma
	if c > 0 {
		scale = w.p.pps.log2SAOScaleChroma
	}
	offsets := &sao.offsets[c]
	for i := range offsets {
		v := 0
		for v < most && w.bypass() != 0 {
			v++
		}
		offsets[i] = int16(v << scale)
	}
	if sao.kind[c] == 1 {
		for i, v := range offsets {
			if v != 0 && w.bypass() != 0 {
				offsets[i] = -v
			}
		}
		sao.class[c] = uint8(w.bypassBits(5))
		return
	}
	offsets[2], offsets[3] = -offsets[2], -offsets[3]
	if c < 2 {
		sao.class[c] = uint8(w.bypassBits(2))
	}
}

// saoRows writes the luma rows y0 to y1, which lie in one row of CTBs, and the chroma rows beside them,
// to the band, whose first row is bandY (8.7.3).
func (p *picture) saoRows(y0, y1, bandY int) {
	s := p.sps
	ctbY := y0 >> s.log2CTB
	for c := range s.components {
		shiftX, shiftY := p.subsampling(c)
		pl := &p.planes[c]
		for y := y0 >> shiftY; y < y1>>shiftY; y++ {
			at := pl.offset(0, y)
			copy(p.bandRow(c, y-bandY>>shiftY), pl.pix[at:at+pl.width])
		}
		if !s.sao {
			continue
		}
		for ctbX := range s.widthCTB {
			sao := p.saoAt(ctbX, ctbY)
			if sao.kind[c] == 0 {
				continue
			}
			b := saoBlock{pl: pl, x0: ctbX << s.log2CTB >> shiftX, c: c}
			b.x1 = min(b.x0+1<<s.log2CTB>>shiftX, pl.width)
			top := ctbY << s.log2CTB >> shiftY
			bottom := min((ctbY+1)<<s.log2CTB, s.height)>>shiftY - 1
			if sao.kind[c] == 2 {
				b.usable = p.saoNeighbours(ctbX, ctbY)
			}
			for y := y0 >> shiftY; y < y1>>shiftY; y++ {
				dst := p.bandRow(c, y-bandY>>shiftY)[b.x0:b.x1]
				if sao.kind[c] == 1 {
					bandOffset(dst, sao.class[c], &sao.offsets[c], uint(s.bitDepth[c]-5), int32(pl.highest))
				} else {
					b.edgeOffset(dst, y, y == top, y == bottom, sao.class[c], &sao.offsets[c])
				}
				if p.anyUnfiltered.Load() {
					b.restore(p, dst, y)
				}
			}
		}
	}
}

// bandOffset adds offsets to samples in four bands of 32.
func bandOffset(dst []uint16, position uint8, offsets *[4]int16, shift uint, highest int32) {
	var table [32]int32
	for k, v := range offsets {
		table[(k+int(position))&31] = int32(v)
	}
	for i, v := range dst {
		dst[i] = uint16(min(max(int32(v)+table[v>>shift&31], 0), highest))
	}
}

// saoBlock is the part of a plane that a CTB covers.
type saoBlock struct {
	pl     *samplePlane
	x0, x1 int
	c      int
	usable [3][3]bool // the neighbouring CTBs, by row and column
}

// saoNeighbours reports which CTBs around one may be looked at: those in the picture, unless filtering
// across slices or tiles is off.
func (p *picture) saoNeighbours(ctbX, ctbY int) (usable [3][3]bool) {
	s := p.sps
	here := ctbY*s.widthCTB + ctbX
	for dy := -1; dy <= 1; dy++ {
		for dx := -1; dx <= 1; dx++ {
			x, y := ctbX+dx, ctbY+dy
			if x < 0 || y < 0 || x >= s.widthCTB || y >= s.heightCTB {
				continue
			}
			a, b := p.filters[here], p.filters[y*s.widthCTB+x]
			// The slice that comes later decides.
			ok := a == b || p.slices[max(a, b)].acrossSlices
			usable[1+dy][1+dx] = ok && (p.pps.filterAcrossTiles || p.layout.sameTile(ctbX, ctbY, x, y))
		}
	}
	return usable
}

// edgeOffset adds offsets to the samples of row y that are lower or higher than two neighbours. top and
// bottom say whether the row is the first or the last one of the CTB.
func (b *saoBlock) edgeOffset(dst []uint16, y int, top, bottom bool, class uint8, offsets *[4]int16) {
	pl := b.pl
	n := b.x1 - b.x0
	rowUp, rowDown := 1, 1
	if top {
		rowUp = 0
	}
	if bottom {
		rowDown = 2
	}
	// The neighbours are dx to the left in one row and dx to the right in another.
	dx, a, c := 1, rowUp, rowDown
	switch class {
	case 0:
		a, c = 1, 1
	case 1:
		dx = 0
	case 3:
		a, c = rowDown, rowUp
	}
	if !b.usable[a][1] || !b.usable[c][1] { // neither is the row beyond
		// At the ends, neighbours may be in CTBs that are usable all the same.
		if dx == 0 {
			return
		}
	}
	from, to := 0, n
	if dx == 1 {
		if !b.usable[a][0] || !b.usable[c][1] {
			from = 1
		}
		if !b.usable[c][2] || !b.usable[a][1] {
			to = n - 1
		}
	}
	at := pl.offset(b.x0, y)
	rowA, rowC := at, at
	if class != 0 {
		above, below := at, at
		if !top || b.usable[0][0] || b.usable[0][1] || b.usable[0][2] {
			above = pl.offset(b.x0, y-1)
		}
		if !bottom || b.usable[2][0] || b.usable[2][1] || b.usable[2][2] {
			below = pl.offset(b.x0, y+1)
		}
		rowA, rowC = above, below
		if class == 3 {
			rowA, rowC = below, above
		}
	}
	table := [5]int32{int32(offsets[0]), int32(offsets[1]), 0, int32(offsets[2]), int32(offsets[3])}
	filter := func(from, to int) {
		for i := from; i < to; i++ {
			v := int32(pl.pix[at+i])
			k := 2 + sign(v-int32(pl.pix[rowA+i-dx])) + sign(v-int32(pl.pix[rowC+i+dx]))
			dst[i] = uint16(min(max(v+table[k], 0), int32(pl.highest)))
		}
	}
	if b.usable[a][1] && b.usable[c][1] {
		filter(from, to)
		return
	}
	if from == 0 {
		filter(0, 1)
	}
	if to == n {
		filter(n-1, n)
	}
}

func sign(v int32) int { return int(v>>31) | int(uint32(-v)>>31) }

// restore takes back the changes in blocks that the filters leave as they are.
func (b *saoBlock) restore(p *picture, dst []uint16, y int) {
	shiftX, shiftY := p.subsampling(b.c)
	row := p.cells[p.cell(0, y<<shiftY):]
	at := b.pl.offset(b.x0, y)
	for i := range dst {
		if row[(b.x0+i)<<shiftX>>3]&unfiltered != 0 {
			dst[i] = b.pl.pix[at+i]
		}
	}
}
