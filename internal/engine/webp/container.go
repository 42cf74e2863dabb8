package webp

import (
	"bytes"
	"encoding/binary"
	"image"
	"iter"
	"math"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/exif"
	"github.com/imgmill/imgmill/internal/engine/webp/vp8"
	"github.com/imgmill/imgmill/internal/engine/webp/vp8l"
)

// Flags of a VP8X chunk (WebP Container Specification, "Extended File Format").
const (
	flagAnimation = 0x02
	flagXMP       = 0x04
	flagEXIF      = 0x08
	flagAlpha     = 0x10
	flagICC       = 0x20
)

// container is what the chunks of a file hold.
type container struct {
	canvas image.Point // pixels; zero without a VP8X chunk
	flags  byte        // of the VP8X chunk
	loops  int
	frames []frame // as many as can be shown
	count  int     // of frames in the file
	icc    []byte
	meta   codec.Metadata
}

// frame is one picture of a file: the only one, or one of an animation.
type frame struct {
	picture
	at      image.Point // on the canvas
	size    image.Point // as an ANMF chunk declares it; zero in a still
	delay   int         // milliseconds
	replace bool        // the frame replaces what is below it; otherwise it is blended with that
	dispose bool        // the frame's rectangle becomes transparent after it was shown
	offset  int64       // of the chunk
}

// picture is a bit stream with its alpha plane.
type picture struct {
	lossy     bool
	data      []byte
	base      int64 // offset of data in the file
	missing   bool  // the file ends before the data
	alph      []byte
	alphBase  int64
	hasAlph   bool
	foundData bool
}

// chunk is one chunk of a RIFF file.
type chunk struct {
	kind   string
	data   []byte
	offset int64 // of the data in the file
	short  bool  // the file ends before the data
}

// chunks yields the chunks in data, which begins at an offset of the file.
func chunks(data []byte, offset int64) iter.Seq[chunk] {
	return func(yield func(chunk) bool) {
		for len(data) >= 8 {
			n := int(min(binary.LittleEndian.Uint32(data[4:]), math.MaxInt32-64))
			c := chunk{kind: string(data[:4]), offset: offset + 8, short: n > len(data)-8}
			c.data = data[8:min(len(data), 8+n)]
			if !yield(c) {
				return
			}
			n = min(len(data), 8+n+n&1)
			data = data[n:]
			offset += int64(n)
		}
	}
}

// readContainer walks the chunks of a file. It is as lenient as libwebp: sizes in the RIFF header,
// flags of chunks that are missing, padding at the end and what follows the end do not matter. A
// profile, EXIF and XMP that no flag announces count as absent, as in browsers, libvips and Pillow. Of
// an animation that has more frames than the limit, 0 for none, the rest is counted only: a frame takes
// less in a file than in memory.
func readContainer(file []byte, f *codec.Format, limit int) (*container, error) {
	c := &container{loops: 1}
	var still frame
	end := 8 + int64(binary.LittleEndian.Uint32(file[4:])) // of the file, as it says
	for k := range chunks(file[12:], 12) {
		if k.offset-8 >= end && (still.foundData || len(c.frames) > 0) {
			break
		}
		switch k.kind {
		case "VP8X":
			if k.offset != 20 {
				return nil, codec.CorruptAt(f, k.offset-8, "a VP8X chunk that is not the first")
			}
			if len(k.data) < 10 {
				return nil, codec.CorruptAt(f, k.offset-8, "a VP8X chunk that is too short")
			}
			c.flags = k.data[0]
			c.canvas = image.Pt(1+uint24(k.data[4:]), 1+uint24(k.data[7:]))
		case "VP8 ", "VP8L", "ALPH":
			still.add(k)
		case "ANIM":
			if len(k.data) >= 6 {
				c.loops = int(binary.LittleEndian.Uint16(k.data[4:]))
			}
		case "ANMF":
			if frame, ok := readFrame(k); ok {
				if c.count++; limit == 0 || c.count <= limit {
					c.frames = append(c.frames, frame)
				}
			}
		case "ICCP":
			if c.flags&flagICC != 0 && c.icc == nil && len(k.data) <= codec.MaxProfile {
				c.icc = k.data
			}
		case "EXIF":
			if c.flags&flagEXIF != 0 && c.meta.EXIF == nil {
				c.meta.EXIF = bytes.TrimPrefix(k.data, []byte("Exif\x00\x00"))
			}
		case "XMP ":
			if c.flags&flagXMP != 0 && c.meta.XMP == nil {
				c.meta.XMP = k.data
			}
		}
	}
	if still.foundData && (c.flags&flagAnimation == 0 || len(c.frames) == 0) {
		// Most readers show no alpha that the file does not announce.
		still.hasAlph = still.hasAlph && (c.canvas == (image.Point{}) || c.flags&flagAlpha != 0)
		c.frames, c.count = []frame{still}, 1
	}
	if len(c.frames) == 0 {
		return nil, codec.CorruptAt(f, int64(len(file)), "no picture in the file")
	}
	return c, nil
}

