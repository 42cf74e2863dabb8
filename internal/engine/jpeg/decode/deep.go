package decode

import (
	"math"
	"math/bits"

	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
)

// Pictures of 12 bits (T.81, extended sequential and progressive). Their entropy coding is that of 8
// bits with larger numbers, so that everything before the inverse transform is shared. The transform
// is done at 12 bits, and samples are then reduced to their upper 8.

const (
	deepBits   = 12
	deepFix    = 20 // fraction bits of cosines
	deepLevel  = 1 << (deepBits - 1)
	deepExcess = deepBits - 8
)

// deepCosines holds, by size n of a block, sample x and frequency u, half of C(u) cos((2x+1)uπ/2n):
// the product of two such factors is a term of the formula in package dct.
var deepCosines = func() (t [9][8][8]int64) {
	for n := 1; n <= 8; n++ {
		for x := range n {
			for u := range n {
				t[n][x][u] = int64(math.Round(deepCosine(n, x, u)))
			}
		}
	}
	return t
}()

// deepCosine is an entry of deepCosines before it is rounded.
func deepCosine(n, x, u int) float64 {
	if u == 0 {
		return math.Sqrt2 / 4 * (1 << deepFix)
	}
	return math.Cos(float64((2*x+1)*u)*math.Pi/float64(2*n)) / 2 * (1 << deepFix)
}

// inverseDeep transforms the n×n lowest of a block's dequantised coefficients, in rows pitch apart,
// to n×n samples. No sum is rounded before the last.
func inverseDeep(n int, dst []byte, stride int, block []int16, pitch int) {
	cosines := &deepCosines[n]
	var columns [64]int64
	for v := range n {
		for u, f := range block[v*pitch:][:n] {
			if f == 0 {
				continue
			}
			for y := range n {
				columns[y*8+u] += int64(f) * cosines[y][v]
			}
		}
	}
	for y := range n {
		row := dst[y*stride:][:n]
		for x := range row {
			sum := int64(1) << (2*deepFix - 1)
			for u, w := range columns[y*8:][:n] {
				sum += w * cosines[x][u]
			}
			v := min(max(sum>>(2*deepFix)+deepLevel, 0), 1<<deepBits-1)
			row[x] = byte(v >> deepExcess)
		}
	}
}

// paintDeep is paintFlat and paintBlocks for 12 bits. pitch is the distance between rows of a
// block's coefficients.
func (s *sequentialScan) paintDeep(units []unit, coef []int16, x, n, pitch int) {
	c := units[0].component
	step := int32(c.quant[0])
	for m := range n {
		for i := range units {
			u := &units[i]
			block := coef[m*s.mcu.size+u.at:]
			c.pred += int32(block[0])
			block[0] = int16(c.pred * step)
			inverseDeep(u.n, c.band[u.off+(x+m)*u.step:], c.stride, block, pitch)
		}
	}
}

// transformRowDeep is transformRow for 12 bits.
func (c *component) transformRowDeep(dst []byte, dc, low []int16, nonzero []uint64) {
	n := c.n
	kept := ^uint64(0) >> (63 - c.coef.keep)
	for x, v := range dc {
		var block [64]int16
		block[0] = int16(int32(v) * int32(c.quant[0]))
		if n > 1 {
			b := low[x*(n*n-1):]
			for m := nonzero[x] & kept &^ 1; m != 0; m &= m - 1 {
				k := bits.TrailingZeros64(m)
				if at := c.coef.at[k]; at != dropped {
					block[stream.Zigzag[k]] = int16(int32(b[at]) * int32(c.quant[k]))
				}
			}
		}
		inverseDeep(n, dst[x*n:], c.stride, block[:], 8)
	}
}
