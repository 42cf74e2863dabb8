package decode

import (
	"context"
	"fmt"
	"math/bits"

	"github.com/imgmill/imgmill/internal/engine/dct"
	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// maxArithmeticPasses is maxPasses for arithmetic coding, where no symbol stands for many blocks, so
// that every visit of a block costs time.
const maxArithmeticPasses = 24

// conditioning is a table of a DAC segment for DC (T.81 B.2.4.3, F.1.4.4.1.4): differences up to
// 2^lower in size (none but 0 if it is 0) select the first context, those above 2^upper the last two.
type conditioning struct{ lower, upper uint8 }

const (
	usualUpper = 1 // of a DC conditioning table without DAC
	usualSplit = 5 // Kx of an AC conditioning table without DAC
)

// conditionings are the tables of DAC segments.
type conditionings struct {
	dc [4]conditioning
	ac [4]uint8
}

func usualConditionings() (c conditionings) {
	for i := range c.dc {
		c.dc[i].upper, c.ac[i] = usualUpper, usualSplit
	}
	return c
}

// conditioningTables reads DAC.
func (d *Decoder) conditioningTables(b []byte) error {
	for ; len(b) >= 2; b = b[2:] {
		class, id, v := b[0]>>4, b[0]&15, b[1]
		switch {
		case class > 1 || id > 3, class == 0 && v&15 > v>>4, class == 1 && (v < 1 || v > 63):
			return &FormatError{d.at, fmt.Sprintf(
				"invalid arithmetic conditioning table: number %d, class %d, value %d", id, class, v)}
		case class == 0:
			d.tables.conditionings.dc[id] = conditioning{v & 15, v >> 4}
		default:
			d.tables.conditionings.ac[id] = v
		}
	}
	return nil
}

// Numbers of contexts (T.81 tables F.4 and F.5), and the offsets of those that are shared by all
// coefficients.
const (
	dcContexts   = 64
	acContexts   = 256
	dcHigh       = 20 // X1 of DC; the four contexts of each of five conditions precede it
	acHighLower  = 189
	acHighUpper  = 217
	contextsOfAC = 3 // for each index in the zigzag order, from 1 on
)

// arithmeticReader decodes coefficients (T.81 F.1.4, F.2.4, G.1.3).
type arithmeticReader struct {
	arithmetic
	conditionings
	dcBins [4][dcContexts]uint8
	acBins [4][acContexts]uint8
}

// reset forgets all statistics, at the start of a scan and after a restart.
func (r *arithmeticReader) reset(parts []scanPart) {
	clear(r.dcBins[:])
	clear(r.acBins[:])
	for _, p := range parts {
		p.pred, p.condition = 0, 0
	}
}

// difference decodes a DC coefficient's difference from the one before (T.81 F.2.4.1). The size of
// the previous difference of the component selects its first contexts.
func (r *arithmeticReader) difference(p scanPart) int32 {
	bins := &r.dcBins[p.dc]
	x := int(p.condition)
	p.condition = 0
	if r.decide(&bins[x]) == 0 {
		return 0
	}
	sign := r.decide(&bins[x+1])
	v, high := int32(0), int32(0)
	if r.decide(&bins[x+2+int(sign)]) != 0 {
		if v, high = r.magnitude(1, bins[:], dcHigh); r.bad {
			return 0
		}
	}
	switch t := r.conditionings.dc[p.dc]; {
	case high < 1<<t.lower>>1: // The condition stays 0.
	case high > 1<<t.upper>>1:
		p.condition = 12 + 4*sign
	default:
		p.condition = 4 + 4*sign
	}
	if sign != 0 {
		return -v - 1
	}
	return v + 1
}

// value decodes an AC coefficient that is known not to be 0 (T.81 F.2.4.2).
func (r *arithmeticReader) value(p scanPart, k int) int32 {
	bins := &r.acBins[p.ac]
	sign := r.even()
	x := contextsOfAC*(k-1) + 2
	v := int32(0)
	if r.decide(&bins[x]) != 0 {
		v = 1
		if r.decide(&bins[x]) != 0 {
			x = acHighLower
			if k > int(r.conditionings.ac[p.ac]) {
				x = acHighUpper
			}
			v, _ = r.magnitude(2, bins[:], x)
		}
	}
	if sign != 0 {
		return -v - 1
	}
	return v + 1
}

// run skips zeros from index k on, and returns the index of the next coefficient that is not zero.
// ok is false if there is none up to last, which is invalid.
func (r *arithmeticReader) run(p scanPart, k, last int) (next int, ok bool) {
	bins := &r.acBins[p.ac]
	for r.decide(&bins[contextsOfAC*(k-1)+1]) == 0 {
		if k++; k > last {
			r.bad = true
			return k, false
		}
	}
	return k, true
}

// ended reports whether no coefficient from index k on is coded.
func (r *arithmeticReader) endOfBlock(p scanPart, k int) bool {
	return r.decide(&r.acBins[p.ac][contextsOfAC*(k-1)]) != 0
}

// block decodes a block of a sequential scan into dequantised coefficients, in rows of 8, and
// returns the index in the zigzag order of the last that is kept and may be nonzero.
func (r *arithmeticReader) block(p scanPart, block *[64]int16) (last int) {
	p.pred += r.difference(p)
	block[0] = int16(p.pred * int32(p.quant[0]))
	keep := lastKept[p.n]
	for k := 1; k <= 63 && !r.endOfBlock(p, k); k++ {
		var ok bool
		if k, ok = r.run(p, k, 63); !ok {
			break
		}
		v := r.value(p, k)
		if k <= keep {
			block[stream.Zigzag[k]] = int16(v * int32(p.quant[k]))
			last = k
		}
	}
	return last
}

// arithmeticScan decodes one sequential scan. It has the contract of sequentialScan.
func (d *Decoder) arithmeticScan(
	ctx context.Context, sink plane.Sink, h scanHeader, first bool,
) (m byte, done int, err error) {
	if err := d.prepare(h, false, false); err != nil {
		return 0, 0, err
	}
	r := &arithmeticReader{arithmetic: arithmetic{source: d.src}, conditionings: d.tables.conditionings}
	r.reset(h.parts)
	r.start()
	mcus, rows := d.mcusX, d.mcusY
	if len(h.parts) == 1 {
		mcus, rows = h.parts[0].blocksX, h.parts[0].blocksY
	}
	restart := newRestarts(d.tables.restart, mcus*rows)
	if first && r.empty() && !restart.continues(r.found) {
		if err := d.src.fail(); err != nil {
			return 0, 0, err
		}
		return 0, 0, d.corrupt("no data in the first scan")
	}
	for _, p := range h.parts {
		if p.band == nil {
			p.band = make([]byte, p.stride*p.V*p.n)
		}
	}
	for row := range rows {
		if err := ctx.Err(); err != nil {
			return 0, 0, err
		}
		if err := d.arithmeticRow(r, &restart, h.parts, mcus); err != nil {
			return 0, 0, err
		}
		if err := d.pushRow(sink, h.parts, row); err != nil {
			return 0, 0, err
		}
	}
	if restart.finish(r).damaged(strayBytes) {
		err = d.flag(0, "data after the last block")
	}
	return restart.found, len(h.parts), err
}

// arithmeticRow decodes a row of MCUs. What follows the end of a segment's data is grey.
func (d *Decoder) arithmeticRow(r *arithmeticReader, restart *restarts, parts []scanPart, mcus int) error {
	for x := range mcus {
		if restart.due() {
			if err := d.restart(r, restart); err != nil {
				return err
			}
			r.reset(parts)
		}
		for _, p := range parts {
			across, down := p.H, p.V
			if len(parts) == 1 {
				across, down = 1, 1
			}
			for v := range down {
				for u := range across {
					var block [64]int16
					last := 0
					if !restart.starved {
						last = r.block(p, &block)
					}
					if restart.starved || r.starved() {
						block, last = [64]int16{}, 0
					}
					p.paint(p.band[v*p.n*p.stride+(x*across+u)*p.n:], &block, last, d.deep())
				}
			}
		}
		if r.starved() && !restart.starved {
			restart.starved = true
			if err := d.flag(0, r.reason()); err != nil {
				return err
			}
		}
		restart.pass(1)
	}
	return nil
}

// reason describes why the rest of a segment cannot be decoded.
func (r *arithmeticReader) reason() string {
	if r.bad {
		return "invalid arithmetic code"
	}
	return "scan ends early"
}

// paint transforms a block of coefficients in rows of 8.
func (c *component) paint(dst []byte, block *[64]int16, last int, deep bool) {
	if deep {
		inverseDeep(c.n, dst, c.stride, block[:], 8)
		return
	}
	dct.Inverse(c.n, dst, c.stride, block, last)
}

// arithmeticDC is dcBlocks for arithmetic coding (T.81 G.1.3.1).
func (s *progressiveScan) arithmeticDC(p scanPart, y, from, to int) {
	dc := p.coef.rowDC(y)
	for x := from; x < to && !s.coder.starved(); x++ {
		if s.ah > 0 {
			if s.coder.even() != 0 {
				dc[x] |= 1 << s.al
			}
			continue
		}
		p.pred += s.coder.difference(p)
		dc[x] = int16(p.pred << s.al)
	}
}

// arithmeticFirst is acFirst for arithmetic coding (T.81 G.1.3.2).
func (s *progressiveScan) arithmeticFirst(p scanPart, low []int16, nonzero *uint64) {
	r := s.coder
	for k := s.ss; k <= s.se && !r.endOfBlock(p, k); k++ {
		var ok bool
		if k, ok = r.run(p, k, s.se); !ok {
			return
		}
		v := r.value(p, k)
		*nonzero |= 1 << k
		if at := p.coef.at[k]; at != dropped {
			low[at] = int16(v << s.al)
		}
	}
}

// arithmeticRefine is refine for arithmetic coding (T.81 G.1.3.3). The end of the block is coded only
// after the last coefficient that was nonzero before.
func (s *progressiveScan) arithmeticRefine(p scanPart, low []int16, nonzero *uint64) {
	r, c := s.coder, p.coef
	bins := &r.acBins[p.ac]
	known := bits.Len64(*nonzero&(^uint64(0)>>(63-s.se))) - 1
	one := int16(1) << s.al
	for k := s.ss; k <= s.se; k++ {
		if k > known && r.endOfBlock(p, k) {
			return
		}
		for *nonzero>>k&1 == 0 && r.decide(&bins[contextsOfAC*(k-1)+1]) == 0 {
			if k++; k > s.se {
				r.bad = true
				return
			}
		}
		at := c.at[k]
		if *nonzero>>k&1 != 0 {
			if r.decide(&bins[contextsOfAC*(k-1)+2]) != 0 && at != dropped {
				sign := low[at] >> 15
				low[at] += (one ^ sign) - sign
			}
			continue
		}
		v := one
		if r.even() != 0 {
			v = -one
		}
		*nonzero |= 1 << k
		if at != dropped {
			low[at] = v
		}
	}
}
