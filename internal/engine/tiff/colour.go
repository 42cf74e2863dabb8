package tiff

import (
	"math"

	"github.com/imgmill/imgmill/internal/engine/plane"
)

// colours turns rows of samples into rows of the layout's planes.
type colours struct {
	layout plane.Layout
	f      *fields
	pack   packing
	alpha  int // sample that is alpha
	means  int // associated, unassociated or none
	table  [][]byte
	ycc    *yccTable // converts to RGB
	lab    *labTable
	deep   bool       // 16 bits are needed on the way
	wide   [][]uint16 // rows of them
	one    [][]byte   // rows by sample, reused
}

// newColours chooses the layout of a picture and how its samples become that.
func newColours(c *container, f *fields) (*colours, error) {
	p := &colours{f: f, pack: newPacking(c, f)}
	p.alpha, p.means = f.alpha()
	alpha := p.means != none
	model, subX, subY := plane.RGB, 1, 1
	switch f.photometric {
	case whiteIsZero, blackIsZero:
		model = plane.Gray
	case palette:
		var err error
		if p.table, err = c.palette(f); err != nil {
			return nil, err
		}
		if len(p.table) == 1 {
			model = plane.Gray
		}
	case separated:
		model = plane.CMYK
	case yCbCr:
		if !alpha && f.fullRange() && f.format == unsigned {
			model, subX, subY = plane.YCbCr, f.subX, f.subY
		} else {
			p.ycc = newYCCTable(f)
		}
	case cieLab, iccLab:
		p.lab = newLabTable(f.photometric == iccLab)
	}
	p.layout = plane.NewLayout(model, alpha, f.width, f.height, subX, subY)
	p.deep = f.bits > 8 && (p.means == associated || p.lab != nil)
	return p, nil
}

// source is a row of samples: one that holds all of them, or one for each plane.
type source [][]byte

func (p *colours) sample(s source, k int) (row []byte, at int) {
	if p.f.planar {
		return s[k], 0
	}
	return s[0], k
}

// row converts a row to dst, which has one row for each plane.
func (p *colours) row(dst [][]byte, src source) {
	if p.table != nil {
		p.lookUp(dst, src)
	} else if p.deep {
		p.rowDeep(dst, src)
		return
	} else if p.f.planar {
		for k := range p.f.colours() {
			p.pack.split(dst[k:k+1], src[k])
		}
	} else {
		p.splitAll(dst, src[0])
		p.finish(dst)
		return
	}
	if p.means != none {
		row, at := p.sample(src, p.alpha)
		p.one = append(p.one[:0], make([][]byte, at)...)
		p.pack.split(append(p.one, dst[len(dst)-1]), row)
	}
	p.finish(dst)
}

// splitAll splits a row of interleaved samples.
func (p *colours) splitAll(dst [][]byte, row []byte) {
	n := p.f.colours()
	p.one = append(p.one[:0], dst[:n]...)
	if p.means != none {
		for len(p.one) < p.alpha {
			p.one = append(p.one, nil)
		}
		p.one = append(p.one, dst[n])
	}
	p.pack.split(p.one, row)
}

// finish converts a row of 8-bit samples in place.
func (p *colours) finish(rows [][]byte) {
	if p.f.photometric == whiteIsZero {
		invert(rows[0])
	}
	if p.means == associated {
		alpha := rows[len(rows)-1]
		for _, row := range rows[:len(rows)-1] {
			straighten(row, alpha)
		}
	}
	if p.ycc != nil {
		p.ycc.row(rows[0], rows[1], rows[2])
	}
	if p.lab != nil {
		p.lab.row(rows[0], rows[1], rows[2])
	}
}

func invert(row []byte) {
	for i, v := range row {
		row[i] = ^v
	}
}

// straighten divides colour by alpha.
func straighten(row, alpha []byte) {
	for i, v := range row {
		switch a := uint32(alpha[i]); {
		case a == 0:
			row[i] = 0
		case a != 255:
			row[i] = byte(min((uint32(v)*255+a/2)/a, 255))
		}
	}
}

// rowDeep converts a row by way of 16 bits.
func (p *colours) rowDeep(dst [][]byte, src source) {
	w := len(dst[0])
	if p.wide == nil {
		p.wide = make([][]uint16, len(dst))
	}
	if len(p.wide[0]) < w {
		for i := range p.wide {
			p.wide[i] = make([]uint16, w)
		}
	}
	n := p.f.colours()
	for k := range n {
		row, at := p.sample(src, k)
		p.pack.to16(p.wide[k][:w], row, at)
	}
	if p.f.photometric == whiteIsZero {
		for x, v := range p.wide[0][:w] {
			p.wide[0][x] = ^v
		}
	}
	if p.means != none {
		row, at := p.sample(src, p.alpha)
		alpha := p.wide[n][:w]
		p.pack.to16(alpha, row, at)
		for x, a := range alpha {
			dst[n][x] = byte(a >> 8)
			if p.means != associated {
				continue
			}
			for k := range n {
				p.wide[k][x] = straight(p.wide[k][x], a)
			}
		}
	}
	for k := range n {
		for x, v := range p.wide[k][:w] {
			dst[k][x] = byte(v >> 8)
		}
	}
	switch {
	case p.ycc != nil:
		p.ycc.row(dst[0], dst[1], dst[2])
	case p.lab != nil:
		p.lab.deep(dst, p.wide, w)
	}
}

