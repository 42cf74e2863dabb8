//go:build (amd64 || arm64) && !purego

package decode

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/cpu/cputest"
	"github.com/imgmill/imgmill/internal/engine/dct"
	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
)

// randomMCU returns an MCU with units of all scales. Their codes are standard ones, half of them
// with exchanged symbols, or odd ones.
func randomMCU(t *testing.T, rng *rand.Rand) *mcu {
	t.Helper()
	m := new(mcu)
	most := 8
	if rng.IntN(3) == 0 {
		most = 2 // See readyStarts.
	}
	for range 1 + rng.IntN(6) {
		var quant [64]uint16
		for i := range quant {
			quant[i] = uint16(1 + rng.IntN(1<<(1+rng.IntN(16))-1))
		}
		n := 1 + rng.IntN(most)
		dcSpec := stream.StandardDC[rng.IntN(2)]
		if rng.IntN(2) == 0 {
			dcSpec.Symbols = make([]uint8, len(dcSpec.Symbols))
			for i := range dcSpec.Symbols {
				dcSpec.Symbols[i] = uint8(rng.IntN(16))
			}
		}
		dc, err := newDecodeTable(&dcSpec, true)
		if err != nil {
			t.Fatal(err)
		}
		acSpec := stream.StandardAC[rng.IntN(2)]
		acSpec.Symbols = slices.Clone(acSpec.Symbols)
		if s := acSpec.Symbols; rng.IntN(2) == 0 {
			rng.Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] })
		}
		ac, err := newDecodeTable(&acSpec, false)
		if err != nil {
			t.Fatal(err)
		}
		if rng.IntN(3) == 0 {
			dc, ac = oddTable(t, rng, true, rng.IntN(2) == 0), oddTable(t, rng, false, rng.IntN(2) == 0)
		}
		m.add(newUnit(&component{n: n, quant: &quant}, dc, ac))
	}
	return m
}

// TestWalkKernel walks random data, which contains every kind of code and of damage, with the
// kernel and in plain Go.
func TestWalkKernel(t *testing.T) {
	cputest.NeedVector(t)
	rng := rand.New(rand.NewPCG(1, 2))
	mcus := 0
	for round := range 600 {
		m := randomMCU(t, rng)
		c, d := new(stretch), new(stretch)
		for i := range c.mem {
			c.mem[i] = byte(rng.Uint32()) & byte(rng.Uint32()|uint32(round&0x30)<<2)
		}
		d.mem = c.mem
		c.begin(uint(rng.IntN(64)))
		d.begin(c.pos)
		end, limit := uint(rng.IntN(8*stretchSize)), rng.IntN(3000)
		d.walk(m, end, limit)
		m.ready()
		if m.tables == nil {
			t.Fatal("no tables for the kernel")
		}
		c.reserve(m, limit)
		const left = 0x5A5A // stands for values left by earlier MCUs
		for i := range c.coef {
			c.coef[i] = left
		}
		room := len(c.coef)
		c.coef = append(c.coef, left, left, left, left)
		c.walk(m, end, limit)
		if slices.Max(c.coef[room:]) != left || slices.Min(c.coef[room:]) != left {
			t.Fatalf("round %d: coefficients written past the end: %v", round, c.coef[room:])
		}
		mcus += c.mcus
		if c.mcus != d.mcus || c.pos != d.pos || c.bad != d.bad {
			t.Fatalf("round %d: got %d MCUs up to bit %d, bad %v; plain Go has %d up to bit %d, bad %v",
				round, c.mcus, c.pos, c.bad, d.mcus, d.pos, d.bad)
		}
		for i := range c.mcus {
			for j, u := range m.units {
				at, end := i*m.size+u.at, i*len(m.units)+j
				got, want := c.coef[at:][:blockSize(u.n)], d.coef[at:][:blockSize(u.n)]
				pitch := dct.Pitch(u.n)
				for z := range got {
					if read := z%pitch < u.n; read && got[z] != want[z] {
						t.Fatalf("round %d, MCU %d, block %d of scale %d: got %v, plain Go has %v",
							round, i, j, u.n, got, want)
					}
				}
				for k := int(c.ends[end]) + 1; k < 64; k++ {
					x, y := int(stream.Zigzag[k]&7), int(stream.Zigzag[k]>>3)
					if x < u.n && y < u.n && got[y*pitch+x] != 0 {
						t.Fatalf("round %d, MCU %d, block %d of scale %d: coefficient %d is after the end %d",
							round, i, j, u.n, k, c.ends[end])
					}
				}
			}
		}
	}
	t.Logf("%d MCUs", mcus)
}

// TestWalkKernelRuns distinguishes the implementations by kernel tables that declare every block
// empty, which plain Go does not use.
func TestWalkKernelRuns(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	m := randomMCU(t, rng)
	m.ready()
	if m.tables == nil {
		t.Skip("the processor lacks the vector instructions")
	}
	c := new(stretch)
	for i := range c.mem {
		c.mem[i] = byte(rng.Uint32())
	}
	walk := func() uint {
		c.begin(0)
		c.walk(m, 1000, 1)
		return c.pos
	}
	right := walk()
	for i := range m.tables {
		m.tables[i].dc = new([1 << lookBits]uint32)
		m.tables[i].keep = 1
		m.tables[i].pairs = new([1 << pairBits]uint64)
		for x := range m.tables[i].pairs {
			m.tables[i].pairs[x] = 1 | endAfter<<advanceShift
		}
	}
	if walk() == right {
		t.Error("the kernel did not run")
	}
}
