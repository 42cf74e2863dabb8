//go:build (amd64 || arm64) && !purego

package dct

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"github.com/imgmill/imgmill/internal/engine/cpu"
	"github.com/imgmill/imgmill/internal/engine/cpu/cputest"
)

// TestInverseBlocksBounds transforms runs of blocks whose samples and coefficients border on
// inaccessible memory.
func TestInverseBlocksBounds(t *testing.T) {
	cputest.NeedVector(t)
	r := rand.New(rand.NewPCG(12, 1))
	for n := 1; n <= 8; n++ {
		for count := 1; count <= 9; count++ {
			for _, end := range []bool{false, true} {
				stride, step, size := count*(n+count%3)+count%5, n+count%3, 8*n
				coef := cputest.Guarded[int16](t, (count-1)*size+64, end)
				for i := range coef {
					coef[i] = int16(r.IntN(400) - 200)
				}
				last := bytes.Repeat([]uint8{63}, count)
				want := make([]byte, (count-1)*step+(n-1)*stride+n)
				got := cputest.Guarded[byte](t, len(want), end)
				blocks := Blocks{coef, size, last, 1, count}
				InverseBlocks(n, got, stride, step, blocks)
				restore := cpu.Plain()
				InverseBlocks(n, want, stride, step, blocks)
				restore()
				if !bytes.Equal(got, want) {
					t.Fatalf("n=%d, %d blocks: differs from plain Go", n, count)
				}
			}
		}
	}
}

// TestForwardBounds transforms and quantises blocks whose samples and coefficients border on
// inaccessible memory.
func TestForwardBounds(t *testing.T) {
	cputest.NeedVector(t)
	r := rand.New(rand.NewPCG(12, 2))
	table := [64]uint8{}
	for i := range table {
		table[i] = uint8(1 + i)
	}
	d := NewDivisors(&table, Nearest, 0)
	for n := 1; n <= 9; n++ {
		for _, end := range []bool{false, true} {
			stride := 8*n + n%4
			src := cputest.Guarded[byte](t, 7*stride+8*n, end)
			for i := range src {
				src[i] = byte(r.Uint32())
			}
			coef, got := cputest.Guarded[int16](t, 64*n, end), cputest.Guarded[int16](t, 64*n, end)
			nonzero := unsafe.Slice((*uint64)(unsafe.Pointer(&cputest.Guarded[byte](t, 8*n,
				end)[0])), n)
			Forward(coef, src, stride, n)
			Quantise(got, coef, nonzero, d)
			whole, want, wantBits := make([]int16, 64*n), make([]int16, 64*n), make([]uint64, n)
			forwardGo(whole, src, stride, n)
			quantiseGo(want, whole, wantBits, d)
			if !slices.Equal(coef, whole) || !slices.Equal(got, want) ||
				!slices.Equal(nonzero, wantBits) {
				t.Fatalf("%d blocks: differs from plain Go", n)
			}
		}
	}
}

// TestDequantiseBounds multiplies coefficients that border on inaccessible memory.
func TestDequantiseBounds(t *testing.T) {
	cputest.NeedVector(t)
	steps := [64]int16{}
	for i := range steps {
		steps[i] = int16(1 + i)
	}
	for _, n := range []int{1, 63, 64, 65, 128, 200} {
		for _, end := range []bool{false, true} {
			coef := cputest.Guarded[int16](t, n, end)
			for i := range coef {
				coef[i] = int16(1 + i)
			}
			Dequantise(coef, &steps)
			for i, v := range coef {
				if want := int16((1 + i) * (1 + i%64)); v != want {
					t.Fatalf("%d coefficients: at %d got %d, want %d", n, i, v, want)
				}
			}
		}
	}
}
