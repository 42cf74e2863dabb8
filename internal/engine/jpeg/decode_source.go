package jpeg

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

const (
	headerRead = 4 << 10  // asked of the reader at a time while the header is read
	scanRead   = 64 << 10 // and while scans are
	// maxAhead bounds how far a header without a height is followed to the marker that gives it.
	maxAhead = 64 << 20
)

// source is the stream with a position. Only io.EOF is its end: every other error is the reader's, ends the stream all
// the same, and is what fail returns.
type source struct {
	r        io.Reader
	buf      []byte // buf[pos:end] is read and not consumed
	pos, end int
	base     int64 // offset of buf[0] in the stream
	step     int   // bytes asked for at a time
	err      error
}

func newSource(r io.Reader) *source {
	return &source{r: r, buf: make([]byte, scanRead), step: headerRead}
}

func (s *source) offset() int64 { return s.base + int64(s.pos) }

// fail is the reader's error, nil if it has none or only ended.
func (s *source) fail() error {
	if s.err == nil || errors.Is(s.err, io.EOF) {
		return nil
	}
	return fmt.Errorf("read jpeg: %w", s.err)
}

// fill reads more and reports whether any came. Unconsumed bytes stay, moved to the front of the buffer if it is full.
func (s *source) fill() bool {
	if s.err != nil {
		return false
	}
	if s.pos == s.end {
		s.base += int64(s.end)
		s.pos, s.end = 0, 0
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

// peek is what can be had without a copy, at least one byte unless the stream is over.
func (s *source) peek() []byte {
	if s.pos == s.end && !s.fill() {
		return nil
	}
	return s.buf[s.pos:s.end]
}

// next is the next byte; false at the end.
func (s *source) next() (byte, bool) {
	if s.pos == s.end && !s.fill() {
		return 0, false
	}
	c := s.buf[s.pos]
	s.pos++
	return c, true
}

// window is the next n bytes, without consuming them; fewer at the end. It is valid until the next call of any method.
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

// marker consumes up to the next marker and gives its second byte, and how many bytes before it belonged to nothing.
// Repeated 0xFF before a marker are fill bytes (T.81 B.1.1.2). At the end of the stream it gives 0.
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

// ahead is the offset, from the present position, of the first marker that is neither a restart nor a stuffed zero, and
// false if there is none within maxAhead. Nothing is consumed: what was passed stays in the buffer.
func (s *source) ahead() (int, bool) {
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
		case m == 0 || m >= markerRST0 && m <= markerRST7:
			i += 2
		default:
			return i, true
		}
	}
	return 0, false
}

// clean fills dst with entropy-coded data, without the zeros stuffed after 0xFF (T.81 F.1.2.3). The data ends at the next
// marker, which is consumed and found, or at the end of the stream, where found is 0.
func (s *source) clean(dst []byte) (n int, found byte, ended bool) {
	for n < len(dst) {
		c := s.peek()
		if len(c) == 0 {
			return n, 0, true
		}
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

// escape consumes a 0xFF with those that fill and the byte behind them, which it gives; false at the end of the stream.
func (s *source) escape() (c byte, ok bool) {
	for c, ok = s.next(); ok && c == 0xFF; c, ok = s.next() {
	}
	return c, ok
}
