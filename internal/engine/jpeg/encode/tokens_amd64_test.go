//go:build !purego

package encode

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/cpu"
	"github.com/imgmill/imgmill/internal/engine/cpu/cputest"
	"github.com/imgmill/imgmill/internal/engine/jpeg/jpegtest"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// TestTokensKernel compares the kernel with plain Go on rows of MCUs of every sampling, with few and with
// many coefficients, small and large.
func TestTokensKernel(t *testing.T) {
	cputest.NeedVector(t)
	rng := rand.New(rand.NewPCG(5, 6))
	whole := 0
	for round := range 200 {
		p := jpegtest.Noise(1+rng.IntN(1500), 1+rng.IntN(40), 1+round&1, 1+round>>1&1, 1)
		if round%5 == 0 {
			p = jpegtest.Gray(jpegtest.Scene(p.Width(), p.Height()))
		}
		e, err := newFrame(p)
		if err != nil {
			t.Fatal(err)
		}
		var grids []*grid
		for _, c := range e.parts {
			g := newGrid(c.blocksX, c.blocksY)
			for i := range g.coef {
				g.coef[i] = int16(1+rng.IntN(1023)) >> rng.IntN(10)
				g.coef[i] = max(g.coef[i], 1) * int16(1-2*rng.IntN(2))
			}
			for i := range g.nonzero {
				for g.nonzero[i] = rng.Uint64(); rng.IntN(4) > 0; {
					g.nonzero[i] &= rng.Uint64() | rng.Uint64()&uint64(round%7)
				}
			}
			grids = append(grids, g)
		}
		var got, want sequentialTokens
		for my := range e.mcusY {
			var counted sequentialTokens
			whole += counted.wholeMCUs(e, grids, my)
			got.mcuRow(e, grids, my)
		}
		restore := cpu.Plain()
		for my := range e.mcusY {
			want.mcuRow(e, grids, my)
		}
		restore()
		if got.dc != want.dc || got.counts != want.counts ||
			!slices.Equal(allTokens(&got.list), allTokens(&want.list)) {
			t.Fatalf("round %d, %d×%d: the kernel differs from plain Go", round, e.width, e.height)
		}
	}
	if whole < 5000 {
		t.Errorf("the kernel collected only %d MCUs", whole)
	}
}

// TestBandKernels compares the kernels of progressive scans with plain Go: on blocks with many and with few
// coefficients, on runs of blocks that end because they are too long, or have too many correction bits.
func TestBandKernels(t *testing.T) {
	cputest.NeedVector(t)
	rng := rand.New(rand.NewPCG(7, 8))
	var blocks, runs [2]int
	full := 0
	for round := range 160 {
		p := jpegtest.Gray(jpegtest.Scene(8*(1+rng.IntN(40)), 8*(1+rng.IntN(30))))
		if round%40 == 0 {
			p = plane.New(plane.NewLayout(plane.Gray, false, 8*300, 8*250, 1, 1))
		}
		e, err := newFrame(p)
		if err != nil {
			t.Fatal(err)
		}
		grids := []*grid{newSplitGrid(e.parts[0].blocksX, e.parts[0].blocksY)}
		g := grids[0]
		for i := range g.nonzero {
			if round%40 == 0 && rng.IntN(1<<16) > 0 {
				continue
			}
			for g.nonzero[i] = rng.Uint64(); rng.IntN(1+round%4) > 0; {
				g.nonzero[i] &= rng.Uint64()
			}
			for k := range 64 {
				v := 1 + rng.IntN(1023)>>rng.IntN(11)
				if round%8 == 5 && rng.IntN(1000) > 0 {
					v = 1023 // nonzero before, whatever the scan
				}
				g.coef[64*i+k] = int16(v * (1 - 2*rng.IntN(2)))
			}
		}
		split := newSplitGrid(g.blocksX, e.parts[0].blocksY)
		copy(split.coef, g.coef)
		copy(split.nonzero, g.nonzero)
		splitAll(split)
		restore := cpu.Plain()
		splitAll(g)
		restore()
		for l := range maxLow {
			if !slices.Equal(split.bit[l], g.bit[l]) || !slices.Equal(split.atLeast[l+1], g.atLeast[l+1]) {
				t.Fatalf("round %d: bit %d differs from plain Go", round, l)
			}
		}
		s := scan{parts: []int{0}, from: 1 + rng.IntN(20), low: rng.IntN(maxLow)}
		s.to = s.from + rng.IntN(64-s.from)
		if rng.IntN(2) > 0 {
			s.high = s.low + 1
		}
		var got, want progressiveTokens
		if got.rowByKernel(g, &s, 0) {
			blocks[min(s.high, 1)] += g.blocksX
		}
		got = progressiveTokens{}
		got.scan(t.Context(), e, grids, &s, 1)
		restore = cpu.Plain()
		want.scan(t.Context(), e, grids, &s, 1)
		restore()
		if got.counts != want.counts || !slices.Equal(allTokens(&got.list), allTokens(&want.list)) {
			t.Fatalf("round %d, %+v: the kernel differs from plain Go", round, s)
		}
		runs[min(s.high, 1)] += int(got.counts[14<<4])
		if s.high > 0 && round%8 == 5 {
			full += int(got.counts[3<<4] + got.counts[4<<4] + got.counts[5<<4])
		}
	}
	if min(blocks[0], blocks[1]) < 500 || min(runs[0], runs[1], full) == 0 {
		t.Errorf("only %d blocks, %d of the longest runs, %d with many bits", blocks, runs, full)
	}
}

func allTokens(l *tokenList) []uint16 {
	return append(slices.Concat(l.full...), l.last...)
}
