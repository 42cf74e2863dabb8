package vp8l

import (
	"context"
	"math/bits"
)

const (
	minCopy  = 3  // pixels of the shortest copy that is looked for by its hash
	hashBits = 18 // at most, so that the table of a large picture takes 1 MB
)

// Long distances take many bits, and pixels that far away are hardly ever in the processor's caches. A
// copy from more than near pixels before is taken only if it is longer by more than farGain than the
// nearer ones, and each place there counts as farEffort more. Beside a copy of goodCopy pixels, fewer
// places are looked at.
const (
	near      = 1 << 17
	farGain   = 2
	farEffort = 7
	goodCopy  = 16
)

// copied is a copy of earlier pixels: its length less one, above distanceBits of its distance in
// pixels. Zero is a pixel that is no copy.
type copied uint32

const distanceBits = 20

func newCopy(length, distance int) copied { return copied(length-1)<<distanceBits | copied(distance) }

func (c copied) length() int   { return int(c>>distanceBits) + 1 }
func (c copied) distance() int { return int(c & (1<<distanceBits - 1)) }

// copyFinder finds earlier pixels that are the same as those that follow.
type copyFinder struct {
	pix   []uint32
	width int
	head  []int32 // last place of each hash, or -1
	shift uint
	prev  []int32 // place before each one with the same hash, for as many of the last ones as copies reach
	mask  int     // of places in prev
	chain int     // earlier places that are compared
	nice  int     // length of a copy beside which no other is looked for
}

// findCopies returns the longest copy that begins at each pixel, of those found, in place of the
// elements of out. The copies overlap.
func findCopies(ctx context.Context, pix []uint32, width int, l level, out []copied) error {
	size := min(hashBits, bits.Len(uint(len(pix))))
	f := &copyFinder{pix: pix, width: width, chain: l.chain, nice: l.nice}
	f.head, f.shift = make([]int32, 1<<size), uint(32-size)
	f.prev = make([]int32, min(window, 1<<bits.Len(uint(len(pix)))))
	f.mask = len(f.prev) - 1
	for i := range f.head {
		f.head[i] = -1
	}
	length, distance := 0, 0
	for at := range pix {
		if at%checkPixels == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		// The rest of a copy is a copy too. Where it is long, a longer one is worth little.
		if length--; length < f.nice {
			length, distance = f.longest(at, max(length, 0), distance)
		}
		f.insert(at)
		if length < 2 {
			out[at] = 0
			continue
		}
		out[at] = newCopy(length, distance)
	}
	return nil
}

// hash is that of the pixels that a copy has at least.
func (f *copyFinder) hash(at int) uint32 {
	return (f.pix[at]*0x9e3779b1 ^ f.pix[at+1]*0x85ebca6b ^ f.pix[at+2]*0xc2b2ae35) >> f.shift
}

func (f *copyFinder) insert(at int) {
	if at+minCopy > len(f.pix) {
		return
	}
	h := f.hash(at)
	f.prev[at&f.mask] = f.head[h]
	f.head[h] = int32(at)
}

// longest returns the longest copy for the pixels at a place, longer than one that is known. The row
// above and the pixel before are looked at first, for their distances take the fewest bits.
func (f *copyFinder) longest(at, length, distance int) (int, int) {
	farthest := min(at, window-len(neighbours))
	for _, d := range [...]int{f.width, 1} {
		if d <= farthest {
			if n := f.match(at, d, length); n > length {
				length, distance = n, d
			}
		}
	}
	if at+minCopy > len(f.pix) {
		return length, distance
	}
	i := int(f.head[f.hash(at)])
	n := f.chain
	if length >= goodCopy {
		n >>= 2
	}
	for ; i >= at-farthest && n > 0 && length < f.nice; n-- {
		known := length
		if at-i > near {
			known += farGain
			n -= farEffort
		}
		if k := f.match(at, at-i, known); k > known {
			length, distance = k, at-i
		}
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
	a := f.pix[at : at+most]
	b := f.pix[at-distance:][:len(a)]
	for n, argb := range a {
		if b[n] != argb {
			return n
		}
	}
	return len(a)
}

// distanceCoder turns distances into their codes (section 5.2.2).
type distanceCoder struct {
	width int
	near  [8][16]uint8 // codes of neighbours so many rows up, at a column 7 less than the index to the left
}

func newDistanceCoder(width int) *distanceCoder {
	d := &distanceCoder{width: width}
	for i, n := range neighbours {
		d.near[n[1]][n[0]+7] = uint8(i + 1)
	}
	return d
}

func (d *distanceCoder) code(distance int) uint32 {
	if distance < 8*d.width+8 {
		y := distance / d.width
		x := distance - y*d.width
		if x > 8 { // nearer to the next row, to the right
			x -= d.width
			y++
		}
		if x >= -7 && y < 8 && d.near[y][x+7] != 0 {
			return uint32(d.near[y][x+7])
		}
	}
	return uint32(distance + len(neighbours))
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
