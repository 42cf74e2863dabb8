package codectest

import (
	"math"
	"math/rand/v2"

	"github.com/imgmill/imgmill/internal/engine/plane"
)

// Kinds of pictures that Draw draws.
const (
	Smooth = iota
	Noisy
	Flat
	Stripes
	DrawnKinds
)

// Draw returns a picture of a layout whose planes have something to show.
func Draw(l plane.Layout, kind int, seed uint64) *plane.Picture {
	p := plane.New(l)
	r := rand.New(rand.NewPCG(seed, uint64(kind)))
	for i := range p.Planes {
		a, b, c := r.Float64()*9, 1+r.Float64()*40, 1+r.Float64()*40
		fill := uint8(r.Uint32())
		for y := range p.Planes[i].Height {
			row := p.Row(i, y)
			for x := range row {
				switch kind {
				case Smooth:
					row[x] = uint8(128 + 120*math.Sin(a+float64(x)/b)*math.Cos(float64(y)/c))
				case Noisy:
					row[x] = uint8(r.Uint32())
				case Flat:
					row[x] = fill
				default:
					row[x] = uint8(85 * ((x/3 + y/5 + int(seed)) % 4))
				}
			}
		}
	}
	return p
}
