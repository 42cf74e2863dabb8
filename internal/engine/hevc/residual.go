package hevc

// residual is what decoding the residual of one transform block needs.
type residual struct {
	// coefficients of the block in raster order, scaled. Between blocks all are zero.
	coefficients [32 * 32]int16
	// samples of the block, where they are not added at once, and those of the luma block of the
	// transform unit, for cross-component prediction.
	samples, luma [32 * 32]int32

	// Of the block in work:
	log2          int
	scan          int
	transformSkip bool
	// columns and rows are how many of them, from the left and the top, may have coefficients.
	columns, rows int
	onlyDC        bool // there is but the first coefficient
}

// The scans (scanIdx).
const (
	scanDiagonal = iota
	scanHorizontal
	scanVertical
)

// scanIndex returns scanIdx of a block (7.4.9.11).
func scanIndex(log2, c int, mode uint8, chroma ChromaFormat) int {
	if log2 == 2 || log2 == 3 && (c == 0 || chroma == Chroma444) {
		switch {
		case mode >= 6 && mode <= 14:
			return scanVertical
		case mode >= 22 && mode <= 30:
			return scanHorizontal
		}
	}
	return scanDiagonal
}

// block predicts a transform block of component c and adds its residual, if coded. scale is
// ResScaleVal. x and y are in samples of the component.
func (w *worker) block(x, y, log2, c int, mode uint8, coded bool, scale int) error {
	w.predict(x, y, log2, c, mode)
	if !coded && scale == 0 {
		return nil
	}
	r := &w.residual
	plane := &w.p.planes[c]
	dst := plane.pix[plane.offset(x, y):]
	if !coded {
		n := 1 << (2 * log2)
		clear(r.samples[:n])
		w.crossComponent(n, scale, c)
		addResidual(dst, plane.stride, r.samples[:n], log2, plane.highest)
		return nil
	}
	r.log2 = log2
	r.scan = scanIndex(log2, c, mode, w.p.sps.chroma)
	if err := w.parseResidual(c, mode); err != nil {
		return err
	}
	keep := c == 0 && w.p.pps.crossComponentPrediction
	if !keep && scale == 0 && !w.cu.bypass && !r.transformSkip {
		w.reconstruct(dst, plane.stride, c)
		return nil
	}
	w.residualSamples(c, mode)
	n := 1 << (2 * log2)
	if keep {
		copy(r.luma[:n], r.samples[:n])
	}
	if scale != 0 {
		w.crossComponent(n, scale, c)
	}
	addResidual(dst, plane.stride, r.samples[:n], log2, plane.highest)
	return nil
}

// crossComponent adds to a chroma residual a part of that of luma (8.6.6).
func (w *worker) crossComponent(n, scale, c int) {
	r := &w.residual
	depth := w.p.sps.bitDepth
	for i, v := range r.luma[:n] {
		r.samples[i] += int32(scale) * (v << depth[c] >> depth[0]) >> 3
	}
}

// Positions of 4×4 coefficients, and of sub-blocks in a block, by scan (6.5.3 to 6.5.5): x in the lower
// four bits, y in the upper ones.
var (
	scanPosition = [3][16]uint8{
		packed(diagonal4),
		{0x00, 0x01, 0x02, 0x03, 0x10, 0x11, 0x12, 0x13, 0x20, 0x21, 0x22, 0x23, 0x30, 0x31, 0x32, 0x33},
		{0x00, 0x10, 0x20, 0x30, 0x01, 0x11, 0x21, 0x31, 0x02, 0x12, 0x22, 0x32, 0x03, 0x13, 0x23, 0x33},
	}
	scanSubBlock = [4][3][64]uint8{
		{},
		{{0x00, 0x10, 0x01, 0x11}, {0x00, 0x01, 0x10, 0x11}, {0x00, 0x10, 0x01, 0x11}},
		{packed64(diagonal4)},
		{packed64(diagonal8)},
	}
	// scanPositionOf and scanSubBlockOf are their inverses, by x | y<<2 and x | y<<3.
	scanPositionOf = func() (t [3][16]uint8) {
		for s := range t {
			for i, p := range scanPosition[s] {
				t[s][p&15|p>>4<<2] = uint8(i)
			}
		}
		return t
	}()
	scanSubBlockOf = func() (t [4][3][64]uint8) {
		for size := range t {
			for s := range t[size] {
				for i, p := range scanSubBlock[size][s][:1<<(2*size)] {
					t[size][s][p&15|p>>4<<3] = uint8(i)
				}
			}
		}
		return t
	}()
)

