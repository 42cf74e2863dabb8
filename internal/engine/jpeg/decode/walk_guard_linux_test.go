//go:build (amd64 || arm64) && !purego

package decode

import (
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/imgmill/imgmill/internal/engine/cpu/cputest"
)

// oddMCU returns an MCU with up to the largest number of blocks, of any scale, with complete odd
// codes.
func oddMCU(t *testing.T, rng *rand.Rand) *mcu {
	t.Helper()
	m := new(mcu)
	count := 1 + rng.IntN(6)
	if rng.IntN(20) == 0 {
		count = maxUnits
	}
	for range count {
		var quant [64]uint16
		for i := range quant {
			quant[i] = uint16(rng.IntN(1 << (1 + rng.IntN(16))))
		}
		n := 1 + rng.IntN(8)
		dc, ac := oddTable(t, rng, true, true), oddTable(t, rng, false, true)
		m.add(newUnit(&component{n: n, quant: &quant}, dc, ac))
	}
	return m
}

// fillOdd fills data with equally many ones and zeros, with few or many ones, or with equal bits.
func fillOdd(rng *rand.Rand, data []byte) {
	kind := rng.IntN(5)
	for i := range data {
		b := byte(rng.Uint32())
		data[i] = [...]byte{b, b & byte(rng.Uint32()), b | byte(rng.Uint32()), 0, 255}[kind]
	}
}

// TestWalkKernelBounds runs the kernel on data, coefficients and ends that border on inaccessible
// memory.
func TestWalkKernelBounds(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	walked := 0
	for round := range 400 {
		m := oddMCU(t, rng)
		if m.ready(); m.tables == nil {
			t.Skip("the processor lacks the vector instructions")
		}
		limit, until := 1+rng.IntN(3), 1+rng.IntN(400)
		mem := cputest.Guarded[byte](t, (until+7)/8+len(m.units)*slack, round%2 == 0)
		fillOdd(rng, mem)
		coef := cputest.Guarded[int16](t, limit*m.size+blockRoom, round%2 == 0)
		ends := cputest.Guarded[byte](t, limit*len(m.units)+1, round%2 == 0)
		r := walkRun{
			mem: &mem[0], units: &m.tables[0], due: &m.tables[0], past: &m.tables[len(m.units)],
			coef: &coef[0], size: uint(m.size) * 2, ends: &ends[0], until: uint(until),
			left: uint(limit),
		}
		if m.size > len(m.units) {
			r.clear = r.size
		}
		walkKernel((*byte)(unsafe.Pointer(&r)))
		walked += limit - int(r.left)
		if r.next > uint(len(mem)) {
			t.Fatalf("round %d: the next byte is %d, past the end of %d", round, r.next, len(mem))
		}
	}
	if walked < 200 {
		t.Errorf("only %d MCUs walked", walked)
	}
}
