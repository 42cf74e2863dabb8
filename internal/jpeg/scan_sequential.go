package jpeg

import (
	"context"

	"github.com/imgmill/imgmill/internal/dct"
	"github.com/imgmill/imgmill/internal/plane"
)

// grey is the sample of a block without coefficients.
const grey = 128

// strayBytes is how much data may be left after the last block before it counts as damage: a decoder that lost its way
// mostly ends too early or too late.
const strayBytes = 16

// unit is one block of an MCU.
type unit struct {
	*component
	dc, ac *decodeTable
	scale  [128]uint32 // by place in the zigzag order: quantisation step, and in the lowest 6 bits the place in the block
	keep   uint        // last place in the zigzag order that the scale needs
	off    int         // of the block in the band, in the first MCU
	step   int         // from one MCU to the next
}

// sequentialScan decodes an MCU row at a time into the components' bands.
type sequentialScan struct {
	d       *Decoder
	bits    bitReader
	parts   []scanPart
	units   []unit
	block   [64]int16
	restart restarts
	mcus    int  // in a row
	rows    int  // of MCUs
	flagged bool // that the data ended early
}

// sequential decodes the scans of a baseline or extended sequential picture. Each component is in one of them; planes
// come as their scans do.
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
	if err := d.flag(0, "a component is missing"); err != nil {
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

// sequentialScan decodes one scan, of components that had none; done is how many they are. first scans must be sound
// enough to show something.
func (d *Decoder) sequentialScan(ctx context.Context, sink plane.Sink, h scanHeader, first bool) (m byte, done int, err error) {
	if d.scans++; d.scans > maxScans {
		return 0, 0, d.corrupt("too many scans")
	}
	for _, p := range h.parts {
		if p.scanned {
			return 0, 0, d.flag(0, "second scan of a component")
		}
	}
	if err := d.prepare(h, true, true); err != nil {
		return 0, 0, err
	}
	s := d.newSequentialScan(h)
	if first && s.bits.end == 0 {
		if err := d.src.fail(); err != nil {
			return 0, 0, err
		}
		return 0, 0, d.corrupt("no data in the first scan")
	}
	for row := range s.rows {
		if err := ctx.Err(); err != nil {
			return 0, 0, err
		}
		if err := s.row(); err != nil {
			return 0, 0, err
		}
		for _, p := range h.parts {
			n := p.n
			if len(h.parts) > 1 {
				n *= p.V
			}
			if err := d.push(sink, p.component, row*n, n); err != nil {
				return 0, 0, err
			}
		}
	}
	if left := s.bits.finish(); left > strayBytes {
		err = d.flag(0, "data after the last block")
	}
	if s.bits.bad {
		err = d.flag(0, "bits that are no Huffman code")
	}
	return s.bits.found, len(h.parts), err
}

func (d *Decoder) newSequentialScan(h scanHeader) *sequentialScan {
	s := &sequentialScan{d: d, parts: h.parts, restart: newRestarts(d.tables.restart), mcus: d.mcusX, rows: d.mcusY}
	s.bits.source = d.src
	s.bits.start()
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
		u := unit{
			component: p.component, dc: d.tables.builtDC[p.dc], ac: d.tables.builtAC[p.ac],
			keep: uint(lastKept[p.n]), step: across * p.n,
		}
		u.scale = scaleTableFor(p.quant)
		u.ac.withSkip()
		for y := range down {
			for x := range across {
				u.off = y*p.n*p.stride + x*p.n
				s.units = append(s.units, u)
			}
		}
	}
	return s
}

// lastKept is the place in the zigzag order of the last of the n×n lowest coefficients.
var lastKept = func() (last [9]int) {
	for n := 1; n <= 8; n++ {
		for k, z := range zigzag[:64] {
			if z == uint8(9*(n-1)) {
				last[n] = k
			}
		}
	}
	return last
}()

func scaleTableFor(quant *[64]uint16) (t [128]uint32) {
	for k := range t {
		i := min(k, 63)
		t[k] = uint32(quant[i])<<6 | uint32(zigzag[i])
	}
	return t
}

// row decodes the next row of MCUs.
func (s *sequentialScan) row() error {
	for x := 0; x < s.mcus; {
		if s.restart.due() {
			if err := s.d.restart(&s.bits, &s.restart); err != nil {
				return err
			}
			for _, p := range s.parts {
				p.pred = 0
			}
		}
		n := s.restart.run(s.mcus - x)
		done := 0
		if !s.restart.starved {
			done = s.decode(x, n)
		}
		if s.restart.starved {
			s.grey(x+done, n-done)
			if !s.flagged {
				s.flagged = true
				if err := s.d.flag(0, "scan ends early"); err != nil {
					return err
				}
			}
		}
		s.restart.pass(n)
		x += n
	}
	return nil
}

// grey empties n MCUs from the x-th on.
func (s *sequentialScan) grey(x, n int) {
	s.block[0] = 0
	for i := range s.units {
		u := &s.units[i]
		for b := range n {
			dct.Inverse(u.n, u.band[u.off+(x+b)*u.step:], u.stride, &s.block, 0)
		}
	}
}

