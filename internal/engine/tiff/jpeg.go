package tiff

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/jpeg/decode"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// A picture of JPEG compression (TIFF technical note 2) has a JPEG file in each strip or tile, whose
// tables may stand in a tag once for all. The photometric interpretation of the directory decides
// what the components are, so that the markers of JFIF and Adobe are left out of what the JPEG
// decoder sees: it then passes on samples as they are coded.

// jpegParts is what all strips or tiles have in common.
type jpegParts struct {
	tables     []byte // marker segments, without SOI and EOI
	components []decode.Component
	memory     int64 // of the decoder of the first one
}

// maxJPEGTables bounds the tables of a directory; four of each kind take 3 KB.
const maxJPEGTables = 64 << 10

// openJPEG reads the tables and the header of the first strip or tile, which decides how chroma is
// subsampled: the tag is often wrong.
func (d *decoder) openJPEG() (*jpegParts, error) {
	c, f := d.c, d.f
	p := new(jpegParts)
	if n := f.jpegTables.size(); n > 0 {
		if n > maxJPEGTables {
			return nil, c.s.Corrupt(f.jpegTables.at, "JPEG tables of %d bytes", n)
		}
		b, err := c.bytes(f.jpegTables.at, n)
		if err != nil {
			return nil, err
		}
		b = bytes.TrimPrefix(b, []byte{0xFF, 0xD8})
		p.tables = bytes.TrimSuffix(b, []byte{0xFF, 0xD9})
	}
	at, end, err := d.block(0)
	if err != nil {
		return nil, err
	}
	j, err := d.openBlock(p, at, end)
	if err != nil {
		return nil, err
	}
	p.components, p.memory = j.Header().Components, j.Memory()
	return p, d.sampling(p.components)
}

// openBlock reads the header of the strip or tile between two offsets, which it brings into memory
// as far as it must.
func (d *decoder) openBlock(p *jpegParts, at, end int64) (*decode.Decoder, error) {
	var err error
	for n := int64(64 << 10); ; n *= 16 {
		last := n >= end-at
		if _, err := d.c.load(at + min(n, end-at)); err != nil {
			return nil, err
		}
		last = last || d.c.ended
		var j *decode.Decoder
		s := &section{f: d.c.file}
		s.reset(at, min(end, d.c.size))
		var r io.Reader
		if r, err = jpegFile(p.tables, s); err == nil {
			j, err = decode.New(r, decode.Options{InkAsStored: true})
		}
		if err == nil || last {
			return j, d.jpegFault(err, at)
		}
	}
}

// sampling sets the subsampling of chroma, and refuses components that do not fit the planes.
func (d *decoder) sampling(components []decode.Component) error {
	f := d.f
	want := f.samples
	if f.planar {
		want = 1
	}
	if len(components) != want {
		return d.c.s.Corrupt(0, "components of the JPEG data: %d, want %d", len(components), want)
	}
	first := components[0]
	f.subX, f.subY = 1, 1
	for i, k := range components[1:] {
		chroma := f.photometric == yCbCr && i < 2
		switch {
		case chroma && i == 0 && first.H%k.H == 0 && first.V%k.V == 0:
			f.subX, f.subY = first.H/k.H, first.V/k.V
		case chroma && k.H*f.subX == first.H && k.V*f.subY == first.V:
		case !chroma && k.H == first.H && k.V == first.V:
		default:
			return fmt.Errorf("%w: TIFF with unusual sampling of its JPEG components", codec.ErrUnsupported)
		}
	}
	switch {
	case f.photometric == palette:
		return fmt.Errorf("%w: TIFF with a palette and JPEG compression", codec.ErrUnsupported)
	case f.subX*f.subY == 1:
	case f.samples != 3:
		return fmt.Errorf("%w: TIFF with subsampled chroma beside further samples", codec.ErrUnsupported)
	case f.tiled && (f.blockW%f.subX != 0 || f.blockH%f.subY != 0), f.blockH < f.height && f.blockH%f.subY != 0:
		return fmt.Errorf("%w: TIFF with strips that end within a chroma sample", codec.ErrUnsupported)
	}
	// JPEG's chroma is always that of JFIF: other tags do not hold for it.
	f.coefficients, f.reference = [3]float64{0.299, 0.587, 0.114}, [6]float64{0, 255, 128, 255, 128, 255}
	return nil
}