// add takes a chunk of a picture. Of several bit streams the first counts.
func (p *picture) add(k chunk) {
	switch {
	case p.foundData:
	case k.kind == "ALPH":
		if !p.hasAlph {
			p.alph, p.alphBase, p.hasAlph = k.data, k.offset, true
		}
	default:
		p.lossy, p.data, p.base, p.missing = k.kind == "VP8 ", k.data, k.offset, k.short
		p.foundData = true
		p.hasAlph = p.hasAlph && p.lossy
	}
}

// readFrame reads an ANMF chunk. ok is false if there is no picture in it.
func readFrame(k chunk) (f frame, ok bool) {
	if len(k.data) < 16 {
		return f, false
	}
	h := k.data
	f.at = image.Pt(2*uint24(h), 2*uint24(h[3:]))
	f.size = image.Pt(1+uint24(h[6:]), 1+uint24(h[9:]))
	f.delay = codec.ShownDelay(uint24(h[12:]))
	f.replace, f.dispose = h[15]&2 != 0, h[15]&1 != 0
	f.offset = k.offset - 8
	for inner := range chunks(h[16:], k.offset+16) {
		switch inner.kind {
		case "VP8 ", "VP8L", "ALPH":
			f.add(inner)
		}
	}
	return f, f.foundData
}

// check reads the header of the frame's bit stream. The frame must have the size that the file
// declares, and lie on the canvas, since the limits are checked against that.
func (f *frame) check(canvas image.Point, format *codec.Format) error {
	w, h, _, err := f.header(format)
	if err != nil {
		return err
	}
	declared := f.size
	if declared == (image.Point{}) {
		declared = canvas
	}
	if size := image.Pt(w, h); canvas != (image.Point{}) && size != declared {
		return codec.CorruptAt(format, f.base, "a picture of %v in a frame of %v", size, declared)
	}
	r := image.Rectangle{f.at, f.at.Add(image.Pt(w, h))}
	if canvas != (image.Point{}) && !r.In(image.Rectangle{Max: canvas}) {
		return codec.CorruptAt(format, f.offset, "a frame at %v on a canvas of %v", r, canvas)
	}
	return nil
}

// header reads the header of the bit stream: its size, and whether it can be transparent.
func (p *picture) header(f *codec.Format) (w, h int, alpha bool, err error) {
	if p.missing {
		return 0, 0, false, codec.CorruptAt(f, p.base+int64(len(p.data)), "the file ends within the picture")
	}
	if p.lossy {
		var reason string
		if w, h, _, reason = vp8.FrameSize(p.data); reason != "" {
			return 0, 0, false, codec.CorruptAt(f, p.base, "%s", reason)
		}
		return w, h, p.hasAlph, nil
	}
	w, h, alpha, ok := vp8l.ReadHeader(p.data)
	if !ok {
		return 0, 0, false, codec.CorruptAt(f, p.base, "an invalid VP8L header")
	}
	return w, h, alpha, nil
}

// transparent reports whether an animation can show transparency: where a frame has it, or where
// frames leave the canvas empty.
func (c *container) transparent(f *codec.Format) bool {
	for i := range c.frames {
		fr := &c.frames[i]
		_, _, alpha, err := fr.header(f)
		switch {
		case err != nil: // it is reported when the frame is decoded
		case alpha, fr.dispose && i < c.count-1, i == 0 && fr.size != c.canvas:
			return true
		}
	}
	return c.flags&flagAlpha != 0 && !c.frames[0].lossy
}

// codecHeader returns what the file declares.
func (c *container) codecHeader(f *codec.Format) codec.Header {
	h := codec.Header{Format: f, Orientation: exif.Orientation(1), Frames: c.count}
	h.Width, h.Height = c.canvas.X, c.canvas.Y
	if h.Metadata = c.meta; h.EXIF != nil {
		h.SetEXIF(h.EXIF)
	}
	return h
}

func uint24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }
