package jpeg

import "context"

// measure returns the size in bytes of a scan with its tables and header, without the zeros stuffed
// after 0xFF.
func (p *progressiveTokens) measure(e *Encoder, s *scan) int {
	bits := 0
	for n := 1; n <= 8; n++ {
		bits += n * int(p.counts[rawBits(n)])
	}
	table := func(spec huffmanSpec, freq *[256]uint32, extra func(sym int) int) {
		bits += 8 * (2 + 2 + 1 + 16 + len(spec.symbols))
		spec.each(func(sym uint8, _, length uint32) {
			bits += int(freq[sym]) * (int(length) + extra(int(sym)))
		})
	}
	switch {
	case s.from > 0:
		freq := p.counts.acProgressive()
		table(optimalSpec(&freq), &freq, extraBits)
	case s.high == 0:
		for _, class := range e.classes(s) {
			freq := p.counts.dc(class)
			table(optimalSpec(&freq), &freq, func(size int) int { return size })
		}
	}
	return (bits+7)/8 + 2 + 6 + 2*len(s.parts)
}

// searchScript searches for a script that makes the file small.
func (e *Encoder) searchScript(ctx context.Context, grids []*grid) []scan {
	var p progressiveTokens
	cost := func(s ...scan) (sum int) {
		for i := range s {
			p.scan(ctx, e, grids, &s[i])
			sum += p.measure(e, &s[i])
		}
		return sum
	}
	dc := []scan{{parts: e.all()}}
	if len(e.parts) == 3 {
		least := cost(dc...)
		for _, other := range [][]scan{
			{{parts: []int{0}}, {parts: []int{1, 2}}},
			{{parts: []int{0}}, {parts: []int{1}}, {parts: []int{2}}},
		} {
			if c := cost(other...); c < least {
				dc, least = other, c
			}
		}
	}
	script := dc
	var refine []scan
	for i := range e.parts {
		first, later := e.searchAC(i, cost)
		script = append(script, first...)
		refine = append(refine, later...)
	}
	// Send the coarse bits of all components before the fine ones.
	for low := 2; low >= 0; low-- {
		for _, s := range refine {
			if s.low == low {
				script = append(script, s)
			}
		}
	}
	return script
}

// searchAC determines how many low bits of a component to leave for refinement, and where to split
// its first scan.
func (e *Encoder) searchAC(part int, cost func(...scan) int) (first, refine []scan) {
	one := []int{part}
	low, least, refined := 0, cost(scan{one, 1, 63, 0, 0}), 0
	for l := 1; l <= 3; l++ {
		refined += cost(scan{one, 1, 63, l, l - 1})
		if c := refined + cost(scan{one, 1, 63, 0, l}); c < least {
			low, least = l, c
		} else {
			break
		}
	}
	first = []scan{{one, 1, 63, 0, low}}
	least = cost(first...)
	for _, split := range []int{2, 5, 8, 12, 18} {
		s := []scan{{one, 1, split, 0, low}, {one, split + 1, 63, 0, low}}
		if c := cost(s...); c < least {
			first, least = s, c
		}
	}
	for l := low; l > 0; l-- {
		refine = append(refine, scan{one, 1, 63, l, l - 1})
	}
	return first, refine
}