// jpegFile returns a JPEG file made of tables and the strip or tile in s, without its application
// segments.
func jpegFile(tables []byte, s *section) (io.Reader, error) {
	var two [2]byte
	if _, err := io.ReadFull(s, two[:]); err != nil {
		return nil, err
	}
	if two != [2]byte{0xFF, 0xD8} {
		return nil, errors.New("no JPEG data")
	}
	head := append([]byte{0xFF, 0xD8}, tables...)
	for {
		if _, err := io.ReadFull(s, two[:]); err != nil {
			return nil, err
		}
		head = append(head, two[:]...)
		m := two[1]
		if two[0] != 0xFF || m < 0xE0 || m > 0xEF {
			if m == 0xDA || two[0] != 0xFF || m == 0xFF || m == 0xD9 {
				return io.MultiReader(bytes.NewReader(head), s), nil
			}
		}
		if _, err := io.ReadFull(s, two[:]); err != nil {
			return nil, err
		}
		n := int64(two[0])<<8 | int64(two[1])
		if n < 2 {
			return nil, fmt.Errorf("a JPEG segment of length %d", n)
		}
		if m >= 0xE0 && m <= 0xEF {
			head = head[:len(head)-2]
			if _, err := io.CopyN(io.Discard, s, n-2); err != nil {
				return nil, err
			}
			continue
		}
		from := len(head) + 2
		head = append(append(head, two[:]...), make([]byte, n-2)...)
		if _, err := io.ReadFull(s, head[from:]); err != nil {
			return nil, err
		}
	}
}

// jpegFault turns an error of the JPEG decoder into one that callers branch on. Errors of the sink
// and of the context stay as they are.
func (d *decoder) jpegFault(err error, at int64) error { return d.c.jpegFault(err, at) }

func (c *container) jpegFault(err error, at int64) error {
	var f *decode.FormatError
	var u *decode.UnsupportedError
	switch {
	case err == nil:
		return nil
	case c.s.Err() != nil && !errors.Is(err, plane.ErrEnough):
		return c.s.Err()
	case errors.As(err, &f):
		return c.s.Corrupt(at, "JPEG data: %s", f.Reason)
	case errors.As(err, &u):
		return fmt.Errorf("%w: JPEG in TIFF: %w", codec.ErrUnsupported, u)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return c.s.Corrupt(at, "the JPEG data ends in its header")
	}
	return err
}

// direct reports whether rows of a strip go straight to the sink.
func (d *decoder) direct() bool {
	return !d.f.tiled && d.col.means == none && d.col.lab == nil && d.f.photometric != whiteIsZero
}

// jpegMemory is what Memory is without the file: a decoder, and where rows do not go straight to the
// sink, a row of tiles or a strip.
func (d *decoder) jpegMemory() int64 {
	n := d.jpeg.memory
	if d.direct() {
		return n
	}
	for i, p := range d.header.Layout.Planes {
		n += int64(p.Width) * int64(d.chromaRows(i, min(d.f.blockH, d.f.height)))
	}
	return n
}

// decodeJPEG is Decode for JPEG compression.
func (d *decoder) decodeJPEG(ctx context.Context, sink plane.Sink) (codec.Report, error) {
	b := &jpegBand{d: d, sink: sink}
	for i := range d.header.Layout.Planes {
		b.out = append(b.out, i)
	}
	for _, lanes := range d.passes() {
		if d.independent() {
			b.out = lanes
		}
		for row := range d.down {
			if err := b.blocks(ctx, row, lanes); err != nil {
				return b.report, err
			}
		}
	}
	return b.report, nil
}

// jpegBand is the sink of the JPEG decoders of a row of strips or tiles.
type jpegBand struct {
	d      *decoder
	sink   plane.Sink
	report codec.Report
	out    []int    // planes of the layout that are pushed
	pix    [][]byte // rows of all planes, unless rows go straight to the sink

	lane                int // plane of the file, or 0 if they are interleaved
	x, y, width, height int // of the strip or tile, in pixels of the picture
}

func (b *jpegBand) blocks(ctx context.Context, row int, lanes []int) error {
	d, f := b.d, b.d.f
	b.y, b.height = row*f.blockH, min(f.blockH, f.height-row*f.blockH)
	if !d.direct() && b.pix == nil {
		for i, p := range d.header.Layout.Planes {
			b.pix = append(b.pix, make([]byte, p.Width*d.chromaRows(i, b.height)))
		}
	}
	for col := range d.across {
		b.x, b.width = col*f.blockW, min(f.blockW, f.width-col*f.blockW)
		for _, lane := range lanes {
			b.lane = lane
			i := int64(row)*int64(d.across) + int64(col)
			if f.planar {
				i += int64(lane) * int64(d.across) * int64(d.down)
			}
			if err := b.block(ctx, i); err != nil {
				return err
			}
		}
	}
	if d.direct() {
		return nil
	}
	return b.push()
}

