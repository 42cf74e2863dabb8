package png

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/exif"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// Colour types (section 11.2.1, IHDR).
const (
	typeGray      = 0
	typeRGB       = 2
	typePalette   = 3
	typeGrayAlpha = 4
	typeRGBA      = 6
)

// format is how the pixels of a file are stored.
type format struct {
	width, height int
	depth         int // bits of a sample, or of a palette index
	colour        byte
	interlaced    bool
	palette       []byte   // three bytes for each entry, of a picture with colour type 3
	alphas        []byte   // alpha of the first palette entries (tRNS)
	transparent   []uint16 // gray, or red, green and blue, of the one transparent colour (tRNS)
}

// channels is the number of samples of a stored pixel.
func (f *format) channels() int {
	switch f.colour {
	case typeRGB:
		return 3
	case typeGrayAlpha:
		return 2
	case typeRGBA:
		return 4
	}
	return 1
}

// bits is the number of bits of a stored pixel.
func (f *format) bits() int { return f.channels() * f.depth }

// rowLen is the number of bytes of a row of w pixels, without its filter type.
func (f *format) rowLen(w int) int { return (w*f.bits() + 7) / 8 }

// hasAlpha reports whether a pixel can be transparent.
func (f *format) hasAlpha() bool {
	return f.colour == typeGrayAlpha || f.colour == typeRGBA || f.alphas != nil || f.transparent != nil
}

// layout returns the layout that a w×h picture of this format is decoded to.
func (f *format) layout(w, h int) plane.Layout {
	model := plane.RGB
	if f.colour == typeGray || f.colour == typeGrayAlpha {
		model = plane.Gray
	}
	return plane.NewLayout(model, f.hasAlpha(), w, h, 1, 1)
}

// maxChunk bounds a chunk that is held in memory, in bytes; the largest real ones carry profiles
// and maker notes. A larger one counts as absent.
const maxChunk = 16 << 20

// reader collects what the chunks before the pixels declare.
type reader struct {
	*chunks
	format
	head    codec.Header
	colours colours
	plays   int            // of the animation
	control *frame         // the fcTL chunk before the first IDAT
	seen    [onlyOnce]bool // which of the chunks that count only once have been read
	raw     codec.Metadata // from raw profiles
	rights  exif.Info      // from texts
}

// Chunks that count only once; further ones are ignored, as in libpng.
const (
	seenTRNS = iota
	seenICCP
	seenEXIF
	seenXMP
	seenRawEXIF
	seenRawXMP
	seenRawIPTC
	seenACTL
	onlyOnce // their number
)

// open reads the chunks before the first IDAT and leaves the rest in the stream: everything that
// describes the pixels comes before them (section 5.6).
func open(s *codec.Stream, o codec.OpenOptions) (codec.Decoder, error) {
	if _, err := s.Discard(len(signature)); err != nil {
		return nil, err
	}
	r := &reader{chunks: &chunks{s: s, offset: int64(len(signature))}}
	r.head = codec.Header{Format: s.Format(), Frames: 1, Orientation: 1}
	if err := r.readHeader(); err != nil {
		return nil, err
	}
	for {
		if err := r.next(); err != nil {
			return nil, err
		}
		if r.kind == "IDAT" {
			break
		}
		if err := r.readChunk(); err != nil {
			return nil, err
		}
	}
	if r.colour == typePalette && r.palette == nil {
		return nil, s.Corrupt(r.at, "no palette before the pixels")
	}
	if r.head.EXIF == nil && r.head.XMP != nil {
		if o := xmpOrientation(r.head.XMP); o.Valid() {
			r.head.Orientation = o
		}
	}
	r.useRaw()
	r.useRights()
	icc := r.head.Layout.Space.ICC
	r.head.Layout = r.layout(r.width, r.height)
	r.head.Layout.Space = r.colours.space(icc, r.head.Layout.Model == plane.Gray)
	return newDecoder(r, o), nil
}

// readHeader reads IHDR (section 11.2.1).
func (r *reader) readHeader() error {
	if err := r.next(); err != nil {
		return err
	}
	if r.kind == "CgBI" {
		return unsupported("a file that Xcode compressed for iOS, which is no PNG any more; " +
			"use the original")
	}
	if r.kind != "IHDR" || r.size != 13 {
		return r.s.Corrupt(r.at, "chunk %q of length %d where IHDR belongs", r.kind, r.size)
	}
	data, ok, err := r.data()
	if err != nil {
		return err
	}
	if !ok {
		return r.s.Corrupt(r.at, "the checksum of IHDR is wrong")
	}
	w, h := binary.BigEndian.Uint32(data), binary.BigEndian.Uint32(data[4:])
	depth, colour := data[8], data[9]
	if !validType(colour, depth) {
		return r.s.Corrupt(r.at, "bit depth %d with colour type %d", depth, colour)
	}
	if data[10] != 0 || data[11] != 0 || data[12] > 1 {
		return r.s.Corrupt(r.at, "compression method %d, filter method %d, interlace method %d",
			data[10], data[11], data[12])
	}
	r.format = format{
		width: int(w), height: int(h), depth: int(depth), colour: colour, interlaced: data[12] == 1,
	}
	if w == 0 || h == 0 || w > 1<<31-1 || h > 1<<31-1 {
		return r.s.Corrupt(r.at, "a size of %d×%d", w, h)
	}
	r.head.Width, r.head.Height = r.width, r.height
	return nil
}

