// Package ssimulacra2 says how much a picture differs from the one that it was made from, as a person
// sees it: SSIMULACRA 2.1 (J. Sneyers, Cloudinary, 2022 and 2023), on its scale up to 100 for equal
// pictures. 90 is visually lossless, 80 very high, 70 high, 50 medium and 30 low quality.
//
// Both pictures are taken row by row. In memory are some rows of each scale, whatever the height:
//
//	sRGB levels -> light -> XYB -> across: 4 means -> ring of 9 rows -> down -> maps -> sums
//	                 |
//	                 halved, to the next of six scales
//
// Means are those of a Gaussian of sigma 1.5, approximated by three cosines (D. Charalampidis,
// Recursive Implementation of the Gaussian Filter Using Truncated Cosine Functions, 2016), which has
// nine taps; beyond the edges of the picture everything is 0. Maps whose weight is negligible are not
// computed.
//
// The score is equal on every machine: arithmetic is that of IEEE 754, of which no two operations are
// fused, and sums have one order. It is that of the formulas in 64 bits within 0.02. The reference
// implementation's recursive filter adds up rounding errors, which lower its score where a picture is
// smooth and the score high: by 1 at 84 for one of the 24 pictures of the Kodak set, and by less than
// 0.5 for the others.
package ssimulacra2

import "math"

// scales is how many sizes of the pictures are compared, from the full one on, each half of the one before.
const scales = 6

// minSide is the least side of a scale that is reduced once more.
const minSide = 8

// Comparison compares two pictures of one size.
type Comparison struct {
	full   *scale
	levels [2][3][]float32 // the light of a row of both
}

// New begins a comparison of two pictures of width×height pixels.
func New(width, height int) *Comparison {
	c := &Comparison{full: newScale(0, width, height)}
	for i := range c.levels {
		c.levels[i] = c.full.newRows()
	}
	return c
}

// Row takes the next row, from the top, of the original and of the picture that is judged: red, green
// and blue in sRGB.
func (c *Comparison) Row(original, other [3][]byte) {
	for i, rgb := range [2][3][]byte{original, other} {
		for channel, row := range c.levels[i] {
			row = row[margin:]
			for x, v := range rgb[channel][:c.full.width] {
				row[x] = light[v]
			}
		}
	}
	c.full.row(&c.levels)
}

// Score returns the score, once Row has taken all rows.
func (c *Comparison) Score() float64 {
	sum := 0.0
	for s := c.full; s != nil; s = s.next {
		s.finish()
		for i, p := range s.parts {
			if p != nil {
				sum += p.weighted(&weights[i][s.index], float64(s.width)*float64(s.height))
			}
		}
	}
	return scoreOf(sum)
}

// scoreOf maps the weighted sum of all maps to the scale of subjective scores.
func scoreOf(sum float64) float64 {
	x := float64(sum * 0.9562382616834844)
	square := float64(x * x)
	x = float64(2.326765642916932*x) - float64(0.020884521182843837*square) +
		float64(float64(6.248496625763138e-05*square)*x)
	if x <= 0 {
		return 100
	}
	return 100 - float64(10*power(x, 0.6276336467831387))
}

// The maps of a component at a scale: where the pictures differ in structure, where the other has edges
// that the original lacks (as of blocks and ringing), and where it lacks edges of the original.
const (
	structure = iota
	artifact
	detail
	maps
)

// norms of a map: its mean, and the fourth root of the mean of fourth powers.
const norms = 2

// component of the colour space.
const (
	compX = iota
	compY
	compB
	components
)

// weighted returns the weighted sum of the norms of the maps over n pixels.
func (p *part) weighted(w *[norms][maps]float64, n float64) (sum float64) {
	for norm := range w {
		for m, weight := range w[norm] {
			if weight < negligible {
				continue
			}
			v := p.sums[norms*m+norm] / n
			if norm == 1 {
				v = math.Sqrt(math.Sqrt(v))
			}
			sum += float64(weight * v)
		}
	}
	return sum
}

// negligible is the weight below which a map is left out. Those below are 0.0021 at
// most, and norms are below 1.
const negligible = 0.01
