package jpeg

import (
	"context"
	"math/bits"
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

// progressive writes the scans of a script. Several threads collect the tokens of all scans first, which take
// about four times the bytes of the file.
func (e *Encoder) progressive(ctx context.Context, b *bitWriter, grids []*grid, script []scan, threads int) {
	if threads < 2 {
		var p progressiveTokens
		for i := range script {
			p.scan(ctx, e, grids, &script[i])
			e.writeProgressive(ctx, b, &p, &script[i])
		}
		return
	}
	tokens := make([]*progressiveTokens, len(script))
	spread(threads, len(script), func(_, i int) {
		tokens[i] = new(progressiveTokens)
		tokens[i].scan(ctx, e, grids, &script[i])
	})
	for i, p := range tokens {
		e.writeProgressive(ctx, b, p, &script[i])
	}
}

// writeProgressive writes a scan and the tables that it needs.
func (e *Encoder) writeProgressive(ctx context.Context, b *bitWriter, p *progressiveTokens, s *scan) {
	var codes codeTable
	codes.setRaw()
	switch {
	case s.from > 0:
		freq := p.counts.acProgressive()
		ac := optimalSpec(&freq)
		codes.setACProgressive(&ac)
		b.writeHuffman(1, e.parts[s.parts[0]].class, &ac)
	case s.high == 0:
		for _, class := range e.classes(s) {
			freq := p.counts.dc(class)
			dc := optimalSpec(&freq)
			codes.setDC(class, &dc)
			b.writeHuffman(0, class, &dc)
		}
	}
	e.writeScanHeader(b, s)
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

// maxCorrections limits the correction bits that are pending at the end of a run of blocks, as in
// libjpeg.
const maxCorrections = 1000

// progressiveTokens collects the tokens of one scan at a time (T.81 G.1.2).
type progressiveTokens struct {
	list   tokenList
	counts tokenCounts

	ended   int     // number of blocks ended since the last symbol, EOBRUN
	waiting uint8   // number of bits in pending
	pending uint    // bits for the next raw token
	held    []uint8 // correction bits of the ended blocks
	block   []uint8 // correction bits of the current block since its last symbol
}

// scan replaces the collected tokens by those of s.
func (p *progressiveTokens) scan(ctx context.Context, e *Encoder, grids []*grid, s *scan) {
	p.list.reset()
	p.counts = tokenCounts{}
	switch {
	case s.from == 0 && s.high == 0:
		p.dcFirst(ctx, e, grids, s)
	case s.from == 0:
		p.dcRefine(ctx, e, grids, s)
	default:
		g := grids[s.parts[0]]
		band := (uint64(2)<<s.to - 1) &^ (uint64(1)<<s.from - 1)
		for i, nonzero := range g.nonzero {
			if i%g.blocksX == 0 && ctx.Err() != nil {
				break
			}
			t := p.list.room(1)
			if s.high == 0 {
				t = p.acFirst(t, g.at(i), nonzero&band, s)
			} else {
				t = p.acRefine(t, g.at(i), nonzero&band, s)
			}
			p.list.keep(t)
		}
		p.list.keep(p.endRun(p.list.room(1)))
	}
}

// eachDC calls f with the DC coefficient of every block in the order of the scan. In an interleaved
// scan, blocks past the edge of their component repeat the previous block.
func (e *Encoder) eachDC(ctx context.Context, grids []*grid, s *scan, f func(part, dc int)) {
	if len(s.parts) == 1 {
		g := grids[s.parts[0]]
		for i := range g.nonzero {
			if i%g.blocksX == 0 && ctx.Err() != nil {
				return
			}
			f(s.parts[0], int(g.coef[64*i]))
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
						dc = int(g.coef[64*g.block(bx, by)])
					}
					f(i, dc)
				}
			}
		}
	}
}

func (p *progressiveTokens) dcFirst(ctx context.Context, e *Encoder, grids []*grid, s *scan) {
	var last [3]int
	e.eachDC(ctx, grids, s, func(part, dc int) {
		v := dc >> s.low
		p.list.keep(p.counts.dcToken(p.list.room(1), e.parts[part].class, v-last[part]))
		last[part] = v
	})
}

func (p *progressiveTokens) dcRefine(ctx context.Context, e *Encoder, grids []*grid, s *scan) {
	e.eachDC(ctx, grids, s, func(_, dc int) {
		p.list.keep(p.raw(p.list.room(1), uint8(dc>>s.low&1)))
	})
	p.list.keep(p.endRaw(p.list.room(1)))
}

