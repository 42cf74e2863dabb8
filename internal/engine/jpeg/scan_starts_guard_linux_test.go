//go:build (amd64 || arm64) && !purego

package jpeg

import (
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/imgmill/imgmill/internal/engine/cpu/cputest"
)

// smallOddMCU returns an MCU whose blocks have the least scales, with complete odd codes.
func smallOddMCU(t *testing.T, rng *rand.Rand) *mcu {
	t.Helper()
	m := new(mcu)
	for range 1 + rng.IntN(6) {
		var quant [64]uint16
		for i := range quant {
			quant[i] = uint16(rng.IntN(1 << (1 + rng.IntN(16))))
		}
		dc, ac := oddTable(t, rng, true, true), oddTable(t, rng, false, true)
		m.add(newUnit(&component{n: 1 + rng.IntN(2), quant: &quant}, dc, ac))
	}
	if m.ready(2); m.starts == nil {
		t.Skip("the processor lacks the vector instructions")
	}
	return m
}

// TestStartsKernelBounds runs the kernels on data, starts, coefficients and ends that border on
// inaccessible memory.
func TestStartsKernelBounds(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	steps, read := 0, 0
	for round := range 400 {
		m := smallOddMCU(t, rng)
		units, after := len(m.units), round%2 == 0
		size, rounds := 1+rng.IntN(400), 1+rng.IntN(200)
		mem := cputest.Guarded[byte](t, size+slack, after)
		fillOdd(rng, mem)
		starts := cputest.Guarded[uint32](t, rounds+1, after)
		s := startsRun{rounds: rounds, mem: &mem[0], resets: startResets}
		s.lanes[0] = lane{
			state: placeEnd << placeShift, unit: &m.starts[units-1], starts: &starts[0], end: uint(size),
		}
		s.past = &s.lanes[1]
		startsKernel((*byte)(unsafe.Pointer(&s)))
		steps += rounds - s.rounds
		if s.lanes[0].next > uint(len(mem)) {
			t.Fatalf("round %d: the next byte is %d, past the end of %d", round, s.lanes[0].next, len(mem))
		}

		limit := 1 + rng.IntN(3)
		at := cputest.Guarded[uint32](t, limit*units, after)
		for i := range at {
			at[i] = uint32(rng.IntN(8 * size))
		}
		coef := cputest.Guarded[int16](t, limit*m.size+blockRoom, after)
		ends := cputest.Guarded[byte](t, limit*units+1, after)
		r := readRun{
			mem: &mem[0], starts: &at[0], units: &m.read[0], due: &m.read[0], past: &m.read[units],
			coef: &coef[0], size: uint(m.size) * 2, ends: &ends[0], left: uint(limit),
		}
		readKernel((*byte)(unsafe.Pointer(&r)))
		read += limit - int(r.left)
	}
	if steps < 400 || read < 100 {
		t.Errorf("only %d steps and %d MCUs", steps, read)
	}
	t.Logf("%d steps, %d MCUs", steps, read)
}
