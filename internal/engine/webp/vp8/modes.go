package vp8

// Intra prediction modes of macroblocks (RFC 6386 section 8.2).
const (
	dcPred = iota
	vPred
	hPred
	tmPred
)

// Intra prediction modes of subblocks, in the order of section 8.2. The first four do what those of
// macroblocks do.
const (
	bDCPred = iota
	bTMPred
	bVEPred
	bHEPred
	bLDPred
	bRDPred
	bVRPred
	bVLPred
	bHDPred
	bHUPred
	numBmodes
)

// bmodeOf is the subblock mode that the context takes a macroblock mode for (section 11.3).
var bmodeOf = [4]uint8{dcPred: bDCPred, vPred: bVEPred, hPred: bHEPred, tmPred: bTMPred}

// bmodeTree is the tree of subblock modes (section 11.2): the index of the next pair, or the
// negated mode.
var bmodeTree = [18]int8{
	-bDCPred, 2, -bTMPred, 4, -bVEPred, 6, 8, 12, -bHEPred, 10, -bRDPred, -bVRPred, -bLDPred, 14,
	-bVLPred, 16, -bHDPred, -bHUPred,
}

// macroblock is what the first partition says about a macroblock.
type macroblock struct {
	segment   uint8
	skip      bool // there are no coefficients
	subblocks bool // bmodes holds the modes of luma, else ymode does
	ymode     uint8
	uvmode    uint8
	bmodes    [16]uint8
	residue   bool // there are coefficients that are not zero; found with them
}

// readModes reads the macroblock headers of a row (sections 9.3, 11.1 and 11.3).
func (d *Reader) readModes(row []macroblock) error {
	h, b := &d.header, &d.modes
	d.leftBmodes = [4]uint8{}
	for x := range row {
		m := &row[x]
		m.segment = 0
		if h.updateMap {
			if !b.bool(h.segmentProbs[0]) {
				m.segment = uint8(b.bit(h.segmentProbs[1]))
			} else {
				m.segment = uint8(2 + b.bit(h.segmentProbs[2]))
			}
		}
		m.skip = h.useSkip && b.bool(h.skipProb)
		m.subblocks = !b.bool(145)
		if m.subblocks {
			d.readBmodes(m, (*[4]uint8)(d.topBmodes[4*x:]))
		} else {
			switch {
			case !b.bool(156):
				m.ymode = uint8(dcPred + (vPred-dcPred)*b.bit(163))
			default:
				m.ymode = uint8(hPred + (tmPred-hPred)*b.bit(128))
			}
			bmode := bmodeOf[m.ymode]
			d.leftBmodes = [4]uint8{bmode, bmode, bmode, bmode}
			copy(d.topBmodes[4*x:], d.leftBmodes[:])
		}
		switch {
		case !b.bool(142):
			m.uvmode = dcPred
		case !b.bool(114):
			m.uvmode = vPred
		default:
			m.uvmode = uint8(hPred + (tmPred-hPred)*b.bit(183))
		}
	}
	if b.past() {
		return d.truncated()
	}
	return nil
}

// readBmodes reads the modes of the subblocks of a macroblock on the condition of those above and
// to the left.
func (d *Reader) readBmodes(m *macroblock, top *[4]uint8) {
	b := &d.modes
	t := tokens{b.value, b.rng, b.n}
	for y := range 4 {
		left := d.leftBmodes[y]
		for x := range 4 {
			probs := &keyFrameBmodeProbs[top[x]][left]
			i := int8(0)
			for {
				if t.n < 16 {
					t = t.fill(b)
				}
				s := threshold(t.rng, probs[i>>1])
				if one := uint64(s) << 56; t.value >= one {
					t.value, t.rng, t.n = normalise(t.value-one, t.rng-s, t.n)
					i = bmodeTree[i+1]
				} else {
					t.value, t.rng, t.n = normalise(t.value, s, t.n)
					i = bmodeTree[i]
				}
				if i <= 0 {
					break
				}
			}
			left = uint8(-i)
			top[x] = left
			m.bmodes[4*y+x] = left
		}
		d.leftBmodes[y] = left
	}
	b.value, b.rng, b.n = t.value, t.rng, t.n
}
