package decode

import (
	"context"
	"fmt"
	"slices"
)

// maxPasses limits the work for a progressive picture: how many times its scans together may visit
// each block. Real files stay below 30. Without a limit, a file of a few megabytes could keep the
// decoder busy for hours.
const maxPasses = 200

// Coefficients may take 16 MB, and 1 kB more for each byte that was read: a block needs 136 bytes at
// most, and its first coefficient one bit of the file, unless the coding is arithmetic or the scan of
// first coefficients is missing.
const (
	freeCoefficients    = 16 << 20
	coefficientsPerByte = 1 << 10
)

// progressiveScan decodes one scan into the components' coefficients. A pipeline owns what follows
// the line.
type progressiveScan struct {
	d *Decoder // a copy
	scanHeader
	source  source // of the scan's data
	bits    *bitReader
	coder   *arithmeticReader // used instead of bits; nil for Huffman coding
	restart restarts
	places  [64 + 8]uint8 // of list
	endRun  int           // number of following blocks without new coefficients in the band (T.81 G.1.2.2)
	first   bool          // whether it is the first of the picture
	begun   bool
	done    bool
	y, rows int                // the next row of MCUs, and the number of rows
	mcus    int                // of a row
	across  int                // blocks of a row
	mcuRun  func(from, to int) // decodes MCUs of row y

	data     [][]byte // not yet decoded, in chunks
	chunk    []byte   // that is being decoded
	complete bool     // whether data is all there is
	end      error    // what follows it: io.EOF or the reader's error
	note     string   // damage before the scan
	alone    bool
	running  bool // whether a thread decodes it
	caller   bool // whether that is the caller's
	passed   int  // rows
	over     bool
	err      error
}

// newScan returns a scan that follows those of a pipeline.
func (p *pipeline) newScan(h scanHeader) *progressiveScan {
	d := *p.d
	s := &progressiveScan{d: &d, scanHeader: h, first: d.scans == 1}
	for _, c := range h.parts {
		c.coef.sent.record(h, true)
	}
	s.source = source{base: d.src.offset(), more: func() ([]byte, error) { return p.more(s) }}
	d.src, d.damage, d.flags = &s.source, "", 0
	if d.header.Arithmetic {
		s.coder = &arithmeticReader{
			arithmetic: arithmetic{source: &s.source}, conditionings: d.tables.conditionings,
		}
	}
	s.mcus, s.rows = d.mcusX, d.mcusY
	if len(h.parts) == 1 {
		s.mcus, s.rows = h.parts[0].blocksX, h.parts[0].blocksY
	}
	s.parts = slices.Clone(h.parts)
	for i, c := range s.parts {
		own := *c.component // Predictions are the scan's own.
		s.parts[i].component = &own
		s.across += s.mcus
		if len(s.parts) > 1 {
			s.across += s.mcus * (c.H*c.V - 1)
		}
	}
	return s
}

// coefficients returns the memory of all components' coefficients.
func (d *Decoder) coefficients() (all int64) {
	for _, c := range d.comps {
		all += int64(c.padY) * int64(c.padX*coefficientBytes(c.n))
	}
	return all
}

// allocated returns how much of that is allocated.
func (d *Decoder) allocated() (bytes int64) {
	for _, c := range d.comps {
		bytes += c.coef.bytes
	}
	return bytes
}

// justified returns how much memory the data read so far justifies for coefficients.
func (d *Decoder) justified() int64 {
	return freeCoefficients + coefficientsPerByte*d.src.offset()
}

// visits returns how many blocks a scan visits: none if it is skipped.
func (h *scanHeader) visits() (n int) {
	if h.needed() {
		for _, p := range h.parts {
			n += p.padX * p.padY
		}
	}
	return n
}

// needed reports whether anything that is kept depends on a scan. Even a scan of coefficients that
// are not kept determines which of them are nonzero, and thereby the position of the correction
// bits of later scans, unless it is their last.
func (h *scanHeader) needed() bool {
	if h.ss == 0 {
		return true
	}
	c := h.parts[0].coef
	return c.n > 1 && (h.ss <= c.keep || h.al > 0)
}

// finalAfter reports whether nothing that is kept of any component depends on data after a scan, if
// that scan is intact. Strict reads on nevertheless.
func (d *Decoder) finalAfter(h scanHeader) bool {
	if d.opt.Strict {
		return false
	}
	for _, c := range d.comps {
		bit := c.coef.bit
		for _, p := range h.parts {
			if p.index == c.index {
				bit.record(h, true)
			}
		}
		if !bit.final(c.coef) {
			return false
		}
	}
	return true
}

// checkProgressive enforces T.81 G.1.1.1.
func (d *Decoder) checkProgressive(h scanHeader) error {
	ok := h.se <= 63 && h.al <= 13 && (h.ah == 0 || h.ah == h.al+1)
	if h.ss == 0 {
		ok = ok && h.se == 0
	} else {
		ok = ok && h.ss <= h.se && len(h.parts) == 1
	}
	if !ok {
		return d.corrupt(fmt.Sprintf(
			"invalid progressive scan of coefficients %d to %d, bits %d to %d",
			h.ss, h.se, h.ah, h.al))
	}
	return nil
}

