package encode

import (
	"bytes"
	"context"
	"math/bits"

	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
)

// fixedScript is libjpeg's default sequence of scans: DC of all components first, then the lowest
// luma coefficients, chroma, the rest of luma, and then the refinements, bit by bit.
func fixedScript(parts int) []scan {
	if parts == 1 {
		y := []int{0}
		return []scan{
			{y, 0, 0, 0, 1}, {y, 1, 5, 0, 2}, {y, 6, 63, 0, 2},
			{y, 1, 63, 2, 1}, {y, 0, 0, 1, 0}, {y, 1, 63, 1, 0},
		}
	}
	all, y, cb, cr := []int{0, 1, 2}, []int{0}, []int{1}, []int{2}
	return []scan{
		{all, 0, 0, 0, 1}, {y, 1, 5, 0, 2}, {cr, 1, 63, 0, 1}, {cb, 1, 63, 0, 1}, {y, 6, 63, 0, 2},
		{y, 1, 63, 2, 1}, {all, 0, 0, 1, 0}, {cr, 1, 63, 1, 0}, {cb, 1, 63, 1, 0}, {y, 1, 63, 1, 0},
	}
}

// gatherDC copies the DC coefficients of a row of blocks, from block i on.
func (g *grid) gatherDC(i int) {
	for j := range g.dc[i : i+g.blocksX] {
		g.dc[i+j] = g.coef[64*(i+j)]
	}
}

func (g *grid) splitRowGo(i int) {
	for j := range g.blocksX {
		g.splitBlock(i + j)
	}
}

func (g *grid) splitBlock(i int) {
	coef := g.at(i)
	var atLeast [maxLow + 1]uint64
	var bit [maxLow]uint64
	for m := g.nonzero[i] &^ 1; m != 0; m &= m - 1 {
		k := bits.TrailingZeros64(m)
		a := uint64(abs(coef[stream.Zigzag[k]&63]))
		for l := range bit {
			bit[l] |= a >> l & 1 << k
			atLeast[l+1] |= -(a >> (l + 1)) >> 63 << k
		}
	}
	for l := range bit {
		g.bit[l][i], g.atLeast[l+1][i] = bit[l], atLeast[l+1]
	}
}

// progressive writes the scans of a script. Several threads write scans to memory.
func (e *Encoder) progressive(ctx context.Context, b *bitWriter, grids []*grid, script []scan, threads int) {
	if threads < 2 {
		var p progressiveTokens
		for i := range script {
			e.writeProgressive(ctx, b, &p, grids, &script[i], nil)
		}
		return
	}
	work := newScanWork(ctx, e, grids, threads)
	written := make([]pieces, len(script))
	for i := range script {
		// Those that take longest come first.
		work.tasks.add(e.visits(&script[i]), func(thread int) { written[i] = work.write(thread, &script[i], nil) })
	}
	work.tasks.run(threads)
	for _, scan := range written {
		for _, piece := range scan {
			b.bytes(piece)
		}
	}
}

// scanWork is the work of threads on scans.
type scanWork struct {
	ctx     context.Context
	e       *Encoder
	grids   []*grid
	tasks   tasks
	threads []*scanThread
}

// scanThread is what a thread needs for a scan.
type scanThread struct {
	counting progressiveTokens // which are not kept
	kept     progressiveTokens
	writer   *bitWriter // nil until there is something to write
}

func newScanWork(ctx context.Context, e *Encoder, grids []*grid, threads int) *scanWork {
	w := &scanWork{ctx: ctx, e: e, grids: grids}
	for range max(threads, 1) {
		w.threads = append(w.threads, &scanThread{counting: progressiveTokens{list: tokenList{discard: true}}})
	}
	return w
}

// count counts the symbols of a scan: if it is one of AC coefficients, of one of every so many rows of blocks.
func (w *scanWork) count(thread int, s *scan, every int) tokenCounts {
	p := &w.threads[thread].counting
	p.scan(w.ctx, w.e, w.grids, s, every)
	return p.counts
}

// write writes a scan, and the tables that it needs, to memory. counts are those of its symbols, or nil if they are not
// known.
func (w *scanWork) write(thread int, s *scan, counts *tokenCounts) (written pieces) {
	t := w.threads[thread]
	if t.writer == nil {
		t.writer = newBitWriter(nil)
	}
	tokens := &t.kept
	if counts != nil {
		tokens = &t.counting
	}
	t.writer.w = &written
	w.e.writeProgressive(w.ctx, t.writer, tokens, w.grids, s, counts)
	t.writer.flush()
	return written
}

// pieces keeps what is written.
type pieces [][]byte

func (p *pieces) Write(b []byte) (int, error) {
	*p = append(*p, bytes.Clone(b))
	return len(b), nil
}

