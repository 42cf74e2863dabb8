package hevc

// worker decodes coding tree units, one after another, in the order of the bitstream.
type worker struct {
	p *picture
	h *sliceHeader
	cabac
	contexts

	ctbX, ctbY int // of the current CTU, in CTBs
	// Which neighbouring CTBs are decoded and in the same slice and tile (6.4.1).
	left, up, upLeft, upRight bool
	// Whether deblocking crosses the left and the upper edge of the CTB.
	filterLeft, filterUp bool
	// The context variables after the second CTU of a row, and at the end of a slice segment.
	atSecondCTU, atSegmentEnd contexts

	// leftMode and aboveMode are IntraPredModeY of the last blocks that were decoded at a row of 4×4
	// blocks of the CTB and at a column of the picture, and so on; those are the neighbours.
	leftMode   [16]uint8
	leftDepth  [8]uint8 // CtDepth, in blocks of 8×8
	aboveMode  []uint8
	aboveDepth []uint8

	// Quantization (8.6.1).
	qp                int // QpY
	lastQP            int // QpY of the coding unit before
	qpPredicted       int // qPY_PRED of the quantization group
	qpDeltaCoded      bool
	chromaOffsetCoded bool
	chromaOffset      [3]int // CuQpOffsetCb and CuQpOffsetCr, at 1 and 2

	cu codingUnit

	vector   bool // whether the vector kernels run
	residual residual
	intra    intra
}

// codingUnit is what transform units need to know about the coding unit.
type codingUnit struct {
	x, y, log2    int
	bypass        bool // cu_transquant_bypass_flag
	intraSplit    bool // PartMode is PART_NxN
	lumaMode      [4]uint8
	chromaMode    [4]uint8 // IntraPredModeC
	chromaDerived [4]bool  // intra_chroma_pred_mode is 4
	maxDepth      int      // MaxTrafoDepth
}

// codingTreeUnit decodes the CTU at ctbX, ctbY (7.3.8.2).
func (w *worker) codingTreeUnit() error {
	s := w.p.sps
	if w.h.saoLuma || w.h.saoChroma {
		w.parseSAO()
	} else if s.sao {
		*w.p.saoAt(w.ctbX, w.ctbY) = saoParameters{}
	}
	if !w.left {
		w.leftDepth = [8]uint8{}
		for i := range w.leftMode {
			w.leftMode[i] = intraDC
		}
	}
	if !w.up {
		x := w.ctbX << (s.log2CTB - 3)
		clear(w.aboveDepth[x:min(x+1<<(s.log2CTB-3), len(w.aboveDepth))])
	}
	return w.codingQuadtree(w.ctbX<<s.log2CTB, w.ctbY<<s.log2CTB, s.log2CTB, 0)
}

