package webp

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// file is what surrounds the bit streams of a picture or an animation.
type file struct {
	width, height int
	icc           []byte
	metadata      codec.Metadata
}

func newFile(l plane.Layout, o codec.EncodeOptions) file {
	return file{l.Width(), l.Height(), l.Space.For(l.Model).ICC, o.Metadata}
}

// still returns the file of one picture. The simple layout is used where it suffices.
func (f *file) still(b bitstream) ([]byte, error) {
	var body []byte
	if b.alph != nil {
		body = appendChunk(body, "ALPH", b.alph)
	}
	body = appendChunk(body, b.kind, b.data)
	switch {
	case f.icc == nil && f.metadata.EXIF == nil && f.metadata.XMP == nil && b.alph == nil:
		return riff(body)
	case b.alpha:
		return f.extended(flagAlpha, body)
	}
	return f.extended(0, body)
}

// extended returns a file with a VP8X chunk, to whose flags those of the metadata are added.
func (f *file) extended(flags byte, body []byte) ([]byte, error) {
	if f.icc != nil {
		flags |= flagICC
		body = append(appendChunk(nil, "ICCP", f.icc), body...)
	}
	if f.metadata.EXIF != nil {
		flags |= flagEXIF
		body = appendChunk(body, "EXIF", f.metadata.EXIF)
	}
	if f.metadata.XMP != nil {
		flags |= flagXMP
		body = appendChunk(body, "XMP ", f.metadata.XMP)
	}
	header := make([]byte, 10)
	header[0] = flags
	put24(header[4:], f.width-1)
	put24(header[7:], f.height-1)
	return riff(append(appendChunk(nil, "VP8X", header), body...))
}

// riff returns the file with these chunks.
func riff(body []byte) ([]byte, error) {
	if len(body) > math.MaxUint32-12 {
		return nil, fmt.Errorf("%w: the file would have %d bytes, and a WebP has at most %d",
			codec.ErrUnsupported, len(body)+12, math.MaxUint32)
	}
	out := make([]byte, 0, 12+len(body))
	out = append(out, "RIFF"...)
	out = binary.LittleEndian.AppendUint32(out, uint32(4+len(body)))
	return append(append(out, "WEBP"...), body...), nil
}

// appendChunk appends a chunk, padded to an even length.
func appendChunk(out []byte, kind string, data []byte) []byte {
	out = append(out, kind...)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(data)))
	out = append(out, data...)
	if len(data)&1 != 0 {
		out = append(out, 0)
	}
	return out
}

func put24(b []byte, v int) { b[0], b[1], b[2] = byte(v), byte(v>>8), byte(v>>16) }
