package deflate

import "math/bits"

// chunk is how many tokens are kept together, at least, when data is divided into blocks, and mostChunks
// how many chunks there are at most.
const (
	chunk      = 1024
	mostChunks = 64
)

// logBits is how many bits of a logarithm are behind the point. The upper logMantissa bits of a number
// determine them.
const (
	logBits     = 12
	logMantissa = 11
)

// logs are the logarithms, to base 2, of 1 to 2 in steps of 1<<-logMantissa. Squaring a number doubles its
// logarithm, which gives one bit after the other.
var logs = func() (t [1 << logMantissa]uint16) {
	for i := range t {
		x := uint64(1<<logMantissa+i) << (30 - logMantissa)
		v := uint16(0)
		for range logBits {
			v <<= 1
			if x = x * x >> 30; x >= 2<<30 {
				x >>= 1
				v |= 1
			}
		}
		t[i] = v
	}
	return t
}()

// log2 returns the logarithm of n, which is not 0.
func log2(n uint32) uint32 {
	k := bits.Len32(n) - 1
	if k <= logMantissa {
		return uint32(k)<<logBits + uint32(logs[n<<(logMantissa-k)&(1<<logMantissa-1)])
	}
	return uint32(k)<<logBits + uint32(logs[n>>(k-logMantissa)&(1<<logMantissa-1)])
}

// entropy returns about how many bits, with logBits behind the point, a block takes with codes of its own:
// those of its symbols, but for the bits that follow them, and the codes.
func (h *histogram) entropy() int64 {
	const header, each, run = 60 << logBits, 4 << logBits, 6 << logBits // a run of symbols without a code
	total := int64(header)
	for _, counts := range [][]uint32{h.lit[:], h.dist[:]} {
		sum, cost, last := uint32(0), int64(0), uint32(1)
		for _, n := range counts {
			switch {
			case n > 0:
				sum += n
				cost += each - int64(n)*int64(log2(n))
			case last > 0:
				cost += run
			}
			last = n
		}
		if sum > 0 {
			total += cost + int64(sum)*int64(log2(sum))
		}
	}
	return total
}

// splitter divides tokens into blocks. It is kept because it is large.
type splitter struct {
	parts []part
	ends  []int
}

// part is consecutive tokens.
type part struct {
	histogram
	end   int
	own   int64 // what it costs by itself
	gain  int64 // what it saves if the next one is joined
	alive bool
}

// blocks returns where blocks of so many tokens end; count adds those from first to before last to a
// histogram. It begins with small blocks and joins neighbours for as long as that saves bits, those first
// that save most.
func (s *splitter) blocks(tokens int, count func(h *histogram, first, last int)) []int {
	s.ends = s.ends[:0]
	if tokens == 0 {
		return nil
	}
	size := max(chunk, (tokens+mostChunks-1)/mostChunks)
	n := (tokens + size - 1) / size
	if cap(s.parts) < n {
		s.parts = make([]part, n)
	}
	s.parts = s.parts[:n]
	for i := range s.parts {
		p := &s.parts[i]
		p.end = min((i+1)*size, tokens)
		p.histogram, p.alive = histogram{}, true
		count(&p.histogram, i*size, p.end)
		p.own = p.entropy()
	}
	for i := range n - 1 {
		s.rate(i, i+1)
	}
	for {
		best, least := -1, int64(0)
		last := -1
		for i := range s.parts {
			if p := &s.parts[i]; p.alive {
				if last >= 0 && s.parts[last].gain > least {
					best, least = last, s.parts[last].gain
				}
				last = i
			}
		}
		if best < 0 {
			break
		}
		p, i := &s.parts[best], s.after(best)
		p.join(&s.parts[i].histogram)
		p.own += s.parts[i].own - p.gain
		p.end, s.parts[i].alive = s.parts[i].end, false
		if j := s.after(best); j < n {
			s.rate(best, j)
		}
		if j := s.before(best); j >= 0 {
			s.rate(j, best)
		}
	}
	for i := range s.parts {
		if s.parts[i].alive {
			s.ends = append(s.ends, s.parts[i].end)
		}
	}
	return s.ends
}

// rate finds out what joining two neighbours saves.
func (s *splitter) rate(i, j int) {
	h := s.parts[i].histogram
	h.join(&s.parts[j].histogram)
	s.parts[i].gain = s.parts[i].own + s.parts[j].own - h.entropy()
}

func (s *splitter) after(i int) int {
	for i++; i < len(s.parts) && !s.parts[i].alive; i++ {
	}
	return i
}

func (s *splitter) before(i int) int {
	for i--; i >= 0 && !s.parts[i].alive; i-- {
	}
	return i
}
