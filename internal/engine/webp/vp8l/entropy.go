package vp8l

import (
	"context"
	"encoding/binary"
	"slices"
)

// entropyWriter writes entropy-coded images.
type entropyWriter struct {
	bitEncoder
	ctx   context.Context
	level level
	round uint // bits of residues that may be rounded away
}

// entropyCoder is an image divided into literals, entries of the colour cache and copies.
type entropyCoder struct {
	ctx       context.Context
	pix       []uint32
	width     int
	copies    []copied // of each pixel that is not in the midst of one; nil without copies
	hits      []int16  // the entry of the colour cache that each pixel is, or -1; nil without a cache
	cacheBits uint
	distances *distanceCoder
}

// image writes an image of width pixels a row (section 5.1). The pixels of a main image may use a
// colour cache and groups of codes.
func (e *entropyWriter) image(pix []uint32, width int, main bool) error {
	c := &entropyCoder{ctx: e.ctx, pix: pix, width: width, distances: newDistanceCoder(width)}
	if err := c.divide(e.level, main); err != nil {
		return err
	}
	e.bits(uint32(min(c.cacheBits, 1)), 1)
	if c.cacheBits > 0 {
		e.bits(uint32(c.cacheBits), 4)
	}
	groups := &groupMap{bits: maxGroupBits}
	if main {
		var err error
		if groups, err = c.group(e.level); err != nil {
			return err
		}
		e.bits(bit(len(groups.histograms) > 1), 1)
		if len(groups.histograms) > 1 {
			e.bits(uint32(groups.bits-2), 3)
			if err := e.image(groups.image(), groups.width, false); err != nil {
				return err
			}
		}
	} else {
		h, err := c.count()
		if err != nil {
			return err
		}
		groups.histograms = []histogram{h}
	}
	codes := make([]codeGroup, len(groups.histograms))
	for i, h := range groups.histograms {
		for k, counts := range h.codes() {
			codes[i][k] = newPrefixWriter(counts, maxCodeLength)
			codes[i][k].store(&e.bitEncoder)
		}
	}
	return e.symbols(c, groups, codes)
}

// codeGroup is the five codes of a group: green, red, blue, alpha and distance.
type codeGroup [5]*prefixWriter

// symbols writes the pixels of an image.
func (e *entropyWriter) symbols(c *entropyCoder, groups *groupMap, codes []codeGroup) error {
	for at, y := 0, 0; at < len(c.pix); y++ {
		if err := e.ctx.Err(); err != nil {
			return err
		}
		row := y * c.width
		for at < row+c.width && at < len(c.pix) {
			group, end := groups.at(at-row, y)
			end = min(row+end, row+c.width)
			at = e.run(c, &codes[group], at, end)
		}
	}
	return nil
}

// run writes pixels with one group of codes, to end or the end of a copy behind it.
func (e *entropyWriter) run(c *entropyCoder, codes *codeGroup, at, end int) int {
	green, red, blue, alpha, distance := codes[0].codes, codes[1].codes, codes[2].codes, codes[3].codes, codes[4]
	red, blue, alpha = red[:256], blue[:256], alpha[:256]
	if c.copies == nil && c.hits == nil {
		codes.literals(&e.bitEncoder, c.pix[at:end])
		return end
	}
	for at < end {
		if found := c.copyAt(at); found != 0 {
			length := found.length()
			symbol, extra, n := prefixOf(uint32(length))
			codes[0].write(&e.bitEncoder, 256+symbol)
			e.bits(extra, n)
			symbol, extra, n = prefixOf(c.distances.code(found.distance()))
			distance.write(&e.bitEncoder, symbol)
			e.bits(extra, n)
			at += length
			continue
		}
		if c.hits != nil && c.hits[at] >= 0 {
			codes[0].write(&e.bitEncoder, 256+lengthCodes+int(c.hits[at]))
			at++
			continue
		}
		argb := c.pix[at]
		g, r, b, a := green[argb>>8&255], red[argb>>16&255], blue[argb&255], alpha[argb>>24]
		e.bits(uint32(g.bits)|uint32(r.bits)<<g.length, uint(g.length+r.length))
		e.bits(uint32(b.bits)|uint32(a.bits)<<b.length, uint(b.length+a.length))
		at++
	}
	return at
}

// copyAt is the copy that begins at a pixel, or zero.
func (c *entropyCoder) copyAt(at int) copied {
	if c.copies == nil {
		return 0
	}
	return c.copies[at]
}

// literals writes pixels, each as a literal.
func (codes *codeGroup) literals(e *bitEncoder, pix []uint32) {
	const most = (4*maxCodeLength + 7) / 8 // bytes of a pixel
	for ; e.n >= 8; e.n -= 8 {
		e.out = append(e.out, byte(e.val))
		e.val >>= 8
	}
	e.out = slices.Grow(e.out, most*len(pix)+16)
	at := len(e.out)
	out, val, n := e.out[:cap(e.out)], e.val, e.n
	green, red, blue, alpha := codes[0].codes[:256], codes[1].codes[:256], codes[2].codes[:256], codes[3].codes[:256]
	for _, argb := range pix {
		g, r, b, a := green[argb>>8&255], red[argb>>16&255], blue[argb&255], alpha[argb>>24]
		val |= uint64(g.bits) << (n & 63)
		n += uint(g.length)
		val |= uint64(r.bits) << (n & 63)
		n += uint(r.length)
		val |= uint64(b.bits) << (n & 63)
		n += uint(b.length)
		binary.LittleEndian.PutUint64(out[at:], val)
		at += int(n >> 3)
		val >>= n & 56
		n &= 7
		if a.length > 0 {
			val |= uint64(a.bits) << n
			n += uint(a.length)
			if n >= 8 { // so that the three codes of the next pixel have room
				out[at] = byte(val)
				at++
				val >>= 8
				n -= 8
			}
		}
	}
	e.out, e.val, e.n = out[:at], val, n
}

