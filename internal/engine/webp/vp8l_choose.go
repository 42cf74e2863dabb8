package webp

import "context"

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
		n += entropy(c[i][:])
	}
	return n
}

// rankPlans estimates what each plan costs. Pixels like those to their left or above do not count, for
// they become copies whatever the plan is. colours is how many the picture has, 0 if too many to be
// indexed.
func rankPlans(ctx context.Context, pix []uint32, w, h, colours int) (costs [plans]int64, err error) {
	var direct, green, left, leftGreen componentCounts
	var indexes [256]uint32
	step := 1 + w*h>>20
	for y := 0; y < h; y += step {
		if err := ctx.Err(); err != nil {
			return costs, err
		}
		row := pix[y*w:][:w]
		above := row
		if y > 0 {
			above = pix[(y-1)*w:][:w]
		}
		last := row[0]
		for x, argb := range row {
			if argb == last || y > 0 && argb == above[x] {
				last = argb
				continue
			}
			direct.add(argb)
			green.add(subtractGreenOf(argb))
			d := subtractPixels(argb, last)
			left.add(d)
			leftGreen.add(subtractGreenOf(d))
			indexes[argb*cacheMultiplier>>24]++
			last = argb
		}
	}
	blocks := int64(subSize(w, predictorBits(w, h))*subSize(h, predictorBits(w, h))) << costBits / int64(step)
	costs = [plans]int64{
		planDirect: direct.cost(), planGreen: green.cost(),
		planPredict: left.cost() + 4*blocks, planBoth: leftGreen.cost() + 5*blocks,
		planIndexed: entropy(indexes[:]) + int64(8*colours)<<costBits,
	}
	return costs, nil
}

// choosePlan returns the plan that seems to cost least.
func choosePlan(ctx context.Context, pix []uint32, w, h, colours int) (plan, error) {
	if colours > 0 && colours <= 16 {
		return planIndexed, nil
	}
	costs, err := rankPlans(ctx, pix, w, h, colours)
	if err != nil {
		return 0, err
	}
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
