package png

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/png"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

type encoder struct{}

func (encoder) Layout(model plane.Model, alpha bool, w, h int) plane.Layout {
	if model != plane.Gray {
		model = plane.RGB
	}
	return plane.NewLayout(model, alpha, w, h, 1, 1)
}

// Encode inserts the profile and the EXIF block, which image/png does not write, behind the header.
func (encoder) Encode(ctx context.Context, p *plane.Picture, o codec.EncodeOptions) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := png.Encode(&b, interleaved(p)); err != nil {
		return nil, err
	}
	out := b.Bytes()
	const headEnd = len(signature) + 25 // and IHDR
	var extra []byte
	if icc := p.Space.ICC; icc != nil {
		extra = appendChunk(extra, "iCCP", append([]byte("icc\x00\x00"), deflateProfile(icc)...))
	}
	if o.EXIF != nil {
		extra = appendChunk(extra, "eXIf", o.EXIF)
	}
	return append(append(append(make([]byte, 0, len(out)+len(extra)), out[:headEnd]...), extra...), out[headEnd:]...), nil
}

// interleaved returns p as an image.Image that image/png writes without loss.
func interleaved(p *plane.Picture) image.Image {
	w, h := p.Width(), p.Height()
	if p.Model == plane.Gray && !p.HasAlpha() {
		return &image.Gray{Pix: p.Pix[0], Stride: p.Stride[0], Rect: image.Rect(0, 0, w, h)}
	}
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	colour := func(i int) int {
		if p.Model == plane.Gray {
			return 0
		}
		return i
	}
	for y := range h {
		row := m.Pix[y*m.Stride:][:4*w]
		for i := range 3 {
			for x, v := range p.Row(colour(i), y) {
				row[4*x+i] = v
			}
		}
		for x := range w {
			row[4*x+3] = 255
		}
		if a, ok := p.Alpha(); ok {
			for x, v := range p.Row(a, y) {
				row[4*x+3] = v
			}
		}
	}
	return m
}

func deflateProfile(icc []byte) []byte {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	z.Write(icc) // a bytes.Buffer never fails
	z.Close()
	return b.Bytes()
}

// appendChunk appends a PNG chunk: length, type, data, CRC of type and data.
func appendChunk(b []byte, kind string, data []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(data)))
	start := len(b)
	b = append(append(b, kind...), data...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[start:]))
}
