package encode

import (
	"bytes"
	"math"
	"math/bits"
	"math/rand/v2"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/jpeg/jpegtest"
	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
)

// TestOptimalSpec requires codes that are prefix-free, have at most 16 bits, never consist only of
// ones, and are in total as short as a Huffman code where the limit on the length does not apply.
func TestOptimalSpec(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for round := range 300 {
		var freq [256]uint32
		symbols := 1 + r.IntN(256)
		for range symbols {
			freq[r.IntN(256)] = 1 + r.Uint32()>>(8+r.IntN(24))
		}
		if round == 0 { // the steepest possible distribution
			a, b := uint32(1), uint32(1)
			for i := range 40 {
				freq[i], a, b = a, b, a+b
			}
		}
		s := optimalSpec(&freq)
		space, total, entropy, sum := 0, 0.0, 0.0, 0.0
		last, seen := uint32(0), map[uint8]bool{}
		for _, f := range freq {
			sum += float64(f)
		}
		s.Each(func(sym uint8, code, length uint32) {
			if length > 16 || freq[sym] == 0 || seen[sym] {
				t.Fatalf("symbol %d, code of %d bits, frequency %d", sym, length, freq[sym])
			}
			if code == 1<<length-1 {
				t.Fatalf("symbol %d has a code that consists only of ones", sym)
			}
			if aligned := code << (16 - length); len(seen) > 0 && aligned <= last {
				t.Fatalf("codes are not ascending at symbol %d", sym)
			} else {
				last = aligned
			}
			seen[sym] = true
			space += 1 << (16 - length)
			total += float64(length) * float64(freq[sym])
			entropy += float64(freq[sym]) * math.Log2(sum/float64(freq[sym]))
		})
		for sym, f := range freq {
			if f > 0 && !seen[uint8(sym)] {
				t.Fatalf("symbol %d has no code", sym)
			}
		}
		if space >= 1<<16 {
			t.Fatalf("codes use %d of 65536", space)
		}
		if round > 0 && total > entropy+sum {
			t.Errorf("%.0f bits for an entropy of %.0f and %.0f symbols", total, entropy, sum)
		}
	}
	if s := optimalSpec(new([256]uint32)); len(s.Symbols) != 0 {
		t.Errorf("got %d symbols, want none", len(s.Symbols))
	}
}

// TestBitWriter writes tokens of all lengths and compares the output bit by bit.
func TestBitWriter(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	var codes codeTable
	codes.setRaw()
	var freq [256]uint32
	for s := range 256 {
		if s&15 <= 10 {
			freq[s] = 1 + uint32(r.IntN(1<<(s%17)))
		}
	}
	spec := optimalSpec(&freq)
	codes.setACProgressive(&spec)

	var list tokenList
	var want []byte // bits
	put := func(v uint, n int) {
		for i := n - 1; i >= 0; i-- {
			want = append(want, byte(v>>i&1))
		}
	}
	var counts tokenCounts
	for range 200000 {
		tokens := list.room(scanTokens)
		if r.IntN(4) == 0 {
			n := 1 + r.IntN(tokenLow)
			v := uint(1)<<n - 1
			tokens = counts.add(tokens, 0, rawBits(n), n, v)
			put(v, n)
		} else {
			sym := int(spec.Symbols[r.IntN(len(spec.Symbols))])
			e := codes[sym]
			extra := extraBits(sym)
			v := uint(1)<<extra - 1 - uint(r.IntN(4))&(1<<extra-1)
			tokens = counts.add(tokens, 0, sym, extra, v)
			put(uint(e>>codeShift)>>extra, int(e&codeLength)-extra)
			put(v, extra)
		}
		list.keep(tokens)
	}
	var out bytes.Buffer
	b := newBitWriter(&out)
	b.list(t.Context(), &list, &codes)
	b.flush()
	file := out.Bytes()
	stuffed := 0
	for i := 0; i < len(file); i++ {
		if file[i] == 0xFF {
			if i+1 == len(file) || file[i+1] != 0 {
				t.Fatalf("0xFF at %d is not stuffed", i)
			}
			file = append(file[:i+1], file[i+2:]...)
			stuffed++
		}
	}
	if stuffed == 0 {
		t.Error("no byte was 0xFF")
	}
	for len(want)%8 != 0 {
		want = append(want, 1)
	}
	if len(file)*8 != len(want) {
		t.Fatalf("%d bits, want %d", len(file)*8, len(want))
	}
	for i, bit := range want {
		if file[i/8]>>(7-i%8)&1 != bit {
			t.Fatalf("bit %d: want %d", i, bit)
		}
	}
}

