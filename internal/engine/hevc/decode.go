package hevc

import (
	"bytes"
	"context"
)

// decode decodes the first picture in data.
func (d *Decoder) decode(ctx context.Context, sets []nalUnit, data units, sink Sink) error {
	p := &d.p
	p.allSPS, p.allPPS, p.sps, p.pps = [16]*sps{}, [64]*pps{}, nil, nil
	for _, n := range sets {
		if err := p.parameterSet(n); err != nil {
			return err
		}
	}
	var segments segments
	for n, err := range data {
		if err != nil {
			return err
		}
		switch {
		case n.layer != 0:
		case !n.isSlice():
			if segments.header == nil {
				err = p.parameterSet(n)
			}
		case segments.header != nil && len(n.bytes) > 0 && n.bytes[0]&0x80 != 0: // the next picture
			return segments.end(p)
		default:
			err = segments.decode(ctx, d, n, sink)
		}
		if err != nil {
			return err
		}
		if segments.done {
			return nil
		}
	}
	return segments.end(p)
}

// segments is the progress through the slice segments of a picture.
type segments struct {
	header *sliceHeader // of the last one
	next   scanPlace    // of the first CTB of the next one
	done   bool
}

// end reports what is missing when the data end.
func (g *segments) end(p *picture) error {
	if g.header == nil {
		return corrupt("the data hold no picture")
	}
	return corrupt("NAL unit %d: the slice segment ends before CTB %d of %d, and no other follows",
		g.header.nal, g.next.address(p), p.sps.widthCTB*p.sps.heightCTB)
}

// decode decodes one slice segment.
func (g *segments) decode(ctx context.Context, d *Decoder, n nalUnit, sink Sink) error {
	p := &d.p
	d.rbsp, d.removed = unescape(d.rbsp[:0], d.removed[:0], n.bytes)
	h, err := p.parseSlice(n, d.rbsp, d.removed, g.header)
	if err != nil {
		return err
	}
	if g.header == nil {
		p.layout.windowRows = min(p.layout.windowRows+max(d.Threads, 1)-1, p.sps.heightCTB)
		p.prepare(sink)
		d.w.reset(p)
	}
	if at := g.next.address(p); h.address != at {
		return corrupt("NAL unit %d: the slice segment begins at CTB %d, but %d is next", n.number, h.address, at)
	}
	if !h.dependent {
		p.slices = append(p.slices, filterParameters{h.betaOffset, h.tcOffset, h.filterAcrossSlices})
		p.anyDeblocking = p.anyDeblocking || !h.deblockingDisabled
	}
	g.header = h
	if d.wavefrontPossible(h, g.next) {
		g.next, g.done, err = d.wavefront(ctx, h, g.next)
	} else {
		g.next, g.done, err = d.w.sliceSegment(ctx, h, g.next)
	}
	return err
}

// scanPlace is a place in the tile scan of CTBs (6.5.1).
type scanPlace struct{ x, y, column, row int } // the CTB, and its tile

// address returns CtbAddrInRs.
func (a scanPlace) address(p *picture) int { return a.y*p.sps.widthCTB + a.x }

// next returns the place behind a; tile says whether a tile begins there, ok whether there is one.
func (a scanPlace) next(l *layout) (b scanPlace, tile, ok bool) {
	b = a
	if b.x++; b.x < l.columnStart[b.column+1] {
		return b, false, true
	}
	b.x = l.columnStart[b.column]
	if b.y++; b.y < l.rowStart[b.row+1] {
		return b, false, true
	}
	if b.column++; b.column == len(l.columnStart)-1 {
		b.column = 0
		b.row++
	}
	if b.row == len(l.rowStart)-1 {
		return b, false, false
	}
	b.x, b.y = l.columnStart[b.column], l.rowStart[b.row]
	return b, true, true
}

// reset prepares a worker for a picture.
func (w *worker) reset(p *picture) {
	w.p, w.vector = p, useVector()
	w.residual.coefficients = [32 * 32]int16{}
	w.aboveMode, w.aboveDepth = p.aboveMode, p.aboveDepth
}

