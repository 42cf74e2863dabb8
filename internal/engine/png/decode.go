package png

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"image"
	"image/png"
	"io"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// open reads the chunks before the first IDAT and leaves the rest in the stream: everything that
// describes the pixels comes before them (specification, third edition, 5.6).
func open(s *codec.Stream, _ codec.OpenOptions) (codec.Decoder, error) {
	var seen bytes.Buffer // what was read ahead, for image/png
	r := io.TeeReader(s, &seen)
	if _, err := io.CopyN(io.Discard, r, 8); err != nil {
		return nil, err
	}
	h := codec.Header{Format: s.Format(), Frames: 1, Orientation: 1}
	var colour, depth byte
	var alpha bool
	var icc []byte
	for first := true; ; first = false {
		head, err := s.Peek(8)
		if err != nil {
			return nil, err
		}
		n, kind := int64(binary.BigEndian.Uint32(head)), string(head[4:])
		if n > 1<<31-1 {
			return nil, s.Corrupt(int64(seen.Len()), "a chunk of %d bytes", n)
		}
		if first != (kind == "IHDR") {
			return nil, s.Corrupt(int64(seen.Len()), "chunk %q where IHDR belongs", kind)
		}
		if kind == "IDAT" || kind == "IEND" {
			break
		}
		var data []byte
		if data, err = readChunk(r, n); err != nil {
			return nil, err
		}
		switch kind {
		case "IHDR":
			if n != 13 {
				return nil, s.Corrupt(8, "IHDR of %d bytes", n)
			}
			h.Width, h.Height = int(binary.BigEndian.Uint32(data)), int(binary.BigEndian.Uint32(data[4:]))
			depth, colour = data[8], data[9]
		case "tRNS":
			alpha = true
		case "iCCP":
			if icc == nil {
				icc = inflateProfile(data)
			}
		case "eXIf":
			h.SetEXIF(data)
		case "acTL":
			if len(data) >= 4 {
				h.Frames = int(binary.BigEndian.Uint32(data))
			}
		}
	}
	model := plane.RGB
	if colour == 0 || colour == 4 {
		model = plane.Gray
	}
	h.Layout = plane.NewLayout(model, alpha || colour == 4 || colour == 6, h.Width, h.Height, 1, 1)
	h.Layout.Space.ICC = icc
	memory := 4 * int64(h.Width) * int64(h.Height)
	if depth == 16 {
		memory *= 2
	}
	return codec.NewStill(h, s, memory, func() (image.Image, error) { return png.Decode(io.MultiReader(&seen, s)) }), nil
}

// maxAncillary bounds a chunk before IDAT, which is held in memory; the largest real ones carry
// profiles.
const maxAncillary = 16 << 20

// readChunk reads a chunk of n data bytes with its length, type and checksum, and returns the data.
func readChunk(r io.Reader, n int64) ([]byte, error) {
	if n > maxAncillary {
		return nil, fmt.Errorf("%w: a PNG chunk of %d bytes before the pixels", codec.ErrLimit, n)
	}
	var b bytes.Buffer
	if _, err := io.CopyN(&b, r, n+12); err != nil {
		return nil, err
	}
	return b.Bytes()[8 : 8+n], nil
}

// inflateProfile decompresses the profile of an iCCP chunk. A broken one counts as absent, as in
// libpng.
func inflateProfile(data []byte) []byte {
	name := bytes.IndexByte(data, 0)
	if name < 0 || len(data) < name+2 || data[name+1] != 0 {
		return nil
	}
	z, err := zlib.NewReader(bytes.NewReader(data[name+2:]))
	if err != nil {
		return nil
	}
	icc, err := io.ReadAll(io.LimitReader(z, codec.MaxProfile+1))
	if err != nil || len(icc) > codec.MaxProfile {
		return nil
	}
	return icc
}
