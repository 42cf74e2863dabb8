package png

import (
	"fmt"
	"os"
	"testing"

	"bytes"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// nowhere is a sink that drops its rows.
type nowhere struct{}

func (nowhere) Rows(int, int, plane.Rows) error { return nil }

// BenchmarkDecode decodes the file that IMGMILL_PNG names, or a drawing.
func BenchmarkDecode(b *testing.B) {
	file := draw(600, 400, 2, 8, false, 1).file()
	if path := os.Getenv("IMGMILL_PNG"); path != "" {
		var err error
		if file, err = os.ReadFile(path); err != nil {
			b.Fatal(err)
		}
	}
	for threads := 1; threads <= 2; threads++ {
		b.Run(fmt.Sprint("threads=", threads), func(b *testing.B) {
			for b.Loop() {
				d, err := codec.Set{Format}.Open(bytes.NewReader(file), codec.OpenOptions{Threads: threads})
				if err != nil {
					b.Fatal(err)
				}
				h := d.Header()
				b.SetBytes(int64(h.Width) * int64(h.Height) * int64(len(h.Layout.Planes)))
				if _, err := d.Decode(b.Context(), nowhere{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkUnfilter reverses each filter of a row.
func BenchmarkUnfilter(b *testing.B) {
	for _, unit := range []int{1, 3, 4, 6, 8} {
		n := 6000 / unit * unit
		row := make([]byte, 3*(n+slack))
		for i := range row {
			row[i] = byte(i * i >> 3)
		}
		for f := byte(1); f < 5; f++ {
			b.Run(fmt.Sprintf("filter=%d/unit=%d", f, unit), func(b *testing.B) {
				b.SetBytes(int64(n))
				for b.Loop() {
					unfilter(f, row[:n+slack], row[n+slack:][:n+slack], row[2*(n+slack):], n, unit)
				}
			})
		}
	}
}
