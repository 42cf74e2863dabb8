package vp8l

import "slices"

// groupMap divides an image into blocks that have a group of prefix codes each (section 6.2.2).
type groupMap struct {
	bits       uint // logarithm of a block's side
	width      int  // blocks a row
	of         []uint16
	histograms []histogram
}

// maxGroupBits is the logarithm of the largest side of a block.
const maxGroupBits = 9

// at returns the group of a pixel, and the column where its block ends.
func (m *groupMap) at(x, y int) (group, end int) {
	if len(m.histograms) == 1 {
		return 0, 1 << 14
	}
	return int(m.of[(y>>m.bits)*m.width+x>>m.bits]), (x>>m.bits + 1) << m.bits
}

// image is the entropy image.
func (m *groupMap) image() []uint32 {
	pix := make([]uint32, len(m.of))
	for i, g := range m.of {
		pix[i] = Black | uint32(g)<<8
	}
	return pix
}

// symbolCount is how often a symbol occurs in a block; symbols are numbered as in a histogram.
type symbolCount struct{ symbol, n uint32 }

// maxBlocks is how many blocks an image has at most, and maxSeeds how many groups are begun with.
const (
	maxBlocks = 2600
	seedBins  = 4
	maxSeeds  = seedBins * seedBins * seedBins
)

// group chooses the groups of codes: it begins with those of blocks that are alike in how many bits
// their symbols take, unites groups where that saves bits, and then moves blocks to the group whose
// codes suit them best.
func (c *entropyCoder) group(l level) (*groupMap, error) {
	height := len(c.pix) / c.width
	m := &groupMap{bits: l.groupBits}
	for subSize(c.width, m.bits)*subSize(height, m.bits) > maxBlocks && m.bits < maxGroupBits {
		m.bits++
	}
	m.width = subSize(c.width, m.bits)
	blocks, seeds, err := c.blocks(m, height)
	if err != nil {
		return nil, err
	}
	m.of = seeds
	m.collect(blocks, c.cacheBits)
	m.unite()
	for range l.groupPasses {
		if len(m.histograms) == 1 {
			break
		}
		if err := c.ctx.Err(); err != nil {
			return nil, err
		}
		m.assign(blocks)
		m.collect(blocks, c.cacheBits)
		m.unite()
	}
	return m, nil
}

// blocks counts the symbols of each block, and returns also the groups to begin with.
func (c *entropyCoder) blocks(m *groupMap, height int) ([][]symbolCount, []uint16, error) {
	rows := subSize(height, m.bits)
	blocks := make([][]symbolCount, 0, m.width*rows)
	features := make([][3]int64, 0, m.width*rows)
	tiles := make([]histogram, m.width)
	for i := range tiles {
		tiles[i] = newHistogram(c.cacheBits)
	}
	for at, y := 0, 0; y < height; y++ {
		if err := c.ctx.Err(); err != nil {
			return nil, nil, err
		}
		row := y * c.width
		for at < row+c.width {
			x := (at - row) >> m.bits
			at = c.countRun(tiles[x], at, min(row+(x+1)<<m.bits, row+c.width))
		}
		if (y+1)&(1<<m.bits-1) != 0 && y != height-1 {
			continue
		}
		for _, h := range tiles {
			features = append(features, [3]int64{Entropy(h.green()), Entropy(h.red()), Entropy(h.blue())})
			var used []symbolCount
			for s, n := range h {
				if n > 0 {
					used = append(used, symbolCount{uint32(s), n})
				}
			}
			blocks = append(blocks, slices.Clip(used))
			clear(h)
		}
	}
	return blocks, seedGroups(features), nil
}

// seedGroups divides blocks by their features into maxSeeds groups, some of which may be empty.
func seedGroups(features [][3]int64) []uint16 {
	least, most := features[0], features[0]
	for _, f := range features {
		for i, v := range f {
			least[i], most[i] = min(least[i], v), max(most[i], v)
		}
	}
	of := make([]uint16, len(features))
	for k, f := range features {
		for i, v := range f {
			of[k] = of[k]*seedBins + uint16((v-least[i])*seedBins/(most[i]-least[i]+1))
		}
	}
	return of
}

// collect adds up the histograms of groups, and gives those that have blocks new numbers.
func (m *groupMap) collect(blocks [][]symbolCount, cacheBits uint) {
	var numbers [maxSeeds]uint16
	m.histograms = nil
	for i, used := range blocks {
		n := &numbers[m.of[i]]
		if *n == 0 {
			m.histograms = append(m.histograms, newHistogram(cacheBits))
			*n = uint16(len(m.histograms))
		}
		m.of[i] = *n - 1
		h := m.histograms[m.of[i]]
		for _, s := range used {
			h[s.symbol] += s.n
		}
	}
}

// unite unites the two groups with which most bits are saved, until no two are left that save any.
func (m *groupMap) unite() {
	costs := make([]int64, len(m.histograms))
	for i, h := range m.histograms {
		costs[i] = groupCost(h, nil)
	}
	saved := make([][]int64, len(costs)) // by uniting a group with one before it
	for i := range saved {
		saved[i] = make([]int64, i)
		for k := range saved[i] {
			saved[i][k] = costs[i] + costs[k] - groupCost(m.histograms[i], m.histograms[k])
		}
	}
	to := make([]uint16, len(costs))
	for i := range to {
		to[i] = uint16(i)
	}
	gone := make([]bool, len(costs))
	for {
		most, a, b := int64(0), 0, 0
		for i := range saved {
			for k, v := range saved[i] {
				if v > most && !gone[i] && !gone[k] {
					most, a, b = v, i, k
				}
			}
		}
		if most == 0 {
			break
		}
		m.histograms[b].add(m.histograms[a])
		costs[b] = groupCost(m.histograms[b], nil)
		gone[a] = true
		for i := range to {
			if to[i] == uint16(a) {
				to[i] = uint16(b)
			}
		}
		for i := range saved {
			if i != b && !gone[i] {
				saved[max(i, b)][min(i, b)] = costs[i] + costs[b] - groupCost(m.histograms[i], m.histograms[b])
			}
		}
	}
	var left []histogram
	numbers := make([]uint16, len(to))
	for i, h := range m.histograms {
		if !gone[i] {
			numbers[i] = uint16(len(left))
			left = append(left, h)
		}
	}
	m.histograms = left
	for i, g := range m.of {
		m.of[i] = numbers[to[g]]
	}
}

// groupCost is how many bits the symbols of one group, or of two together, take with codes of their
// own, and those codes. b may be nil.
func groupCost(a, b histogram) (n int64) {
	if b != nil {
		a = slices.Clone(a)
		a.add(b)
	}
	for _, counts := range a.codes() {
		n += Entropy(counts) + codeOverhead
	}
	return n
}

// codeOverhead is about how many bits a code takes beside those of its symbols.
const codeOverhead = 20 << costBits

// assign moves each block to the group whose codes give it the fewest bits.
func (m *groupMap) assign(blocks [][]symbolCount) {
	costs := make([][]uint32, len(m.histograms))
	for i, h := range m.histograms {
		costs[i] = make([]uint32, len(h))
		from := histogram(costs[i])
		for k, counts := range h.codes() {
			setCosts(from.codes()[k], counts)
		}
	}
	for i, used := range blocks {
		least := uint64(1 << 62)
		best := 0
		for g, cost := range costs {
			n := uint64(0)
			for _, s := range used {
				n += uint64(s.n) * uint64(cost[s.symbol])
			}
			if n < least {
				least, best = n, g
			}
		}
		m.of[i] = uint16(best)
	}
}