// raw adds one bit without a code.
func (p *progressiveTokens) raw(t []uint16, bit uint8) []uint16 {
	p.pending = p.pending<<1 | uint(bit)
	p.waiting++
	if p.waiting == tokenLow {
		return p.endRaw(t)
	}
	return t
}

func (p *progressiveTokens) endRaw(t []uint16) []uint16 {
	if p.waiting > 0 {
		p.counts[rawBits(int(p.waiting))]++
		t = append(t, uint16(rawBits(int(p.waiting)))|uint16(p.pending<<(16-tokenLow)))
	}
	p.pending, p.waiting = 0, 0
	return t
}

// endRun adds the symbol for the blocks that have ended, if any, and their correction bits (T.81
// G.1.2.2, G.1.2.3).
func (p *progressiveTokens) endRun(t []uint16) []uint16 {
	if p.ended == 0 {
		return t
	}
	r := bits.Len(uint(p.ended)) - 1
	t = p.counts.add(t, 0, r<<4, r, uint(p.ended)&(1<<r-1))
	p.ended = 0
	t = p.corrections(t, p.held)
	p.held = p.held[:0]
	return t
}

func (p *progressiveTokens) corrections(t []uint16, list []uint8) []uint16 {
	for _, bit := range list {
		t = p.raw(t, bit)
	}
	return p.endRaw(t)
}

// endBlock counts a block as ended. A run of such blocks has at most 32767 (T.81 G.1.2.2).
func (p *progressiveTokens) endBlock(t []uint16) []uint16 {
	p.ended++
	p.held = append(p.held, p.block...)
	p.block = p.block[:0]
	if p.ended == 0x7FFF || len(p.held) > maxCorrections-63 {
		t = p.endRun(t)
	}
	return t
}

// acFirst adds the coefficients of a block in a band; nonzero marks those that are not zero.
func (p *progressiveTokens) acFirst(t []uint16, coef *[64]int16, nonzero uint64, s *scan) []uint16 {
	last := s.from - 1
	for m := nonzero; m != 0; m &= m - 1 {
		k := bits.TrailingZeros64(m)
		v := int(coef[zigzag[k]&63])
		if v < 0 {
			v = -(-v >> s.low)
		} else {
			v >>= s.low
		}
		if v == 0 {
			continue
		}
		if p.ended > 0 {
			t = p.endRun(t)
		}
		run := k - last - 1
		last = k
		for ; run > 15; run -= 16 {
			t = p.counts.add(t, 0, symZRL, 0, 0)
		}
		size, low := magnitude(v)
		t = p.counts.add(t, 0, run<<4|size, size, low)
	}
	if last < s.to {
		t = p.endBlock(t)
	}
	return t
}

// acRefine adds one more bit of a block's coefficients in a band. Coefficients that become nonzero
// with this bit are sent as symbols; those that were nonzero before are sent as correction bits
// after the symbol that passes them (T.81 G.1.2.3).
func (p *progressiveTokens) acRefine(t []uint16, coef *[64]int16, nonzero uint64, s *scan) []uint16 {
	var size [64]uint16 // the magnitudes down to this bit
	final := 0          // the last coefficient that becomes nonzero
	known := uint64(0)
	for m := nonzero; m != 0; m &= m - 1 {
		k := bits.TrailingZeros64(m)
		v := int(coef[zigzag[k]&63])
		sign := v >> (bits.UintSize - 1)
		a := ((v ^ sign) - sign) >> s.low
		if a == 0 {
			continue
		}
		size[k] = uint16(a)
		known |= 1 << k
		if a == 1 {
			final = k
		}
	}
	run, last := 0, s.from-1
	for m := known; m != 0; m &= m - 1 {
		k := bits.TrailingZeros64(m)
		run += k - last - 1
		last = k
		for ; run > 15 && k <= final; run -= 16 {
			t = p.endRun(t)
			t = p.counts.add(t, 0, symZRL, 0, 0)
			t = p.corrections(t, p.block)
			p.block = p.block[:0]
		}
		if size[k] > 1 {
			p.block = append(p.block, uint8(size[k]&1))
			continue
		}
		t = p.endRun(t)
		positive := uint(1)
		if coef[zigzag[k]&63] < 0 {
			positive = 0
		}
		t = p.counts.add(t, 0, run<<4|1, 1, positive)
		t = p.corrections(t, p.block)
		p.block = p.block[:0]
		run = 0
	}
	run += s.to - last
	if run > 0 || len(p.block) > 0 {
		t = p.endBlock(t)
	}
	return t
}
