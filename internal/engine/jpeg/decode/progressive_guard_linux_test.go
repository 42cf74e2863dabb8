//go:build (amd64 || arm64) && !purego

package decode

import (
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/imgmill/imgmill/internal/engine/cpu/cputest"
)

// TestProgressiveKernelBounds runs the kernels on data, coefficients and sets that border on inaccessible
// memory. After the last bit at which a block may start, there are slack bytes.
func TestProgressiveKernelBounds(t *testing.T) {
	cputest.NeedVector(t)
	rng := rand.New(rand.NewPCG(3, 4))
	var blocks [2]int
	for round := range 600 {
		n, after, refines := 2+rng.IntN(7), round%2 == 0, round/2%2
		c := newCoefficients(&component{n: n, padX: 1, padY: 1})
		h := scanHeader{ss: 1 + rng.IntN(10), se: 63, al: rng.IntN(14)}
		h.ah = refines * (h.al + 1)
		table := randomRefineTable(t, rng)
		if refines == 0 {
			table = randomFirstTable(t, rng)
		}
		s := &progressiveScan{scanHeader: h, bits: new(bitReader)}
		r := s.newBlocksRun(table, c)
		size, count := 1+rng.IntN(400), 1+rng.IntN(100)
		mem := cputest.Guarded[byte](t, size+slack, after)
		for i := range mem { // Few bits are set in some: short codes, and few blocks.
			mem[i] = byte(rng.Uint32()) & byte(rng.Uint32()|uint32(round)<<5)
		}
		low := cputest.Guarded[int16](t, count*(n*n-1), after)
		nonzero := cputest.Guarded[uint64](t, count, after)
		for i := range nonzero {
			nonzero[i] = rng.Uint64() & rng.Uint64() &^ 1
		}
		r.mem, r.pos, r.safe = &mem[0], uint(rng.IntN(8)), uint(size)*8
		r.low, r.nonzero, r.count = &low[0], &nonzero[0], uint(count)
		r.endRun = uint(max(rng.IntN(40)-30, 0))
		if refines == 0 {
			firstKernel((*byte)(unsafe.Pointer(r)))
		} else {
			refineKernel((*byte)(unsafe.Pointer(r)))
		}
		if r.done > uint(count) || r.pos > uint(len(mem))*8 {
			t.Fatalf("round %d: %d of %d blocks, bit %d of %d", round, r.done, count, r.pos, 8*len(mem))
		}
		blocks[refines] += int(r.done)
	}
	if blocks[0] < 1000 || blocks[1] < 1000 {
		t.Errorf("only %d blocks", blocks)
	}
	t.Logf("%d blocks", blocks)
}
