package encode

import (
	"context"
	"math/bits"
	"sync"
	"unsafe"

	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
)

// grid holds the quantised coefficients of a component, or of some rows of its blocks.
type grid struct {
	blocksX int
	first   int      // number of the first row of blocks
	coef    []int16  // 64 per block, in rows; those that nonzero does not mark count as 0
	nonzero []uint64 // a word per block: bit k marks coefficient k in zigzag order as not zero

	// What splitRow computes for a progressive file, in words like those of nonzero: the AC coefficients of
	// which the magnitude is at least 1<<l, and those in which bit l of it is set.
	atLeast [maxLow + 1][]uint64
	bit     [maxLow][]uint64
	// dc are the DC coefficients for the scans of a progressive file, side by side: in coef each is in a cache line of its
	// own, perhaps of another core.
	dc []int16
}

func newGrid(blocksX, blocksY int) *grid {
	return &grid{
		blocksX: blocksX,
		coef:    make([]int16, 64*blocksX*blocksY),
		nonzero: make([]uint64, blocksX*blocksY),
	}
}

// block is the index in the grid of a block of the component.
func (g *grid) block(bx, by int) int { return (by-g.first)*g.blocksX + bx }

func (g *grid) at(i int) *[64]int16 { return (*[64]int16)(g.coef[64*i:]) }

// zigzagBits maps each byte of a word of 64 bits in rows to its bits in zigzag order.
var zigzagBits = makeZigzagBits()

func makeZigzagBits() (t [8][256]uint64) {
	for k, z := range stream.Zigzag[:64] {
		for b := range 256 {
			t[z/8][b] |= uint64(b>>(z%8)&1) << k
		}
	}
	return t
}

func toZigzag(rows uint64) uint64 {
	return zigzagBits[0][byte(rows)] | zigzagBits[1][byte(rows>>8)] |
		zigzagBits[2][byte(rows>>16)] | zigzagBits[3][byte(rows>>24)] |
		zigzagBits[4][byte(rows>>32)] | zigzagBits[5][byte(rows>>40)] |
		zigzagBits[6][byte(rows>>48)] | zigzagBits[7][rows>>56]
}

// quantiseAll computes the quantised coefficients of the whole picture, and for a progressive file, once for all
// scans, which of them have which bits.
func (e *Encoder) quantiseAll(ctx context.Context, grids []*grid, t *quantisers, o *Options) {
	choose := t.row
	if o.Effort == High {
		choose = e.trellis(ctx, t, o.Threads)
	}
	threads := shares(o.Threads, e.parts[0].blocksY)
	spaces := make([][]int16, threads)
	e.eachRow(ctx, threads, 1, func(thread, i, by int) {
		if spaces[thread] == nil {
			spaces[thread] = e.parts[0].newRow() // No component is wider.
		}
		g := grids[i]
		choose(&e.parts[i], g, by, spaces[thread])
		if o.Progressive {
			g.splitRow(g.block(0, by))
			g.gatherDC(g.block(0, by))
		}
	})
}

// gridMemory holds memory of grids that an encoder has used. To clear it for the next one would take longer than
// some of the steps that fill it, and only one thread could do so.
var gridMemory sync.Pool // of *[]uint64

// newGrids returns grids for the whole picture. They are in memory that should be put into gridMemory afterwards, and
// hold anything at first.
func (e *Encoder) newGrids(progressive bool) (grids []*grid, memory *[]uint64) {
	const coefWords = 64 / 4 // four coefficients in a word
	blocks, words := 0, coefWords+1
	if progressive {
		words += 2 * maxLow
	}
	for _, c := range e.parts {
		blocks += c.blocksX * c.blocksY
	}
	memory, _ = gridMemory.Get().(*[]uint64)
	if memory == nil || len(*memory) < words*blocks {
		m := make([]uint64, words*blocks)
		memory = &m
	}
	coef, rest := unsafe.Slice((*int16)(unsafe.Pointer(&(*memory)[0])), 64*blocks), (*memory)[coefWords*blocks:]
	for _, c := range e.parts {
		n := c.blocksX * c.blocksY
		next := func() (list []uint64) {
			list, rest = rest[:n:n], rest[n:]
			return list
		}
		g := &grid{blocksX: c.blocksX, coef: coef[: 64*n : 64*n], nonzero: next()}
		coef = coef[64*n:]
		if progressive {
			g.atLeast[0] = g.nonzero
			for l := range g.bit {
				g.bit[l], g.atLeast[l+1] = next(), next()
			}
			g.dc = make([]int16, n)
		}
		grids = append(grids, g)
	}
	return grids, memory
}

