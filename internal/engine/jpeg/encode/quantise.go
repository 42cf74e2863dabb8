package encode

import (
	"math/bits"

	"github.com/imgmill/imgmill/internal/engine/dct"
	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
)

// quantiser quantises the coefficients of one class of components: luma or chroma.
//
// A JPEG has one table for the whole picture, but an error is seen less where the picture itself varies
// (contrast masking; A. B. Watson, DCT quantization matrices visually optimized for individual images,
// SPIE 1913, 1993). So the tables are fine enough for smooth blocks, and others store less of what they
// allow: a coefficient becomes zero if that saves more bits than its squared error is worth. A bit is
// worth an error of
//
//	λ = b × (activity + quiet) × (mean step of low frequencies) × (step of the coefficient)
//
// where activity is the sum of the lowest AC coefficients of the block.
type quantiser struct {
	table    *[64]uint8
	divisors *dct.Divisors
	step     [64]int32 // 8q, in zigzag order
	steps    [64]int16 // 8q, in rows
	saved    *savings  // nil: no coefficient is dropped
	price    int64     // b × mean step × 10
}

// quantisers are the quantisers of an encode, by class.
type quantisers [2]quantiser

// What follows was fitted, together with the tables, to SSIMULACRA 2 and Butteraugli.
const (
	// quiet is the activity to which that of all blocks is added.
	quiet = 85
	// busy is the highest activity: of an edge in a drawing, much more than that is visible.
	busy = 512
	// gradients marks, in zigzag order, the coefficients that are always kept: without them, the edges of
	// blocks show in smooth gradients.
	gradients = 1<<6 - 1
	// normalFall is by how much less than normalRound is added at the highest frequency.
	normalFall = 10
)

// normalRound is what Normal adds to a quotient before it drops the fraction, in 64ths of 1, by class: less than half,
// because what is too weak is seen less than what is too strong.
var normalRound = [2]int{26, 23}

// priceOfBit is b by class, in units of 2^-16.
var priceOfBit = [2]int64{723, 1200}

func newQuantisers(o *Options) *quantisers {
	t := new(quantisers)
	for class := range t {
		q := &t[class]
		base, scale := [2]*[64]uint8{&lumaTable, &chromaTable}[class], tableScale[class]
		round, fall := dct.Nearest, 0
		if o.libjpeg {
			base, scale = [2]*[64]uint8{&annexLuma, &annexChroma}[class], 100
		} else if o.Effort == Normal { // The trellis of High starts from the nearest values.
			q.saved, round, fall = &usualSavings[class], normalRound[class], normalFall
		}
		q.table = scaleTable(base, o.Quality, scale)
		q.divisors = dct.NewDivisors(q.table, round, fall)
		for k, z := range stream.Zigzag[:64] {
			q.step[k] = 8 * int32(q.table[z])
			q.steps[z] = 8 * int16(q.table[z])
		}
		q.price = priceOfBit[class] * q.meanStep()
	}
	return t
}

// meanStep is ten times the mean step of low frequencies.
func (q *quantiser) meanStep() (sum int64) {
	for _, z := range stream.Zigzag[1:11] {
		sum += int64(q.table[z])
	}
	return sum
}

// savings are the bits that are saved if a coefficient of ±1 becomes zero, by the number of zeros before
// it, of those after it, and the category of the next coefficient, 0 if there is none. They are those of
// the standard tables of Huffman codes (T.81 K.3.3.2): the codes of the file are not known before all
// coefficients are. Runs of more than 15 zeros count as 15, and categories above 7 as 7.
type savings [8][16][16]int8

var usualSavings = [2]savings{newSavings(&stream.StandardAC[0]), newSavings(&stream.StandardAC[1])}