// decode decodes the rows up to one, and what is left of the data after the last.
func (s *progressiveScan) decode(ctx context.Context, until int) error {
	d := s.d
	if !s.begun {
		s.begun = true
		s.restart = newRestarts(d.tables.restart, 0)
		if s.startScan() && s.first {
			if err := d.src.fail(); err != nil {
				return err
			}
			return d.corrupt("no data in the first scan")
		}
		if s.ss == 0 {
			s.mcuRun = s.dc()
		} else {
			s.mcuRun = s.ac()
		}
	}
	for ; s.y < until; s.y++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if s.alone && d.allocated() > d.justified() {
			return d.corrupt("too little data for so many pixels")
		}
		if err := s.row(); err != nil {
			return err
		}
		if s.restart.starved && s.restart.interval == 0 {
			s.y = s.rows
			break
		}
	}
	if s.y < s.rows {
		return nil
	}
	s.done = true
	var err error
	if s.restart.finish(s.segment()).damaged(strayBytes) {
		err = d.flag(0, "data after the last block")
	}
	if s.coder == nil && s.bits.bad {
		err = d.flag(0, invalidCode)
	}
	return err
}

// startScan starts the first segment of a scan, and reports whether the scan has no data.
func (s *progressiveScan) startScan() (empty bool) {
	s.segment().start()
	if s.coder == nil {
		s.bits.bad = false
		return s.bits.end == 0 && !s.restart.continues(s.bits.found)
	}
	s.coder.reset(s.parts)
	return s.coder.empty() && !s.restart.continues(s.coder.found)
}

// segment returns what reads the entropy-coded data.
func (s *progressiveScan) segment() segment {
	if s.coder != nil {
		return s.coder
	}
	return s.bits
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

// row decodes row y of MCUs, as long as there is data: runs of them up to a restart marker or the
// end of the row.
func (s *progressiveScan) row() error {
	for x := 0; x < s.mcus; {
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
		n := s.restart.run(s.mcus - x)
		if !s.restart.starved {
			s.mcuRun(x, x+n)
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
	return nil
}

// ac returns what decodes blocks of a band of AC coefficients of one component.
func (s *progressiveScan) ac() func(from, to int) {
	p := s.parts[0]
	size := p.coef.n*p.coef.n - 1
	if s.coder != nil {
		decode := s.arithmeticFirst
		if s.ah > 0 {
			decode = s.arithmeticRefine
		}
		return func(from, to int) {
			low, nonzero := p.coef.row(s.y)
			for x := from; x < to && !s.coder.starved(); x++ {
				decode(p, low[x*size:][:size], &nonzero[x])
			}
		}
	}
	t := s.d.tables.builtAC[p.ac]
	run := s.newBlocksRun(t, p.coef)
	return func(from, to int) {
		low, nonzero := p.coef.row(s.y)
		s.blocks(run, t, p.coef, low[from*size:to*size], nonzero[from:to])
	}
}

// blocks decodes the blocks of low as long as there is data, by the kernels unless run is nil.
func (s *progressiveScan) blocks(
	run *blocksRun, t *decodeTable, c *coefficients, low []int16, nonzero []uint64,
) {
	size := c.n*c.n - 1
	for len(nonzero) > 0 && !s.bits.starved() {
		s.bits.ensure()
		if run != nil {
			n := s.kernel(run, low, nonzero)
			low, nonzero = low[n*size:], nonzero[n:]
			if len(nonzero) == 0 || s.bits.pos > s.bits.safe {
				continue
			}
		}
		n := 1
		switch {
		case s.ah > 0:
			s.refine(t, c, low[:size], &nonzero[0])
		case s.endRun > 0:
			n = min(s.endRun, len(nonzero))
			s.endRun -= n
		default:
			s.acFirst(t, c, low[:size], &nonzero[0])
		}
		low, nonzero = low[n*size:], nonzero[n:]
	}
}

// acFirst decodes a block's coefficients in their first scan (T.81 G.1.2.2).
func (s *progressiveScan) acFirst(t *decodeTable, c *coefficients, low []int16, nonzero *uint64) {
	b := s.bits
	mem, pos := b.mem[:], b.pos
	mask := *nonzero
	al, se := uint(s.al)&15, uint(s.se)
	acc, have := load64(mem, pos), uint(57) // the bits from pos on, and how many of them are valid
	for k := uint(s.ss) - 1; k < se; {
		if have < 32 { // the longest symbol
			acc, have = load64(mem, pos), 57
		}
		e := t.look[acc>>(64-lookBits)]
		v, l := int32(e)>>valueShift, uint(e&lengthMask)
		if e&entrySpecial != 0 {
			symbol := uint8(e >> valueShift)
			if l == 0 || symbol&15 != 0 {
				symbol, v, l = t.resolve(acc)
				b.bad = b.bad || l == badLength && symbol == 0
			}
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
		acc <<= l & 63
		have -= l
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
