package jpeg

import (
	"math"
	"math/bits"
)

var (
	tuneKappa = 0.12
	tuneA     = 0.5
	tuneAct   = 0.0
	tuneKC    = 0.12
	tuneAC    = 0.5
	tuneIter  = 1.0
	tuneChroma = 1.0
	tuneFlat=0.0
)

type trellis struct {
	rate   [12][63]int32
	end    int32
	weight [64]int64 // zigzag
	step   [64]int32 // 8q
}

func log2Fixed(x uint64) int32 {
	// 8 fraction bits by repeated squaring
	n := bits.Len64(x) - 1
	r := int32(n)
	m := x << (63 - n) >> 32 // 1.31
	for range 8 {
		m = m * m >> 31
		r <<= 1
		if m >= 1<<32 {
			m >>= 1
			r |= 1
		}
	}
	return r
}

func newTrellis(c *tokenCounts, class int, table *[64]uint8) *trellis {
	t := new(trellis)
	total := uint64(0)
	freq := c.ac(class)
	for _, f := range freq {
		total += uint64(f)
	}
	all := log2Fixed(4*total + 256)
	cost := func(sym int) int32 { return all - log2Fixed(4*uint64(freq[sym])+1) }
	t.end = cost(symEOB)
	for size := 1; size <= 10; size++ {
		for run := range 63 {
			t.rate[size][run] = cost(run&15<<4|size) + int32(run>>4)*cost(symZRL) + int32(size)<<8
		}
	}
	for run := range 63 {
		t.rate[11][run] = 1 << 28
		t.rate[0][run] = 1 << 28
	}
	kappa, a := tuneKappa, tuneA
	if class == 1 {
		kappa, a = tuneKC, tuneAC
	}
	qm := 0.0
	for k := 1; k <= 10; k++ {
		qm += float64(table[zigzag[k]])
	}
	qm /= 10
	for k := range 64 {
		q := float64(table[zigzag[k]])
		t.step[k] = int32(8 * q)
		t.weight[k] = int64(256 * 65536 / (kappa * 64 * pow(q, 2*a) * pow(qm, 2-2*a)))
	}
	return t
}

func (t *trellis) block(coef, raw *[64]int16, nonzero uint64) uint64 {
	var pos [64]int32
	var best [64]int64
	var from [64]uint8
	var value [64]int32
	scale := int64(1 << 16)
	if tuneAct > 0 {
		sum := int64(0)
		for _, c := range raw[1:] {
			sum += int64(c) * int64(c)
		}
		act := float64(sum) / 64 / 63
		scale = int64(65536 * (tuneAct / (tuneAct + act)))
	}
	n := 0
	for m := nonzero &^ 1; m != 0; m &= m - 1 {
		k := bits.TrailingZeros64(m)
		n++
		pos[n] = int32(k)
		z := zigzag[k] & 63
		c := max(raw[z], -raw[z])
		v := max(coef[z], -coef[z])
		w := t.weight[k] * scale >> 16
		d0 := int64(c) * int64(c) * w >> 16
		e1 := int64(c) - int64(v)*int64(t.step[k])
		d1 := e1*e1*w>>16 - d0
		size := bits.Len16(uint16(v))
		lower := int32(1)<<(size-1) - 1
		e2 := int64(c) - int64(lower)*int64(t.step[k])
		d2 := e2*e2*w>>16 - d0
		r1, r2 := &t.rate[size], &t.rate[size-1]
		b := int64(1) << 60
		for i := range n {
			run := (int32(k) - pos[i] - 1) & 63
			c1 := best[i] + int64(r1[run]) + d1
			c2 := best[i] + int64(r2[run]) + d2
			if c1 < b {
				b, from[n], value[n] = c1, uint8(i), int32(v)
			}
			if c2 < b {
				b, from[n], value[n] = c2, uint8(i), lower
			}
		}
		best[n] = b
	}
	last, low := 0, int64(1)<<60
	for i := 0; i <= n; i++ {
		c := best[i]
		if pos[i] < 63 {
			c += int64(t.end)
		}
		if c < low {
			last, low = i, c
		}
	}
	out := nonzero & 1
	for i := n; i > 0; i-- {
		k := pos[i]
		z := zigzag[k] & 63
		if i != last {
			coef[z] = 0
			continue
		}
		v := int16(value[i])
		if raw[z] < 0 {
			v = -v
		}
		coef[z] = v
		out |= 1 << k
		last = int(from[i])
	}
	return out
}

func pow(x, y float64) float64 { return math.Pow(x, y) }

func (e *Encoder) quantiseHigh(t *quantTables) []*grid {
	grids := e.quantiseAll(t)
	var s sequentialTokens
	for my := range e.mcusY {
		s.mcuRow(e, grids, my)
	}
	for it := range int(tuneIter) {
		if it > 0 {
			s = sequentialTokens{}
			for my := range e.mcusY {
				s.mcuRow(e, grids, my)
			}
			grids = e.quantiseAll(t)
		}
	for i := range e.parts {
		c, g := &e.parts[i], grids[i]
		tr := newTrellis(&s.counts, c.class, t.table[c.class])
		raw := make([]int16, 64*c.blocksX)
		for by := range c.blocksY {
			if c.raw != nil {
				raw = c.raw[64*c.blocksX*by:]
			} else {
				c.transform(raw, by)
			}
			for bx := range c.blocksX {
				j := g.block(bx, by)
				g.nonzero[j] = tr.block(g.at(j), (*[64]int16)(raw[64*bx:]), g.nonzero[j])
			}
		}
	}
	}
	return grids
}