func straight(v, a uint16) uint16 {
	if a == 0 {
		return 0
	}
	return uint16(min((uint32(v)*65535+uint32(a)/2)/uint32(a), 65535))
}

// palette returns the colours of a palette picture as one table of gray, or three.
func (c *container) palette(f *fields) ([][]byte, error) {
	n := int64(1) << f.bits
	if f.colourMap.count < 3*n {
		return nil, c.s.Corrupt(f.colourMap.at, "a palette of %d entries, want %d", f.colourMap.count, 3*n)
	}
	values, err := c.integers(f.colourMap, 3*n)
	if err != nil {
		return nil, err
	}
	shift := 0 // of old files whose palette has 8 bits, as libtiff sees it
	for _, v := range values {
		if v > 255 {
			shift = 8
		}
	}
	table := make([][]byte, 3)
	gray := true
	for i := range n {
		for k := range table {
			table[k] = append(table[k], byte(values[int64(k)*n+i]>>shift))
		}
		gray = gray && table[0][i] == table[1][i] && table[0][i] == table[2][i]
	}
	if gray {
		table = table[:1]
	}
	return table, nil
}

// lookUp replaces indexes by the colours of the palette.
func (p *colours) lookUp(dst [][]byte, src source) {
	row, at := p.sample(src, 0)
	for k, t := range p.table {
		d := dst[k]
		switch {
		case p.f.bits == 8 && p.pack.per == 1:
			t := (*[256]byte)(t)
			for x, v := range row[:len(d)] {
				d[x] = t[v]
			}
		default:
			for x := range d {
				d[x] = t[p.pack.integer(row, x*p.pack.per+at)]
			}
		}
	}
}

// yccTable converts YCbCr to RGB (TIFF 6.0, section 21), in 16-bit fixed point.
type yccTable struct {
	luma, crRed, cbBlue, cbGreen, crGreen [256]int32
}

func newYCCTable(f *fields) *yccTable {
	t := new(yccTable)
	r, g, b := f.coefficients[0], f.coefficients[1], f.coefficients[2]
	if !(g > 0) {
		r, g, b = 0.299, 0.587, 0.114
	}
	ref := f.reference
	scale := func(v, black, white, most float64) float64 {
		if white == black {
			white = black + 1
		}
		return (v - black) * most / (white - black)
	}
	fixed := func(v float64) int32 { return int32(math.Round(min(max(v, -1<<14), 1<<14) * 65536)) }
	for i := range 256 {
		v := float64(i)
		cb, cr := scale(v, ref[2], ref[3], 127), scale(v, ref[4], ref[5], 127)
		t.luma[i] = fixed(scale(v, ref[0], ref[1], 255)) + 1<<15
		t.crRed[i] = fixed(cr * (2 - 2*r))
		t.cbBlue[i] = fixed(cb * (2 - 2*b))
		t.crGreen[i] = fixed(-cr * r * (2 - 2*r) / g)
		t.cbGreen[i] = fixed(-cb * b * (2 - 2*b) / g)
	}
	return t
}

func (t *yccTable) row(r, g, b []byte) {
	level := func(v int64) byte { return byte(min(max(v>>16, 0), 255)) }
	for x := range r {
		y, cb, cr := int64(t.luma[r[x]]), g[x], b[x]
		r[x] = level(y + int64(t.crRed[cr]))
		g[x] = level(y + int64(t.cbGreen[cb]) + int64(t.crGreen[cr]))
		b[x] = level(y + int64(t.cbBlue[cb]))
	}
}

// units converts data units of subsampled chroma (TIFF 6.0, section 21): subX·subY samples of luma,
// then Cb and Cr. raw is a row of units; dst has subY rows of each plane, or fewer at the end.
func (p *colours) units(dst [][][]byte, raw []byte) {
	sx, sy := p.f.subX, p.f.subY
	size := sx*sy + 2
	for y, row := range dst[0] {
		for x := range row {
			row[x] = raw[x/sx*size+y*sx+x%sx]
		}
	}
	for k := 1; k < 3; k++ {
		if p.ycc == nil {
			pick(dst[k][0], raw[sx*sy+k-1:], size)
			continue
		}
		for _, row := range dst[k] {
			for x := range row {
				row[x] = raw[x/sx*size+sx*sy+k-1]
			}
		}
	}
	if p.ycc != nil {
		for y := range dst[0] {
			p.ycc.row(dst[0][y], dst[1][y], dst[2][y])
		}
	}
}
