// Package decode reads JPEG files: ITU-T T.81 with the JFIF (T.871) and Adobe conventions.
//
// It reads baseline, extended sequential and progressive pictures of 8 or 12 bits, with
// Huffman or arithmetic coding, and lossless pictures of 2 to 16 bits with Huffman coding, of 1, 3 or
// 4 components, from a stream, at full size or (unless lossless) at n/8 of it, straight into planes
// of 8 bits. It never interleaves samples, never upsamples chroma to the size of luma, and never
// converts colours, except from YCCK, which only JPEG has. It stops reading once the rest of a
// progressive file cannot change the result at the chosen size. It decodes damaged files as libjpeg
// does and reports the damage. It refuses hierarchical files, lossless arithmetic coding and other
// numbers of bits or components with an error that names the feature. It never accesses files,
// networks or the clock.
package decode

import (
	"bytes"
	"context"
	"io"

	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// Options configure a Decoder. The zero value is as lenient as browsers are and uses one
// thread.
type Options struct {
	// Strict makes damage an error instead of a Report, and also has scans decoded and checked that
	// can no longer change the result.
	Strict bool
	// InkAsStored is set where four components are not inverted, unlike those of a JPEG file: in a TIFF.
	InkAsStored bool
	// Threads is the number of threads that may decode, including the caller's. More than 8 are of no
	// use, and more than 2 of little for a progressive picture.
	Threads int
	// Application, unless it is nil, is called with the body of each APP1 and APP2 segment before the first scan, and the
	// body's offset in the stream. The body is valid until it returns.
	Application func(body []byte, offset int64)
}

// Report describes a completed decode.
type Report struct {
	Damage string // the first damage found, or empty
}

// Decoder reads one picture. Call its methods in the order in which they are declared: Shrink any
// number of times, Decode once.
type Decoder struct {
	opt         Options
	src         *source
	stretchSize int   // for the walker: the constant, except in tests
	stepBlocks  int   // for the pipeline: the constant, except in tests
	at          int64 // offset of the marker being read
	header      Header
	tables      tables
	comps       []*component
	first       scanHeader

	hmax, vmax   int
	mcusX, mcusY int
	colour       colour

	scans  int
	damage string
	flags  int // number of calls to flag
}

// component is the state of one colour plane during decoding.
type component struct {
	Component
	index            int
	tq               byte
	n                int        // width of a decoded block in samples, 8 if there are no blocks
	side             int        // width of a data unit in the band: n, or 1 if lossless
	size             plane.Size // size of the decoded plane at that scale
	blocksX, blocksY int        // number of blocks with samples of the picture; of samples if lossless
	padX, padY       int        // the same, including the padding of the last MCUs
	expand           bool       // whether to raise samples to the picture's size; see colour
	quant            *[64]uint16
	scanned          bool
	pred             int32
	condition        uint8 // first context of the next DC difference, if the coding is arithmetic
	stride           int
	band             []byte // samples of V rows of blocks
	raiser           *raiser
	coef             *coefficients
}

// New reads the header: everything up to the first scan, and little beyond it. If the header
// does not state the picture's height, New reads on to the marker that does, at most 64 MB.
// It returns a *FormatError, an *UnsupportedError, or the reader's error, wrapped.
func New(r io.Reader, o Options) (*Decoder, error) {
	d := &Decoder{opt: o, src: newSource(r), stretchSize: stretchSize, stepBlocks: stepBlocks}
	d.tables.conditionings = usualConditionings()
	if err := d.readHeader(); err != nil {
		return nil, err
	}
	d.src.step = scanRead
	return d, nil
}

// Header returns the header. The caller must not modify what its fields refer to.
func (d *Decoder) Header() Header { return d.header }

// finishHeader computes the geometry (T.81 A.1.1, A.2.4) and determines the colour model.
func (d *Decoder) finishHeader() error {
	h := &d.header
	if h.Height == 0 {
		if err := d.findHeight(); err != nil {
			return err
		}
	}
	for _, c := range d.comps {
		d.hmax, d.vmax = max(d.hmax, c.H), max(d.vmax, c.V)
	}
	unit := 8
	if h.Lossless {
		unit = 1
	}
	d.mcusX, d.mcusY = ceilDiv(h.Width, unit*d.hmax), ceilDiv(h.Height, unit*d.vmax)
	for i, c := range d.comps {
		c.index = i
		c.blocksX = ceilDiv(ceilDiv(h.Width*c.H, d.hmax), unit)
		c.blocksY = ceilDiv(ceilDiv(h.Height*c.V, d.vmax), unit)
		c.padX, c.padY = d.mcusX*c.H, d.mcusY*c.V
	}
	d.joinICC()
	d.joinMetadata()
	d.setColour()
	for _, c := range d.comps {
		d.setScale(c, 8)
	}
	h.Layout = d.layout()
	return nil
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// findHeight looks for the DNL segment at the end of the first scan, which states the height if the
// frame header has height 0 (T.81 B.2.5).
func (d *Decoder) findHeight() error {
	i, ok := d.src.peekMarker()
	if err := d.src.fail(); err != nil {
		return err
	}
	if w := d.src.window(i + 6); ok && len(w) == i+6 && w[i+1] == stream.DNL {
		d.header.Height = int(w[i+4])<<8 | int(w[i+5])
	}
	if d.header.Height == 0 {
		return d.corrupt("image height is 0")
	}
	return nil
}

// setScale sets the scale of a component to n/8.
func (d *Decoder) setScale(c *component, n int) {
	c.n, c.side = n, n
	if d.header.Lossless {
		c.side = 1
	}
	w, wd := d.header.Width*c.H*n, d.hmax*8
	h, hd := d.header.Height*c.V*n, d.vmax*8
	c.size = plane.Size{
		Width: ceilDiv(w, wd), Height: ceilDiv(h, hd),
		SpanX: float64(w) / float64(wd), SpanY: float64(h) / float64(hd),
	}
}

// layout returns the layout that Decode produces at the current scales.
func (d *Decoder) layout() plane.Layout {
	l := plane.Layout{Model: d.colour.model, Bits: plane.Bits}
	kinds := d.colour.model.Kinds()
	for i, c := range d.comps {
		l.Planes = append(l.Planes, plane.Plane{Kind: kinds[i], Size: d.outputSize(c)})
	}
	return l
}

// outputSize is the size in which a component's plane is passed to the sink.
func (d *Decoder) outputSize(c *component) plane.Size {
	if !c.expand {
		return c.size
	}
	w, h := d.header.Width*c.n, d.header.Height*c.n
	return plane.Size{
		Width: ceilDiv(w, 8), Height: ceilDiv(h, 8),
		SpanX: float64(w) / 8, SpanY: float64(h) / 8,
	}
}

// Shrink declares that w×h samples of the stored picture suffice. It chooses for each plane the
// smallest sufficient scale n/8, where chroma needs half of w and h as in 4:2:0, and returns the
// layout that Decode will produce.
func (d *Decoder) Shrink(w, h int) plane.Layout {
	kinds := d.colour.model.Kinds()
	for i, c := range d.comps {
		needW, needH := w, h
		if kinds[i] == plane.Chroma {
			needW, needH = ceilDiv(w, 2), ceilDiv(h, 2)
		}
		least := 1
		if d.header.Lossless {
			least = 8
		}
		for n := least; n <= 8; n++ {
			d.setScale(c, n)
			if s := d.outputSize(c); s.Width >= needW && s.Height >= needH {
				break
			}
		}
	}
	return d.layout()
}

// Memory estimates how many bytes Decode will hold at the current scales. They grow with the height
// of the picture only if its coefficients are spread over several scans, or if an unusual file
// stores planes one after another that are needed together.
func (d *Decoder) Memory() int64 {
	total := int64(scanRead + unstuffedSize + 1<<18)
	if threads := min(d.opt.Threads, maxThreads); !d.header.Progressive {
		// Two bytes per coefficient, at most one per block, and a quarter for what has become too small.
		total += int64(ringSize(threads, true)) * int64(memSize+3*(firstRoom+shared(aheadSize, threads)*5/4))
	}
	if d.opt.Threads > 1 && d.header.Progressive {
		total += dataAhead + scansAhead*(unstuffedSize+chunkSize)
	}
	for _, c := range d.comps {
		bands := c.V
		if d.header.Progressive {
			bands = min(max(d.opt.Threads, 1), maxThreads) // a row of blocks per thread
		}
		total += int64(c.padX*c.side) * int64(bands*c.side)
		if d.header.Lossless {
			total += 2 * int64(c.padX) * int64(c.V+1)
		}
		if c.expand {
			total += int64(d.outputSize(c).Width) * int64(2*d.vmax*c.n+16) // out grows by doubling
		}
		if d.header.Progressive {
			total += c.coefficientHeap()
		} else if d.colour.ycck && len(d.first.parts) < len(d.comps) {
			total += int64(d.outputSize(c).Width) * int64(d.outputSize(c).Height)
		}
	}
	return total
}

// Decode pushes the picture's rows to sink as they become available, in planes of the layout that
// Shrink or Header returned. Damage that leaves something to show is reported; missing parts are
// grey. Errors are a *FormatError, the reader's error (wrapped), or the unchanged error of ctx or
// the sink. The Report is also valid if there is an error: it describes the damage found before.
//
// A progressive picture is read only as far as the scale requires, unless Strict is set: up to the scan
// that completes all coefficients that it keeps, provided that the scans before that one are undamaged.
// Rows are pushed while it is decoded. Damage after it is not reported.
func (d *Decoder) Decode(ctx context.Context, sink plane.Sink) (Report, error) {
	if d.colour.ycck {
		sink = &ycckSink{next: sink, width: d.outputSize(d.comps[0]).Width}
	}
	for _, c := range d.comps {
		c.stride = c.padX * c.side
	}
	var err error
	if d.header.Progressive {
		err = d.progressive(ctx, sink)
	} else {
		err = d.sequential(ctx, sink)
	}
	if err == nil {
		err = d.src.fail()
	}
	return Report{d.damage}, err
}

// Rest returns what the stream has behind the picture, after Decode: from an offset on, or from where the Decoder stands if
// that is farther.
func (d *Decoder) Rest(offset int64) io.Reader {
	s := d.src
	if skip := offset - s.offset(); skip > 0 {
		s.skip(int(skip))
	}
	rest := io.MultiReader(bytes.NewReader(s.buf[s.pos:s.end]), s.r)
	s.pos = s.end
	return rest
}

// flag records damage at the source's position less readAhead bytes, or returns it as an error.
func (d *Decoder) flag(readAhead int, reason string) error {
	if err := d.src.fail(); err != nil {
		return err
	}
	d.flags++
	if d.damage != "" { // Only the first is reported; there may be millions.
		return nil
	}
	e := &FormatError{d.src.offset() - int64(readAhead), reason}
	if d.opt.Strict {
		return e
	}
	d.damage = e.Error()
	return nil
}
