package webp

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/draw"
	"iter"
	"math"

	"golang.org/x/image/webp"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// open walks the RIFF chunks (WebP Container Specification). Metadata follows the pixels.
func open(b []byte, s *codec.Stream, _ codec.OpenOptions) (codec.Decoder, error) {
	h := codec.Header{Format: s.Format(), Orientation: 1}
	first := b // the file with its first frame alone
	var icc []byte
	var at image.Point
	var lossy, alpha bool
	for i, c := range chunks(b) {
		data := c.data
		switch c.kind {
		case "VP8 ", "VP8L":
			h.Frames++
			lossy = c.kind == "VP8 "
			alpha = alpha || !lossy && len(data) > 4 && data[4]&0x10 != 0 // alpha_is_used
		case "VP8X":
			if i != 12 {
				return nil, s.Corrupt(int64(i), "a VP8X chunk that is not the first")
			}
			if len(data) < 10 {
				return nil, s.Corrupt(int64(i), "a VP8X chunk that is too short")
			}
			alpha = data[0]&0x10 != 0
			h.Width, h.Height = 1+uint24(data[4:]), 1+uint24(data[7:])
		case "ICCP":
			if len(data) <= codec.MaxProfile {
				icc = data
			}
		case "EXIF":
			h.SetEXIF(bytes.TrimPrefix(data, []byte("Exif\x00\x00")))
		case "ANMF":
			if h.Frames++; h.Frames == 1 {
				if len(data) < 16 {
					return nil, s.Corrupt(int64(i), "an animation frame that is too short")
				}
				at = image.Pt(2*uint24(data), 2*uint24(data[3:]))
				first = frameFile(data)
			}
		}
	}
	if h.Frames == 0 {
		return nil, s.Corrupt(int64(len(b)), "no picture in the file")
	}
	cfg, err := webp.DecodeConfig(bytes.NewReader(first))
	if err != nil {
		return nil, err
	}
	// cfg has the size that a VP8X chunk claims; what is decoded is that of the bit stream.
	if size := bitstreamSize(first); size != image.Pt(cfg.Width, cfg.Height) {
		return nil, s.Corrupt(0, "a picture of %v in a frame of %d×%d", size, cfg.Width, cfg.Height)
	}
	if h.Width == 0 {
		h.Width, h.Height = cfg.Width, cfg.Height
	}
	frame := image.Rect(at.X, at.Y, at.X+cfg.Width, at.Y+cfg.Height)
	if !frame.In(image.Rect(0, 0, h.Width, h.Height)) { // else the limits would not hold for what is decoded
		return nil, s.Corrupt(0, "a frame at %v on a canvas of %d×%d", frame, h.Width, h.Height)
	}
	return newDecoder(h, s, first, frame, lossy, alpha, icc)
}

// chunk is one chunk of a RIFF file; data ends with the file if that comes first.
type chunk struct {
	kind string
	data []byte
}

// chunks yields the chunks of a file with their offsets.
func chunks(file []byte) iter.Seq2[int, chunk] {
	return func(yield func(int, chunk) bool) {
		for i := 12; i+8 <= len(file); {
			n := int(min(binary.LittleEndian.Uint32(file[i+4:]), math.MaxInt32-64))
			if !yield(i, chunk{string(file[i : i+4]), file[i+8 : min(len(file), i+8+n)]}) {
				return
			}
			i += 8 + n + n&1
		}
	}
}

// bitstreamSize is the size that the first bit stream of a file says it has (RFC 6386 section 9.1;
// WebP Lossless Bitstream Specification, section 3), or zero.
func bitstreamSize(file []byte) image.Point {
	for _, c := range chunks(file) {
		switch {
		case c.kind == "VP8 " && len(c.data) >= 10:
			return image.Pt(int(binary.LittleEndian.Uint16(c.data[6:]))&0x3fff, int(binary.LittleEndian.Uint16(c.data[8:]))&0x3fff)
		case c.kind == "VP8L" && len(c.data) >= 5:
			bits := int(binary.LittleEndian.Uint32(c.data[1:]))
			return image.Pt(1+bits&0x3fff, 1+bits>>14&0x3fff)
		}
	}
	return image.Point{}
}

func uint24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

// frameFile makes a file of its own from the data of an ANMF chunk.
func frameFile(data []byte) []byte {
	w, h := data[6:9], data[9:12]
	body := append([]byte("WEBPVP8X\x0a\x00\x00\x00\x10\x00\x00\x00"), w...)
	body = append(append(body, h...), data[16:]...)
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body))), body...)
}

// newDecoder returns a decoder of file, whose picture lies at frame on the canvas of h.
func newDecoder(h codec.Header, s *codec.Stream, file []byte, frame image.Rectangle, lossy, alpha bool, icc []byte) (codec.Decoder, error) {
	canvas := image.Rect(0, 0, h.Width, h.Height)
	if frame == canvas && lossy && !alpha {
		h.Layout = plane.NewLayout(plane.YCbCr, false, h.Width, h.Height, 2, 2)
	} else {
		h.Layout = plane.NewLayout(plane.RGB, alpha || frame != canvas, h.Width, h.Height, 1, 1)
	}
	h.Layout.Space.ICC = icc
	return codec.NewStill(h, s, 4*int64(h.Width)*int64(h.Height)+int64(len(file)), func() (image.Image, error) {
		img, err := webp.Decode(bytes.NewReader(file))
		if err != nil {
			return nil, err
		}
		switch m := img.(type) {
		case *image.YCbCr:
			fullRange(m)
		case *image.NYCbCrA:
			fullRange(&m.YCbCr)
		}
		if img.Bounds().Size() != frame.Size() {
			return nil, s.Corrupt(0, "a picture of %v in a frame of %v", img.Bounds().Size(), frame.Size())
		}
		if y, ok := img.(*image.YCbCr); ok && h.Layout.Model == plane.YCbCr {
			return y, nil
		}
		if frame == canvas {
			return img, nil
		}
		out := image.NewNRGBA(canvas)
		draw.Draw(out, frame, img, image.Point{}, draw.Src)
		return out, nil
	}), nil
}

// fullRange stretches VP8's samples to the range that JFIF and Go's image.YCbCr use. WebP's are
// BT.601 studio swing, luma 16 to 235 and chroma 16 to 240 (RFC 6386 section 9.2; the library hands
// them over as stored).
func fullRange(m *image.YCbCr) {
	var luma, chroma [256]byte
	for i := range 256 {
		luma[i] = uint8(min(255, max(0, (255*(i-16)+109)/219)))
		chroma[i] = uint8(min(255, max(0, 128+roundDiv(255*(i-128), 224))))
	}
	apply := func(pix []byte, table *[256]byte) {
		for i, v := range pix {
			pix[i] = table[v]
		}
	}
	apply(m.Y, &luma)
	apply(m.Cb, &chroma)
	apply(m.Cr, &chroma)
}

// roundDiv divides by a positive n, rounding halves away from zero.
func roundDiv(a, n int) int {
	if a < 0 {
		return -((-a + n/2) / n)
	}
	return (a + n/2) / n
}
