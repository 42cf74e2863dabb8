package vp8l

import (
	"context"
	"math"
)

// predictors is how many modes of prediction there are (section 4.1).
const predictors = 14

// predictorChooser chooses the predictor of each block of a picture.
type predictorChooser struct {
	pix, residue []uint32
	w, h         int
	bits         uint // logarithm of a block's side
	blocks       int  // a row
	modes        []uint8
	quick        bool // by magnitudes alone

	counts componentCounts // of the residue before
	costs  [4][256]uint16  // that follow from them, by component
	blockResidues
}

// predictPicture chooses predictors for blocks of 1<<bits pixels a side, and returns them as an image,
// and the residue.
func predictPicture(ctx context.Context, pix []uint32, w, h int, bits uint, quick bool) (
	modes, residue []uint32, err error,
) {
	c := &predictorChooser{pix: pix, residue: make([]uint32, len(pix)), w: w, h: h, bits: bits, quick: quick}
	c.blocks = subSize(w, bits)
	c.modes = make([]uint8, c.blocks*subSize(h, bits))
	c.area = 1 << (2 * bits)
	c.out = make([]uint32, predictors*c.area)
	c.vector = useVector()
	c.fixed()
	for by := range subSize(h, bits) {
		if !quick {
			c.learn()
		}
		for bx := range c.blocks {
			if err := ctx.Err(); err != nil {
				return nil, nil, err
			}
			c.block(bx, by)
		}
	}
	modes = make([]uint32, len(c.modes))
	for i, m := range c.modes {
		modes[i] = Black | uint32(m)<<8
	}
	return modes, c.residue, nil
}

// fixed computes the residue of the pixels whose prediction is no choice.
func (c *predictorChooser) fixed() {
	pix, w := c.pix, c.w
	c.residue[0] = subtractPixels(pix[0], Black)
	for x := 1; x < w; x++ {
		c.residue[x] = subtractPixels(pix[x], pix[x-1])
	}
	for at := w; at < len(pix); at += w {
		c.residue[at] = subtractPixels(pix[at], pix[at-w])
	}
}

// block chooses the predictor of a block: of those whose residue has the smallest magnitudes, and those
// of the blocks to the left and above, the one whose residue costs least beside that of other blocks.
func (c *predictorChooser) block(bx, by int) {
	x0, y0 := max(bx<<c.bits, 1), max(by<<c.bits, 1)
	x1, y1 := min((bx+1)<<c.bits, c.w), min((by+1)<<c.bits, c.h)
	at := by*c.blocks + bx
	if x0 >= x1 || y0 >= y1 {
		return
	}
	n := x1 - x0
	c.sums = [predictors][4]uint64{}
	for y := y0; y < y1; y++ {
		c.row((y-y0)*n, c.pix[y*c.w+x0-1:y*c.w+x1], c.pix[(y-1)*c.w+x0-1:][:n+2])
	}
	mode := c.smallest()
	switch {
	case !c.quick:
		mode = c.best(at, mode, bx > 0, by > 0, n*(y1-y0))
	case bx > 0 && c.sum(c.modes[at-1]) <= c.sum(mode)+quickModeCost:
		mode = c.modes[at-1]
	}
	c.modes[at] = mode
	residue := c.of(mode, n*(y1-y0))
	for y := y0; y < y1; y++ {
		copy(c.residue[y*c.w+x0:y*c.w+x1], residue[(y-y0)*n:])
	}
	if c.quick {
		return
	}
	for _, argb := range residue {
		c.counts.add(argb)
	}
}

// quickModeCost is by how much smaller magnitudes have to be for another mode than that of the block to
// the left.
const quickModeCost = 4 * modeCost

// best is the best mode of a block whose residues have n pixels, of three: that with the smallest
// magnitudes is one of them.
func (c *predictorChooser) best(at int, smallest uint8, hasLeft, hasAbove bool, n int) (best uint8) {
	left, above := uint8(predictors), uint8(predictors)
	if hasLeft {
		left = c.modes[at-1]
	}
	if hasAbove {
		above = c.modes[at-c.blocks]
	}
	least := uint32(math.MaxUint32)
	for m := range uint8(predictors) {
		if m != left && m != above && m != smallest {
			continue
		}
		cost := c.cost(c.of(m, n))
		if m != left {
			cost += modeCost
		}
		if cost < least {
			least, best = cost, m
		}
	}
	return best
}

// modeCost is about what another mode than that of the block to the left costs.
const modeCost = 3 * 16

// cost is what residues cost beside those of earlier rows of blocks.
func (c *predictorChooser) cost(residue []uint32) (n uint32) {
	for _, argb := range residue {
		n += uint32(c.costs[0][argb>>24]) + uint32(c.costs[1][argb>>16&255]) +
			uint32(c.costs[2][argb>>8&255]) + uint32(c.costs[3][argb&255])
	}
	return n
}

// learn sets the costs of residues by how often they were used.
func (c *predictorChooser) learn() {
	for i := range c.counts {
		learnCosts(&c.costs[i], &c.counts[i])
	}
}

// learnCosts sets how many 16ths of a bit values take that occur so often. Where few have occurred, the
// costs are those of their magnitudes.
func learnCosts(costs *[256]uint16, counts *[256]uint32) {
	sum := uint32(0)
	for _, n := range counts {
		sum += n
	}
	log := fineLog2(sum + 256)
	for v, n := range counts {
		costs[v] = uint16((log - fineLog2(n+1)) >> (costBits - 4))
		if sum < 256 {
			costs[v] = uint16(differenceCosts[v])
		}
	}
}
