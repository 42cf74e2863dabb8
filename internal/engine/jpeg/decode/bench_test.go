package decode

import (
	"bytes"
	"context"
	"fmt"
	"image"
	stdjpeg "image/jpeg"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// BenchmarkDecode decodes photographs at four scales.
func BenchmarkDecode(b *testing.B) {
	for _, name := range corpus(b, "photos/*.jpg") {
		file, err := os.ReadFile(name)
		if err != nil {
			b.Fatal(err)
		}
		short := strings.TrimSuffix(filepath.Base(name), ".jpg")
		for _, n := range []int{1, 2, 4, 8} {
			b.Run(fmt.Sprintf("%s/%d", short, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					d, err := New(bytes.NewReader(file), Options{})
					if err != nil {
						b.Fatal(err)
					}
					h := d.Header()
					l := d.Shrink(ceilDiv(h.Width*n, 8), ceilDiv(h.Height*n, 8))
					if _, err := d.Decode(context.Background(), newDiscard(l)); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkDecodeStandard runs the standard library's decoder on the same photographs.
func BenchmarkDecodeStandard(b *testing.B) {
	for _, name := range corpus(b, "photos/*.jpg") {
		file, err := os.ReadFile(name)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(strings.TrimSuffix(filepath.Base(name), ".jpg"), func(b *testing.B) {
			for b.Loop() {
				m, err := stdjpeg.Decode(bytes.NewReader(file))
				if err != nil {
					b.Fatal(err)
				}
				if m.Bounds() == (image.Rectangle{}) {
					b.Fatal("empty")
				}
			}
		})
	}
}
