package encode

import (
	"context"
	"math/bits"

	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
)

// A trellis chooses a block's AC coefficients so that bits + distortion/λ is minimal
// (rate-distortion optimised quantisation by dynamic programming, as Crouse and Ramchandran, IEEE
// Trans. Image Processing 6(9), 1997, describe it for JPEG). Each coefficient keeps its rounded
// value, takes the largest value of the next smaller category, or becomes zero.
//
// Distortion is the squared error of the coefficient, weighted by how visible it is in its block, as
// quantiser describes. λ is proportional to the product of the coefficient's own step and the mean step
// of low frequencies, a compromise between what minimises the squared error and what preserves the
// weights of the table. All arithmetic is in integers, so that a picture produces the same bytes on every
// machine: bits are in units of 1/256, and weights have 16 more fraction bits.
type trellis struct {
	*quantiser
	rate [12][64]int64 // bits of a coefficient, by category and number of preceding zeros
	end  int64         // bits of the end-of-block symbol
	// saves is by how many bits the rate of any category falls at most if the number of zeros grows by
	// the index.
	saves  [64]int64
	weight [64]int64 // bits per squared error of 1, for coefficients times 8, in zigzag order
	dc     *dcTrellis
	weaken [64]int16 // by how much less a coefficient is aimed at, in the same unit and order
}

// errorBits is 1/λ by class: the cost, in bits, of a squared error of one mean step where a block is flat.
// Larger values make more faithful pictures and larger files; these produced the smallest files at equal
// SSIMULACRA 2 and Butteraugli.
var errorBits = [2]int64{44, 24}

// weakerBy is by how many hundredths of a step coefficients are weakened, by class: their errors count from there, because
// in luma what is too weak is seen less than what is too strong, as with normalRound. Chroma is strengthened.
var weakerBy = [2]int32{4, -3}

// newTrellis derives its rates from symbols that have been counted.
func newTrellis(c *tokenCounts, class int, q *quantiser) *trellis {
	t := &trellis{quantiser: q}
	table := q.table
	freq := c.ac(class)
	cost := costs(&freq)
	t.end = cost(stream.EOB)
	zrl := cost(stream.ZRL)
	for size := range t.rate {
		rate := &t.rate[size]
		if size == 0 || size > 10 {
			for run := range rate {
				rate[run] = 1 << 40 // cannot be coded
			}
			continue
		}
		for run := range 16 {
			rate[run] = cost(run<<4|size) + int64(size)<<8
		}
		for run := 16; run < 64; run++ {
			rate[run] = rate[run-16] + zrl
		}
		for run, bits := range rate[:16] {
			for more, fewer := range rate[run : run+16] {
				t.saves[more] = max(t.saves[more], bits-fewer)
			}
		}
	}
	for more := 16; more < 64; more++ {
		t.saves[more] = max(t.saves[more-16]-zrl, 0)
	}
	mean := q.meanStep()
	for k, z := range stream.Zigzag[:64] {
		q := int64(table[z])
		// Errors of the highest frequencies count five eighths as much as those of the lowest.
		t.weight[k] = errorBits[class] * 10 << (8 + 16 - 6) * 320 / (q * mean * int64(320+3*k))
		t.weaken[k] = int16(t.step[k] * weakerBy[class] / 100)
	}
	t.dc = newDCTrellis(c, class, q)
	return t
}

// costs returns how many bits codes take, in 256ths, of symbols that occur that often.
func costs(freq *[256]uint32) func(symbol int) int64 {
	total := uint64(0)
	for _, f := range freq {
		total += uint64(f)
	}
	// A symbol that does not occur counts as a quarter.
	all := log2(4*total + 256)
	return func(symbol int) int64 { return all - log2(4*uint64(freq[symbol])+1) }
}

// log2 is 256 times the binary logarithm of x > 0, rounded down.
func log2(x uint64) int64 {
	n := bits.Len64(x) - 1
	m := x << (63 - n) >> 32 // in 1..2 with 31 fraction bits
	r := int64(n)
	for range 8 {
		// Squaring m doubles its logarithm; the next bit is set if that reaches 1.
		m = m * m >> 31
		r <<= 1
		if m >= 1<<32 {
			m >>= 1
			r |= 1
		}
	}
	return r
}

