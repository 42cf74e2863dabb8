// Package jpeg reads and writes JPEG files: ITU-T T.81 with the JFIF (T.871) and Adobe conventions.
//
// The decoder reads baseline, extended sequential and progressive Huffman-coded pictures of 8 bits and 1, 3 or 4
// components from a stream, whole or at n/8 of their size, straight into planes: it never interleaves, never raises
// chroma to the size of luma, and converts no colours but YCCK, which nothing else knows. It stops reading once the rest of
// a progressive file can change nothing at the chosen size. What is damaged is decoded as libjpeg does it and reported.
// Arithmetic coding, other depths, lossless and hierarchical files are refused by name. It never touches files, networks
// or the clock.
package jpeg

import (
	"context"
	"io"

	"github.com/imgmill/imgmill/internal/engine/plane"
)

// DecodeOptions change how a Decoder judges and works. The zero value judges as browsers do, in one thread.
type DecodeOptions struct {
	Strict  bool // damage is an error instead of a Report, also in scans that come when nothing depends on them any more
	Threads int  // that may decode a sequential picture, the caller's among them; no more than 8 are of use
}

// Report is what a decode has to say.
type Report struct {
	Damage string // what was wrong first, empty if nothing was
}

// Decoder reads one picture. Its methods are called in the order in which they stand, Shrink any number of times,
// Decode once.
type Decoder struct {
	opt    DecodeOptions
	src    *source
	own    int   // of walker
	at     int64 // offset of the marker being read
	header Header
	tables tables
	comps  []*component
	first  scanHeader

	hmax, vmax   int
	mcusX, mcusY int
	colour       colour

	scans  int
	damage string
	flags  int // how often flag was told of damage
}

// component is what is known of one colour plane while it is decoded.
type component struct {
	Component
	index            int
	tq               byte
	n                int        // samples across a decoded block
	size             plane.Size // of what is decoded, at that scale
	blocksX, blocksY int        // that hold samples of the picture
	padX, padY       int        // with those that fill up the last MCUs
	expand           bool       // to the picture's size, see colour
	quant            *[64]uint16
	scanned          bool
	pred             int32
	stride           int
	band             []byte // V rows of blocks
	scratch          []byte // an expanded band
	coef             *coefficients
}

// NewDecoder reads the header: everything up to the first scan, and little beyond it. A picture that does not say its
// height there is read as far as the marker that does, at most 64 MB. Errors are *FormatError, *UnsupportedError, or the
// reader's, wrapped.
func NewDecoder(r io.Reader, o DecodeOptions) (*Decoder, error) {
	d := &Decoder{opt: o, src: newSource(r), own: ownSize}
	if err := d.readHeader(); err != nil {
		return nil, err
	}
	d.src.step = scanRead
	return d, nil
}

// Header is what was read so far. The caller must not change what it points to.
func (d *Decoder) Header() Header { return d.header }

// finishHeader works out the geometry (T.81 A.1.1, A.2.4) and what the components mean.
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
	d.mcusX, d.mcusY = ceilDiv(h.Width, 8*d.hmax), ceilDiv(h.Height, 8*d.vmax)
	for i, c := range d.comps {
		c.index = i
		c.blocksX = ceilDiv(ceilDiv(h.Width*c.H, d.hmax), 8)
		c.blocksY = ceilDiv(ceilDiv(h.Height*c.V, d.vmax), 8)
		c.padX, c.padY = d.mcusX*c.H, d.mcusY*c.V
	}
	d.joinICC()
	d.setColour()
	for _, c := range d.comps {
		d.setScale(c, 8)
	}
	h.Layout = d.layout()
	return nil
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// findHeight looks for the DNL segment that ends the first scan of a picture of height 0 (T.81 B.2.5).
func (d *Decoder) findHeight() error {
	i, ok := d.src.ahead()
	if err := d.src.fail(); err != nil {
		return err
	}
	if w := d.src.window(i + 6); ok && len(w) == i+6 && w[i+1] == markerDNL {
		d.header.Height = int(w[i+4])<<8 | int(w[i+5])
	}
	if d.header.Height == 0 {
		return d.corrupt("height 0")
	}
	return nil
}

