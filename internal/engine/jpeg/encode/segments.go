package encode

import (
	"encoding/binary"

	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
)

// segment writes a marker segment with the concatenated pieces (T.81 B.1.1.4).
func (b *bitWriter) segment(marker byte, pieces ...[]byte) {
	n := 2
	for _, p := range pieces {
		n += len(p)
	}
	b.bytes(binary.BigEndian.AppendUint16([]byte{0xFF, marker}, uint16(n)))
	for _, p := range pieces {
		b.bytes(p)
	}
}

// writeHeader writes everything up to the first Huffman table.
func (e *Encoder) writeHeader(b *bitWriter, o *Options, t *quantisers) {
	b.bytes([]byte{0xFF, stream.SOI})
	// JFIF 1.01, square pixels, no thumbnail.
	b.segment(stream.APP0, []byte("JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"))
	b.metadata(&o.Metadata)
	chunks := (len(o.ICC) + stream.ICCChunk - 1) / stream.ICCChunk
	for i := range chunks {
		chunk := o.ICC[i*stream.ICCChunk : min((i+1)*stream.ICCChunk, len(o.ICC))]
		b.segment(stream.APP2, []byte(stream.ICCPrefix), []byte{byte(i + 1), byte(chunks)}, chunk)
	}
	for class := range min(2, len(e.parts)) {
		dqt := []byte{byte(class)}
		for _, z := range stream.Zigzag[:64] {
			dqt = append(dqt, t[class].table[z])
		}
		b.segment(stream.DQT, dqt)
	}
	sof := []byte{
		8, byte(e.height >> 8), byte(e.height), byte(e.width >> 8), byte(e.width), byte(len(e.parts)),
	}
	for i, c := range e.parts {
		sof = append(sof, byte(i+1), byte(c.h<<4|c.v), byte(c.class))
	}
	marker := byte(stream.SOF0)
	if o.Progressive {
		marker = stream.SOF2
	}
	b.segment(marker, sof)
}

// writeHuffman writes one table; kind is 0 for DC and 1 for AC.
func (b *bitWriter) writeHuffman(kind, class int, s *stream.HuffmanTable) {
	b.segment(stream.DHT, []byte{byte(kind<<4 | class)}, s.Counts[1:], s.Symbols)
}

// scan describes one scan: its components by number, the band of coefficients in zigzag order, and
// the bits of successive approximation (T.81 G.1.1.1). A sequential scan has 0..63, 0, 0.
type scan struct {
	parts    []int
	from, to int // spectral selection, Ss and Se
	high     int // the bits from this one up have been sent, Ah; 0 in a first scan
	low      int // the bits below this one are left for later scans, Al
}

func (e *Encoder) writeScanHeader(b *bitWriter, s *scan) {
	sos := []byte{byte(len(s.parts))}
	for _, i := range s.parts {
		class := e.parts[i].class
		dc, ac := class, class // 0 if the scan does not use the table, as in libjpeg
		if s.from > 0 || s.high > 0 {
			dc = 0
		}
		if s.to == 0 {
			ac = 0
		}
		sos = append(sos, byte(i+1), byte(dc<<4|ac))
	}
	b.segment(stream.SOS, append(sos, byte(s.from), byte(s.to), byte(s.high<<4|s.low)))
}
