package colour

import (
	"encoding/binary"
	"fmt"
	"math"
)

// elements are what a table consists of: curves on the device's side (A), the grid (CLUT), curves (M), a
// matrix with offsets, and curves on the side of the connection space (B). An A2B table applies them in this
// order, a B2A table in the opposite one.
type elements struct {
	in, out int
	a, m, b []func(float64) float64 // nil: identity
	grid    *grid                   // nil: none, and then there are three inputs
	matrix  *matrix                 // nil: identity
	offset  [3]float64
	wide    bool // of 16 bits, by lut16Type
}

// lut is a table from device values to the connection space.
type lut struct {
	elements
	toXYZ func(v [3]float64) XYZ // of the encoded connection space, 0 to 1
}

func (l *lut) Channels() int { return l.in }

func (l *lut) XYZ(device []float64) XYZ {
	var x [4]float64
	for i := range l.in {
		x[i] = clamp01(device[i])
		if l.a != nil {
			x[i] = clamp01(l.a[i](x[i]))
		}
	}
	return l.afterCurves(x[:l.in])
}

// afterCurves is XYZ behind the input curves.
func (l *lut) afterCurves(x []float64) XYZ {
	var v [3]float64
	copy(v[:], x)
	if l.grid != nil {
		out := l.grid.at(x)
		copy(v[:], out[:])
	}
	apply(l.m, v[:])
	l.linear(&v)
	apply(l.b, v[:])
	return l.toXYZ(v)
}

func apply(curves []func(float64) float64, v []float64) {
	for i, f := range curves {
		v[i] = f(v[i])
	}
}

// linear applies the matrix.
func (e *elements) linear(v *[3]float64) {
	if e.matrix == nil {
		return
	}
	*v = e.matrix.mul(*v)
	for i := range v {
		v[i] = clamp01(v[i] + e.offset[i])
	}
}

// grid is a table of three or four outputs over one to four inputs.
type grid struct {
	points []int  // along each input
	out    int    // values of each node
	data   []byte // the nodes, the last input fastest
	wide   bool   // values have two bytes, not one
}

// value returns value i, from 0 to 1.
func (g *grid) value(i int) float64 {
	if g.wide {
		return float64(binary.BigEndian.Uint16(g.data[2*i:])) / 65535
	}
	return float64(g.data[i]) / 255
}

// maxNodes bounds a grid; 33 points along four inputs are the most in use.
const maxNodes = 2e6

// read takes the values of the nodes from the start of b.
func (g *grid) read(b []byte, wide bool) (rest []byte, err error) {
	size := g.out
	if wide {
		size *= 2
	}
	for _, n := range g.points {
		if size *= n; n < 2 || size > 2*g.out*maxNodes {
			return nil, fmt.Errorf("%w: a grid of %v points", ErrProfile, g.points)
		}
	}
	if size > len(b) {
		return nil, fmt.Errorf("%w: a grid of %v points is cut off", ErrProfile, g.points)
	}
	g.data, g.wide = b[:size], wide
	return b[size:], nil
}

// at interpolates within the tetrahedron around the last three inputs and, if there are four, linearly
// along the first, as LittleCMS does. The specification leaves the choice open; where a grid is coarse,
// it shows.
func (g *grid) at(x []float64) (v [4]float64) {
	if len(x) < 4 {
		return g.simplex(0, 0, x)
	}
	low, frac := g.cell(0, x[0])
	v = g.simplex(low, 1, x)
	if frac == 0 {
		return v
	}
	high := g.simplex(low+1, 1, x)
	for c := range v {
		v[c] += (high[c] - v[c]) * frac
	}
	return v
}

// cell returns the lower point of the cell around x on an axis, and how far x is beyond it, 0 to 1.
func (g *grid) cell(axis int, x float64) (low int, frac float64) {
	at := x * float64(g.points[axis]-1)
	low = max(min(int(at), g.points[axis]-2), 0)
	return low, at - float64(low)
}

