package decode

import (
	"fmt"

	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
)

// scanHeader is an SOS segment (T.81 B.2.3).
type scanHeader struct {
	parts          []scanPart
	ss, se, ah, al int
}

// scanPart is the part of one component in a scan.
type scanPart struct {
	*component
	dc, ac byte // numbers of its Huffman tables
}

// maxScans limits how many scans of one picture are decoded. Scans that the scale does not need do
// not count.
const maxScans = 1000

func (d *Decoder) readScanHeader() (scanHeader, error) {
	var s scanHeader
	b, err := d.segment()
	if err != nil {
		return s, err
	}
	if len(b) < 1 || b[0] < 1 || b[0] > 4 || len(b) < 4+2*int(b[0]) {
		return s, &FormatError{d.at, "invalid scan header"}
	}
	n := int(b[0])
	for i := range n {
		id, t := b[1+2*i], b[2+2*i]
		c := d.find(id, s.parts)
		if c == nil {
			return s, &FormatError{d.at, fmt.Sprintf("scan of unknown component %d", id)}
		}
		if t>>4 > 3 || t&15 > 3 {
			return s, &FormatError{d.at, fmt.Sprintf(
				"invalid numbers %d and %d of entropy coding tables", t>>4, t&15)}
		}
		s.parts = append(s.parts, scanPart{c, t >> 4, t & 15})
	}
	b = b[1+2*n:]
	s.ss, s.se, s.ah, s.al = int(b[0]), int(b[1]), int(b[2]>>4), int(b[2]&15)
	return s, nil
}

// find returns the component with the given identifier that is not in used. Identifiers need not be
// unique.
func (d *Decoder) find(id byte, used []scanPart) *component {
next:
	for _, c := range d.comps {
		if c.ID != id {
			continue
		}
		for _, u := range used {
			if u.component == c {
				continue next
			}
		}
		return c
	}
	return nil
}

// nextScan reads on to the next scan; it returns false if there is none. m is a marker that has
// already been read, or 0. Errors between scans end the picture; what came before them can be
// shown.
func (d *Decoder) nextScan(m byte) (scanHeader, bool, error) {
	for {
		if m == 0 {
			m, _ = d.src.marker()
		}
		switch {
		case m == 0 && d.header.Progressive:
			return scanHeader{}, false, errNoEnd
		case m == 0 || m == stream.EOI:
			return scanHeader{}, false, d.src.fail()
		case m < stream.SOF0 || m >= stream.RST0 && m <= stream.SOI: // Those below are reserved, or TEM.
		case m == stream.SOS:
			s, err := d.readScanHeader()
			return d.orDamage(s, err)
		case isFrame(m):
			return d.orDamage(scanHeader{}, d.corrupt("second frame"))
		default:
			body, err := d.segmentOf(m)
			if err == nil {
				err = d.tableMarker(m, body)
			}
			if err != nil {
				return d.orDamage(scanHeader{}, err)
			}
		}
		m = 0
	}
}

func (d *Decoder) orDamage(s scanHeader, err error) (scanHeader, bool, error) {
	if err == nil {
		return s, true, nil
	}
	if fail := d.src.fail(); fail != nil || d.opt.Strict {
		return s, false, err
	}
	if d.damage == "" {
		d.damage = err.Error()
	}
	return s, false, nil
}

// prepare fixes what the components of a scan use: the quantisation table of their first scan (T.81
// B.2.2), and the look-up tables of their Huffman codes. Standard tables replace missing ones
// of sequential files; progressive ones have codes that those tables lack.
func (d *Decoder) prepare(s scanHeader, dc, ac bool) error {
	for _, p := range s.parts {
		if !p.scanned {
			p.quant = d.tables.quant[p.tq]
			p.scanned = true
		}
		if p.quant == nil {
			return d.corrupt(fmt.Sprintf("missing quantisation table %d", p.tq))
		}
		if dc {
			t := &d.tables
			if err := d.build(&t.builtDC[p.dc], t.dc[p.dc], &stream.StandardDC, p.dc, true); err != nil {
				return err
			}
		}
		if ac {
			t := &d.tables
			if err := d.build(&t.builtAC[p.ac], t.ac[p.ac], &stream.StandardAC, p.ac, false); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *Decoder) build(
	t **decodeTable, spec *stream.HuffmanTable, standard *[2]stream.HuffmanTable, id byte, dc bool,
) (err error) {
	if *t != nil {
		return nil
	}
	if spec == nil {
		if id > 1 || d.header.Progressive {
			return d.corrupt(fmt.Sprintf("missing Huffman table %d", id))
		}
		spec = &standard[id]
	}
	if *t, err = newDecodeTable(spec, dc); err != nil {
		return d.corrupt(err.Error())
	}
	return nil
}
