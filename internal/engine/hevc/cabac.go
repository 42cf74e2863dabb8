package hevc

import (
	"encoding/binary"
	"math/bits"
)

// cabac is the arithmetic decoder (9.3.4.3).
//
// value holds the bits that were read, from bit 62 down: the upper nine are ivlOffset, and available
// more are valid below them.
//
//	bit  63  62 ... 54  53 ...
//	      0  ivlOffset  available bits, zeros
//
// Behind the end of the data, zeros are read; position tells the caller.
type cabac struct {
	data      []byte
	at        int // next byte to read
	value     uint64
	current   uint32 // ivlCurrRange, 256 to 510
	available int
	damaged   bool // ivlOffset was not below ivlCurrRange, as it is in whatever an encoder writes
}

// offsetShift is where ivlOffset begins in value.
const offsetShift = 54

// start begins to decode at a byte of data (9.3.2.5).
func (c *cabac) start(data []byte, at int) {
	*c = cabac{data: data, at: at, current: 510, available: -9}
	c.refill()
	c.keepBelow()
}

// keepBelow makes ivlOffset lie below ivlCurrRange, which all decoding relies on.
func (c *cabac) keepBelow() {
	if most := uint64(c.current)<<offsetShift - 1; c.value > most {
		c.value, c.damaged = most, true
	}
}

// refill reads six bytes. Fewer than none are available before, nine at most.
func (c *cabac) refill() {
	var next uint64
	if c.at+8 <= len(c.data) {
		next = binary.BigEndian.Uint64(c.data[c.at:]) >> 16
	} else {
		for i := range 6 {
			next <<= 8
			if c.at+i < len(c.data) {
				next |= uint64(c.data[c.at+i])
			}
		}
	}
	c.at += 6
	c.value |= next << uint(6-c.available)
	c.available += 48
}

// position returns the byte behind the one with the last bit that was read.
func (c *cabac) position() int { return (8*c.at - c.available + 7) >> 3 }

// bin decodes a bin with a context variable: pStateIdx in the upper bits, valMps in the lowest.
func (c *cabac) bin(context *uint8) uint32 {
	state := *context
	lps := uint32(rangeLPS[c.current>>6&3][state&127])
	mps := c.current - lps
	scaled := uint64(mps) << offsetShift
	rest := c.value - scaled
	isMPS := uint64(int64(rest) >> 63) // all ones or all zeros
	rest += scaled & isMPS
	current := lps + (mps-lps)&uint32(isMPS)
	state ^= ^uint8(isMPS)
	*context = nextState[state]
	shift := uint(bits.LeadingZeros32(current)) - 23
	c.current = current << (shift & 31)
	c.value = rest << (shift & 63)
	c.available -= int(shift)
	if c.available < 0 {
		c.refill()
	}
	return uint32(state & 1)
}

// bypass decodes a bin that is as often 0 as 1.
func (c *cabac) bypass() uint32 {
	value := c.value << 1
	if c.available--; c.available < 0 {
		c.value = value
		c.refill()
		value = c.value
	}
	scaled := uint64(c.current) << offsetShift
	rest := value - scaled
	isZero := uint64(int64(rest) >> 63)
	c.value = rest + scaled&isZero
	return uint32(1 + isZero)
}

// bypassBits decodes n bins, the first one highest; n is at most 32.
func (c *cabac) bypassBits(n int) uint32 {
	if n >= 5 && n <= c.available {
		// Long division yields all of them: value·2^n by the range.
		scaled := uint64(c.current) << offsetShift
		v, rest := bits.Div64(c.value>>(64-n), c.value<<n, scaled)
		c.value = rest
		c.available -= n
		return uint32(v)
	}
	var v uint32
	for range n {
		v = v<<1 | c.bypass()
	}
	return v
}

