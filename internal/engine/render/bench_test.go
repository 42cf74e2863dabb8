package render

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// BenchmarkRender takes camera pictures from buffer to buffer at quality 80.
func BenchmarkRender(b *testing.B) {
	root := os.Getenv("IMGMILL_CORPUS")
	if root == "" {
		b.Skip("IMGMILL_CORPUS is not set")
	}
	for _, p := range []struct {
		name  string
		sides []int
	}{
		{"phone-4032x3024-422", []int{200, 800, 1600}},
		{"phone-2448x3264-420", []int{200, 800, 1600}},
		{"phone-4032x3024-422-progressive", []int{200, 800, 1600}},
		{"sharp-benchmark-2725x2225-420", []int{720}},
	} {
		data, err := os.ReadFile(filepath.Join(root, "photos", p.name+".jpg"))
		if err != nil {
			b.Fatal(err)
		}
		for _, side := range p.sides {
			b.Run(p.name+"/"+strconv.Itoa(side), func(b *testing.B) {
				b.SetBytes(int64(len(data)))
				for b.Loop() {
					d, err := engine.Open(bytes.NewReader(data), codec.Limits{})
					if err != nil {
						b.Fatal(err)
					}
					if _, err := engine.Render(b.Context(), d, codec.Limits{}, []Variant{{Width: side, Height: side}}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
