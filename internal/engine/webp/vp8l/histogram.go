package vp8l

import (
	"math/bits"
	"sync"
)

// histogram counts the symbols of the five codes (section 6.2.3), one code after another. The last
// one, of green, is as long as the colour cache makes it.
type histogram []uint32

const (
	redAt      = 0
	blueAt     = redAt + 256
	alphaAt    = blueAt + 256
	distanceAt = alphaAt + 256
	greenAt    = distanceAt + distanceCodes
)

func newHistogram(cacheBits uint) histogram {
	return make(histogram, greenAt+256+lengthCodes+cacheSize(cacheBits))
}

func cacheSize(bits uint) int {
	if bits == 0 {
		return 0
	}
	return 1 << bits
}

func (h histogram) green() []uint32    { return h[greenAt:] }
func (h histogram) red() []uint32      { return h[redAt:][:256] }
func (h histogram) blue() []uint32     { return h[blueAt:][:256] }
func (h histogram) alpha() []uint32    { return h[alphaAt:][:256] }
func (h histogram) distance() []uint32 { return h[distanceAt:][:distanceCodes] }

// codes are the counts of the five codes in the order of the bit stream.
func (h histogram) codes() [5][]uint32 {
	return [5][]uint32{h.green(), h.red(), h.blue(), h.alpha(), h.distance()}
}

func (h histogram) literal(argb uint32) {
	h[greenAt+argb>>8&255]++
	h[redAt+argb>>16&255]++
	h[blueAt+argb&255]++
	h[alphaAt+argb>>24]++
}

func (h histogram) add(other histogram) {
	for i, n := range other {
		h[i] += n
	}
}

// extraBits is how many bits follow the symbol of a length or distance.
func extraBits(symbol int) int { return max(0, (symbol-2)>>1) }

// cost estimates how many bits the symbols and their codes take, in the unit of Entropy.
func (h histogram) cost() int64 {
	n := int64(0)
	for _, counts := range h.codes() {
		n += Entropy(counts)
	}
	for s, k := range h.green()[256 : 256+lengthCodes] {
		n += int64(k) * int64(extraBits(s)) << costBits
	}
	for s, k := range h.distance() {
		n += int64(k) * int64(extraBits(s)) << costBits
	}
	return n
}

// costBits is how many bits of a cost are behind the point. Costs are integers since they are compared:
// a sum of floating-point numbers depends on their order and on the machine.
const costBits = 16

// Entropy is how many bits, in fixed point, symbols that occur so often take, with about what the
// lengths of their codes do: symbolOverhead each, and zeroOverhead for those in a row that do not occur.
func Entropy(counts []uint32) int64 {
	var sum uint32
	var cost int64
	table := logarithms()
	last := uint32(1)
	for _, n := range counts {
		if n == 0 {
			if last != 0 {
				cost += zeroOverhead
			}
			last = n
			continue
		}
		last = n
		sum += n
		if n < uint32(len(table.product)) {
			cost += symbolOverhead - int64(table.product[n])
			continue
		}
		cost += symbolOverhead - int64(n)*fineLog2(n)
	}
	if sum == 0 {
		return 0
	}
	return cost + int64(sum)*fineLog2(sum)
}

const (
	symbolOverhead = 3 << costBits
	zeroOverhead   = 4 << costBits
)

// logTable has logarithms in fixed point.
type logTable struct {
	log     [1<<logBits + 1]uint32 // of numbers from 1<<logBits to twice that, without their whole part
	product [1 << logBits]uint32   // of n and its logarithm
}

const logBits = 11

// logarithms computes the table when it is first needed.
var logarithms = sync.OnceValue(func() *logTable {
	t := new(logTable)
	for i := range t.log {
		t.log[i] = uint32(slowLog2(uint32(i)+1<<logBits) - logBits<<costBits)
	}
	for n := 1; n < len(t.product); n++ {
		t.product[n] = uint32(n) * uint32(slowLog2(uint32(n)))
	}
	return t
})

// slowLog2 is the logarithm of n, at least 1, in fixed point, rounded down: squaring doubles it, so
// that each time it gives one more bit.
func slowLog2(n uint32) int64 {
	whole := bits.Len32(n) - 1
	log, m := int64(whole), uint64(n)<<(31-whole)
	for range costBits {
		m = m * m >> 31
		carry := m >> 32
		m >>= carry
		log = log<<1 | int64(carry)
	}
	return log
}

// fineLog2 is the logarithm of n, at least 1, in fixed point.
func fineLog2(n uint32) int64 {
	t := logarithms()
	whole := bits.Len32(n) - 1
	m := uint64(n) << (32 - whole) // without the first bit, 32 bits behind the point
	i := uint32(m) >> (32 - logBits)
	part := int64(uint32(m) << logBits >> 16)
	a, b := int64(t.log[i]), int64(t.log[i+1])
	return int64(whole)<<costBits + a + (b-a)*part>>16
}
