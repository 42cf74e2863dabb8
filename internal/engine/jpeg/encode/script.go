package encode

import (
	"context"
	"slices"
	"sync/atomic"

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

// scriptSearch searches for a script that makes the file small. It finds the same with any number of threads.
type scriptSearch struct {
	*scanWork
	early bool // write the scans that have been chosen, beside the search for others
}

// search is the search for the scans of AC coefficients of one component, or of all DC coefficients. What is measured
// next depends on what has been, so each search goes on by itself.
type search struct {
	*scriptSearch
	known  map[scanKey]*measured
	chosen []scan // first scans
	refine []scan

	part int // the component

	// Of the scans with so many low bits left for refinements that were the best yet: that number, and the size of them all.
	low, size int
	refined   int // size of the refinements of the bits that have been tried
}

// measured is what has been found out about a scan.
type measured struct {
	size    int
	counts  tokenCounts
	written pieces // the scan with its tables, if it has been written
}

// scanKey identifies a scan in a search: its components have successive numbers.
type scanKey struct{ first, parts, from, to, high, low int }

func (s *scan) key() scanKey { return scanKey{s.parts[0], len(s.parts), s.from, s.to, s.high, s.low} }

// searched writes the scans of a script that makes the file small.
func (e *Encoder) searched(ctx context.Context, b *bitWriter, grids []*grid, threads int) {
	s := &scriptSearch{scanWork: newScanWork(ctx, e, grids, threads), early: threads > 1}
	dc := s.newSearch(0)
	dc.chooseDC()
	var bands []*search
	for _, i := range e.all() {
		bands = append(bands, s.newSearch(i))
		bands[i].chooseBits()
	}
	s.tasks.run(threads)

	dc.write(b, dc.chosen...)
	for _, band := range bands {
		band.write(b, band.chosen...)
	}
	// The coarse bits of all components come before the fine ones.
	for low := maxLow; low >= 0; low-- {
		for _, band := range bands {
			for _, scan := range band.refine {
				if scan.low == low {
					band.write(b, scan)
				}
			}
		}
	}
}

func (s *scriptSearch) newSearch(part int) *search {
	return &search{scriptSearch: s, part: part, known: make(map[scanKey]*measured)}
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
			m.counts = s.count(thread, scan)
			m.size = m.counts.measure(s.e, scan)
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
			s.tasks.add(s.urgency(&list[i]), func(thread int) { m.written = s.scanWork.write(thread, &list[i], &m.counts) })
		}
	}
}

// write writes scans that have been chosen.
func (s *search) write(b *bitWriter, list ...scan) {
	for i := range list {
		m := s.known[list[i].key()]
		if !s.early {
			s.e.writeProgressive(s.ctx, b, &s.threads[0].counting, s.grids, &list[i], &m.counts)
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

// band lists a scan of AC coefficients.
func (s *search) band(from, to, high, low int) []scan {
	return []scan{{[]int{s.part}, from, to, high, low}}
}

// least returns the index of the first of the smallest numbers.
func least(list []int) int { return slices.Index(list, slices.Min(list)) }

// chooseBits determines how many low bits to leave for refinements, and then where to split the first scan.
func (s *search) chooseBits() {
	s.sizes([][]scan{s.band(1, 63, 0, 0), s.band(1, 63, 0, 1), s.band(1, 63, 1, 0)}, func(sizes []int) {
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
	if !better || low == maxLow {
		s.chooseSplit()
		return
	}
	s.sizes([][]scan{s.band(1, 63, 0, low+1), s.band(1, 63, low+1, low)}, func(sizes []int) {
		s.chooseBit(low+1, sizes[0], sizes[1])
	})
}

// chooseSplit determines where to split the first scan.
func (s *search) chooseSplit() {
	lists := [][]scan{s.band(1, 63, 0, s.low)}
	for _, split := range []int{2, 5, 8, 12, 18} {
		lists = append(lists, append(s.band(1, split, 0, s.low), s.band(split+1, 63, 0, s.low)...))
	}
	s.sizes(lists, func(sizes []int) {
		s.chosen = lists[least(sizes)]
		for low := s.low; low > 0; low-- {
			s.refine = append(s.refine, s.band(1, 63, low, low-1)...)
		}
		s.end()
	})
}
