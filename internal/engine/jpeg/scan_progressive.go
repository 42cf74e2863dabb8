package jpeg

import (
	"context"
	"fmt"

	"github.com/imgmill/imgmill/internal/engine/plane"
)

// maxPasses limits the work for a progressive picture: how many times its scans together may visit
// each block. Real files stay below 30. Without a limit, a file of a few megabytes could keep the
// decoder busy for hours.
const maxPasses = 200

// maxVisits limits the same work in visits of all blocks together. The usual scans of the largest
// picture that the default limits allow, with chroma as fine as luma, take 50 million.
const maxVisits = 1 << 26

// Coefficients may take 16 MB, and 1 kB more for each byte that was read: a block needs 136 bytes at
// most, and its first coefficient one bit of the file, unless the coding is arithmetic or the scan of
// first coefficients is missing.
const (
	freeCoefficients    = 16 << 20
	coefficientsPerByte = 1 << 10
)

// progressiveScan decodes one scan into the components' coefficients.
type progressiveScan struct {
	d *Decoder
	scanHeader
	bits    bitReader
	coder   *arithmeticReader // used instead of bits; nil for Huffman coding
	restart restarts
	places  [64 + 8]uint8 // of list
	endRun  int           // number of following blocks without new coefficients in the band (T.81 G.1.2.2)
}

// progressive decodes the scans of a progressive picture as far as its scale needs them, and then
// transforms the coefficients.
func (d *Decoder) progressive(ctx context.Context, sink plane.Sink) error {
	total := 0
	for _, c := range d.comps {
		c.coef = newCoefficients(c)
		total += c.padX * c.padY
	}
	s := &progressiveScan{d: d, scanHeader: d.first}
	s.bits.source = d.src
	passes := maxPasses
	if d.header.Arithmetic {
		s.coder, passes = &arithmeticReader{arithmetic: arithmetic{source: d.src}}, maxArithmeticPasses
	}
	for visits := 0; ; {
		visits += s.blocks()
		if visits > min(passes*total, maxVisits) || d.scans > maxScans {
			if err := d.flag(0, "too many scans"); err != nil {
				return err
			}
			break
		}
		m, err := s.scan(ctx)
		if err != nil {
			return err
		}
		if !d.opt.Strict && d.final() {
			break
		}
		next, ok, err := d.nextScan(m)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		s.scanHeader = next
	}
	for _, c := range d.comps {
		if !c.scanned {
			if err := d.flag(0, "missing scan of a component"); err != nil {
				return err
			}
		}
	}
	return d.transform(ctx, sink)
}

// checkMemory refuses a picture whose coefficients take more memory than its data justifies.
func (d *Decoder) checkMemory() error {
	kept := 0
	for _, c := range d.comps {
		kept += c.coef.rows * c.padX * coefficientBytes(c.n)
	}
	if int64(kept) > freeCoefficients+coefficientsPerByte*d.src.offset() {
		return d.corrupt("too little data for so many pixels")
	}
	return nil
}

// final reports whether nothing that is kept of any component depends on data not yet read.
func (d *Decoder) final() bool {
	for _, c := range d.comps {
		if !c.coef.final() {
			return false
		}
	}
	return true
}

// blocks returns how many blocks a scan visits: none if it is skipped.
func (s *progressiveScan) blocks() int {
	if !s.needed() {
		return 0
	}
	n := 0
	for _, p := range s.parts {
		n += p.padX * p.padY
	}
	return n
}

// needed reports whether anything that is kept depends on a scan. Even a scan of coefficients that
// are not kept determines which of them are nonzero, and thereby the position of the correction
// bits of later scans, unless it is their last.
func (s *progressiveScan) needed() bool {
	if s.ss == 0 {
		return true
	}
	c := s.parts[0].coef
	return c.n > 1 && (s.ss <= c.keep || s.al > 0)
}

// scan decodes or skips one scan, and returns the marker after it. Once there is something to show,
// a scan that cannot be decoded is only damage.
func (s *progressiveScan) scan(ctx context.Context) (m byte, err error) {
	d := s.d
	err = s.check()
	if err == nil && s.needed() {
		huffman := s.coder == nil
		err = d.prepare(s.scanHeader, huffman && s.ss == 0 && s.ah == 0, huffman && s.ss > 0)
	}
	if err != nil {
		if d.scans == 0 {
			return 0, err
		}
		_, _, err = d.orDamage(s.scanHeader, err)
	} else if s.needed() {
		return s.decode(ctx)
	}
	for m = markerRST0; m >= markerRST0 && m <= markerRST7; {
		m, _ = d.src.marker()
	}
	if m == 0 && err == nil {
		err = d.missingEnd()
	}
	return m, err
}

// missingEnd is called if the stream ends without a marker. That is damage if a scan may be
// missing, but not if every bit that the scale needs has arrived. Strict cannot know that.
func (d *Decoder) missingEnd() error {
	if d.final() && !d.opt.Strict {
		return d.src.fail()
	}
	return d.flag(0, "missing end of image marker")
}

// check enforces T.81 G.1.1.1.
func (s *progressiveScan) check() error {
	ok := s.se <= 63 && s.al <= 13 && (s.ah == 0 || s.ah == s.al+1)
	if s.ss == 0 {
		ok = ok && s.se == 0
	} else {
		ok = ok && s.ss <= s.se && len(s.parts) == 1
	}
	if !ok {
		return s.d.corrupt(fmt.Sprintf(
			"invalid progressive scan of coefficients %d to %d, bits %d to %d",
			s.ss, s.se, s.ah, s.al))
	}
	return nil
}