// sequential writes the only scan of a baseline file. In memory it keeps the tokens, and one row of
// MCUs of coefficients per thread.
func (e *Encoder) sequential(ctx context.Context, b *bitWriter, t *quantisers, threads int) {
	s := e.joined(threads, func(s *sequentialTokens, from, to int) { e.gather(ctx, s, t, from, to) })
	e.writeSequential(ctx, b, s)
}

// joined returns the tokens that several threads collect, each of some rows of MCUs.
func (e *Encoder) joined(threads int, collect func(s *sequentialTokens, from, to int)) *sequentialTokens {
	parts := make([]*sequentialTokens, shares(threads, e.mcusY))
	share(threads, e.mcusY, func(part, from, to int) {
		parts[part] = new(sequentialTokens) // by itself: threads would wait for each other's cache lines
		collect(parts[part], from, to)
	})
	for _, next := range parts[1:] {
		parts[0].join(next)
	}
	return parts[0]
}

// gather collects the tokens of some rows of MCUs.
func (e *Encoder) gather(ctx context.Context, s *sequentialTokens, t *quantisers, from, to int) {
	var rows []*grid
	var raw [][]int16
	for _, c := range e.parts {
		rows, raw = append(rows, newGrid(c.blocksX, c.v)), append(raw, c.newRow())
	}
	for my := max(from-1, 0); my < to && ctx.Err() == nil; my++ {
		for i := range e.parts {
			c, g := &e.parts[i], rows[i]
			g.first = my * c.v
			for by := g.first; by < min(g.first+c.v, c.blocksY); by++ {
				t[c.class].row(c, g, by, raw[i])
			}
		}
		s.mcuRow(e, rows, my)
		if my < from { // The previous row serves only to determine its last DC coefficients.
			*s = sequentialTokens{dc: s.dc}
		}
	}
}

// sequentialOf collects the tokens of coefficients that are all available.
func (e *Encoder) sequentialOf(ctx context.Context, grids []*grid, threads int) *sequentialTokens {
	return e.joined(threads, func(s *sequentialTokens, from, to int) {
		for i, g := range grids {
			if c := &e.parts[i]; from > 0 {
				s.dc[i] = int(g.at(g.block(c.blocksX-1, from*c.v-1))[0])
			}
		}
		for my := from; my < to && ctx.Err() == nil; my++ {
			s.mcuRow(e, grids, my)
		}
	})
}

const (
	maxMCU    = 6                    // the largest number of blocks in an MCU: that of 4:2:0
	mcuTokens = maxMCU * blockTokens // number of words for which an MCU needs room
)

// sequentialTokens collects the tokens of an interleaved scan of all coefficients (T.81 F.1.2).
type sequentialTokens struct {
	list   tokenList
	counts tokenCounts
	dc     [3]int // DC coefficient of the last block, by component
}

// join appends the tokens of the rows that follow. Either may have none, if the context has ended.
func (s *sequentialTokens) join(next *sequentialTokens) {
	s.counts.join(&next.counts)
	s.list.join(&next.list)
}

func (s *sequentialTokens) mcuRow(e *Encoder, grids []*grid, my int) {
	for mx := s.wholeMCUs(e, grids, my); mx < e.mcusX; mx++ {
		t := s.list.room(mcuTokens)
		for i := range e.parts {
			c, g := &e.parts[i], grids[i]
			for by := my * c.v; by < (my+1)*c.v; by++ {
				for bx := mx * c.h; bx < (mx+1)*c.h; bx++ {
					if bx >= c.blocksX || by >= c.blocksY {
						// Past the edge of the component, repeating the previous DC costs least.
						t = s.counts.dcToken(t, c.class, 0)
						t = s.counts.acTokens(t, c.class, nil, 0)
						continue
					}
					j := g.block(bx, by)
					coef := g.at(j)
					t = s.counts.dcToken(t, c.class, int(coef[0])-s.dc[i])
					s.dc[i] = int(coef[0])
					t = s.counts.acTokens(t, c.class, coef, g.nonzero[j])
				}
			}
		}
		s.list.keep(t)
	}
}

