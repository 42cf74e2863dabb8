package vp8

import (
	"context"
	"unsafe"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// Reader reads a VP8 key frame (RFC 6386), a row of macroblocks at a time: modes, coefficients
// and prediction fill a band, which is then filtered and emitted.
type Reader struct {
	format *codec.Format
	base   int64 // offset of the data in the file
	size   int64 // of the data

	Width, Height int // pixels
	mbh           int // rows of macroblocks
	header        frameHeader
	modes         boolDecoder
	rest          []byte // what follows the first partition
	partitions    [maxPartitions]boolDecoder
	partitionMask int

	topBmodes  []uint8 // of the subblocks above
	leftBmodes [4]uint8
	top        []blockContext
	left       blockContext
	reconstruction
}

// reconstruction makes the pixels of macroblocks from left to right, from their modes, their
// coefficients and the pixels around them, before the loop filter.
type reconstruction struct {
	ws     workspace
	mbw    int       // macroblocks in a row
	above  [3][]byte // the last row of pixels of the macroblocks above
	vector bool
}

func newReconstruction(mbw int) reconstruction {
	return reconstruction{
		mbw: mbw, vector: useVector(),
		above: [3][]byte{make([]byte, 16*mbw), make([]byte, 8*mbw), make([]byte, 8*mbw)},
	}
}

// bandApron is how many luma rows of the band above a band begins with. The filter of a band
// changes three of them and reads four; as many as this are held back, which is even in chroma.
const bandApron = 8

// MostRows is how many rows are emitted at a time, at most.
const MostRows = bandApron + 16

// band is a row of macroblocks with the rows above it that its loop filter changes.
type band struct {
	pix    [3][]byte // 24 rows of luma, 12 of each chroma
	stride [3]int
	edges  []edges
	y      int // row of macroblocks
}

func newBand(mbw int) *band {
	b := &band{edges: make([]edges, mbw)}
	for p := range b.pix {
		b.stride[p] = 16 * mbw
		rows := MostRows
		if p > 0 {
			b.stride[p], rows = 8*mbw, rows/2
		}
		b.pix[p] = make([]byte, b.stride[p]*rows)
	}
	return b
}

// NewReader returns a reader of a frame that begins at offset base of the file, and which
// FrameSize has found valid.
func NewReader(data []byte, base int64, f *codec.Format) (*Reader, error) {
	w, h, first, reason := FrameSize(data)
	if reason != "" {
		return nil, codec.CorruptAt(f, base, "%s", reason)
	}
	d := &Reader{
		format: f, base: base, size: int64(len(data)),
		Width: w, Height: h, mbh: (h + 15) / 16,
		modes: newBoolDecoder(data[10 : 10+first]), rest: data[10+first:],
		reconstruction: newReconstruction((w + 15) / 16),
	}
	if err := d.readHeader(); err != nil {
		return nil, err
	}
	d.top = make([]blockContext, d.mbw)
	d.topBmodes = make([]uint8, 4*d.mbw)
	return d, nil
}

// rowsAhead is how many rows of macroblocks are read ahead of their reconstruction if two threads
// share the work.
const rowsAhead = 3

// Memory is how many bytes decoding a w pixel wide VP8 frame takes.
func Memory(w, threads int) int64 {
	mbw := int64(w+15) / 16
	n := mbw * (24*16*3/2 + 16*2 + 64)
	if threads > 1 {
		n += rowsAhead * mbw * int64(unsafe.Sizeof(macroblock{})+unsafe.Sizeof(coefficients{}))
	}
	return n
}

func (d *Reader) truncated() error {
	return codec.CorruptAt(d.format, d.base+d.size, "the picture is truncated")
}

// Rows are rows of the three planes of a frame, as stored: studio range, 4:2:0.
type Rows struct {
	Pix    [3][]byte
	Stride [3]int
	Y, N   int // luma rows; Y is even, and so is N but for the last rows
}

// Decode calls emit with all rows in order. They are valid until emit returns. With more than one
// thread, modes and coefficients are read ahead.
func (d *Reader) Decode(ctx context.Context, threads int, emit func(Rows) error) error {
	b := newBand(d.mbw)
	f := loopFilter{simple: d.header.simpleFilter, vector: d.vector}
	finish := func(y int) error {
		b.y = y
		f.filterRow(b, y > 0)
		if err := emit(d.finished(b)); err != nil {
			return err
		}
		b.handOn()
		return nil
	}
	if threads > 1 {
		return d.decodeAhead(ctx, b, finish)
	}
	row := &tokenRow{macroblocks: make([]macroblock, d.mbw), coefficients: make([]coefficients, 1)}
	for y := range d.mbh {
		if err := d.beginRow(ctx, row, y); err != nil {
			return err
		}
		for x := range row.macroblocks {
			if err := d.readMacroblock(row, x, &row.coefficients[0]); err != nil {
				return err
			}
			d.reconstruct(b, row, x, &row.coefficients[0])
		}
		if err := finish(y); err != nil {
			return err
		}
	}
	return nil
}

// decodeAhead is decode in two threads.
func (d *Reader) decodeAhead(ctx context.Context, b *band, finish func(y int) error) error {
	rows := make([]*tokenRow, rowsAhead)
	for i := range rows {
		rows[i] = &tokenRow{macroblocks: make([]macroblock, d.mbw), coefficients: make([]coefficients, d.mbw)}
	}
	next := 0
	read := func(row *tokenRow) (more bool, err error) {
		if err := d.beginRow(ctx, row, next); err != nil {
			return false, err
		}
		for x := range row.macroblocks {
			if err := d.readMacroblock(row, x, &row.coefficients[x]); err != nil {
				return false, err
			}
		}
		next++
		return next < d.mbh, nil
	}
	return codec.Pipeline(rows, read, func(row *tokenRow) error {
		for x := range row.macroblocks {
			d.reconstruct(b, row, x, &row.coefficients[x])
		}
		return finish(row.y)
	})
}

// tokenRow is what the partitions hold about a row of macroblocks. With one thread there is one
// element of coefficients, used by each macroblock in turn.
type tokenRow struct {
	y            int
	macroblocks  []macroblock
	coefficients []coefficients
}

// beginRow reads the modes of a row.
func (d *Reader) beginRow(ctx context.Context, row *tokenRow, y int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	row.y = y
	d.left = blockContext{}
	return d.readModes(row.macroblocks)
}

// readMacroblock reads the coefficients of macroblock x.
func (d *Reader) readMacroblock(row *tokenRow, x int, c *coefficients) error {
	m, top, left := &row.macroblocks[x], &d.top[x], &d.left
	m.residue = false
	if m.skip {
		y2, leftY2 := top.y2, left.y2
		*top, *left = blockContext{}, blockContext{}
		if m.subblocks { // which have no Y2, so that its context stays
			top.y2, left.y2 = y2, leftY2
		}
		return nil
	}
	tokens := &d.partitions[row.y&d.partitionMask]
	m.residue = d.readCoefficients(tokens, m, c, top, left)
	if tokens.past() {
		return d.truncated()
	}
	return nil
}

// reconstruct predicts macroblock x and adds its residue, without the loop filter.
func (d *Reader) reconstruct(b *band, row *tokenRow, x int, c *coefficients) {
	m := &row.macroblocks[x]
	d.prepareEdges(x, row.y)
	d.predict(m, c, x > 0, row.y > 0)
	d.store(b, x)
	d.keepEdge(x)
	limits := d.header.segments[m.segment].filter[nonZero(m.subblocks)]
	b.edges[x] = edges{limits, m.subblocks || m.residue}
}

// predict predicts a macroblock and adds its residue, in the workspace.
func (r *reconstruction) predict(m *macroblock, c *coefficients, hasLeft, hasTop bool) {
	ws := &r.ws
	if m.subblocks {
		for i, mode := range m.bmodes {
			at := lumaAt + i/4*4*wsStride + i%4*4
			predictSubblock(ws, at, mode)
			if m.residue {
				r.addBlock(at, c, i)
			}
		}
	} else {
		predictBlock(ws, lumaAt, 16, m.ymode, hasLeft, hasTop)
		if m.residue {
			for i := 0; i < 16; i += 2 {
				r.addBlocks(lumaAt+i/4*4*wsStride+i%4*4, c, i)
			}
		}
	}
	predictBlock(ws, uAt, 8, m.uvmode, hasLeft, hasTop)
	predictBlock(ws, vAt, 8, m.uvmode, hasLeft, hasTop)
	if m.residue {
		for i := range 4 {
			r.addBlocks(uAt+i/2*(vAt-uAt)+i%2*4*wsStride, c, 16+2*i)
		}
	}
}

// prepareEdges puts the pixels around macroblock x, y into the workspace.
func (r *reconstruction) prepareEdges(x, y int) {
	ws := &r.ws
	if x > 0 {
		for at := 0; at < 17*wsStride; at += wsStride {
			ws[at+7] = ws[at+7+16]
		}
		for at := 17 * wsStride; at < len(ws); at += wsStride {
			ws[at+7], ws[at+23] = ws[at+7+8], ws[at+23+8]
		}
	} else {
		for at := 0; at < len(ws); at += wsStride {
			ws[at+7], ws[at+23] = leftOfFrame, leftOfFrame
		}
	}
	top, topUV := ws[7:28], ws[17*wsStride+7:18*wsStride]
	if y == 0 {
		for i := range top {
			top[i] = aboveFrame
		}
		for i := range topUV {
			topUV[i] = aboveFrame
		}
	} else {
		copy(top[1:17], r.above[0][16*x:])
		if x < r.mbw-1 {
			copy(top[17:], r.above[0][16*x+16:])
		} else {
			for i := range 4 {
				top[17+i] = top[16]
			}
		}
		copy(topUV[1:9], r.above[1][8*x:])
		copy(topUV[17:25], r.above[2][8*x:])
	}
	right := [4]byte(top[17:])
	for row := 4; row < 16; row += 4 {
		*(*[4]byte)(ws[row*wsStride+24:]) = right
	}
}

// store copies macroblock x from the workspace to its band.
func (r *reconstruction) store(b *band, x int) {
	ws := &r.ws
	at := bandApron*b.stride[0] + 16*x
	for y := range 16 {
		*(*[16]byte)(b.pix[0][at:]) = [16]byte(ws[lumaAt+y*wsStride:])
		at += b.stride[0]
	}
	at = bandApron/2*b.stride[1] + 8*x
	for y := range 8 {
		*(*[8]byte)(b.pix[1][at:]) = [8]byte(ws[uAt+y*wsStride:])
		*(*[8]byte)(b.pix[2][at:]) = [8]byte(ws[vAt+y*wsStride:])
		at += b.stride[1]
	}
}

// keepEdge copies the last row of macroblock x to above.
func (r *reconstruction) keepEdge(x int) {
	*(*[16]byte)(r.above[0][16*x:]) = [16]byte(r.ws[lumaAt+15*wsStride:])
	*(*[8]byte)(r.above[1][8*x:]) = [8]byte(r.ws[uAt+7*wsStride:])
	*(*[8]byte)(r.above[2][8*x:]) = [8]byte(r.ws[vAt+7*wsStride:])
}

// finished returns the rows that no filter will change after that of band b.
func (d *Reader) finished(b *band) Rows {
	r := Rows{Pix: b.pix, Stride: b.stride, Y: 16*b.y - bandApron, N: 16}
	if b.y == 0 { // there is no band above
		r.Y, r.N = 0, 16-bandApron
		for p := range r.Pix {
			r.Pix[p] = r.Pix[p][b.apron(p)*b.stride[p]:]
		}
	}
	if b.y == d.mbh-1 {
		r.N = d.Height - r.Y
	}
	return r
}

// apron is how many rows of a plane a band has of the one above.
func (b *band) apron(p int) int {
	if p == 0 {
		return bandApron
	}
	return bandApron / 2
}

// handOn copies the last rows of the band to its beginning, for the band below.
func (b *band) handOn() {
	for p, pix := range b.pix {
		n := b.apron(p) * b.stride[p]
		copy(pix[:n], pix[len(pix)-n:])
	}
}
