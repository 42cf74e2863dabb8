package webp

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// discard is a Sink that drops all rows.
type discard struct{}

func (discard) Rows(int, int, plane.Rows) error { return nil }

// BenchmarkDecode decodes the files of IMGMILL_WEBP, a directory, or else those of testdata.
func BenchmarkDecode(b *testing.B) {
	dir := os.Getenv("IMGMILL_WEBP")
	if dir == "" {
		dir = "testdata"
	}
	paths, err := filepath.Glob(filepath.Join(dir, "*.webp"))
	if err != nil || len(paths) == 0 {
		b.Fatal("no pictures", err)
	}
	for _, path := range paths {
		file, err := os.ReadFile(path)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(strings.TrimSuffix(filepath.Base(path), ".webp"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				d, err := codec.Set{Format}.Open(bytes.NewReader(file), codec.OpenOptions{Threads: 1})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := d.Decode(context.Background(), discard{}); err != nil {
					b.Fatal(err)
				}
				h := d.Header()
				b.SetBytes(int64(h.Width) * int64(h.Height))
			}
		})
	}
}
