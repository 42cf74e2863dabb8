package png

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"hash/crc32"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/deflate"
	"github.com/imgmill/imgmill/internal/engine/iptc"
	"github.com/imgmill/imgmill/internal/engine/palette"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

// encoder implements codec.FrameEncoder.
type encoder struct {
	effort  codec.Effort
	colours int // at most, or 0
	dither  palette.Dither
}

func newEncoder(v setting.Values) codec.Encoder {
	return encoder{codec.EffortOf(v), int(v.Int(coloursSetting, 0)), palette.Dither(v.Text(palette.DitherSetting))}
}

// Layout implements codec.Encoder: gray or RGB, with or without alpha.
func (encoder) Layout(model plane.Model, alpha bool, w, h int) plane.Layout {
	if model != plane.Gray {
		model = plane.RGB
	}
	return plane.NewLayout(model, alpha, w, h, 1, 1)
}

// Memory implements codec.HeavyEncoder: what two threads need to compress strips and, where colours are
// reduced, the picture that has fewer.
func (e encoder) Memory(l plane.Layout) int64 {
	n := int64(8 << 20)
	if e.effort == codec.HighEffort {
		n = 48 << 20
	}
	if e.colours > 0 {
		n += int64(len(l.Planes)) * int64(l.Width()) * int64(l.Height())
	}
	return n
}

// Compacts implements codec.CompactEncoder: who asks for little effort does not wait for more.
func (e encoder) Compacts() bool { return e.effort == codec.NormalEffort }

// Encode implements codec.Encoder. It stores a picture as store finds best; of a small one, where a
// palette may not be worth its bytes, it writes both files.
func (e encoder) Encode(ctx context.Context, p *plane.Picture, o codec.EncodeOptions) ([]byte, error) {
	if e.colours > 0 {
		var err error
		if p, err = reduceColours(ctx, p, e.colours, e.dither); err != nil {
			return nil, err
		}
	}
	s, err := store(ctx, p)
	if err != nil {
		return nil, err
	}
	if r := s.raster(); o.Compact && e.effort == codec.NormalEffort && (r.n+1)*r.height <= compactSize {
		e.effort = codec.HighEffort
	}
	file, err := e.write(ctx, s, o)
	if err != nil || s.table == nil || s.width*s.height > smallPicture {
		return file, err
	}
	other, err := e.write(ctx, s.other, o)
	if err != nil || len(other) >= len(file) {
		return file, err
	}
	return other, nil
}

// compactSize is up to how many bytes of filtered rows a picture gets high effort because its source has fewer bytes: that
// takes up to 2 s of a processor for a million of them, and must not use up the time that a picture has.
const compactSize = 4 << 20

// smallPicture is up to how many pixels a palette is compared with what the picture has without one.
const smallPicture = 1 << 14

// write returns the file of a picture.
func (e encoder) write(ctx context.Context, s *stored, o codec.EncodeOptions) ([]byte, error) {
	data, err := s.raster().compress(ctx, e.effort, new(deflate.Compressor), o.Threads)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, sizeOf(data)+len(o.EXIF)+len(o.XMP)+2048)
	out = appendHead(out, s.p.Layout, s.format, s.chunks(nil), o)
	for _, d := range data {
		out = appendChunk(out, "IDAT", d)
	}
	return appendChunk(out, "IEND", nil), nil
}

// sizeOf returns the number of bytes of chunks with compressed pixels.
func sizeOf(data [][]byte) (n int) {
	for _, d := range data {
		n += len(d) + 16
	}
	return n
}

// appendHead appends what comes before the pixels of a picture of layout l that is stored as f: signature,
// header, profile, other chunks, and metadata.
func appendHead(out []byte, l plane.Layout, f format, other []byte, o codec.EncodeOptions) []byte {
	out = append(out, signature...)
	head := binary.BigEndian.AppendUint32(nil, uint32(l.Width()))
	head = binary.BigEndian.AppendUint32(head, uint32(l.Height()))
	out = appendChunk(out, "IHDR", append(head, byte(f.depth), f.colour, 0, 0, 0))
	if icc := l.Space.For(l.Model).ICC; icc != nil {
		out = appendChunk(out, "iCCP", append([]byte("icc\x00\x00"), deflateProfile(icc)...))
	}
	out = append(out, other...)
	if o.EXIF != nil {
		out = appendChunk(out, "eXIf", o.EXIF)
	}
	if o.XMP != nil {
		out = appendChunk(out, "iTXt", xmpText(o.XMP))
	}
	if o.IPTC != nil {
		out = appendChunk(out, "zTXt", rawText("iptc", iptc.AppendResource(nil, iptc.ResourceIIM, o.IPTC)))
	}
	return out
}

func deflateProfile(icc []byte) []byte {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	z.Write(icc) // a bytes.Buffer never fails
	z.Close()
	return b.Bytes()
}

// appendChunk appends a PNG chunk: length, type, data, CRC of type and data.
func appendChunk(b []byte, kind string, data ...[]byte) []byte {
	size := 0
	for _, d := range data {
		size += len(d)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(size))
	start := len(b)
	b = append(b, kind...)
	for _, d := range data {
		b = append(b, d...)
	}
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[start:]))
}
