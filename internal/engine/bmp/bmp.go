// Package bmp reads Windows bitmaps (BITMAPINFOHEADER and its successors) by
// golang.org/x/image/bmp, which knows no compression. It never writes.
package bmp

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"io"

	"golang.org/x/image/bmp"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// Format describes BMP files.
var Format = &codec.Format{
	Name: "bmp", Title: "BMP",
	Extensions: []string{".bmp"},
	MediaType:  "image/bmp",
	Abilities:  codec.Abilities{Lossless: true, Alpha: true, Bits: 8},
	Uploaded:   true,
	Detect:     detect,
	Open:       open,
}

// headerSizes are the lengths of the DIB headers in use. The two letters "BM" alone would match any
// text that starts so.
var headerSizes = map[byte]bool{12: true, 40: true, 52: true, 56: true, 64: true, 108: true, 124: true}

func detect(head []byte) bool {
	return len(head) >= 18 && string(head[:2]) == "BM" && headerSizes[head[14]] && head[15]|head[16]|head[17] == 0
}

func open(s *codec.Stream, _ codec.OpenOptions) (codec.Decoder, error) {
	var seen bytes.Buffer
	cfg, err := bmp.DecodeConfig(io.TeeReader(s, &seen))
	if err != nil {
		if errors.Is(err, bmp.ErrUnsupported) {
			return nil, fmt.Errorf("%w: this kind of BMP (run-length or bit-field compression)", codec.ErrUnsupported)
		}
		return nil, err
	}
	h := codec.Header{Format: s.Format(), Width: cfg.Width, Height: cfg.Height, Frames: 1, Orientation: 1}
	h.Layout = codec.LayoutOf(cfg.ColorModel, h.Width, h.Height)
	return codec.NewStill(h, s, 4*int64(h.Width)*int64(h.Height), func() (image.Image, error) { return bmp.Decode(io.MultiReader(&seen, s)) }), nil
}
