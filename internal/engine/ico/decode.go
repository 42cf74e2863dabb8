package ico

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// infoHeader is the length of the shortest bitmap header that icons have, BITMAPINFOHEADER.
const infoHeader = 40

// entry is one picture of the file.
type entry struct {
	offset        int // bytes from the start of the file
	data          []byte
	png           bool
	width, height int
	depth         int  // bits per pixel
	cut           bool // the file ends before the picture should
}

// open finds the picture to show.
func open(b []byte, s *codec.Stream, o codec.OpenOptions) (codec.Decoder, error) {
	best, err := choose(b, s)
	if err != nil {
		return nil, err
	}
	if best.png {
		return codec.OpenInner(bytes.NewReader(best.data), s, o, "png")
	}
	bitmap, mask, err := best.bitmap(s)
	if err != nil {
		return nil, err
	}
	d, err := codec.OpenInner(bytes.NewReader(bitmap), s, o, "bmp")
	if err != nil || mask == nil {
		return d, err
	}
	h := d.Header()
	h.Layout = plane.NewLayout(h.Layout.Model, true, h.Width, h.Height, 1, 1)
	return &masked{Decoder: d, header: h, mask: mask, file: int64(cap(b) + len(bitmap))}, nil
}

// choose returns the largest picture, and of those the deepest, as their own headers describe them:
// the directory cannot express more than 256 pixels, and has no depths of cursors.
func choose(b []byte, s *codec.Stream) (best entry, err error) {
	count := int(binary.LittleEndian.Uint16(b[4:]))
	found := false
	for i := range count {
		at := directoryLength + i*entryLength
		if at+entryLength > len(b) {
			return best, s.Corrupt(int64(len(b)), "the directory ends in entry %d of %d", i+1, count)
		}
		size := int64(binary.LittleEndian.Uint32(b[at+8:]))
		offset := int64(binary.LittleEndian.Uint32(b[at+12:]))
		if offset >= int64(len(b)) {
			err = s.Corrupt(int64(at), "picture %d of %d lies behind the end of the file", i+1, count)
			continue
		}
		e, ok := describe(b[offset:min(offset+size, int64(len(b)))], int(offset))
		e.cut = offset+size > int64(len(b))
		if !ok {
			err = s.Corrupt(offset, "picture %d of %d has no header that is known", i+1, count)
			continue
		}
		area := int64(e.width) * int64(max(e.height, -e.height))
		largest := int64(best.width) * int64(max(best.height, -best.height))
		if !found || area > largest || area == largest && e.depth > best.depth {
			best, found = e, true
		}
	}
	if found {
		return best, nil
	}
	return best, err
}

// most bounds the sides of a bitmap, in pixels; icons have 256 at most.
const most = 1 << 16

// describe reads size and depth of a picture. ok is false if it is neither a PNG nor a bitmap.
func describe(data []byte, offset int) (e entry, ok bool) {
	e = entry{offset: offset, data: data}
	if bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")) && len(data) >= 24 {
		e.png, e.depth = true, 32
		e.width = int(int32(binary.BigEndian.Uint32(data[16:])))
		e.height = int(int32(binary.BigEndian.Uint32(data[20:])))
		return e, e.width > 0 && e.height > 0
	}
	if len(data) < infoHeader {
		return e, false
	}
	if n := binary.LittleEndian.Uint32(data); n < infoHeader || n > 124 {
		return e, false
	}
	e.width = int(int32(binary.LittleEndian.Uint32(data[4:])))
	e.height = int(int32(binary.LittleEndian.Uint32(data[8:]))) / 2
	e.depth = int(binary.LittleEndian.Uint16(data[14:]))
	valid := e.width > 0 && e.width < most && e.height != 0 && e.height < most && e.height > -most
	return e, valid && e.depth <= 32
}

