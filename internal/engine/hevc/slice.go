package hevc

import "math/bits"

// sliceHeader is the header of a slice segment (7.3.6.1). A dependent segment has a copy of that of the
// slice, with its own address, entry points and data.
type sliceHeader struct {
	first, dependent bool
	ppsID            int
	address          int // slice_segment_address: the first CTB in raster scan
	sliceAddress     int // SliceAddrRs: that of the independent segment
	index            int // of the slice in the picture, counted from 0

	saoLuma, saoChroma bool
	qp                 int    // SliceQpY
	qpOffset           [3]int // slice_cb_qp_offset and slice_cr_qp_offset, at 1 and 2
	cuChromaQPOffset   bool
	deblockingDisabled bool
	betaOffset         int
	tcOffset           int
	filterAcrossSlices bool
	entryPoints        []int  // bytes of each substream but the last, emulation prevention included
	data               []byte // slice_segment_data without emulation prevention
	removed            []int  // where bytes were removed from data
	nal                int    // number of the NAL unit
}

// maxSlices bounds the slice segments of a picture: those of level 6.2 (Table A.8).
const maxSlices = 600

// parseSlice reads the header of the slice segment in n. before is that of the segment before it in the
// picture, or nil. rbsp is what n holds, without emulation prevention bytes; removed says where those
// were.
func (p *picture) parseSlice(n nalUnit, rbsp []byte, removed []int, before *sliceHeader) (*sliceHeader, error) {
	r := &bitReader{data: rbsp}
	h := &sliceHeader{first: r.flag(), nal: n.number}
	ok := true
	if n.kind >= nalFirstIRAP {
		r.skip(1) // no_output_of_prior_pics_flag
	}
	h.ppsID = r.ueMax(63, &ok)
	if before == nil {
		if !h.first {
			return nil, corrupt("NAL unit %d: the first slice segment of the picture is missing", n.number)
		}
		if err := p.activate(h.ppsID, ok); err != nil {
			return nil, err
		}
	} else if !ok || h.ppsID != p.pps.id {
		return nil, corrupt("NAL unit %d: the slice segment refers to another picture parameter set than the first", n.number)
	}
	s, pps := p.sps, p.pps
	if !h.first {
		if pps.dependentSlices {
			h.dependent = r.flag()
		}
		h.address = int(r.u(bits.Len(uint(s.widthCTB*s.heightCTB - 1))))
		if h.address == 0 || h.address >= s.widthCTB*s.heightCTB {
			return nil, corrupt("NAL unit %d: a slice segment at CTB %d of %d", n.number, h.address, s.widthCTB*s.heightCTB)
		}
	}
	if h.dependent {
		first, address := h.first, h.address
		*h = *before
		h.first, h.dependent, h.address, h.nal = first, true, address, n.number
		h.entryPoints = nil
	} else {
		h.sliceAddress = h.address
		if before != nil {
			h.index = before.index + 1
		}
		if err := h.parseIndependent(r, n, s, pps); err != nil {
			return nil, err
		}
	}
	if h.index >= maxSlices {
		return nil, unsupported("more than %d slices in a picture", maxSlices)
	}
	if pps.tiles || pps.wavefronts {
		if err := h.parseEntryPoints(r, s, pps); err != nil {
			return nil, err
		}
	}
	if pps.sliceHeaderExtension {
		r.skip(8 * r.ueMax(256, &ok))
	}
	// byte_alignment: a one and zeros.
	if !r.flag() {
		return nil, corrupt("NAL unit %d: the slice segment header has no end", n.number)
	}
	start := (r.at + 7) >> 3
	if !ok || start >= len(rbsp) {
		return nil, corrupt("NAL unit %d: the slice segment header is invalid, or has no data behind it", n.number)
	}
	h.data = rbsp[start:]
	for i, at := range removed {
		if at > start {
			h.removed = append(h.removed[:0:0], removed[i:]...)
			break
		}
	}
	for i := range h.removed {
		h.removed[i] -= start
	}
	return h, nil
}

