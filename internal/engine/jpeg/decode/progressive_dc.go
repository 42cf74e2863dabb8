package decode

// dc returns what decodes MCUs of the DC coefficients of one component or several (T.81 G.1.2.1).
func (s *progressiveScan) dc() func(from, to int) {
	var rows []dcRow
	return func(from, to int) {
		rows = rows[:0]
		for _, p := range s.parts {
			if len(s.parts) == 1 {
				rows = append(rows, s.dcRow(p, s.y, 1))
				break
			}
			for v := range p.V {
				rows = append(rows, s.dcRow(p, s.y*p.V+v, p.H))
			}
		}
		s.dcBlocks(rows, from, to)
	}
}

// dcRow is a row of blocks in a scan of DC coefficients, of which each MCU has some.
type dcRow struct {
	part  scanPart
	y     int
	each  int // blocks of an MCU
	dc    []int16
	table *decodeTable
}

func (s *progressiveScan) dcRow(p scanPart, y, each int) dcRow {
	return dcRow{p, y, each, p.coef.rowDC(y), s.d.tables.builtDC[p.dc]}
}

// dcBlocks decodes the DC coefficients of the MCUs from one up to another, which have blocks of rows.
func (s *progressiveScan) dcBlocks(rows []dcRow, from, to int) {
	if s.coder == nil && s.ah > 0 {
		s.dcRefine(rows, from, to)
		return
	}
	b := s.bits
	single := len(s.parts) == 1
	for mcu := from; mcu < to && (single || !s.starved()); mcu++ {
		for i := range rows {
			r := &rows[i]
			if s.coder != nil {
				s.arithmeticDC(r.part, r.y, mcu*r.each, (mcu+1)*r.each)
				continue
			}
			for x := mcu * r.each; x < (mcu+1)*r.each; x++ {
				b.ensure()
				if e := r.table.look[load64(b.mem[:], b.pos)>>(64-lookBits)]; e&entrySpecial == 0 {
					b.pos += uint(e & lengthMask)
					r.part.pred += int32(e) >> valueShift
				} else {
					_, v := b.symbol(r.table)
					r.part.pred += v
				}
				r.dc[x] = int16(r.part.pred << s.al)
			}
		}
	}
}

// dcRefine decodes one more bit of each of the DC coefficients.
func (s *progressiveScan) dcRefine(rows []dcRow, from, to int) {
	b := s.bits
	one := int16(1) << s.al
	single := len(s.parts) == 1
	for mcu := from; mcu < to && (single || !b.starved()); mcu++ {
		for i := range rows {
			r := &rows[i]
			b.ensure()
			acc := load64(b.mem[:], b.pos)
			for x := mcu * r.each; x < (mcu+1)*r.each; x++ {
				r.dc[x] |= int16(int64(acc)>>63) & one
				acc <<= 1
				b.pos++
			}
		}
	}
}
