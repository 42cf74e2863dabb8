package hevc

// pps is a picture parameter set (7.3.2.3), as far as an intra picture depends on it.
type pps struct {
	id, spsID                 int
	dependentSlices           bool
	outputFlagPresent         bool
	extraSliceHeaderBits      int
	signDataHiding            bool
	cabacInitPresent          bool
	initQP                    int // init_qp_minus26 + 26
	transformSkip             bool
	cuQPDelta                 bool
	diffCUQPDeltaDepth        int
	qpOffset                  [3]int // pps_cb_qp_offset and pps_cr_qp_offset, at 1 and 2
	sliceChromaQPOffsets      bool
	transquantBypass          bool
	tiles, wavefronts         bool  // entropy_coding_sync_enabled_flag
	columns, rows             []int // widths and heights of tiles that are not uniform
	columnCount, rowCount     int
	filterAcrossTiles         bool
	filterAcrossSlices        bool
	deblockingOverride        bool
	deblockingDisabled        bool
	betaOffset, tcOffset      int // twice pps_beta_offset_div2 and pps_tc_offset_div2
	scaling                   *scalingLists
	sliceHeaderExtension      bool
	log2MaxTransformSkip      int
	crossComponentPrediction  bool
	chromaQPOffsetList        bool
	diffCUChromaQPOffsetDepth int
	chromaQPOffsets           [6][3]int // cb_qp_offset_list and cr_qp_offset_list, at 1 and 2
	chromaQPOffsetCount       int
	log2SAOScaleLuma          int
	log2SAOScaleChroma        int
}

// maxTiles bounds the columns and the rows of tiles: those of level 6.2 (Table A.8).
const (
	maxTileColumns = 20
	maxTileRows    = 22
)

// parsePPS reads a picture parameter set.
func parsePPS(rbsp []byte) (*pps, error) {
	r := &bitReader{data: rbsp}
	p := &pps{columnCount: 1, rowCount: 1, filterAcrossTiles: true, log2MaxTransformSkip: 2}
	ok := true
	p.id, p.spsID = r.ueMax(63, &ok), r.ueMax(15, &ok)
	p.dependentSlices, p.outputFlagPresent = r.flag(), r.flag()
	p.extraSliceHeaderBits = int(r.u(3))
	p.signDataHiding, p.cabacInitPresent = r.flag(), r.flag()
	r.ueMax(14, &ok) // num_ref_idx_l0_default_active_minus1
	r.ueMax(14, &ok) // num_ref_idx_l1_default_active_minus1
	p.initQP = 26 + r.seWithin(-26-48, 25, &ok)
	r.skip(1) // constrained_intra_pred_flag: all blocks are intra
	p.transformSkip = r.flag()
	if p.cuQPDelta = r.flag(); p.cuQPDelta {
		p.diffCUQPDeltaDepth = r.ueMax(3, &ok)
	}
	p.qpOffset[1], p.qpOffset[2] = r.seWithin(-12, 12, &ok), r.seWithin(-12, 12, &ok)
	p.sliceChromaQPOffsets = r.flag()
	r.skip(2) // weighted_pred_flag, weighted_bipred_flag
	p.transquantBypass = r.flag()
	p.tiles, p.wavefronts = r.flag(), r.flag()
	if p.tiles {
		p.parseTiles(r, &ok)
	}
	p.filterAcrossSlices = r.flag()
	if r.flag() { // deblocking_filter_control_present_flag
		p.deblockingOverride, p.deblockingDisabled = r.flag(), r.flag()
		if !p.deblockingDisabled {
			p.betaOffset, p.tcOffset = 2*r.seWithin(-6, 6, &ok), 2*r.seWithin(-6, 6, &ok)
		}
	}
	if r.flag() { // pps_scaling_list_data_present_flag
		p.scaling = defaultScaling()
		if err := p.scaling.parse(r); err != nil {
			return nil, err
		}
	}
	r.skip(1) // lists_modification_present_flag
	r.ue()    // log2_parallel_merge_level_minus2
	p.sliceHeaderExtension = r.flag()
	if r.flag() { // pps_extension_present_flag
		if err := p.parseExtensions(r, &ok); err != nil {
			return nil, err
		}
	}
	if !ok || r.over() {
		return nil, corrupt("picture parameter set: a value is out of range, or the end is missing")
	}
	return p, nil
}

// parseTiles reads how the picture is divided into tiles.
func (p *pps) parseTiles(r *bitReader, ok *bool) {
	p.columnCount, p.rowCount = 1+r.ueMax(maxTileColumns-1, ok), 1+r.ueMax(maxTileRows-1, ok)
	if !r.flag() { // uniform_spacing_flag
		p.columns = make([]int, p.columnCount-1)
		p.rows = make([]int, p.rowCount-1)
		for i := range p.columns {
			p.columns[i] = 1 + r.ueMax(maxCoded, ok)
		}
		for i := range p.rows {
			p.rows[i] = 1 + r.ueMax(maxCoded, ok)
		}
	}
	p.filterAcrossTiles = r.flag()
}

// parseExtensions reads the extensions of the set (7.3.2.3.2).
func (p *pps) parseExtensions(r *bitReader, ok *bool) error {
	rangeExtension := r.flag()
	r.skip(2) // pps_multilayer_extension_flag, pps_3d_extension_flag
	screen := r.flag()
	r.skip(4) // pps_extension_4bits
	if rangeExtension {
		if p.transformSkip {
			p.log2MaxTransformSkip = 2 + r.ueMax(3, ok)
		}
		p.crossComponentPrediction = r.flag()
		if p.chromaQPOffsetList = r.flag(); p.chromaQPOffsetList {
			p.diffCUChromaQPOffsetDepth = r.ueMax(3, ok)
			p.chromaQPOffsetCount = 1 + r.ueMax(5, ok)
			for i := range p.chromaQPOffsetCount {
				p.chromaQPOffsets[i][1], p.chromaQPOffsets[i][2] = r.seWithin(-12, 12, ok), r.seWithin(-12, 12, ok)
			}
		}
		p.log2SAOScaleLuma, p.log2SAOScaleChroma = r.ueMax(8, ok), r.ueMax(8, ok)
	}
	if screen {
		return unsupported("the extension for screen content coding")
	}
	return nil
}

// check checks the set against the sequence parameter set that it refers to.
func (p *pps) check(s *sps) error {
	switch {
	case p.initQP < -6*(s.bitDepth[0]-8):
		return corrupt("picture parameter set: an initial quantization parameter of %d", p.initQP)
	case p.diffCUQPDeltaDepth > s.log2CTB-s.log2MinCB || p.diffCUChromaQPOffsetDepth > s.log2CTB-s.log2MinCB:
		return corrupt("picture parameter set: quantization groups smaller than the coding blocks")
	case p.log2MaxTransformSkip > max(s.log2MaxTB, 2):
		return corrupt("picture parameter set: transform skip in blocks of %d samples", 1<<p.log2MaxTransformSkip)
	case p.crossComponentPrediction && s.chroma != Chroma444:
		return corrupt("picture parameter set: cross-component prediction in %v", s.chroma)
	case p.log2SAOScaleLuma > max(0, s.bitDepth[0]-10) || p.log2SAOScaleChroma > max(0, s.bitDepth[1]-10):
		return corrupt("picture parameter set: offsets of the adaptive filter are scaled by 2^%d and 2^%d",
			p.log2SAOScaleLuma, p.log2SAOScaleChroma)
	}
	return nil
}
