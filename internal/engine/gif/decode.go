package gif

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/draw"
	"image/gif"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// open walks the blocks of the file (GIF89a specification, appendix A) to count its frames without
// decoding one.
func open(b []byte, s *codec.Stream, _ codec.OpenOptions) (codec.Decoder, error) {
	w, err := walk(b, s)
	if err != nil {
		return nil, err
	}
	h := codec.Header{Format: s.Format(), Width: w.screen.X, Height: w.screen.Y, Frames: w.frames, Orientation: 1}
	canvas := image.Rect(0, 0, h.Width, h.Height)
	alpha := w.transparent || !canvas.In(w.first)
	h.Layout = plane.NewLayout(plane.RGB, alpha, h.Width, h.Height, 1, 1)
	return codec.NewStill(h, s, 5*int64(h.Width)*int64(h.Height)+int64(len(b)), func() (image.Image, error) {
		img, err := gif.Decode(bytes.NewReader(b))
		if err != nil || img.Bounds() == canvas {
			return img, err
		}
		out := image.NewNRGBA(canvas)
		draw.Draw(out, img.Bounds(), img, img.Bounds().Min, draw.Src)
		return out, nil
	}), nil
}

// blocks is what the block headers declare.
type blocks struct {
	screen      image.Point
	first       image.Rectangle // of the first frame, on the screen
	frames      int
	transparent bool // the first frame has a transparent colour
}

// walk reads block headers only. A file that ends early is walked as far as it goes: browsers show
// the frames that it has.
func walk(b []byte, s *codec.Stream) (blocks, error) {
	var w blocks
	if len(b) < 13 {
		return w, s.Corrupt(int64(len(b)), "the file ends within its header")
	}
	w.screen = image.Pt(int(binary.LittleEndian.Uint16(b[6:])), int(binary.LittleEndian.Uint16(b[8:])))
	i := 13 + tableSize(b[10])
	for i < len(b) && b[i] != 0x3b {
		switch b[i] {
		case 0x21:
			if i+4 < len(b) && b[i+1] == 0xf9 && b[i+2] == 4 && w.frames == 0 {
				w.transparent = b[i+3]&1 != 0
			}
			i = skipSubBlocks(b, i+2)
		case 0x2c:
			if i+10 > len(b) {
				i = len(b)
				break
			}
			if w.frames == 0 {
				le := func(k int) int { return int(binary.LittleEndian.Uint16(b[i+k:])) }
				w.first = image.Rect(le(1), le(3), le(1)+le(5), le(3)+le(7))
			}
			w.frames++
			i = skipSubBlocks(b, i+10+tableSize(b[i+9])+1)
		default:
			if w.frames > 0 { // garbage behind the first frame
				i = len(b)
				break
			}
			return w, s.Corrupt(int64(i), "unknown block 0x%02x", b[i])
		}
	}
	if w.frames == 0 {
		return w, s.Corrupt(int64(len(b)), "no picture in the file")
	}
	if w.screen.X == 0 || w.screen.Y == 0 { // written by some tools; browsers take the first frame's
		w.screen = w.first.Max
	}
	return w, nil
}

// tableSize returns the length in bytes of the colour table that a flags byte announces.
func tableSize(flags byte) int {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 << (flags&7 + 1)
}

// skipSubBlocks returns the offset behind a chain of data sub-blocks.
func skipSubBlocks(b []byte, i int) int {
	for i < len(b) && b[i] != 0 {
		i += 1 + int(b[i])
	}
	return i + 1
}
