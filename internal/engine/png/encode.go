package png

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"hash/crc32"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/iptc"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

type encoder struct{}

// Layout implements codec.Encoder: gray or RGB, with or without alpha.
func (encoder) Layout(model plane.Model, alpha bool, w, h int) plane.Layout {
	if model != plane.Gray {
		model = plane.RGB
	}
	return plane.NewLayout(model, alpha, w, h, 1, 1)
}

// Encode implements codec.Encoder. An alpha plane that is opaque everywhere is left out.
func (encoder) Encode(ctx context.Context, p *plane.Picture, o codec.EncodeOptions) ([]byte, error) {
	s := newStrips(rasterOf(p, !p.Opaque()), writers{})
	s.pieces = len(s.all) == 1
	if err := s.run(ctx, max(o.Threads, 1)); err != nil {
		return nil, err
	}
	kind := [...]byte{typeGray, typeGrayAlpha, typeRGB, typeRGBA}[s.unit-1]
	data := s.data()
	out := make([]byte, 0, sizeOf(data)+len(o.EXIF)+len(o.XMP)+1024)
	out = appendHead(out, p.Layout, kind, nil, o)
	for _, d := range data {
		out = appendChunk(out, "IDAT", d)
	}
	return appendChunk(out, "IEND", nil), nil
}

// sizeOf returns the number of bytes of chunks with compressed pixels.
func sizeOf(data [][]byte) (n int) {
	for _, d := range data {
		n += len(d) + 16
	}
	return n
}

// appendHead appends what comes before the pixels of a picture of layout l: signature, header, profile,
// other chunks, and metadata.
func appendHead(out []byte, l plane.Layout, colourType byte, other []byte, o codec.EncodeOptions) []byte {
	out = append(out, signature...)
	head := binary.BigEndian.AppendUint32(nil, uint32(l.Width()))
	head = binary.BigEndian.AppendUint32(head, uint32(l.Height()))
	out = appendChunk(out, "IHDR", append(head, 8, colourType, 0, 0, 0))
	if icc := l.Space.For(l.Model).ICC; icc != nil {
		out = appendChunk(out, "iCCP", append([]byte("icc\x00\x00"), deflateProfile(icc)...))
	}
	out = append(out, other...)
	if o.EXIF != nil {
		out = appendChunk(out, "eXIf", o.EXIF)
	}
	if o.XMP != nil {
		out = appendChunk(out, "iTXt", xmpText(o.XMP))
	}
	if o.IPTC != nil {
		out = appendChunk(out, "zTXt", rawText("iptc", iptc.AppendResource(nil, iptc.ResourceIIM, o.IPTC)))
	}
	return out
}

func deflateProfile(icc []byte) []byte {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	z.Write(icc) // a bytes.Buffer never fails
	z.Close()
	return b.Bytes()
}

// appendChunk appends a PNG chunk: length, type, data, CRC of type and data.
func appendChunk(b []byte, kind string, data ...[]byte) []byte {
	size := 0
	for _, d := range data {
		size += len(d)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(size))
	start := len(b)
	b = append(b, kind...)
	for _, d := range data {
		b = append(b, d...)
	}
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[start:]))
}
