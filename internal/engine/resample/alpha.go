package resample

import (
	"bytes"
	"fmt"

	"github.com/imgmill/imgmill/internal/engine/plane"
)

// Alpha resizes a picture with alpha: planes of straight (not premultiplied) colour, followed by
// one alpha plane. Each sample is weighted by its alpha, so colour does not bleed out of
// transparent areas: colour times alpha is resampled at 16 bits and divided by the resampled alpha
// afterwards. An Alpha is not safe for concurrent use.
//
// An output colour c and alpha a are computed from qc and qa, the q of colour and alpha defined in
// kernel.go. qa is not clamped before the division, so ringing in alpha does not change the colour:
//
//	a = clamp(round(qa/255), 0, 255)     c = clamp(round(255·qc/qa), 0, 255), or 0 where a is 0
type Alpha struct {
	x, y    Axis
	colours int
	out     func(plane, y int, row []byte) error

	received int      // source rows received of every plane
	due      int      // the plane whose rows are due next
	batch    int      // the number of rows of each plane in this round
	pending  [][]byte // colour rows that wait for their alpha rows

	full    []byte    // the alpha of the alpha plane itself: 255
	planes  *Planes16 // without any plane if copies is set
	inverse []int64   // scratch space for divide
	row     [][]byte

	// copies is set if both axes only copy samples; shift is then the source column of column 0.
	copies bool
	shift  int
}

// NewAlpha returns an Alpha for a picture of the given number of colour planes and one alpha plane,
// each of x.Src×y.Src samples, to be resized to x.Dst×y.Dst. It calls out once for each row of each
// plane: row y of every plane, in plane order, before row y+1 of any. The row holds x.Dst samples,
// is valid until out returns and must not be modified. The errors are those of NewPlane.
func NewAlpha(
	x, y Axis, f Filter, colours int, out func(plane, y int, row []byte) error,
) (*Alpha, error) {
	if err := validate(x, y, f); err != nil {
		return nil, err
	}
	if colours < 1 {
		return nil, fmt.Errorf("resample: picture with alpha has %d colour planes, want at least 1",
			colours)
	}
	tx, ty := tableOf(x, f), tableOf(y, f)
	a := &Alpha{x: x, y: y, colours: colours, out: out, pending: make([][]byte, colours)}
	planes := colours + 1
	across, same := tx.shift()
	if _, down := ty.shift(); same && down {
		a.shift, a.copies = across, true
		planes = 0
	}
	a.planes = newPlanes16(tx, ty, x, y, planes, a.finish)
	for range colours + 1 {
		a.row = append(a.row, make([]byte, blocks(x.Dst)))
	}
	if !a.copies {
		a.inverse = make([]int64, x.Dst)
		a.full = bytes.Repeat([]byte{255}, x.Src)
	}
	return a, nil
}

// Rows accepts rows y to y+r.N-1 of one plane, in the order that plane.Sink guarantees for pictures
// with alpha: the same rows of every plane, in plane order, before the next rows of any. The alpha
// rows complete a set; every output row that has become computable is then passed to out, and after
// the last source row all of them have been. Colour rows are buffered until their alpha arrives, so
// memory grows with the number of rows per call. An error from out stops the work and is returned
// unchanged; the Alpha must not be used after that.
func (a *Alpha) Rows(plane, y int, r plane.Rows) error {
	if plane != a.due {
		return fmt.Errorf("resample: got rows of plane %d, want rows of plane %d", plane, a.due)
	}
	if err := checkRows(y, r, a.received, a.x.Src, a.y.Src); err != nil {
		return err
	}
	if plane == 0 {
		a.batch = r.N
	}
	if r.N != a.batch {
		return fmt.Errorf("resample: got %d rows of plane %d, want %d as in plane 0",
			r.N, plane, a.batch)
	}
	a.due++
	if plane < a.colours {
		a.buffer(plane, y, r)
		return nil
	}
	a.due = 0
	a.received += r.N
	for i := range r.N {
		if err := a.source(i, r.Row(i, a.x.Src)); err != nil {
			return err
		}
	}
	return nil
}

// buffer copies the rows of a colour plane that some output row may need.
func (a *Alpha) buffer(plane, y int, r plane.Rows) {
	if need := r.N * a.x.Src; len(a.pending[plane]) < need {
		a.pending[plane] = make([]byte, need)
	}
	for i := range r.N {
		if a.planes.ring.needs(y + i) {
			copy(a.pending[plane][i*a.x.Src:], r.Row(i, a.x.Src))
		}
	}
}

// source processes the next source row of every plane: row i of the pending colour rows, and alpha.
func (a *Alpha) source(i int, alpha []byte) error {
	return a.planes.Row(func(rows [][]int16) {
		if a.copies {
			a.pick(i, alpha)
			return
		}
		for c := range a.colours {
			a.planes.run.premultiply(rows[c], a.pending[c][i*a.x.Src:], alpha)
		}
		a.planes.run.premultiply(rows[a.colours], alpha, a.full)
	})
}

// finish computes an output row from q, unless pick has already done so, and passes it to out.
func (a *Alpha) finish(y int, q [][]int32) error {
	if !a.copies {
		divide(a.row, q, a.inverse)
	}
	for c, row := range a.row {
		if err := a.out(c, y, row[:a.x.Dst]); err != nil {
			return err
		}
	}
	return nil
}

// pick makes an output row by copying row i of the pending colour rows, and alpha. Colour is set to
// 0 where alpha is 0.
func (a *Alpha) pick(i int, alpha []byte) {
	alpha = alpha[a.shift:][:a.x.Dst]
	copy(a.row[a.colours], alpha)
	for c := range a.colours {
		row := a.row[c][:len(alpha)]
		copy(row, a.pending[c][i*a.x.Src+a.shift:])
		for k, v := range alpha {
			if v == 0 {
				row[k] = 0
			}
		}
	}
}

// divide computes straight samples from q, whose last plane is alpha.
//
// The division by qa is a multiplication by m = ceil(2^44/qa), which is exact: Σ|c|·Σ|d| below 2.41
// keeps q below 2^17 and n = 255·qc + qa/2 below 2^25; m·qa exceeds 2^44 by less than qa, and n
// times that is below 2^44. qa is at least 128 where a is not 0, so n·m fits int64. m is scratch
// space; its length is the number of samples.
func divide(rows [][]byte, q [][]int32, m []int64) {
	colours := len(rows) - 1
	alpha, qa := rows[colours][:len(m)], q[colours][:len(m)]
	last := int32(-1)
	for i, v := range qa {
		alpha[i] = byte(min(max((v+127)/255, 0), 255))
		switch {
		case alpha[i] == 0:
			m[i] = 0 // makes colour 0
		case v == last:
			m[i] = m[i-1]
		default:
			m[i] = (1<<44 + int64(v) - 1) / int64(v)
		}
		last = v
	}
	for c := range colours {
		row, qc := rows[c][:len(m)], q[c][:len(m)]
		for i, v := range m {
			n := max(int64(qc[i])*255+int64(qa[i]>>1), 0)
			row[i] = byte(min(n*v>>44, 255))
		}
	}
}
