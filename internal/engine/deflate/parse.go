package deflate

import (
	"encoding/binary"
	"math/bits"
)

// The normal level looks at normalDepth places, and no further than for a match of normalNice bytes; and so
// the deep one.
const (
	normalDepth = 32
	normalNice  = 128
	deepDepth   = 256
	deepNice    = maxMatch
)

// A match whose distance is no more than farRun repeats a few bytes. Of a long one, the bytes within
// runEnds of its ends alone are places where a match may begin: a match that begins at another one would
// not be as long.
const (
	farRun  = 16
	runEnds = 8
)

// A match is taken to cost matchBits and the bits that follow its symbols.
const matchBits = 9

// parse divides the data into literals and matches, each as long as possible. A match gives way to a
// better one that begins a byte later.
func (c *Compressor) parse(data []byte, start, depth, nice int) {
	c.reset()
	c.literals.set(data[start:])
	last := len(data) - 4 // with four bytes
	i := start
	if i <= last {
		c.add(data, i)
	}
	for i <= last {
		n, d := c.longest(data, i, 0, depth, nice)
		if d == 0 || !c.literals.worth(data[i:i+n], d) {
			c.tokens = append(c.tokens, token(data[i]))
			i++
			continue
		}
		for n < nice && i < last {
			n1, d1 := c.longest(data, i+1, n-1, depth/2, nice)
			if d1 == 0 || 4*(n1-n)+bits.Len(uint(d))-bits.Len(uint(d1)) <= 2 {
				break
			}
			c.tokens = append(c.tokens, token(data[i]))
			i++
			n, d = n1, d1
		}
		c.tokens = append(c.tokens, token(n<<16|d))
		c.pass(data, i, n, d)
		i += n
	}
	for ; i < len(data); i++ {
		c.tokens = append(c.tokens, token(data[i]))
	}
}

// pass adds the places of a match.
func (f *finder) pass(data []byte, i, n, d int) {
	end := len(data) - 3
	if d <= farRun && n > 2*runEnds {
		f.add(data, min(i+runEnds, end))
		f.next = i + n - runEnds
	}
	f.add(data, min(i+n, end))
}

// literalCosts are about how many bits literals take, with logBits behind the point.
type literalCosts [256]uint32

// set derives costs from how often bytes occur. One bit is the least.
func (c *literalCosts) set(data []byte) {
	const some = 7 // one of so many is counted; a pixel has another number of bytes
	var counts [256]uint32
	for i := 0; i < len(data); i += some {
		counts[data[i]]++
	}
	all := log2(uint32(len(data)/some + 1))
	for v, n := range counts {
		c[v] = max(all-log2(max(n, 1)), 1<<logBits)
	}
}

// worth reports whether bytes take more bits as literals than as a match at some distance.
func (c *literalCosts) worth(data []byte, distance int) bool {
	cost := uint32(matchBits+lengthExtra(int(lengthSymbols[len(data)-minMatch])-257)+
		distanceExtra(distanceSymbol(distance))) << logBits
	sum := uint32(0)
	for _, v := range data {
		if sum += c[v]; sum > cost {
			return true
		}
	}
	return false
}

// skipShift makes the fast level skip one byte more for each 1<<skipShift literals since the last match.
const skipShift = 5

// windowStep is how far places in front of the data are from one another at the fast level.
const windowStep = 4

// parseFast takes matches as they come: at the last place with the same eight bytes or, if there is none,
// with the same four. Not all places are looked at where there are no matches for long.
func (c *Compressor) parseFast(data []byte, start int) {
	c.reset()
	clear(c.prev[:]) // the last places of eight bytes
	c.literals.set(data[start:])
	literal, last := start, len(data)-8
	for k := 0; k < min(start, last); k += windowStep {
		c.place(binary.LittleEndian.Uint64(data[k:]), k)
	}
	for i := start; i <= last; {
		v := binary.LittleEndian.Uint64(data[i:])
		long, short := c.place(v, i)
		limit := max(0, i-windowSize)
		most := min(maxMatch, len(data)-i)
		n, d := 0, 0
		switch {
		case long > limit && long <= i && binary.LittleEndian.Uint64(data[long-1:]) == v:
			n, d = matching(data[long-1:], data[i:i+most]), i-(long-1)
		case short > limit && short <= i && binary.LittleEndian.Uint32(data[short-1:]) == uint32(v):
			n, d = matching(data[short-1:], data[i:i+most]), i-(short-1)
			if i < last {
				v = binary.LittleEndian.Uint64(data[i+1:])
				long, _ = c.place(v, i+1)
				if long > limit+1 && long <= i+1 && binary.LittleEndian.Uint64(data[long-1:]) == v {
					if m := matching(data[long-1:], data[i+1:min(i+1+maxMatch, len(data))]); m > n {
						i++
						n, d = m, i-(long-1)
					}
				}
			}
		}
		back := 0
		for n > 0 && n < maxMatch && i-back > literal && i-back > d && data[i-back-1] == data[i-back-d-1] {
			back++
			n++
		}
		if n == 0 || n < 16 && !c.literals.worth(data[i-back:i-back+n], d) {
			i += 1 + (i-literal)>>skipShift
			continue
		}
		i -= back
		for _, v := range data[literal:i] {
			c.tokens = append(c.tokens, token(v))
		}
		c.tokens = append(c.tokens, token(n<<16|d))
		end := i + n
		step := 2
		if d <= farRun {
			step = n/2 + 1
		}
		for k := i + 2; k < min(end, last); k += step {
			c.place(binary.LittleEndian.Uint64(data[k:]), k)
		}
		i, literal = end, end
	}
	for _, v := range data[literal:] {
		c.tokens = append(c.tokens, token(v))
	}
}

// place returns the last places of eight bytes, and of the first four of them, with 1 added, and puts i in
// their place.
func (c *Compressor) place(v uint64, i int) (long, short int) {
	l := &c.prev[v*0x9e3779b97f4a7c15>>(64-hashBits)]
	s := &c.head[hash4(uint32(v))]
	long, short = int(*l), int(*s)
	*l, *s = int32(i+1), int32(i+1)
	return long, short
}
