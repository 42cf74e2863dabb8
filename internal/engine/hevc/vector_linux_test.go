//go:build (amd64 || arm64) && !purego

package hevc

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"github.com/imgmill/imgmill/internal/engine/cpu"
	"github.com/imgmill/imgmill/internal/engine/cpu/cputest"
)

// words returns n samples that border on inaccessible memory.
func words(t *testing.T, n int, end bool) []uint16 {
	b := cputest.Guarded[int16](t, n, end)
	return unsafe.Slice((*uint16)(unsafe.Pointer(&b[0])), n)
}

// TestInverseKernels compares the kernels of the transforms with plain Go, for blocks that border on
// inaccessible memory, and checks that none writes beside the block.
func TestInverseKernels(t *testing.T) {
	cputest.NeedVector(t)
	r := rand.New(rand.NewPCG(3, 5))
	for log2 := 2; log2 <= 5; log2++ {
		n := 1 << log2
		for i := range 600 {
			depth := []int{8, 10, 12}[i%3]
			stride := n + r.IntN(2)*r.IntN(20)
			size := (n-1)*stride + n
			dst := words(t, size, i&1 != 0)
			for i := range dst {
				dst[i] = uint16(r.IntN(1 << depth))
			}
			want := slices.Clone(dst)
			var block residual
			block.log2 = log2
			block.columns, block.rows = 4+4*r.IntN(n/4), 4+4*r.IntN(n/4)
			block.onlyDC = r.IntN(4) == 0
			limit := []int{1, 60, 3000, 1 << 15}[r.IntN(4)]
			for y := range block.rows {
				for x := range block.columns {
					if r.IntN(3) > 0 && (!block.onlyDC || x+y == 0) {
						block.coefficients[y<<log2+x] = int16(min(max(r.IntN(2*limit+1)-limit, -1<<15), 1<<15-1))
					}
				}
			}
			sine := log2 == 2 && r.IntN(2) == 0
			var samples [32 * 32]int32
			transform(samples[:n*n], block.coefficients[:n*n], log2, block.columns, block.rows, depth, sine)
			addResidual(want, stride, samples[:n*n], log2, 1<<depth-1)
			block.addInverse(dst, stride, depth, sine)
			if !slices.Equal(dst, want) {
				t.Fatalf("%d×%d, %d bits, run %d: differs from plain Go", n, n, depth, i)
			}
		}
	}
}

// TestIntraKernels compares the kernels of intra prediction with plain Go, for blocks that border on
// inaccessible memory.
func TestIntraKernels(t *testing.T) {
	cputest.NeedVector(t)
	if !intraKernels {
		t.Skip("there are none")
	}
	r := rand.New(rand.NewPCG(4, 6))
	for log2 := 2; log2 <= 5; log2++ {
		n := 1 << log2
		for i := range 300 {
			depth := []int{8, 10}[i%2]
			stride := n + r.IntN(2)*r.IntN(20)
			dst := words(t, (n-1)*stride+n, i&2 != 0)
			var in intra
			sample := func() uint16 {
				if r.IntN(3) == 0 {
					return uint16(r.IntN(2)) * (1<<depth - 1)
				}
				return uint16(r.IntN(1 << depth))
			}
			for i := range in.left {
				in.left[i], in.above[i] = sample(), sample()
			}
			in.above[0] = in.left[0]
			for j := range dst {
				dst[j] = uint16(j)
			}
			want := slices.Clone(dst)
			mode := uint8(2 + i%33)
			edges := r.IntN(2) == 0
			in.predictAngular(want, stride, log2, mode, &in.left, &in.above, edges, 1<<depth-1)
			in.vector = true
			in.predictAngular(dst, stride, log2, mode, &in.left, &in.above, edges, 1<<depth-1)
			if !slices.Equal(dst, want) {
				t.Fatalf("%d×%d, mode %d, run %d: differs from plain Go", n, n, mode, i)
			}
			if log2 == 2 {
				continue
			}
			predictPlanar(want, stride, log2, &in.left, &in.above)
			planarVector(dst, stride, log2, &in.left, &in.above)
			if !slices.Equal(dst, want) {
				t.Fatalf("%d×%d, planar, run %d: differs from plain Go", n, n, i)
			}
		}
	}
}

// TestPlainEqualsVector decodes every stream without the kernels.
func TestPlainEqualsVector(t *testing.T) {
	cputest.NeedVector(t)
	defer cpu.Plain()()
	var d Decoder
	for _, s := range streams {
		planes, _, err := decodeAll(&d, readStream(t, s.name))
		if err != nil || sum(planes) != s.sum {
			t.Errorf("%s: %s, want %s; error %v", s.name, sum(planes), s.sum, err)
		}
	}
}

// BenchmarkInverse measures a transform with coefficients in 8×8 corners.
func BenchmarkInverse(b *testing.B) {
	for log2 := 2; log2 <= 5; log2++ {
		b.Run(fmt.Sprint(1<<log2), func(b *testing.B) {
			var block residual
			block.log2, block.columns, block.rows = log2, min(8, 1<<log2), min(8, 1<<log2)
			for i := range 8 {
				block.coefficients[i] = int16(100 * i)
			}
			dst := make([]uint16, 32*32)
			for b.Loop() {
				block.addInverse(dst, 32, 8, false)
			}
		})
	}
}
