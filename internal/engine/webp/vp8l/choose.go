package vp8l

import (
	"context"
	"slices"
)

// plan is a choice of transforms.
type plan uint8

const (
	planDirect  plan = iota // none
	planGreen               // subtract green
	planPredict             // predictor
	planBoth                // subtract green, predictor and colour
	planIndexed             // colour indexing
	plans
)

func (p plan) green() bool   { return p == planGreen || p == planBoth }
func (p plan) predict() bool { return p == planPredict || p == planBoth }

// componentCounts are how often values of the four components occur: alpha, red, green and blue.
type componentCounts [4][256]uint32

func (c *componentCounts) add(argb uint32) {
	c[0][argb>>24]++
	c[1][argb>>16&255]++
	c[2][argb>>8&255]++
	c[3][argb&255]++
}

func (c *componentCounts) cost() (n int64) {
	for i := range c {
		n += Entropy(c[i][:])
	}
	return n
}

// Ranker estimates what plans cost from some rows of a picture. Pixels like those to their left or
// above do not count, for they become copies whatever the plan is.
type Ranker struct {
	direct, green, left, leftGreen componentCounts
	indexes                        [256]uint32
	pixels, counted                int64
}

// Row counts the pixels of a row; above is the row above, or nil for the first one.
func (r *Ranker) Row(row, above []uint32) {
	r.pixels += int64(len(row))
	last := row[0]
	for x, argb := range row {
		if argb == last || above != nil && argb == above[x] {
			last = argb
			continue
		}
		r.counted++
		r.direct.add(argb)
		r.green.add(subtractGreenOf(argb))
		d := subtractPixels(argb, last)
		r.left.add(d)
		r.leftGreen.add(subtractGreenOf(d))
		r.indexes[argb*cacheMultiplier>>24]++
		last = argb
	}
}

// costs are those of the rows. blocks is how many have a predictor each, and colours how many the picture
// has, 0 if too many to be indexed. Prediction leaves fewer copies, which is worth up to an eighth where
// hardly a pixel counts; of the three codes that an index saves, each has whole bits.
func (r *Ranker) costs(blocks, colours int) [plans]int64 {
	n := int64(blocks) << costBits
	predicted := func(cost int64) int64 { return cost + cost/8*(r.pixels-r.counted)/max(r.pixels, 1) }
	return [plans]int64{
		planDirect: r.direct.cost(), planGreen: r.green.cost(),
		planPredict: predicted(r.left.cost()) + 4*n, planBoth: predicted(r.leftGreen.cost()) + 5*n,
		planIndexed: Entropy(r.indexes[:])*7/8 + int64(8*colours)<<costBits,
	}
}

// Within reports whether the rows would take fewer bits than so many a pixel, without an index of colours.
func (r *Ranker) Within(bits int64) bool {
	costs := r.costs(0, 0)
	return slices.Min(costs[:planIndexed]) < r.pixels*bits<<costBits
}

// rankedPixels is of about how many pixels plans are ranked at most.
const rankedPixels = 1 << 17

// choosePlan returns the plan that seems to cost least.
func choosePlan(ctx context.Context, pix []uint32, w, h, colours int) (plan, error) {
	if colours > 0 && colours <= 16 {
		return planIndexed, nil
	}
	r := new(Ranker)
	step := 1 + w*h/rankedPixels
	for y := 0; y < h; y += step {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		var above []uint32
		if y > 0 {
			above = pix[(y-1)*w:][:w]
		}
		r.Row(pix[y*w:][:w], above)
	}
	bits := predictorBits(w, h)
	costs := r.costs(subSize(w, bits)*subSize(h, bits)/step, colours)
	best := planDirect
	for p := planGreen; p < plans; p++ {
		if costs[p] < costs[best] && (p != planIndexed || colours > 0) {
			best = p
		}
	}
	return best, nil
}

// subtractGreenOf subtracts the green component of a pixel from red and blue.
func subtractGreenOf(argb uint32) uint32 {
	green := argb >> 8 & 0xff
	return argb&0xff00ff00 | (argb|0xff00ff00-green<<16-green)&0x00ff00ff
}
