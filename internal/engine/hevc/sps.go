package hevc

// sps is a sequence parameter set (7.3.2.2), as far as an intra picture depends on it.
type sps struct {
	id     int
	chroma ChromaFormat
	// width and height are those of the coded picture; the crop is in luma samples.
	width, height                            int
	cropLeft, cropRight, cropTop, cropBottom int
	bitDepth                                 [3]int // of each component
	log2MaxPOCLSB                            int
	log2MinCB, log2CTB, log2MinTB, log2MaxTB int
	maxTransformDepthIntra                   int
	scalingListEnabled                       bool
	scaling                                  *scalingLists // nil: flat, or the picture parameter set's
	sao, strongIntraSmoothing                bool
	pcm                                      bool
	pcmBitDepth                              [3]int
	log2MinPCM, log2MaxPCM                   int
	pcmLoopFilterDisabled                    bool
	shortTermSets                            []int // NumDeltaPocs of each reference picture set
	longTermPresent, temporalMVP             bool
	longTermCount                            int
	colour                                   Colour
	transformSkipRotation                    bool
	transformSkipContext                     bool
	implicitRDPCM                            bool
	intraSmoothingDisabled                   bool
	persistentRiceAdaptation                 bool
	cabacBypassAlignment                     bool
	widthCTB, heightCTB                      int
	subX, subY                               int // log2 of the chroma subsampling; 0 without chroma
	components                               int // 1 or 3
}

// maxCoded bounds the sides of a coded picture, in luma samples. Level 6.2, with the largest pictures
// that the standard has, allows sides of 16888; encoders write larger ones at level 8.5.
const maxCoded = 1 << 16

// maxDepth is the most bits per sample that are decoded. Residuals then fit 16 bits where it matters.
const maxDepth = 12

// parseSPS reads a sequence parameter set.
func parseSPS(rbsp []byte) (*sps, error) {
	r := &bitReader{data: rbsp}
	s := &sps{colour: Colour{Primaries: 2, Transfer: 2, Matrix: 2}}
	ok := true
	r.skip(4) // sps_video_parameter_set_id
	subLayers := int(r.u(3))
	r.skip(1) // sps_temporal_id_nesting_flag
	if subLayers == 7 {
		return nil, corrupt("sequence parameter set: 8 sub-layers")
	}
	profileTierLevel(r, subLayers)
	s.id = r.ueMax(15, &ok)
	s.chroma = ChromaFormat(r.ueMax(3, &ok))
	if s.chroma == Chroma444 && r.flag() {
		return nil, unsupported("separate_colour_plane_flag, three colour planes that are coded separately")
	}
	s.width, s.height = r.ueMax(maxCoded, &ok), r.ueMax(maxCoded, &ok)
	s.components = 3
	if s.chroma == Chroma400 {
		s.components = 1
	}
	x, y := s.chroma.Subsampling()
	s.subX, s.subY = x>>1, y>>1
	if r.flag() { // conformance_window_flag
		s.cropLeft, s.cropRight = x*r.ueMax(maxCoded, &ok), x*r.ueMax(maxCoded, &ok)
		s.cropTop, s.cropBottom = y*r.ueMax(maxCoded, &ok), y*r.ueMax(maxCoded, &ok)
	}
	luma := 8 + r.ueMax(8, &ok)
	chroma := 8 + r.ueMax(8, &ok)
	s.bitDepth = [3]int{luma, chroma, chroma}
	s.log2MaxPOCLSB = 4 + r.ueMax(12, &ok)
	first := subLayers
	if r.flag() { // sps_sub_layer_ordering_info_present_flag
		first = 0
	}
	for i := first; i <= subLayers; i++ {
		r.ue() // sps_max_dec_pic_buffering_minus1
		r.ue() // sps_max_num_reorder_pics
		r.ue() // sps_max_latency_increase_plus1
	}
	s.log2MinCB = 3 + r.ueMax(3, &ok)
	s.log2CTB = s.log2MinCB + r.ueMax(3, &ok)
	s.log2MinTB = 2 + r.ueMax(3, &ok)
	s.log2MaxTB = s.log2MinTB + r.ueMax(3, &ok)
	r.ueMax(4, &ok) // max_transform_hierarchy_depth_inter
	s.maxTransformDepthIntra = r.ueMax(4, &ok)
	if !ok || r.over() {
		return nil, corrupt("sequence parameter set: a value is out of range, or the end is missing")
	}
	if luma > maxDepth || chroma > maxDepth {
		return nil, unsupported("%d and %d bits per sample of luma and chroma, %d are the most", luma, chroma, maxDepth)
	}
	if err := s.checkSizes(); err != nil {
		return nil, err
	}
	if s.scalingListEnabled = r.flag(); s.scalingListEnabled {
		s.scaling = defaultScaling()
		if r.flag() { // sps_scaling_list_data_present_flag
			if err := s.scaling.parse(r); err != nil {
				return nil, err
			}
		}
	}
	r.skip(1) // amp_enabled_flag matters to inter prediction alone
	s.sao = r.flag()
	if s.pcm = r.flag(); s.pcm {
		if err := s.parsePCM(r); err != nil {
			return nil, err
		}
	}
	if err := s.parseReferences(r); err != nil {
		return nil, err
	}
	s.temporalMVP, s.strongIntraSmoothing = r.flag(), r.flag()
	if r.flag() { // vui_parameters_present_flag
		s.parseVUI(r, subLayers)
	}
	if r.flag() { // sps_extension_present_flag
		if err := s.parseExtensions(r); err != nil {
			return nil, err
		}
	}
	if r.over() {
		return nil, corrupt("sequence parameter set: the end is missing")
	}
	return s, nil
}

