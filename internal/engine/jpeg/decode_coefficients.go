package jpeg

import (
	"math/bits"
	"sync"
	"unsafe"

	"github.com/imgmill/imgmill/internal/engine/dct"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// dropped is the index in coefficients.at of a coefficient that is not kept.
const dropped = 255

// coefficients holds what is kept of a component until all scans are read: the n×n lowest
// coefficients of each block, not dequantised, and which of all 64 are not zero, because only those
// have correction bits. Rows of blocks are allocated when a scan first reaches them, so that a
// small file cannot claim much memory.
type coefficients struct {
	n    int
	keep int // index in the zigzag order of the last coefficient that is kept
	padX int
	mu   sync.Mutex // guards rows, low and nonzero while scans are decoded
	rows int        // that are allocated
	// low holds the kept coefficients by row of blocks.
	low [][]int16
	// nonzero holds a word per block, by row of blocks; bit k stands for the AC coefficient at
	// index k of the zigzag order. It is unused if n is 1.
	nonzero [][]uint64
	// at maps an index in the zigzag order to one in a block of low, or to dropped.
	at [64]uint8
	// samples holds what the rows of blocks that were transformed ahead have become.
	samples [][]byte
	band    []byte   // samples of a row of blocks
	bit     bitsSent // decoded
	// sent is what bit will be if the scans found so far are intact.
	sent bitsSent
}

// bitsSent holds, by index in the zigzag order, the lowest bit so far, or noBit.
type bitsSent [64]int8

// noBit means that no scan has arrived yet, or that one was damaged or out of order.
const noBit = -1

// coefficientBytes is the memory of a block at scale n.
func coefficientBytes(n int) int {
	if n == 1 {
		return 2
	}
	return 2*n*n + 8
}

func newCoefficients(c *component) *coefficients {
	k := &coefficients{n: c.n, keep: lastKept[c.n], padX: c.padX}
	k.low = make([][]int16, c.padY)
	k.nonzero = make([][]uint64, c.padY)
	k.samples = make([][]byte, c.padY)
	for i, z := range zigzag[:64] {
		u, v := int(z&7), int(z>>3)
		k.at[i], k.bit[i], k.sent[i] = dropped, noBit, noBit
		if u < c.n && v < c.n {
			k.at[i] = uint8(v*c.n + u)
		}
	}
	return k
}

// record records that a scan has been decoded, undamaged or not.
func (b *bitsSent) record(s scanHeader, intact bool) {
	for k := s.ss; k <= s.se; k++ {
		if intact && (s.ah == 0 || b[k] == int8(s.ah)) {
			b[k] = int8(s.al)
		} else {
			b[k] = noBit
		}
	}
}

// final reports whether the last bits of all kept coefficients have arrived. Each bit is sent once
// (T.81 G.1.1.1), so no later scan can change them.
func (b *bitsSent) final(c *coefficients) bool {
	for k, at := range c.at {
		if at != dropped && b[k] != 0 {
			return false
		}
	}
	return true
}

// row returns a row of blocks, and allocates it if necessary. A scan of DC coefficients and another may
// do so at a time.
func (c *coefficients) row(y int) ([]int16, []uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.low[y] == nil {
		c.rows++
		c.low[y] = make([]int16, c.padX*c.n*c.n)
		if c.n > 1 {
			c.nonzero[y] = make([]uint64, c.padX)
		}
	}
	return c.low[y], c.nonzero[y]
}

// transformRow turns the coefficients of a row of MCUs into rows of samples, unless transformAhead has
// done so, passes them to the sink, and forgets them.
func (d *Decoder) transformRow(sink plane.Sink, row int) error {
	for _, c := range d.comps {
		for y := row * c.V; y < (row+1)*c.V; y++ {
			band := c.coef.samples[y]
			if band == nil {
				if c.coef.band == nil {
					c.coef.band = make([]byte, c.stride*c.n)
				}
				band = c.coef.band
				c.transformRow(band, y, d.deep())
			}
			c.coef.low[y], c.coef.nonzero[y], c.coef.samples[y] = nil, nil, nil
			c.band = band
			if err := d.push(sink, c, y*c.n, c.n); err != nil {
				return err
			}
		}
	}
	return nil
}

// transformAhead turns the coefficients of a row of MCUs into samples, in the memory of the coefficients.
// bands is its caller's space for rows of samples.
func (d *Decoder) transformAhead(row int, bands *[][]byte) {
	if *bands == nil {
		*bands = make([][]byte, len(d.comps))
		for i, c := range d.comps {
			(*bands)[i] = make([]byte, c.stride*c.n)
		}
	}
	for i, c := range d.comps {
		for y := row * c.V; y < (row+1)*c.V; y++ {
			low := c.coef.low[y]
			if low == nil {
				continue
			}
			c.transformRow((*bands)[i], y, d.deep())
			samples := unsafe.Slice((*byte)(unsafe.Pointer(&low[0])), 2*len(low))
			c.coef.samples[y] = samples[:copy(samples, (*bands)[i])]
			c.coef.low[y], c.coef.nonzero[y] = nil, nil
		}
	}
}

// transformRow transforms a row of blocks.
func (c *component) transformRow(dst []byte, y int, deep bool) {
	low, nonzero := c.coef.low[y], c.coef.nonzero[y]
	if low == nil {
		for i := range dst {
			dst[i] = grey
		}
		return
	}
	if deep {
		c.transformRowDeep(dst, y)
		return
	}
	n := c.n
	switch n {
	case 1:
		dc := int32(c.quant[0])
		for x, v := range low {
			dst[x] = dct.Flat(int16(int32(v) * dc))
		}
		return
	case 2: // is kept as dct takes it
		dct.Dequantise(low, c.steps())
		dct.InverseBlocks(2, dst, c.stride, 2, dct.Blocks{Coef: low, Size: 4, N: len(low) / 4})
		return
	case 4:
		dct.Dequantise(low, c.steps())
	}
	var b blockRun
	for x := 0; x < len(nonzero); x += len(b.last) {
		count := min(len(b.last), len(nonzero)-x)
		c.dequantise(&b, low[x*n*n:], nonzero[x:x+count])
		dct.InverseBlocks(n, dst[x*n:], c.stride, n, dct.Blocks{
			Coef: b.coef[:], Size: 64, Last: b.last[:], LastStride: 1, N: count,
		})
	}
}

// step is the quantisation step of the coefficient at index k of the zigzag order.
func (c *component) step(k int) int16 { return int16(c.quant[k]) }

// steps returns the steps of the coefficients that are kept of a block, as often as they fit.
func (c *component) steps() *[64]int16 {
	t := new([64]int16)
	for k, at := range c.coef.at {
		for i := int(at); at != dropped && i < len(t); i += c.n * c.n {
			t[i] = c.step(k)
		}
	}
	return t
}

// blockRun is a run of blocks for dct. Coefficients that are not kept are zero.
type blockRun struct {
	coef [16 * 64]int16
	last [16]uint8
}

// dequantise fills a run with the blocks of low, of which nonzero has a word each. Blocks of 4×4 have been
// multiplied by their steps.
func (c *component) dequantise(r *blockRun, low []int16, nonzero []uint64) {
	n := c.n
	kept := ^uint64(0) >> (63 - c.coef.keep)
	var steps [9]int16
	switch {
	case n == 3:
		steps = [9]int16(c.steps()[:])
	case n > 4:
		clear(r.coef[:])
	}
	for i, m := range nonzero {
		b, block := low[i*n*n:][:n*n], (*[64]int16)(r.coef[64*i:])
		m &= kept
		r.last[i] = uint8(max(bits.Len64(m)-1, 0))
		switch n {
		case 4:
			from := (*[16]int16)(b)
			copy(block[0:4], from[0:4])
			copy(block[8:12], from[4:8])
			copy(block[16:20], from[8:12])
			copy(block[24:28], from[12:16])
			continue
		case 3:
			for v := range n {
				row := b[v*n:][:n]
				for u, q := range steps[v*n:][:n] {
					block[8*v+u] = row[u] * q
				}
			}
			continue
		}
		block[0] = b[0] * c.step(0)
		for ; m != 0; m &= m - 1 {
			k := bits.TrailingZeros64(m)
			if at := c.coef.at[k]; at != dropped {
				block[zigzag[k]] = b[at] * c.step(k)
			}
		}
	}
}