// count counts all symbols of an image.
func (c *entropyCoder) count() (histogram, error) {
	h := newHistogram(c.cacheBits)
	for at := 0; at < len(c.pix); {
		if err := c.ctx.Err(); err != nil {
			return nil, err
		}
		at = c.countRun(h, at, min(at+checkPixels, len(c.pix)))
	}
	return h, nil
}

// countRun counts symbols from a place to end or the end of a copy behind it.
func (c *entropyCoder) countRun(h histogram, at, end int) int {
	if c.copies == nil && c.hits == nil {
		for _, argb := range c.pix[at:end] {
			h.literal(argb)
		}
		return end
	}
	for at < end {
		if found := c.copyAt(at); found != 0 {
			length := found.length()
			symbol, _, _ := prefixOf(uint32(length))
			h[greenAt+256+symbol]++
			symbol, _, _ = prefixOf(c.distances.code(found.distance()))
			h[distanceAt+symbol]++
			at += length
			continue
		}
		if c.hits != nil && c.hits[at] >= 0 {
			h[greenAt+256+lengthCodes+int(c.hits[at])]++
		} else {
			h.literal(c.pix[at])
		}
		at++
	}
	return at
}

// divide finds copies, and the size of the colour cache if there may be one.
func (c *entropyCoder) divide(l level, main bool) error {
	if main {
		worth, err := c.worthCopies(l.worth)
		if err != nil {
			return err
		}
		if !worth {
			return c.chooseCache(l.quick)
		}
	}
	c.copies = make([]copied, len(c.pix))
	if err := findCopies(c.ctx, c.pix, c.width, l, c.copies); err != nil {
		return err
	}
	overlapping := c.copies
	if l.parse {
		overlapping = make([]copied, len(c.copies))
		copy(overlapping, c.copies)
	}
	parseGreedily(c.copies)
	if main {
		if err := c.chooseCache(l.quick); err != nil {
			return err
		}
	}
	if !l.parse {
		return nil
	}
	h, err := c.count()
	if err != nil {
		return err
	}
	c.copies = overlapping
	return parse(c.ctx, c.pix, c.copies, c.hits, newSymbolCosts(h, c.distances))
}

// chooseCache chooses the size of the colour cache by how many bits the symbols of a part of the image
// then take.
func (c *entropyCoder) chooseCache(quick bool) error {
	sizes, from, to := cacheSizes, 0, min(len(c.pix), 1<<18)
	if quick {
		from = max(0, len(c.pix)/2-1<<14)
		sizes, to = quickCacheSizes, min(len(c.pix), from+1<<15)
	}
	var least int64
	best := uint(0)
	for i, b := range sizes {
		h, err := c.countCached(b, from, to)
		if err != nil {
			return err
		}
		cost := h.cost()
		if quick && b > 0 {
			cost += cost >> 8 // a cache takes time
		}
		if i == 0 || cost < least {
			least, best = cost, b
		}
	}
	if best == 0 {
		return nil
	}
	c.cacheBits = best
	c.hits = make([]int16, len(c.pix))
	entries := make([]uint32, 1<<best)
	for i, argb := range c.pix {
		if i%checkPixels == 0 {
			if err := c.ctx.Err(); err != nil {
				return err
			}
		}
		index := argb * cacheMultiplier >> (32 - best)
		c.hits[i] = -1
		if entries[index] == argb {
			c.hits[i] = int16(index)
		}
		entries[index] = argb
	}
	return nil
}

// cacheSizes are the sizes of the colour cache that are tried, 0 for none.
var (
	cacheSizes      = []uint{0, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	quickCacheSizes = []uint{0, 4, 10}
)

// countCached counts the symbols of a part of the image with a colour cache.
func (c *entropyCoder) countCached(cacheBits uint, from, to int) (histogram, error) {
	h := newHistogram(cacheBits)
	entries := make([]uint32, max(1, cacheSize(cacheBits)))
	copyEnd := 0
	for i := from; i < to; i++ {
		argb := c.pix[i]
		if i%checkPixels == 0 {
			if err := c.ctx.Err(); err != nil {
				return nil, err
			}
		}
		index := uint32(uint64(argb*cacheMultiplier) >> (32 - cacheBits))
		found := cacheBits > 0 && entries[index] == argb
		entries[index] = argb
		if i < copyEnd {
			continue
		}
		if c.copies != nil && c.copies[i] != 0 {
			copyEnd = i + c.copies[i].length()
			symbol, _, _ := prefixOf(uint32(c.copies[i].length()))
			h[greenAt+256+symbol]++
			continue
		}
		if found {
			h[greenAt+256+lengthCodes+int(index)]++
		} else {
			h.literal(argb)
		}
	}
	return h, nil
}
