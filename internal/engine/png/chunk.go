package png

import (
	"encoding/binary"
	"hash/crc32"
	"io"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// chunks reads the chunks of a file in order (section 5.3): length, type, data, and a CRC of type
// and data. Whether a wrong CRC matters is for the caller to decide.
type chunks struct {
	s      *codec.Stream
	offset int64 // of the next byte to read

	at   int64  // offset of the current chunk
	kind string // its type; "" before the first chunk
	size uint32 // of its data
	left uint32 // bytes of its data that have not been read
	sum  uint32 // CRC of what has been read

	ordinal uint32 // the next sequence number of an animation
}

// next skips what is left of the current chunk and reads the length and type of the next one. The
// error is io.EOF or io.ErrUnexpectedEOF if the file ends, or that of the stream.
func (c *chunks) next() error {
	if c.kind != "" {
		if err := c.skip(int64(c.left) + 4); err != nil {
			return err
		}
	}
	var head [8]byte
	c.at = c.offset
	n, err := io.ReadFull(c.s, head[:])
	c.offset += int64(n)
	if err != nil {
		c.kind = ""
		return err
	}
	if b := head[4] | 0x20; b < 'a' || b > 'z' { // the one whose case says whether it can be skipped
		return c.s.Corrupt(c.at, "a chunk of type %q", head[4:])
	}
	c.size, c.kind = binary.BigEndian.Uint32(head[:]), string(head[4:])
	c.left, c.sum = c.size, crc32.ChecksumIEEE(head[4:])
	if c.size > 1<<31-1 {
		return c.s.Corrupt(c.at, "a chunk of %d bytes", c.size)
	}
	return nil
}

// skip drops n bytes, which may be more than an int of 32 bits holds.
func (c *chunks) skip(n int64) error {
	c.left, c.kind = 0, ""
	for n > 0 {
		done, err := c.s.Discard(int(min(n, 1<<30)))
		c.offset += int64(done)
		n -= int64(done)
		if err != nil {
			return err
		}
	}
	return nil
}

// Read reads data of the current chunk; io.EOF marks its end.
func (c *chunks) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	if len(p) > int(c.left) {
		p = p[:c.left]
	}
	n, err := c.s.Read(p)
	c.sum = crc32.Update(c.sum, crc32.IEEETable, p[:n])
	c.offset += int64(n)
	c.left -= uint32(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// sound reads the CRC of a chunk whose data has been read, and reports whether it is right.
func (c *chunks) sound() (bool, error) {
	var sum [4]byte
	n, err := io.ReadFull(c.s, sum[:])
	c.offset += int64(n)
	c.kind = ""
	return binary.BigEndian.Uint32(sum[:]) == c.sum, err
}

// data reads the current chunk whole. ok is false if its CRC is wrong. Memory grows with what the
// file holds, not with what the chunk claims.
func (c *chunks) data() (b []byte, ok bool, err error) {
	if c.size <= 64<<10 {
		b = make([]byte, c.size)
		if _, err = io.ReadFull(c, b); err == io.EOF && c.size == 0 {
			err = nil
		}
	} else {
		b, err = io.ReadAll(c)
	}
	if err == nil {
		ok, err = c.sound()
	}
	return b, ok, err
}
