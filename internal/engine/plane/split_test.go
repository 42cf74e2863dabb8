package plane

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/cpu"
)

// TestSplit compares every byte with its definition, with and without vector instructions, and
// checks that nothing behind the destinations is written.
func TestSplit(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, plain := range []bool{false, true} {
		if plain {
			defer cpu.Plain()()
		}
		for n := range 200 {
			for _, size := range []int{3, 4} {
				src := make([]byte, size*n)
				for i := range src {
					src[i] = byte(r.Uint32())
				}
				dst := make([][]byte, 4)
				for k := range dst {
					dst[k] = bytes.Repeat([]byte{0xA5}, n+40)
				}
				if size == 3 {
					Split3(dst[0][:n], dst[1][:n], dst[2][:n], src)
				} else {
					Split4(dst[0][:n], dst[1][:n], dst[2][:n], dst[3][:n], src)
				}
				for k := range size {
					for x, v := range dst[k] {
						want := byte(0xA5)
						if x < n {
							want = src[size*x+k]
						}
						if v != want {
							t.Fatalf("%d pixels of %d bytes, plain %v: byte %d of pixel %d is %d, want %d", n, size, plain, k, x, v, want)
						}
					}
				}
			}
		}
	}
}

func BenchmarkSplit(b *testing.B) {
	src, dst := make([]byte, 4*6000), make([]byte, 4*6000)
	a, c, d, e := dst[:6000], dst[6000:12000], dst[12000:18000], dst[18000:]
	for _, size := range []int{3, 4} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			b.SetBytes(6000 * int64(size))
			for range b.N {
				if size == 3 {
					Split3(a, c, d, src[:18000])
				} else {
					Split4(a, c, d, e, src)
				}
			}
		})
	}
}
