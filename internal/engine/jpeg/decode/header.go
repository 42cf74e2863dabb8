package decode

import (
	"bytes"
	"fmt"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// Component is one colour plane as listed in the frame header.
type Component struct {
	ID   byte
	H, V int // sampling factors, 1..4; set to 1 if there is one component, where they have no meaning
}

// Header holds the information that precedes the first scan.
type Header struct {
	Width, Height  int // in samples, as stored
	Precision      int // bits per sample as stored; planes always have 8
	Components     []Component
	Progressive    bool
	Lossless       bool
	Arithmetic     bool // arithmetic coding instead of Huffman coding
	JFIF           bool
	Adobe          bool
	AdobeTransform int // 0 none, 1 YCbCr, 2 YCCK; meaningless unless Adobe is set
	// Layout is the layout at full scale.
	Layout plane.Layout
	// ICC is the colour profile, its chunks joined; nil if there is none or if chunks are missing.
	ICC []byte
	codec.Metadata
	// Notes lists irregularities in the header that were tolerated, and metadata that was dropped.
	Notes []string
}

// tables holds what DQT, DHT and DRI segments define, before the frame header or between scans.
type tables struct {
	quant  [4]*[64]uint16 // in zigzag order
	dc, ac [4]*stream.HuffmanTable
	conditionings
	restart  int // number of MCUs between restart markers; 0 for none
	builtDC  [4]*decodeTable
	builtAC  [4]*decodeTable
	iccParts map[byte][]byte
	iccCount byte
	iccBytes int
	parts    metadataParts
}

// readHeader reads up to and including the first SOS segment.
func (d *Decoder) readHeader() error {
	if w := d.src.window(2); len(w) < 2 || w[0] != 0xFF || w[1] != stream.SOI {
		if err := d.src.fail(); err != nil {
			return err
		}
		return &FormatError{0, "missing start of image marker"}
	}
	d.src.skip(2)
	for {
		at := d.src.offset()
		m, skipped := d.src.marker()
		if skipped > 0 {
			d.note(fmt.Sprintf("%d stray bytes at offset %d", skipped, at))
		}
		done, err := d.headerMarker(m)
		if err != nil {
			return err
		}
		if done {
			return d.finishHeader()
		}
	}
}

// headerMarker processes one marker before the first scan. done is true after SOS.
func (d *Decoder) headerMarker(m byte) (done bool, err error) {
	switch {
	case m == 0 || m == stream.EOI:
		if err := d.src.fail(); err != nil {
			return false, err
		}
		return false, d.corrupt("ends before the first scan")
	case m == stream.TEM || m >= stream.RST0 && m <= stream.SOI:
		return false, nil // These have no segment; some cameras write SOI twice.
	case m == stream.SOS:
		if d.comps == nil {
			return false, d.corrupt("scan before the frame header")
		}
		d.first, err = d.readScanHeader()
		return true, err
	}
	body, err := d.segmentOf(m)
	if err != nil {
		return false, err
	}
	switch {
	case m >= stream.SOF0 && m <= stream.SOF3 || m == stream.SOF9 || m == stream.SOF10:
		err = d.frame(m, body)
	case isFrame(m) || m == stream.DHP || m == stream.EXP:
		err = &UnsupportedError{d.at, frameKind(m)}
	case m == stream.APP0:
		d.header.JFIF = d.header.JFIF || bytes.HasPrefix(body, []byte("JFIF\x00"))
	case m == stream.APP1:
		d.app1(body)
		d.application(body)
	case m == stream.APP13:
		d.app13(body)
	case m == stream.APP2:
		d.iccPart(body)
		d.application(body)
	case m == stream.APP14 && len(body) >= 12 && string(body[:5]) == "Adobe":
		d.header.Adobe, d.header.AdobeTransform = true, int(body[11])
	default:
		err = d.tableMarker(m, body)
	}
	return false, err
}

// application passes on the body of the segment that has just been read.
func (d *Decoder) application(body []byte) {
	if d.opt.Application != nil {
		d.opt.Application(body, d.at+4)
	}
}

// deep reports whether coefficients are those of 12 bits.
func (d *Decoder) deep() bool { return d.header.Precision == deepBits && !d.header.Lossless }

func isFrame(m byte) bool {
	return m >= stream.SOF0 && m <= stream.SOF15 && m != stream.DHT && m != stream.DAC
}

// frameKind names the coding process of a frame that this package does not read (T.81 table B.1).
func frameKind(m byte) string {
	switch {
	case m == stream.JPG:
		return "JPEG extension"
	case m == stream.DHP || m == stream.EXP:
		return "hierarchical coding"
	case m >= stream.SOF5 && m <= stream.SOF7:
		return "hierarchical coding"
	case m == stream.SOF11:
		return "lossless arithmetic coding"
	}
	return "hierarchical arithmetic coding"
}

// segment reads a segment's length and content at the source's position. The content is valid until
// the next read.
func (d *Decoder) segment() ([]byte, error) {
	d.at = d.src.offset() - 2
	l := d.src.window(2)
	if len(l) < 2 {
		return nil, d.ended()
	}
	n := int(l[0])<<8 | int(l[1])
	if n < 2 {
		return nil, &FormatError{d.at, fmt.Sprintf("invalid segment length %d", n)}
	}
	d.src.skip(2)
	body := d.src.window(n - 2)
	if len(body) < n-2 {
		return nil, d.ended()
	}
	d.src.skip(n - 2)
	return body, nil
}

// segmentOf reads the segment of a marker. A comment or application segment whose length is less
// than 2, which T.81 B.1.1.4 does not allow, is empty, as in libjpeg.
func (d *Decoder) segmentOf(m byte) ([]byte, error) {
	if m >= stream.APP0 && m <= stream.APP15 || m == stream.COM {
		if l := d.src.window(2); len(l) == 2 && l[0] == 0 && l[1] < 2 {
			d.at = d.src.offset() - 2
			d.note(fmt.Sprintf("segment length %d at offset %d", l[1], d.at))
			d.src.skip(2)
			return nil, nil
		}
	}
	return d.segment()
}

// ended returns the error for a stream that ends inside a segment.
func (d *Decoder) ended() error {
	if err := d.src.fail(); err != nil {
		return err
	}
	return d.corrupt("ends inside a segment")
}

func (d *Decoder) corrupt(reason string) error { return &FormatError{d.src.offset(), reason} }

// frame reads SOF0, SOF1, SOF2, SOF3, SOF9 or SOF10 (T.81 B.2.2).
func (d *Decoder) frame(m byte, b []byte) error {
	if d.comps != nil {
		return &FormatError{d.at, "second frame header"}
	}
	if len(b) < 6 || len(b) < 6+3*int(b[5]) {
		return &FormatError{d.at, "truncated frame header"}
	}
	h := &d.header
	h.Precision = int(b[0])
	h.Height, h.Width = int(b[1])<<8|int(b[2]), int(b[3])<<8|int(b[4])
	h.Progressive = m == stream.SOF2 || m == stream.SOF10
	h.Arithmetic, h.Lossless = m >= stream.SOF9, m == stream.SOF3
	known := h.Precision == 8 || h.Precision == deepBits
	if h.Lossless {
		known = h.Precision >= minLossless && h.Precision <= maxLossless
	}
	if !known {
		return &UnsupportedError{d.at, fmt.Sprintf("%d-bit samples", h.Precision)}
	}
	if h.Width == 0 {
		return &FormatError{d.at, "image width is 0"}
	}
	n := int(b[5])
	if n != 1 && n != 3 && n != 4 {
		return &UnsupportedError{d.at, fmt.Sprintf("%d components", n)}
	}
	for i := range n {
		c := b[6+3*i:]
		k := Component{ID: c[0], H: int(c[1] >> 4), V: int(c[1] & 15)}
		if k.H < 1 || k.H > 4 || k.V < 1 || k.V > 4 {
			return &FormatError{d.at, fmt.Sprintf("invalid sampling factors %d×%d", k.H, k.V)}
		}
		if c[2] > 3 {
			return &FormatError{d.at, fmt.Sprintf("invalid quantisation table number %d", c[2])}
		}
		if n == 1 {
			k.H, k.V = 1, 1 // A scan of one component is not interleaved (T.81 A.2.2).
		}
		h.Components = append(h.Components, k)
		d.comps = append(d.comps, &component{Component: k, tq: c[2]})
	}
	return nil
}

// tableMarker processes a segment that may occur before the frame header and between scans. It
// ignores those that do not affect decoding.
func (d *Decoder) tableMarker(m byte, body []byte) error {
	switch m {
	case stream.DQT:
		return d.quantTables(body)
	case stream.DHT:
		return d.huffmanTables(body)
	case stream.DAC:
		return d.conditioningTables(body)
	case stream.DRI:
		if len(body) < 2 {
			return &FormatError{d.at, "truncated restart interval"}
		}
		d.tables.restart = int(body[0])<<8 | int(body[1])
	}
	return nil
}

// quantTables reads DQT (T.81 B.2.4.1). Bytes after the last complete table are ignored.
func (d *Decoder) quantTables(b []byte) error {
	for len(b) > 0 {
		wide, id := b[0]>>4, b[0]&15
		size := 1 + 64<<wide
		if wide > 1 || id > 3 {
			return &FormatError{d.at, fmt.Sprintf(
				"invalid quantisation table: number %d, precision code %d", id, wide)}
		}
		if len(b) < size {
			return &FormatError{d.at, "truncated quantisation table"}
		}
		t := new([64]uint16)
		for i := range t {
			if wide == 1 {
				t[i] = uint16(b[1+2*i])<<8 | uint16(b[2+2*i])
			} else {
				t[i] = uint16(b[1+i])
			}
		}
		d.tables.quant[id] = t
		b = b[size:]
	}
	return nil
}

// huffmanTables reads DHT (T.81 B.2.4.2). Look-up tables are built only when a scan uses them.
func (d *Decoder) huffmanTables(b []byte) error {
	for len(b) >= 17 {
		class, id := b[0]>>4, b[0]&15
		if class > 1 || id > 3 {
			return &FormatError{d.at, fmt.Sprintf(
				"invalid Huffman table: number %d, class %d", id, class)}
		}
		spec := new(stream.HuffmanTable)
		copy(spec.Counts[1:], b[1:17])
		n := 0
		for _, c := range spec.Counts {
			n += int(c)
		}
		if n > 256 || len(b) < 17+n {
			return &FormatError{d.at, "Huffman table exceeds its segment"}
		}
		spec.Symbols = bytes.Clone(b[17 : 17+n])
		if class == 0 {
			d.tables.dc[id], d.tables.builtDC[id] = spec, nil
		} else {
			d.tables.ac[id], d.tables.builtAC[id] = spec, nil
		}
		b = b[17+n:]
	}
	if len(b) > 0 {
		return &FormatError{d.at, "truncated Huffman table"}
	}
	return nil
}

// iccPart stores a chunk of a colour profile (ICC.1 annex B.4).
func (d *Decoder) iccPart(b []byte) {
	t := &d.tables
	if len(b) < len(stream.ICCPrefix)+2 || string(b[:len(stream.ICCPrefix)]) != stream.ICCPrefix {
		return
	}
	number, count, data := b[len(stream.ICCPrefix)], b[len(stream.ICCPrefix)+1], b[len(stream.ICCPrefix)+2:]
	if t.iccParts == nil {
		t.iccParts = map[byte][]byte{}
		t.iccCount = count
	}
	if _, twice := t.iccParts[number]; !twice && t.iccBytes+len(data) <= stream.MaxICC {
		t.iccParts[number] = bytes.Clone(data)
		t.iccBytes += len(data)
	}
}

// joinICC joins the chunks of the profile, or drops them all if one is missing.
func (d *Decoder) joinICC() {
	t := &d.tables
	for i := range int(t.iccCount) {
		part, ok := t.iccParts[byte(i+1)]
		if !ok {
			d.note(fmt.Sprintf("colour profile ignored: chunk %d of %d is missing",
				i+1, t.iccCount))
			d.header.ICC = nil
			break
		}
		d.header.ICC = append(d.header.ICC, part...)
	}
	t.iccParts = nil
}

// maxNotes limits the number of notes, so that hostile headers cannot claim much memory.
const maxNotes = 16

// note records an irregularity in the header that was tolerated, or metadata that was dropped.
func (d *Decoder) note(text string) {
	if len(d.header.Notes) < maxNotes {
		d.header.Notes = append(d.header.Notes, text)
	}
}