// block decodes strip or tile i.
func (b *jpegBand) block(ctx context.Context, i int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d := b.d
	at, end, err := d.block(i)
	if err != nil {
		return err
	}
	s := &section{f: d.c.file}
	s.reset(at, end)
	r, err := jpegFile(d.jpeg.tables, s)
	if err != nil {
		return d.blockFault(err, at)
	}
	j, err := decode.New(r, decode.Options{InkAsStored: true})
	if err != nil {
		return d.jpegFault(err, at)
	}
	h := j.Header()
	same := len(h.Components) == len(d.jpeg.components)
	for k, c := range h.Components {
		same = same && c.H == d.jpeg.components[k].H && c.V == d.jpeg.components[k].V
	}
	if !same || h.Width < b.width || h.Height < b.height {
		return d.c.s.Corrupt(at, "components and size of the JPEG data: %d and %d×%d, want %d and %d×%d",
			len(h.Components), h.Width, h.Height, len(d.jpeg.components), b.width, b.height)
	}
	if int64(h.Width)*int64(h.Height) > 4*max(int64(d.f.blockW)*int64(d.f.blockH), 1<<16) {
		return d.c.s.Corrupt(at, "JPEG data of %d×%d pixels for a strip or tile of %d×%d",
			h.Width, h.Height, b.width, b.height)
	}
	report, err := j.Decode(ctx, b)
	if report.Damage != "" && b.report.Damage == nil {
		b.report.Damage = d.c.s.Corrupt(at, "JPEG data: %s", report.Damage)
	}
	return d.jpegFault(err, at)
}

func (d *decoder) blockFault(err error, at int64) error {
	var corrupt *codec.CorruptError
	if err = d.jpegFault(err, at); errors.As(err, &corrupt) || d.c.s.Err() != nil {
		return err
	}
	return d.c.s.Corrupt(at, "%v", err)
}

// Rows implements plane.Sink for the rows of a strip or tile.
func (b *jpegBand) Rows(p, y int, r plane.Rows) error {
	d := b.d
	if d.f.planar {
		p = b.lane
	}
	// Samples that are no plane of the layout are skipped; alpha is its last one.
	switch planes := d.header.Layout.Planes; {
	case d.col.means != none && p == d.col.alpha:
		p = len(planes) - 1
	case p >= d.f.colours():
		return nil
	}
	x, w := b.x, b.width
	if d.header.Layout.Planes[p].Kind == plane.Chroma {
		x, w = x/d.f.subX, ceilDiv(w, d.f.subX)
	}
	n := min(r.N, d.chromaRows(p, b.height)-y)
	if n <= 0 {
		return nil
	}
	if d.direct() {
		return b.sink.Rows(p, d.chromaRows(p, b.y)+y, plane.Rows{Pix: r.Pix, Stride: r.Stride, N: n})
	}
	stride := d.header.Layout.Planes[p].Width
	for k := range n {
		copy(b.pix[p][(y+k)*stride+x:][:w], r.Row(k, w))
	}
	return nil
}

// push converts the rows of a band and passes them on.
func (b *jpegBand) push() error {
	planes := b.d.header.Layout.Planes
	rows := make([][]byte, len(planes))
	if !b.d.header.Layout.Subsampled() {
		for y := range b.height {
			for i, p := range planes {
				rows[i] = b.pix[i][y*p.Width:][:p.Width]
			}
			b.d.col.finish(rows)
		}
	}
	for _, i := range b.out {
		r := plane.Rows{Pix: b.pix[i], Stride: planes[i].Width, N: b.d.chromaRows(i, b.height)}
		if err := b.sink.Rows(i, b.d.chromaRows(i, b.y), r); err != nil {
			return err
		}
	}
	return nil
}

// oldJPEG makes the compression of TIFF 6.0, section 22, one of technical note 2, where the whole
// picture is one JPEG file, or each strip is one. What else section 22 allows is refused.
func (c *container) oldJPEG(f *fields, d *directory) error {
	f.compression = jpegNew
	if e, ok := d.find(tagJPEGInterchange); ok {
		at, err := c.integer(e, 0)
		if err != nil {
			return err
		}
		if c.startsJPEG(int64(min(at, math.MaxInt64/2))) {
			f.tiled, f.planar, f.blockW, f.blockH = false, false, f.width, f.height
			f.offsets, f.counts = e, entry{} // to the end of the file: the length is often wrong
			return nil
		}
	}
	if f.offsets.count > 0 {
		at, err := c.integer(f.offsets, 0)
		if err != nil {
			return err
		}
		if c.startsJPEG(int64(min(at, math.MaxInt64/2))) {
			return nil
		}
	}
	return fmt.Errorf("%w: TIFF with old-style JPEG compression whose data is no JPEG file", codec.ErrUnsupported)
}

// startsJPEG reports whether a JPEG file begins at an offset.
func (c *container) startsJPEG(at int64) bool {
	b, err := c.bytes(at, 3)
	return err == nil && string(b) == "\xff\xd8\xff"
}
