package tiff

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	lzma2 "github.com/ulikunitz/xz/lzma"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// lzmaReader reads strips and tiles that are .xz streams (The .xz File Format 1.2.1), as libtiff writes
// them: one block of LZMA2, with or without a delta filter, which xz's own package does not read.
// Checksums are not verified, and nothing is needed behind the last row.
type lzmaReader struct {
	most    int64 // bytes of a strip or tile
	in      *bufio.Reader
	plain   int            // bytes to come of the chunk of LZMA2 that is being read: of its header, or stored
	packed  int            // and compressed ones
	decoded *lzma2.Reader2 // nil before the headers have been read
	delta   int            // distance of the delta filter, or 0
	history [256]byte      // of what Read has returned
	at      byte           // in history
}

func (r *lzmaReader) begin(_ context.Context, s *section) error {
	if r.in == nil {
		r.in = bufio.NewReaderSize(s, 16<<10)
	}
	r.in.Reset(s)
	r.decoded, r.plain, r.packed, r.at = nil, 0, 0, 0
	clear(r.history[:])
	return nil
}

// Read implements io.Reader.
func (r *lzmaReader) Read(p []byte) (int, error) {
	if r.decoded == nil {
		if err := r.open(); err != nil {
			return 0, err
		}
	}
	n, err := r.decoded.Read(p)
	if r.delta > 0 {
		for i, v := range p[:n] {
			v += r.history[r.at-byte(r.delta)]
			p[i], r.history[r.at] = v, v
			r.at++
		}
	}
	return n, err
}

var errXZ = errors.New("invalid .xz header")

// Filters of a block (section 5.3).
const (
	filterDelta = 0x03
	filterLZMA2 = 0x21
)

// open reads the header of the stream (2.1.1) and that of its first block (3.1).
func (r *lzmaReader) open() error {
	head := make([]byte, 13)
	if _, err := io.ReadFull(r.in, head); err != nil {
		return err
	}
	if !bytes.HasPrefix(head, []byte("\xfd7zXZ\x00\x00")) || head[12] == 0 {
		return errXZ
	}
	block := make([]byte, 4*int(head[12])+3)
	if _, err := io.ReadFull(r.in, block); err != nil {
		return err
	}
	flags := block[0]
	fields := bytes.NewReader(block[1 : len(block)-4]) // without the CRC
	for mask := byte(0x40); mask != 0; mask <<= 1 {    // the sizes of the block
		if flags&mask != 0 {
			if _, err := binary.ReadUvarint(fields); err != nil {
				return errXZ
			}
		}
	}
	r.delta = 0
	var window int64
	last := int(flags & 3)
	for i := range last + 1 {
		id, err1 := binary.ReadUvarint(fields)
		size, err2 := binary.ReadUvarint(fields)
		property, err3 := fields.ReadByte()
		switch {
		case err1 != nil || err2 != nil || err3 != nil || id == filterLZMA2 && property > 40:
			return errXZ
		case id == filterDelta && size == 1 && i < last && r.delta == 0:
			r.delta = int(property) + 1
		case id == filterLZMA2 && size == 1 && i == last:
			window = min((2|int64(property&1))<<(property/2+11), r.most)
		default:
			return fmt.Errorf("%w: TIFF with the .xz filter %#x", codec.ErrUnsupported, id)
		}
	}
	if window > maxWindow {
		return fmt.Errorf("%w: TIFF with LZMA windows of more than %d MB", codec.ErrUnsupported, maxWindow>>20)
	}
	var err error
	r.decoded, err = lzma2.Reader2Config{DictCap: int(max(window, lzma2.MinDictCap))}.NewReader2((*lzmaChunks)(r))
	return err
}

// lzmaChunks reads the chunks of LZMA2 of an lzmaReader. It refuses more bits of context than the format allows: each
// chunk of a few bytes could set up all contexts anew, 6 MB of them with as many bits as a header can name.
type lzmaChunks lzmaReader

var (
	errContexts = errors.New("LZMA2 with more than 4 bits of context for a literal")
	errChunk    = errors.New("LZMA2 chunk with more compressed bytes than it needs")
)

// Read implements io.Reader. The decoder reads compressed bytes one by one. Several are a header that it takes to be
// amid a chunk, because it does not check that a chunk has no bytes too many.
func (r *lzmaChunks) Read(p []byte) (int, error) {
	if r.plain == 0 && r.packed == 0 {
		if err := r.begin(); err != nil {
			return 0, err
		}
	}
	left := &r.plain
	if r.plain == 0 {
		if len(p) > 1 {
			return 0, errChunk
		}
		left = &r.packed
	}
	n, err := r.in.Read(p[:min(len(p), *left)])
	*left -= n
	return n, err
}

// begin looks at the header of a chunk. One that is not complete is left to the decoder.
func (r *lzmaChunks) begin() error {
	head, err := r.in.Peek(6)
	if len(head) == 0 {
		return err
	}
	size := func(i int) int { return int(binary.BigEndian.Uint16(head[i:])) + 1 }
	switch control := head[0]; {
	case len(head) < 6 || control == 0:
		r.plain = 1
	case control < 0x80: // stored
		r.plain = 3 + size(1)
	case control < 0xC0:
		r.plain, r.packed = 5, size(3)
	default: // with a byte of properties: the bits of context of the byte before, those of the position, and others
		if head[5]%9+head[5]/9%5 > 4 {
			return errContexts
		}
		r.plain, r.packed = 6, size(3)
	}
	return nil
}
