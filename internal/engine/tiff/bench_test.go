package tiff

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/sample"
)

// nothing is a Sink that throws rows away.
type nothing struct{}

func (nothing) Rows(int, int, plane.Rows) error { return nil }

func BenchmarkDecode(b *testing.B) {
	m := sample.Landscape(3000, 2000)
	at := func(x, y, k int) uint64 { return uint64(m.Pix[m.PixOffset(x, y)+k]) }
	bilevel := func(x, y, _ int) uint64 { return uint64(m.Pix[m.PixOffset(x, y)] >> 7) }
	wide := func(x, y, k int) uint64 { return at(x, y, k) * 257 }
	for _, c := range []struct {
		name string
		d    drawing
	}{
		{"none", drawing{photometric: rgb, samples: 3, at: at}},
		{"none16", drawing{photometric: rgb, samples: 3, bits: 16, order: binary.BigEndian, at: wide}},
		{"packbits", drawing{photometric: rgb, samples: 3, compression: packBits, at: at}},
		{"lzw", drawing{photometric: rgb, samples: 3, compression: lzw, at: at}},
		{"lzw-predicted", drawing{photometric: rgb, samples: 3, compression: lzw, predictor: 2, at: at}},
		{"deflate", drawing{photometric: rgb, samples: 3, compression: deflate, predictor: 2, at: at}},
		{"zstd", drawing{photometric: rgb, samples: 3, compression: zstandard, predictor: 2, at: at}},
		{"tiles", drawing{photometric: rgb, samples: 3, tileW: 256, tileH: 256, at: at}},
		{"planar", drawing{photometric: rgb, samples: 3, planar: true, at: at}},
		{"g4", drawing{photometric: blackIsZero, bits: 1, compression: faxT6, at: bilevel}},
		{"gray", drawing{photometric: blackIsZero, at: at}},
		{"bits12", drawing{photometric: blackIsZero, bits: 12, at: wide}},
	} {
		c.d.w, c.d.h, c.d.rows = 3000, 2000, 16
		file := c.d.file(b)
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(3000 * 2000 * int64(max(c.d.samples, 1)))
			b.ReportAllocs()
			for range b.N {
				d, err := codec.Set{Format}.Open(bytes.NewReader(file), codec.OpenOptions{})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := d.Decode(b.Context(), nothing{}); err != nil {
					b.Fatal(fmt.Errorf("%s: %w", c.name, err))
				}
			}
		})
	}
}
