package codec

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"image"
	"io"

	"golang.org/x/image/bmp"
)

func openBMP(buf *bufio.Reader, src *source) (Decoder, error) {
	var seen bytes.Buffer
	cfg, err := bmp.DecodeConfig(io.TeeReader(buf, &seen))
	if err != nil {
		if errors.Is(err, bmp.ErrUnsupported) {
			return nil, fmt.Errorf("%w: this kind of BMP (run-length or bit-field compression)", ErrUnsupported)
		}
		return nil, err
	}
	h := Header{Format: BMP, Width: cfg.Width, Height: cfg.Height, Frames: 1, Orientation: 1}
	h.Layout = layoutOf(cfg.ColorModel, h.Width, h.Height)
	return &still{h, src, func() (image.Image, error) { return bmp.Decode(io.MultiReader(&seen, buf)) }}, nil
}
