package decode

import (
	"context"
	"fmt"
	"slices"

	"github.com/imgmill/imgmill/internal/engine/plane"
)

// Lossless pictures (T.81 Annex H): each sample is predicted from those before it, and the difference
// from the prediction has a Huffman code as that of a DC coefficient. There are no blocks, and no
// cheaper scale. Samples of 2 to 16 bits are decoded exactly, and then reduced or extended to 8.

const (
	minLossless, maxLossless = 2, 16
	// halfTurn is the category of the difference 32768, which has no bits after its code: differences
	// are modulo 65536 (T.81 H.1.2.2).
	halfTurn = 16
)

// losslessScan is one scan of a lossless picture.
type losslessScan struct {
	d *Decoder
	scanHeader
	bits    bitReader
	restart restarts
	tables  []*decodeTable
	lines   [][][]uint16 // by part: the line above, and the lines of a row of MCUs
	across  []int        // by part: its samples in an MCU's line
	down    []int        // by part: its lines in an MCU
	fresh   bool         // whether the next line is the first, or the first after a restart
}

// losslessScan decodes one scan. It has the contract of sequentialScan.
func (d *Decoder) losslessScan(
	ctx context.Context, sink plane.Sink, h scanHeader, first bool,
) (m byte, done int, err error) {
	s := &losslessScan{d: d, scanHeader: h}
	if err := s.prepare(); err != nil {
		return 0, 0, err
	}
	mcus, rows := d.mcusX, d.mcusY
	if len(h.parts) == 1 {
		mcus, rows = h.parts[0].blocksX, h.parts[0].blocksY
	}
	if d.tables.restart%mcus != 0 {
		return 0, 0, &UnsupportedError{d.at, "a restart interval that ends within a line of a lossless picture"}
	}
	s.restart = newRestarts(d.tables.restart, mcus*rows)
	s.bits.source = d.src
	s.bits.start()
	if first && s.bits.end == 0 && !s.restart.continues(s.bits.found) {
		if err := d.src.fail(); err != nil {
			return 0, 0, err
		}
		return 0, 0, d.corrupt("no data in the first scan")
	}
	s.fresh = true
	for row := range rows {
		if err := ctx.Err(); err != nil {
			return 0, 0, err
		}
		if err := s.row(mcus); err != nil {
			return 0, 0, err
		}
		for i, p := range h.parts {
			s.reduce(i)
			if err := d.push(sink, p.component, row*s.down[i], s.down[i]); err != nil {
				return 0, 0, err
			}
		}
	}
	if s.restart.finish(&s.bits).damaged(strayBytes) {
		err = d.flag(0, "data after the last sample")
	}
	if s.bits.bad {
		err = d.flag(0, invalidCode)
	}
	return s.restart.found, len(h.parts), err
}

// prepare checks the scan header and sets up tables and lines.
func (s *losslessScan) prepare() error {
	d := s.d
	if s.ss < 1 || s.ss > 7 || s.al >= d.header.Precision {
		return d.corrupt(fmt.Sprintf("invalid lossless scan with predictor %d, point transform %d", s.ss, s.al))
	}
	for _, p := range s.parts {
		p.scanned = true
		spec := d.tables.dc[p.dc]
		if spec == nil {
			return d.corrupt(fmt.Sprintf("missing Huffman table %d", p.dc))
		}
		if len(spec.Symbols) > 0 && slices.Max(spec.Symbols) > halfTurn {
			return d.corrupt(errBadTable.Error())
		}
		// A table for DC refuses category 16; one for AC has a code for it, but is slower at 0.
		t, err := newDecodeTable(spec, !slices.Contains(spec.Symbols, halfTurn))
		if err != nil {
			return d.corrupt(err.Error())
		}
		s.tables = append(s.tables, t)
		across, down := p.H, p.V
		if len(s.parts) == 1 {
			across, down = 1, 1
		}
		s.across, s.down = append(s.across, across), append(s.down, down)
		var lines [][]uint16
		for range down + 1 {
			lines = append(lines, make([]uint16, p.padX))
		}
		s.lines = append(s.lines, lines)
		if p.band == nil {
			p.band = make([]byte, p.stride*p.V)
		}
	}
	return nil
}

// row decodes the next row of MCUs. Unlike with blocks, nothing is shown of what follows the end of
// the data: a few bytes could otherwise ask for much work.
func (s *losslessScan) row(mcus int) error {
	if s.restart.due() {
		if err := s.d.restart(&s.bits, &s.restart); err != nil {
			return err
		}
		s.fresh = true
	}
	for i, lines := range s.lines { // The last line is now the one above.
		last := s.down[i]
		lines[0], lines[last] = lines[last], lines[0]
	}
	for x := range mcus {
		s.bits.ensure()
		for i := range s.parts {
			for v := range s.down[i] {
				for u := range s.across[i] {
					s.sample(i, v, x*s.across[i]+u)
				}
			}
		}
		if s.restart.pending || s.bits.starved() {
			if err := s.d.src.fail(); err != nil {
				return err
			}
			return s.d.corrupt("scan ends early")
		}
	}
	s.fresh = false
	s.restart.pass(mcus)
	return nil
}

// middle is the prediction of the first sample.
func (s *losslessScan) middle() uint16 { return 1 << (s.d.header.Precision - s.al - 1) }

// sample decodes sample x of line v of an MCU.
func (s *losslessScan) sample(i, v, x int) {
	line, above := s.lines[i][v+1], s.lines[i][v]
	var predicted int32
	switch {
	case s.fresh && v == 0 && x == 0:
		predicted = int32(s.middle())
	case s.fresh && v == 0:
		predicted = int32(line[x-1])
	case x == 0:
		predicted = int32(above[x])
	default:
		predicted = predict(s.ss, int32(line[x-1]), int32(above[x]), int32(above[x-1]))
	}
	b, t := &s.bits, s.tables[i]
	var diff int32
	if e := t.look[load64(b.mem[:], b.pos)>>(64-lookBits)]; e&entrySpecial == 0 {
		b.pos += uint(e & lengthMask)
		diff = int32(e) >> valueShift
	} else {
		var symbol uint8
		if symbol, diff = b.symbol(t); symbol == halfTurn {
			diff = 1 << 15
		}
	}
	line[x] = uint16(predicted + diff)
}

// predict returns the prediction of a sample from its neighbours to the left, above, and above to the
// left (T.81 table H.1).
func predict(predictor int, left, above, corner int32) int32 {
	switch predictor {
	case 1:
		return left
	case 2:
		return above
	case 3:
		return corner
	case 4:
		return left + above - corner
	case 5:
		return left + (above-corner)>>1
	case 6:
		return above + (left-corner)>>1
	}
	return (left + above) >> 1
}

// reduce turns the lines of a row of MCUs into samples of 8 bits: the upper ones of more, and the
// nearest fraction of 255 for fewer.
func (s *losslessScan) reduce(i int) {
	p, precision := s.parts[i], s.d.header.Precision
	for v, line := range s.lines[i][1:] {
		dst := p.band[v*p.stride:][:len(line)]
		for x, value := range line {
			value <<= s.al
			if precision >= 8 {
				dst[x] = byte(value >> (precision - 8))
				continue
			}
			most := 1<<precision - 1
			dst[x] = byte((min(int(value), most)*255 + most/2) / most)
		}
	}
}