// bitmap returns the pixels as a BMP file, and their mask if it is needed. The header in an icon has
// twice the height, for the mask counts.
func (e *entry) bitmap(s *codec.Stream) (file []byte, mask *mask, err error) {
	header := int(binary.LittleEndian.Uint32(e.data))
	if header > len(e.data) {
		return nil, nil, s.Corrupt(int64(e.offset), "a bitmap header of %d bytes", header)
	}
	compression := binary.LittleEndian.Uint32(e.data[16:])
	if compression != 0 && compression != 3 {
		return nil, nil, fmt.Errorf("%w: an icon with compression %d", codec.ErrUnsupported, compression)
	}
	height := max(e.height, -e.height)
	stride := (int64(e.width)*int64(e.depth) + 31) / 32 * 4
	before := int64(header) + e.tableLength(compression)
	end := before + stride*int64(height)
	if end > int64(len(e.data)) {
		return nil, nil, s.Corrupt(int64(e.offset+len(e.data)), "the pixels of the icon end too early")
	}
	const fileHeader = 14
	file = make([]byte, fileHeader, fileHeader+124+len(e.data))
	copy(file, "BM")
	alpha := e.depth == 32 && compression == 0 && hasAlpha(e.data[before:end])
	if alpha { // by a header that has masks
		const v4Header = 108
		file = append(file, e.data[:infoHeader]...)
		file = append(file, make([]byte, v4Header-infoHeader)...)
		b := file[fileHeader:]
		binary.LittleEndian.PutUint32(b, v4Header)
		binary.LittleEndian.PutUint32(b[16:], 3)
		for i, m := range []uint32{0xff0000, 0xff00, 0xff, 0xff000000} {
			binary.LittleEndian.PutUint32(b[40+4*i:], m)
		}
	} else {
		file = append(file, e.data[:before]...)
	}
	binary.LittleEndian.PutUint32(file[fileHeader+8:], uint32(int32(e.height)))
	binary.LittleEndian.PutUint32(file[10:], uint32(len(file)))
	file = append(file, e.data[before:end]...)
	if alpha || e.depth == 32 && compression != 0 {
		return file, nil, nil
	}
	mask, err = e.mask(s, e.data[end:])
	return file, mask, err
}

// tableLength is how many bytes lie between the header and the pixels.
func (e *entry) tableLength(compression uint32) int64 {
	colours := int64(binary.LittleEndian.Uint32(e.data[32:]))
	switch {
	case e.depth > 8 && compression == 3 && binary.LittleEndian.Uint32(e.data) < 52:
		return 12 // masks
	case e.depth > 8 || e.depth < 1:
		return 0
	case colours == 0 || colours > 1<<e.depth:
		colours = 1 << e.depth
	}
	return 4 * colours
}

// hasAlpha reports whether an alpha sample is not 0.
func hasAlpha(pixels []byte) bool {
	for i := 3; i < len(pixels); i += 4 {
		if pixels[i] != 0 {
			return true
		}
	}
	return false
}

// mask is the part of an icon that is transparent: a bit for each pixel.
type mask struct {
	bits    []byte
	stride  int
	height  int
	topDown bool
}

// mask reads the mask. It is nil if no pixel is transparent. A picture may lack it, or have rows of
// it that are not padded, which some tools write: browsers show such a picture without a mask.
func (e *entry) mask(s *codec.Stream, b []byte) (*mask, error) {
	m := &mask{stride: (e.width + 31) / 32 * 4, height: max(e.height, -e.height), topDown: e.height < 0}
	if int64(len(b)) < int64(m.stride)*int64(m.height) {
		if e.cut {
			return nil, s.Corrupt(int64(e.offset+len(e.data)), "the mask of the icon ends too early")
		}
		return nil, nil
	}
	m.bits = b
	row := make([]byte, e.width)
	for y := range m.height {
		m.alpha(row, y)
		if bytes.IndexByte(row, 0) >= 0 {
			return m, nil
		}
	}
	return nil, nil
}

// alpha writes the alpha samples of row y.
func (m *mask) alpha(dst []byte, y int) {
	if !m.topDown {
		y = m.height - 1 - y
	}
	row := m.bits[y*m.stride:]
	for x := range dst {
		dst[x] = row[x/8]>>(7-x%8)&1 - 1
	}
}

// masked is the decoder of a bitmap with a mask.
type masked struct {
	codec.Decoder
	header codec.Header
	mask   *mask
	file   int64 // bytes that are held
}

// Header implements codec.Decoder.
func (d *masked) Header() codec.Header { return d.header }

// Shrink implements codec.Decoder.
func (d *masked) Shrink(int, int) plane.Layout { return d.header.Layout }

// Memory implements codec.Decoder.
func (d *masked) Memory() int64 { return d.Decoder.Memory() + d.file }

// Decode implements codec.Decoder.
func (d *masked) Decode(ctx context.Context, sink plane.Sink) (codec.Report, error) {
	return d.Decoder.Decode(ctx, &maskSink{sink, d})
}

// maskSink adds the alpha plane behind the last colour plane.
type maskSink struct {
	plane.Sink
	d *masked
}

func (m *maskSink) Rows(p, y int, r plane.Rows) error {
	if err := m.Sink.Rows(p, y, r); err != nil {
		return err
	}
	a, _ := m.d.header.Layout.Alpha()
	if p != a-1 {
		return nil
	}
	w := m.d.header.Width
	alpha := plane.Rows{Pix: make([]byte, w*r.N), Stride: w, N: r.N}
	for i := range r.N {
		m.d.mask.alpha(alpha.Row(i, w), y+i)
	}
	return m.Sink.Rows(a, y, alpha)
}
