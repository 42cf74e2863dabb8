package encode

import (
	"context"
	"slices"
	"sync/atomic"

	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
)

// measure returns the size in bytes of a scan that has these symbols, with its tables and header, without the
// zeros stuffed after 0xFF. They are those of a sample of its rows of blocks if every is more than 1.
func (n *tokenCounts) measure(e *Encoder, s *scan, every int) int {
	bits, tables := 0, 0
	for k := 1; k <= tokenLow; k++ {
		bits += k * int(n[rawBits(k)])
	}
	table := func(spec stream.HuffmanTable, freq *[256]uint32, extra func(sym int) int) {
		tables += 2 + 2 + 1 + 16 + len(spec.Symbols)
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
	if s.from > 0 {
		rows := e.parts[s.parts[0]].blocksY
		bits = bits * rows / sampled(rows, every)
	}
	return (bits+7)/8 + tables + 2 + 6 + 2*len(s.parts)
}

// cuts are where bands of AC coefficients may begin, and the end of the last one. The lowest coefficients, which most
// blocks have, and the highest, which few have, rarely belong together.
var cuts = [...]int{1, 2, 3, 8, 64}

// scriptSearch searches for a script that makes the file small. It finds the same with any number of threads.
type scriptSearch struct {
	*scanWork
	every int  // AC coefficients of one of so many rows of blocks are measured
	early bool // write the scans that have been chosen, beside the search for others
}

// search is the search for the scans of a band of a component's AC coefficients, or of all DC coefficients. What is
// measured next depends on what has been, so each search goes on by itself.
type search struct {
	*scriptSearch
	known  map[scanKey]*measured
	chosen []scan // first scans
	refine []scan

	part, from, to int    // the component, and the band
	then           func() // is called when the scans of the band have been chosen

	// Of the scans with so many low bits left for refinements that were the best yet: that number, and the size of them all.
	low, size int
	refined   int // size of the refinements of the bits that have been tried
}

// division is the search for the bands into which to divide the AC coefficients of a component.
type division struct {
	bands  []*search // that may be chosen, by their end
	left   atomic.Int64
	chosen []*search
}

// measured is what has been found out about a scan.
type measured struct {
	size    int
	counts  *tokenCounts // nil if only a sample was measured
	written pieces       // the scan with its tables, if it has been written
}

// scanKey identifies a scan in a search: its components have successive numbers.
type scanKey struct{ first, parts, from, to, high, low int }

func (s *scan) key() scanKey { return scanKey{s.parts[0], len(s.parts), s.from, s.to, s.high, s.low} }

// searched writes the scans of a script that makes the file small.
func (e *Encoder) searched(ctx context.Context, b *bitWriter, grids []*grid, threads int) {
	s := &scriptSearch{scanWork: newScanWork(ctx, e, grids, threads), every: e.every(), early: threads > 1}
	dc := s.newSearch()
	dc.chooseDC()
	var divisions []*division
	for _, i := range e.all() {
		divisions = append(divisions, s.divide(i))
	}
	s.tasks.run(threads)

	dc.write(b, dc.chosen...)
	for _, d := range divisions {
		for _, band := range d.chosen {
			band.write(b, band.chosen...)
		}
	}
	// The coarse bits of all components come before the fine ones.
	for low := maxLow; low >= 0; low-- {
		for _, d := range divisions {
			for _, band := range d.chosen {
				for _, scan := range band.refine {
					if scan.low == low {
						band.write(b, scan)
					}
				}
			}
		}
	}
}

func (s *scriptSearch) newSearch() *search {
	return &search{scriptSearch: s, known: make(map[scanKey]*measured)}
}

// sizes measures lists of scans, and calls then with the sizes of each.
func (s *search) sizes(lists [][]scan, then func(sizes []int)) {
	var fresh []*scan
	for _, l := range lists {
		for i := range l {
			if k := l[i].key(); s.known[k] == nil {
				s.known[k] = new(measured)
				fresh = append(fresh, &l[i])
			}
		}
	}
	var left atomic.Int64
	left.Store(int64(len(fresh)))
	for _, scan := range fresh {
		m := s.known[scan.key()]
		s.tasks.add(s.urgency(scan)+1, func(thread int) {
			counts := s.count(thread, scan, s.every)
			m.size = counts.measure(s.e, scan, s.every)
			if s.every == 1 || scan.from == 0 {
				whole := counts // Those that are not kept need no memory of their own.
				m.counts = &whole
			}
			if left.Add(-1) > 0 {
				return
			}
			sizes := make([]int, len(lists))
			for i, l := range lists {
				for j := range l {
					sizes[i] += s.known[l[j].key()].size
				}
			}
			then(sizes)
		})
	}
}

// urgency of a scan's work: components with the most blocks take longest, and what is measured of them decides
// what there is to do.
func (s *scriptSearch) urgency(scan *scan) int { return 2 * s.e.visits(scan) }

// end notes that the scans have been chosen.
func (s *search) end() {
	if !s.early {
		return
	}
	for _, list := range [][]scan{s.chosen, s.refine} {
		for i := range list {
			m := s.known[list[i].key()]
			s.tasks.add(s.urgency(&list[i]), func(thread int) {
				m.written = s.scanWork.write(thread, &list[i], s.whole(thread, &list[i]))
			})
		}
	}
}

// whole returns the counts of a scan that has been chosen, of all its rows.
func (s *search) whole(thread int, scan *scan) *tokenCounts {
	if m := s.known[scan.key()]; m.counts != nil {
		return m.counts
	}
	counts := s.count(thread, scan, 1)
	return &counts
}

// write writes scans that have been chosen.
func (s *search) write(b *bitWriter, list ...scan) {
	for i := range list {
		m := s.known[list[i].key()]
		if !s.early {
			s.e.writeProgressive(s.ctx, b, &s.threads[0].counting, s.grids, &list[i], s.whole(0, &list[i]))
		}
		for _, piece := range m.written {
			b.bytes(piece)
		}
	}
}

// chooseDC determines which components share a scan of DC coefficients.
func (s *search) chooseDC() {
	lists := [][]scan{{{parts: s.e.all()}}}
	if len(s.e.parts) == 3 {
		lists = append(lists,
			[]scan{{parts: []int{0}}, {parts: []int{1, 2}}},
			[]scan{{parts: []int{0}}, {parts: []int{1}}, {parts: []int{2}}},
		)
	}
	s.sizes(lists, func(sizes []int) {
		s.chosen = lists[least(sizes)]
		s.end()
	})
}

// least returns the index of the first of the smallest numbers.
func least(list []int) int { return slices.Index(list, slices.Min(list)) }

// divide begins the search for the bands of a component.
func (s *scriptSearch) divide(part int) *division {
	d := new(division)
	for n, end := range s.e.bandEnds() {
		for _, from := range cuts[:n+1] {
			band := s.newSearch()
			band.part, band.from, band.to = part, from, end-1
			band.then = func() {
				if d.left.Add(-1) == 0 {
					d.choose()
				}
			}
			d.bands = append(d.bands, band)
		}
	}
	d.left.Store(int64(len(d.bands)))
	for _, band := range d.bands {
		band.chooseBits()
	}
	return d
}

// bandEnds lists where bands may end.
func (e *Encoder) bandEnds() []int {
	ends := cuts[1:]
	if len(ends)*(maxLow+1)*e.visits(&scan{parts: e.all(), from: 1}) > stream.MaxVisits/2 {
		return ends[len(ends)-1:] // Readers limit their work for a large picture, ours among them.
	}
	return ends
}

// choose chooses the bands that have the fewest bytes together.
func (d *division) choose() {
	// By end: the fewest bytes of bands up to there, and the last of them.
	var size [65]int
	var last [65]*search
	for _, band := range d.bands {
		end, sum := band.to+1, size[band.from]+band.size
		if last[end] == nil || sum < size[end] {
			size[end], last[end] = sum, band
		}
	}
	for band := last[64]; band != nil; band = last[band.from] {
		d.chosen = append(d.chosen, band)
		band.end()
	}
	slices.Reverse(d.chosen)
}

// scan lists a scan of the band.
func (s *search) scan(high, low int) []scan {
	return []scan{{[]int{s.part}, s.from, s.to, high, low}}
}

// chooseBits determines how many low bits of the band to leave for refinements.
func (s *search) chooseBits() {
	s.sizes([][]scan{s.scan(0, 0), s.scan(0, 1), s.scan(1, 0)}, func(sizes []int) {
		s.size = sizes[0]
		s.chooseBit(1, sizes[1], sizes[2])
	})
}

// chooseBit decides whether to leave the low bits for refinements: the size of the first scan is then first, and the
// last refinement takes refine.
func (s *search) chooseBit(low, first, refine int) {
	s.refined += refine
	better := first+s.refined < s.size
	if better {
		s.low, s.size = low, first+s.refined
	}
	if better && low < maxLow {
		s.sizes([][]scan{s.scan(0, low+1), s.scan(low+1, low)}, func(sizes []int) {
			s.chooseBit(low+1, sizes[0], sizes[1])
		})
		return
	}
	s.chosen = s.scan(0, s.low)
	for low := s.low; low > 0; low-- {
		s.refine = append(s.refine, s.scan(low, low-1)...)
	}
	s.then()
}