// sliceSegment decodes slice_segment_data (7.3.8.1) from a place on. It returns the place behind it, and
// whether the picture is complete.
func (w *worker) sliceSegment(ctx context.Context, h *sliceHeader, at scanPlace) (scanPlace, bool, error) {
	p := w.p
	w.begin(h)
	tile := at.x == p.layout.columnStart[at.column] && at.y == p.layout.rowStart[at.row]
	fresh := !tile
	substream, start := 0, 0
	atTile, tiles := tile, 1 // whether the segment begins with a tile, and in how many it is
	atRow := at.x == p.layout.columnStart[at.column]
	for {
		w.place(at, h)
		rowStart := at.x == p.layout.columnStart[at.column]
		switch {
		case tile:
			w.contexts.init(h.qp)
		case rowStart && p.pps.wavefronts:
			w.startRow(&w.atSecondCTU)
		case fresh && h.dependent:
			w.contexts = w.atSegmentEnd
		case fresh:
			w.contexts.init(h.qp)
		}
		if tile || rowStart && p.pps.wavefronts {
			w.lastQP = h.qp
		}
		if rowStart && ctx.Err() != nil {
			return at, false, ctx.Err()
		}
		fresh = false
		end, err := w.ctu(at)
		if err != nil {
			return at, false, err
		}
		next, newTile, more := at.next(&p.layout)
		if err := p.advance(at, next, newTile || !more); err != nil {
			return at, false, err
		}
		switch {
		case end && tiles > 1 && more && !newTile:
			return at, false, w.corrupt("the slice segment ends within a tile, and began in another")
		case end:
			return next, !more, w.checkEnd(substream)
		case !more:
			return at, false, w.corrupt("the slice segment goes on behind the picture")
		}
		at, tile = next, newTile
		newRow := p.pps.wavefronts && at.x == p.layout.columnStart[at.column]
		switch {
		case tile && !atTile:
			return at, false, w.corrupt("the slice segment began within a tile, and goes on in another")
		case tile:
			tiles++
		case newRow && !atRow:
			return at, false, w.corrupt("the slice segment began within a row of a wavefront, and goes on in the next")
		}
		if tile || newRow {
			start += h.substreamLength(substream, start)
			if err := w.checkSubstream(start); err != nil {
				return at, false, err
			}
			substream++
			w.cabac.start(h.data, max(start, w.position()))
		}
	}
}

// begin begins a slice segment.
func (w *worker) begin(h *sliceHeader) {
	w.h = h
	w.cabac.start(h.data, 0)
	if !h.dependent {
		w.chromaOffset = [3]int{}
		w.lastQP = h.qp
	}
}

// startRow sets the context variables at the start of a row of a wavefront, which is the current place, to
// what they were after the second CTU of the row above (9.3.1).
func (w *worker) startRow(above *contexts) {
	if w.upRight {
		w.contexts = *above
	} else {
		w.contexts.init(w.h.qp)
	}
}

// ctu decodes the CTU at the current place, and reports whether it is the last one of the segment.
func (w *worker) ctu(at scanPlace) (end bool, err error) {
	if err := w.codingTreeUnit(); err != nil {
		return false, err
	}
	end = w.terminate()
	switch {
	case w.damaged:
		return false, w.corrupt("the arithmetic code is invalid")
	case w.position() > len(w.h.data):
		return false, w.corrupt("the slice segment ends too early")
	}
	if at.x == w.p.layout.columnStart[at.column]+1 {
		w.atSecondCTU = w.contexts
	}
	return end, nil
}

// checkEnd checks that the data end with a slice segment, of which a substream, counted from 0, is the
// last. Zeros may follow (cabac_zero_words). Other bytes, which other decoders do not look at, may follow
// too if the segment ends as it must; where damage makes it end, it hardly does.
func (w *worker) checkEnd(substream int) error {
	w.atSegmentEnd = w.contexts
	switch n := len(bytes.Trim(w.h.data[w.position():], "\x00")); {
	case n > 0 && !w.aligned():
		return w.corrupt("the slice segment ends before its data does (bytes left: %d)", n)
	case substream != len(w.h.entryPoints) && len(w.h.entryPoints) > 0:
		return w.corrupt("the slice segment has %d substreams of %d", substream+1, len(w.h.entryPoints)+1)
	}
	return nil
}

