package webp

import (
	"context"
	"image"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/webp/vp8"
	"github.com/imgmill/imgmill/internal/engine/webp/vp8l"
)

// RGBA decodes a file of at most w×h pixels that lies within a file of another format, its first frame if
// there are several. emit consumes rows of red, green, blue and alpha, which is nil for a picture without
// it; a row is valid until emit returns. Damage is a codec.CorruptError, with an offset in this file.
func RGBA(ctx context.Context, file []byte, w, h int, emit func(y int, rows [4][]byte) error) error {
	if !Format.Detect(file) {
		return codec.CorruptAt(Format, 0, "no WebP")
	}
	c, err := readContainer(file, Format, 1)
	if err != nil {
		return err
	}
	p := &c.frames[0].picture
	width, height, _, err := p.header(Format)
	if err != nil {
		return err
	}
	if width > w || height > h {
		return codec.CorruptAt(Format, p.base, "a picture of %v, want at most %v", image.Pt(width, height), image.Pt(w, h))
	}
	return p.rgba(ctx, Format, 1, emit)
}

// RGBAMemory is how many bytes RGBA holds beside the file.
func RGBAMemory(w, h int) int64 {
	return vp8.Memory(w, 1) + vp8l.Memory(w, h, 1) + 10*int64(w)
}
