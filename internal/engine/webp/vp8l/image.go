package vp8l

import (
	"context"
	"encoding/binary"
)

const (
	lengthCodes   = 24
	distanceCodes = 40
	maxCacheBits  = 11
	maxCopy       = 4096 // pixels of the longest backward reference

	// window is how many pixels a backward reference reaches back at most: the largest distance
	// code is 1<<20, and its first 120 values are for the neighbourhood, 7 rows of 1<<14 pixels.
	window = 1 << 20
)

// neighbours are the pixels that the first distance codes mean: so many columns to the left, so
// many rows up (section 5.2.2).
var neighbours = [120][2]int8{
	{0, 1}, {1, 0}, {1, 1}, {-1, 1}, {0, 2}, {2, 0}, {1, 2}, {-1, 2}, {2, 1}, {-2, 1},
	{2, 2}, {-2, 2}, {0, 3}, {3, 0}, {1, 3}, {-1, 3}, {3, 1}, {-3, 1}, {2, 3}, {-2, 3},
	{3, 2}, {-3, 2}, {0, 4}, {4, 0}, {1, 4}, {-1, 4}, {4, 1}, {-4, 1}, {3, 3}, {-3, 3},
	{2, 4}, {-2, 4}, {4, 2}, {-4, 2}, {0, 5}, {3, 4}, {-3, 4}, {4, 3}, {-4, 3}, {5, 0},
	{1, 5}, {-1, 5}, {5, 1}, {-5, 1}, {2, 5}, {-2, 5}, {5, 2}, {-5, 2}, {4, 4}, {-4, 4},
	{3, 5}, {-3, 5}, {5, 3}, {-5, 3}, {0, 6}, {6, 0}, {1, 6}, {-1, 6}, {6, 1}, {-6, 1},
	{2, 6}, {-2, 6}, {6, 2}, {-6, 2}, {4, 5}, {-4, 5}, {5, 4}, {-5, 4}, {3, 6}, {-3, 6},
	{6, 3}, {-6, 3}, {0, 7}, {7, 0}, {1, 7}, {-1, 7}, {5, 5}, {-5, 5}, {7, 1}, {-7, 1},
	{4, 6}, {-4, 6}, {6, 4}, {-6, 4}, {2, 7}, {-2, 7}, {7, 2}, {-7, 2}, {3, 7}, {-3, 7},
	{7, 3}, {-7, 3}, {5, 6}, {-5, 6}, {6, 5}, {-6, 5}, {8, 0}, {4, 7}, {-4, 7}, {7, 4},
	{-7, 4}, {8, 1}, {8, 2}, {6, 6}, {-6, 6}, {8, 3}, {5, 7}, {-5, 7}, {7, 5}, {-7, 5},
	{8, 4}, {6, 7}, {-6, 7}, {7, 6}, {-7, 6}, {8, 5}, {7, 7}, {-7, 7}, {8, 6}, {8, 7},
}

// prefixGroup is the five prefix codes of a block of pixels (section 6.2.3).
type prefixGroup struct {
	green, red, blue, alpha, distance prefixCode
	// only is what every pixel is, if the codes take no bits.
	only    onlyPixel
	literal uint32 // the constant parts of a literal: alpha, and all colours of onlyLiteral

	coded int         // pixels that were decoded, up to worthShort
	short *shortCodes // nil if it is not worth its while
}

// onlyPixel is what the pixels of a group are whose codes take no bits.
type onlyPixel uint8

const (
	onlyCoded   onlyPixel = iota // the codes take bits
	onlyLiteral                  // one colour
	onlyCached                   // one entry of the colour cache
	onlyCopied                   // copies from one distance
)

// classify finds out whether the group's codes take no bits.
func (g *prefixGroup) classify() {
	green, greenOK := g.green.single()
	red, redOK := g.red.single()
	blue, blueOK := g.blue.single()
	alpha, alphaOK := g.alpha.single()
	distance, distanceOK := g.distance.single()
	if alphaOK {
		g.literal = uint32(alpha) << 24
	}
	switch {
	case !greenOK:
	case green < 256 && redOK && blueOK && alphaOK:
		g.only = onlyLiteral
		g.literal |= uint32(red)<<16 | uint32(green)<<8 | uint32(blue)
	case green >= 256+lengthCodes:
		g.only = onlyCached
	case green >= 256 && green < 256+4 && distanceOK && distance < 4:
		g.only = onlyCopied
	}
}

