package heif

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// box is a box that is in memory (ISO/IEC 14496-12, 4.2).
type box struct {
	kind string // four characters
	body []byte // behind the header
	at   int64  // offset of the body in the file
}

// fields returns a reader of the fields of the body.
func (b box) fields() *fields { return &fields{b: b.body, at: b.at} }

// Bounds of what is parsed. Tables are never larger than what the bytes of the file fill; these keep
// small entries, and boxes that no camera writes, from taking memory.
const (
	maxTopLevel     = 4096    // boxes of a file
	maxTable        = 8 << 20 // bytes of a meta or moov box
	maxItems        = 70_000  // a grid has 65,536 tiles at most
	maxExtents      = 1 << 18 // of all items
	maxAssociations = 1 << 20 // of properties with items
	maxReferences   = 1 << 18 // of items to items
)

// boxHeader is the header of a box.
type boxHeader struct {
	kind string
	head int64 // bytes
	size int64 // with the header; 0 if the box reaches to the end of what contains it
}

// readHeader reads the header at the start of b. reason says what is wrong with it, if anything is.
func readHeader(b []byte) (h boxHeader, reason string) {
	if len(b) < 8 {
		return h, "a box ends within its header"
	}
	h = boxHeader{kind: string(b[4:8]), head: 8, size: int64(binary.BigEndian.Uint32(b))}
	if h.size == 1 {
		if len(b) < 16 {
			return h, "a box ends within its header"
		}
		size := binary.BigEndian.Uint64(b[8:])
		if size > math.MaxInt64 {
			return h, "a box is longer than any file"
		}
		h.head, h.size = 16, int64(size)
		if size == 0 {
			return h, "a box is shorter than its header"
		}
	}
	if h.size != 0 && h.size < h.head {
		return h, "a box is shorter than its header"
	}
	return h, ""
}

// boxes calls each for the boxes that follow one another in f, to its end. A few zeros may be behind them, as
// QuickTime has them.
func (c *container) boxes(f *fields, each func(b box) error) error {
	for len(f.b) > 0 {
		if len(f.b) < 8 && len(bytes.Trim(f.b, "\x00")) == 0 {
			return nil
		}
		h, reason := readHeader(f.b)
		if reason != "" {
			return c.s.Corrupt(f.at, "%s", reason)
		}
		if h.size == 0 {
			h.size = int64(len(f.b))
		}
		if h.size > int64(len(f.b)) {
			return c.s.Corrupt(f.at, "the box %q of %d bytes is longer than what contains it", h.kind, h.size)
		}
		b := box{h.kind, f.b[h.head:h.size:h.size], f.at + h.head}
		f.skip(int(h.size))
		if err := each(b); err != nil {
			return err
		}
	}
	return nil
}

// fields reads big-endian fields one after another. Behind the end all are 0, and short is set.
type fields struct {
	b     []byte
	at    int64 // offset of b in the file
	short bool
}

func (f *fields) skip(n int) []byte {
	if n > len(f.b) {
		f.b, f.short = nil, true
		return nil
	}
	b := f.b[:n:n]
	f.b, f.at = f.b[n:], f.at+int64(n)
	return b
}

// uint reads an unsigned integer of n bytes, 0 to 8.
func (f *fields) uint(n int) (v uint64) {
	for _, c := range f.skip(n) {
		v = v<<8 | uint64(c)
	}
	return v
}

func (f *fields) uint8() uint8   { return uint8(f.uint(1)) }
func (f *fields) uint16() uint16 { return uint16(f.uint(2)) }
func (f *fields) uint32() uint32 { return uint32(f.uint(4)) }

// full reads the start of a full box (ISO/IEC 14496-12, 4.2).
func (f *fields) full() (version uint8, flags uint32) {
	v := f.uint32()
	return uint8(v >> 24), v & 0xffffff
}

// text reads a string that a NUL ends, or the end of the box.
func (f *fields) text() string {
	n := bytes.IndexByte(f.b, 0)
	if n < 0 {
		return string(f.skip(len(f.b)))
	}
	s := string(f.b[:n])
	f.skip(n + 1)
	return s
}

// ended returns an error if fields of a box were read that it does not have.
func (c *container) ended(f *fields, kind string) error {
	if f.short {
		return c.s.Corrupt(f.at, "the box %q is shorter than what it declares", kind)
	}
	return nil
}

// container is what the boxes of a file say.
type container struct {
	*file
	meta    *meta
	movie   *movie
	noMovie error // what is wrong with the tracks, which matters only where there is no meta box
}

// readContainer reads the boxes of a file as far as the first that describes a picture.
func readContainer(s *codec.Stream) (*container, error) {
	c := &container{file: newFile(s)}
	at := int64(0)
	for range maxTopLevel {
		h, err := c.topLevel(at)
		if err != nil && (c.movie == nil || c.s.Err() != nil) {
			return nil, err
		}
		if err != nil {
			break // what some phones append to their files is no box
		}
		if h.kind == "" || c.meta != nil {
			break
		}
		if err := c.table(h, at); err != nil {
			return nil, err
		}
		if h.size == 0 || h.size > math.MaxInt64-at {
			break
		}
		at += h.size
	}
	if c.meta == nil && c.noMovie != nil {
		return nil, c.noMovie
	}
	if c.meta == nil && c.movie == nil {
		return nil, s.Corrupt(c.size, "there is no meta box with a primary item, and no picture track")
	}
	return c, nil
}

// topLevel reads the header of the box at an offset. Its kind is "" at the end of the file.
func (c *container) topLevel(at int64) (h boxHeader, err error) {
	n := int64(16)
	for _, short := range []int64{16, 8, 1} {
		if ok, err := c.reaches(at + short); err != nil {
			return h, err
		} else if ok {
			n = short
			break
		}
		n = 0
	}
	if n == 0 {
		return h, nil
	}
	b, err := c.bytes(at, n)
	if err != nil {
		return h, err
	}
	h, reason := readHeader(b)
	if reason != "" {
		return h, c.s.Corrupt(at, "%s", reason)
	}
	return h, nil
}

// table parses a box at the top of the file, if it is one that describes pictures.
func (c *container) table(h boxHeader, at int64) error {
	if h.kind == "moov" && c.movie == nil && c.noMovie == nil {
		b, err := c.contents(h, at)
		if err == nil {
			err = c.readMovie(b.fields())
		}
		if c.noMovie = err; c.s.Err() != nil {
			return err
		}
	}
	if h.kind != "meta" {
		return nil
	}
	b, err := c.contents(h, at)
	if err != nil {
		return err
	}
	return c.readMeta(b.fields())
}

// contents reads a box at the top of the file.
func (c *container) contents(h boxHeader, at int64) (b box, err error) {
	size := h.size
	if size == 0 {
		n, err := c.length()
		if err != nil {
			return b, err
		}
		size = n - at
	}
	if size > maxTable {
		return b, c.s.Corrupt(at, "the box %q of %d bytes is longer than the %d that are read",
			h.kind, size, maxTable)
	}
	body, err := c.bytes(at+h.head, size-h.head)
	return box{h.kind, body, at + h.head}, err
}