func (s *progressiveScan) decode(ctx context.Context) (m byte, err error) {
	d := s.d
	s.restart = newRestarts(d.tables.restart, 0)
	flags := d.flags
	if s.startScan() && d.scans == 0 {
		if err := d.src.fail(); err != nil {
			return 0, err
		}
		return 0, d.corrupt("no data in the first scan")
	}
	d.scans++
	if s.ss == 0 {
		err = s.dc(ctx)
	} else {
		err = s.ac(ctx)
	}
	if err != nil {
		return 0, err
	}
	if s.restart.finish(s.segment()).damaged(strayBytes) {
		err = d.flag(0, "data after the last block")
	}
	if s.bits.bad {
		err = d.flag(0, invalidCode)
	}
	for _, p := range s.parts {
		p.coef.record(s.scanHeader, d.flags == flags)
	}
	if m = s.restart.found; m == 0 && err == nil {
		err = d.missingEnd()
	}
	return m, err
}

// startScan starts the first segment of a scan, and reports whether the scan has no data.
func (s *progressiveScan) startScan() (empty bool) {
	s.endRun = 0
	s.bits.bad = false
	s.segment().start()
	if s.coder == nil {
		return s.bits.end == 0 && !s.restart.continues(s.bits.found)
	}
	s.coder.conditionings = s.d.tables.conditionings
	s.coder.reset(s.parts)
	return s.coder.empty() && !s.restart.continues(s.coder.found)
}

// segment returns what reads the entropy-coded data.
func (s *progressiveScan) segment() segment {
	if s.coder != nil {
		return s.coder
	}
	return &s.bits
}

// starved reports whether the data of a segment has ended before its last block.
func (s *progressiveScan) starved() bool {
	if s.coder != nil {
		return s.coder.starved()
	}
	return s.bits.starved()
}

// starvedReason describes why.
func (s *progressiveScan) starvedReason() string {
	if s.coder != nil {
		return s.coder.reason()
	}
	return "scan ends early"
}

// segments calls f for every run of MCUs within a row, up to a restart marker or the end of the
// row, as long as there is data.
func (s *progressiveScan) segments(ctx context.Context, rows, mcus int, f func(y, from, to int)) error {
	for _, p := range s.parts {
		p.pred = 0
	}
	for y := range rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.d.checkMemory(); err != nil {
			return err
		}
		for x := 0; x < mcus; {
			if s.restart.due() {
				if err := s.d.restart(s.segment(), &s.restart); err != nil {
					return err
				}
				s.endRun = 0
				if s.coder != nil {
					s.coder.reset(s.parts)
				}
				for _, p := range s.parts {
					p.pred = 0
				}
			}
			n := s.restart.run(mcus - x)
			if !s.restart.starved {
				f(y, x, x+n)
				if s.starved() {
					s.restart.starved = true
					if err := s.d.flag(0, s.starvedReason()); err != nil {
						return err
					}
				}
			}
			if s.restart.starved && s.restart.interval == 0 {
				return nil
			}
			s.restart.pass(n)
			x += n
		}
	}
	return nil
}

// ac decodes a scan of a band of AC coefficients of one component.
func (s *progressiveScan) ac(ctx context.Context) error {
	p := s.parts[0]
	size := p.coef.n * p.coef.n
	if s.coder != nil {
		decode := s.arithmeticFirst
		if s.ah > 0 {
			decode = s.arithmeticRefine
		}
		return s.segments(ctx, p.blocksY, p.blocksX, func(y, from, to int) {
			low, nonzero := p.coef.row(y)
			for x := from; x < to && !s.coder.starved(); x++ {
				decode(p, low[x*size:][:size], &nonzero[x])
			}
		})
	}
	t := s.d.tables.builtAC[p.ac]
	return s.segments(ctx, p.blocksY, p.blocksX, func(y, from, to int) {
		low, nonzero := p.coef.row(y)
		for x := from; x < to && !s.bits.starved(); x++ {
			s.bits.ensure()
			switch {
			case s.ah > 0:
				s.refine(t, p.coef, low[x*size:][:size], &nonzero[x])
			case s.endRun > 0:
				skip := min(s.endRun, to-x)
				s.endRun -= skip
				x += skip - 1
			default:
				s.acFirst(t, p.coef, low[x*size:][:size], &nonzero[x])
			}
		}
	})
}

// acFirst decodes a block's coefficients in their first scan (T.81 G.1.2.2).
func (s *progressiveScan) acFirst(t *decodeTable, c *coefficients, low []int16, nonzero *uint64) {
	b := &s.bits
	mem, pos := b.mem[:], b.pos
	mask := *nonzero
	al, se := uint(s.al)&15, uint(s.se)
	for k := uint(s.ss) - 1; k < se; {
		acc := load64(mem, pos)
		e := t.look[acc>>(64-lookBits)]
		v, l := int32(e)>>valueShift, uint(e&lengthMask)
		if e&entrySpecial != 0 {
			var symbol uint8
			symbol, v, l = t.resolve(acc)
			b.bad = b.bad || l == badLength && symbol == 0
			if symbol&15 == 0 {
				if r := symbol >> 4; r < 15 {
					b.pos = pos + l
					s.startEndRun(r)
					s.endRun--
					*nonzero = mask
					return
				}
				v = 0
			}
			e = (uint32(symbol>>4) + 1) << advanceShift
		}
		pos += l
		k += uint(e >> advanceShift & advanceMask)
		if v != 0 {
			i := min(k, 63)
			mask |= 1 << i
			if at := c.at[i]; at != dropped {
				low[at] = int16(v << al)
			}
		}
	}
	*nonzero = mask
	b.pos = pos
}

// startEndRun reads how many blocks, including this one, have no more new coefficients.
func (s *progressiveScan) startEndRun(r uint8) {
	s.endRun = 1<<r + int(s.bits.take(uint(r)))
}
