package webp

import (
	"math/rand/v2"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/codec/codectest"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

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
		for kind := range codectest.DrawnKinds {
			pictures = append(pictures, codectest.Draw(l, kind, 2))
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
