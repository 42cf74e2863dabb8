package deflate

import (
	"encoding/binary"
	"math/bits"
)

// Hashes of four bytes lead to chains of the places where they occurred, the last one first. One of three
// bytes leads to the last place alone: matches of three bytes are worth it only if they are near.
const (
	hashBits  = 15
	shortBits = 15
)

// finder finds matches. Places are stored with 1 added, so that 0 is none.
type finder struct {
	head  [1 << hashBits]int32
	short [1 << shortBits]int32
	prev  [windowSize]int32
	next  int // the first place that is not there yet
}

// reset forgets all places.
func (f *finder) reset() {
	clear(f.head[:])
	clear(f.short[:])
	f.next = 0
}

func hash4(v uint32) uint32 { return v * 0x9e3779b1 >> (32 - hashBits) }
func hash3(v uint32) uint32 { return v << 8 * 0x9e3779b1 >> (32 - shortBits) }

// add adds the places before end. There are four bytes at each of them.
func (f *finder) add(data []byte, end int) {
	for i := f.next; i < end; i++ {
		v := binary.LittleEndian.Uint32(data[i:])
		h := &f.head[hash4(v)]
		f.prev[i&(windowSize-1)] = *h
		*h = int32(i + 1)
		f.short[hash3(v)] = int32(i + 1)
	}
	f.next = max(f.next, end)
}

// longest returns the longest match at i that is longer than length, of up to depth places with the same
// four bytes, and adds i. It looks no further once one has nice bytes. Four bytes or more are left.
func (f *finder) longest(data []byte, i, length, depth, nice int) (int, int) {
	f.add(data, i)
	v := binary.LittleEndian.Uint32(data[i:])
	most := min(maxMatch, len(data)-i)
	limit := max(0, i-windowSize)
	distance := 0
	h := &f.head[hash4(v)]
	s := &f.short[hash3(v)]
	at, near := int(*h), int(*s)
	f.prev[i&(windowSize-1)] = int32(at)
	*h, *s = int32(i+1), int32(i+1)
	f.next = i + 1
	if length < minMatch && near > limit && binary.LittleEndian.Uint32(data[near-1:])<<8 == v<<8 {
		length, distance = minMatch, i+1-near
	}
	if length >= most {
		return length, 0
	}
	length = max(length, minMatch)
	tail := binary.LittleEndian.Uint32(data[i+length-3:])
	for ; at > limit && depth > 0; depth-- {
		p := at - 1
		if binary.LittleEndian.Uint32(data[p+length-3:]) == tail && binary.LittleEndian.Uint32(data[p:]) == v {
			if n := matching(data[p:], data[i:i+most]); n > length {
				length, distance = n, i-p
				if n >= nice || n == most {
					break
				}
				tail = binary.LittleEndian.Uint32(data[i+length-3:])
			}
		}
		at = int(f.prev[p&(windowSize-1)])
	}
	return length, distance
}

// matching returns how many bytes of b are those of a, which is longer.
func matching(a, b []byte) (n int) {
	a = a[:len(b)]
	for ; n+8 <= len(b); n += 8 {
		if x := binary.LittleEndian.Uint64(a[n:]) ^ binary.LittleEndian.Uint64(b[n:]); x != 0 {
			return n + bits.TrailingZeros64(x)>>3
		}
	}
	for n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
