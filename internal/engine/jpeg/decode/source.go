package decode

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
)

const (
	headerRead = 4 << 10  // bytes requested per read while reading the header
	scanRead   = 64 << 10 // bytes requested per read while reading scans
	// maxAhead limits the search for the marker that states a height missing in the header.
	maxAhead = 64 << 20
)

// source is the input stream with a position. Only io.EOF is a regular end. Any other error is the
// reader's; it ends the stream as well, and fail returns it.
type source struct {
	r        io.Reader
	buf      []byte // buf[pos:end] has been read but not consumed
	pos, end int
	base     int64 // offset of buf[0] in the stream
	step     int   // bytes requested per read
	err      error
	// more is used instead of r if it is not nil. It returns the next data, and an error if there is
	// none.
	more func() ([]byte, error)
}

func newSource(r io.Reader) *source {
	return &source{r: r, buf: make([]byte, scanRead), step: headerRead}
}

func (s *source) offset() int64 { return s.base + int64(s.pos) }

// fail returns the reader's error, or nil if there is none or the stream has ended regularly.
func (s *source) fail() error {
	if s.err == nil || errors.Is(s.err, io.EOF) {
		return nil
	}
	return fmt.Errorf("read jpeg: %w", s.err)
}

// fill reads more data and reports whether there was any. Unconsumed bytes are kept, and moved to
// the front if the buffer is full.
func (s *source) fill() bool {
	if s.err != nil {
		return false
	}
	if s.pos == s.end {
		s.base += int64(s.end)
		s.pos, s.end = 0, 0
	}
	if s.more != nil {
		s.buf, s.err = s.more()
		s.end = len(s.buf)
		return s.end > 0
	}
	if s.end == len(s.buf) {
		if s.pos == 0 {
			s.buf = append(s.buf, make([]byte, len(s.buf))...)
		}
		s.base += int64(s.pos)
		s.end = copy(s.buf, s.buf[s.pos:s.end])
		s.pos = 0
	}
	for range 100 {
		n, err := s.r.Read(s.buf[s.end:min(s.end+s.step, len(s.buf))])
		s.end += n
		s.err = err
		if n > 0 || err != nil {
			return n > 0
		}
	}
	s.err = io.ErrNoProgress
	return false
}

// peek returns the bytes that are available without a copy: at least one unless the stream has
// ended.
func (s *source) peek() []byte {
	if s.pos == s.end && !s.fill() {
		return nil
	}
	return s.buf[s.pos:s.end]
}

// next consumes the next byte; ok is false at the end of the stream.
func (s *source) next() (c byte, ok bool) {
	if s.pos == s.end && !s.fill() {
		return 0, false
	}
	c = s.buf[s.pos]
	s.pos++
	return c, true
}

// window returns the next n bytes without consuming them, or fewer at the end of the stream. They
// are valid until the next call of any method.
func (s *source) window(n int) []byte {
	for s.end-s.pos < n && s.fill() {
	}
	return s.buf[s.pos:min(s.end, s.pos+n)]
}

// skip consumes up to n bytes.
func (s *source) skip(n int) {
	for n > 0 {
		c := s.peek()
		if len(c) == 0 {
			return
		}
		k := min(n, len(c))
		s.pos += k
		n -= k
	}
}

// marker consumes everything up to and including the next marker. It returns the marker's second
// byte, 0 at the end of the stream, and how many stray bytes preceded it. Repeated 0xFF before a
// marker are fill bytes (T.81 B.1.1.2).
func (s *source) marker() (m byte, skipped int64) {
	from := s.offset()
	for {
		c := s.peek()
		if len(c) == 0 {
			return 0, s.offset() - from
		}
		i := bytes.IndexByte(c, 0xFF)
		if i < 0 {
			s.pos = s.end
			continue
		}
		s.pos += i
		start := s.offset()
		b, ok := s.escape()
		if !ok {
			return 0, s.offset() - from
		}
		if b != 0 {
			return b, start - from
		}
	}
}

// peekMarker returns the offset, relative to the current position, of the first marker that is
// neither a restart marker nor a stuffed zero, and false if there is none within maxAhead. It
// consumes nothing: the bytes before the marker stay in the buffer.
func (s *source) peekMarker() (int, bool) {
	for i := 0; i < maxAhead; {
		w := s.window(i + 2)
		if len(w) < i+2 {
			return 0, false
		}
		w = s.buf[s.pos:s.end]
		j := bytes.IndexByte(w[i:len(w)-1], 0xFF)
		if j < 0 {
			i = len(w) - 1
			continue
		}
		i += j
		switch m := w[i+1]; {
		case m == 0xFF:
			i++
		case m == 0 || m >= stream.RST0 && m <= stream.RST7:
			i += 2
		default:
			return i, true
		}
	}
	return 0, false
}

// unstuff fills dst with entropy-coded data without the zeros stuffed after 0xFF (T.81 F.1.2.3).
// The data ends at the next marker, which is consumed and returned in found, or at the end of the
// stream, where found is 0.
func (s *source) unstuff(dst []byte) (n int, found byte, ended bool) {
	for n < len(dst) {
		c := s.peek()
		if len(c) == 0 {
			return n, 0, true
		}
		written, read := unstuffMost(dst[n:], c)
		n += written
		s.pos += read
		c = c[read:]
		c = c[:min(len(c), len(dst)-n)]
		i := bytes.IndexByte(c, 0xFF)
		if i < 0 {
			n += copy(dst[n:], c)
			s.pos += len(c)
			continue
		}
		n += copy(dst[n:], c[:i])
		s.pos += i
		if m, ok := s.escape(); m != 0 || !ok {
			return n, m, true
		}
		dst[n] = 0xFF
		n++
	}
	return n, 0, false
}

// escape consumes a 0xFF with the fill bytes after it, and returns the byte that follows; ok is
// false at the end of the stream.
func (s *source) escape() (c byte, ok bool) {
	for c, ok = s.next(); ok && c == 0xFF; c, ok = s.next() {
	}
	return c, ok
}
