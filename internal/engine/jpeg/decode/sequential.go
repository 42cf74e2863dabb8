package decode

import (
	"cmp"
	"context"

	"github.com/imgmill/imgmill/internal/engine/dct"
	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// grey is the sample of a block without coefficients.
const grey = 128

// strayBytes is how much data may be left after the last block of a scan, whatever precedes it,
// before it is examined for damage.
const strayBytes = 16

// invalidCode reports bits that match no Huffman code.
const invalidCode = "invalid Huffman code"

// unit is one block of an MCU.
type unit struct {
	*component
	dc, ac *decodeTable
	steps  *[advances]uint32
	keep   uint // last index in the zigzag order that the scale needs
	at     int  // offset of the block in the coefficients of an MCU
	off    int  // offset of the block in the band, in the first MCU
	step   int  // distance from one MCU to the next in the band
}

// mcu describes the blocks that a scan interleaves.
type mcu struct {
	units  []unit
	size   int          // number of kept coefficients
	tables []walkTables // of the units; nil if plain Go is used
}

// newUnit returns a block of a component whose scale and quantisation table are known, without its
// position in an MCU.
func newUnit(c *component, dc, ac *decodeTable) unit {
	ac.withSkip()
	return unit{component: c, dc: dc, ac: ac, steps: stepTable(c.quant, c.n), keep: uint(lastKept[c.n])}
}

// add appends a block.
func (m *mcu) add(u unit) {
	u.at = m.size
	m.size += blockSize(u.n)
	m.units = append(m.units, u)
}

// sequentialScan decodes an MCU row at a time into the components' bands.
type sequentialScan struct {
	d       *Decoder
	mcu     mcu
	walker  *walker
	parts   []scanPart
	restart restarts
	mcus    int   // number of MCUs in a row
	rows    int   // number of rows of MCUs
	from    int64 // offset of its data in the stream
	flagged bool  // whether an early end of the data has been reported
}

// sequential decodes the scans of a baseline or extended sequential picture. Each component is in
// exactly one of them; planes are output in the order of their scans.
func (d *Decoder) sequential(ctx context.Context, sink plane.Sink) error {
	scan, done := d.first, 0
	for {
		m, n, err := d.sequentialScan(ctx, sink, scan, done == 0)
		if err != nil {
			return err
		}
		done += n
		if done == len(d.comps) {
			return nil
		}
		next, ok, err := d.nextScan(m)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		scan = next
	}
	if err := d.flag(0, "missing scan of a component"); err != nil {
		return err
	}
	for _, c := range d.comps {
		if !c.scanned {
			if err := d.pushGrey(ctx, sink, c); err != nil {
				return err
			}
		}
	}
	return nil
}

// sequentialScan decodes one scan of components that have not been scanned before, and returns
// their number in done. The first scan must have some data to show.
func (d *Decoder) sequentialScan(
	ctx context.Context, sink plane.Sink, h scanHeader, first bool,
) (m byte, done int, err error) {
	if d.scans++; d.scans > maxScans {
		return 0, 0, d.corrupt("too many scans")
	}
	for _, p := range h.parts {
		if p.scanned {
			return 0, 0, d.flag(0, "second scan of a component")
		}
	}
	if d.header.Lossless {
		return d.losslessScan(ctx, sink, h, first)
	}
	if d.header.Arithmetic {
		return d.arithmeticScan(ctx, sink, h, first)
	}
	if err := d.prepare(h, true, true); err != nil {
		return 0, 0, err
	}
	s := d.newSequentialScan(h)
	defer s.walker.stop()
	s.walker.start()
	if first && s.walker.empty() {
		if err := d.src.fail(); err != nil {
			return 0, 0, err
		}
		return 0, 0, d.corrupt("no data in the first scan")
	}
	total := s.mcus * s.rows
	for row := range s.rows {
		if err := ctx.Err(); err != nil {
			return 0, 0, err
		}
		if err := s.row(total - row*s.mcus); err != nil {
			return 0, 0, err
		}
		if err := d.pushRow(sink, h.parts, row); err != nil {
			return 0, 0, s.stopped(err)
		}
	}
	if s.restart.finish(s.walker).damaged(strayBytes) {
		err = d.flag(0, "data after the last block")
	}
	if s.walker.bad {
		err = d.flag(0, invalidCode)
	}
	return s.restart.found, len(h.parts), err
}

func (d *Decoder) newSequentialScan(h scanHeader) *sequentialScan {
	s := &sequentialScan{d: d, parts: h.parts, mcus: d.mcusX, rows: d.mcusY, from: d.src.offset()}
	for _, p := range h.parts {
		across, down := p.H, p.V
		if len(h.parts) == 1 {
			across, down = 1, 1
			s.mcus, s.rows = p.blocksX, p.blocksY
		}
		p.pred = 0
		if p.band == nil {
			p.band = make([]byte, p.stride*p.V*p.n)
		}
		u := newUnit(p.component, d.tables.builtDC[p.dc], d.tables.builtAC[p.ac])
		u.step = across * p.n
		for y := range down {
			for x := range across {
				u.off = y*p.n*p.stride + x*p.n
				s.mcu.add(u)
			}
		}
	}
	s.mcu.ready()
	s.restart = newRestarts(d.tables.restart, s.mcus*s.rows)
	size, threads := d.stretchSize, min(d.opt.Threads, maxThreads)
	if s.mcu.trackable() && s.restart.interval == 0 {
		if s.mcu.size > 4*len(s.mcu.units) {
			size = min(size, trackStretch)
		}
		size = shared(size, threads)
	}
	s.walker = newWalker(d.src, &s.mcu, &s.restart, threads, size)
	return s
}

// lastKept holds, by scale, the index in the zigzag order of the last of the n×n lowest
// coefficients.
var lastKept = func() (last [9]int) {
	for n := 1; n <= 8; n++ {
		for k, z := range stream.Zigzag[:64] {
			if z == uint8(9*(n-1)) {
				last[n] = k
			}
		}
	}
	return last
}()

// blockSize is the number of coefficients of a block kept at scale n.
func blockSize(n int) int {
	if n == 1 {
		return 1
	}
	return dct.Pitch(n) * n
}

// row decodes the next row of MCUs, of which rest remain in the picture.
func (s *sequentialScan) row(rest int) error {
	for x := 0; x < s.mcus; {
		if s.restart.due() {
			if err := s.d.restart(s.walker, &s.restart); err != nil {
				return err
			}
			for _, p := range s.parts {
				p.pred = 0
			}
		}
		limit := s.restart.run(rest - x)
		n := min(limit, s.mcus-x)
		done := 0
		if !s.restart.starved {
			done = s.decode(x, n, limit)
		}
		if s.restart.starved {
			s.grey(x+done, n-done)
			if !s.flagged {
				s.flagged = true
				if err := s.d.flag(s.walker.beyond(), "scan ends early"); err != nil {
					return err
				}
			}
		}
		s.restart.pass(n)
		x += n
	}
	return nil
}

// stopped returns the error with which the sink has ended the scan, after checking the MCUs taken
// so far for damage. Where in the scan that is would depend on how much has been read ahead.
func (s *sequentialScan) stopped(err error) error {
	if !s.walker.broken() {
		return err
	}
	return cmp.Or(s.d.flag(int(s.d.src.offset()-s.from), invalidCode), err)
}

// grey makes n MCUs grey, starting with the x-th.
func (s *sequentialScan) grey(x, n int) {
	var empty [64]int16
	for i := range s.mcu.units {
		u := &s.mcu.units[i]
		for b := range n {
			dct.Inverse(u.n, u.band[u.off+(x+b)*u.step:], u.stride, &empty, 0)
		}
	}
}

// pushGrey outputs a grey plane for a component without a scan.
func (d *Decoder) pushGrey(ctx context.Context, sink plane.Sink, c *component) error {
	c.band = make([]byte, c.stride*c.V*c.side)
	for row := range d.mcusY {
		if err := ctx.Err(); err != nil {
			return err
		}
		for i := range c.band {
			c.band[i] = grey
		}
		if err := d.push(sink, c, row*c.V*c.side, c.V*c.side); err != nil {
			return err
		}
	}
	return nil
}

// batch is the number of MCUs that are walked before they are painted.
const batch = 64

// decode decodes n MCUs, starting with the x-th of the row, and returns how many it decoded. The
// segment has at most limit more MCUs, including these. If the data ends within an MCU, that one is
// the last until more data is found.
func (s *sequentialScan) decode(x, n, limit int) int {
	for done := 0; done < n; {
		c := s.walker.next(limit - done)
		if c.taken == c.mcus {
			s.walker.walk(min(n-done, batch, aheadSize/s.mcu.size))
		}
		m := min(n-done, c.mcus-c.taken)
		s.paint(c, x+done, m)
		done += m
		if c.taken == c.mcus && c.starved() {
			s.restart.starved = true
			return done
		}
	}
	return n
}

// paint turns n walked MCUs into samples, component by component.
func (s *sequentialScan) paint(c *stretch, x, n int) {
	coef := c.coef[c.taken*s.mcu.size:]
	ends := c.ends[c.taken*len(s.mcu.units):]
	c.taken += n
	for from := 0; from < len(s.mcu.units); {
		to := from + 1
		for to < len(s.mcu.units) && s.mcu.units[to].component == s.mcu.units[from].component {
			to++
		}
		if size := s.mcu.units[from].n; s.d.deep() {
			s.paintDeep(s.mcu.units[from:to], coef, x, n, dct.Pitch(size))
		} else if size == 1 {
			s.paintFlat(s.mcu.units[from:to], coef, x, n)
		} else {
			s.paintBlocks(from, to, coef, ends, x, n)
		}
		from = to
	}
}

// paintFlat adds up the differences of DC coefficients (T.81 F.2.1.3.1) and outputs a sample for
// each.
func (s *sequentialScan) paintFlat(units []unit, coef []int16, x, n int) {
	c := units[0].component
	pred, step, band, size := c.pred, int32(c.quant[0]), c.band, s.mcu.size
	for at := 0; n > 0; n-- {
		for i := range units {
			u := &units[i]
			pred += int32(coef[at+u.at])
			band[u.off+x*u.step] = dct.Flat(int16(pred * step))
		}
		at += size
		x++
	}
	c.pred = pred
}

// paintBlocks adds up the differences of DC coefficients and then transforms the blocks. It does
// not interleave the two, because a vector load stalls if it closely follows a store to a part of
// what it loads.
func (s *sequentialScan) paintBlocks(from, to int, coef []int16, ends []uint8, x, n int) {
	units := s.mcu.units[from:to]
	c := units[0].component
	step := int32(c.quant[0])
	for m := range n {
		for i := range units {
			dc := &coef[m*s.mcu.size+units[i].at]
			c.pred += int32(*dc)
			*dc = int16(c.pred * step)
		}
	}
	for i := range units {
		u := &units[i]
		dct.InverseBlocks(c.n, c.band[u.off+x*u.step:], c.stride, u.step, dct.Blocks{
			Coef: coef[u.at:], Size: s.mcu.size,
			Last: ends[from+i:], LastStride: len(s.mcu.units), N: n,
		})
	}
}
