package codec

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Stream is the file that a decoder reads. It enforces Limits.Bytes, and remembers an error of the
// reader below it, so that a broken connection is never taken for a corrupt picture.
type Stream struct {
	*bufio.Reader
	source
	format *Format
	at     io.ReaderAt // of a reader that can be read at any place, else nil
	start  int64       // where the file begins there
	size   int64       // of the file, if at is set
	ranges bool        // at is of Ranges
}

// Places is a reader that can also be read at any place. Where the reader that Set.Open gets is one,
// such as an *os.File, formats whose data lies in another order than the picture's need not hold it.
type Places interface {
	io.ReaderAt
	io.Seeker
}

// Ranges is a reader of which parts can be asked for, with a request each, such as an object in a
// bucket. Where the reader that Set.Open gets is one, a format need not hold what lies before the part
// that it needs next.
type Ranges interface {
	io.ReaderAt
	Size() int64
}

// source counts what is read from below, and keeps the first error.
type source struct {
	r   io.Reader
	n   int64
	max int64
	err error
}

func newStream(r io.Reader, maxBytes int64) *Stream {
	s := &Stream{source: source{r: r, max: maxBytes}}
	s.Reader = bufio.NewReaderSize(&s.source, 64<<10)
	switch r := r.(type) {
	case Places:
		s.places(r)
	case Ranges:
		s.at, s.size, s.ranges = r, r.Size(), true
	}
	return s
}

// places finds out where the file begins and ends in p. It may be a file that cannot seek, such as a
// pipe, or of no known length; then it is only read from its start to its end.
func (s *Stream) places(p Places) {
	start, err := p.Seek(0, io.SeekCurrent)
	if err != nil {
		return
	}
	end, err := p.Seek(0, io.SeekEnd)
	if _, back := p.Seek(start, io.SeekStart); back != nil {
		s.err = back
		return
	}
	if err == nil && end > start {
		s.at, s.start, s.size = p, start, end-start
	}
}

// Size returns how many bytes the file has, if ReadAt can read them at any place.
func (s *Stream) Size() (n int64, ok bool) { return s.size, s.at != nil && !s.ranges }

// Ranges returns how many bytes the file has, if ReadAt can read them with a request for each call.
func (s *Stream) Ranges() (n int64, ok bool) { return s.size, s.ranges }

// ReadAt implements io.ReaderAt for a file that has Size or Ranges, and leaves Read where it is.
func (s *Stream) ReadAt(p []byte, off int64) (int, error) {
	switch {
	case s.err != nil:
		return 0, s.err
	case s.max > 0 && s.size > s.max:
		s.err = s.tooLarge()
		return 0, s.err
	}
	n, err := s.at.ReadAt(p, s.start+off)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

func (s *source) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.r.Read(p)
	s.n += int64(n)
	if s.max > 0 && s.n > s.max {
		err = s.tooLarge()
	}
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

func (s *source) tooLarge() error {
	return fmt.Errorf("%w: the file is larger than %d bytes", ErrLimit, s.max)
}

// Read reads the next bytes of the file.
func (s *Stream) Read(p []byte) (int, error) { return s.Reader.Read(p) }

// Format returns the format that was detected.
func (s *Stream) Format() *Format { return s.format }

// Corrupt returns an error of damage at an offset of the file, in bytes.
func (s *Stream) Corrupt(offset int64, format string, args ...any) error {
	return &CorruptError{s.format, offset, fmt.Sprintf(format, args...)}
}

// Err returns the error of the reader below, or nil: an error of the connection, or ErrLimit.
func (s *Stream) Err() error { return s.err }

// Length is Decoder.Length for a decoder of this stream.
func (s *Stream) Length(enough int64) (int64, error) {
	if n, ok := s.Size(); ok {
		return n, nil
	}
	if s.n < enough {
		if _, err := io.CopyN(io.Discard, &s.source, enough-s.n); err != nil && err != io.EOF {
			return 0, err
		}
	}
	return s.n, nil
}

// Fault turns an error of a decoding library into one that callers branch on: the stream's own
// error if it had one, else ErrCorrupt or ErrUnsupported.
func (s *Stream) Fault(err error) error {
	switch {
	case err == nil:
		return nil
	case s.err != nil:
		return s.err
	case errors.Is(err, ErrCorrupt), errors.Is(err, ErrUnsupported), errors.Is(err, ErrLimit):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return s.Corrupt(s.n, "the file ends too early")
	}
	return s.Corrupt(s.n, "%v", err)
}

// Whole makes a Format.Open of a decoder that needs the file whole, for formats whose header is
// spread over it. The file is as large as Limits.Bytes allows at most.
func Whole(
	open func(file []byte, s *Stream, o OpenOptions) (Decoder, error),
) func(*Stream, OpenOptions) (Decoder, error) {
	return func(s *Stream, o OpenOptions) (Decoder, error) {
		var b bytes.Buffer
		if _, err := b.ReadFrom(s.Reader); err != nil {
			return nil, err
		}
		return open(b.Bytes(), s, o)
	}
}