// checkSubstream checks that a substream ends before the next one begins. There may be bytes between them
// if it ends as it must: decoders that take substreams at the same time do not look at those. A slice
// segment without any entry points is not as it should be, but they are needed for nothing else.
func (w *worker) checkSubstream(next int) error {
	if !w.terminate() {
		return w.corrupt("the substream goes on behind its last CTB")
	}
	at := w.position()
	if len(w.h.entryPoints) > 0 && (at > next || at < next && !w.aligned()) {
		return w.corrupt("the substream ends at byte %d, the entry point of the next is at %d", at, next)
	}
	return nil
}

// substreamLength returns the bytes of a substream that begins at a byte of data, less those that were
// removed, or 0 if it is not said.
func (h *sliceHeader) substreamLength(i, start int) int {
	if i >= len(h.entryPoints) {
		return 0
	}
	// Positions in data and in the NAL unit differ by the number of bytes that were removed before.
	for len(h.removed) > 0 && h.removed[0] <= start {
		h.removed = h.removed[1:]
	}
	end := start + h.entryPoints[i]
	for _, r := range h.removed {
		if r >= end {
			break
		}
		end--
	}
	return end - start
}

// place makes a CTB the current one.
func (w *worker) place(at scanPlace, h *sliceHeader) {
	p := w.p
	w.ctbX, w.ctbY = at.x, at.y
	width := p.sps.widthCTB
	address := at.address(p)
	index := uint16(h.index)
	p.filters[address] = index
	x0, y0, x1 := p.layout.columnStart[at.column], p.layout.rowStart[at.row], p.layout.columnStart[at.column+1]
	hasLeft, hasUp := at.x > x0, at.y > y0
	w.left = hasLeft && p.filters[address-1] == index
	w.up = hasUp && p.filters[address-width] == index
	w.upLeft = hasUp && hasLeft && p.filters[address-width-1] == index
	w.upRight = hasUp && at.x+1 < x1 && p.filters[address-width+1] == index
	w.filterLeft = at.x > 0 && (hasLeft || p.pps.filterAcrossTiles) &&
		(h.filterAcrossSlices || p.filters[address-1] == index)
	w.filterUp = at.y > 0 && (hasUp || p.pps.filterAcrossTiles) &&
		(h.filterAcrossSlices || p.filters[address-width] == index)
}

// advance filters and delivers what is complete after the CTB at a place. tileEnd says whether it is
// the last one of its tile.
func (p *picture) advance(at, next scanPlace, tileEnd bool) error {
	l := &p.layout
	rows := p.finished
	switch {
	case len(l.columnStart) == 2 && at.x == p.sps.widthCTB-1:
		rows = at.y + 1
	case tileEnd && next.row != at.row:
		rows = l.rowStart[at.row+1]
	}
	for p.finished < rows {
		p.finished++
		if err := p.filterRow(p.finished - 1); err != nil {
			return err
		}
	}
	return nil
}

// filterRow filters what can be once a row of CTBs is decoded, and passes it on: prediction needs the
// samples above as they were before the filters, so each row waits for the next.
func (p *picture) filterRow(ctbY int) error {
	s := p.sps
	if ctbY > 0 {
		p.deblockRow(ctbY - 1)
		if err := p.emit(ctbY<<s.log2CTB - bandMargin); err != nil {
			return err
		}
	}
	if ctbY < s.heightCTB-1 {
		return nil
	}
	p.deblockRow(ctbY)
	return p.emit(s.height)
}

// emit passes the luma rows up to end, and the chroma beside them, to the sink.
func (p *picture) emit(end int) error {
	s := p.sps
	start := p.emitted
	ctb := 1 << s.log2CTB
	for p.emitted < end {
		to := min(end, (p.emitted|(ctb-1))+1)
		p.saoRows(p.emitted, to, start)
		p.emitted = to
	}
	top, bottom := max(start, s.cropTop), min(end, s.height-s.cropBottom)
	if top >= bottom {
		return nil
	}
	band := Band{Y: top - s.cropTop}
	for c := range s.components {
		x, y := p.subsampling(c)
		w := p.planes[c].width
		band.Planes[c] = Plane{
			Pix:    p.band[c][(top-start)>>y*w+s.cropLeft>>x:],
			Stride: w,
			Width:  (s.width - s.cropLeft - s.cropRight) >> x,
			Height: (bottom - top) >> y,
		}
	}
	return p.sink(band)
}
