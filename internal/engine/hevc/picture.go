package hevc

import "sync/atomic"

// picture is what is known about the picture that is decoded, and its buffers, which the next one uses.
type picture struct {
	allSPS [16]*sps
	allPPS [64]*pps
	sps    *sps // those in use
	pps    *pps
	layout layout

	planes [3]samplePlane // the window: some rows of CTBs, before the filters and in the midst of them
	band   [3][]uint16    // finished rows

	// Of each cell:
	cells      []uint8
	qp         []int8 // QpY
	cellStride int
	// Of each CTB, the index of its slice in slices.
	filters       []uint16
	slices        []filterParameters
	anyDeblocking bool
	anyUnfiltered atomic.Bool
	sao           []saoParameters // of the CTBs in the window
	// Of the last blocks in each column of 4×4 and of 8×8 blocks.
	aboveMode, aboveDepth []uint8

	finished int // rows of CTBs that are decoded
	emitted  int // rows of luma that are in bands
	sink     Sink
}

// samplePlane is one component in the window. Rows of CTBs take turns in it.
type samplePlane struct {
	pix           []uint16
	stride        int
	width, height int    // of the whole plane
	highest       uint16 // sample
	log2CTB       int    // of its height
	windowRows    int
}

// offset returns where the sample at x, y is in pix.
func (pl *samplePlane) offset(x, y int) int {
	row := y >> pl.log2CTB
	return (row%pl.windowRows<<pl.log2CTB+y&(1<<pl.log2CTB-1))*pl.stride + x
}

// subsampling returns the logarithms of the subsampling of a component.
func (p *picture) subsampling(c int) (x, y int) {
	if c == 0 {
		return 0, 0
	}
	return p.sps.subX, p.sps.subY
}

// bandRow returns row y of a component in the band.
func (p *picture) bandRow(c, y int) []uint16 {
	w := p.planes[c].width
	return p.band[c][y*w : (y+1)*w]
}

// resize returns a slice of n elements, s if it is long enough. The elements are arbitrary.
func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// prepare makes the buffers fit the active parameter sets.
func (p *picture) prepare(sink Sink) {
	s := p.sps
	for c := range s.components {
		x, y := p.subsampling(c)
		pl := &p.planes[c]
		pl.width, pl.height = s.width>>x, s.height>>y
		pl.stride = s.widthCTB << s.log2CTB >> x
		pl.highest = 1<<s.bitDepth[c] - 1
		pl.log2CTB = s.log2CTB - y
		pl.windowRows = p.layout.windowRows
		pl.pix = resize(pl.pix, pl.stride*pl.windowRows<<pl.log2CTB)
		p.band[c] = resize(p.band[c], pl.width*((1<<s.log2CTB+bandMargin)>>y))
	}
	p.cellStride = s.widthCTB << (s.log2CTB - 3)
	cells := p.cellStride * s.heightCTB << (s.log2CTB - 3)
	p.cells, p.qp = resize(p.cells, cells), resize(p.qp, cells)
	clear(p.cells)
	p.filters = resize(p.filters, s.widthCTB*s.heightCTB)
	for i := range p.filters {
		p.filters[i] = noSlice
	}
	p.slices = p.slices[:0]
	p.anyDeblocking = false
	p.anyUnfiltered.Store(false)
	p.sao = resize(p.sao, s.widthCTB*p.layout.windowRows)
	p.aboveMode = resize(p.aboveMode, s.widthCTB<<(s.log2CTB-2))
	p.aboveDepth = resize(p.aboveDepth, s.widthCTB<<(s.log2CTB-3))
	p.finished, p.emitted, p.sink = 0, 0, sink
}

// noSlice stands for the slice of a CTB that is not decoded.
const noSlice = 1<<16 - 1

// parameterSet takes a NAL unit that may be a parameter set.
func (p *picture) parameterSet(n nalUnit) error {
	if n.layer != 0 || n.kind != nalSPS && n.kind != nalPPS {
		return nil
	}
	if len(n.bytes) > maxParameterSet {
		return corrupt("NAL unit %d: a parameter set of length %d", n.number, len(n.bytes))
	}
	rbsp, _ := unescape(nil, nil, n.bytes)
	if n.kind == nalSPS {
		s, err := parseSPS(rbsp)
		if err != nil {
			return err
		}
		p.allSPS[s.id] = s
		return nil
	}
	pps, err := parsePPS(rbsp)
	if err != nil {
		return err
	}
	p.allPPS[pps.id] = pps
	return nil
}