func packed(scan []position) (t [16]uint8) {
	for i, p := range scan {
		t[i] = p.x | p.y<<4
	}
	return t
}

func packed64(scan []position) (t [64]uint8) {
	for i, p := range scan {
		t[i] = p.x | p.y<<4
	}
	return t
}

// sigContext is sigCtx within a sub-block (9.3.4.2.5) by scan, by prevCsbf and by place in the scan. At 4
// it is ctxIdxMap, for 4×4 blocks (Table 9-50).
var sigContext = func() (t [3][5][16]uint8) {
	byPosition := [5][16]uint8{ // by x | y<<2
		{2, 1, 1, 0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0},
		{2, 2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0},
		{2, 1, 0, 0, 2, 1, 0, 0, 2, 1, 0, 0, 2, 1, 0, 0},
		{2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2},
		{0, 1, 4, 5, 2, 3, 4, 5, 6, 6, 8, 8, 7, 7, 8, 8},
	}
	for scan := range t {
		for i := range t[scan] {
			for n, at := range scanPosition[scan] {
				t[scan][i][n] = byPosition[i][at&3|at>>4<<2]
			}
		}
	}
	return t
}()

// levelScale is levelScale[] (8.6.4.2).
var levelScale = [6]int64{40, 45, 51, 57, 64, 72}

// scaler turns levels into coefficients (8.6.4.2).
type scaler struct {
	scale   int64 // levelScale << (qP / 6)
	factors []uint8
	add     int64
	shift   uint
}

// newScaler returns the scaler of the block in work. factors is nil if all of them are 16.
func (w *worker) newScaler(c int) scaler {
	r := &w.residual
	s := w.p.sps
	qp := w.scaledQP(c)
	shift := uint(s.bitDepth[c] + r.log2 - 5) // bdShift
	k := scaler{scale: levelScale[qp%6] << (qp / 6), add: 1 << (shift - 1), shift: shift}
	if s.scalingListEnabled && !(r.transformSkip && r.log2 > 2) {
		lists := s.scaling
		if w.p.pps.scaling != nil {
			lists = w.p.pps.scaling
		}
		k.factors = lists.factors(r.log2, c)
	} else {
		k.scale *= 16
	}
	return k
}

// coefficient scales a level at a place in raster order.
func (k *scaler) coefficient(level int32, at int) int16 {
	scale := k.scale
	if k.factors != nil {
		scale *= int64(k.factors[at])
	}
	return int16(min(max((int64(level)*scale+k.add)>>k.shift, -1<<15), 1<<15-1))
}

