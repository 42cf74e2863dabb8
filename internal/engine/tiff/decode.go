package tiff

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"

	"golang.org/x/image/tiff"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/exif"
)

// open needs the whole file: its directories may be anywhere in it (TIFF 6.0, section 2).
func open(b []byte, s *codec.Stream, _ codec.OpenOptions) (codec.Decoder, error) {
	cfg, err := tiff.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return nil, classify(err)
	}
	h := codec.Header{Format: s.Format(), Width: cfg.Width, Height: cfg.Height, Frames: 1, Orientation: 1}
	h.Layout = codec.LayoutOf(cfg.ColorModel, h.Width, h.Height)
	info, _ := exif.Parse(b) // a TIFF's first directory is laid out as an EXIF block's
	if info.Orientation.Valid() {
		h.Orientation = info.Orientation
	}
	h.Frames, h.Layout.Space.ICC = walk(b)
	return codec.NewStill(h, s, 8*int64(h.Width)*int64(h.Height)+int64(len(b)), func() (image.Image, error) {
		img, err := tiff.Decode(bytes.NewReader(b))
		return img, classify(err)
	}), nil
}

// classify gives an error of the library the kind that callers branch on.
func classify(err error) error {
	var u tiff.UnsupportedError
	if errors.As(err, &u) {
		return fmt.Errorf("%w: TIFF with %s", codec.ErrUnsupported, string(u))
	}
	return err
}

// maxDirectories ends the walk of a file whose directories form a ring.
const maxDirectories = 1 << 16

// walk counts the directories and returns the first one's profile (tag 34675, ICC.1 annex B.4).
func walk(b []byte) (frames int, icc []byte) {
	var order binary.ByteOrder = binary.LittleEndian
	if b[0] == 'M' {
		order = binary.BigEndian
	}
	u32 := func(i uint64) (uint64, bool) {
		if i+4 > uint64(len(b)) {
			return 0, false
		}
		return uint64(order.Uint32(b[i:])), true
	}
	dir, ok := u32(4)
	for ok && dir != 0 && dir+2 <= uint64(len(b)) && frames < maxDirectories {
		frames++
		n := uint64(order.Uint16(b[dir:]))
		for e := dir + 2; frames == 1 && e < dir+2+12*n && e+12 <= uint64(len(b)); e += 12 {
			if order.Uint16(b[e:]) != 34675 {
				continue
			}
			size, at := uint64(order.Uint32(b[e+4:])), uint64(order.Uint32(b[e+8:]))
			if size <= codec.MaxProfile && at+size <= uint64(len(b)) {
				icc = b[at : at+size]
			}
		}
		dir, ok = u32(dir + 2 + 12*n)
	}
	return max(frames, 1), icc
}