// entropyImage is an entropy-coded image (section 5), or one spatially coded image. It keeps as
// many pixels as backward references reach.
type entropyImage struct {
	r             *Reader
	width, height int
	groups        []prefixGroup

	meta      []uint16 // the group of each block of 1<<metaBits pixels a side; nil for one group
	metaBits  uint
	metaWidth int

	cache      []uint32 // nil without a colour cache
	cacheShift uint

	pix     []uint32 // the last pixels
	pos     int      // in pix, of the next pixel
	gone    int      // pixels before pix[0]
	x, y    int      // of the next pixel
	emitted int      // rows
}

// EmitRow consumes a row of pixels, which is valid, and must not be changed, until it returns.
type EmitRow func(y int, row []uint32) error

// bufferPixels is how many pixels of a w×h image are held at once.
func bufferPixels(w, h int) int { return min(w*h, 2*window+w) + maxCopy }

// advance decodes until rows before row end are complete, and calls emit with each of them once.
func (m *entropyImage) advance(ctx context.Context, end int, emit EmitRow) error {
	if m.pix == nil {
		m.pix = make([]uint32, bufferPixels(m.width, m.height))
	}
	total := m.width * m.height
	for m.emitted < end {
		if m.emitted < m.y {
			row := m.pix[m.emitted*m.width-m.gone:][:m.width:m.width]
			if err := emit(m.emitted, row); err != nil {
				return err
			}
			m.emitted++
			continue
		}
		if m.x == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		m.slide()
		g, n := m.block(m.x, m.y)
		next, ok := m.run(g, m.pos, m.pos+n, total-m.gone)
		if m.r.past() {
			return m.r.corrupt("")
		}
		if !ok {
			return m.r.corrupt("a reference outside the picture at pixel %d", m.gone+next)
		}
		m.x += next - m.pos
		m.pos = next
		for ; m.x >= m.width; m.x -= m.width {
			m.y++
		}
	}
	return nil
}

// block returns the codes of the pixel at x, y, and how many pixels of its row share them.
func (m *entropyImage) block(x, y int) (g *prefixGroup, n int) {
	if m.meta == nil {
		return &m.groups[0], m.width - x
	}
	bx := x >> m.metaBits
	g = &m.groups[m.meta[(y>>m.metaBits)*m.metaWidth+bx]]
	return g, min((bx+1)<<m.metaBits, m.width) - x
}

// slide makes room for what a block and a copy need.
func (m *entropyImage) slide() {
	need := min(m.width-m.x+maxCopy, m.width*m.height-m.gone-m.pos)
	if len(m.pix)-m.pos >= need {
		return
	}
	keep := min(m.pos, window)
	copy(m.pix, m.pix[m.pos-keep:m.pos])
	m.gone += m.pos - keep
	m.pos = keep
}

// run decodes pixels with one group of codes from pix[pos] to at least pix[end-1], and returns
// where it stopped: a copy may pass end, but not total. ok is false if it found an invalid
// reference.
func (m *entropyImage) run(g *prefixGroup, pos, end, total int) (next int, ok bool) {
	if g.only != onlyCoded {
		return m.runConstant(g, pos, end)
	}
	g.use(end - pos)
	r := &m.r.bitReader
	for pos < end {
		var length int
		if pos, length = m.runPixels(g, pos, end); length == 0 {
			break
		}
		distance := m.distance(prefixValue(r, g.distance.symbol(r)))
		if distance > m.gone+pos || length > total-pos {
			return pos, false
		}
		m.copyPixels(pos, distance, length)
		pos += length
	}
	return pos, true
}