// simplex interpolates over the inputs from first on, at a place on the inputs before: from the lower
// corner of the cell along the input with the largest fraction, then the next, to the upper corner.
func (g *grid) simplex(node, first int, x []float64) (v [4]float64) {
	var frac [4]float64
	var stride, order [4]int
	n := 0
	for axis := first; axis < len(x); axis++ {
		low, f := g.cell(axis, x[axis])
		node = node*g.points[axis] + low
		k := n
		for ; k > 0 && frac[order[k-1]] < f; k-- {
			order[k] = order[k-1]
		}
		frac[axis], order[k] = f, axis
		n++
	}
	step := 1
	for axis := len(x) - 1; axis >= first; axis-- {
		stride[axis] = step
		step *= g.points[axis]
	}
	before := 1.0
	for i := 0; ; i++ {
		after := 0.0
		if i < n {
			after = frac[order[i]]
		}
		for c := range g.out {
			v[c] += (before - after) * g.value(g.out*node+c)
		}
		if i == n || after == 0 {
			return v
		}
		node += stride[order[i]]
		before = after
	}
}

// parseLUT reads an A2B tag.
func (p *profile) parseLUT(tag string) (*lut, error) {
	e, err := parseTable(p.tags[tag], "mAB ")
	if err != nil {
		return nil, err
	}
	if e.out != 3 {
		return nil, fmt.Errorf("%w: outputs of %s: %d, want 3", ErrProfile, tag, e.out)
	}
	return &lut{*e, p.connection(e.wide)}, nil
}

// parseTable reads a table of lut8Type, lut16Type, or the type of its direction.
func parseTable(b []byte, direction string) (*elements, error) {
	switch string(b[:4]) {
	case "mft1", "mft2":
		return parseMFT(b)
	case direction:
		return parseMAB(b)
	}
	return nil, fmt.Errorf("%w: a table of type %q", ErrProfile, b[:4])
}

// connection returns the function from encoded values of the connection space. The 16-bit encoding of
// L*a*b* in mft2 is that of version 2, where 0xFF00 is L* = 100 (ICC.1:2022, 10.10 and 6.3.4.2).
func (p *profile) connection(legacy16 bool) func([3]float64) XYZ {
	if p.pcs == "XYZ " {
		const most = 1 + 32767.0/32768 // u1Fixed15
		return func(v [3]float64) XYZ { return XYZ{v[0] * most, v[1] * most, v[2] * most} }
	}
	scale := 1.0
	if legacy16 {
		scale = 65535.0 / 65280
	}
	return func(v [3]float64) XYZ {
		return labToXYZ([3]float64{100 * v[0] * scale, 255*v[1]*scale - 128, 255*v[2]*scale - 128})
	}
}

// parseMFT reads a lut8Type or lut16Type (10.11 and 10.10).
func parseMFT(b []byte) (*elements, error) {
	wide := string(b[:4]) == "mft2"
	head := 48
	if wide {
		head = 52
	}
	if len(b) < head {
		return nil, fmt.Errorf("%w: a table is cut off", ErrProfile)
	}
	in, out, points := int(b[8]), int(b[9]), int(b[10])
	entriesIn, entriesOut := 256, 256
	if wide {
		entriesIn, entriesOut = int(binary.BigEndian.Uint16(b[48:])), int(binary.BigEndian.Uint16(b[50:]))
	}
	const maxEntries = 4096
	if badChannels(in, out) || entriesIn < 2 || entriesIn > maxEntries ||
		entriesOut < 2 || entriesOut > maxEntries {
		return nil, fmt.Errorf("%w: a table from %d to %d channels, with a grid of size %d", ErrProfile, in, out, points)
	}
	l := &elements{in: in, out: out, grid: &grid{out: out}, wide: wide}
	for range in {
		l.grid.points = append(l.grid.points, points)
	}
	r := &samples{b: b[head:], wide: wide}
	var err error
	if l.a, err = r.curves(in, entriesIn); err != nil {
		return nil, err
	}
	if r.b, err = l.grid.read(r.b, wide); err != nil {
		return nil, err
	}
	if l.b, err = r.curves(out, entriesOut); err != nil {
		return nil, err
	}
	return l, nil
}

