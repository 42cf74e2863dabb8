//go:build amd64 && !purego

package encode

import (
	"math/rand/v2"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/cpu/cputest"
	"github.com/imgmill/imgmill/internal/engine/jpeg/jpegtest"
)

// TestTokenKernelBounds collects tokens of blocks that border on inaccessible memory, into room that does, too.
func TestTokenKernelBounds(t *testing.T) {
	cputest.NeedVector(t)
	rng := rand.New(rand.NewPCG(13, 14))
	longest := 0
	for round := range 120 {
		after := round%2 == 0
		e, err := newFrame(jpegtest.Noise(1+rng.IntN(100), 1+rng.IntN(40), 1+round&1, 1+round>>1&1, 1))
		if err != nil {
			t.Fatal(err)
		}
		var grids []*grid
		for _, c := range e.parts {
			blocks := c.blocksX * c.blocksY
			g := &grid{
				blocksX: c.blocksX, coef: cputest.Guarded[int16](t, 64*blocks, after),
				nonzero: cputest.Guarded[uint64](t, blocks, after),
			}
			for i := range g.coef {
				g.coef[i] = int16(1+rng.IntN(1023)>>rng.IntN(11)) * int16(1-2*rng.IntN(2))
			}
			for i := range g.nonzero {
				for g.nonzero[i] = ^uint64(0) >> rng.IntN(3); rng.IntN(1+round%4) > 0; {
					g.nonzero[i] &= rng.Uint64()
				}
			}
			g.atLeast[0] = g.nonzero
			for l := range g.bit {
				g.bit[l], g.atLeast[l+1] = cputest.Guarded[uint64](t, blocks, after), cputest.Guarded[uint64](t, blocks, after)
			}
			grids = append(grids, g)
		}
		splitAll(grids...)
		for my := range e.mcusY {
			var s sequentialTokens
			s.list.last = cputest.Guarded[uint16](t, mcuTokens, after)[:0]
			s.wholeMCUs(e, grids, my)
		}
		s := scan{parts: []int{0}, from: 1 + rng.IntN(20), to: 63, low: rng.IntN(maxLow)}
		if rng.IntN(2) > 0 {
			s.high = s.low + 1
		}
		p := progressiveTokens{held: cputest.Guarded[uint16](t, maxCorrections+3, after)[:0]}
		for i := 0; i < len(grids[0].nonzero); i += grids[0].blocksX {
			p.list = tokenList{last: cputest.Guarded[uint16](t, scanTokens, after)[:0]}
			if s.high > 0 {
				p.ended, p.held, p.heldBits = 1+rng.IntN(100), p.held[:maxCorrections-63], maxCorrections-63
			}
			p.rowByKernel(grids[0], &s, i)
			if longest = max(longest, len(p.list.last)); len(p.list.full) > 0 {
				longest = max(longest, len(p.list.full[0]))
			}
		}
	}
	if longest < maxCorrections-63 {
		t.Errorf("no more than %d words were written at a time", longest)
	}
}

// TestDropKernelBounds drops coefficients of blocks that border on inaccessible memory.
func TestDropKernelBounds(t *testing.T) {
	cputest.NeedVector(t)
	rng := rand.New(rand.NewPCG(15, 16))
	dropped := 0
	for round := range 40 {
		n, after := 1+rng.IntN(5), round%2 == 0
		coef, raw := cputest.Guarded[int16](t, 64*n, after), cputest.Guarded[int16](t, 64*n, after)
		nonzero := cputest.Guarded[uint64](t, n, after)
		for i := range coef {
			coef[i], raw[i] = int16(rng.IntN(5)-2), int16(rng.IntN(400)-200)
		}
		for i := range nonzero {
			nonzero[i] = ^uint64(0)
		}
		q := &newQuantisers(&Options{Quality: 1 + rng.IntN(100)})[rng.IntN(2)]
		q.dropRow(coef, raw, nonzero)
		for _, m := range nonzero {
			if m != ^uint64(0) {
				dropped++
			}
		}
	}
	if dropped < 20 {
		t.Errorf("only %d blocks had coefficients to drop", dropped)
	}
}