func TestLog2(t *testing.T) {
	for _, x := range []uint64{1, 2, 3, 5, 255, 256, 257, 1e6, 1<<32 + 12345, 1 << 40} {
		got, want := log2(x), 256*math.Log2(float64(x))
		if math.Abs(float64(got)-want) > 1.01 || float64(got) > want+1e-9 {
			t.Errorf("log2(%d) = %d/256, want %.2f/256", x, got, want)
		}
	}
}

// TestTrellisOptimal compares the trellis with an exhaustive search of all choices for a block.
func TestTrellisOptimal(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	var counts tokenCounts
	for i := range counts {
		counts[i] = uint32(r.IntN(1 << r.IntN(14)))
	}
	choose := newTrellis(&counts, 0, &newQuantisers(&Options{Quality: 60, Effort: High})[0])
	changed := 0
	for range 300 {
		var raw, rounded [64]int16
		var nonzero uint64
		for range 1 + r.IntN(7) {
			k := 1 + r.IntN(63)
			v := int16(r.IntN(9) - 4)
			step := int(choose.step[k])
			raw[stream.Zigzag[k]] = v*int16(step) + int16(r.IntN(step)-step/2)
			if rounded[stream.Zigzag[k]] = v; v != 0 {
				nonzero |= 1 << k
			} else {
				nonzero &^= 1 << k
			}
		}
		got := rounded
		kept := choose.block(&got, &raw, nonzero)
		for k := range 64 {
			if set := kept>>k&1 == 1; set != (got[stream.Zigzag[k]] != 0) {
				t.Fatalf("coefficient %d is %d, bit %v", k, got[stream.Zigzag[k]], set)
			}
		}
		seen := visibility(&raw)
		best := leastCost(choose, &raw, rounded, nonzero, seen)
		if c := blockCost(choose, &raw, &got, seen); c != best {
			t.Fatalf("cost %d, want %d", c, best)
		}
		if got != rounded {
			changed++
		}
	}
	if changed < 30 {
		t.Errorf("only %d of 300 blocks changed", changed)
	}
}

// leastCost is the lowest cost of keeping, reducing or dropping each of the coefficients in open.
func leastCost(choose *trellis, raw *[64]int16, block [64]int16, open uint64, seen int64) int64 {
	if open == 0 {
		return blockCost(choose, raw, &block, seen)
	}
	z := stream.Zigzag[bits.TrailingZeros64(open)]
	least := leastCost(choose, raw, block, open&(open-1), seen)
	v := block[z]
	lower := int16(1)<<(bits.Len16(uint16(max(v, -v)))-1) - 1
	if v < 0 {
		lower = -lower
	}
	for _, w := range []int16{lower, 0} {
		block[z] = w
		least = min(least, leastCost(choose, raw, block, open&(open-1), seen))
	}
	return least
}

// blockCost is the number of bits of a block, plus its distortion less that of a block of zeros.
func blockCost(choose *trellis, raw, block *[64]int16, seen int64) (cost int64) {
	last := 0
	for k := 1; k < 64; k++ {
		z := stream.Zigzag[k]
		v := max(block[z], -block[z])
		if v == 0 {
			continue
		}
		cost += choose.rate[bits.Len16(uint16(v))][k-last-1] - choose.gain(k, max(raw[z], -raw[z])-choose.weaken[k], v)*seen>>8
		last = k
	}
	if last < 63 {
		cost += choose.end
	}
	return cost
}

// TestDCTrellisOptimal compares the trellis with an exhaustive search of all choices for a row of blocks.
func TestDCTrellisOptimal(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	var counts tokenCounts
	for i := range counts {
		counts[i] = uint32(r.IntN(1 << r.IntN(14)))
	}
	choose := newDCTrellis(&counts, 0, &newQuantisers(&Options{Quality: 40, Effort: High})[0])
	changed := 0
	for range 100 {
		const blocks = 6
		g := newGrid(blocks, 2)
		raw := make([]int16, 64*blocks)
		row := func() []int16 { return g.coef[64*blocks:] }
		for i := range blocks {
			raw[64*i] = int16(r.IntN(600) - 300)
			row()[64*i] = int16(math.Round(float64(raw[64*i]) / float64(choose.step)))
			g.coef[64*i] = 9
		}
		cost := func(values *[blocks]int16) (sum int64) {
			for i, v := range values {
				left := int64(raw[64*i]) - int64(v)*choose.step
				sum += left * left * choose.weight >> 16
				if i > 0 {
					size, _ := magnitude(int(v - values[i-1]))
					sum += choose.bits[size]
				}
			}
			return sum
		}
		var nearest, values [blocks]int16
		for i := range nearest {
			nearest[i] = row()[64*i]
		}
		least := cost(&nearest)
		for n := range 729 { // 3 to the power of blocks
			for i := range values {
				values[i] = nearest[i] + int16(n%3) - 1
				n /= 3
			}
			least = min(least, cost(&values))
		}
		choose.row(g, 1, raw)
		for i := range values {
			values[i] = row()[64*i]
			if set := g.nonzero[blocks+i] == 1; set != (values[i] != 0) || g.coef[64*i] != 9 || g.nonzero[i] != 0 {
				t.Fatalf("block %d is %d, marked %v; that above it is %d", i, values[i], set, g.coef[64*i])
			}
		}
		if c := cost(&values); c != least {
			t.Fatalf("cost %d, want %d", c, least)
		}
		if values != nearest {
			changed++
		}
	}
	if changed < 10 {
		t.Errorf("only %d of 100 rows changed", changed)
	}
}