// visits is the number of blocks in a scan. A DC coefficient counts as a quarter of a block.
func (e *Encoder) visits(s *scan) (n int) {
	for _, i := range s.parts {
		n += e.parts[i].blocksX * e.parts[i].blocksY
	}
	if s.from == 0 {
		n /= 4
	}
	return n
}

// writeProgressive writes a scan and the tables that it needs. If its symbols have been counted, tokens are
// written as they are collected; if not, all are collected first.
func (e *Encoder) writeProgressive(
	ctx context.Context, b *bitWriter, p *progressiveTokens, grids []*grid, s *scan, counts *tokenCounts,
) {
	counted := counts != nil
	if !counted {
		p.scan(ctx, e, grids, s, 1)
		counts = &p.counts
	}
	var codes codeTable
	codes.setRaw()
	switch {
	case s.from > 0:
		freq := counts.acProgressive()
		ac := optimalSpec(&freq)
		codes.setACProgressive(&ac)
		b.writeHuffman(1, e.parts[s.parts[0]].class, &ac)
	case s.high == 0:
		for _, class := range e.classes(s) {
			freq := counts.dc(class)
			dc := optimalSpec(&freq)
			codes.setDC(class, &dc)
			b.writeHuffman(0, class, &dc)
		}
	}
	e.writeScanHeader(b, s)
	if counted {
		p.list.pass = func(t []uint16) { b.tokens(t, &codes) }
		p.scan(ctx, e, grids, s, 1)
		p.list.pass = nil
	}
	b.list(ctx, &p.list, &codes)
}

// classes returns the classes of a scan's components, ascending.
func (e *Encoder) classes(s *scan) (list []int) {
	for _, i := range s.parts {
		if class := e.parts[i].class; len(list) == 0 || class > list[len(list)-1] {
			list = append(list, class)
		}
	}
	return list
}

const (
	// maxLow is the largest number of low bits that a first scan leaves for refinements.
	maxLow = 3
	// maxCorrections limits the correction bits that are pending at the end of a run of blocks, as in
	// libjpeg.
	maxCorrections = 1000
)

// progressiveTokens collects the tokens of one scan at a time (T.81 G.1.2).
type progressiveTokens struct {
	list   tokenList
	counts tokenCounts

	ended    int      // number of blocks ended since the last symbol, EOBRUN
	held     []uint16 // tokens of the correction bits of the ended blocks
	heldBits int      // number of these bits
}

// scan replaces the collected tokens by those of s: if it is one of AC coefficients, of one of every so many rows of
// blocks.
func (p *progressiveTokens) scan(ctx context.Context, e *Encoder, grids []*grid, s *scan, every int) {
	p.list.reset()
	p.counts = tokenCounts{}
	switch {
	case s.from == 0 && s.high == 0:
		p.dcFirst(ctx, e, grids, s)
	case s.from == 0:
		p.dcRefine(ctx, e, grids, s)
	default:
		g := grids[s.parts[0]]
		for i := every / 2 * g.blocksX; i < len(g.nonzero) && ctx.Err() == nil; i += every * g.blocksX {
			p.row(g, s, i)
		}
		p.list.keep(p.endRun(p.list.room(scanTokens)))
	}
}

// row adds a row of blocks, from block i of a grid, to a scan of AC coefficients.
func (p *progressiveTokens) row(g *grid, s *scan, i int) {
	if p.rowByKernel(g, s, i) {
		return
	}
	t, band := p.list.room(scanTokens), s.band()
	for j, set := range g.atLeast[s.low][i : i+g.blocksX] {
		if cap(t)-len(t) < scanTokens {
			p.list.keep(t)
			t = p.list.room(scanTokens)
		}
		switch set &= band; {
		case set == 0:
			t = p.endBlock(t)
		case s.high == 0:
			t = p.acFirst(t, g.at(i+j), set, s)
		default:
			t = p.acRefine(t, g.at(i+j), set, g.atLeast[s.low+1][i+j], g.bit[s.low][i+j], s)
		}
	}
	p.list.keep(t)
}

// band marks the coefficients of a scan.
func (s *scan) band() uint64 { return (2<<s.to - 1) &^ (1<<s.from - 1) }

// eachDC calls f with the DC coefficient of every block in the order of the scan. In an interleaved
// scan, blocks past the edge of their component repeat the previous block.
func (e *Encoder) eachDC(ctx context.Context, grids []*grid, s *scan, f func(part, dc int)) {
	if len(s.parts) == 1 {
		g := grids[s.parts[0]]
		for i := range g.nonzero {
			if i%g.blocksX == 0 && ctx.Err() != nil {
				return
			}
			f(s.parts[0], int(g.dc[i]))
		}
		return
	}
	dc := 0
	for m := range e.mcusX * e.mcusY {
		mx, my := m%e.mcusX, m/e.mcusX
		if mx == 0 && ctx.Err() != nil {
			return
		}
		for _, i := range s.parts {
			c, g := &e.parts[i], grids[i]
			for by := my * c.v; by < (my+1)*c.v; by++ {
				for bx := mx * c.h; bx < (mx+1)*c.h; bx++ {
					if bx < c.blocksX && by < c.blocksY {
						dc = int(g.dc[g.block(bx, by)])
					}
					f(i, dc)
				}
			}
		}
	}
}

