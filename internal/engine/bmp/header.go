package bmp

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

const fileHeaderLength = 14

// Lengths of bitmap headers.
const (
	coreHeader = 12  // BITMAPCOREHEADER, also OS/2 1.x
	infoHeader = 40  // BITMAPINFOHEADER
	v2Header   = 52  // and masks for red, green and blue
	v3Header   = 56  // and a mask for alpha
	os2Header  = 64  // OS/2 2.x; it may be cut anywhere behind its 16th byte
	v4Header   = 108 // BITMAPV4HEADER
	v5Header   = 124 // BITMAPV5HEADER
)

// knownHeader reports whether a bitmap header may have n bytes.
func knownHeader(n uint32) bool {
	switch n {
	case coreHeader, v2Header, v3Header, v4Header, v5Header, 42, 46:
		return true
	}
	return n >= 16 && n <= os2Header && n%4 == 0
}

// compression is how the pixels are stored. The numbers of Windows are used; OS/2 uses two of them
// for its own.
type compression uint32

const (
	plain compression = iota
	rle8
	rle4
	bitFields
	jpegFile
	pngFile
	alphaBitFields
	rle24 // OS/2's number is 4
)

// info is what the headers declare.
type info struct {
	width, height int
	topDown       bool
	bits          int // per pixel
	compression   compression
	masks         [4]uint32 // red, green, blue, alpha
	colours       int       // in the table
	colourLength  int       // bytes of an entry of the table
	imageSize     uint32
	pixels        int64 // offset of the pixels in the file
	end           int64 // offset behind the headers
	profile       span  // empty if there is none
}

// span is a range of the file.
type span struct{ at, end int64 }

// readHeader reads the headers, up to the colour table.
func readHeader(s *codec.Stream) (*info, error) {
	var file [fileHeaderLength + 4]byte
	if _, err := io.ReadFull(s, file[:]); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint32(file[fileHeaderLength:])
	b := make([]byte, max(n, v5Header)) // zero beyond the header, as its absent fields mean
	copy(b, file[fileHeaderLength:])
	if _, err := io.ReadFull(s, b[4:n]); err != nil {
		return nil, err
	}
	h := &info{end: fileHeaderLength + int64(n), colourLength: 4}
	h.pixels = int64(binary.LittleEndian.Uint32(file[10:]))
	if err := h.fields(s, b, n); err != nil {
		return nil, err
	}
	if err := h.readMasks(s, b, n); err != nil {
		return nil, err
	}
	if h.bits <= 8 && h.bits > 0 && (h.colours == 0 || h.colours > 1<<h.bits) {
		h.colours = 1 << h.bits
	}
	if h.bits > 8 || h.bits == 0 {
		h.colours = 0 // a hint for displays of few colours
	}
	switch table := int64(h.colours * h.colourLength); {
	case h.pixels == 0:
		h.pixels = h.end + table
	case h.pixels < h.end:
		return nil, s.Corrupt(10, "pixels at byte %d, within the headers", h.pixels)
	case h.pixels < h.end+table: // a shorter table
		h.colours = int(h.pixels-h.end) / h.colourLength
	}
	return h, nil
}

// fields reads the fields of a bitmap header of n bytes.
func (h *info) fields(s *codec.Stream, b []byte, n uint32) error {
	u16 := func(i int) int { return int(binary.LittleEndian.Uint16(b[i:])) }
	u32 := func(i int) uint32 { return binary.LittleEndian.Uint32(b[i:]) }
	if n == coreHeader {
		h.width, h.height, h.bits, h.colourLength = u16(4), u16(6), u16(10), 3
		return h.supported(s)
	}
	h.width, h.height, h.bits = int(int32(u32(4))), int(int32(u32(8))), u16(14)
	if h.height < 0 {
		h.height, h.topDown = -h.height, true
	}
	h.compression, h.imageSize, h.colours = compression(u32(16)), u32(20), int(min(u32(32), 1<<16))
	if n < infoHeader || n == os2Header || n < v2Header && n > infoHeader {
		switch {
		case h.compression == 3 && h.bits == 1:
			return fmt.Errorf("%w: a BMP of OS/2 with Huffman coding", codec.ErrUnsupported)
		case h.compression == 4 && h.bits == 24:
			h.compression = rle24
			return h.supported(s)
		}
	}
	if h.compression > alphaBitFields {
		return fmt.Errorf("%w: a BMP with compression %d", codec.ErrUnsupported, h.compression)
	}
	const embedded = 'M'<<24 | 'B'<<16 | 'E'<<8 | 'D'
	if size := int64(u32(116)); n >= v5Header && u32(56) == embedded && size <= codec.MaxProfile {
		at := fileHeaderLength + int64(u32(112))
		h.profile = span{at, at + size}
	}
	return h.supported(s)
}

// supported checks that size, depth and compression go together.
func (h *info) supported(s *codec.Stream) error {
	if h.width <= 0 || h.height <= 0 {
		return s.Corrupt(18, "a size of %d×%d", h.width, h.height)
	}
	if h.compression == jpegFile || h.compression == pngFile {
		return nil
	}
	depths := map[compression][]int{
		plain: {1, 2, 4, 8, 16, 24, 32}, rle8: {8}, rle4: {4}, rle24: {24},
		bitFields: {16, 32}, alphaBitFields: {16, 32},
	}[h.compression]
	for _, d := range depths {
		if d == h.bits {
			return nil
		}
	}
	if h.compression == plain && h.bits == 64 {
		return fmt.Errorf("%w: a BMP of 64 bits per pixel", codec.ErrUnsupported)
	}
	return s.Corrupt(28, "bit count %d with compression %d", h.bits, h.compression)
}

// runs reports whether the pixels are run lengths.
func (h *info) runs() bool {
	return h.compression == rle4 || h.compression == rle8 || h.compression == rle24
}

// readMasks finds the masks of the samples of 16 and 32 bits: in the header or behind it.
func (h *info) readMasks(s *codec.Stream, b []byte, n uint32) error {
	if h.bits != 16 && h.bits != 32 || h.runs() {
		return nil
	}
	at := 40
	masks := 0
	switch {
	case h.compression == plain && h.bits == 16:
		h.masks = [4]uint32{0x7c00, 0x3e0, 0x1f, 0}
	case h.compression == plain:
		h.masks = [4]uint32{0xff0000, 0xff00, 0xff, 0}
	case h.compression == alphaBitFields:
		masks = 4
	case h.compression == bitFields:
		masks = 3
	}
	if masks > 0 && n < v2Header { // behind the header
		b, at = make([]byte, 4*masks), 0
		if _, err := io.ReadFull(s, b); err != nil {
			return err
		}
		h.end += int64(len(b))
	} else if mask := binary.LittleEndian.Uint32(b[at+12:]); n >= v3Header && n != os2Header {
		switch {
		case h.compression != plain:
			h.masks[3] = mask
		case h.bits == 32 && n >= v4Header && mask != 0:
			h.masks[3] = 0xff000000 // as Chromium has it, whatever the mask
		}
	}
	for i := range masks {
		h.masks[i] = binary.LittleEndian.Uint32(b[at+4*i:])
	}
	return h.checkMasks(s)
}

// checkMasks refuses masks of scattered bits.
func (h *info) checkMasks(s *codec.Stream) error {
	for i, m := range h.masks {
		if h.bits == 16 {
			m &= 0xffff
			h.masks[i] = m
		}
		if m >>= bits.TrailingZeros32(m); m&(m+1) != 0 {
			return s.Corrupt(54, "masks %08x", h.masks)
		}
	}
	return nil
}
