package jpeg

import (
	"context"
	"math/bits"

	"github.com/imgmill/imgmill/internal/engine/dct"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// dropped is where a coefficient is kept that is not.
const dropped = 255

// coefficients are what is kept of a component until all scans are read: the n×n lowest of each block, not dequantised,
// and which of all 64 are not zero, because corrections come only for those. Rows of blocks are made when a scan first
// reaches them, so that little data cannot ask for much memory.
type coefficients struct {
	n    int
	keep int // place in the zigzag order of the last that is kept
	padX int
	low  [][]int16  // by row of blocks
	seen [][]uint64 // the same; bit k is the AC coefficient at place k of the zigzag order; none if n is 1
	at   [64]uint8  // where in a block of low the coefficient at a place of the zigzag order is, or dropped
	bit  [64]int8   // by place: down to which bit the coefficients came, or noBit
}

// noBit stands for no scan yet, or one that was unsound or out of turn.
const noBit = -1

// coefficientBytes is what a block needs at scale n.
func coefficientBytes(n int) int {
	if n == 1 {
		return 2
	}
	return 2*n*n + 8
}

func newCoefficients(c *component) *coefficients {
	k := &coefficients{n: c.n, keep: lastKept[c.n], padX: c.padX}
	k.low = make([][]int16, c.padY)
	k.seen = make([][]uint64, c.padY)
	for i, z := range zigzag[:64] {
		u, v := int(z&7), int(z>>3)
		k.at[i], k.bit[i] = dropped, noBit
		if u < c.n && v < c.n {
			k.at[i] = uint8(v*c.n + u)
		}
	}
	return k
}

// came notes that a scan came, sound or not.
func (c *coefficients) came(s scanHeader, sound bool) {
	for k := s.ss; k <= s.se; k++ {
		if sound && (s.ah == 0 || c.bit[k] == int8(s.ah)) {
			c.bit[k] = int8(s.al)
		} else {
			c.bit[k] = noBit
		}
	}
}

// final tells whether the last bit came of all coefficients that are kept: each comes once (T.81 G.1.1.1), and no scan that
// follows has a say in them.
func (c *coefficients) final() bool {
	for k, at := range c.at {
		if at != dropped && c.bit[k] != 0 {
			return false
		}
	}
	return true
}

// row is a row of blocks.
func (c *coefficients) row(y int) ([]int16, []uint64) {
	if c.low[y] == nil {
		c.low[y] = make([]int16, c.padX*c.n*c.n)
		if c.n > 1 {
			c.seen[y] = make([]uint64, c.padX)
		}
	}
	return c.low[y], c.seen[y]
}

// transform turns the coefficients of all components into rows, in bands of MCUs.
func (d *Decoder) transform(ctx context.Context, sink plane.Sink) error {
	for _, c := range d.comps {
		c.band = make([]byte, c.stride*c.V*c.n)
	}
	for row := range d.mcusY {
		if err := ctx.Err(); err != nil {
			return err
		}
		for _, c := range d.comps {
			for v := range c.V {
				c.transformRow(c.band[v*c.n*c.stride:][:c.n*c.stride], row*c.V+v)
			}
			if err := d.push(sink, c, row*c.V*c.n, c.V*c.n); err != nil {
				return err
			}
		}
	}
	return nil
}

// transformRow transforms a row of blocks.
func (c *component) transformRow(dst []byte, y int) {
	low, seen := c.coef.low[y], c.coef.seen[y]
	if low == nil {
		for i := range dst {
			dst[i] = grey
		}
		return
	}
	n := c.n
	dc := int32(c.quant[0])
	if n == 1 {
		for x, v := range low {
			dst[x] = dct.Flat(int16(int32(v) * dc))
		}
		return
	}
	var block [64]int16
	kept := ^uint64(0) >> (63 - c.coef.keep)
	for x, s := range seen {
		b := low[x*n*n:][:n*n]
		block[0] = int16(int32(b[0]) * dc)
		s &= kept
		for m := s; m != 0; m &= m - 1 {
			k := bits.TrailingZeros64(m)
			if at := c.coef.at[k]; at != dropped {
				block[zigzag[k]] = int16(int32(b[at]) * int32(c.quant[k]))
			}
		}
		dct.Inverse(n, dst[x*n:], c.stride, &block, max(bits.Len64(s)-1, 0))
		if s != 0 {
			block = [64]int16{}
		}
	}
}
