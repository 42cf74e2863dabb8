package tiff

import (
	"encoding/binary"
	"math"
)

// Field types (TIFF 6.0, section 2; the last three are BigTIFF's).
const (
	typeByte = 1 + iota
	typeASCII
	typeShort
	typeLong
	typeRational
	typeSByte
	typeUndefined
	typeSShort
	typeSLong
	typeSRational
	typeFloat
	typeDouble
	typeIFD
	typeLong8  = 16
	typeSLong8 = 17
	typeIFD8   = 18
)

// typeSize is the length of one value of each type in bytes, 0 for types that do not exist.
var typeSize = [...]int64{
	typeByte: 1, typeASCII: 1, typeShort: 2, typeLong: 4, typeRational: 8,
	typeSByte: 1, typeUndefined: 1, typeSShort: 2, typeSLong: 4, typeSRational: 8,
	typeFloat: 4, typeDouble: 8, typeIFD: 4, typeLong8: 8, typeSLong8: 8, typeIFD8: 8,
}

// maxEntries bounds the entries of a directory: BigTIFF counts them with 64 bits, but there are only
// 65536 tags.
const maxEntries = 1 << 16

// entry is one field of a directory.
type entry struct {
	tag, typ uint16
	count    int64
	at       int64 // offset of the first value in the file
}

// size is the length of all values in bytes.
func (e entry) size() int64 { return e.count * typeSize[e.typ] }

// directory is an image file directory.
type directory struct {
	at      int64
	entries []entry
	next    int64 // offset of the next directory, or 0
}

// find returns the first entry of a tag.
func (d *directory) find(tag uint16) (entry, bool) {
	for _, e := range d.entries {
		if e.tag == tag {
			return e, true
		}
	}
	return entry{}, false
}

// container reads the structure of a file: integers in its byte order, directories and values.
type container struct {
	*file
	order binary.ByteOrder
	big   bool  // BigTIFF: offsets and counts of 64 bits
	first int64 // offset of the first directory
}

// readHeader reads the first 8 or 16 bytes.
func (c *container) readHeader() error {
	b, err := c.bytes(0, 8)
	if err != nil {
		return err
	}
	c.order = binary.LittleEndian
	if b[0] == 'M' {
		c.order = binary.BigEndian
	}
	if c.order.Uint16(b[2:]) != 43 {
		c.first = int64(c.order.Uint32(b[4:]))
		return nil
	}
	if c.order.Uint16(b[4:]) != 8 {
		return c.s.Corrupt(4, "BigTIFF with offsets of %d bytes", c.order.Uint16(b[4:]))
	}
	c.big = true
	if b, err = c.bytes(8, 8); err != nil {
		return err
	}
	c.first = c.offset(b)
	return nil
}

// offset reads an offset of 4 or, in BigTIFF, 8 bytes. One that no file can have becomes the largest
// number, which lies beyond the end of any.
func (c *container) offset(b []byte) int64 {
	if c.big {
		return int64(min(c.order.Uint64(b), math.MaxInt64))
	}
	return int64(c.order.Uint32(b))
}

// directory reads the directory at an offset. Entries of unknown types are left out, as section 2
// demands.
func (c *container) directory(at int64) (*directory, error) {
	counter, size, word := c.sizes()
	b, err := c.bytes(at, counter)
	if err != nil {
		return nil, err
	}
	n := uint64(c.order.Uint16(b))
	if c.big {
		n = c.order.Uint64(b)
	}
	if n == 0 || n > maxEntries {
		return nil, c.s.Corrupt(at, "a directory of %d entries", n)
	}
	at += counter
	if b, err = c.bytes(at, int64(n)*size); err != nil {
		return nil, err
	}
	d := &directory{at: at - counter}
	for i := range int64(n) {
		if e, ok := c.entry(b[i*size:][:size], at+i*size, word); ok {
			d.entries = append(d.entries, e)
		}
	}
	// Some writers omit the link behind the last directory.
	if link, err := c.bytes(at+int64(n)*size, word); err == nil {
		d.next = c.offset(link)
	} else if c.s.Err() != nil {
		return nil, err
	}
	return d, nil
}

