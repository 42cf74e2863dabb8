//go:build (amd64 || arm64) && !purego

package decode

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/cpu/cputest"
	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
)

// TestProgressiveKernels decodes random blocks from random data, which contains every kind of code and of
// damage, with the kernels and in plain Go.
func TestProgressiveKernels(t *testing.T) {
	cputest.NeedVector(t)
	rng := rand.New(rand.NewPCG(1, 2))
	var kernel [2]int
	for round := range 3000 {
		n := 2 + rng.IntN(7)
		c := newCoefficients(&component{n: n, padX: 100, padY: 1})
		c.row(0)
		h := scanHeader{ss: 1 + rng.IntN(10), se: 63, al: rng.IntN(14)}
		refines := round % 2
		h.ah = refines * (h.al + 1)
		if rng.IntN(2) == 0 {
			h.se = h.ss + rng.IntN(64-h.ss)
		}
		density := rng.IntN(64)
		for i := range c.nonzero[0] {
			for k := 1; k < 64; k++ {
				if rng.IntN(64) >= density {
					continue
				}
				c.nonzero[0][i] |= 1 << k
				if at := c.at[k]; at != dropped { // Rarely, the bit is there already, or all are 0.
					c.low[0][i*(n*n-1)+int(at)] = int16((rng.IntN(9) - 4) << (h.al + 1 - rng.IntN(20)/19))
				}
			}
		}
		s := &progressiveScan{scanHeader: h, bits: new(bitReader)}
		s.bits.ended = true
		s.bits.end = uint(rng.IntN(unstuffedSize * 8 / 4))
		s.bits.safe = s.bits.end
		for i := range (s.bits.end + 7) / 8 {
			s.bits.mem[i] = byte(rng.Uint32()) & byte(rng.Uint32()|uint32(round)<<5)
		}
		s.bits.pos = uint(rng.IntN(40))
		s.endRun = max(rng.IntN(40)-30, 0)
		table := randomRefineTable(t, rng)
		if refines == 0 {
			table = randomFirstTable(t, rng)
		}
		plain, first := s.clone(), s.clone()
		low, nonzero := slices.Clone(c.low[0]), slices.Clone(c.nonzero[0])
		plain.blocks(nil, table, c, low, nonzero)
		kernel[refines] += first.kernel(first.newBlocksRun(table, c), slices.Clone(c.low[0]), slices.Clone(c.nonzero[0]))
		s.blocks(s.newBlocksRun(table, c), table, c, c.low[0], c.nonzero[0])
		if *s.bits != *plain.bits || s.endRun != plain.endRun ||
			!slices.Equal(c.low[0], low) || !slices.Equal(c.nonzero[0], nonzero) {
			t.Fatalf("round %d, scale %d, scan %d-%d %d %d: position %d, plain Go %d; run %d, plain Go %d",
				round, n, h.ss, h.se, h.ah, h.al, s.bits.pos, plain.bits.pos, s.endRun, plain.endRun)
		}
	}
	if kernel[0] < 10_000 || kernel[1] < 10_000 {
		t.Errorf("the kernels have decoded only %d blocks", kernel)
	}
	t.Logf("%d blocks before the first that the kernel does not cover", kernel)
}

func (s *progressiveScan) clone() *progressiveScan {
	c, b := *s, *s.bits
	c.bits = &b
	return &c
}

// randomFirstTable returns a table of a baseline file, in which most codes are valid in a first scan.
func randomFirstTable(t *testing.T, rng *rand.Rand) *decodeTable {
	t.Helper()
	spec := stream.StandardAC[rng.IntN(2)]
	spec.Symbols = slices.Clone(spec.Symbols)
	if s := spec.Symbols; rng.IntN(2) == 0 {
		rng.Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] })
	}
	for i := range spec.Symbols {
		if rng.IntN(20) == 0 {
			spec.Symbols[i] = uint8(rng.IntN(16) << 4) // EOBn
		}
	}
	table, err := newDecodeTable(&spec, false)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// randomRefineTable returns a table of the symbols of refinements, and of a few others.
func randomRefineTable(t *testing.T, rng *rand.Rand) *decodeTable {
	t.Helper()
	spec := stream.StandardAC[rng.IntN(2)]
	spec.Symbols = slices.Clone(spec.Symbols)
	for i := range spec.Symbols {
		spec.Symbols[i] = uint8(rng.IntN(16)<<4 | rng.IntN(8)/2&1)
		if rng.IntN(40) == 0 {
			spec.Symbols[i] = uint8(rng.Uint32())
		}
	}
	table, err := newDecodeTable(&spec, false)
	if err != nil {
		t.Fatal(err)
	}
	return table
}
