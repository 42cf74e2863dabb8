package decode

import (
	"math/bits"
	"sync"
	"unsafe"

	"github.com/imgmill/imgmill/internal/engine/dct"
	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// dropped is the index in coefficients.at of a coefficient that is not kept.
const dropped = 255

// coefficients holds what is kept of a component until all scans are read: the n×n lowest
// coefficients of each block, not dequantised, and which of all 64 are not zero, because only those
// have correction bits. Rows of blocks are allocated when a scan first reaches them, so that a
// small file cannot claim much memory. DC coefficients are kept apart, because their scans visit all
// blocks, often while another thread decodes a scan of others.
type coefficients struct {
	n     int
	keep  int // index in the zigzag order of the last coefficient that is kept
	padX  int
	mu    sync.Mutex // guards bytes while scans are decoded
	bytes int64      // that are allocated
	// dc holds the DC coefficients by row of blocks.
	dc [][]int16
	// low holds the other kept coefficients by row of blocks, n×n-1 of each. It is unused if n is 1.
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

// coefficientHeap is what the heap takes for coefficients. The runtime rounds up what it allocates: by an eighth at most up to
// 32 KiB, to pages of 8 KiB above (runtime/sizeclasses.go of Go 1.26).
func (c *component) coefficientHeap() int64 {
	rounded := func(bytes int) int64 {
		if bytes > 32<<10 {
			return int64(ceilDiv(bytes, 8<<10)) << 13
		}
		return int64(bytes + bytes/8)
	}
	blocks := min(rowsAtOnce, c.padY) * c.padX
	group := rounded(2 * blocks)
	if c.n > 1 {
		group += rounded(2*blocks*(c.n*c.n-1)) + rounded(8*blocks)
	}
	const slices = 4 * 24 // of coefficients, for a row of blocks
	return int64(ceilDiv(c.padY, rowsAtOnce))*group + int64(slices*c.padY)
}

func newCoefficients(c *component) *coefficients {
	k := &coefficients{n: c.n, keep: lastKept[c.n], padX: c.padX}
	k.dc = make([][]int16, c.padY)
	k.low = make([][]int16, c.padY)
	k.nonzero = make([][]uint64, c.padY)
	k.samples = make([][]byte, c.padY)
	for i, z := range stream.Zigzag[:64] {
		u, v := int(z&7), int(z>>3)
		k.at[i], k.bit[i], k.sent[i] = dropped, noBit, noBit
		if i > 0 && u < c.n && v < c.n {
			k.at[i] = uint8(v*c.n + u - 1)
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
		if (k == 0 || at != dropped) && b[k] != 0 {
			return false
		}
	}
	return true
}

// rowsAtOnce is the number of rows of blocks that are allocated at a time. Single rows would waste more.
const rowsAtOnce = 8

// rowDC returns the DC coefficients of a row of blocks, and allocates them if necessary.
func (c *coefficients) rowDC(y int) []int16 {
	if c.dc[y] == nil {
		rows := c.dc[y:min(y+rowsAtOnce, len(c.dc))]
		all := make([]int16, len(rows)*c.padX)
		for i := range rows {
			rows[i] = all[i*c.padX:][:c.padX]
		}
		c.claim(len(rows) * 2)
	}
	return c.dc[y]
}

// row returns the other coefficients of a row of blocks, and allocates them if necessary.
func (c *coefficients) row(y int) ([]int16, []uint64) {
	if c.low[y] == nil {
		rows := min(rowsAtOnce, len(c.low)-y)
		size := c.padX * (c.n*c.n - 1)
		low, nonzero := make([]int16, rows*size), make([]uint64, rows*c.padX)
		for i := range rows {
			c.low[y+i], c.nonzero[y+i] = low[i*size:][:size], nonzero[i*c.padX:][:c.padX]
		}
		c.claim(rows * (coefficientBytes(c.n) - 2))
	}
	return c.low[y], c.nonzero[y]
}

// claim counts the memory of some bytes of each column of blocks. A scan of DC coefficients and another may
// do so at a time.
func (c *coefficients) claim(bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bytes += int64(c.padX * bytes)
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
			c.coef.forget(y)
			c.coef.samples[y] = nil
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
			space := c.coef.low[y]
			if c.n == 1 {
				space = c.coef.dc[y]
			}
			if space == nil {
				continue
			}
			c.transformRow((*bands)[i], y, d.deep())
			samples := unsafe.Slice((*byte)(unsafe.Pointer(&space[0])), 2*len(space))
			c.coef.samples[y] = samples[:copy(samples, (*bands)[i])]
			c.coef.forget(y)
		}
	}
}

// forget drops a row of blocks.
func (c *coefficients) forget(y int) { c.dc[y], c.low[y], c.nonzero[y] = nil, nil, nil }

// transformRow transforms a row of blocks.
func (c *component) transformRow(dst []byte, y int, deep bool) {
	dc, low, nonzero := c.coef.dc[y], c.coef.low[y], c.coef.nonzero[y]
	if dc == nil && low == nil {
		for i := range dst {
			dst[i] = grey
		}
		return
	}
	if dc == nil {
		dc = make([]int16, c.padX)
	}
	if low == nil && c.n > 1 {
		low, nonzero = make([]int16, c.padX*(c.n*c.n-1)), make([]uint64, c.padX)
	}
	if c.n == 1 && !deep {
		step := int32(c.quant[0])
		for x, v := range dc {
			dst[x] = dct.Flat(int16(int32(v) * step))
		}
		return
	}
	if deep {
		c.transformRowDeep(dst, dc, low, nonzero)
		return
	}
	n, others, size := c.n, c.n*c.n-1, runSize(c.n)
	steps := c.steps()
	var r blockRun
	for x := 0; x < len(dc); x += runLength / size {
		count := min(runLength/size, len(dc)-x)
		c.dequantise(&r, steps, dc[x:x+count], low[x*others:], nonzero[x:])
		dct.InverseBlocks(n, dst[x*n:], c.stride, n, dct.Blocks{
			Coef: r.coef[:], Size: size, Last: r.last[:], LastStride: 1, N: count,
		})
	}
}

// steps returns the steps of blocks of up to 4×4 as dct.Dequantise takes them.
func (c *component) steps() *[64]int16 {
	t := new([64]int16)
	for k, at := range c.coef.at {
		i := 0
		if at != dropped {
			i = int(at) + 1
		} else if k > 0 {
			continue
		}
		for i = i/c.n*dct.Pitch(c.n) + i%c.n; i < len(t); i += runSize(c.n) {
			t[i] = c.step(k)
		}
	}
	return t
}

// step is the quantisation step of the coefficient at index k of the zigzag order.
func (c *component) step(k int) int16 { return int16(c.quant[k]) }

// blockRun is a run of blocks for dct: 16, or more if they are small.
type blockRun struct {
	coef [runLength + 64]int16
	last [runLength / 16]uint8 // unused at scale 2
}

const runLength = 16 * 64

// runSize is the distance from one block of a run to the next.
func runSize(n int) int {
	switch n {
	case 2:
		return 4
	case 3, 4:
		return 16
	}
	return 64
}

// dequantise fills a run with the blocks that have these coefficients. steps are those of blocks of up to
// 4×4. Coefficients that are not kept are zero.
func (c *component) dequantise(r *blockRun, steps *[64]int16, dc, low []int16, nonzero []uint64) {
	n := c.n
	if n == 2 {
		for i, v := range dc {
			from, to := (*[3]int16)(low[3*i:]), (*[4]int16)(r.coef[4*i:])
			to[0], to[1], to[2], to[3] = v, from[0], from[1], from[2]
		}
		dct.Dequantise(r.coef[:4*len(dc)], steps)
		return
	}
	if n > 4 {
		clear(r.coef[:])
	}
	kept, size := ^uint64(0)>>(63-c.coef.keep), runSize(n)
	for i, v := range dc {
		block, m := (*[64]int16)(r.coef[size*i:]), nonzero[i]&kept
		r.last[i] = uint8(max(bits.Len64(m)-1, 0))
		switch n {
		case 3:
			from := (*[8]int16)(low[8*i:])
			block[0], block[1], block[2] = v, from[0], from[1]
			copy(block[4:7], from[2:5])
			copy(block[8:11], from[5:8])
		case 4:
			from := (*[15]int16)(low[15*i:])
			block[0], block[1], block[2], block[3] = v, from[0], from[1], from[2]
			copy(block[4:], from[3:])
		default:
			b := low[i*(n*n-1):]
			block[0] = v * c.step(0)
			for ; m != 0; m &= m - 1 {
				k := bits.TrailingZeros64(m)
				if at := c.coef.at[k]; at != dropped {
					block[stream.Zigzag[k]] = b[at] * c.step(k)
				}
			}
		}
	}
	if n <= 4 {
		dct.Dequantise(r.coef[:size*len(dc)], steps)
	}
}