// codingQuadtree decodes coding_quadtree (7.3.8.4).
func (w *worker) codingQuadtree(x, y, log2, depth int) error {
	s, p := w.p.sps, w.p.pps
	size := 1 << log2
	split := false
	if x+size <= s.width && y+size <= s.height && log2 > s.log2MinCB {
		row := y >> 3 & (1<<(s.log2CTB-3) - 1)
		inc := 0
		if int(w.leftDepth[row]) > depth {
			inc++
		}
		if int(w.aboveDepth[x>>3]) > depth {
			inc++
		}
		split = w.bin(&w.state[ctxSplitCU+inc]) != 0
	} else {
		split = log2 > s.log2MinCB
	}
	if log2 >= s.log2CTB-p.diffCUQPDeltaDepth {
		w.startQuantizationGroup(x, y)
	}
	if w.h.cuChromaQPOffset && log2 >= s.log2CTB-p.diffCUChromaQPOffsetDepth {
		w.chromaOffsetCoded = false
	}
	if !split {
		return w.codingUnit(x, y, log2, depth)
	}
	half := size >> 1
	for i := range 4 {
		cx, cy := x+i&1*half, y+i>>1*half
		if cx < s.width && cy < s.height {
			if err := w.codingQuadtree(cx, cy, log2-1, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// startQuantizationGroup predicts QpY from the groups to the left, above and before (8.6.1).
func (w *worker) startQuantizationGroup(x, y int) {
	w.qpDeltaCoded = false
	before := w.lastQP
	mask := 1<<w.p.sps.log2CTB - 1
	a, b := before, before
	if x&mask != 0 {
		a = int(w.p.qp[w.p.cell(x-1, y)])
	}
	if y&mask != 0 {
		b = int(w.p.qp[w.p.cell(x, y-1)])
	}
	w.qpPredicted = (a + b + 1) >> 1
	w.qp = w.qpPredicted
}

// codingUnit decodes coding_unit (7.3.8.5) of an I slice.
func (w *worker) codingUnit(x, y, log2, depth int) error {
	s, p := w.p.sps, w.p.pps
	cu := &w.cu
	*cu = codingUnit{x: x, y: y, log2: log2}
	if p.transquantBypass {
		cu.bypass = w.bin(&w.state[ctxTransquantBypass]) != 0
	}
	if log2 == s.log2MinCB {
		cu.intraSplit = w.bin(&w.state[ctxPartMode]) == 0
	}
	w.setDepth(x, y, log2, depth)
	pcm := s.pcm && !cu.intraSplit && log2 >= s.log2MinPCM && log2 <= s.log2MaxPCM && w.terminate()
	if pcm {
		w.setMode(x, y, log2, intraDC)
		if err := w.pcmSamples(x, y, log2); err != nil {
			return err
		}
		w.p.deblockEdges(w, x, y, log2)
	} else {
		w.predictionModes(x, y, log2)
		cu.maxDepth = s.maxTransformDepthIntra
		if cu.intraSplit {
			cu.maxDepth++
		}
		if err := w.transformTree(x, y, x, y, log2, 0, 0, chromaFlags{true, true, true, true}); err != nil {
			return err
		}
	}
	w.lastQP = w.qp
	w.p.setUnit(x, y, log2, w.qp, cu.bypass || pcm && s.pcmLoopFilterDisabled)
	return nil
}

// setDepth records CtDepth for the context of split_cu_flag.
func (w *worker) setDepth(x, y, log2, depth int) {
	row := y >> 3 & (1<<(w.p.sps.log2CTB-3) - 1)
	n := 1 << (log2 - 3)
	for i := range n {
		w.leftDepth[row+i] = uint8(depth)
		w.aboveDepth[x>>3+i] = uint8(depth)
	}
}

// setMode records IntraPredModeY for the prediction of modes.
func (w *worker) setMode(x, y, log2 int, mode uint8) {
	row := y >> 2 & (1<<(w.p.sps.log2CTB-2) - 1)
	n := 1 << (log2 - 2)
	for i := range n {
		w.leftMode[row+i] = mode
		w.aboveMode[x>>2+i] = mode
	}
}

// predictionModes reads the intra prediction modes of a coding unit (7.3.8.5, 8.4.2, 8.4.3).
func (w *worker) predictionModes(x, y, log2 int) {
	cu := &w.cu
	parts, partLog2 := 1, log2
	if cu.intraSplit {
		parts, partLog2 = 4, log2-1
	}
	var predicted [4]bool
	for i := range parts {
		predicted[i] = w.bin(&w.state[ctxPrevIntraLuma]) != 0
	}
	for i := range parts {
		px, py := x+i&1<<partLog2, y+i>>1<<partLog2
		candidates := w.candidateModes(px, py)
		var mode uint8
		if predicted[i] {
			index := 0
			if w.bypass() != 0 {
				index = 1 + int(w.bypass())
			}
			mode = candidates[index]
		} else {
			mode = remainingMode(candidates, uint8(w.bypassBits(5)))
		}
		cu.lumaMode[i] = mode
		w.setMode(px, py, partLog2, mode)
	}
	for i := parts; i < 4; i++ {
		cu.lumaMode[i] = cu.lumaMode[0]
	}
	switch chroma := w.p.sps.chroma; chroma {
	case Chroma400:
	case Chroma444:
		for i := range parts {
			w.chromaMode(i, chroma)
		}
	default:
		w.chromaMode(0, chroma)
	}
}

// candidateModes returns candModeList of a block (8.4.2).
func (w *worker) candidateModes(x, y int) [3]uint8 {
	mask := 1<<w.p.sps.log2CTB - 1
	a := w.leftMode[y&mask>>2]
	b := uint8(intraDC)
	if y&mask != 0 { // what is above the CTB does not count
		b = w.aboveMode[x>>2]
	}
	if a == b {
		if a < 2 {
			return [3]uint8{intraPlanar, intraDC, intraVertical}
		}
		return [3]uint8{a, 2 + (a+29)&31, 2 + (a-2+1)&31}
	}
	switch {
	case a != intraPlanar && b != intraPlanar:
		return [3]uint8{a, b, intraPlanar}
	case a != intraDC && b != intraDC:
		return [3]uint8{a, b, intraDC}
	}
	return [3]uint8{a, b, intraVertical}
}

// remainingMode returns the mode with a number among those that are not candidates.
func remainingMode(c [3]uint8, mode uint8) uint8 {
	if c[0] > c[1] {
		c[0], c[1] = c[1], c[0]
	}
	if c[0] > c[2] {
		c[0], c[2] = c[2], c[0]
	}
	if c[1] > c[2] {
		c[1], c[2] = c[2], c[1]
	}
	for _, candidate := range c {
		if mode >= candidate {
			mode++
		}
	}
	return mode
}

// chromaMode reads intra_chroma_pred_mode of a part and derives IntraPredModeC (8.4.3).
func (w *worker) chromaMode(part int, chroma ChromaFormat) {
	cu := &w.cu
	luma := cu.lumaMode[part]
	mode := luma
	if w.bin(&w.state[ctxIntraChroma]) == 0 {
		cu.chromaDerived[part] = true
	} else {
		mode = [4]uint8{intraPlanar, intraVertical, intraHorizontal, intraDC}[w.bypassBits(2)]
		if mode == luma {
			mode = 34
		}
	}
	if chroma == Chroma422 {
		mode = modes422[mode]
	}
	cu.chromaMode[part] = mode
}

// modes422 is Table 8-3: the modes of chroma whose samples are twice as wide as high.
var modes422 = [35]uint8{
	0, 1, 2, 2, 2, 2, 3, 5, 7, 8, 10, 12, 13, 15, 17, 18, 19, 20,
	21, 22, 23, 23, 24, 24, 25, 25, 26, 27, 27, 28, 28, 29, 29, 30, 31,
}

// pcmSamples reads pcm_sample (7.3.8.7).
func (w *worker) pcmSamples(x, y, log2 int) error {
	s := w.p.sps
	r := bitReader{data: w.data, at: 8 * w.position()}
	for c := range s.components {
		shiftX, shiftY := w.p.subsampling(c)
		width, height := 1<<(log2-shiftX), 1<<(log2-shiftY)
		pl := &w.p.planes[c]
		at := pl.offset(x>>shiftX, y>>shiftY)
		depth := s.pcmBitDepth[c]
		for range height {
			row := pl.pix[at : at+width]
			for i := range row {
				row[i] = uint16(r.u(depth) << (s.bitDepth[c] - depth))
			}
			at += pl.stride
		}
	}
	if r.over() {
		return w.corrupt("the PCM samples end too early")
	}
	damaged := w.damaged
	w.cabac.start(w.data, (r.at+7)>>3)
	w.damaged = w.damaged || damaged
	return nil
}

// chromaFlags are cbf_cb and cbf_cr, of the upper and, in 4:2:2, the lower block.
type chromaFlags struct{ cb, cbLower, cr, crLower bool }

func (f chromaFlags) any() bool { return f.cb || f.cbLower || f.cr || f.crLower }

// transformTree decodes transform_tree (7.3.8.8). parent has the flags of the block that was split.
func (w *worker) transformTree(x, y, xBase, yBase, log2, depth, index int, parent chromaFlags) error {
	s := w.p.sps
	var split bool
	if log2 <= s.log2MaxTB && log2 > s.log2MinTB && depth < w.cu.maxDepth && !(w.cu.intraSplit && depth == 0) {
		split = w.bin(&w.state[ctxSplitTransform+5-log2]) != 0
	} else {
		split = log2 > s.log2MaxTB || w.cu.intraSplit && depth == 0
	}
	var cbf chromaFlags
	switch {
	case log2 > 2 && s.chroma != Chroma400 || s.chroma == Chroma444:
		lower := s.chroma == Chroma422 && (!split || log2 == 3)
		context := &w.state[ctxCBFChroma+depth]
		if parent.cb || parent.cbLower {
			cbf.cb = w.bin(context) != 0
			cbf.cbLower = lower && w.bin(context) != 0
		}
		if parent.cr || parent.crLower {
			cbf.cr = w.bin(context) != 0
			cbf.crLower = lower && w.bin(context) != 0
		}
	case s.chroma != Chroma400: // blocks of 4×4 share those of the one that was split
		cbf = parent
	}
	if split {
		half := 1 << (log2 - 1)
		for i := range 4 {
			if err := w.transformTree(x+i&1*half, y+i>>1*half, x, y, log2-1, depth+1, i, cbf); err != nil {
				return err
			}
		}
		return nil
	}
	context := ctxCBFLuma
	if depth == 0 {
		context++
	}
	luma := w.bin(&w.state[context]) != 0
	w.p.deblockEdges(w, x, y, log2)
	return w.transformUnit(x, y, xBase, yBase, log2, index, luma, cbf)
}

// transformUnit decodes transform_unit (7.3.8.10), and predicts and reconstructs its blocks.
func (w *worker) transformUnit(x, y, xBase, yBase, log2, index int, luma bool, cbf chromaFlags) error {
	s := w.p.sps
	if luma || cbf.any() {
		if err := w.quantization(cbf.any()); err != nil {
			return err
		}
	}
	part := 0
	if w.cu.intraSplit {
		half := w.cu.log2 - 1
		part = (x-w.cu.x)>>half | (y-w.cu.y)>>half<<1
	}
	if err := w.block(x, y, log2, 0, w.cu.lumaMode[part], luma, 0); err != nil {
		return err
	}
	switch s.chroma {
	case Chroma400:
		return nil
	case Chroma444:
		return w.chroma444(x, y, log2, part, luma, cbf)
	}
	if log2 == 2 {
		if index != 3 {
			return nil
		}
		x, y, log2 = xBase, yBase, 3
	}
	size := 1 << (log2 - 1)
	cx, cy := x>>1, y>>s.subY
	mode := w.cu.chromaMode[0]
	for c, flags := range [2][2]bool{{cbf.cb, cbf.cbLower}, {cbf.cr, cbf.crLower}} {
		if err := w.block(cx, cy, log2-1, c+1, mode, flags[0], 0); err != nil {
			return err
		}
		if s.chroma == Chroma422 {
			if err := w.block(cx, cy+size, log2-1, c+1, mode, flags[1], 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// chroma444 decodes the chroma blocks of a transform unit that are as large as that of luma.
func (w *worker) chroma444(x, y, log2, part int, luma bool, cbf chromaFlags) error {
	cross := w.p.pps.crossComponentPrediction && luma && w.cu.chromaDerived[part]
	for c, flag := range [2]bool{cbf.cb, cbf.cr} {
		scale := 0
		if cross {
			scale = w.crossComponentScale(c)
		}
		if err := w.block(x, y, log2, c+1, w.cu.chromaMode[part], flag, scale); err != nil {
			return err
		}
	}
	return nil
}

// crossComponentScale reads cross_comp_pred (7.3.8.12) and returns ResScaleVal.
func (w *worker) crossComponentScale(c int) int {
	log2 := 0
	for log2 < 4 && w.bin(&w.state[ctxResScaleAbs+4*c+log2]) != 0 {
		log2++
	}
	if log2 == 0 {
		return 0
	}
	scale := 1 << (log2 - 1)
	if w.bin(&w.state[ctxResScaleSign+c]) != 0 {
		scale = -scale
	}
	return scale
}

// quantization reads delta_qp and chroma_qp_offset (7.3.8.14).
func (w *worker) quantization(chroma bool) error {
	p := w.p.pps
	if p.cuQPDelta && !w.qpDeltaCoded {
		w.qpDeltaCoded = true
		delta := 0
		for context := ctxCUQPDelta; delta < 5 && w.bin(&w.state[context]) != 0; delta++ {
			context = ctxCUQPDelta + 1
		}
		if delta == 5 {
			k := 0
			for ; k < 16 && w.bypass() != 0; k++ {
				delta += 1 << k
			}
			delta += int(w.bypassBits(k))
		}
		if delta != 0 && w.bypass() != 0 {
			delta = -delta
		}
		extra := 6 * (w.p.sps.bitDepth[0] - 8) // QpBdOffsetY
		if delta < -(26+extra/2) || delta > 25+extra/2 {
			return w.corrupt("cu_qp_delta is %d", delta)
		}
		w.qp = (w.qpPredicted+delta+52+2*extra)%(52+extra) - extra
	}
	if w.h.cuChromaQPOffset && chroma && !w.cu.bypass && !w.chromaOffsetCoded {
		w.chromaOffsetCoded = true
		w.chromaOffset = [3]int{}
		if w.bin(&w.state[ctxChromaQPOffset]) != 0 {
			index := 0
			for index < p.chromaQPOffsetCount-1 && w.bin(&w.state[ctxChromaQPOffsetIdx]) != 0 {
				index++
			}
			w.chromaOffset = p.chromaQPOffsets[index]
		}
	}
	return nil
}

// chromaQP is Table 8-10 for qPi from 30 to 42: QpC in 4:2:0.
var chromaQP = [13]uint8{29, 30, 31, 32, 33, 33, 34, 34, 35, 35, 36, 36, 37}

// chromaQPFrom returns QpC for an index qPi.
func chromaQPFrom(index int, chroma ChromaFormat) int {
	switch {
	case chroma != Chroma420:
		return min(index, 51)
	case index < 30:
		return index
	case index < 43:
		return int(chromaQP[index-30])
	}
	return index - 6
}

// scaledQP returns qP of a component: Qp′Y, Qp′Cb or Qp′Cr (8.6.1).
func (w *worker) scaledQP(c int) int {
	extra := 6 * (w.p.sps.bitDepth[c] - 8)
	if c == 0 {
		return w.qp + extra
	}
	index := min(max(w.qp+w.h.qpOffset[c]+w.chromaOffset[c], -extra), 57)
	return chromaQPFrom(index, w.p.sps.chroma) + extra
}

// corrupt returns an error of damage in the current CTU.
func (w *worker) corrupt(format string, args ...any) error {
	return corrupt("NAL unit %d, CTB %d: "+format, append([]any{w.h.nal, w.ctbY*w.p.sps.widthCTB + w.ctbX}, args...)...)
}