// validType reports whether a colour type may have samples of depth bits (table 12).
func validType(colour, depth byte) bool {
	switch colour {
	case typeGray:
		return depth == 1 || depth == 2 || depth == 4 || depth == 8 || depth == 16
	case typePalette:
		return depth == 1 || depth == 2 || depth == 4 || depth == 8
	case typeRGB, typeGrayAlpha, typeRGBA:
		return depth == 8 || depth == 16
	}
	return false
}

// readChunk reads one chunk before the pixels, or leaves it to be skipped. A damaged chunk counts
// as absent, unless the pixels have no meaning without it.
func (r *reader) readChunk() error {
	use := r.user()
	switch {
	case use != nil:
	case r.kind == "IEND":
		return r.s.Corrupt(r.at, "the file has no pixels")
	case r.kind == "IHDR" || r.kind == "PLTE":
		return r.s.Corrupt(r.at, "another %s chunk", r.kind)
	case r.kind[0]&0x20 == 0: // critical: without it, the picture is not what its author meant
		return unsupported("a PNG with the unknown critical chunk %q", r.kind)
	}
	if use == nil || r.size > maxChunk && r.kind != "PLTE" {
		return nil
	}
	kind, at := r.kind, r.at
	data, ok, err := r.data()
	switch {
	case err != nil:
		return err
	case !ok && kind == "PLTE":
		return r.s.Corrupt(at, "the checksum of PLTE is wrong")
	case !ok:
		return nil
	}
	return use(data)
}

// user returns what reads the data of the current chunk, or nil if nothing does.
func (r *reader) user() func([]byte) error {
	once := func(i int, use func([]byte)) func([]byte) error {
		if r.seen[i] {
			return func([]byte) error { return nil }
		}
		return func(data []byte) error { use(data); return nil }
	}
	switch r.kind {
	case "PLTE":
		switch {
		case r.colour == typePalette && r.palette == nil:
			return r.readPalette
		case r.colour != typePalette: // a suggestion for displays with few colours
			return func([]byte) error { return nil }
		}
	case "tRNS":
		return once(seenTRNS, r.readTransparency)
	case "iCCP":
		return once(seenICCP, r.readProfile)
	case "eXIf":
		return once(seenEXIF, func(data []byte) {
			r.seen[seenEXIF] = true
			r.head.SetEXIF(data)
		})
	case "iTXt":
		return func(data []byte) error { r.readText(data); return nil }
	case "tEXt", "zTXt":
		kind := r.kind
		return func(data []byte) error { r.readLatin(kind, data); return nil }
	case "acTL":
		return once(seenACTL, r.readAnimation)
	case "fcTL":
		return func(data []byte) error { r.control = parseFrame(data); return nil }
	case "gAMA", "cHRM", "sRGB", "cICP":
		kind := r.kind
		return func(data []byte) error { r.colours.read(kind, data); return nil }
	}
	return nil
}

// readPalette reads PLTE (section 11.2.2). Entries that no index can reach are dropped.
func (r *reader) readPalette(data []byte) error {
	if len(data) == 0 || len(data)%3 != 0 || len(data) > 3*256 {
		return r.s.Corrupt(r.at, "a palette of length %d", len(data))
	}
	r.palette = data[:min(len(data), 3<<r.depth)]
	return nil
}

// readTransparency reads tRNS (section 11.3.1.1). One that does not fit the colour type has no
// effect, as in browsers.
func (r *reader) readTransparency(data []byte) {
	switch {
	case r.colour == typePalette && r.palette != nil && len(data) > 0 && len(data) <= 256:
		r.alphas = data[:min(len(data), len(r.palette)/3)]
	case r.colour == typeGray && len(data) == 2, r.colour == typeRGB && len(data) == 6:
		for i := 0; i < len(data); i += 2 {
			v := binary.BigEndian.Uint16(data[i:])
			r.transparent = append(r.transparent, v&uint16(1<<r.depth-1))
		}
	default:
		return
	}
	r.seen[seenTRNS] = true
}

// readProfile reads iCCP (section 11.3.2.3): a name, the method, and the compressed profile. Only
// one is decompressed, so that many of them cost nothing.
func (r *reader) readProfile(data []byte) {
	name := bytes.IndexByte(data, 0)
	if name < 1 || name > 79 || len(data) < name+2 || data[name+1] != 0 {
		return
	}
	r.seen[seenICCP] = true
	r.head.Layout.Space.ICC = inflateProfile(data[name+2:])
}

// inflateProfile decompresses a profile. A broken one counts as absent, as in libpng.
func inflateProfile(data []byte) []byte {
	z, err := zlib.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil
	}
	icc, err := io.ReadAll(io.LimitReader(z, codec.MaxProfile+1))
	if err != nil || len(icc) > codec.MaxProfile {
		return nil
	}
	return icc
}

// readAnimation reads acTL (section 11.3.4.1). Without a frame, the file is a still picture.
func (r *reader) readAnimation(data []byte) {
	if len(data) != 8 {
		return
	}
	frames, plays := binary.BigEndian.Uint32(data), binary.BigEndian.Uint32(data[4:])
	if frames == 0 || frames > 1<<31-1 || plays > 1<<31-1 {
		return
	}
	r.seen[seenACTL] = true
	r.head.Frames, r.plays = int(frames), int(plays)
}

func unsupported(format string, args ...any) error {
	return fmt.Errorf("%w: %s", codec.ErrUnsupported, fmt.Sprintf(format, args...))
}