// badChannels reports whether a table has channels of no supported space.
func badChannels(in, out int) bool {
	return in < 1 || in > 4 || in == 2 || out != 3 && out != 4
}

// samples reads numbers of 8 or 16 bits as 0 to 1.
type samples struct {
	b    []byte
	wide bool
}

func (s *samples) curves(n, entries int) ([]func(float64) float64, error) {
	size := entries
	if s.wide {
		size *= 2
	}
	if n*size > len(s.b) {
		return nil, fmt.Errorf("%w: curves of %d samples are cut off", ErrProfile, entries)
	}
	var curves []func(float64) float64
	for range n {
		table := make([]float64, entries)
		for i := range table {
			if s.wide {
				table[i] = float64(binary.BigEndian.Uint16(s.b[2*i:])) / 65535
			} else {
				table[i] = float64(s.b[i]) / 255
			}
		}
		s.b = s.b[size:]
		curves = append(curves, func(v float64) float64 { return interpolate(table, v) })
	}
	return curves, nil
}

// parseMAB reads a lutAToBType (10.12) or a lutBToAType (10.13).
func parseMAB(b []byte) (*elements, error) {
	if len(b) < 32 {
		return nil, fmt.Errorf("%w: a table is cut off", ErrProfile)
	}
	in, out := int(b[8]), int(b[9])
	if badChannels(in, out) {
		return nil, fmt.Errorf("%w: a table from %d to %d channels", ErrProfile, in, out)
	}
	l, device := &elements{in: in, out: out}, in
	if string(b[:4]) == "mBA " {
		device = out
	}
	var offsets [5]int // B, matrix, M, CLUT, A
	for i := range offsets {
		offsets[i] = int(min(binary.BigEndian.Uint32(b[12+4*i:]), math.MaxInt32))
		if offsets[i] > len(b) {
			return nil, fmt.Errorf("%w: an element outside its table", ErrProfile)
		}
	}
	var err error
	if l.b, err = curveSet(b, offsets[0], 3); err != nil {
		return nil, err
	}
	if at := offsets[1]; at != 0 {
		if at+48 > len(b) {
			return nil, fmt.Errorf("%w: a matrix is cut off", ErrProfile)
		}
		l.matrix = new(matrix)
		for i := range 9 {
			l.matrix[i/3][i%3] = s15Fixed16(b[at+4*i:])
		}
		for i := range 3 {
			l.offset[i] = s15Fixed16(b[at+36+4*i:])
		}
	}
	if l.m, err = curveSet(b, offsets[2], 3); err != nil {
		return nil, err
	}
	if at := offsets[3]; at != 0 {
		if l.grid, err = parseCLUT(b[at:], in, out); err != nil {
			return nil, err
		}
	}
	if l.a, err = curveSet(b, offsets[4], device); err != nil {
		return nil, err
	}
	if l.grid == nil && (in != 3 || out != 3) {
		return nil, fmt.Errorf("%w: a table from %d to %d channels without a grid", ErrProfile, in, out)
	}
	return l, nil
}

// curveSet reads n curves, each padded to four bytes; nil if there is no such element.
func curveSet(b []byte, at, n int) ([]func(float64) float64, error) {
	if at == 0 {
		return nil, nil
	}
	var curves []func(float64) float64
	for range n {
		if at > len(b) {
			return nil, fmt.Errorf("%w: a curve is cut off", ErrProfile)
		}
		f, length, err := parseCurve(b[at:])
		if err != nil {
			return nil, err
		}
		curves = append(curves, f)
		at += (length + 3) &^ 3
	}
	return curves, nil
}

// parseCLUT reads the grid of an mAB or mBA: the points along each input, the bytes of a value, the values.
func parseCLUT(b []byte, in, out int) (*grid, error) {
	if len(b) < 20 || b[16] != 1 && b[16] != 2 {
		return nil, fmt.Errorf("%w: a grid is cut off or has values of unknown size", ErrProfile)
	}
	g := &grid{out: out}
	for i := range in {
		g.points = append(g.points, int(b[i]))
	}
	_, err := g.read(b[20:], b[16] == 2)
	return g, err
}
