package render

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/imgmill/imgmill/internal/codec"
)

// BenchmarkRender takes camera pictures from buffer to buffer at quality 80.
func BenchmarkRender(b *testing.B) {
	root := os.Getenv("IMGMILL_CORPUS")
	if root == "" {
		b.Skip("IMGMILL_CORPUS is not set")
	}
	for _, name := range []string{"phone-4032x3024-422", "phone-2448x3264-420", "phone-4032x3024-422-progressive"} {
		data, err := os.ReadFile(filepath.Join(root, "photos", name+".jpg"))
		if err != nil {
			b.Fatal(err)
		}
		for _, side := range []int{200, 800, 1600} {
			b.Run(name+"/"+strconv.Itoa(side), func(b *testing.B) {
				b.SetBytes(int64(len(data)))
				for b.Loop() {
					d, err := codec.Open(bytes.NewReader(data), codec.Limits{})
					if err != nil {
						b.Fatal(err)
					}
					if _, err := Render(b.Context(), d, []Variant{{Width: side, Height: side}}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
