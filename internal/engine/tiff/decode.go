package tiff

import (
	"context"
	"errors"
	"io"
	"math"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// decoder decodes the first page of a file.
type decoder struct {
	header codec.Header
	c      *container
	f      *fields
	col    *colours
	jpeg   *jpegParts // of JPEG compression, else nil

	across, down int // strips or tiles in a plane
	lanes        int // planes that are stored one after another
}

// open reads the first directory, and everything else that describes the picture.
func open(s *codec.Stream, o codec.OpenOptions) (codec.Decoder, error) {
	c := &container{file: newFile(s)}
	if err := c.readHeader(); err != nil {
		return nil, err
	}
	first, err := c.directory(c.first)
	if err != nil {
		return nil, err
	}
	h := codec.Header{Format: s.Format(), Frames: 1, Orientation: 1}
	if d, err := c.openRaw(first, h, o); d != nil || err != nil {
		return d, err
	}
	d := &decoder{header: h, c: c}
	if d.f, err = c.fields(first); err != nil {
		return nil, err
	}
	d.header.Width, d.header.Height = d.f.width, d.f.height
	if o.Limits.Pixels > 0 && int64(d.f.width)*int64(d.f.height) > o.Limits.Pixels {
		return d, nil // is refused for it
	}
	if err := c.validate(d.f); err != nil {
		return nil, err
	}
	if d.header.Frames, err = c.pages(first); err != nil {
		return nil, err
	}
	if err := c.describe(&d.header, first); err != nil {
		return nil, err
	}
	return d, d.prepare(first)
}

// prepare chooses the layout, and holds what must be in memory: the file, unless its strips or tiles
// follow one another behind everything that was read so far.
func (d *decoder) prepare(first *directory) (err error) {
	c, f := d.c, d.f
	if f.compression == jpegOld {
		if err := c.oldJPEG(f, first); err != nil {
			return err
		}
	}
	if err := d.divide(first); err != nil {
		return err
	}
	if f.compression == jpegNew {
		if d.jpeg, err = d.openJPEG(); err != nil {
			return err
		}
	}
	if d.col, err = newColours(c, f); err != nil {
		return err
	}
	icc := d.header.Layout.Space.ICC
	d.header.Layout = d.col.layout
	d.header.Layout.Space.ICC = icc
	return d.hold()
}

// divide computes how the picture is divided, and checks that there are as many strips or tiles.
func (d *decoder) divide(first *directory) error {
	f := d.f
	d.across, d.down, d.lanes = ceilDiv(f.width, f.blockW), ceilDiv(f.height, f.blockH), 1
	if f.planar {
		d.lanes = f.samples
	}
	for _, e := range []entry{f.offsets, f.counts} {
		if ok, err := d.c.holds(e); err != nil {
			return err
		} else if !ok {
			return d.c.s.Corrupt(e.at, "the table of strips or tiles is not in the file")
		}
	}
	n := int64(d.across) * int64(d.down)
	if n > f.offsets.count || n*int64(d.lanes) > f.offsets.count {
		return d.c.s.Corrupt(first.at, "strips or tiles: %d, want %d", f.offsets.count, n*int64(d.lanes))
	}
	if f.counts.count != 0 && f.counts.count < n*int64(d.lanes) {
		return d.c.s.Corrupt(first.at, "lengths of strips or tiles: %d, want %d", f.counts.count, n*int64(d.lanes))
	}
	return nil
}

func ceilDiv(a, b int) int { return int((int64(a) + int64(b) - 1) / int64(b)) }

// holds reports whether the values of an entry are in the file, and brings them within reach.
func (c *container) holds(e entry) (bool, error) {
	if e.count == 0 {
		return true, nil
	}
	if e.at > math.MaxInt64-e.size() {
		return false, nil
	}
	return c.reach(e.at, e.at+e.size())
}

// block returns where strip or tile i begins and ends in the file.
func (d *decoder) block(i int64) (at, end int64, err error) {
	start, err := d.c.integer(d.f.offsets, i)
	if err != nil {
		return 0, 0, err
	}
	if start >= math.MaxInt64/2 {
		return 0, 0, d.c.s.Corrupt(d.f.offsets.at, "a strip or tile at offset %d", start)
	}
	var n uint64
	if d.f.counts.count > 0 {
		if n, err = d.c.integer(d.f.counts, i); err != nil {
			return 0, 0, err
		}
	}
	switch {
	case n == 0 && start == 0:
		return 0, 0, d.c.s.Corrupt(d.f.offsets.at, "strip or tile %d has no data", i)
	case n == 0: // the writer did not know it
		return int64(start), math.MaxInt64, nil // as far as its rows go
	case d.f.compression == uncompressed && !d.f.tiled && d.across*d.down*d.lanes == 1:
		n = max(n, uint64(d.rawBytes(d.f.height))) // a writer that counted wrongly; libtiff reckons it, too
	}
	return int64(start), int64(start + min(n, math.MaxInt64/2)), nil
}

// independent reports whether planes are decoded one after another: as they are stored, and as no
// arithmetic needs several of them.
func (d *decoder) independent() bool {
	col := d.col
	return d.f.planar && col.means == none && col.ycc == nil && col.lab == nil && col.table == nil
}

// passes lists the planes of the file that are decoded side by side.
func (d *decoder) passes() [][]int {
	var planes []int
	for k := range d.f.colours() {
		planes = append(planes, k)
	}
	if d.col.means != none {
		planes = append(planes, d.col.alpha)
	}
	switch {
	case d.independent():
		var each [][]int
		for _, k := range planes {
			each = append(each, []int{k})
		}
		return each
	case d.f.planar:
		return [][]int{planes}
	}
	return [][]int{{0}}
}

// hold loads the file as far as its pixels go, unless they can be read where they are, or from the
// stream.
func (d *decoder) hold() error {
	n := int64(d.across) * int64(d.down) * int64(d.lanes)
	ordered, at, most := !d.f.planar || d.independent(), d.c.size, int64(0)
	for i := range n {
		start, end, err := d.block(i)
		if err != nil {
			return err
		}
		most = max(most, end)
		if end > d.c.size { // The rest of it comes from the stream, which is at most at the last end.
			ordered = ordered && max(start, d.c.size) >= at
			at = max(at, end)
		}
	}
	if ordered {
		return nil
	}
	_, err := d.c.load(most)
	return err
}

// Header implements codec.Decoder.
func (d *decoder) Header() codec.Header { return d.header }

// Shrink implements codec.Decoder. There is no cheaper scale.
func (d *decoder) Shrink(int, int) plane.Layout { return d.header.Layout }

// Length implements codec.Decoder.
func (d *decoder) Length(enough int64) (int64, error) { return d.c.s.Length(enough) }

// Memory implements codec.Decoder: what is held of the file, the rows of a band in the form of the
// file and in planes, and the decompressors. A band is a few rows of a strip, or a row of tiles.
func (d *decoder) Memory() int64 {
	n := d.c.held() + 64<<10
	if d.jpeg != nil {
		return n + d.jpegMemory()
	}
	var planes int64
	for _, lanes := range d.passes() {
		planes = max(planes, int64(len(lanes)))
	}
	width := int64(len(d.header.Layout.Planes)) * int64(d.f.width)
	if d.independent() {
		width = int64(d.f.width)
	}
	rows := int64(d.step())
	if d.f.tiled {
		rows = int64(min(d.f.blockH, d.f.height))
	}
	n += width*rows + planes*(int64(d.rawBytes(d.step()))+d.rawBytes(1)+expanderMemory(d.f))
	if d.col.deep {
		n += 2 * int64(d.f.width) * int64(len(d.header.Layout.Planes))
	}
	return n
}

// Decode implements codec.Decoder.
func (d *decoder) Decode(ctx context.Context, sink plane.Sink) (codec.Report, error) {
	if d.jpeg != nil {
		return d.decodeJPEG(ctx, sink)
	}
	for _, lanes := range d.passes() {
		b := d.newBand(lanes, sink)
		for row := range d.down {
			if err := b.blocks(ctx, row); err != nil {
				return codec.Report{}, err
			}
		}
	}
	return codec.Report{}, nil
}

// subsampled reports whether blocks are stored as data units of several rows.
func (f *fields) subsampled() bool { return f.photometric == yCbCr && f.subX*f.subY > 1 }

// bandBytes is about how many bytes are decompressed at a time.
const bandBytes = 256 << 10

// step is how many rows of a strip or tile are decompressed at a time: some, a multiple of 4 unless
// there are fewer.
func (d *decoder) step() int {
	n := int(min(max(bandBytes/max(d.rawBytes(1), 1), 1), 16))
	if n > 4 || d.f.subsampled() {
		n = max(n/4*4, 4)
	}
	return min(n, d.f.blockH)
}

// rawBytes is the length of n rows of a strip or tile as it is stored.
func (d *decoder) rawBytes(n int) int64 {
	if f := d.f; f.subsampled() {
		return int64(ceilDiv(n, f.subY)) * int64(ceilDiv(f.blockW, f.subX)) * int64(f.subX*f.subY+2)
	}
	return int64(n) * d.col.pack.rowBytes(d.f.blockW)
}

// fault turns an error of decompression into one that names the place.
func (d *decoder) fault(err error, s *section, block int64) error {
	switch {
	case d.c.s.Err() != nil:
		return d.c.s.Err()
	case errors.Is(err, codec.ErrUnsupported):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return d.c.s.Corrupt(s.offset(), "strip or tile %d ends before its last row", block)
	}
	return d.c.s.Corrupt(s.offset(), "strip or tile %d: %v", block, err)
}
