package tiff

import (
	"errors"
	"io"
	"math"
	"math/bits"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// chunkSize is the length of the pieces in which the file is held. Pieces never move: a file that
// grows while it is read takes no more memory than its own length.
const chunkSize = 64 << 10

// maxPieces bounds the pieces that are held of a file that can be read at any place.
const maxPieces = 64

// Of a file whose parts can be asked for with a request each, those that begin more than minGap behind
// what was read are: a request takes about as long as reading a megabyte. After maxRequests, the file is
// read up to what is needed, as one that is only a stream.
const (
	minGap      = 1 << 20
	maxRequests = 16
)

// file is a TIFF file. Its directories may lie anywhere (TIFF 6.0, section 2). If the file can be
// read at any place, only a few pieces of it are held, with the values that are asked for, and
// sections read pixels where they are. Else load reads the stream as far as the furthest value; where
// the pixels follow behind that in the order in which they are shown, sections read them from the
// stream, and only otherwise are they held.
type file struct {
	s      *codec.Stream
	places bool             // the file can be read at any place
	length int64            // of the file, if parts can be asked for, or 0
	asked  int              // requests
	pieces map[int64][]byte // of either kind of file, by number
	most   int              // pieces that were held together
	chunks [][]byte         // what was read of a stream; all of chunkSize bytes but the last
	size   int64            // bytes that can be read at any place: in chunks, or of the file
	pos    int64            // of the stream: size, or more once sections have read from it
	ended  bool             // nothing follows behind size
}

func newFile(s *codec.Stream) *file {
	f := &file{s: s, pieces: map[int64][]byte{}}
	if f.size, f.places = s.Size(); f.places {
		f.length, f.pos, f.ended = f.size, f.size, true
	} else {
		f.size = 0
		f.length, _ = s.Ranges()
	}
	return f
}

// distant reports whether the bytes from at to end exist and are worth a request.
func (f *file) distant(at, end int64) bool {
	return !f.places && end <= f.length && at-f.size > minGap && f.asked < maxRequests
}

// held is how many bytes of the file are in memory.
func (f *file) held() int64 {
	n := min(f.length, int64(f.most)*chunkSize)
	if !f.places {
		n += f.size
	}
	return n
}

// piece returns the bytes from an offset below size on, or below length, to the end of its piece.
func (f *file) piece(at int64) ([]byte, error) {
	k := at / chunkSize
	if !f.places && at < f.size {
		return f.chunks[k][at%chunkSize:], nil
	}
	p, ok := f.pieces[k]
	if !ok {
		if len(f.pieces) == maxPieces {
			clear(f.pieces)
		}
		p = make([]byte, min(chunkSize, f.length-k*chunkSize))
		if err := f.readAt(p, k*chunkSize); err != nil {
			return nil, err
		}
		f.pieces[k] = p
		f.most = max(f.most, len(f.pieces))
	}
	return p[at%chunkSize:], nil
}

// readAt fills b with the bytes at an offset. The error is the stream's, or that of a file that has
// become shorter.
func (f *file) readAt(b []byte, at int64) error {
	f.asked++
	n, err := f.s.ReadAt(b, at)
	switch {
	case n == len(b):
		return nil
	case f.s.Err() != nil:
		return f.s.Err()
	case err == nil || err == io.EOF:
		err = io.ErrUnexpectedEOF
	}
	return err
}

// reach makes the bytes from at to end available to bytes. ok is false if the file is shorter.
func (f *file) reach(at, end int64) (ok bool, err error) {
	if f.distant(at, end) {
		return true, nil
	}
	return f.load(end)
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
		n, err := f.s.Read(c[len(c):min(chunkSize, int64(len(c))+end-f.size)])
		f.chunks[last] = c[:len(c)+n]
		f.size += int64(n)
		f.pos = f.size
		if err == io.EOF {
			f.ended = true
		} else if err != nil {
			return false, err
		}
	}
	return f.size >= end, nil
}

// bytes returns n bytes at an offset, which the caller must not change.
func (f *file) bytes(at, n int64) ([]byte, error) {
	if at < 0 || n < 0 || at > math.MaxInt64-n {
		return nil, f.s.Corrupt(0, "%d bytes at offset %d", n, at)
	}
	if ok, err := f.reach(at, at+n); err != nil {
		return nil, err
	} else if !ok {
		return nil, f.s.Corrupt(f.size, "the file ends before byte %d, which it refers to", at+n)
	}
	if n == 0 {
		return nil, nil
	}
	if n > chunkSize && (f.places || at >= f.size) {
		b := make([]byte, n)
		return b, f.readAt(b, at)
	}
	c, err := f.piece(at)
	if err != nil {
		return nil, err
	}
	if n <= int64(len(c)) {
		return c[:n:n], nil
	}
	b := make([]byte, 0, n)
	for {
		b = append(b, c[:min(int64(len(c)), n-int64(len(b)))]...)
		if int64(len(b)) == n {
			return b, nil
		}
		if c, err = f.piece(at + int64(len(b))); err != nil {
			return nil, err
		}
	}
}

