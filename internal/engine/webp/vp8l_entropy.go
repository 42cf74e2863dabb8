package webp

import (
	"context"
	"math/bits"
)

// token is a part of an entropy-coded image: some pixels, and then a copy of earlier ones.
type token struct {
	pixels   uint16 // before the copy, at most checkPixels
	length   uint16 // of the copy in pixels; 0 for none
	distance uint32 // code of the copy
}

// prefixOf returns the symbol of a length or distance, and its extra bits (section 5.2.2).
func prefixOf(v uint32) (symbol int, extra uint32, n uint) {
	v--
	if v < 2 {
		return int(v), 0, 0
	}
	high := uint(bits.Len32(v)) - 1
	n = high - 1
	return int(2*high) + int(v>>n&1), v & (1<<n - 1), n
}

// histograms count the symbols of the five codes (section 6.2.3).
type histograms struct {
	green            []uint32 // literals, lengths and entries of the colour cache
	red, blue, alpha [256]uint32
	distance         [distanceCodes]uint32
}

// colourCache is the colour cache of 1<<bits entries, or none with zero bits (section 5.2.3).
type colourCache struct {
	bits    uint
	entries []uint32
}

func newColourCache(bits uint) *colourCache {
	c := &colourCache{bits: bits}
	if bits > 0 {
		c.entries = make([]uint32, 1<<bits)
	}
	return c
}

// look returns the index of a pixel and whether it is there, and puts it there.
func (c *colourCache) look(argb uint32) (index int, found bool) {
	if c.bits == 0 {
		return 0, false
	}
	index = int(argb * cacheMultiplier >> (32 - c.bits))
	found = c.entries[index] == argb
	c.entries[index] = argb
	return index, found
}

// eachSymbol calls literal, cached and copied for the tokens of an image.
func eachSymbol(ctx context.Context, tokens []token, pix []uint32, cacheBits uint,
	literal func(argb uint32), cached func(index int), copied func(t *token),
) error {
	cache := newColourCache(cacheBits)
	at, check := 0, 0
	for i := range tokens {
		if at >= check {
			if err := ctx.Err(); err != nil {
				return err
			}
			check = at + checkPixels
		}
		t := &tokens[i]
		for _, argb := range pix[at:][:t.pixels] {
			if index, found := cache.look(argb); found {
				cached(index)
			} else {
				literal(argb)
			}
		}
		at += int(t.pixels)
		if t.length == 0 {
			continue
		}
		copied(t)
		if cacheBits > 0 {
			for _, argb := range pix[at:][:t.length] {
				cache.look(argb)
			}
		}
		at += int(t.length)
	}
	return nil
}

// count fills the histograms of an image.
func count(ctx context.Context, tokens []token, pix []uint32, cacheBits uint) (*histograms, error) {
	h := &histograms{green: make([]uint32, 256+lengthCodes+cacheSize(cacheBits))}
	err := eachSymbol(ctx, tokens, pix, cacheBits, func(argb uint32) {
		h.green[argb>>8&255]++
		h.red[argb>>16&255]++
		h.blue[argb&255]++
		h.alpha[argb>>24]++
	}, func(index int) {
		h.green[256+lengthCodes+index]++
	}, func(t *token) {
		length, _, _ := prefixOf(uint32(t.length))
		distance, _, _ := prefixOf(t.distance)
		h.green[256+length]++
		h.distance[distance]++
	})
	return h, err
}

func cacheSize(bits uint) int {
	if bits == 0 {
		return 0
	}
	return 1 << bits
}

// cost estimates how many bits the symbols and their codes take, in the unit of entropy.
func (h *histograms) cost() int64 {
	n := entropy(h.green) + entropy(h.red[:]) + entropy(h.blue[:]) + entropy(h.alpha[:]) + entropy(h.distance[:])
	for s, k := range h.green[256 : 256+lengthCodes] {
		n += int64(k) * int64(max(0, (s-2)>>1)) << costBits
	}
	for s, k := range h.distance {
		n += int64(k) * int64(max(0, (s-2)>>1)) << costBits
	}
	return n
}

// costBits is how many bits of a cost are behind the point. Costs are integers since they are compared:
// a sum of floating-point numbers depends on their order and on the machine.
const costBits = 16

// entropy is how many bits, in fixed point, symbols that occur so often take, with about three for the
// length of each one's code.
func entropy(counts []uint32) int64 {
	var sum uint32
	var cost int64
	for _, n := range counts {
		if n > 0 {
			sum += n
			cost += 3<<costBits - int64(n)*fineLog2(n)
		}
	}
	if sum == 0 {
		return 0
	}
	return cost + int64(sum)*fineLog2(sum)
}

// fineLog2 is the logarithm of n, at least 1, in fixed point, rounded down: squaring doubles it, so that
// each time it gives one more bit.
func fineLog2(n uint32) int64 {
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

// cacheChoices are the sizes of the colour cache that are tried.
var cacheChoices = []uint{0, 4, 7, 10}

// entropyWriter writes entropy-coded images.
type entropyWriter struct {
	bitEncoder
	ctx context.Context
}

// image writes an image of width pixels a row (section 5.1). The pixels of a main image may use a
// colour cache.
func (e *entropyWriter) image(pix []uint32, width int, main bool) error {
	tokens, err := findCopies(e.ctx, pix, width)
	if err != nil {
		return err
	}
	cacheBits := uint(0)
	h, err := count(e.ctx, tokens, pix, cacheBits)
	if err != nil {
		return err
	}
	if main {
		least := h.cost()
		for _, b := range cacheChoices[1:] {
			other, err := count(e.ctx, tokens, pix, b)
			if err != nil {
				return err
			}
			if c := other.cost(); c < least {
				least, cacheBits, h = c, b, other
			}
		}
	}
	e.bits(uint32(min(cacheBits, 1)), 1)
	if cacheBits > 0 {
		e.bits(uint32(cacheBits), 4)
	}
	if main {
		e.bits(0, 1) // one group of codes
	}
	green := newPrefixWriter(h.green, maxCodeLength)
	red, blue := newPrefixWriter(h.red[:], maxCodeLength), newPrefixWriter(h.blue[:], maxCodeLength)
	alpha := newPrefixWriter(h.alpha[:], maxCodeLength)
	distance := newPrefixWriter(h.distance[:], maxCodeLength)
	for _, c := range []*prefixWriter{green, red, blue, alpha, distance} {
		c.store(&e.bitEncoder)
	}
	return eachSymbol(e.ctx, tokens, pix, cacheBits, func(argb uint32) {
		green.write(&e.bitEncoder, int(argb>>8&255))
		red.write(&e.bitEncoder, int(argb>>16&255))
		blue.write(&e.bitEncoder, int(argb&255))
		alpha.write(&e.bitEncoder, int(argb>>24))
	}, func(index int) {
		green.write(&e.bitEncoder, 256+lengthCodes+index)
	}, func(t *token) {
		symbol, extra, n := prefixOf(uint32(t.length))
		green.write(&e.bitEncoder, 256+symbol)
		e.bits(extra, n)
		symbol, extra, n = prefixOf(t.distance)
		distance.write(&e.bitEncoder, symbol)
		e.bits(extra, n)
	})
}
