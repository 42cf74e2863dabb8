package encode

import (
	"context"
	"slices"

	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
)

// measure returns the size in bytes of a scan that has these symbols, with its tables and header, without the
// zeros stuffed after 0xFF.
func (n *tokenCounts) measure(e *Encoder, s *scan) int {
	bits := 0
	for k := 1; k <= tokenLow; k++ {
		bits += k * int(n[rawBits(k)])
	}
	table := func(spec stream.HuffmanTable, freq *[256]uint32, extra func(sym int) int) {
		bits += 8 * (2 + 2 + 1 + 16 + len(spec.Symbols))
		spec.Each(func(sym uint8, _, length uint32) {
			bits += int(freq[sym]) * (int(length) + extra(int(sym)))
		})
	}
	switch {
	case s.from > 0:
		freq := n.acProgressive()
		table(optimalSpec(&freq), &freq, extraBits)
	case s.high == 0:
		for _, class := range e.classes(s) {
			freq := n.dc(class)
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
	known  map[scanKey]*measured
}

// scanKey identifies a scan: its components have successive numbers.
type scanKey struct{ first, parts, from, to, high, low int }

func (s *scan) key() scanKey { return scanKey{s.parts[0], len(s.parts), s.from, s.to, s.high, s.low} }

// measured is what has been found out about a scan.
type measured struct {
	size   int
	counts tokenCounts
}

// searchScript searches for a script that makes the file small, and returns the counts of the symbols of its
// scans, too.
func (e *Encoder) searchScript(ctx context.Context, grids []*grid, threads int) ([]scan, []*tokenCounts) {
	s := &scriptSearch{e: e, grids: grids, known: make(map[scanKey]*measured)}
	for range max(threads, 1) {
		s.tokens = append(s.tokens, &progressiveTokens{list: tokenList{discard: true}})
	}
	s.start(ctx)
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
	var counts []*tokenCounts
	for i := range script {
		counts = append(counts, &s.known[script[i].key()].counts)
	}
	return script, counts
}

// start measures what is measured of every picture, all at once, so that no thread has to wait for others.
func (s *scriptSearch) start(ctx context.Context) {
	lists := s.listsDC()
	for _, i := range s.e.all() {
		lists = append(lists, bandScan(i, 1, 63, 0, 0), bandScan(i, 1, 63, 0, 1), bandScan(i, 1, 63, 1, 0))
	}
	s.sizes(ctx, lists...)
}

// sizes measures lists of scans.
func (s *scriptSearch) sizes(ctx context.Context, lists ...[]scan) []int {
	var fresh []*scan
	for _, l := range lists {
		for i := range l {
			if k := l[i].key(); s.known[k] == nil {
				s.known[k] = new(measured)
				fresh = append(fresh, &l[i])
			}
		}
	}
	slices.SortStableFunc(fresh, func(a, b *scan) int { return s.e.visits(b) - s.e.visits(a) })
	spread(len(s.tokens), len(fresh), func(thread, i int) {
		t, m := s.tokens[thread], s.known[fresh[i].key()]
		t.scan(ctx, s.e, s.grids, fresh[i])
		m.counts, m.size = t.counts, t.counts.measure(s.e, fresh[i])
	})
	sizes := make([]int, len(lists))
	for i, l := range lists {
		for j := range l {
			sizes[i] += s.known[l[j].key()].size
		}
	}
	return sizes
}

// searchDC determines which components share a scan of DC coefficients.
func (s *scriptSearch) searchDC(ctx context.Context) []scan {
	lists := s.listsDC()
	return lists[least(s.sizes(ctx, lists...))]
}

// listsDC lists the ways to send the DC coefficients.
func (s *scriptSearch) listsDC() [][]scan {
	lists := [][]scan{{{parts: s.e.all()}}}
	if len(s.e.parts) != 3 {
		return lists
	}
	return append(lists,
		[]scan{{parts: []int{0}}, {parts: []int{1, 2}}},
		[]scan{{parts: []int{0}}, {parts: []int{1}}, {parts: []int{2}}},
	)
}

// bandScan lists a scan of AC coefficients.
func bandScan(part, from, to, high, low int) []scan {
	return []scan{{[]int{part}, from, to, high, low}}
}

// least returns the index of the first of the smallest numbers.
func least(list []int) int { return slices.Index(list, slices.Min(list)) }

// searchAC determines how many low bits of each component to leave for refinement, and where to split its
// first scan.
func (s *scriptSearch) searchAC(ctx context.Context) (first, refine []scan) {
	parts := s.e.all()
	low, size := make([]int, len(parts)), make([]int, len(parts))
	refined := make([]int, len(parts))
	more := parts // components for which another bit may be worth it
	for l := 0; l <= maxLow && len(more) > 0; l++ {
		var lists [][]scan
		for _, i := range more {
			lists = append(lists, bandScan(i, 1, 63, 0, l))
			if l > 0 {
				lists = append(lists, bandScan(i, 1, 63, l, l-1))
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
		lists = append(lists, bandScan(i, 1, 63, 0, low[i]))
		for _, split := range []int{2, 5, 8, 12, 18} {
			lists = append(lists, append(bandScan(i, 1, split, 0, low[i]), bandScan(i, split+1, 63, 0, low[i])...))
		}
	}
	sizes := s.sizes(ctx, lists...)
	each := len(lists) / len(parts)
	for i := range parts {
		first = append(first, lists[i*each+least(sizes[i*each:][:each])]...)
		for l := low[i]; l > 0; l-- {
			refine = append(refine, bandScan(i, 1, 63, l, l-1)...)
		}
	}
	return first, refine
}