// parseResidual decodes residual_coding (7.3.8.11), and leaves scaled coefficients in the block, or
// levels as they are if transform and quantization are bypassed.
func (w *worker) parseResidual(c int, mode uint8) error {
	s, p := w.p.sps, w.p.pps
	r := &w.residual
	log2 := r.log2
	chroma := min(c, 1)
	r.transformSkip = p.transformSkip && !w.cu.bypass && log2 <= p.log2MaxTransformSkip &&
		w.bin(&w.state[ctxTransformSkip+chroma]) != 0
	lastX, lastY := w.lastPosition(log2, c)
	if r.scan == scanVertical {
		lastX, lastY = lastY, lastX
	}
	k := w.newScaler(c)

	plain := w.cu.bypass || r.transformSkip
	signHiding := p.signDataHiding && !w.cu.bypass &&
		!(s.implicitRDPCM && r.transformSkip && (mode == intraHorizontal || mode == intraVertical))
	statIndex := 2 * chroma
	if plain {
		statIndex++
	}
	// Contexts of sig_coeff_flag in sub-blocks other than the first and in the first one.
	sigBase, sigOffset := ctxSig, 0
	if c > 0 {
		sigBase += 27
	}
	switch {
	case log2 == 3 && c == 0 && r.scan == scanDiagonal:
		sigOffset = 9
	case log2 == 3 && c == 0:
		sigOffset = 15
	case c == 0:
		sigOffset = 21
	case log2 == 3:
		sigOffset = 9
	default:
		sigOffset = 12
	}
	single := s.transformSkipContext && plain // one context for all of sig_coeff_flag

	positions := &scanPosition[r.scan]
	contexts := &sigContext[r.scan]
	blocks := &scanSubBlock[log2-2][r.scan]
	last := int(scanSubBlockOf[log2-2][r.scan][lastX>>2|lastY>>2<<3])
	lastInBlock := int(scanPositionOf[r.scan][lastX&3|lastY&3<<2])
	r.columns, r.rows, r.onlyDC = 0, 0, lastX|lastY == 0

	// coded has a bit for each coded sub-block, by row, with a column and a row that are not.
	var coded [9]uint16
	greater1 := 1 // greater1Ctx, 0 after a coefficient of more than 1
	for i := last; i >= 0; i-- {
		xS, yS := int(blocks[i]&15), int(blocks[i]>>4)
		right := int(coded[yS&7] >> (xS + 1) & 1)
		below := int(coded[yS&7+1] >> xS & 1)
		inferDC := false
		if i < last && i > 0 {
			context := ctxCodedSubBlock + (right | below) + 2*chroma
			if w.bin(&w.state[context]) == 0 {
				continue
			}
			inferDC = true
		}
		coded[yS&7] |= 1 << xS
		r.columns, r.rows = max(r.columns, 4*xS+4), max(r.rows, 4*yS+4)

		// sig_coeff_flag: the places of coefficients, from the last one on.
		var places [16]uint8
		count := 0
		n := 15
		if i == last {
			places[0] = uint8(lastInBlock)
			count = 1
			n = lastInBlock - 1
		}
		kind := right | below<<1
		base := sigBase
		switch {
		case single:
			kind = 3
			base = ctxSig + 42 + chroma - 2
		case log2 == 2:
			kind = 4
		default:
			base += sigOffset
			if c == 0 && i > 0 {
				base += 3
			}
		}
		table := &contexts[kind]
		if n > 0 {
			count = w.significant(&places, count, n, uint8(base), table)
			n = 0
		}
		if n == 0 {
			significant := inferDC && count == 0
			if !significant {
				context := base + int(table[0])
				if i == 0 && !single {
					context = sigBase
				}
				significant = w.bin(&w.state[context]) != 0
			}
			if significant {
				places[count&15] = 0
				count++
			}
		}
		if count == 0 {
			continue
		}

		// coeff_abs_level_greater1_flag, for the first eight, and coeff_abs_level_greater2_flag.
		var levels [16]int32
		set := 0
		if i > 0 && c == 0 {
			set = 2
		}
		if i != last && greater1 == 0 {
			set++
		}
		greater1 = 1
		firstGreater1 := -1
		escape := count > 8
		base1 := ctxGreater1 + 4*set + 16*chroma
		for j := range min(count, 8) {
			flag := w.bin(&w.state[base1+greater1])
			levels[j] = 1 + int32(flag)
			switch {
			case flag != 0:
				greater1 = 0
				if firstGreater1 < 0 {
					firstGreater1 = j
				} else {
					escape = true
				}
			case greater1 > 0 && greater1 < 3:
				greater1++
			}
		}
		if firstGreater1 >= 0 && w.bin(&w.state[ctxGreater2+set+4*chroma]) != 0 {
			levels[firstGreater1]++
			escape = true
		}

		hidden := signHiding && places[0]-places[count-1] > 3
		signs := count
		if hidden {
			signs--
		}
		if s.cabacBypassAlignment && escape {
			w.align()
		}
		negative := w.bypassBits(signs) << (32 - signs)
		sum := int32(0)
		rice := 0
		if s.persistentRiceAdaptation {
			rice = int(w.statCoeff[statIndex] / 4)
		}
		firstEscape := true
		for j := range count {
			level := levels[j]
			base := int32(1)
			if j < 8 {
				base = 2
				if j == firstGreater1 {
					base = 3
				}
			} else {
				level = 1
			}
			if level == base {
				more, ok := w.remainingLevel(rice)
				if !ok {
					return w.corrupt("a coefficient is out of range")
				}
				level += more
				if level > 3<<rice && (rice < 4 || s.persistentRiceAdaptation) {
					rice++
				}
				if s.persistentRiceAdaptation && firstEscape {
					w.adaptRice(statIndex, more)
				}
				firstEscape = false
			}
			sum += level
			if negative>>31 != 0 {
				level = -level
			}
			negative <<= 1
			if hidden && j == count-1 && sum&1 != 0 {
				level = -level
			}
			if level < -1<<15 || level > 1<<15-1 {
				return w.corrupt("a coefficient of %d", level)
			}
			at := positions[places[j]&15]
			place := (4*yS+int(at>>4))<<log2 + 4*xS + int(at&15)
			if w.cu.bypass {
				r.coefficients[place&1023] = int16(level)
			} else {
				r.coefficients[place&1023] = k.coefficient(level, place&1023)
			}
		}
	}
	return nil
}

