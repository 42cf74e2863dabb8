package vp8l

import "context"

// colourBits is the logarithm of the side of the blocks that have an element of the colour transform
// each.
const colourBits = 5

// colourBlock is the components of a block of pixels, as differences modulo 256.
type colourBlock struct {
	green, red, blue []byte
	left             []byte // of blue, without what green or red predicts

	counts [2][256]uint32 // of red and blue in the blocks before, as they are written
	costs  [2][256]uint16 // that follow from them
	vector bool
}

// decorrelate applies the colour transform (section 4.2): what green predicts of red, and green and
// red of blue, is subtracted from them. It returns the elements of the transform as an image.
func decorrelate(ctx context.Context, pix []uint32, w, h int) ([]uint32, error) {
	blocks := subSize(w, colourBits)
	elements := make([]uint32, 0, blocks*subSize(h, colourBits))
	const area = 1 << (2 * colourBits)
	b := &colourBlock{
		green: make([]byte, 0, area), red: make([]byte, 0, area), blue: make([]byte, 0, area),
		left: make([]byte, area), vector: useVector(),
	}
	var last [3]int8
	for y := 0; y < h; y += 1 << colourBits {
		for i := range b.costs {
			learnCosts(&b.costs[i], &b.counts[i])
		}
		for x := 0; x < w; x += 1 << colourBits {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			x1, y1 := min(x+1<<colourBits, w), min(y+1<<colourBits, h)
			b.load(pix, w, x, y, x1, y1)
			last = b.choose(last)
			elements = append(elements,
				Black|uint32(uint8(last[2]))<<16|uint32(uint8(last[1]))<<8|uint32(uint8(last[0])))
			for k := y; k < y1; k++ {
				row := pix[k*w+x : k*w+x1]
				applyColour(row, last)
				for _, argb := range row {
					b.counts[0][argb>>16&255]++
					b.counts[1][argb&255]++
				}
			}
		}
	}
	return elements, nil
}

// choose returns the element with which the block costs least beside those before: none, that of the
// block before, or the one with the smallest magnitudes.
func (b *colourBlock) choose(last [3]int8) (best [3]int8) {
	least := b.cost(best)
	if last != best {
		least += elementCost
		if cost := b.cost(last); cost < least {
			least, best = cost, last
		}
	}
	if e := b.element(last); e != best && e != last && b.cost(e)+elementCost < least {
		best = e
	}
	return best
}

// cost is what the components of a block cost beside those before it.
func (b *colourBlock) cost(e [3]int8) (n uint32) {
	for i, green := range b.green {
		red, blue := b.red[i], b.blue[i]
		g := int32(int8(green))
		n += uint32(b.costs[0][red-uint8(int32(e[0])*g>>5)]) +
			uint32(b.costs[1][blue-uint8(int32(e[1])*g>>5)-uint8(int32(e[2])*int32(int8(red))>>5)])
	}
	return n
}

// load separates the pixels of a block.
func (b *colourBlock) load(pix []uint32, w, x0, y0, x1, y1 int) {
	b.green, b.red, b.blue = b.green[:0], b.red[:0], b.blue[:0]
	for y := y0; y < y1; y++ {
		for _, argb := range pix[y*w+x0 : y*w+x1] {
			b.green = append(b.green, byte(argb>>8))
			b.red = append(b.red, byte(argb>>16))
			b.blue = append(b.blue, byte(argb))
		}
	}
}

// elementCost is about how much an element costs that is not that of the block before.
const elementCost = 3 * 8 * 16

// element returns the element with which the block costs least: green to red, green to blue and red
// to blue. last is that of the block before.
func (b *colourBlock) element(last [3]int8) (e [3]int8) {
	e[0] = search(last[0], func(m int8) uint64 { return b.correlationCost(b.red, b.green, m) })
	left := b.left[:len(b.blue)]
	for pass := range 2 {
		b.subtractCorrelated(left, b.blue, b.red, e[2])
		start := e[1]
		if pass == 0 {
			start = last[1]
		}
		e[1] = search(start, func(m int8) uint64 { return b.correlationCost(left, b.green, m) })
		b.subtractCorrelated(left, b.blue, b.green, e[1])
		start = e[2]
		if pass == 0 {
			start = last[2]
		}
		e[2] = search(start, func(m int8) uint64 { return b.correlationCost(left, b.red, m) })
	}
	return e
}

// search returns a factor of little cost: it begins with 0 or start, and goes in ever smaller steps.
func search(start int8, cost func(m int8) uint64) int8 {
	best, least := int8(0), cost(0)
	try := func(m int, more uint64) {
		if m >= -128 && m <= 127 {
			if c := cost(int8(m)) + more; c < least {
				best, least = int8(m), c
			}
		}
	}
	if start != 0 {
		try(int(start), 0)
	}
	for step := 16; step > 0; step >>= 1 {
		m := int(best)
		try(m-step, 8)
		try(m+step, 8)
	}
	return best
}

// correlationCost is what the residues of samples cost without what others predict by a factor.
func (b *colourBlock) correlationCost(samples, by []byte, factor int8) (n uint64) {
	by = by[:len(samples)]
	if b.vector {
		var x int
		n, x = correlationCostWhole(samples, by, factor)
		samples, by = samples[x:], by[x:]
	}
	for i, v := range samples {
		n += uint64(differenceCosts[v-uint8(int32(factor)*int32(int8(by[i]))>>5)])
	}
	return n
}

// subtractCorrelated subtracts from samples what others predict by a factor.
func (b *colourBlock) subtractCorrelated(out, samples, by []byte, factor int8) {
	x := 0
	if b.vector {
		x = subtractCorrelatedWhole(out, samples, by, factor)
	}
	out, samples, by = out[x:len(samples)], samples[x:], by[x:len(samples)]
	for i, v := range samples {
		out[i] = v - uint8(int32(factor)*int32(int8(by[i]))>>5)
	}
}

// applyColour is the opposite of invertColour.
func applyColour(pix []uint32, e [3]int8) {
	for x, argb := range pix {
		green, red := int32(int8(argb>>8)), int32(int8(argb>>16))
		r := argb>>16 - uint32(int32(e[0])*green>>5)
		b := argb - uint32(int32(e[1])*green>>5) - uint32(int32(e[2])*red>>5)
		pix[x] = argb&0xff00ff00 | r&0xff<<16 | b&0xff
	}
}