// significant decodes sig_coeff_flag at the positions of a sub-block from n down to 1, with the context
// variables from base on that table says. It appends the positions where it is 1 to places, which has
// count already, and returns how many there are. This is bin, many times over: most bins of a picture
// are decoded here.
func (w *worker) significant(places *[16]uint8, count, n int, base uint8, table *[16]uint8) int {
	value, current, available := w.value, w.current, w.available
	for ; n > 0; n-- {
		context := &w.state[base+table[n&15]]
		state := *context
		lps := uint32(rangeLPS[current>>6&3][state&127])
		mps := current - lps
		scaled := uint64(mps) << offsetShift
		rest := value - scaled
		isMPS := uint64(int64(rest) >> 63)
		rest += scaled & isMPS
		current = lps + (mps-lps)&uint32(isMPS)
		state ^= ^uint8(isMPS)
		*context = nextState[state]
		shift := uint(bits.LeadingZeros32(current)) - 23
		current <<= shift & 31
		value = rest << (shift & 63)
		available -= int(shift)
		if available < 0 {
			w.value, w.available = value, available
			w.refill()
			value, available = w.value, w.available
		}
		places[count&15] = uint8(n)
		count += int(state & 1)
	}
	w.value, w.current, w.available = value, current, available
	return count
}

// align makes the following bypass bins equal to bits of the data (9.3.4.3.6).
func (c *cabac) align() {
	c.current = 256
	c.keepBelow()
}

// terminate decodes a bin before termination (9.3.4.3.5). After a 1, the next data begin at position.
func (c *cabac) terminate() bool {
	c.current -= 2
	if c.value >= uint64(c.current)<<offsetShift {
		return true
	}
	if c.current < 256 {
		c.current <<= 1
		c.value <<= 1
		if c.available--; c.available < 0 {
			c.refill()
		}
	}
	return false
}

// aligned reports, after a bin before termination that was 1, whether the bits behind it are those that
// fill the byte: the last bit that was read is a one, and zeros follow it.
func (c *cabac) aligned() bool {
	last := 8*c.at - c.available - 1
	return last>>3 < len(c.data) && c.data[last>>3]<<(last&7) == 0x80
}

// rangeLPS is rangeTabLps (Table 9-52) by qRangeIdx and by state, a context variable.
var rangeLPS = func() (t [4][128]uint8) {
	for i, row := range rangeTabLPS {
		for q, v := range row {
			t[q][2*i], t[q][2*i+1] = v, v
		}
	}
	return t
}()

// nextState gives the context variable after a most probable bin, by what it was, and after a least
// probable one, by its complement (Table 9-53).
var nextState = func() (t [256]uint8) {
	for i, lps := range transIdxLPS {
		for mps := range 2 {
			s := i<<1 | mps
			next := i
			if i < 62 {
				next++
			}
			t[s] = uint8(next<<1 | mps)
			if i == 0 {
				t[255-s] = lps<<1 | uint8(1-mps)
			} else {
				t[255-s] = lps<<1 | uint8(mps)
			}
		}
	}
	return t
}()

var rangeTabLPS = [64][4]uint8{
	{128, 176, 208, 240}, {128, 167, 197, 227}, {128, 158, 187, 216}, {123, 150, 178, 205},
	{116, 142, 169, 195}, {111, 135, 160, 185}, {105, 128, 152, 175}, {100, 122, 144, 166},
	{95, 116, 137, 158}, {90, 110, 130, 150}, {85, 104, 123, 142}, {81, 99, 117, 135},
	{77, 94, 111, 128}, {73, 89, 105, 122}, {69, 85, 100, 116}, {66, 80, 95, 110},
	{62, 76, 90, 104}, {59, 72, 86, 99}, {56, 69, 81, 94}, {53, 65, 77, 89},
	{51, 62, 73, 85}, {48, 59, 69, 80}, {46, 56, 66, 76}, {43, 53, 63, 72},
	{41, 50, 59, 69}, {39, 48, 56, 65}, {37, 45, 54, 62}, {35, 43, 51, 59},
	{33, 41, 48, 56}, {32, 39, 46, 53}, {30, 37, 43, 50}, {29, 35, 41, 48},
	{27, 33, 39, 45}, {26, 31, 37, 43}, {24, 30, 35, 41}, {23, 28, 33, 39},
	{22, 27, 32, 37}, {21, 26, 30, 35}, {20, 24, 29, 33}, {19, 23, 27, 31},
	{18, 22, 26, 30}, {17, 21, 25, 28}, {16, 20, 23, 27}, {15, 19, 22, 25},
	{14, 18, 21, 24}, {14, 17, 20, 23}, {13, 16, 19, 22}, {12, 15, 18, 21},
	{12, 14, 17, 20}, {11, 14, 16, 19}, {11, 13, 15, 18}, {10, 12, 15, 17},
	{10, 12, 14, 16}, {9, 11, 13, 15}, {9, 11, 12, 14}, {8, 10, 12, 14},
	{8, 9, 11, 13}, {7, 9, 11, 12}, {7, 9, 10, 12}, {7, 8, 10, 11},
	{6, 8, 9, 11}, {6, 7, 9, 10}, {6, 7, 8, 9}, {2, 2, 2, 2},
}