// profileTierLevel reads over profile_tier_level with a general profile (7.3.3). Profiles say nothing
// that the other elements do not.
func profileTierLevel(r *bitReader, subLayers int) {
	r.skip(88 + 8)
	var profile, level [8]bool
	for i := range subLayers {
		profile[i], level[i] = r.flag(), r.flag()
	}
	if subLayers > 0 {
		r.skip(2 * (8 - subLayers))
	}
	for i := range subLayers {
		if profile[i] {
			r.skip(88)
		}
		if level[i] {
			r.skip(8)
		}
	}
}

// checkSizes checks the constraints on sizes (7.4.3.2.1), and derives those in CTBs.
func (s *sps) checkSizes() error {
	minCB := 1<<s.log2MinCB - 1
	switch {
	case s.width == 0 || s.height == 0 || (s.width|s.height)&minCB != 0:
		return corrupt("sequence parameter set: %d×%d samples are not whole coding blocks of %d", s.width, s.height, minCB+1)
	case s.cropLeft+s.cropRight >= s.width || s.cropTop+s.cropBottom >= s.height:
		return corrupt("sequence parameter set: the conformance window leaves nothing of %d×%d samples", s.width, s.height)
	case s.log2CTB < 4 || s.log2CTB > 6:
		return corrupt("sequence parameter set: coding tree blocks of %d samples", 1<<s.log2CTB)
	case s.log2MinTB >= s.log2MinCB || s.log2MaxTB > min(s.log2CTB, 5):
		return corrupt("sequence parameter set: transform blocks of %d to %d samples with coding blocks of %d to %d",
			1<<s.log2MinTB, 1<<s.log2MaxTB, minCB+1, 1<<s.log2CTB)
	case s.maxTransformDepthIntra > s.log2CTB-s.log2MinTB:
		return corrupt("sequence parameter set: max_transform_hierarchy_depth_intra is %d", s.maxTransformDepthIntra)
	}
	s.widthCTB = (s.width + 1<<s.log2CTB - 1) >> s.log2CTB
	s.heightCTB = (s.height + 1<<s.log2CTB - 1) >> s.log2CTB
	return nil
}

// parsePCM reads what there is about blocks of unpredicted samples.
func (s *sps) parsePCM(r *bitReader) error {
	ok := true
	luma, chroma := 1+int(r.u(4)), 1+int(r.u(4))
	s.pcmBitDepth = [3]int{luma, chroma, chroma}
	s.log2MinPCM = 3 + r.ueMax(2, &ok)
	s.log2MaxPCM = s.log2MinPCM + r.ueMax(2, &ok)
	s.pcmLoopFilterDisabled = r.flag()
	if !ok || luma > s.bitDepth[0] || chroma > s.bitDepth[1] ||
		s.log2MinPCM < min(s.log2MinCB, 5) || s.log2MinPCM > min(s.log2CTB, 5) || s.log2MaxPCM > min(s.log2CTB, 5) {
		return corrupt("sequence parameter set: PCM of %d and %d bits in blocks of 2^%d to 2^%d samples",
			luma, chroma, s.log2MinPCM, s.log2MaxPCM)
	}
	return nil
}

// parseReferences reads over the reference picture sets. How long the last ones are matters to slice
// headers of pictures that are not IDR.
func (s *sps) parseReferences(r *bitReader) error {
	ok := true
	count := r.ueMax(64, &ok)
	for i := range count {
		n, err := shortTermSet(r, i, count, s.shortTermSets)
		if err != nil {
			return err
		}
		s.shortTermSets = append(s.shortTermSets, n)
	}
	if s.longTermPresent = r.flag(); s.longTermPresent {
		s.longTermCount = r.ueMax(32, &ok)
		r.skip(s.longTermCount * (s.log2MaxPOCLSB + 1))
	}
	if !ok || r.over() {
		return corrupt("sequence parameter set: the reference picture sets are invalid")
	}
	return nil
}

