package gif

import (
	"io"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// pieceSize is the length of the pieces in which a file is held, in bytes.
const pieceSize = 64 << 10

// file is a file in memory, in pieces, so that it is read without being copied as it grows.
type file struct {
	pieces [][]byte // all but the last are full
	size   int
}

// readFile reads the whole file. Limits.Bytes bounds it.
func readFile(s *codec.Stream) (*file, error) {
	f := &file{}
	for {
		piece := make([]byte, pieceSize)
		n, err := io.ReadFull(s, piece)
		f.pieces, f.size = append(f.pieces, piece[:n]), f.size+n
		switch {
		case s.Err() != nil:
			return nil, s.Err()
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			return f, nil
		case err != nil:
			return nil, err
		}
	}
}

// memory returns how many bytes the file takes.
func (f *file) memory() int64 { return int64(len(f.pieces)) * pieceSize }

// at returns the byte at offset i, which the file must have.
func (f *file) at(i int) byte { return f.pieces[i/pieceSize][i%pieceSize] }

// bytes returns up to n bytes from offset i on, as far as the file has them. n is at most pieceSize.
func (f *file) bytes(i, n int) []byte {
	if i >= f.size {
		return nil
	}
	b := f.pieces[i/pieceSize][i%pieceSize:]
	if len(b) >= n {
		return b[:n:n]
	}
	if i/pieceSize+1 == len(f.pieces) {
		return b
	}
	next := f.pieces[i/pieceSize+1]
	return append(b[:len(b):len(b)], next[:min(n-len(b), len(next))]...)
}
