package webp

import (
	"math/rand/v2"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

// TestWorthCopies: copies are looked for where there are long ones, near or far, and not in noise.
func TestWorthCopies(t *testing.T) {
	const w, h = 200, 150
	r := rand.New(rand.NewPCG(5, 6))
	random := make([]uint32, w*h)
	for i := range random {
		random[i] = r.Uint32() & 0x3f3f3f
	}
	for name, c := range map[string]struct {
		pixel func(i int) uint32
		want  bool
	}{
		"noise":            {func(i int) uint32 { return random[i] }, false},
		"far, twice":       {func(i int) uint32 { return random[i%(w*h/2)] }, true},
		"like above":       {func(i int) uint32 { return random[i%w] }, true},
		"a run at the end": {func(i int) uint32 { return random[min(i, w*h*9/10)] }, true},
		"runs":             {func(i int) uint32 { return random[i/10] }, true},
		"short runs":       {func(i int) uint32 { return random[i/2] }, false},
	} {
		pix := make([]uint32, w*h)
		for i := range pix {
			pix[i] = black | c.pixel(i)
		}
		coder := &entropyCoder{ctx: t.Context(), pix: pix, width: w, distances: newDistanceCoder(w)}
		if got, err := coder.worthCopies(50); err != nil || got != c.want {
			t.Errorf("%s: %t, %v; want %t", name, got, err, c.want)
		}
	}
}

// TestLosslessEffort: every effort keeps every pixel, with copies and without, and codes of all lengths.
func TestLosslessEffort(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	rare := func(p *plane.Picture) *plane.Picture { // components of which each occurs half as often as the one before
		for i := range p.Pix {
			for k := range p.Pix[i] {
				for p.Pix[i][k] = 0; r.IntN(2) == 0 && p.Pix[i][k] < 250; {
					p.Pix[i][k]++
				}
			}
		}
		return p
	}
	for _, alpha := range []bool{false, true} {
		l := plane.NewLayout(plane.RGB, alpha, 170, 130, 1, 1)
		pictures := []*plane.Picture{inColours(170, 130, alpha, false), inColours(170, 130, alpha, true), rare(plane.New(l))}
		for kind := range drawnKinds {
			pictures = append(pictures, draw(l, kind, 2))
		}
		for _, p := range pictures {
			size := map[string]int{}
			for _, effort := range codec.EffortSetting.Choices {
				file := encodeWith(t, p, setting.Values{"lossless": "true", "effort": effort}, codec.EncodeOptions{})
				checkLossless(t, p, file)
				size[effort] = len(file)
			}
			if size["normal"] > size["fast"]*101/100+10 || size["fast"] > 2*size["normal"] {
				t.Errorf("bytes by effort: %v", size)
			}
		}
	}
}