// pushGrey gives a plane of which nothing is known.
func (d *Decoder) pushGrey(ctx context.Context, sink plane.Sink, c *component) error {
	c.band = make([]byte, c.stride*c.V*c.n)
	for row := range d.mcusY {
		if err := ctx.Err(); err != nil {
			return err
		}
		for i := range c.band {
			c.band[i] = grey
		}
		if err := d.push(sink, c, row*c.V*c.n, c.V*c.n); err != nil {
			return err
		}
	}
	return nil
}

// decode decodes n MCUs from the x-th of the row on and says how many it did. If the data ends in one, that one is
// completed with zero bits, as libjpeg does, and is the last until data is found again.
func (s *sequentialScan) decode(x, n int) int {
	b := &s.bits
	for m := range n {
		for i := range s.units {
			u := &s.units[i]
			b.ensure()
			if u.n == 1 {
				b.pos = s.passBlock(u, b.pos)
				u.band[u.off+(x+m)*u.step] = dct.Flat(int16(u.pred * int32(u.scale[0]>>6)))
				continue
			}
			last := s.decodeBlock(u)
			dct.Inverse(u.n, u.band[u.off+(x+m)*u.step:], u.stride, &s.block, last)
			if last > 0 {
				s.block = [64]int16{}
			}
		}
		if b.starved() {
			s.restart.starved = true
			return m + 1
		}
	}
	return n
}

// passBlock decodes a block's DC coefficient into u.pred and passes over the others. It takes and gives the place in the
// data.
func (s *sequentialScan) passBlock(u *unit, pos uint) uint {
	mem := &s.bits.mem
	acc := load64(mem, pos)
	if e := u.dc.look[acc>>(64-lookBits)]; e&entrySpecial == 0 {
		acc <<= e & lengthMask
		pos += uint(e & lengthMask)
		u.pred += int32(e) >> valueShift
	} else {
		_, v, l := u.dc.resolve(acc)
		pos += l
		acc = load64(mem, pos)
		u.pred += v
	}
	return s.bits.passAC(u.ac, acc, pos, 0)
}

// passAC passes over the rest of a block's AC coefficients, of which the one at place k was the last. acc holds the bits
// from pos on, enough of them for two skip entries.
func (b *bitReader) passAC(t *decodeTable, acc uint64, pos, k uint) uint {
	mem, skip := &b.mem, t.skip
	for {
		e := uint(skip[1<<skipBits+acc>>(64-skipBits)])
		next := k + e>>5
		if next < 63 {
			acc <<= e & 31
			pos += e & 31
			e = uint(skip[1<<skipBits+acc>>(64-skipBits)])
			k = next
			next += e >> 5
			if next < 63 {
				pos += e & 31
				acc = load64(mem, pos)
				e = uint(skip[1<<skipBits+acc>>(64-skipBits)])
				k = next
				next += e >> 5
				if next < 63 {
					acc <<= e & 31
					pos += e & 31
					k = next
					continue
				}
			}
		}
		if next == 63 || next-endOfBlock < 63 {
			return pos + e&31
		}
		// The entry holds no symbol, or some that are the next block's.
		symbol, _, l := t.resolve(load64(mem, pos))
		b.bad = b.bad || l == badLength && symbol == 0
		pos += l
		k += uint(symbol>>4) + 1
		if k >= 63 || symbol&15 == 0 && symbol>>4 < 15 {
			return pos
		}
		acc = load64(mem, pos)
	}
}

// decodeBlock leaves a block's dequantised coefficients in s.block, as far as its scale needs them, and gives the place
// in the zigzag order of the last that may be other than zero (T.81 F.2.2).
func (s *sequentialScan) decodeBlock(u *unit) (last int) {
	b := &s.bits
	mem, pos := &b.mem, b.pos
	acc := load64(mem, pos)
	left := looks - 1 // look-ups that the bits in acc are enough for
	if e := u.dc.look[acc>>(64-lookBits)]; e&entrySpecial == 0 {
		acc <<= e & lengthMask
		pos += uint(e & lengthMask)
		u.pred += int32(e) >> valueShift
	} else {
		_, v, l := u.dc.resolve(acc)
		pos += l
		acc = load64(mem, pos)
		u.pred += v
	}
	s.block[0] = int16(u.pred * int32(u.scale[0]>>6))

	k, keep, look := uint(0), u.keep, &u.ac.look
	for k < keep {
		if left == 0 {
			acc = load64(mem, pos)
			left = looks
		}
		left--
		e := look[acc>>(64-lookBits)]
		v, l := int32(e)>>valueShift, uint(e&lengthMask)
		if e&entrySpecial != 0 {
			if e>>advanceShift&advanceMask == endOfBlock {
				b.pos = pos + l
				return int(min(k, 63))
			}
			var symbol uint8
			symbol, v, l = u.ac.resolve(load64(mem, pos))
			b.bad = b.bad || l == badLength && symbol == 0
			e = (uint32(symbol>>4) + 1) << advanceShift
			if symbol&15 == 0 && symbol>>4 < 15 {
				b.pos = pos + l
				return int(min(k, 63))
			}
			left = 0
		}
		acc <<= l & 63
		pos += l
		k += uint(e >> advanceShift & advanceMask)
		z := u.scale[k&127]
		s.block[z&63] = int16(v * int32(z>>6))
	}
	if k < 63 {
		pos = b.passAC(u.ac, load64(mem, pos), pos, k)
	}
	b.pos = pos
	return int(min(k, 63))
}
