package decode

import "math/bits"

// arithmetic decodes binary decisions (T.81 Annex D.2). Each is made in a context, a byte that holds
// an index of estimates, times 2, and the more probable value.
type arithmetic struct {
	source *source
	mem    [4096]byte
	pos, n int  // mem[pos:n] has been read but not consumed
	ended  bool // whether only a marker or the end of the stream follows the data in mem
	found  byte // that marker; 0 at the end of the stream

	code     uint32 // the code register: Cx in the upper half, Clow in the lower
	interval uint32 // the register A, at least 0x8000 between decisions
	shifts   uint   // CT, the number of shifts until the next byte is needed

	past int  // number of zero bytes supplied after the data
	lost bool // whether the data has been cut off; see pastEnd
	bad  bool // whether there was an invalid number
}

// pastEnd is the number of bytes after the data from which on the code register must be 0. An encoder
// removes zeros from the end of the data (T.81 D.1.8), as many as there are, and a decoder supplies
// them again: a flat end of a picture can have no data at all. Where the data has been cut off
// instead, something is left of the code when zeros are supplied. It is also left at the end of sound
// data, in the last bits, and if the encoder has rounded up a code that would end in ones. The
// register holds up to three bytes; the others leave one chance in 2²⁴ for such ones.
const pastEnd = 6

// start implements segment (T.81 figure D.23).
func (a *arithmetic) start() {
	a.pos, a.n, a.ended, a.found = 0, 0, false, 0
	a.past, a.lost, a.bad = 0, false, false
	a.code = uint32(a.next())<<24 | uint32(a.next())<<16
	a.interval, a.shifts = 1<<16, 0
}

// next returns the next byte of the data without stuffed zeros, and zeros after it.
func (a *arithmetic) next() byte {
	if a.pos == a.n {
		if !a.ended {
			a.pos = 0
			a.n, a.found, a.ended = a.source.unstuff(a.mem[:])
		}
		if a.pos == a.n {
			if a.past++; a.past >= pastEnd && a.code != 0 {
				a.lost = true
			}
			return 0
		}
	}
	a.pos++
	return a.mem[a.pos-1]
}

// empty reports whether the segment has no data.
func (a *arithmetic) empty() bool { return a.n == 0 }

// starved reports whether the rest of the segment cannot be decoded.
func (a *arithmetic) starved() bool { return a.lost || a.bad }

// finish implements segment. As nothing shows where the last decision ends, more data than the
// registers hold and a few stray bytes counts as damage.
func (a *arithmetic) finish() (rest remainder, found byte) {
	rest.bytes = a.n - a.pos
	for !a.ended {
		a.n, a.found, a.ended = a.source.unstuff(a.mem[:])
		rest.bytes += a.n
	}
	a.pos, a.n = 0, 0
	rest.foreign = rest.bytes > strayBytes && !a.starved()
	return rest, a.found
}

// beyond implements segment: the source has read nothing after the marker.
func (a *arithmetic) beyond() int { return 0 }

// decide decodes a decision in a context (T.81 figures D.16 to D.19).
func (a *arithmetic) decide(context *uint8) uint8 {
	c := *context
	e := &estimates[c>>1&127]
	qe := uint32(e.qe)
	value := c & 1
	a.interval -= qe
	if a.code>>16 < a.interval {
		if a.interval >= 0x8000 {
			return value
		}
		if a.interval < qe { // conditional exchange
			value ^= 1
			*context = e.less<<1 | c&1 ^ e.exchange
		} else {
			*context = e.more<<1 | c&1
		}
	} else {
		a.lost = a.lost || a.past >= pastEnd-1
		a.code -= a.interval << 16
		if a.interval < qe {
			*context = e.more<<1 | c&1
		} else {
			value ^= 1
			*context = e.less<<1 | c&1 ^ e.exchange
		}
		a.interval = qe
	}
	a.renormalise()
	return value
}

// renormalise doubles the interval until it is at least 0x8000.
func (a *arithmetic) renormalise() {
	for n := uint(bits.LeadingZeros16(uint16(a.interval))); n > 0; {
		if a.shifts == 0 {
			a.code |= uint32(a.next()) << 8
			a.shifts = 8
		}
		k := min(n, a.shifts)
		a.interval <<= k
		a.code <<= k
		a.shifts -= k
		n -= k
	}
}

// even decodes a decision whose values are equally probable (T.81 F.1.4.4.2, G.1.3.2).
func (a *arithmetic) even() uint8 {
	c := uint8(evenEstimate << 1)
	return a.decide(&c)
}

// magnitude decodes the rest of a number of which it is known that it is not 0 and not 1 or -1: it
// returns the absolute value less 1, which has the given highest bit or a higher one. The contexts of
// further bits begin with x; those of the lower bits follow 14 after (T.81 figures F.23 and F.24).
func (a *arithmetic) magnitude(high int32, contexts []uint8, x int) (size, highest int32) {
	for a.decide(&contexts[x]) != 0 {
		if high <<= 1; high >= 1<<15 {
			a.bad = true
			return 0, 0
		}
		x++
	}
	v := high
	for bit := high >> 1; bit != 0; bit >>= 1 {
		if a.decide(&contexts[x+14]) != 0 {
			v |= bit
		}
	}
	return v, high
}

