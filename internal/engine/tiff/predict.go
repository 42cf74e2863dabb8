package tiff

import "encoding/binary"

// unpredict undoes the predictor of one row (TIFF 6.0, section 14; Adobe's technical note 3). per is
// the number of samples in a pixel of the row.
func unpredict(predictor int, row []byte, p *packing, scratch []byte) {
	switch {
	case predictor == 3:
		undoFloat(row, p, scratch)
	case predictor != 2:
	case p.bits == 8:
		undo8(row, p.per)
	case p.bits == 16:
		undo16(row, p.order, p.per)
	case p.bits == 32:
		for i := 4 * p.per; i+4 <= len(row); i += 4 {
			p.order.PutUint32(row[i:], p.order.Uint32(row[i:])+p.order.Uint32(row[i-4*p.per:]))
		}
	case p.bits == 64:
		for i := 8 * p.per; i+8 <= len(row); i += 8 {
			p.order.PutUint64(row[i:], p.order.Uint64(row[i:])+p.order.Uint64(row[i-8*p.per:]))
		}
	}
}

// undo8 adds to each byte that of the pixel before, of per bytes.
func undo8(row []byte, per int) {
	if done := undoBlocks(row, per); done > 0 {
		for i := done; i < len(row); i++ {
			row[i] += row[i-per]
		}
		return
	}
	switch per {
	case 1:
		var a byte
		for i := range row {
			a += row[i]
			row[i] = a
		}
	case 3:
		var a, b, c byte
		for i := 0; i+3 <= len(row); i += 3 {
			p := row[i : i+3 : i+3]
			a, b, c = a+p[0], b+p[1], c+p[2]
			p[0], p[1], p[2] = a, b, c
		}
	case 4:
		var a, b, c, d byte
		for i := 0; i+4 <= len(row); i += 4 {
			p := row[i : i+4 : i+4]
			a, b, c, d = a+p[0], b+p[1], c+p[2], d+p[3]
			p[0], p[1], p[2], p[3] = a, b, c, d
		}
	default:
		for i := per; i < len(row); i++ {
			row[i] += row[i-per]
		}
	}
}

func undo16(row []byte, order binary.ByteOrder, per int) {
	if order == binary.LittleEndian {
		for i := 2 * per; i+2 <= len(row); i += 2 {
			v := binary.LittleEndian.Uint16(row[i:]) + binary.LittleEndian.Uint16(row[i-2*per:])
			binary.LittleEndian.PutUint16(row[i:], v)
		}
		return
	}
	for i := 2 * per; i+2 <= len(row); i += 2 {
		v := binary.BigEndian.Uint16(row[i:]) + binary.BigEndian.Uint16(row[i-2*per:])
		binary.BigEndian.PutUint16(row[i:], v)
	}
}

// undoFloat puts the bytes of floats together, of which a row holds all the highest ones, then all
// the second ones, and so on, each as the difference from the byte one pixel before.
func undoFloat(row []byte, p *packing, scratch []byte) {
	for i := p.per; i < len(row); i++ {
		row[i] += row[i-p.per]
	}
	size := p.bits / 8
	n := len(row) / size
	copy(scratch, row)
	for k := range size {
		at := k
		if p.order == binary.LittleEndian {
			at = size - 1 - k
		}
		for i, v := range scratch[k*n : (k+1)*n] {
			row[i*size+at] = v
		}
	}
}