func (p *progressiveTokens) dcFirst(ctx context.Context, e *Encoder, grids []*grid, s *scan) {
	var last [3]int
	t := p.list.room(scanTokens)
	e.eachDC(ctx, grids, s, func(part, dc int) {
		if cap(t)-len(t) < scanTokens {
			p.list.keep(t)
			t = p.list.room(scanTokens)
		}
		v := dc >> s.low
		t = p.counts.dcToken(t, e.parts[part].class, v-last[part])
		last[part] = v
	})
	p.list.keep(t)
}

func (p *progressiveTokens) dcRefine(ctx context.Context, e *Encoder, grids []*grid, s *scan) {
	var pending uint64
	n := 0
	e.eachDC(ctx, grids, s, func(_, dc int) {
		pending = pending<<1 | uint64(dc>>s.low&1)
		if n++; n == tokenLow {
			p.list.keep(p.raw(p.list.room(scanTokens), pending, n))
			n = 0
		}
	})
	p.list.keep(p.raw(p.list.room(scanTokens), pending, n))
}

// raw appends tokens for the lowest n bits, the highest of them first.
func (p *progressiveTokens) raw(t []uint16, list uint64, n int) []uint16 {
	for n > 0 {
		m := min(n, tokenLow)
		n -= m
		t = p.counts.add(t, 0, rawBits(m), 0, uint(list>>n&(1<<m-1)))
	}
	return t
}

// endRun appends the symbol for the blocks that have ended, if any, and their correction bits (T.81
// G.1.2.2, G.1.2.3).
func (p *progressiveTokens) endRun(t []uint16) []uint16 {
	if p.ended == 0 {
		return t
	}
	r := bits.Len(uint(p.ended)) - 1
	t = p.counts.add(t, 0, r<<4, r, uint(p.ended)&(1<<r-1))
	t = append(t, p.held...)
	p.ended, p.held, p.heldBits = 0, p.held[:0], 0
	return t
}

// endBlock counts a block as ended. A run of such blocks has at most 32767 (T.81 G.1.2.2).
func (p *progressiveTokens) endBlock(t []uint16) []uint16 {
	p.ended++
	if p.ended == 0x7FFF || p.heldBits > maxCorrections-63 {
		t = p.endRun(t)
	}
	return t
}

// acFirst adds the coefficients of a block that are in set, of a band.
func (p *progressiveTokens) acFirst(t []uint16, coef *[64]int16, set uint64, s *scan) []uint16 {
	t, last := p.counts.nonzero(p.endRun(t), 0, coef, set, s.from-1, s.low)
	if last < s.to {
		t = p.endBlock(t)
	}
	return t
}

// acRefine adds one more bit of a block's coefficients in a band. Of set, those that are also in known were
// nonzero before: they are sent as correction bits, those in bit, after the symbol that passes them. The
// others become nonzero with this bit, and are sent as symbols (T.81 G.1.2.3).
func (p *progressiveTokens) acRefine(
	t []uint16, coef *[64]int16, set, known, bit uint64, s *scan,
) []uint16 {
	next := s.from // the first coefficient after those that are sent
	corrections := func(before int) (list uint64, n int) {
		for m := set & known & (1<<before - 1) &^ (1<<next - 1); m != 0; m &= m - 1 {
			list = list<<1 | bit>>bits.TrailingZeros64(m)&1
			n++
		}
		return list, n
	}
	for fresh := set &^ known; fresh != 0; fresh &= fresh - 1 {
		k := bits.TrailingZeros64(fresh)
		t = p.endRun(t)
		run, last := 0, next-1
		for m := set & (2<<k - 1) &^ (1<<next - 1); m != 0; m &= m - 1 {
			j := bits.TrailingZeros64(m)
			run += j - last - 1
			last = j
			for ; run > 15; run -= 16 {
				t = p.counts.add(t, 0, stream.ZRL, 0, 0)
				list, n := corrections(j)
				t = p.raw(t, list, n)
				next = j
			}
		}
		positive := uint(1)
		if coef[stream.Zigzag[k]&63] < 0 {
			positive = 0
		}
		t = p.counts.add(t, 0, run<<4|1, 1, positive)
		list, n := corrections(k)
		t = p.raw(t, list, n)
		next = k + 1
	}
	if next <= s.to {
		list, n := corrections(s.to + 1)
		p.held = p.raw(p.held, list, n)
		p.heldBits += n
		t = p.endBlock(t)
	}
	return t
}