// runPixels decodes literals and colours of the cache. It returns where it stopped: at end, or
// behind the length of a copy, which it returns too.
func (m *entropyImage) runPixels(g *prefixGroup, pos, end int) (next, length int) {
	r := &m.r.bitReader
	pix, cache, shift := m.pix[:end], m.cache, m.cacheShift&31
	green, greenMask, greenRoot := g.green.table, g.green.mask, g.green.root
	alphaCoded, literal, short := g.alpha.mask != 0, g.literal, g.short
	// The state of the reader is in variables.
	data, next, val, n := r.data, r.pos, r.val, r.n
	for pos < end {
		for k := shortAtOnce; k == shortAtOnce && short != nil &&
			pos+shortAtOnce <= end && next+8 <= len(data); pos += k {
			val |= binary.LittleEndian.Uint64(data[next:]) << (n & 63)
			next += int(63-n) >> 3
			n |= 56
			row := pix[pos:][:shortAtOnce]
			for k = 0; k < shortAtOnce; k++ {
				e := short[uint32(val)%shortSize]
				if e < 1<<24 {
					break
				}
				val >>= e >> 24 & 63
				n -= uint(e >> 24)
				argb := e&0xffffff | literal
				row[k] = argb
				if cache != nil {
					cache[argb*cacheMultiplier>>shift] = argb
				}
			}
		}
		if pos == end {
			break
		}
		if n < 3*maxCodeLength {
			if next+8 <= len(data) {
				val |= binary.LittleEndian.Uint64(data[next:]) << (n & 63)
				next += int(63-n) >> 3
				n |= 56
			} else {
				r.pos, r.val, r.n = next, val, n
				r.fillSlowly()
				next, val, n = r.pos, r.val, r.n
			}
		}
		e := green[uint32(val)&greenMask]
		if e&15 > greenRoot {
			e = green[uint32(e>>4)+uint32(val>>(greenRoot&15))&(1<<((e-greenRoot)&15)-1)]
		}
		val >>= e & 15
		n -= uint(e & 15)
		s := uint32(e >> 4)
		if s >= 256+lengthCodes {
			argb := cache[s-256-lengthCodes]
			pix[pos] = argb
			pos++
			if argb == 0 { // any other colour is at its place already
				cache[0] = 0
			}
			continue
		}
		if s >= 256 {
			r.pos, r.val, r.n = next, val, n
			return pos, prefixValue(r, int(s-256))
		}
		argb := s << 8
		e = g.red.entry(val)
		val >>= e & 15
		n -= uint(e & 15)
		argb |= uint32(e>>4) << 16
		e = g.blue.entry(val)
		val >>= e & 15
		n -= uint(e & 15)
		argb |= uint32(e>>4) | literal
		if alphaCoded {
			r.pos, r.val, r.n = next, val, n
			argb |= uint32(g.alpha.symbol(r)) << 24
			next, val, n = r.pos, r.val, r.n
		}
		pix[pos] = argb
		pos++
		if cache != nil {
			cache[argb*cacheMultiplier>>shift] = argb
		}
	}
	r.pos, r.val, r.n = next, val, n
	return pos, 0
}

// cacheMultiplier is that of the hash of the colour cache (section 5.2.3).
const cacheMultiplier = 0x1e35a7bd

// prefixValue reads the value that a prefix symbol of a length or distance begins (section 5.2.2).
func prefixValue(r *bitReader, symbol int) int {
	if symbol < 4 {
		return symbol + 1
	}
	extra := uint(symbol-2) >> 1
	return (2+symbol&1)<<extra + r.bits(extra) + 1
}

// distance turns a distance code into a distance in pixels (section 5.2.2).
func (m *entropyImage) distance(code int) int {
	if code > len(neighbours) {
		return code - len(neighbours)
	}
	n := neighbours[code-1]
	return max(1, int(n[0])+int(n[1])*m.width)
}

// copyPixels repeats what lies distance before pos.
func (m *entropyImage) copyPixels(pos, distance, length int) {
	dst, src := m.pix[pos:pos+length], m.pix[pos-distance:]
	if distance >= length {
		copy(dst, src)
	} else {
		for n := 0; n < length; { // what is copied can be copied again
			n += copy(dst[n:], src[:distance+n])
		}
	}
	if m.cache == nil {
		return
	}
	for i, argb := range dst {
		if i > 0 && argb == dst[i-1] {
			continue
		}
		m.cache[argb*cacheMultiplier>>m.cacheShift] = argb
	}
}

// runConstant is run for codes that take no bits.
func (m *entropyImage) runConstant(g *prefixGroup, pos, end int) (next int, ok bool) {
	argb := g.literal
	switch g.only {
	case onlyCopied:
		symbol, _ := g.distance.single()
		distance := m.distance(symbol + 1)
		if distance > m.gone+pos {
			return pos, false
		}
		m.copyPixels(pos, distance, end-pos)
		return end, true
	case onlyCached:
		symbol, _ := g.green.single()
		argb = m.cache[symbol-256-lengthCodes]
	}
	dst := m.pix[pos:end]
	for i := range dst {
		dst[i] = argb
	}
	if m.cache != nil {
		m.cache[argb*cacheMultiplier>>m.cacheShift] = argb
	}
	return end, true
}
