package codec

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/jpeg"
	"io"

	"github.com/imgmill/imgmill/internal/plane"
)

// openJPEG reads the segments before the first scan (ITU-T T.81, B.2).
func openJPEG(buf *bufio.Reader, src *source) (Decoder, error) {
	var seen bytes.Buffer
	r := bufio.NewReader(io.TeeReader(buf, &seen))
	h := Header{Format: JPEG, Frames: 1, Orientation: 1}
	if _, err := r.Discard(2); err != nil {
		return nil, err
	}
	for {
		var head [4]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return nil, err
		}
		marker, n := head[1], int(binary.BigEndian.Uint16(head[2:]))-2
		if head[0] != 0xff || n < 0 {
			return nil, &CorruptError{JPEG, src.n, "a segment without a marker"}
		}
		data := make([]byte, n)
		if _, err := io.ReadFull(r, data); err != nil {
			return nil, err
		}
		switch {
		case marker == 0xe1 && bytes.HasPrefix(data, []byte("Exif\x00\x00")):
			h.setEXIF(data[6:])
		case marker == 0xe2 && bytes.HasPrefix(data, []byte("ICC_PROFILE\x00")) && n > 14:
			h.ICC = append(h.ICC, data[14:]...)
		case marker == 0xc0, marker == 0xc1, marker == 0xc2:
			if n < 6 || n < 6+3*int(data[5]) {
				return nil, &CorruptError{JPEG, src.n, "a short frame header"}
			}
			h.Height, h.Width = int(binary.BigEndian.Uint16(data[1:])), int(binary.BigEndian.Uint16(data[3:]))
			switch data[5] {
			case 1:
				h.Layout = plane.NewLayout(plane.Gray, false, h.Width, h.Height, 1, 1)
			case 3:
				h.Layout = plane.NewLayout(plane.YCbCr, false, h.Width, h.Height, int(data[7]>>4), int(data[7]&15))
			default:
				h.Layout = plane.NewLayout(plane.CMYK, false, h.Width, h.Height, 1, 1)
			}
		case marker == 0xda:
			rest := io.MultiReader(&seen, buf)
			return &still{h, src, func() (image.Image, error) { return jpeg.Decode(rest) }}, nil
		case marker >= 0xc3 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc:
			return nil, fmt.Errorf("%w: JPEG process %x", ErrUnsupported, marker)
		}
	}
}
