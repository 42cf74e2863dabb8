//go:build !nohevc

package heif

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/heif/heiftest"
)

// BenchmarkIPhone decodes a picture of four tiles.
func BenchmarkIPhone(b *testing.B) {
	for threads := 1; threads <= 2; threads++ {
		b.Run(fmt.Sprintf("%d", threads), func(b *testing.B) {
			b.SetBytes(heiftest.Width * heiftest.Height)
			b.ReportAllocs()
			for b.Loop() {
				d, err := readable.Open(bytes.NewReader(heiftest.IPhone), codec.OpenOptions{Threads: threads})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := d.Decode(b.Context(), discard{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