// lastPosition reads where the last coefficient is in the order of the scan: last_sig_coeff_x_prefix to
// last_sig_coeff_y_suffix.
func (w *worker) lastPosition(log2, c int) (x, y int) {
	offset, shift := 3*(log2-2)+(log2-1)>>2, (log2+1)>>2
	if c > 0 {
		offset, shift = 15, log2-2
	}
	most := 2*log2 - 1
	for x < most && w.bin(&w.state[ctxLastX+offset+x>>shift]) != 0 {
		x++
	}
	for y < most && w.bin(&w.state[ctxLastY+offset+y>>shift]) != 0 {
		y++
	}
	return w.lastSuffix(x), w.lastSuffix(y)
}

// lastSuffix reads the suffix for a prefix, and returns the coordinate.
func (w *worker) lastSuffix(prefix int) int {
	if prefix <= 3 {
		return prefix
	}
	n := prefix>>1 - 1
	return (2+prefix&1)<<n + int(w.bypassBits(n))
}

// remainingLevel reads coeff_abs_level_remaining (9.3.3.11); ok is false if no valid code begins here.
func (w *worker) remainingLevel(rice int) (level int32, ok bool) {
	prefix := 0
	for prefix <= 32 && w.bypass() != 0 {
		prefix++
	}
	if prefix <= 3 {
		return int32(prefix<<rice) + int32(w.bypassBits(rice)), true
	}
	n := prefix - 3 + rice
	if n > 20 { // more than 16 bits in any case
		return 0, false
	}
	return int32((1<<(prefix-3)+2)<<rice) + int32(w.bypassBits(n)), true
}

// adaptRice updates StatCoeff by the first remaining level of a sub-block (9.3.3.11).
func (w *worker) adaptRice(index int, more int32) {
	stat := &w.statCoeff[index]
	switch step := int32(1) << (*stat / 4); {
	case more >= 3*step:
		*stat++
	case 2*more < step && *stat > 0:
		*stat--
	}
}