// entry reads the entry in b, which lies at an offset. Values that fit a word are in the entry.
func (c *container) entry(b []byte, at, word int64) (entry, bool) {
	e := entry{tag: c.order.Uint16(b), typ: c.order.Uint16(b[2:])}
	if int(e.typ) >= len(typeSize) || typeSize[e.typ] == 0 {
		return e, false
	}
	count := uint64(c.order.Uint32(b[4:]))
	if c.big {
		count = c.order.Uint64(b[4:])
	}
	if count > math.MaxInt64/8 {
		return e, false
	}
	e.count, e.at = int64(count), at+4+word
	if e.size() > word {
		e.at = c.offset(b[4+word:])
	}
	return e, true
}

// integer returns value i of an entry. Negative values become large ones.
func (c *container) integer(e entry, i int64) (uint64, error) {
	n := typeSize[e.typ]
	b, err := c.bytes(e.at+i*n, n)
	if err != nil {
		return 0, err
	}
	switch e.typ {
	case typeByte, typeUndefined:
		return uint64(b[0]), nil
	case typeSByte:
		return uint64(int8(b[0])), nil
	case typeShort:
		return uint64(c.order.Uint16(b)), nil
	case typeSShort:
		return uint64(int16(c.order.Uint16(b))), nil
	case typeLong, typeIFD:
		return uint64(c.order.Uint32(b)), nil
	case typeSLong:
		return uint64(int32(c.order.Uint32(b))), nil
	case typeLong8, typeSLong8, typeIFD8:
		return c.order.Uint64(b), nil
	}
	return 0, c.s.Corrupt(e.at, "tag %d is of type %d, which is no integer", e.tag, e.typ)
}

// integers returns at most n values of an entry.
func (c *container) integers(e entry, n int64) ([]int, error) {
	n = min(n, e.count)
	if _, err := c.bytes(e.at, n*typeSize[e.typ]); err != nil {
		return nil, err
	}
	values := make([]int, n)
	for i := range values {
		v, err := c.integer(e, int64(i))
		if err != nil {
			return nil, err
		}
		values[i] = int(min(v, math.MaxInt32))
	}
	return values, nil
}

// real returns value i of an entry, whatever its type of number.
func (c *container) real(e entry, i int64) (float64, error) {
	n := typeSize[e.typ]
	b, err := c.bytes(e.at+i*n, n)
	if err != nil {
		return 0, err
	}
	switch e.typ {
	case typeRational:
		return float64(c.order.Uint32(b)) / float64(c.order.Uint32(b[4:])), nil
	case typeSRational:
		return float64(int32(c.order.Uint32(b))) / float64(int32(c.order.Uint32(b[4:]))), nil
	case typeFloat:
		return float64(math.Float32frombits(c.order.Uint32(b))), nil
	case typeDouble:
		return math.Float64frombits(c.order.Uint64(b)), nil
	}
	v, err := c.integer(e, i)
	return float64(int64(v)), err
}

// reals returns the first n values of an entry, or nil if it has fewer.
func (c *container) reals(e entry, n int64) ([]float64, error) {
	if e.count < n {
		return nil, nil
	}
	values := make([]float64, n)
	for i := range values {
		var err error
		if values[i], err = c.real(e, int64(i)); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// maxDirectories bounds the walk along the chain of directories, which may be a ring.
const maxDirectories = 1 << 16

// pages counts the directories of the chain that begins with the first one.
func (c *container) pages(first *directory) (int, error) {
	n, seen := 1, map[int64]bool{first.at: true}
	for at := first.next; at != 0 && !seen[at] && n < maxDirectories; n++ {
		seen[at] = true
		var err error
		if at, err = c.link(at); c.s.Err() != nil {
			return 0, err
		} else if err != nil {
			break // A broken link does not make the first page bad.
		}
	}
	return n, nil
}

// link returns the offset of the directory that follows the one at an offset.
func (c *container) link(at int64) (int64, error) {
	counter, size, word := c.sizes()
	b, err := c.bytes(at, counter)
	if err != nil {
		return 0, err
	}
	n := uint64(c.order.Uint16(b))
	if c.big {
		n = c.order.Uint64(b)
	}
	if n > maxEntries {
		return 0, c.s.Corrupt(at, "a directory of %d entries", n)
	}
	if b, err = c.bytes(at+counter+int64(n)*size, word); err != nil {
		return 0, err
	}
	return c.offset(b), nil
}

// sizes are the lengths in bytes of a directory's counter, of an entry and of an offset.
func (c *container) sizes() (counter, entry, word int64) {
	if c.big {
		return 8, 20, 8
	}
	return 2, 12, 4
}
