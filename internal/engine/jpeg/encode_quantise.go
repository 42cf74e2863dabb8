package jpeg

import (
	"math/bits"

	"github.com/imgmill/imgmill/internal/engine/dct"
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
// where activity is the sum of the block's AC coefficients after quantisation.
type quantiser struct {
	table    *[64]uint8
	divisors *dct.Divisors
	step     [64]int32 // 8q, in zigzag order
	bits     *bitTable // nil: no coefficient is dropped
	price    int64     // b × mean step × 10
}

// quantisers are the quantisers of an encode, by class.
type quantisers [2]quantiser

// What follows was fitted, together with the tables, to SSIMULACRA 2 and Butteraugli.
const (
	// quiet is the activity to which that of all blocks is added.
	quiet = 128
	// normalRound is the fraction of a step, in 64ths, from which on Normal rounds up.
	normalRound = 28
)

// priceOfBit is b by class, in units of 2^-16.
var priceOfBit = [2]int64{482, 562}

func newQuantisers(o *Options) *quantisers {
	t := new(quantisers)
	for class := range t {
		q := &t[class]
		base, round := [2]*[64]uint8{&lumaTable, &chromaTable}[class], dct.Nearest
		if o.libjpeg {
			base = [2]*[64]uint8{&annexLuma, &annexChroma}[class]
		} else if o.Effort == Normal { // The trellis of High starts from the nearest values.
			q.bits, round = &usualBits[class], normalRound
		}
		q.table = scaleTable(base, o.Quality)
		q.divisors = dct.NewDivisors(q.table, round)
		for k, z := range zigzag[:64] {
			q.step[k] = 8 * int32(q.table[z])
		}
		for _, z := range zigzag[1:11] {
			q.price += int64(q.table[z])
		}
		q.price *= priceOfBit[class]
	}
	return t
}

// bitTable is the number of bits of a coefficient, by category and number of preceding zeros, with
// the bits that follow its code.
type bitTable [16][64]uint8

// usualBits are those of the standard tables of Huffman codes (T.81 K.3.3.2). The codes of the file
// are not known before all coefficients are.
var usualBits = [2]bitTable{newBitTable(&standardAC[0]), newBitTable(&standardAC[1])}

func newBitTable(s *huffmanSpec) (t bitTable) {
	var length [256]uint8
	s.each(func(symbol uint8, _, n uint32) { length[symbol] = uint8(n) })
	for size := 1; size <= 10; size++ {
		for run := range t[size] {
			t[size][run] = length[run&15<<4|size] + uint8(run>>4)*length[symZRL] + uint8(size)
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

// row computes the quantised coefficients of one row of blocks, for which the grid must have room.
// space is as long as newRow's.
func (q *quantiser) row(c *part, g *grid, by int, space []int16) {
	i := g.block(0, by)
	coef, nonzero := g.coef[64*i:64*(i+c.blocksX)], g.nonzero[i:i+c.blocksX]
	raw := c.rawRow(by, space)
	dct.Quantise(coef, raw, nonzero, q.divisors)
	for j, rows := range nonzero {
		nonzero[j] = toZigzag(rows)
		if q.bits != nil && rows > 1 {
			nonzero[j] = q.drop((*[64]int16)(coef[64*j:]), (*[64]int16)(raw[64*j:]), nonzero[j])
		}
	}
}

// drop returns which coefficients of a block to keep, of those that nonzero marks in zigzag order. raw is
// the block before division. Both blocks are in rows. Each coefficient is decided once, after those before
// it: what it saves are its own bits, less those by which the run of zeros before the next one grows.
func (q *quantiser) drop(coef, raw *[64]int16, nonzero uint64) uint64 {
	price := (8*quiet + q.activity(coef, nonzero)) * q.price >> 16
	last := 0
	m := nonzero &^ 1
	k := bits.TrailingZeros64(m)
	for m != 0 {
		m &= m - 1
		next := bits.TrailingZeros64(m) // 64, and v is 0, after the last one
		v := abs(coef[zigzag[next&63]&63]) & int32(int64(m|-m)>>63)
		after := &q.bits[bits.Len32(uint32(v))&15]
		saved := int64(q.bits[1][(k-last-1)&63]) + int64(after[(next-k-1)&63]) - int64(after[(next-last-1)&63])
		// By how much the squared error grows, divided by the step.
		grows := int64(2*abs(raw[zigzag[k&63]&63]) - q.step[k&63])
		if grows<<8 < price*saved {
			nonzero &^= 1 << k
		} else {
			last = k
		}
		k = next
	}
	return nonzero
}

// activity is 8 times the sum of the AC coefficients of a block.
func (q *quantiser) activity(coef *[64]int16, nonzero uint64) (sum int64) {
	for m := nonzero &^ 1; m != 0; m &= m - 1 {
		k := bits.TrailingZeros64(m)
		sum += int64(abs(coef[zigzag[k]&63]) * q.step[k])
	}
	return sum
}

func abs(v int16) int32 {
	sign := int32(v) >> 31
	return (int32(v) ^ sign) - sign
}
