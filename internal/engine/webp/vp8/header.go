package vp8

const (
	maxSegments   = 4
	maxPartitions = 8

	planeTypes = 4 // of coefficients: luma behind Y2, Y2, chroma, luma with DC (section 13.3)
	bands      = 8
	contexts   = 3
	tokenProbs = 11
)

// FrameSize returns the size that the uncompressed data chunk of a key frame declares (RFC 6386
// section 9.1), and the length of its first partition. reason is "" if the chunk is valid.
func FrameSize(data []byte) (w, h, first int, reason string) {
	switch {
	case len(data) < 10:
		return 0, 0, 0, "a VP8 picture without its header"
	case data[0]&1 != 0:
		return 0, 0, 0, "a VP8 frame that is not a key frame"
	case data[0]>>1&7 > 3:
		return 0, 0, 0, "a VP8 frame of an unknown version"
	case data[0]>>4&1 == 0:
		return 0, 0, 0, "a VP8 frame that is not shown"
	case data[3] != 0x9d || data[4] != 0x01 || data[5] != 0x2a:
		return 0, 0, 0, "a VP8 frame without its start code"
	}
	first = uint24(data) >> 5
	w, h = (int(data[6])|int(data[7])<<8)&0x3fff, (int(data[8])|int(data[9])<<8)&0x3fff
	switch {
	case w == 0 || h == 0:
		return 0, 0, 0, "a VP8 frame without pixels"
	case first > len(data)-10:
		return 0, 0, 0, "the first partition of a VP8 frame is truncated"
	}
	return w, h, first, ""
}

// segment is what the macroblocks of a segment share (sections 9.3 and 9.6).
type segment struct {
	y1, y2, uv quantiser
	filter     [2]filterLimits // without and with subblock modes
}

// quantiser holds the factors of the DC and the AC coefficients.
type quantiser struct{ dc, ac int32 }

// filterLimits are the thresholds of the loop filter at one level (section 15).
type filterLimits struct {
	edge     int // of the inner edges; that of macroblock edges is larger by 4; 0 means no filter
	interior int
	hev      int // "high edge variance"
}

// frameHeader is the frame header (section 9.2 and on).
type frameHeader struct {
	segmented     bool
	updateMap     bool
	segmentProbs  [3]uint8
	absolute      bool
	quantUpdate   [maxSegments]int
	filterUpdate  [maxSegments]int
	simpleFilter  bool
	filterLevel   int
	sharpness     int
	filterDeltas  bool
	intraDelta    int // of macroblocks of key frames
	subblockDelta int // of those with subblock modes

	segments   [maxSegments]segment
	useSkip    bool
	skipProb   uint8
	coeffProbs [planeTypes][17][contexts][tokenProbs]uint8 // by position, not by band
}

// bandOf is the band of a coefficient's position (section 13.3), with one more behind the last.
var bandOf = [17]uint8{0, 1, 2, 3, 6, 4, 5, 6, 6, 6, 6, 6, 6, 6, 6, 7, 0}

// readHeader reads the frame header, and divides the rest of the data into partitions.
func (d *Reader) readHeader() error {
	h, b := &d.header, &d.modes
	b.literal(2) // colour space and clamping type, which change nothing in WebP
	d.readSegmentation()
	h.simpleFilter = b.flag()
	h.filterLevel = b.literal(6)
	h.sharpness = b.literal(3)
	d.readFilterDeltas()
	if err := d.readPartitions(1 << b.literal(2)); err != nil {
		return err
	}
	d.readQuantisers()
	b.flag() // refresh_entropy_probs matters to later frames only
	for i := range defaultCoeffProbs {
		var probs [bands][contexts][tokenProbs]uint8
		for j := range probs {
			for k := range probs[j] {
				for t := range probs[j][k] {
					p := defaultCoeffProbs[i][j][k][t]
					if b.bool(coeffUpdateProbs[i][j][k][t]) {
						p = uint8(b.literal(8))
					}
					probs[j][k][t] = p
				}
			}
		}
		for n, band := range bandOf {
			h.coeffProbs[i][n] = probs[band]
		}
	}
	if h.useSkip = b.flag(); h.useSkip {
		h.skipProb = uint8(b.literal(8))
	}
	d.setFilterLimits()
	if b.past() {
		return d.truncated()
	}
	return nil
}