// magnitude returns the size of a coefficient's category, and the bits that identify the
// coefficient within it (T.81 F.1.2.1).
func magnitude(v int) (size int, low uint) {
	sign := v >> (bits.UintSize - 1)
	size = bits.Len(uint((v ^ sign) - sign))
	return size, uint(v+sign) & (1<<size - 1)
}

// add counts a symbol and appends it with its extra bits.
func (n *tokenCounts) add(t []uint16, class, symbol, extra int, low uint) []uint16 {
	index := class*classSize + symbol
	n[index]++
	t = append(t, uint16(index)|uint16(low<<(16-tokenLow)))
	if extra > tokenLow {
		t = append(t, uint16(low>>tokenLow))
	}
	return t
}

func (n *tokenCounts) dcToken(t []uint16, class, diff int) []uint16 {
	size, low := magnitude(diff)
	return n.add(t, class, dcSymbol(size), size, low)
}

// acTokens appends a block's 63 AC coefficients (T.81 F.1.2.2). t must have room for acRoom words.
func (n *tokenCounts) acTokens(t []uint16, class int, coef *[64]int16, nonzero uint64) []uint16 {
	t, last := n.nonzero(t, class, coef, nonzero&^1, 0, 0)
	if last < 63 {
		t = n.add(t, class, stream.EOB, 0, 0)
	}
	return t
}

// nonzero appends those AC coefficients of a block that are in set, without their lowest bits: none of them
// is zero then. before is the index before the first coefficient. It returns the index of the last one. t
// must have room for acRoom words.
func (n *tokenCounts) nonzero(
	t []uint16, class int, coef *[64]int16, set uint64, before, low int,
) (_ []uint16, last int) {
	count, base := (*[classSize]uint32)(n[class*classSize:]), uint16(class*classSize)
	to, done := (*[acRoom]uint16)(t[len(t):cap(t)]), 0
	last = before
	for ; set != 0; set &= set - 1 {
		k := bits.TrailingZeros64(set)
		run := k - last - 1
		last = k
		for ; run > 15; run -= 16 {
			count[stream.ZRL]++
			to[done&(acRoom-1)] = base | stream.ZRL
			done++
		}
		v := int(coef[stream.Zigzag[k]&63])
		sign := v >> (bits.UintSize - 1)
		size, extra := magnitude(((v^sign)-sign)>>(low&63) ^ sign - sign)
		symbol := (run<<4 | size) & 0xFF
		count[symbol]++
		to[done&(acRoom-1)] = base | uint16(symbol) | uint16(extra<<(16-tokenLow))
		done++
		if size > tokenLow {
			to[done&(acRoom-1)] = uint16(extra >> tokenLow)
			done++
		}
	}
	return t[:len(t)+done], last
}

// writeSequential writes the tables and the scan.
func (e *Encoder) writeSequential(ctx context.Context, b *bitWriter, s *sequentialTokens) {
	var codes codeTable
	for class := range min(2, len(e.parts)) {
		freq := s.counts.dc(class)
		dc := optimalSpec(&freq)
		codes.setDC(class, &dc)
		b.writeHuffman(0, class, &dc)
		freq = s.counts.ac(class)
		ac := optimalSpec(&freq)
		codes.setAC(class, &ac)
		b.writeHuffman(1, class, &ac)
	}
	e.writeScanHeader(b, &scan{parts: e.all(), to: 63})
	b.list(ctx, &s.list, &codes)
}

// all lists the numbers of all components.
func (e *Encoder) all() []int {
	return []int{0, 1, 2}[:len(e.parts)]
}
