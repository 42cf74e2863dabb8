package pnm

import (
	"context"
	"io"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

func open(s *codec.Stream, _ codec.OpenOptions) (codec.Decoder, error) {
	h, err := readHeader(s)
	if err != nil {
		return nil, err
	}
	header := codec.Header{Format: s.Format(), Width: h.width, Height: h.height, Frames: 1, Orientation: 1}
	header.Layout = h.layout()
	return codec.NewRows(header, s, h.rowLength()+1<<16, func(_ context.Context, b *codec.Bands) error {
		read := h.reader(s)
		for range h.height {
			if err := read(b.Next()); err != nil {
				return err
			}
			if err := b.Push(); err != nil {
				return err
			}
		}
		return nil
	}), nil
}

// rowLength is how many bytes a binary row has.
func (h *info) rowLength() int64 {
	n := int64(h.width) * int64(h.depth)
	switch {
	case h.bits:
		return (n + 7) / 8
	case h.max > 255:
		return 2 * n
	}
	return n
}

// reader returns the function that reads a row into the rows of the planes.
func (h *info) reader(s *codec.Stream) func(dst [][]byte) error {
	switch {
	case h.text && h.bits:
		return func(dst [][]byte) error { return readTextBits(s, dst[0]) }
	case h.text:
		return h.textReader(s)
	}
	b := make([]byte, h.rowLength())
	split := h.splitter()
	return func(dst [][]byte) error {
		if _, err := io.ReadFull(s, b); err != nil {
			return err
		}
		split(dst, b)
		return nil
	}
}

// readTextBits reads a row of the digits 0 for white and 1 for black.
func readTextBits(s *codec.Stream, dst []byte) error {
	t := tokens{s}
	for x := range dst {
		c, err := t.start()
		if err != nil {
			return err
		}
		if c != '0' && c != '1' {
			return s.Corrupt(0, "%q among the pixels", c)
		}
		dst[x] = c - '1' // 255 for 0
	}
	return nil
}

// textReader returns the function that reads a row of numbers.
func (h *info) textReader(s *codec.Stream) func(dst [][]byte) error {
	t := tokens{s}
	scale := h.scale()
	return func(dst [][]byte) error {
		for x := range h.width {
			for _, d := range dst {
				n, err := t.number()
				if err != nil {
					return err
				}
				d[x] = scale[min(n, h.max)]
			}
		}
		return nil
	}
}

// scale returns the 8-bit sample of each stored one.
func (h *info) scale() []byte {
	scale := make([]byte, h.max+1)
	for v := range scale {
		if h.max == 65535 {
			scale[v] = byte(v >> 8)
		} else {
			scale[v] = byte((2*255*v + h.max) / (2 * h.max))
		}
	}
	return scale
}

// splitter returns the function that writes a binary row to the rows of the planes.
func (h *info) splitter() func(dst [][]byte, row []byte) {
	if h.bits {
		return func(dst [][]byte, row []byte) {
			for x := range dst[0] {
				dst[0][x] = row[x/8]>>(7-x%8)&1 - 1
			}
		}
	}
	table := h.scale()
	depth := h.depth
	if h.max <= 255 {
		var scale [256]byte // samples above the largest count as that
		for v := range scale {
			scale[v] = table[min(v, h.max)]
		}
		return func(dst [][]byte, row []byte) {
			for i, d := range dst {
				at := i
				for x := range d {
					d[x] = scale[row[at]]
					at += depth
				}
			}
		}
	}
	return func(dst [][]byte, row []byte) {
		for i, d := range dst {
			for x := range d {
				at := 2 * (x*depth + i)
				d[x] = table[min(int(row[at])<<8|int(row[at+1]), h.max)]
			}
		}
	}
}
