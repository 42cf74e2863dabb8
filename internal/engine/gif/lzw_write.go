package gif

import (
	"context"
	"math/bits"
)

// coder writes the data of a frame: the string of every code is that of another one and one more
// byte, and both are looked up together.
type coder struct {
	out   []byte
	block int // offset of the length of the last sub-block in out

	ahead uint64 // bits that are not written yet, the first one lowest
	n     uint

	size  uint // bits of a colour index
	next  uint32
	width uint
	// The codes, by a hash of prefix and byte: prefix, byte and the code, of 12, 8 and 12 bits.
	table [1 << 13]uint32
}

// appendData appends the LZW minimum code size and the sub-blocks of colour indexes, of which none
// has more than size bits.
func (z *coder) appendData(ctx context.Context, out, indexes []byte, size uint) ([]byte, error) {
	z.size = max(size, 2)
	z.out = append(out, byte(z.size), 0)
	z.block = len(out) + 1
	z.ahead, z.n = 0, 0
	z.width = z.size + 1
	z.reset()
	if err := z.encode(ctx, indexes); err != nil {
		return nil, err
	}
	if z.next < maxCodes && z.next>>z.width != 0 { // the last code defines one more for readers
		z.width++
	}
	z.put(1<<z.size + 1)
	for ; z.n > 0; z.n -= min(z.n, 8) {
		z.byte(byte(z.ahead))
		z.ahead >>= 8
	}
	if z.out[z.block] > 0 {
		z.out = append(z.out, 0)
	}
	out, z.out = z.out, nil
	return out, nil
}

// reset empties the table, and writes the code for it.
func (z *coder) reset() {
	z.put(1 << z.size)
	z.width = z.size + 1
	z.next = 1<<z.size + 2
	clear(z.table[:])
}

// stretch is how many indexes a full table is judged by. It is emptied once the last stretch took more
// bits for an index than all that came before it since the table was emptied.
const stretch = 1 << 12

// encode writes the codes of at least one index.
func (z *coder) encode(ctx context.Context, indexes []byte) error {
	prefix := uint32(indexes[0])
	var since, spent int  // indexes and bits since the table was emptied
	var began, before int // where the stretch began, and the bits spent until then
	for i, c := range indexes[1:] {
		if i%(1<<16) == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		since++
		key := prefix<<8 | uint32(c)
		slot := key * 0x9e3779b1 >> 19
		for z.table[slot] != 0 && z.table[slot]>>12 != key {
			slot = (slot + 1) & (1<<13 - 1)
		}
		if e := z.table[slot]; e != 0 {
			prefix = e & (maxCodes - 1)
			continue
		}
		z.put(prefix)
		spent += int(z.width)
		prefix = uint32(c)
		if z.next < maxCodes {
			z.table[slot] = key<<12 | z.next
			if z.next>>z.width != 0 {
				z.width++
			}
			z.next++
			began, before = since, spent
			continue
		}
		if n := since - began; n >= stretch {
			if (spent-before)*began > before*n {
				z.reset()
				since, spent = 0, 0
			}
			began, before = since, spent
		}
	}
	z.put(prefix)
	return nil
}

// put writes a code.
func (z *coder) put(code uint32) {
	z.ahead |= uint64(code) << z.n
	for z.n += z.width; z.n >= 8; z.n -= 8 {
		z.byte(byte(z.ahead))
		z.ahead >>= 8
	}
}

// byte writes a byte into the last sub-block, or a new one.
func (z *coder) byte(b byte) {
	if z.out[z.block] == 255 {
		z.block = len(z.out)
		z.out = append(z.out, 0)
	}
	z.out = append(z.out, b)
	z.out[z.block]++
}

// bitsOf returns how many bits the indexes of a table of n colours have.
func bitsOf(n int) uint { return uint(max(bits.Len(uint(n-1)), 1)) }
