package webp

import (
	"context"
	"math/bits"
)

const (
	minCopy  = 3  // pixels of the shortest copy
	maxChain = 24 // earlier places that are compared
	hashBits = 16
)

// copyFinder finds earlier pixels that are the same as those that follow.
type copyFinder struct {
	pix   []uint32
	width int
	head  []int32 // last place of each hash, or -1
	prev  []int32 // place before each one with the same hash, for as many of the last ones as copies reach
	mask  int     // of places in prev
}

// findCopies divides pixels, width a row, into tokens. A longer copy that begins one pixel later is
// preferred.
func findCopies(ctx context.Context, pix []uint32, width int) ([]token, error) {
	f := &copyFinder{pix: pix, width: width, head: make([]int32, 1<<hashBits)}
	f.prev = make([]int32, min(window, 1<<bits.Len(uint(len(pix)))))
	f.mask = len(f.prev) - 1
	for i := range f.head {
		f.head[i] = -1
	}
	var tokens []token
	var next token
	check := 0
	for at := 0; at < len(pix); {
		if at >= check {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			check = at + checkPixels
		}
		length, distance := f.longest(at)
		f.insert(at)
		if length >= minCopy && at+1 < len(pix) {
			if later, _ := f.longest(at + 1); later > length+1 {
				length = 0
			}
		}
		if length < minCopy {
			if next.pixels++; next.pixels == checkPixels {
				tokens = append(tokens, next)
				next = token{}
			}
			at++
			continue
		}
		next.length, next.distance = uint16(length), f.code(distance)
		tokens = append(tokens, next)
		next = token{}
		for i := at + 1; i < at+length; i++ {
			f.insert(i)
		}
		at += length
	}
	if next.pixels > 0 {
		tokens = append(tokens, next)
	}
	return tokens, nil
}

// hash is that of the pixels that a copy has at least.
func (f *copyFinder) hash(at int) uint32 {
	return (f.pix[at]*0x9e3779b1 ^ f.pix[at+1]*0x85ebca6b ^ f.pix[at+2]*0xc2b2ae35) >> (32 - hashBits)
}

func (f *copyFinder) insert(at int) {
	if at+minCopy > len(f.pix) {
		return
	}
	h := f.hash(at)
	f.prev[at&f.mask] = f.head[h]
	f.head[h] = int32(at)
}

// longest returns the longest copy for the pixels at a place: the row above and the pixel before are
// looked at first, for they are nearest.
func (f *copyFinder) longest(at int) (length, distance int) {
	if at+minCopy > len(f.pix) {
		return 0, 0
	}
	farthest := min(at, window-len(neighbours))
	try := func(d int) {
		if d <= farthest {
			if n := f.match(at, d, length); n > length {
				length, distance = n, d
			}
		}
	}
	try(1)
	try(f.width)
	i := int(f.head[f.hash(at)])
	for n := maxChain; i >= at-farthest && n > 0 && length < maxCopy; n-- {
		try(at - i)
		i = int(f.prev[i&f.mask])
	}
	return length, distance
}

// match is how many pixels from a place on are the same as those at a distance before it, or less if
// that is no more than length.
func (f *copyFinder) match(at, distance, length int) int {
	most := min(maxCopy, len(f.pix)-at)
	if length >= most || f.pix[at+length] != f.pix[at+length-distance] {
		return 0
	}
	a, b := f.pix[at:at+most], f.pix[at-distance:]
	n := 0
	for n < len(a) && a[n] == b[n] {
		n++
	}
	return n
}

// code returns the distance code of a distance (section 5.2.2).
func (f *copyFinder) code(distance int) uint32 {
	for i, n := range neighbours[:8] {
		if int(n[0])+int(n[1])*f.width == distance {
			return uint32(i + 1)
		}
	}
	return uint32(distance + len(neighbours))
}