var transIdxLPS = [64]uint8{
	0, 0, 1, 2, 2, 4, 4, 5, 6, 7, 8, 9, 9, 11, 11, 12,
	13, 13, 15, 15, 16, 16, 18, 18, 19, 19, 21, 21, 22, 22, 23, 24,
	24, 25, 26, 26, 27, 27, 28, 29, 29, 30, 30, 30, 31, 32, 32, 33,
	33, 33, 34, 34, 35, 35, 35, 36, 36, 36, 37, 37, 37, 38, 38, 63,
}

// Context variables, where those of each syntax element begin.
const (
	ctxSAOMerge          = 0
	ctxSAOType           = ctxSAOMerge + 1
	ctxSplitCU           = ctxSAOType + 1
	ctxTransquantBypass  = ctxSplitCU + 3
	ctxPartMode          = ctxTransquantBypass + 1
	ctxPrevIntraLuma     = ctxPartMode + 1
	ctxIntraChroma       = ctxPrevIntraLuma + 1
	ctxSplitTransform    = ctxIntraChroma + 1
	ctxCBFLuma           = ctxSplitTransform + 3
	ctxCBFChroma         = ctxCBFLuma + 2
	ctxCUQPDelta         = ctxCBFChroma + 5
	ctxTransformSkip     = ctxCUQPDelta + 2
	ctxLastX             = ctxTransformSkip + 2
	ctxLastY             = ctxLastX + 18
	ctxCodedSubBlock     = ctxLastY + 18
	ctxSig               = ctxCodedSubBlock + 4
	ctxGreater1          = ctxSig + 44
	ctxGreater2          = ctxGreater1 + 24
	ctxResScaleAbs       = ctxGreater2 + 6
	ctxResScaleSign      = ctxResScaleAbs + 8
	ctxChromaQPOffset    = ctxResScaleSign + 2
	ctxChromaQPOffsetIdx = ctxChromaQPOffset + 1
	ctxCount             = ctxChromaQPOffsetIdx + 1
)

// initValues are the initialization values of I slices (Tables 9-5 to 9-37), in that order.
var initValues = [ctxCount]uint8{
	153,
	200,
	139, 141, 157,
	154,
	184,
	184,
	63,
	153, 138, 138,
	111, 141,
	94, 138, 182, 154, 154,
	154, 154,
	139, 139,
	110, 110, 124, 125, 140, 153, 125, 127, 140, 109, 111, 143, 127, 111, 79, 108, 123, 63,
	110, 110, 124, 125, 140, 153, 125, 127, 140, 109, 111, 143, 127, 111, 79, 108, 123, 63,
	91, 171, 134, 141,
	111, 111, 125, 110, 110, 94, 124, 108, 124, 107, 125, 141, 179, 153, 125, 107, 125, 141, 179, 153, 125,
	107, 125, 141, 179, 153, 125, 140, 139, 182, 182, 152, 136, 152, 136, 153, 136, 139, 111, 136, 139, 111,
	141, 111,
	140, 92, 137, 138, 140, 152, 138, 139, 153, 74, 149, 92, 139, 107, 122, 152, 140, 179, 166, 182, 140, 227, 122, 197,
	138, 153, 136, 167, 152, 152,
	154, 154, 154, 154, 154, 154, 154, 154,
	154, 154,
	154,
	154,
}

// contexts are the context variables and StatCoeff, which are kept and restored together (9.3.2.4).
type contexts struct {
	state     [256]uint8 // ctxCount of them; an index of 8 bits needs no check
	statCoeff [4]uint8
}

// init sets all context variables for a slice quantization parameter (9.3.2.2).
func (c *contexts) init(qp int) {
	qp = min(max(qp, 0), 51)
	for i, v := range initValues {
		slope, offset := int(v>>4)*5-45, int(v&15)<<3-16
		pre := min(max(slope*qp>>4+offset, 1), 126)
		if pre <= 63 {
			c.state[i] = uint8(63-pre) << 1
		} else {
			c.state[i] = uint8(pre-64)<<1 | 1
		}
	}
	c.statCoeff = [4]uint8{}
}
