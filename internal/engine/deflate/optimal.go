package deflate

import (
	"cmp"
	"context"
)

// optimalDepth is how many places the optimal level looks at. leastPasses is how often it goes through a
// block in any case, if Passes allows that; further passes have to save one of leastSaved bits.
const (
	optimalDepth = 256
	leastPasses  = 4
	leastSaved   = 2000
)

// passes is how often the optimal level goes through a block if Passes is 0.
const passes = 12

// checkBytes is after how many bytes the context is looked at.
const checkBytes = 1 << 12

// match is how far a length reaches: up to it, this is the nearest distance.
type match struct{ length, distance uint16 }

// optimal is what the optimal level holds.
type optimal struct {
	matches []match
	first   []uint32 // of each byte, where its matches begin; one more for the end
	costs   costs
	rest    []uint32 // what the data costs from a byte on; it wraps around, since differences are small
	choice  []token  // the first token of that
	best    []token
	trial   []token
	found   []token
	ends    []int
}

// costs are how many bits symbols take, with logBits behind the point, and with the bits that follow.
type costs struct {
	lit    [256]uint32
	length [maxMatch + 1]uint32
	dist   [distSymbols]uint32
}

// set derives costs from a histogram that contains the end of the block. A symbol that does not occur
// costs a little more than one that occurs once.
func (c *costs) set(h *histogram) {
	cost := func(counts []uint32) func(s int) uint32 {
		sum := uint32(1)
		for _, n := range counts {
			sum += n
		}
		all := log2(sum)
		return func(s int) uint32 {
			if n := counts[s]; n > 0 {
				return max(all-log2(n), 1)
			}
			return all + 1<<logBits
		}
	}
	lit, dist := cost(h.lit[:]), cost(h.dist[:])
	for s := range c.lit {
		c.lit[s] = lit(s)
	}
	for n := minMatch; n <= maxMatch; n++ {
		s := int(lengthSymbols[n-minMatch])
		c.length[n] = lit(s) + uint32(lengthExtra(s-257))<<logBits
	}
	for s := range c.dist {
		c.dist[s] = dist(s) + uint32(distanceExtra(s))<<logBits
	}
}

// collect finds the matches of all bytes from start on. Behind one of the greatest length, the bytes that
// it covers have none.
func (c *Compressor) collect(ctx context.Context, data []byte, start int) error {
	c.reset()
	c.matches, c.first = c.matches[:0], c.first[:0]
	last := len(data) - 4
	if start <= last {
		c.add(data, start)
	}
	for i := start; i < len(data); i++ {
		c.first = append(c.first, uint32(len(c.matches)))
		if i > last {
			continue
		}
		if i%checkBytes == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if c.all(data, i) == maxMatch {
			for range maxMatch - 1 {
				c.first = append(c.first, uint32(len(c.matches)))
			}
			c.pass(data, i, maxMatch, int(c.matches[len(c.matches)-1].distance))
			i += maxMatch - 1
		}
	}
	c.first = append(c.first, uint32(len(c.matches)))
	return nil
}

// all collects the matches at i, each longer than those before it, and returns the greatest length.
func (c *Compressor) all(data []byte, i int) int {
	keep := func(n, d int) { c.matches = append(c.matches, match{uint16(n), uint16(d)}) }
	length, d := c.longest(data, i, 0, 1, maxMatch) // the nearest one, of three bytes or more
	if d == 0 {
		length = 0
	} else {
		keep(length, d)
	}
	limit, most := max(0, i-windowSize), min(maxMatch, len(data)-i)
	at := int(c.prev[i&(windowSize-1)])
	for depth := optimalDepth; at > limit && depth > 0 && length < most; depth-- {
		p := at - 1
		if data[p+length] == data[i+length] {
			if n := matching(data[p:], data[i:i+most]); n > length && n > minMatch {
				keep(n, i-p)
				length = n
			}
		}
		at = int(c.prev[p&(windowSize-1)])
	}
	return length
}

// optimise parses the data anew and returns where its blocks end.
func (c *Compressor) optimise(ctx context.Context, data []byte, start int, ends []int) ([]int, error) {
	if err := c.collect(ctx, data, start); err != nil {
		return nil, err
	}
	for round := range 2 {
		c.ends = append(c.ends[:0], ends...)
		c.trial = c.trial[:0]
		from, first := start, 0
		for i, end := range c.ends {
			to := from
			for _, t := range c.tokens[first:end] {
				to += max(1, t.length())
			}
			if err := c.refine(ctx, data, start, from, to, c.tokens[first:end]); err != nil {
				return nil, err
			}
			c.trial = append(c.trial, c.best...)
			first, from, c.ends[i] = end, to, len(c.trial)
		}
		c.tokens, c.trial = c.trial, c.tokens
		if round == 0 {
			ends = c.blocks()
		}
	}
	return c.ends, nil
}

// refine finds the tokens of a block, from some first ones on.
func (c *Compressor) refine(ctx context.Context, data []byte, start, from, to int, tokens []token) error {
	c.best = append(c.best[:0], tokens...)
	least := c.size(tokens)
	current := c.best
	for pass := range cmp.Or(c.Passes, passes) {
		if err := ctx.Err(); err != nil {
			return err
		}
		var h histogram
		h.add(current)
		h.lit[endOfBlock]++
		c.costs.set(&h)
		next := c.cheapest(data, start, from, to)
		current = next
		size := c.size(next)
		saved := least - size
		if saved > 0 {
			least = size
			c.best = append(c.best[:0], next...)
		}
		if pass >= leastPasses && saved < least/leastSaved {
			break
		}
	}
	return nil
}

// size returns how many bits a block of tokens takes.
func (c *Compressor) size(tokens []token) int {
	var h histogram
	h.add(tokens)
	p, _ := c.bits.choose(&h)
	return p.size
}

// cheapest returns the tokens of least cost. It begins at the end. A match is not longer than the block.
func (c *Compressor) cheapest(data []byte, start, from, to int) []token {
	n := to - from
	if cap(c.rest) < n+1 {
		c.rest, c.choice = make([]uint32, n+1), make([]token, n+1)
	}
	rest, choice := c.rest[:n+1], c.choice[:n+1]
	rest[n] = 0
	for i := n - 1; i >= 0; i-- {
		least := c.costs.lit[data[from+i]] + rest[i+1]
		best := token(data[from+i])
		at := from + i - start
		length := minMatch
		for _, m := range c.matches[c.first[at]:c.first[at+1]] {
			d := int(m.distance)
			cost := c.costs.dist[distanceSymbol(d)]
			for most := min(int(m.length), n-i); length <= most; length++ {
				if all := cost + c.costs.length[length] + rest[i+length]; int32(all-least) < 0 {
					least, best = all, token(length<<16|d)
				}
			}
		}
		rest[i], choice[i] = least, best
	}
	c.found = c.found[:0]
	for i := 0; i < n; {
		c.found = append(c.found, choice[i])
		i += max(1, choice[i].length())
	}
	return c.found
}
