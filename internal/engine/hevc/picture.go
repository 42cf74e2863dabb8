package hevc

// picture is what is known about the picture that is decoded.
type picture struct {
	allSPS [16]*sps
	allPPS [64]*pps
	sps    *sps // those in use
	pps    *pps
	layout layout
}

// parameterSet takes a NAL unit that may be a parameter set.
func (p *picture) parameterSet(n nalUnit) error {
	if n.layer != 0 || n.kind != nalSPS && n.kind != nalPPS {
		return nil
	}
	if len(n.bytes) > maxParameterSet {
		return corrupt("NAL unit %d: a parameter set of %d bytes", n.number, len(n.bytes))
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
