package deflate

import (
	"math/bits"
	"slices"
)

// Symbols of the alphabets: literals, the end of a block and lengths; distances; code lengths.
const (
	endOfBlock  = 256
	litSymbols  = 286
	distSymbols = 30
	lenSymbols  = 19
)

// lengths sets the lengths of a prefix code for symbols that occur so often, of no more than most bits.
// A lone symbol gets one bit. The shortest code is found by A. Moffat and J. Katajainen ("In-place
// calculation of minimum-redundancy codes", 1995), and too long ones are shortened at the expense of the
// least that others have to give.
func lengths(dst []uint8, counts []uint32, most int) {
	clear(dst)
	var keys [litSymbols]uint64
	n := 0
	for s, count := range counts {
		if count > 0 {
			keys[n] = uint64(count)<<16 | uint64(s)
			n++
		}
	}
	switch n {
	case 0:
		return
	case 1:
		dst[keys[0]&0xffff] = 1
		return
	}
	slices.Sort(keys[:n])
	var a [litSymbols]uint32
	for i, k := range keys[:n] {
		a[i] = uint32(k >> 16)
	}
	minimumRedundancy(a[:n])
	var perLength [64]int
	for _, l := range a[:n] {
		perLength[min(int(l), most)]++
	}
	// Kraft's sum, in units of 2^-most.
	sum := 0
	for l := 1; l <= most; l++ {
		sum += perLength[l] << (most - l)
	}
	for ; sum > 1<<most; sum-- {
		l := most - 1
		for perLength[l] == 0 {
			l--
		}
		perLength[l]--
		perLength[l+1] += 2
		perLength[most]--
	}
	i := n
	for l := 1; l <= most; l++ {
		for range perLength[l] {
			i--
			dst[keys[i]&0xffff] = uint8(l)
		}
	}
}

// minimumRedundancy replaces rising weights by the lengths of their codes.
func minimumRedundancy(a []uint32) {
	n := len(a)
	root, leaf := 0, 0
	take := func(next int) uint32 {
		if leaf >= n || root < next && a[root] < a[leaf] {
			v := a[root]
			a[root] = uint32(next)
			root++
			return v
		}
		v := a[leaf]
		leaf++
		return v
	}
	for next := range n - 1 { // the weights of inner nodes, and then their parents
		v := take(next)
		a[next] = v + take(next)
	}
	a[n-2] = 0
	for next := n - 3; next >= 0; next-- { // their depths
		a[next] = a[a[next]] + 1
	}
	available, depth, next := 1, uint32(0), n-1
	for node := n - 2; available > 0; { // the depths of leaves
		used := 0
		for node >= 0 && a[node] == depth {
			used++
			node--
		}
		for ; available > used; available-- {
			a[next] = depth
			next--
		}
		available, depth = 2*used, depth+1
	}
}

// codes sets the codes of symbols from their lengths (section 3.2.2), with their first bit lowest.
func codes(dst []uint16, lengths []uint8) {
	var count, next [16]uint16
	for _, l := range lengths {
		count[l]++
	}
	count[0] = 0
	for l := 1; l < 16; l++ {
		next[l] = (next[l-1] + count[l-1]) << 1
	}
	for s, l := range lengths {
		if l > 0 {
			dst[s] = bits.Reverse16(next[l]) >> (16 - l)
			next[l]++
		}
	}
}