// estimate is an entry of the table of probability estimates: the less probable value's share of the
// interval, and the next index after either value.
type estimate struct {
	qe         uint16
	less, more uint8
	exchange   uint8 // 1 if the less probable value becomes the more probable one
}

// evenEstimate is the index of the estimate that does not change.
const evenEstimate = 113

// estimates is T.81 table D.3.
var estimates = [128]estimate{
	{0x5A1D, 1, 1, 1}, {0x2586, 14, 2, 0}, {0x1114, 16, 3, 0}, {0x080B, 18, 4, 0},
	{0x03D8, 20, 5, 0}, {0x01DA, 23, 6, 0}, {0x00E5, 25, 7, 0}, {0x006F, 28, 8, 0},
	{0x0036, 30, 9, 0}, {0x001A, 33, 10, 0}, {0x000D, 35, 11, 0}, {0x0006, 9, 12, 0},
	{0x0003, 10, 13, 0}, {0x0001, 12, 13, 0}, {0x5A7F, 15, 15, 1}, {0x3F25, 36, 16, 0},
	{0x2CF2, 38, 17, 0}, {0x207C, 39, 18, 0}, {0x17B9, 40, 19, 0}, {0x1182, 42, 20, 0},
	{0x0CEF, 43, 21, 0}, {0x09A1, 45, 22, 0}, {0x072F, 46, 23, 0}, {0x055C, 48, 24, 0},
	{0x0406, 49, 25, 0}, {0x0303, 51, 26, 0}, {0x0240, 52, 27, 0}, {0x01B1, 54, 28, 0},
	{0x0144, 56, 29, 0}, {0x00F5, 57, 30, 0}, {0x00B7, 59, 31, 0}, {0x008A, 60, 32, 0},
	{0x0068, 62, 33, 0}, {0x004E, 63, 34, 0}, {0x003B, 32, 35, 0}, {0x002C, 33, 9, 0},
	{0x5AE1, 37, 37, 1}, {0x484C, 64, 38, 0}, {0x3A0D, 65, 39, 0}, {0x2EF1, 67, 40, 0},
	{0x261F, 68, 41, 0}, {0x1F33, 69, 42, 0}, {0x19A8, 70, 43, 0}, {0x1518, 72, 44, 0},
	{0x1177, 73, 45, 0}, {0x0E74, 74, 46, 0}, {0x0BFB, 75, 47, 0}, {0x09F8, 77, 48, 0},
	{0x0861, 78, 49, 0}, {0x0706, 79, 50, 0}, {0x05CD, 48, 51, 0}, {0x04DE, 50, 52, 0},
	{0x040F, 50, 53, 0}, {0x0363, 51, 54, 0}, {0x02D4, 52, 55, 0}, {0x025C, 53, 56, 0},
	{0x01F8, 54, 57, 0}, {0x01A4, 55, 58, 0}, {0x0160, 56, 59, 0}, {0x0125, 57, 60, 0},
	{0x00F6, 58, 61, 0}, {0x00CB, 59, 62, 0}, {0x00AB, 61, 63, 0}, {0x008F, 61, 32, 0},
	{0x5B12, 65, 65, 1}, {0x4D04, 80, 66, 0}, {0x412C, 81, 67, 0}, {0x37D8, 82, 68, 0},
	{0x2FE8, 83, 69, 0}, {0x293C, 84, 70, 0}, {0x2379, 86, 71, 0}, {0x1EDF, 87, 72, 0},
	{0x1AA9, 87, 73, 0}, {0x174E, 72, 74, 0}, {0x1424, 72, 75, 0}, {0x119C, 74, 76, 0},
	{0x0F6B, 74, 77, 0}, {0x0D51, 75, 78, 0}, {0x0BB6, 77, 79, 0}, {0x0A40, 77, 48, 0},
	{0x5832, 80, 81, 1}, {0x4D1C, 88, 82, 0}, {0x438E, 89, 83, 0}, {0x3BDD, 90, 84, 0},
	{0x34EE, 91, 85, 0}, {0x2EAE, 92, 86, 0}, {0x299A, 93, 87, 0}, {0x2516, 86, 71, 0},
	{0x5570, 88, 89, 1}, {0x4CA9, 95, 90, 0}, {0x44D9, 96, 91, 0}, {0x3E22, 97, 92, 0},
	{0x3824, 99, 93, 0}, {0x32B4, 99, 94, 0}, {0x2E17, 93, 86, 0}, {0x56A8, 95, 96, 1},
	{0x4F46, 101, 97, 0}, {0x47E5, 102, 98, 0}, {0x41CF, 103, 99, 0}, {0x3C3D, 104, 100, 0},
	{0x375E, 99, 93, 0}, {0x5231, 105, 102, 0}, {0x4C0F, 106, 103, 0}, {0x4639, 107, 104, 0},
	{0x415E, 103, 99, 0}, {0x5627, 105, 106, 1}, {0x50E7, 108, 107, 0}, {0x4B85, 109, 103, 0},
	{0x5597, 110, 109, 0}, {0x504F, 111, 107, 0}, {0x5A10, 110, 111, 1}, {0x5522, 112, 109, 0},
	{0x59EB, 112, 111, 1},
	evenEstimate: {0x5A1D, evenEstimate, evenEstimate, 0},
}
