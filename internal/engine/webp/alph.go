package webp

import (
	"context"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/webp/vp8l"
)

// Filters of the alpha plane (WebP Container Specification, "Alpha").
const (
	alphaUnfiltered = iota
	alphaHorizontal
	alphaVertical
	alphaGradient
)

// alphaReader reads an ALPH chunk, a number of rows at a time.
type alphaReader struct {
	width, height int
	filter        int
	raw           []byte        // what is left of an uncompressed plane, or
	coded         *vp8l.Picture // a compressed one
	above         []byte        // the last row, or nil
}

// alphaReader returns a reader of the picture's w×h alpha plane.
func (p *picture) alphaReader(ctx context.Context, w, h int, f *codec.Format) (*alphaReader, error) {
	data, base := p.alph, p.alphBase
	if len(data) == 0 {
		return nil, codec.CorruptAt(f, base, "an empty ALPH chunk")
	}
	a := &alphaReader{width: w, height: h, filter: int(data[0] >> 2 & 3)}
	method := data[0] & 3
	switch data = data[1:]; method {
	case 0:
		if len(data) < w*h {
			return nil, codec.CorruptAt(f, base+1+int64(len(data)), "the alpha plane is truncated")
		}
		a.raw = data
	case 1:
		var err error
		if a.coded, err = vp8l.NewReader(data, base+1, f).ReadPicture(ctx, w, h); err != nil {
			return nil, err
		}
	default:
		return nil, codec.CorruptAt(f, base, "an alpha plane compressed by the unknown method %d", method)
	}
	return a, nil
}

// alphaMemory is at most how many bytes reading the w×h plane in data takes.
func alphaMemory(data []byte, w, h int) int64 {
	if len(data) > 0 && data[0]&3 == 1 {
		return vp8l.Memory(w, h, 1)
	}
	return 0
}

// advance decodes the rows before row end that were not yet decoded into dst, one after another,
// stride bytes apart. done is the number of rows decoded before.
func (a *alphaReader) advance(ctx context.Context, done, end int, dst []byte, stride int) error {
	if a.coded == nil {
		for y := done; y < end; y++ {
			row := dst[(y-done)*stride:][:a.width]
			copy(row, a.raw)
			a.raw = a.raw[a.width:]
			a.unfilter(row)
		}
		return nil
	}
	return a.coded.Advance(ctx, end, func(y int, argb []uint32) error {
		row := dst[(y-done)*stride:][:a.width]
		for x := range row {
			row[x] = uint8(argb[x] >> 8)
		}
		a.unfilter(row)
		return nil
	})
}

// unfilter adds the predictions of a row.
func (a *alphaReader) unfilter(row []byte) {
	if a.filter == alphaUnfiltered {
		return
	}
	switch {
	case a.above == nil:
		a.above = make([]byte, len(row))
		addLeft(row, 0)
	case a.filter == alphaHorizontal:
		addLeft(row, a.above[0])
	case a.filter == alphaVertical:
		for x, up := range a.above[:len(row)] {
			row[x] += up
		}
	default:
		left, corner := int32(a.above[0]), int32(a.above[0])
		for x, v := range row {
			up := int32(a.above[x])
			left = int32(v + gradient(left, up, corner))
			row[x] = uint8(left)
			corner = up
		}
	}
	copy(a.above, row)
}

// addLeft adds to each sample the one before it.
func addLeft(row []byte, left byte) {
	for x, v := range row {
		left += v
		row[x] = left
	}
}

// gradient is the prediction from the samples to the left, above, and above to the left.
func gradient(left, up, corner int32) uint8 { return uint8(min(255, max(0, left+up-corner))) }
