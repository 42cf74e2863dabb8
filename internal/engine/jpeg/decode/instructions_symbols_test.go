//go:build (amd64 || arm64) && !purego

package decode

import (
	"bytes"
	"math/bits"
	"slices"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
)

// scanSymbols is the number of Huffman symbols in the scans of a file, by kind; those of scans of DC
// coefficients alone are not counted.
type scanSymbols struct{ sequential, first, refined int }

// codedPart is a component of countSymbols.
type codedPart struct {
	id, h, v byte
	nonzero  []uint64 // as in coefficients
}

// countSymbols reads the scans of a file without restart markers.
func countSymbols(t *testing.T, file []byte) (n scanSymbols) {
	t.Helper()
	var parts []codedPart
	var width, height, hmax, vmax int
	var tables [2][4]*decodeTable
	for at := 2; at+4 <= len(file) && file[at+1] != stream.EOI; {
		marker, body := file[at+1], file[at+4:at+2+(int(file[at+2])<<8|int(file[at+3]))]
		at += 4 + len(body)
		switch marker {
		case stream.DHT:
			readCodes(t, body, &tables)
		case stream.SOF0, stream.SOF1, stream.SOF2:
			height, width = int(body[1])<<8|int(body[2]), int(body[3])<<8|int(body[4])
			for c := body[6:]; len(c) > 0; c = c[3:] {
				parts = append(parts, codedPart{id: c[0], h: c[1] >> 4, v: c[1] & 15})
				hmax, vmax = max(hmax, int(c[1]>>4)), max(vmax, int(c[1]&15))
			}
		case stream.SOS:
			scan := body[1+2*int(body[0]):]
			ss, se, refines := int(scan[0]), int(scan[1]), scan[2]>>4 > 0
			b := &bitReader{source: newSource(bytes.NewReader(file[at:]))}
			b.start()
			switch {
			case ss == 0 && se == 63:
				for range ceilDiv(width, 8*hmax) * ceilDiv(height, 8*vmax) {
					for i, p := range parts {
						dc, ac := tables[0][body[2+2*i]>>4], tables[1][body[2+2*i]&15]
						n.sequential += countBlocks(b, int(p.h*p.v), dc, ac)
					}
				}
			case ss > 0:
				p := &parts[slices.IndexFunc(parts, func(p codedPart) bool { return p.id == body[1] })]
				if p.nonzero == nil {
					w, h := ceilDiv(width*int(p.h), hmax), ceilDiv(height*int(p.v), vmax)
					p.nonzero = make([]uint64, ceilDiv(w, 8)*ceilDiv(h, 8))
				}
				symbols := &n.first
				if refines {
					symbols = &n.refined
				}
				*symbols += countBands(b, tables[1][body[2]&15], p.nonzero, ss, se, refines)
			}
			if b.starved() || b.bad {
				t.Fatal("the scan is damaged")
			}
			for at+1 < len(file) && (file[at] != 0xFF || file[at+1] == 0) {
				at++
			}
		}
	}
	return n
}

// readCodes reads DHT (T.81 B.2.4.2).
func readCodes(t *testing.T, body []byte, tables *[2][4]*decodeTable) {
	t.Helper()
	for len(body) > 0 {
		spec, class, id, count := new(stream.HuffmanTable), body[0]>>4, body[0]&15, 0
		for l, c := range body[1:17] {
			spec.Counts[l+1] = c
			count += int(c)
		}
		spec.Symbols, body = body[17:17+count], body[17+count:]
		table, err := newDecodeTable(spec, class == 0)
		if err != nil {
			t.Fatal(err)
		}
		tables[class][id] = table
	}
}

// countBlocks reads blocks of a sequential scan (T.81 F.2.2).
func countBlocks(b *bitReader, blocks int, dc, ac *decodeTable) (n int) {
	for range blocks {
		b.ensure()
		b.symbol(dc)
		n++
		for k := 0; k < 63; {
			symbol, _ := b.symbol(ac)
			n++
			if k += int(symbol>>4) + 1; endsBlock(symbol) {
				break
			}
		}
	}
	return n
}

// countBands reads a scan of AC coefficients (T.81 G.1.2.2 and G.1.2.3).
func countBands(b *bitReader, table *decodeTable, nonzero []uint64, ss, se int, refines bool) (n int) {
	end := 0
	for i := range nonzero {
		b.ensure()
		k := ss
		for end == 0 && k <= se {
			symbol, _ := b.symbol(table)
			n++
			run := int(symbol >> 4)
			if endsBlock(symbol) {
				end = 1<<run + int(b.take(uint(run)))
				break
			}
			for ; k <= se; k++ {
				if refines && nonzero[i]>>k&1 != 0 {
					b.pos++
				} else if run--; run < 0 {
					break
				}
			}
			if symbol&15 != 0 {
				nonzero[i] |= 1 << k
			}
			k++
		}
		if end > 0 {
			end--
			if refines && k <= se {
				b.pos += uint(bits.OnesCount64(nonzero[i] & band(k, se)))
			}
		}
	}
	return n
}
