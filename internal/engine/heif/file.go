package heif

import (
	"errors"
	"io"
	"math"
	"sync"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// chunkSize is the length of the pieces in which a stream is held. Pieces never move: a file that
// grows while it is read takes no more memory than its own length.
const chunkSize = 64 << 10

// file is a file whose parts lie in any order. One that can be read at any place is read there; any
// other is held as far as it was needed. It is safe for concurrent use.
type file struct {
	s      *codec.Stream
	mu     sync.Mutex
	places bool
	chunks [][]byte // of a stream; all of chunkSize bytes but the last
	size   int64    // bytes that can be read: in chunks, or of the file
	ended  bool     // nothing follows behind size
}

func newFile(s *codec.Stream) *file {
	f := &file{s: s}
	if n, ok := s.Size(); ok {
		f.places, f.size, f.ended = true, n, true
	}
	return f
}

// load makes the first end bytes of the file available. ok is false if the file is shorter.
func (f *file) load(end int64) (ok bool, err error) {
	for f.size < end && !f.ended {
		last := len(f.chunks) - 1
		if last < 0 || len(f.chunks[last]) == chunkSize {
			f.chunks = append(f.chunks, make([]byte, 0, chunkSize))
			last++
		}
		c := f.chunks[last]
		n, err := f.s.Read(c[len(c):chunkSize])
		f.chunks[last] = c[:len(c)+n]
		f.size += int64(n)
		if errors.Is(err, io.EOF) {
			f.ended = true
		} else if err != nil {
			return false, err
		}
	}
	return f.size >= end, nil
}

// length returns how many bytes the file has.
func (f *file) length() (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, err := f.load(math.MaxInt64)
	return f.size, err
}

// reaches reports whether the file has the bytes before end.
func (f *file) reaches(end int64) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.load(end)
}

// bytes returns a copy of n bytes at an offset. Nothing is allocated for bytes that the file does not
// have.
func (f *file) bytes(at, n int64) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if at < 0 || n < 0 || at > math.MaxInt64-n {
		return nil, f.s.Corrupt(0, "%d bytes at offset %d", n, at)
	}
	if ok, err := f.load(at + n); err != nil {
		return nil, err
	} else if !ok {
		return nil, f.s.Corrupt(f.size, "the file ends before byte %d, which it refers to", at+n)
	}
	b := make([]byte, n)
	if !f.places {
		for done := int64(0); done < n; {
			c := f.chunks[(at+done)/chunkSize][(at+done)%chunkSize:]
			done += int64(copy(b[done:], c))
		}
		return b, nil
	}
	if got, err := f.s.ReadAt(b, at); got < len(b) {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return b, nil
}