func newSavings(s *stream.HuffmanTable) (t savings) {
	var length [256]int
	s.Each(func(symbol uint8, _, n uint32) { length[symbol] = int(n) })
	for size := range t {
		for before := range t[size] {
			for after := range t[size][before] {
				saved := length[before<<4|1] + 1
				if size > 0 {
					saved += length[after<<4|size] - length[min(before+after+1, 15)<<4|size]
				}
				t[size][before][after] = int8(saved)
			}
		}
	}
	return t
}

// newRow returns space for the coefficients of a row of blocks, unless all are in memory.
func (c *part) newRow() []int16 {
	if c.raw != nil {
		return nil
	}
	return make([]int16, 64*c.blocksX)
}

// rawRow returns the coefficients of a row of blocks. space is as long as newRow's.
func (c *part) rawRow(by int, space []int16) []int16 {
	if c.raw != nil {
		return c.raw[64*c.blocksX*by:][:64*c.blocksX]
	}
	c.transform(space, by)
	return space
}

// chooser computes the quantised coefficients of one row of blocks, for which the grid must have room. space is
// as long as newRow's.
type chooser func(c *part, g *grid, by int, space []int16)

// row is a chooser.
func (t *quantisers) row(c *part, g *grid, by int, space []int16) { t[c.class].row(c, g, by, space) }

// row computes the quantised coefficients of one row of blocks, for which the grid must have room, and
// returns those before division. space is as long as newRow's.
func (q *quantiser) row(c *part, g *grid, by int, space []int16) []int16 {
	i := g.block(0, by)
	coef, nonzero := g.coef[64*i:64*(i+c.blocksX)], g.nonzero[i:i+c.blocksX]
	raw := c.rawRow(by, space)
	dct.Quantise(coef, raw, nonzero, q.divisors)
	for j, rows := range nonzero {
		nonzero[j] = toZigzag(rows)
	}
	if q.saved != nil {
		q.dropRow(coef, raw, nonzero)
	}
	return raw
}

func (q *quantiser) dropRowGo(coef, raw []int16, nonzero []uint64) {
	for j, m := range nonzero {
		if m > gradients {
			nonzero[j] = q.drop((*[64]int16)(coef[64*j:]), (*[64]int16)(raw[64*j:]), m)
		}
	}
}

// drop returns which coefficients of a block to keep, of those that nonzero marks in zigzag order. raw is
// the block before division. Both blocks are in rows. Each coefficient is decided once, after those before
// it: what it saves are its own bits, less those by which the run of zeros before the next one grows.
func (q *quantiser) drop(coef, raw *[64]int16, nonzero uint64) uint64 {
	price := (8*quiet + activity(raw)) * q.price >> 16
	table, last := q.saved, bits.Len64(nonzero&gradients|1)-1
	m := nonzero &^ gradients
	k := bits.TrailingZeros64(m) & 63
	z := stream.Zigzag[k] & 63
	for m != 0 {
		m &= m - 1
		next := bits.TrailingZeros64(m)
		nextZ := stream.Zigzag[next&63] & 63
		size := bits.Len32(uint32(abs(coef[nextZ])))
		if m == 0 {
			size = 0
		}
		saved := table[min(size, 7)&7][min(k-last-1, 15)&15][min(next-k-1, 15)&15]
		// By how much the squared error grows, divided by the step.
		grows := int64(2*abs(raw[z]) - q.step[k])
		if grows<<8 < price*int64(saved) {
			nonzero &^= 1 << k
		} else {
			last = k
		}
		k, z = next&63, nextZ
	}
	return nonzero
}

// activity is 8 times the sum of the lowest AC coefficients of a block, up to busy. Of most blocks, they
// are most of it.
func activity(raw *[64]int16) int64 {
	sum := abs(raw[1]) + abs(raw[2]) + abs(raw[3]) + abs(raw[8]) + abs(raw[9]) + abs(raw[10]) +
		abs(raw[16]) + abs(raw[17]) + abs(raw[24])
	return int64(min(sum, 8*busy))
}

func abs(v int16) int32 {
	sign := int32(v) >> 31
	return (int32(v) ^ sign) - sign
}
