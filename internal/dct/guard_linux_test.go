//go:build (amd64 || arm64) && !purego

package dct

import (
	"bytes"
	"math/rand/v2"
	"os"
	"slices"
	"syscall"
	"testing"
	"unsafe"

	"github.com/imgmill/imgmill/internal/cpu"
)

// guarded is memory between two pages that must not be touched, at the end of it or else at the beginning.
func guarded(t *testing.T, size int, end bool) []byte {
	t.Helper()
	page := os.Getpagesize()
	whole := (size+page-1)/page*page + 2*page
	mem, err := syscall.Mmap(-1, 0, whole, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Munmap(mem); err != nil {
			t.Error(err)
		}
	})
	for _, guard := range [][]byte{mem[:page], mem[whole-page:]} {
		if err := syscall.Mprotect(guard, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	if end {
		return mem[whole-page-size : whole-page : whole-page]
	}
	return mem[page:][:size:size]
}

func guardedInts(t *testing.T, size int, end bool) []int16 {
	t.Helper()
	return unsafe.Slice((*int16)(unsafe.Pointer(&guarded(t, 2*size, end)[0])), size)
}

// TestInverseBlocksStays transforms runs of blocks of which samples and coefficients end where memory does, or begin there.
func TestInverseBlocksStays(t *testing.T) {
	needVector(t)
	r := rand.New(rand.NewPCG(12, 1))
	for n := 1; n <= 8; n++ {
		for count := 1; count <= 9; count++ {
			for _, end := range []bool{false, true} {
				stride, step, size := count*(n+count%3)+count%5, n+count%3, 8*n
				coef := guardedInts(t, (count-1)*size+64, end)
				for i := range coef {
					coef[i] = int16(r.IntN(400) - 200)
				}
				last := bytes.Repeat([]uint8{63}, count)
				want := make([]byte, (count-1)*step+(n-1)*stride+n)
				got := guarded(t, len(want), end)
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

// TestForwardStays transforms and quantises blocks of which samples and coefficients end where memory does, or begin there.
func TestForwardStays(t *testing.T) {
	needVector(t)
	r := rand.New(rand.NewPCG(12, 2))
	table := [64]uint8{}
	for i := range table {
		table[i] = uint8(1 + i)
	}
	d := NewDivisors(&table, Nearest)
	for n := 1; n <= 9; n++ {
		for _, end := range []bool{false, true} {
			stride := 8*n + n%4
			src := guarded(t, 7*stride+8*n, end)
			for i := range src {
				src[i] = byte(r.Uint32())
			}
			coef, got := guardedInts(t, 64*n, end), guardedInts(t, 64*n, end)
			nonzero := unsafe.Slice((*uint64)(unsafe.Pointer(&guarded(t, 8*n, end)[0])), n)
			Forward(coef, src, stride, n)
			Quantise(got, coef, nonzero, d)
			whole, want, wantBits := make([]int16, 64*n), make([]int16, 64*n), make([]uint64, n)
			forwardGo(whole, src, stride, n)
			quantiseGo(want, whole, wantBits, d)
			if !slices.Equal(coef, whole) || !slices.Equal(got, want) || !slices.Equal(nonzero, wantBits) {
				t.Fatalf("%d blocks: differs from plain Go", n)
			}
		}
	}
}
