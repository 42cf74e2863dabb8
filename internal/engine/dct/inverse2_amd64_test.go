//go:build !purego

package dct

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/cpu/cputest"
)

// TestInverse2Vector compares the kernel with plain Go, bit for bit, on blocks like those of
// photographs and on hostile ones, adjacent and apart.
func TestInverse2Vector(t *testing.T) {
	cputest.NeedVector(t)
	r := rand.New(rand.NewPCG(11, 2))
	for i := range 3000 {
		fours, size, step := 1+i%3, 4+i%5, 2+i%4
		stride := 4*fours*step + i%7
		coef := make([]int16, (4*fours-1)*size+4)
		for k := 0; k < len(coef); k += 4 {
			b := randomBlock(r, 63)
			if i%2 == 0 {
				b = hostileBlock(r)
			}
			copy(coef[k:], b[:4])
		}
		b := Blocks{Coef: coef, Size: size, N: 4 * fours}
		got, want := bytes.Repeat([]byte{201}, 2*stride), bytes.Repeat([]byte{201}, 2*stride)
		inverse2Vector(&got[0], stride, step, &coef[0], size, fours)
		inverse2BlocksGo(want, stride, step, &b)
		if !bytes.Equal(got, want) {
			t.Fatalf("%d blocks, %v: got %v, plain Go returns %v", b.N, coef, got, want)
		}
	}
}
