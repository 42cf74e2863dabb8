//go:build !purego

package jpeg

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/cpu"
	"github.com/imgmill/imgmill/internal/engine/cpu/cputest"
)

// TestTokensKernel compares the kernel with plain Go on rows of MCUs of every sampling, with few and with
// many coefficients, small and large.
func TestTokensKernel(t *testing.T) {
	cputest.NeedVector(t)
	rng := rand.New(rand.NewPCG(5, 6))
	whole := 0
	for round := range 400 {
		p := noise(1+rng.IntN(1500), 1+rng.IntN(40), 1+round&1, 1+round>>1&1, 1)
		if round%5 == 0 {
			p = toGray(scene(p.Width(), p.Height()))
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
	if whole < 10000 {
		t.Errorf("the kernel collected only %d MCUs", whole)
	}
}

func allTokens(l *tokenList) []uint16 {
	return append(slices.Concat(l.full...), l.last...)
}
