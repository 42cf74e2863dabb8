package bmp

import (
	"context"
	"io"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// open reads the headers and the colour table. Where the layout depends on what comes behind them,
// it reads on within the limits: a profile lies behind the pixels, and run lengths may leave gaps.
func open(s *codec.Stream, o codec.OpenOptions) (codec.Decoder, error) {
	h, err := readHeader(s)
	if err != nil {
		return nil, err
	}
	table, err := readTable(s, h)
	if err != nil {
		return nil, err
	}
	if err := skip(s, h.pixels-h.end-int64(h.colours*h.colourLength)); err != nil {
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
	if h.runs() {
		r, err := readRuns(h, s, table)
		if err != nil {
			return nil, err
		}
		header.Layout = plane.NewLayout(model, r.gaps, h.width, h.height, 1, 1)
		return codec.NewRows(header, s, r.memory(), r.decode), nil
	}
	p := newPixels(h, s)
	header.Layout = plane.NewLayout(model, h.masks[3] != 0, h.width, h.height, 1, 1)
	if h.profile[1] > 0 {
		if err := p.hold(context.Background()); err != nil {
			return nil, err
		}
		if header.Layout.Space.ICC, err = p.profile(); err != nil {
			return nil, err
		}
	}
	return codec.NewRows(header, s, p.memory(), func(ctx context.Context, b *codec.Bands) error {
		return p.decode(ctx, b, table)
	}), nil
}

// limited reads as much as the header says that the picture has; 0 means all the rest.
func (h *info) limited(s *codec.Stream) io.Reader {
	if h.imageSize == 0 {
		return s
	}
	return io.LimitReader(s, int64(h.imageSize))
}

// readTable reads the colour table: red lowest, then green, blue and 255.
func readTable(s *codec.Stream, h *info) ([]uint32, error) {
	b := make([]byte, h.colours*h.colourLength)
	if _, err := io.ReadFull(s, b); err != nil {
		return nil, err
	}
	table := make([]uint32, h.colours)
	for i := range table {
		c := b[i*h.colourLength:]
		table[i] = uint32(c[2]) | uint32(c[1])<<8 | uint32(c[0])<<16 | 255<<24
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

// profile reads the profile behind the pixels, which were read. One that lies elsewhere or is not
// whole counts as absent.
func (p *pixels) profile() ([]byte, error) {
	gap := fileHeaderLength + int64(p.h.profile[0]) - p.h.pixels - int64(p.stride)*int64(p.h.height)
	if gap < 0 || p.h.profile[1] > codec.MaxProfile {
		return nil, nil
	}
	icc, err := []byte(nil), skip(p.s, gap)
	if err == nil {
		icc, err = io.ReadAll(io.LimitReader(p.s, int64(p.h.profile[1])))
	}
	if p.s.Err() != nil {
		return nil, p.s.Err()
	}
	if err != nil || len(icc) < int(p.h.profile[1]) {
		return nil, nil
	}
	return icc, nil
}

// skip discards n bytes.
func skip(s *codec.Stream, n int64) error {
	_, err := io.CopyN(io.Discard, s, n)
	return err
}