// section is a range of the file that is read from its start to its end: a strip or a tile. The
// range may reach beyond the end of the file, where it ends early.
type section struct {
	f        *file
	pos, end int64
	begun    int64  // where it starts
	run      []byte // that was returned by next and not yet consumed
	mirror   bool   // the bits of each byte are in reverse order (FillOrder 2)
	mirrored []byte
	window   []byte // of a file that can be read at any place
}

// reset makes s read another range.
func (s *section) reset(at, end int64) { s.pos, s.end, s.begun, s.run = at, end, at, nil }

// next returns the next bytes, as many as there are in one piece. They are valid until the next
// call. The error is io.EOF at the end of the range, or the stream's.
func (s *section) next() ([]byte, error) {
	if s.pos >= s.end {
		return nil, io.EOF
	}
	b, err := s.fetch()
	if err != nil {
		return nil, err
	}
	s.pos += int64(len(b))
	if s.mirror {
		s.mirrored = append(s.mirrored[:0], b...)
		for i, v := range s.mirrored {
			s.mirrored[i] = bits.Reverse8(v)
		}
		return s.mirrored, nil
	}
	return b, nil
}

// fetch returns bytes at pos, which next has found to be in the range.
func (s *section) fetch() ([]byte, error) {
	f, left := s.f, s.end-s.pos
	switch {
	case s.pos >= f.size:
		return f.forward(s.pos, left)
	case f.places:
		// Little at first: of a strip whose length is missing or wrong, little may be needed.
		n := int(min(chunkSize, left, f.size-s.pos, max(512, 4*(s.pos-s.begun))))
		if cap(s.window) < n {
			s.window = make([]byte, n)
		}
		b := s.window[:n]
		return b, f.readAt(b, s.pos)
	}
	b, err := f.piece(s.pos)
	if err != nil {
		return nil, err
	}
	return b[:min(int64(len(b)), left)], nil
}

// seek moves the stream to an offset that is not in memory.
func (f *file) seek(at int64) error {
	if f.ended {
		return io.EOF
	}
	if at < f.pos {
		return errors.New("pixels are read out of order")
	}
	for f.pos < at {
		skipped, err := f.s.Discard(int(min(at-f.pos, chunkSize)))
		f.pos += int64(skipped)
		if err != nil {
			return err
		}
	}
	return nil
}

// forward returns up to n bytes at an offset that is not in memory, from the stream.
func (f *file) forward(at, n int64) ([]byte, error) {
	if err := f.seek(at); err != nil {
		return nil, err
	}
	if _, err := f.s.Peek(1); err != nil {
		return nil, err
	}
	b, err := f.s.Peek(int(min(n, int64(f.s.Buffered()))))
	if err != nil {
		return nil, err
	}
	if _, err := f.s.Discard(len(b)); err != nil { // b stays valid until the next Peek
		return nil, err
	}
	f.pos += int64(len(b))
	return b, nil
}

// Read implements io.Reader.
func (s *section) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if f := s.f; f.places && len(s.run) == 0 && !s.mirror && len(p) >= chunkSize && s.pos < min(s.end, f.size) {
		p = p[:min(int64(len(p)), s.end-s.pos, f.size-s.pos)]
		if err := f.readAt(p, s.pos); err != nil {
			return 0, err
		}
		s.pos += int64(len(p))
		return len(p), nil
	}
	if len(s.run) == 0 && s.pos >= s.f.size && s.pos < s.end && !s.mirror {
		// Past the buffer of the stream, where it is empty and p is long.
		if err := s.f.seek(s.pos); err != nil {
			return 0, err
		}
		n, err := s.f.s.Read(p[:min(int64(len(p)), s.end-s.pos)])
		s.pos, s.f.pos = s.pos+int64(n), s.f.pos+int64(n)
		return n, err
	}
	if len(s.run) == 0 {
		var err error
		if s.run, err = s.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, s.run)
	s.run = s.run[n:]
	return n, nil
}

// ReadByte implements io.ByteReader, which keeps decompressors from reading ahead.
func (s *section) ReadByte() (byte, error) {
	if len(s.run) == 0 {
		var err error
		if s.run, err = s.next(); err != nil {
			return 0, err
		}
	}
	b := s.run[0]
	s.run = s.run[1:]
	return b, nil
}

// offset is where in the file the next byte lies.
func (s *section) offset() int64 { return s.pos - int64(len(s.run)) }
