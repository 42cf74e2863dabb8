// Package placeholder describes a picture in a few bytes, for a web page to show something until it is
// loaded: a ThumbHash, a BlurHash and its dominant colour. To the engine it is a format, whose files are
// these descriptions as JSON, so that they are made from the same decode as the variants:
//
//	reduced picture, at most 64×64 ── red, green, blue, alpha ─┬─ ThumbHash       thumbhash.go
//	                                                             ├─ BlurHash        blurhash.go
//	                                                             └─ dominant colour
//
// No recipe can name the format: it is in no set of formats.
package placeholder

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

// Placeholder stands for a picture that is not loaded yet.
type Placeholder struct {
	ThumbHash string `json:"thumbhash"` // in base64
	BlurHash  string `json:"blurhash"`
	Colour    string `json:"color"` // the dominant one, as #rrggbb
}

// Format is the format of placeholders.
var Format = &codec.Format{
	Name: "placeholder", Title: "Placeholder", Extensions: []string{".json"}, MediaType: "application/json",
	Abilities: codec.Abilities{Lossy: true, Alpha: true, ColourOnly: true, Bits: 8},
	Encoder:   func(setting.Values) codec.Encoder { return encoder{} },
}

// side is the longer side of the reduced picture. Hashes have nine waves along it at most; those of larger
// pictures differ little, and take longer.
const side = 64

// Variant returns a variant whose output is the placeholder.
func Variant() render.Variant {
	v := render.NewVariant("placeholder")
	v.Width, v.Height, v.Format = side, side, Format
	return v
}

// Parse reads the output of Variant.
func Parse(data []byte) (p Placeholder, err error) {
	return p, json.Unmarshal(data, &p)
}

type encoder struct{}

func (encoder) Layout(_ plane.Model, alpha bool, w, h int) plane.Layout {
	return plane.NewLayout(plane.RGB, alpha, w, h, 1, 1)
}

func (encoder) Encode(ctx context.Context, p *plane.Picture, _ codec.EncodeOptions) ([]byte, error) {
	return json.Marshal(Of(newPixels(p)))
}

// Pixels are those of a picture, row by row: red, green, blue and alpha of each, not premultiplied.
type Pixels struct {
	Width, Height int
	RGBA          []uint8
}

func newPixels(p *plane.Picture) Pixels {
	px := Pixels{p.Width(), p.Height(), make([]uint8, 0, 4*p.Width()*p.Height())}
	alpha, transparent := p.Alpha()
	for y := range px.Height {
		r, g, b := p.Row(0, y), p.Row(1, y), p.Row(2, y)
		for x := range px.Width {
			a := uint8(255)
			if transparent {
				a = p.Row(alpha, y)[x]
			}
			px.RGBA = append(px.RGBA, r[x], g[x], b[x], a)
		}
	}
	return px
}

// Of returns the placeholder of a picture of at most 100×100 pixels.
func Of(px Pixels) Placeholder {
	x, y := px.components()
	r, g, b := px.dominant()
	return Placeholder{
		ThumbHash: base64.StdEncoding.EncodeToString(px.ThumbHash()),
		BlurHash:  px.BlurHash(x, y),
		Colour:    fmt.Sprintf("#%02x%02x%02x", r, g, b),
	}
}

// components returns how many BlurHash has in each direction: 4 on the longer side, as its authors
// recommend, and 3 on the shorter one.
func (px Pixels) components() (x, y int) {
	if px.Height > px.Width {
		return 3, 4
	}
	return 4, 3
}

// dominant returns the mean colour of the cell of a histogram that the most opaque pixels fall into. The
// histogram has 16 cells for each of red, green and blue, as that of sharp's stats.
func (px Pixels) dominant() (r, g, b uint8) {
	var cells [1 << 12]struct{ r, g, b, weight uint64 }
	best := 0
	for i := 0; i < len(px.RGBA); i += 4 {
		c := px.RGBA[i : i+4]
		at := int(c[0]>>4)<<8 | int(c[1]>>4)<<4 | int(c[2]>>4)
		cell, a := &cells[at], uint64(c[3])
		cell.r, cell.g, cell.b = cell.r+a*uint64(c[0]), cell.g+a*uint64(c[1]), cell.b+a*uint64(c[2])
		if cell.weight += a; cell.weight > cells[best].weight {
			best = at
		}
	}
	c := cells[best]
	if c.weight == 0 {
		return 255, 255, 255 // nothing is to be seen
	}
	mean := func(sum uint64) uint8 { return uint8((sum + c.weight/2) / c.weight) }
	return mean(c.r), mean(c.g), mean(c.b)
}

// average returns the mean colour of the pixels, weighted by alpha, on a scale to 1, and the sum of alpha
// on a scale to 1 each.
func (px Pixels) average() (mean [3]float64, opacity float64) {
	for i := 0; i < len(px.RGBA); i += 4 {
		alpha := float64(px.RGBA[i+3]) / 255
		for c := range mean {
			mean[c] += float64(alpha / 255 * float64(px.RGBA[i+c]))
		}
		opacity += alpha
	}
	for c := range mean {
		if opacity > 0 {
			mean[c] /= opacity
		}
	}
	return mean, opacity
}