// readSegmentation reads the segment header (section 9.3).
func (d *Reader) readSegmentation() {
	h, b := &d.header, &d.modes
	h.segmentProbs = [3]uint8{255, 255, 255}
	if h.segmented = b.flag(); !h.segmented {
		return
	}
	h.updateMap = b.flag()
	if b.flag() {
		h.absolute = b.flag()
		for i := range h.quantUpdate {
			h.quantUpdate[i] = b.optionalSigned(7)
		}
		for i := range h.filterUpdate {
			h.filterUpdate[i] = b.optionalSigned(6)
		}
	}
	if h.updateMap {
		for i := range h.segmentProbs {
			if b.flag() {
				h.segmentProbs[i] = uint8(b.literal(8))
			}
		}
	}
}

// readFilterDeltas reads the loop filter's adjustments (section 9.6).
func (d *Reader) readFilterDeltas() {
	h, b := &d.header, &d.modes
	if h.filterDeltas = b.flag(); !h.filterDeltas || !b.flag() {
		return
	}
	var deltas [8]int // four reference frames, of which the first is the frame itself; four modes
	for i := range deltas {
		deltas[i] = b.optionalSigned(6)
	}
	h.intraDelta, h.subblockDelta = deltas[0], deltas[4]
}

// readPartitions finds the partitions of coefficients (section 9.5). One that is said to be longer
// than the data ends with it, and is found to be truncated when that is reached.
func (d *Reader) readPartitions(n int) error {
	sizes := 3 * (n - 1)
	if len(d.rest) <= sizes {
		return d.truncated()
	}
	data := d.rest[sizes:]
	for i := range n {
		size := len(data)
		if i < n-1 {
			size = min(size, uint24(d.rest[3*i:]))
		}
		d.partitions[i] = newBoolDecoder(data[:size])
		data = data[size:]
	}
	d.partitionMask = n - 1
	return nil
}

// readQuantisers reads the quantiser indexes (section 9.6) and computes the factors of all
// segments (section 14.1).
func (d *Reader) readQuantisers() {
	h, b := &d.header, &d.modes
	base := b.literal(7)
	var deltas quantDeltas
	deltas.y1dc, deltas.y2dc, deltas.y2ac = b.optionalSigned(4), b.optionalSigned(4), b.optionalSigned(4)
	deltas.uvdc, deltas.uvac = b.optionalSigned(4), b.optionalSigned(4)
	for i := range h.segments {
		q := base
		if h.segmented && h.absolute {
			q = h.quantUpdate[i]
		} else if h.segmented {
			q += h.quantUpdate[i]
		}
		h.segments[i].set(q, deltas)
	}
}

// quantDeltas are what is added to a quantiser index for the DC and AC coefficients of the planes.
type quantDeltas struct{ y1dc, y2dc, y2ac, uvdc, uvac int }

// set computes the factors for a quantiser index (section 14.1).
func (s *segment) set(q int, d quantDeltas) {
	clamp := func(i, most int) int { return max(0, min(most, i)) }
	s.y1 = quantiser{int32(dcQuant[clamp(q+d.y1dc, 127)]), int32(acQuant[clamp(q, 127)])}
	s.y2 = quantiser{
		2 * int32(dcQuant[clamp(q+d.y2dc, 127)]),
		max(8, int32(acQuant[clamp(q+d.y2ac, 127)])*155/100),
	}
	s.uv = quantiser{int32(dcQuant[clamp(q+d.uvdc, 117)]), int32(acQuant[clamp(q+d.uvac, 127)])}
}

// setFilterLimits computes the loop filter's thresholds of all segments (sections 9.6 and 15.2).
func (d *Reader) setFilterLimits() {
	h := &d.header
	if h.filterLevel == 0 {
		return
	}
	for i := range h.segments {
		base := h.filterLevel
		if h.segmented && h.absolute {
			base = h.filterUpdate[i]
		} else if h.segmented {
			base += h.filterUpdate[i]
		}
		for subblocks := range 2 {
			level := base
			if h.filterDeltas {
				level += h.intraDelta + subblocks*h.subblockDelta
			}
			if level = max(0, min(63, level)); level > 0 {
				h.segments[i].filter[subblocks] = limitsAt(level, h.sharpness)
			}
		}
	}
}

// limitsAt are the thresholds at a level from 1 to 63.
func limitsAt(level, sharpness int) filterLimits {
	interior := level
	switch {
	case sharpness > 4:
		interior = min(interior>>2, 9-sharpness)
	case sharpness > 0:
		interior = min(interior>>1, 9-sharpness)
	}
	interior = max(1, interior)
	l := filterLimits{edge: 2*level + interior, interior: interior}
	switch {
	case level >= 40:
		l.hev = 2
	case level >= 15:
		l.hev = 1
	}
	return l
}

func uint24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }
