package bmp

import (
	"bytes"
	"context"
	"io"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// open reads the headers and the colour table, and on to the profile: it lies behind the pixels, as a
// rule.
func open(s *codec.Stream, o codec.OpenOptions) (codec.Decoder, error) {
	h, err := readHeader(s)
	if err != nil {
		return nil, err
	}
	table, err := readTable(s, h)
	if err != nil {
		return nil, err
	}
	icc, err := h.skipToPixels(s)
	if err != nil {
		return nil, err
	}
	switch h.compression {
	case jpegFile:
		return codec.OpenInner(h.limited(s), s, o, "jpeg")
	case pngFile:
		return codec.OpenInner(h.limited(s), s, o, "png")
	}
	header := codec.Header{Format: s.Format(), Width: h.width, Height: h.height, Frames: 1, Orientation: 1}
	if err := o.Limits.Check(header); err != nil {
		return nil, err
	}
	model := plane.RGB
	if h.bits <= 8 && isGray(table) {
		model = plane.Gray
	}
	header.Layout = plane.NewLayout(model, h.masks[3] != 0, h.width, h.height, 1, 1)
	header.Layout.Space.ICC = icc
	if h.runs() {
		r, err := readRuns(h, s, table)
		if err != nil {
			return nil, err
		}
		if h.profileBehind() {
			rest := io.MultiReader(bytes.NewReader(r.data[r.i:]), s)
			header.Layout.Space.ICC = h.readProfile(rest, h.pixels+int64(r.i))
		}
		return codec.NewRows(header, s, r.memory(), r.decode), s.Err()
	}
	p := newPixels(h, s)
	if h.profileBehind() {
		if err := p.hold(context.Background()); err != nil {
			return nil, err
		}
		header.Layout.Space.ICC = h.readProfile(s, h.pixels+int64(p.stride)*int64(h.height))
	}
	return codec.NewRows(header, s, p.memory(), func(ctx context.Context, b *codec.Bands) error {
		return p.decode(ctx, b, table)
	}), s.Err()
}

// limited reads as much as the header says that the picture has; 0 means all the rest.
func (h *info) limited(s *codec.Stream) io.Reader {
	if h.imageSize == 0 {
		return s
	}
	return io.LimitReader(s, int64(h.imageSize))
}

// readTable reads the colour table: red lowest, then green and blue.
func readTable(s *codec.Stream, h *info) ([]uint32, error) {
	b := make([]byte, h.colours*h.colourLength)
	if _, err := io.ReadFull(s, b); err != nil {
		return nil, err
	}
	table := make([]uint32, h.colours)
	for i := range table {
		c := b[i*h.colourLength:]
		table[i] = uint32(c[2]) | uint32(c[1])<<8 | uint32(c[0])<<16
	}
	return table, nil
}

// isGray reports whether all colours of a table are gray.
func isGray(table []uint32) bool {
	for _, c := range table {
		if r, g, b := byte(c), byte(c>>8), byte(c>>16); r != g || g != b {
			return false
		}
	}
	return true
}

// skipToPixels skips what lies between the colour table and the pixels, and returns the profile if it
// is there.
func (h *info) skipToPixels(s *codec.Stream) (icc []byte, err error) {
	at := h.end + int64(h.colours*h.colourLength)
	if h.profile.at >= at && h.profile.end <= h.pixels {
		icc = h.readProfile(s, at)
		at = h.profile.end
	}
	_, err = io.CopyN(io.Discard, s, h.pixels-at)
	return icc, err
}

// profileBehind reports whether a profile lies behind the first pixel.
func (h *info) profileBehind() bool { return h.profile.at > h.pixels && h.profile.end > h.profile.at }

// readProfile reads the profile from the file, of which r yields the bytes from an offset on. A profile
// that lies before it or is not whole counts as absent.
func (h *info) readProfile(r io.Reader, from int64) []byte {
	if h.profile.at < from {
		return nil
	}
	if _, err := io.CopyN(io.Discard, r, h.profile.at-from); err != nil {
		return nil
	}
	size := h.profile.end - h.profile.at
	icc, err := io.ReadAll(io.LimitReader(r, size))
	if err != nil || int64(len(icc)) < size {
		return nil
	}
	return icc
}