// TestMeasure requires the size of a scan that the search computes to equal the actual size.
func TestMeasure(t *testing.T) {
	e, err := New(t.Context(), jpegtest.YCbCr(jpegtest.Scene(203, 155), 2, 2))
	if err != nil {
		t.Fatal(err)
	}
	grids := e.quantised(t, Options{Quality: 85, Effort: High, Progressive: true})
	scans := append(fixedScript(3), scan{parts: []int{1, 2}}, scan{parts: []int{2}},
		scan{[]int{0}, 1, 63, 0, 0})
	for _, s := range scans {
		var p progressiveTokens
		p.scan(t.Context(), e, grids, &s, 1)
		counts := p.counts
		var out bytes.Buffer
		b := newBitWriter(&out)
		e.writeProgressive(t.Context(), b, &p, grids, &s, &counts)
		b.flush()
		size := out.Len() - bytes.Count(out.Bytes(), []byte{0xFF, 0})
		if m := counts.measure(e, &s, 1); m != size {
			t.Errorf("%+v: measured %d bytes, want %d", s, m, size)
		}
		p.scan(t.Context(), e, grids, &s, 2)
		if m := p.counts.measure(e, &s, 2); s.from > 0 && (m < size*9/10 || m > size*11/10) {
			t.Errorf("%+v: measured %d bytes from half of the rows, want about %d", s, m, size)
		}
	}
}

// TestDrop requires a lone coefficient to be dropped, a small one only in a busy block, and the lowest
// never.
func TestDrop(t *testing.T) {
	q := &newQuantisers(&Options{Quality: 80})[0]
	block := func(busy int16) (coef, raw [64]int16, nonzero uint64) {
		set := func(k int, v int16, sixteenths int32) {
			coef[stream.Zigzag[k]], raw[stream.Zigzag[k]] = v, int16(q.step[k]*sixteenths/16)
			nonzero |= 1 << k
		}
		set(0, 50, 50*16)
		set(1, busy, int32(busy)*16)
		set(2, -1, -8)
		set(6, -1, -24)
		set(7, 1, 10)
		set(40, -1, -10)
		return coef, raw, nonzero
	}
	coef, raw, nonzero := block(2)
	if got, want := q.drop(&coef, &raw, nonzero), nonzero&^(1<<40); got != want {
		t.Errorf("kept %b, want %b: all but the lone coefficient", got, want)
	}
	coef, raw, nonzero = block(300)
	if got := q.drop(&coef, &raw, nonzero); got != 1<<0|1<<1|1<<2|1<<6 {
		t.Errorf("kept %b of a busy block, want all but the two smallest", got)
	}
	if got := q.drop(&coef, &raw, 1); got != 1 {
		t.Errorf("kept %b of a block with DC alone", got)
	}
}

// newSplitGrid returns a grid with room for what splitRow computes.
func newSplitGrid(blocksX, blocksY int) *grid {
	g := newGrid(blocksX, blocksY)
	g.atLeast[0] = g.nonzero
	for l := range g.bit {
		g.bit[l], g.atLeast[l+1] = make([]uint64, len(g.nonzero)), make([]uint64, len(g.nonzero))
	}
	return g
}

// quantised returns the coefficients of a progressive file.
func (e *Encoder) quantised(t *testing.T, o Options) []*grid {
	grids, _ := e.newGrids(true)
	e.quantiseAll(t.Context(), grids, newQuantisers(&o), &o)
	return grids
}

// splitAll computes which coefficients of grids have which bits.
func splitAll(grids ...*grid) {
	for _, g := range grids {
		for i := 0; i < len(g.nonzero); i += g.blocksX {
			g.splitRow(i)
		}
	}
}
