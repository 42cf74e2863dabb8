// Package qoi reads QOI files (Quite OK Image Format, specification 1.0). Rows are decoded from the
// stream one by one. The colour space byte, which the specification calls informative, is ignored,
// and the end marker is not asked for. The package never writes.
package qoi

import (
	"context"
	"encoding/binary"
	"io"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// Format describes QOI files.
var Format = &codec.Format{
	Name: "qoi", Title: "QOI",
	Extensions: []string{".qoi"},
	MediaType:  "image/qoi",
	Abilities:  codec.Abilities{Lossless: true, Alpha: true, Bits: 8},
	Detect: func(head []byte) bool {
		return len(head) >= headerLength && string(head[:4]) == "qoif" &&
			(head[12] == 3 || head[12] == 4) && head[13] <= 1
	},
	Open: open,
}

const headerLength = 14

func open(s *codec.Stream, _ codec.OpenOptions) (codec.Decoder, error) {
	var b [headerLength]byte
	if _, err := io.ReadFull(s, b[:]); err != nil {
		return nil, err
	}
	w, h := binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])
	if w == 0 || h == 0 || w > 1<<31-1 || h > 1<<31-1 {
		return nil, s.Corrupt(4, "a size of %d×%d", w, h)
	}
	header := codec.Header{Format: s.Format(), Width: int(w), Height: int(h), Frames: 1, Orientation: 1}
	header.Layout = plane.NewLayout(plane.RGB, b[12] == 4, header.Width, header.Height, 1, 1)
	return codec.NewRows(header, s, 0, func(_ context.Context, b *codec.Bands) error {
		p := pixels{s: s, now: pixel{a: 255}}
		for range header.Height {
			if err := p.row(b.Next()); err != nil {
				return err
			}
			if err := b.Push(); err != nil {
				return err
			}
		}
		return nil
	}), nil
}

type pixel struct{ r, g, b, a byte }

// hash is the place of a pixel among those that were seen.
func (p pixel) hash() byte { return (p.r*3 + p.g*5 + p.b*7 + p.a*11) % 64 }

// pixels is the state of the decoder.
type pixels struct {
	s     *codec.Stream
	b     []byte // what was read ahead and is not decoded yet,
	ahead int    // of so many bytes that are still in the stream
	now   pixel
	run   int // how often the pixel is to be repeated
	seen  [64]pixel
}

// Tags of chunks: whole bytes, and the upper two bits of the others.
const (
	tagRGB   = 0xfe
	tagRGBA  = 0xff
	tagIndex = 0
	tagDiff  = 1
	tagLuma  = 2
)

// row decodes one row of pixels.
func (p *pixels) row(dst [][]byte) error {
	for x := range dst[0] {
		if p.run > 0 {
			p.run--
		} else if err := p.next(); err != nil {
			return err
		}
		dst[0][x], dst[1][x], dst[2][x] = p.now.r, p.now.g, p.now.b
		if len(dst) == 4 {
			dst[3][x] = p.now.a
		}
	}
	return nil
}

// maxChunk is the length of the longest chunk, in bytes.
const maxChunk = 5

// next decodes a chunk.
func (p *pixels) next() error {
	if len(p.b) < maxChunk {
		if err := p.fill(); err != nil {
			return err
		}
	}
	b := p.b
	tag, n := b[0], 1
	switch {
	case tag == tagRGB:
		n = 4
	case tag == tagRGBA:
		n = 5
	case tag>>6 == tagLuma:
		n = 2
	}
	if len(b) < n {
		return io.ErrUnexpectedEOF
	}
	switch {
	case tag == tagRGB:
		p.now.r, p.now.g, p.now.b = b[1], b[2], b[3]
	case tag == tagRGBA:
		p.now = pixel{b[1], b[2], b[3], b[4]}
	case tag>>6 == tagIndex:
		p.now = p.seen[tag]
	case tag>>6 == tagDiff:
		p.now.r += tag>>4&3 - 2
		p.now.g += tag>>2&3 - 2
		p.now.b += tag&3 - 2
	case tag>>6 == tagLuma:
		green := tag&63 - 32
		p.now.r += green + b[1]>>4 - 8
		p.now.g += green
		p.now.b += green + b[1]&15 - 8
	default:
		p.run = int(tag & 63) // this pixel is the first of the run
	}
	p.seen[p.now.hash()] = p.now
	p.b = b[n:]
	return nil
}

// fill reads ahead. At the end of the file there may be less than a chunk.
func (p *pixels) fill() error {
	rest := len(p.b)
	if _, err := p.s.Discard(p.ahead - rest); err != nil {
		return err
	}
	_, err := p.s.Peek(maxChunk)
	p.ahead = p.s.Buffered()
	if p.ahead == 0 {
		return err
	}
	p.b, err = p.s.Peek(p.ahead)
	return err
}
