package codec

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"image"
	"image/png"
	"io"

	"github.com/imgmill/imgmill/internal/engine/exif"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// maxProfile bounds an ICC profile after decompression; real ones are below 4 MB.
const maxProfile = 8 << 20

// openPNG reads the chunks before the first IDAT (PNG specification, third edition, 5.6: what describes the pixels comes
// before them) and leaves the rest in the stream.
func openPNG(buf *bufio.Reader, src *source) (Decoder, error) {
	var seen bytes.Buffer // what was read ahead and the decoder still wants
	r := io.TeeReader(buf, &seen)
	if _, err := io.CopyN(io.Discard, r, 8); err != nil {
		return nil, err
	}
	h := Header{Format: PNG, Frames: 1, Orientation: 1}
	var colour byte
	var alpha bool
	for first := true; ; first = false {
		head, err := buf.Peek(8)
		if err != nil {
			return nil, err
		}
		n, kind := int64(binary.BigEndian.Uint32(head)), string(head[4:])
		if n > 1<<31-1 {
			return nil, &CorruptError{PNG, int64(seen.Len()), fmt.Sprintf("a chunk of %d bytes", n)}
		}
		if first != (kind == "IHDR") {
			return nil, &CorruptError{PNG, int64(seen.Len()), fmt.Sprintf("chunk %q where IHDR belongs", kind)}
		}
		if kind == "IDAT" || kind == "IEND" {
			break
		}
		var data []byte
		if data, err = pngChunk(r, n); err != nil {
			return nil, err
		}
		switch kind {
		case "IHDR":
			if n != 13 {
				return nil, &CorruptError{PNG, 8, fmt.Sprintf("IHDR of %d bytes", n)}
			}
			h.Width, h.Height = int(binary.BigEndian.Uint32(data)), int(binary.BigEndian.Uint32(data[4:]))
			colour = data[9]
		case "tRNS":
			alpha = true
		case "iCCP":
			if h.ICC == nil {
				h.ICC = inflateProfile(data)
			}
		case "eXIf":
			h.setEXIF(data)
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
	return &still{h, src, func() (image.Image, error) { return png.Decode(io.MultiReader(&seen, buf)) }}, nil
}

// maxAncillary bounds what is held of a chunk before IDAT; the largest real ones carry profiles.
const maxAncillary = 16 << 20

// pngChunk reads a chunk of n data bytes with its length, type and checksum, and gives the data.
func pngChunk(r io.Reader, n int64) ([]byte, error) {
	if n > maxAncillary {
		return nil, fmt.Errorf("%w: a PNG chunk of %d bytes before the pixels", ErrLimit, n)
	}
	var b bytes.Buffer
	if _, err := io.CopyN(&b, r, n+12); err != nil {
		return nil, err
	}
	return b.Bytes()[8 : 8+n], nil
}

// inflateProfile unpacks an iCCP chunk; a broken one is as good as none, as in libpng.
func inflateProfile(data []byte) []byte {
	name := bytes.IndexByte(data, 0)
	if name < 0 || len(data) < name+2 || data[name+1] != 0 {
		return nil
	}
	z, err := zlib.NewReader(bytes.NewReader(data[name+2:]))
	if err != nil {
		return nil
	}
	icc, err := io.ReadAll(io.LimitReader(z, maxProfile+1))
	if err != nil || len(icc) > maxProfile {
		return nil
	}
	return icc
}

// setEXIF stores an EXIF block and what it says of the orientation. A broken block does not make a picture bad.
func (h *Header) setEXIF(tiff []byte) {
	h.EXIF = tiff
	info, _ := exif.Parse(tiff) // gives what could be read beside the error
	if info.Orientation.Valid() {
		h.Orientation = info.Orientation
	}
}