// parseIndependent reads what an independent slice segment has and a dependent one takes over.
func (h *sliceHeader) parseIndependent(r *bitReader, n nalUnit, s *sps, p *pps) error {
	ok := true
	r.skip(p.extraSliceHeaderBits)
	switch kind := r.ueMax(2, &ok); {
	case !ok:
		return corrupt("NAL unit %d: an unknown type of slice", n.number)
	case kind != 2:
		return unsupported("inter prediction, a %c slice", "BP"[kind])
	}
	if p.outputFlagPresent {
		r.skip(1)
	}
	if n.kind != nalIDRWithRADL && n.kind != nalIDRNoLeading {
		if err := h.skipReferences(r, s); err != nil {
			return err
		}
	}
	if s.sao {
		h.saoLuma = r.flag()
		h.saoChroma = s.chroma != Chroma400 && r.flag()
	}
	h.qp = p.initQP + r.seWithin(-128, 128, &ok)
	if p.sliceChromaQPOffsets {
		h.qpOffset[1], h.qpOffset[2] = r.seWithin(-12, 12, &ok), r.seWithin(-12, 12, &ok)
	}
	for c := 1; c < 3; c++ {
		h.qpOffset[c] += p.qpOffset[c]
		ok = ok && h.qpOffset[c] >= -12 && h.qpOffset[c] <= 12
	}
	if p.chromaQPOffsetList {
		h.cuChromaQPOffset = r.flag()
	}
	override := p.deblockingOverride && r.flag()
	h.deblockingDisabled, h.betaOffset, h.tcOffset = p.deblockingDisabled, p.betaOffset, p.tcOffset
	if override {
		if h.deblockingDisabled = r.flag(); !h.deblockingDisabled {
			h.betaOffset, h.tcOffset = 2*r.seWithin(-6, 6, &ok), 2*r.seWithin(-6, 6, &ok)
		}
	}
	h.filterAcrossSlices = p.filterAcrossSlices
	if p.filterAcrossSlices && (h.saoLuma || h.saoChroma || !h.deblockingDisabled) {
		h.filterAcrossSlices = r.flag()
	}
	if !ok || r.over() || h.qp < -6*(s.bitDepth[0]-8) || h.qp > 51 {
		return corrupt("NAL unit %d: a value in the slice segment header is out of range, or its end is missing", n.number)
	}
	return nil
}

// skipReferences reads over what a slice says about pictures before it, which an intra picture does not
// look at.
func (h *sliceHeader) skipReferences(r *bitReader, s *sps) error {
	ok := true
	r.skip(s.log2MaxPOCLSB)
	count := len(s.shortTermSets)
	if !r.flag() { // short_term_ref_pic_set_sps_flag
		if _, err := shortTermSet(r, count, count, s.shortTermSets); err != nil {
			return err
		}
	} else if count > 1 {
		r.skip(bits.Len(uint(count - 1)))
	}
	if s.longTermPresent {
		fromSPS := 0
		if s.longTermCount > 0 {
			fromSPS = r.ueMax(32, &ok)
		}
		n := fromSPS + r.ueMax(32, &ok)
		for i := 0; ok && i < n; i++ {
			if i < fromSPS {
				if s.longTermCount > 1 {
					r.skip(bits.Len(uint(s.longTermCount - 1)))
				}
			} else {
				r.skip(s.log2MaxPOCLSB + 1)
			}
			if r.flag() { // delta_poc_msb_present_flag
				r.ue()
			}
		}
	}
	if s.temporalMVP {
		r.skip(1)
	}
	if !ok || r.over() {
		return corrupt("a slice segment header with invalid references")
	}
	return nil
}

// parseEntryPoints reads how long the substreams of the slice segment are.
func (h *sliceHeader) parseEntryPoints(r *bitReader, s *sps, p *pps) error {
	most := p.columnCount*p.rowCount - 1
	switch {
	case p.tiles && p.wavefronts:
		most = p.columnCount*s.heightCTB - 1
	case p.wavefronts:
		most = s.heightCTB - 1
	}
	ok := true
	n := r.ueMax(most, &ok)
	if n == 0 && ok {
		return nil
	}
	length := 1 + r.ueMax(31, &ok)
	if !ok || n*length > 8*len(r.data)-r.at {
		return corrupt("NAL unit %d: invalid entry points", h.nal)
	}
	h.entryPoints = make([]int, n)
	for i := range h.entryPoints {
		h.entryPoints[i] = 1 + int(r.u(length))
	}
	return nil
}
