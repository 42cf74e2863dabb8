package jpeg

import (
	"context"
	"slices"
)

// measure returns the size in bytes of a scan with its tables and header, without the zeros stuffed
// after 0xFF.
func (p *progressiveTokens) measure(e *Encoder, s *scan) int {
	bits := 0
	for n := 1; n <= tokenLow; n++ {
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

// scriptSearch searches for a script that makes the file small. It measures scans on all threads, which
// changes nothing in what it finds.
type scriptSearch struct {
	e      *Encoder
	grids  []*grid
	tokens []*progressiveTokens // by thread
}

// searchScript searches for a script that makes the file small.
func (e *Encoder) searchScript(ctx context.Context, grids []*grid, threads int) []scan {
	s := &scriptSearch{e: e, grids: grids}
	for range max(threads, 1) {
		s.tokens = append(s.tokens, &progressiveTokens{list: tokenList{discard: true}})
	}
	first, refine := s.searchAC(ctx)
	script := append(s.searchDC(ctx), first...)
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

// sizes measures lists of scans.
func (s *scriptSearch) sizes(ctx context.Context, lists ...[]scan) []int {
	type part struct{ list, scan, size int }
	var parts []part
	for i, l := range lists {
		for j := range l {
			parts = append(parts, part{list: i, scan: j})
		}
	}
	spread(len(s.tokens), len(parts), func(thread, i int) {
		p := &parts[i]
		scan := &lists[p.list][p.scan]
		s.tokens[thread].scan(ctx, s.e, s.grids, scan)
		p.size = s.tokens[thread].measure(s.e, scan)
	})
	sizes := make([]int, len(lists))
	for _, p := range parts {
		sizes[p.list] += p.size
	}
	return sizes
}

// searchDC determines which components share a scan of DC coefficients.
func (s *scriptSearch) searchDC(ctx context.Context) []scan {
	all := []scan{{parts: s.e.all()}}
	if len(s.e.parts) != 3 {
		return all
	}
	lists := [][]scan{
		all,
		{{parts: []int{0}}, {parts: []int{1, 2}}},
		{{parts: []int{0}}, {parts: []int{1}}, {parts: []int{2}}},
	}
	return lists[least(s.sizes(ctx, lists...))]
}

// least returns the index of the first of the smallest numbers.
func least(list []int) int { return slices.Index(list, slices.Min(list)) }

// searchAC determines how many low bits of each component to leave for refinement, and where to split its
// first scan.
func (s *scriptSearch) searchAC(ctx context.Context) (first, refine []scan) {
	parts := s.e.all()
	low, size := make([]int, len(parts)), make([]int, len(parts))
	refined := make([]int, len(parts))
	band := func(part, from, to, high, low int) []scan { return []scan{{[]int{part}, from, to, high, low}} }
	more := parts // components for which another bit may be worth it
	for l := 0; l <= maxLow && len(more) > 0; l++ {
		var lists [][]scan
		for _, i := range more {
			lists = append(lists, band(i, 1, 63, 0, l))
			if l > 0 {
				lists = append(lists, band(i, 1, 63, l, l-1))
			}
		}
		sizes := s.sizes(ctx, lists...)
		var still []int
		for _, i := range more {
			c := sizes[0]
			sizes = sizes[1:]
			if l > 0 {
				refined[i] += sizes[0]
				sizes = sizes[1:]
			}
			if c += refined[i]; l == 0 || c < size[i] {
				low[i], size[i] = l, c
				still = append(still, i)
			}
		}
		more = still
	}
	var lists [][]scan
	for _, i := range parts {
		lists = append(lists, band(i, 1, 63, 0, low[i]))
		for _, split := range []int{2, 5, 8, 12, 18} {
			lists = append(lists, append(band(i, 1, split, 0, low[i]), band(i, split+1, 63, 0, low[i])...))
		}
	}
	sizes := s.sizes(ctx, lists...)
	each := len(lists) / len(parts)
	for i := range parts {
		first = append(first, lists[i*each+least(sizes[i*each:][:each])]...)
		for l := low[i]; l > 0; l-- {
			refine = append(refine, band(i, 1, 63, l, l-1)...)
		}
	}
	return first, refine
}