// block replaces coef, the rounded coefficients of a block, by the best choice. raw is the block
// before division, and nonzero marks the nonzero coefficients of coef. It returns which are nonzero
// afterwards. Both blocks are in rows, the bits in zigzag order.
func (t *trellis) block(coef, raw *[64]int16, nonzero uint64) uint64 {
	// A path ends at its last nonzero coefficient: path n at place[n], path 0 before the first.
	// cost is the cost of the path less that of setting all coefficients to zero.
	var (
		cost  [64]int64
		place [64]uint8
		from  [64]uint8
		value [64]int16
		n     int
		// open are the paths that may be continued: each other costs more than one of them, whatever follows.
		open  [64]uint8
		opens = 1
	)
	seen := visibility(raw)
	for m := nonzero &^ 1; m != 0; m &= m - 1 {
		k := bits.TrailingZeros64(m)
		z := stream.Zigzag[k] & 63
		n++
		place[n&63] = uint8(k)
		c, v := int16(abs(raw[z]))-t.weaken[k], int16(abs(coef[z]))
		size := bits.Len16(uint16(v))
		lower := int16(1)<<(size-1) - 1
		keep, reduce := t.gain(k, c, v)*seen>>8, t.gain(k, c, lower)*seen>>8
		keepRate, reduceRate := &t.rate[size], &t.rate[size-1]

		least := int64(1) << 60
		for _, i := range open[:opens] {
			run := (k - int(place[i&63]) - 1) & 63
			if sum := cost[i&63] + keepRate[run] - keep; sum < least {
				least, from[n&63], value[n&63] = sum, i, v
			}
			if sum := cost[i&63] + reduceRate[run] - reduce; sum < least {
				least, from[n&63], value[n&63] = sum, i, lower
			}
		}
		cost[n&63] = least
		still := 0
		for _, i := range open[:opens] {
			worth := least + t.saves[(k-int(place[i&63]))&63] - cost[i&63]
			open[still&63] = i
			still += int(^uint64(worth) >> 63) // without a jump, which could not be foreseen
		}
		open[still&63] = uint8(n)
		opens = still + 1
	}

	last, least := 0, int64(1)<<60
	for _, i := range open[:opens] {
		sum := cost[i&63]
		if place[i&63] < 63 {
			sum += t.end
		}
		if sum < least {
			last, least = int(i), sum
		}
	}
	kept := nonzero & 1
	for i := n; i > 0; i-- {
		k := place[i&63]
		z := stream.Zigzag[k] & 63
		if i != last {
			coef[z] = 0
			continue
		}
		sign := raw[z] >> 15
		coef[z] = (value[i&63] ^ sign) - sign
		kept |= 1 << k
		last = int(from[i&63])
	}
	return kept
}

// visibility is the weight of errors in a block, in 256ths: it falls as the block's activity rises.
func visibility(raw *[64]int16) int64 {
	return 256 * 8 * quiet / (8*quiet + activity(raw))
}

// gain is the reduction in distortion, in bits where errors have their full weight, if a coefficient of
// magnitude c becomes v steps instead of zero.
func (t *trellis) gain(k int, c, v int16) int64 {
	left := int64(c) - int64(v)*int64(t.step[k])
	return (int64(c)*int64(c) - left*left) * t.weight[k] >> 16
}

// trellises are the trellises of an encode, by class.
type trellises [2]*trellis

// row is a chooser.
func (t *trellises) row(c *part, g *grid, by int, space []int16) { t[c.class].row(c, g, by, space) }

// trellisPasses is how often rates are computed: from the nearest values first, and then from what a trellis
// with the rates before chooses.
const trellisPasses = 2

// trellis returns the choice by trellis, with rates of a sample of the rows of blocks.
func (e *Encoder) trellis(ctx context.Context, t *quantisers, threads int) chooser {
	choose, every := t.row, e.every()
	for range trellisPasses {
		counts := e.sample(ctx, choose, threads, every)
		var next trellises
		for class := range min(2, len(e.parts)) {
			next[class] = newTrellis(counts, class, &t[class])
		}
		choose = next.row
	}
	return choose
}

// sample counts the symbols of one of every so many rows of blocks.
func (e *Encoder) sample(ctx context.Context, choose chooser, threads, every int) *tokenCounts {
	type sampler struct {
		space  []int16
		row    *grid
		tokens sequentialTokens
	}
	c := &e.parts[0] // No component is wider.
	threads = shares(threads, c.blocksY/every)
	samplers := make([]*sampler, threads)
	var alone []*Encoder
	for i := range e.parts {
		alone = append(alone, e.alone(i))
	}
	e.eachRow(ctx, threads, every, func(thread, i, by int) {
		s := samplers[thread]
		if s == nil {
			s = &sampler{space: c.newRow(), row: newGrid(c.blocksX, 1)}
			s.tokens.list.discard = true
			samplers[thread] = s
		}
		s.row.blocksX, s.row.first = e.parts[i].blocksX, by
		choose(&e.parts[i], s.row, by, s.space)
		s.tokens.dc[0] = int(s.row.coef[0]) // The row before was another thread's, perhaps.
		s.tokens.mcuRow(alone[i], []*grid{s.row}, by)
	})
	counts := new(tokenCounts)
	for _, s := range samplers {
		if s != nil {
			counts.join(&s.tokens.counts)
			s.tokens.list.reset()
		}
	}
	return counts
}

// alone returns an encoder of one component, as in a scan that is not interleaved.
func (e *Encoder) alone(i int) *Encoder {
	c := e.parts[i]
	c.h, c.v = 1, 1
	return &Encoder{parts: []part{c}, mcusX: c.blocksX, mcusY: c.blocksY}
}

// row chooses the coefficients of a row of blocks. space is as long as newRow's.
func (t *trellis) row(c *part, g *grid, by int, space []int16) {
	raw := t.quantiser.row(c, g, by, space)
	for bx := range c.blocksX {
		j := g.block(bx, by)
		g.nonzero[j] = t.block(g.at(j), (*[64]int16)(raw[64*bx:]), g.nonzero[j])
	}
	t.dc.row(g, by, raw)
}