// setScale chooses how large the blocks of a component are decoded.
func (d *Decoder) setScale(c *component, n int) {
	c.n = n
	w, wd := d.header.Width*c.H*n, d.hmax*8
	h, hd := d.header.Height*c.V*n, d.vmax*8
	c.size = plane.Size{
		Width: ceilDiv(w, wd), Height: ceilDiv(h, hd),
		SpanX: float64(w) / float64(wd), SpanY: float64(h) / float64(hd),
	}
}

// layout is what Decode gives at the present scales.
func (d *Decoder) layout() plane.Layout {
	l := plane.Layout{Model: d.colour.model}
	for _, c := range d.comps {
		l.Planes = append(l.Planes, d.given(c))
	}
	return l
}

// given is the size in which a component's plane is given.
func (d *Decoder) given(c *component) plane.Size {
	if !c.expand {
		return c.size
	}
	w, h := d.header.Width*c.n, d.header.Height*c.n
	return plane.Size{Width: ceilDiv(w, 8), Height: ceilDiv(h, 8), SpanX: float64(w) / 8, SpanY: float64(h) / 8}
}

// Shrink tells the decoder that no more than w×h samples of the stored picture are needed. It chooses the smallest scale
// n/8 of each plane that suffices, chroma for half of w and h as in 4:2:0, and answers with what Decode will give.
func (d *Decoder) Shrink(w, h int) plane.Layout {
	for i, c := range d.comps {
		needW, needH := w, h
		if d.colour.model == plane.YCbCr && i > 0 {
			needW, needH = ceilDiv(w, 2), ceilDiv(h, 2)
		}
		for n := 1; n <= 8; n++ {
			d.setScale(c, n)
			if s := d.given(c); s.Width >= needW && s.Height >= needH {
				break
			}
		}
	}
	return d.layout()
}

// Memory is about how many bytes Decode will hold at the present scales: the height of the picture matters only where
// its coefficients come in several scans, or an unusual file gives planes one after another that are needed together.
func (d *Decoder) Memory() int64 {
	total := int64(scanRead + cleanSize + 1<<18)
	if n := ringSize(min(d.opt.Threads, maxThreads)); n > 1 && !d.header.Progressive {
		total += int64(n) * (memSize + 3*aheadSize) // two bytes a coefficient, and no more than one a block
	}
	for _, c := range d.comps {
		total += int64(c.padX*c.n) * int64(c.V*c.n)
		if c.expand {
			total += int64(d.given(c).Width) * int64(d.vmax*c.n+1)
		}
		if d.header.Progressive {
			total += int64(c.padX) * int64(c.padY) * int64(coefficientBytes(c.n))
		} else if d.colour.ycck && len(d.first.parts) < len(d.comps) {
			total += int64(d.given(c).Width) * int64(d.given(c).Height)
		}
	}
	return total
}

// Decode pushes the picture's rows to sink as they come, in planes of the layout that Shrink or Header gave. Damage that
// leaves something to show is reported; what it leaves out is grey. Errors are *FormatError, the reader's (wrapped),
// ctx's, or the sink's, unchanged; the Report beside an error is of the damage found by then.
//
// Of a progressive picture no more is read than the scale needs: once the last bit of every coefficient that it keeps has
// come in sound scans, the rest of the file is left, with what damage may be there, unless Strict asks for it.
func (d *Decoder) Decode(ctx context.Context, sink plane.Sink) (Report, error) {
	if d.colour.ycck {
		sink = &ycckSink{next: sink, width: d.given(d.comps[0]).Width}
	}
	for _, c := range d.comps {
		c.stride = c.padX * c.n
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

// flag notes damage at the source's position, less what was read ahead, or returns it as an error.
func (d *Decoder) flag(readAhead int, reason string) error {
	if err := d.src.fail(); err != nil {
		return err
	}
	d.flags++
	if d.damage != "" { // the first is the one told, and there may be millions
		return nil
	}
	e := &FormatError{d.src.offset() - int64(readAhead), reason}
	if d.opt.Strict {
		return e
	}
	d.damage = e.Error()
	return nil
}
