package deflate

import (
	"os"
	"testing"
)

func BenchmarkAppend(b *testing.B) {
	data, err := os.ReadFile(os.Getenv("DATA"))
	if err != nil {
		b.Skip(err)
	}
	for level := Entropy; level <= Optimal; level++ {
		b.Run([]string{"entropy", "fast", "normal", "optimal"}[level], func(b *testing.B) {
			var c Compressor
			b.SetBytes(int64(len(data)))
			var out []byte
			for b.Loop() {
				out = out[:0]
				for i := 0; i < len(data); i += 256 << 10 {
					end := min(i+256<<10, len(data))
					out, _ = c.Append(b.Context(), out, data[:end], i, level, end < len(data))
				}
			}
			b.ReportMetric(float64(len(out)), "bytes")
		})
	}
}