// activate takes the parameter sets that the first slice segment refers to (7.4.2.4.2).
func (p *picture) activate(ppsID int, ok bool) error {
	if !ok || p.allPPS[ppsID] == nil {
		return corrupt("there is no picture parameter set %d, to which the slice refers", ppsID)
	}
	p.pps = p.allPPS[ppsID]
	if p.sps = p.allSPS[p.pps.spsID]; p.sps == nil {
		return corrupt("there is no sequence parameter set %d, to which picture parameter set %d refers", p.pps.spsID, ppsID)
	}
	if err := p.pps.check(p.sps); err != nil {
		return err
	}
	return p.layout.set(p.sps, p.pps)
}

// info describes the picture once its parameter sets are active.
func (p *picture) info() Info {
	s := p.sps
	return Info{
		CodedWidth: s.width, CodedHeight: s.height,
		Width: s.width - s.cropLeft - s.cropRight, Height: s.height - s.cropTop - s.cropBottom,
		Chroma: s.chroma, BitDepthLuma: s.bitDepth[0], BitDepthChroma: s.bitDepth[1],
		Colour: s.colour, CTBSize: 1 << s.log2CTB, BandHeight: 1<<s.log2CTB + bandMargin,
		memory: p.layout.memory(s),
	}
}

// readInfo reads parameter sets and the header of the first slice.
func readInfo(sets []nalUnit, data units) (Info, error) {
	p := &picture{}
	for _, n := range sets {
		if err := p.parameterSet(n); err != nil {
			return Info{}, err
		}
	}
	for n, err := range data {
		if err != nil {
			return Info{}, err
		}
		if n.layer != 0 || !n.isSlice() {
			if err := p.parameterSet(n); err != nil {
				return Info{}, err
			}
			continue
		}
		rbsp, removed := unescape(nil, nil, n.bytes[:min(len(n.bytes), maxSliceHeader)])
		if _, err := p.parseSlice(n, rbsp, removed, nil); err != nil {
			return Info{}, err
		}
		return p.info(), nil
	}
	return Info{}, corrupt("the data hold no picture")
}

// maxSliceHeader is more bytes than the header of a slice segment takes: 440 entry points of 32 bits for
// tiles, or one for each row of CTBs.
const maxSliceHeader = 1 << 15

// bandMargin is how many luma rows at the bottom of a row of CTBs wait for the row below: deblocking
// changes three of them, and the adaptive filter reads one more.
const bandMargin = 8

// layout is how the CTBs of a picture are ordered (6.5) and how many rows of them are held.
type layout struct {
	columnStart, rowStart []int // of tiles, in CTBs, with the end of the picture behind them
	windowRows            int   // rows of CTBs that are held
}

// set divides the picture into tiles.
func (l *layout) set(s *sps, p *pps) error {
	var err error
	if l.columnStart, err = boundaries(l.columnStart[:0], s.widthCTB, p.columnCount, p.columns); err != nil {
		return err
	}
	if l.rowStart, err = boundaries(l.rowStart[:0], s.heightCTB, p.rowCount, p.rows); err != nil {
		return err
	}
	l.windowRows = 1
	if len(l.columnStart) > 2 {
		for i, y := range l.rowStart[1:] {
			l.windowRows = max(l.windowRows, y-l.rowStart[i])
		}
	}
	l.windowRows = min(l.windowRows+2, s.heightCTB)
	return nil
}

// boundaries appends where count tiles begin and the last ends (6-3, 6-4).
func boundaries(dst []int, size, count int, sizes []int) ([]int, error) {
	if count > size {
		return dst, corrupt("picture parameter set: %d tiles in %d CTBs", count, size)
	}
	at := 0
	for i := range count {
		dst = append(dst, at)
		switch {
		case sizes == nil:
			at = (i + 1) * size / count
		case i < count-1:
			at += sizes[i]
		}
		if at > size-(count-1-i) && i < count-1 {
			return dst, corrupt("picture parameter set: the tiles are larger than the picture")
		}
	}
	return append(dst, size), nil
}

// memory estimates what decoding takes.
func (l *layout) memory(s *sps) int64 {
	ctb := int64(1) << s.log2CTB
	stride := int64(s.widthCTB) * ctb
	samples := stride * ctb * int64(l.windowRows) // the window
	samples += stride * (ctb + bandMargin)        // the band
	if s.components == 3 {
		samples += 2 * (samples >> (s.subX + s.subY))
	}
	cells := int64(s.widthCTB) * int64(s.heightCTB) * ctb * ctb / 64
	return 2*samples + 2*cells + int64(s.widthCTB)*int64(s.heightCTB)*64 + 1<<17
}

// sameTile reports whether two CTBs are in one tile.
func (l *layout) sameTile(x0, y0, x1, y1 int) bool {
	return l.tileOf(l.columnStart, x0) == l.tileOf(l.columnStart, x1) && l.tileOf(l.rowStart, y0) == l.tileOf(l.rowStart, y1)
}

// tileOf returns the index of the last tile that begins at or before a CTB.
func (l *layout) tileOf(starts []int, at int) int {
	i := 0
	for starts[i+1] <= at {
		i++
	}
	return i
}