// shortTermSet reads over st_ref_pic_set(index) (7.3.7) of count sets, and returns its NumDeltaPocs.
// before holds those of the sets before.
func shortTermSet(r *bitReader, index, count int, before []int) (int, error) {
	ok := true
	if index > 0 && r.flag() { // inter_ref_pic_set_prediction_flag
		delta := 1
		if index == count {
			delta += r.ueMax(index-1, &ok)
		}
		r.skip(1)             // delta_rps_sign
		r.ueMax(1<<15-1, &ok) // abs_delta_rps_minus1
		if !ok || delta > index {
			return 0, corrupt("an invalid reference picture set")
		}
		n := 0
		for range before[index-delta] + 1 {
			used := r.flag()
			if used || r.flag() { // use_delta_flag
				n++
			}
		}
		if n > 16 {
			return 0, corrupt("an invalid reference picture set")
		}
		return n, nil
	}
	n := r.ueMax(16, &ok) + r.ueMax(16, &ok)
	if n > 16 {
		ok = false
	}
	for i := 0; ok && i < n; i++ {
		r.ueMax(1<<15-1, &ok)
		r.skip(1)
	}
	if !ok || r.over() {
		return 0, corrupt("an invalid reference picture set")
	}
	return n, nil
}

// parseVUI reads the video usability information (E.2.1).
func (s *sps) parseVUI(r *bitReader, subLayers int) {
	if r.flag() && r.u(8) == 255 { // aspect_ratio_info_present_flag, aspect_ratio_idc
		r.skip(32)
	}
	if r.flag() { // overscan_info_present_flag
		r.skip(1)
	}
	if r.flag() { // video_signal_type_present_flag
		s.colour.Signalled = true
		r.skip(3) // video_format
		s.colour.FullRange = r.flag()
		if r.flag() {
			s.colour.Described = true
			s.colour.Primaries, s.colour.Transfer, s.colour.Matrix = int(r.u(8)), int(r.u(8)), int(r.u(8))
		}
	}
	if r.flag() { // chroma_loc_info_present_flag
		r.ue()
		r.ue()
	}
	r.skip(3)     // neutral_chroma_indication_flag, field_seq_flag, frame_field_info_present_flag
	if r.flag() { // default_display_window_flag
		for range 4 {
			r.ue()
		}
	}
	if r.flag() { // vui_timing_info_present_flag
		r.skip(64)
		if r.flag() {
			r.ue()
		}
		if r.flag() { // vui_hrd_parameters_present_flag
			hrdParameters(r, subLayers)
		}
	}
	if r.flag() { // bitstream_restriction_flag
		r.skip(3)
		for range 5 {
			r.ue()
		}
	}
}

// hrdParameters reads over hrd_parameters(1, subLayers) (E.2.2).
func hrdParameters(r *bitReader, subLayers int) {
	nal, vcl := r.flag(), r.flag()
	subPicture := false
	if nal || vcl {
		if subPicture = r.flag(); subPicture {
			r.skip(8 + 5 + 1 + 5)
		}
		r.skip(4 + 4)
		if subPicture {
			r.skip(4)
		}
		r.skip(5 + 5 + 5)
	}
	for i := 0; i <= subLayers && !r.over(); i++ {
		fixed, lowDelay, cpbs := true, false, 1
		if general := r.flag(); !general {
			fixed = r.flag() // fixed_pic_rate_within_cvs_flag
		}
		if fixed {
			r.ue()
		} else {
			lowDelay = r.flag()
		}
		if !lowDelay {
			cpbs += int(min(r.ue(), 32))
		}
		for _, present := range []bool{nal, vcl} {
			for j := 0; present && j < cpbs; j++ {
				r.ue()
				r.ue()
				if subPicture {
					r.ue()
					r.ue()
				}
				r.skip(1)
			}
		}
	}
}

// parseExtensions reads the extensions of the set (7.3.2.2.2).
func (s *sps) parseExtensions(r *bitReader) error {
	rangeExtension, multilayer := r.flag(), r.flag()
	r.skip(1) // sps_3d_extension_flag: nothing that is read comes behind it
	screen := r.flag()
	r.skip(4) // sps_extension_4bits
	if rangeExtension {
		s.transformSkipRotation = r.flag()
		s.transformSkipContext = r.flag()
		s.implicitRDPCM = r.flag()
		r.skip(1) // explicit_rdpcm_enabled_flag matters to inter prediction alone
		if r.flag() {
			return unsupported("extended_precision_processing_flag, transforms of more than 16 bits")
		}
		s.intraSmoothingDisabled = r.flag()
		r.skip(1) // high_precision_offsets_enabled_flag matters to weighted prediction alone
		s.persistentRiceAdaptation = r.flag()
		s.cabacBypassAlignment = r.flag()
	}
	if multilayer {
		r.skip(1) // inter_view_mv_vert_constraint_flag
	}
	if screen {
		return unsupported("the extension for screen content coding")
	}
	return nil
}
