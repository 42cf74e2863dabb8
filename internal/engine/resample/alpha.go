package resample

import (
	"bytes"
	"fmt"

	"github.com/imgmill/imgmill/internal/engine/plane"
)

// Alpha changes the size of a picture with alpha: straight colour planes, and a last plane that says how much of them shows.
// A sample counts by its alpha, so that colour under transparent places does not bleed: colour times alpha is resampled,
// at 16 bits, and divided by alpha afterwards. Not for concurrent use.
//
// Colour c and alpha a of a result come from q of the colour and q of the alpha (see kernel.go), which is not clamped
// before the division, so that ringing in alpha does not change colour:
//
//	a = clamp(round(qa/255), 0, 255)     c = clamp(round(255·qc/qa), 0, 255), or 0 where a is 0
type Alpha struct {
	x, y    Axis
	colours int
	out     func(plane, y int, row []byte) error
	came    int // source rows seen of every plane
	turn    int // plane whose rows are due, and of how many
	n       int
	band    [][]byte // colour rows that wait for their alpha
	full    []byte   // alpha's own alpha: 255
	words   *Words   // of no plane with copies
	inverse []int64
	row     [][]byte
	shift   int // with copies: column of the source that becomes column 0
	copies  bool
}

// NewAlpha prepares to resample a picture of the given number of colour planes and one alpha plane, all of x.Src×y.Src
// samples, to x.Dst×y.Dst. out gets each row of each plane once: row y of every plane, in order, before row y+1 of any.
// row holds x.Dst samples, is valid until out returns and must not be written. Errors are those of NewPlane.
func NewAlpha(x, y Axis, f Filter, colours int, out func(plane, y int, row []byte) error) (*Alpha, error) {
	if err := validate(x, y, f); err != nil {
		return nil, err
	}
	if colours < 1 {
		return nil, fmt.Errorf("resample: %d colour planes beside alpha", colours)
	}
	tx, ty := tableOf(x, f), tableOf(y, f)
	a := &Alpha{x: x, y: y, colours: colours, out: out, band: make([][]byte, colours)}
	planes := colours + 1
	across, same := tx.shift()
	if _, down := ty.shift(); same && down {
		a.shift, a.copies = across, true
		planes = 0
	}
	a.words = newWords(tx, ty, x, y, planes, a.finish)
	for range colours + 1 {
		a.row = append(a.row, make([]byte, blocks(x.Dst)))
	}
	if !a.copies {
		a.inverse = make([]int64, x.Dst)
		a.full = bytes.Repeat([]byte{255}, x.Src)
	}
	return a, nil
}

// Rows takes rows y to y+r.N-1 of a plane, with the promise of plane.Sink for pictures with alpha: the same rows of every
// plane, in plane order, before the next rows of any. The rows of alpha complete them; then every output row that can be
// made goes to out, and with the last source row that is all of them. Colour rows are kept until their alpha comes, so
// memory follows the number of rows in one call. An error of out stops it and is returned unchanged; the Alpha is then of
// no further use.
func (a *Alpha) Rows(plane, y int, r plane.Rows) error {
	if plane != a.turn {
		return fmt.Errorf("resample: rows of plane %d where those of plane %d are due", plane, a.turn)
	}
	if err := checkRows(y, r, a.came, a.x.Src, a.y.Src); err != nil {
		return err
	}
	if plane == 0 {
		a.n = r.N
	}
	if r.N != a.n {
		return fmt.Errorf("resample: %d rows of plane %d after %d of plane 0", r.N, plane, a.n)
	}
	a.turn++
	if plane < a.colours {
		a.keep(plane, y, r)
		return nil
	}
	a.turn = 0
	a.came += r.N
	for i := range r.N {
		if err := a.source(i, r.Row(i, a.x.Src)); err != nil {
			return err
		}
	}
	return nil
}

// keep copies the rows of a colour plane that some output row may need.
func (a *Alpha) keep(plane, y int, r plane.Rows) {
	if need := r.N * a.x.Src; len(a.band[plane]) < need {
		a.band[plane] = make([]byte, need)
	}
	for i := range r.N {
		if a.words.ring.wants(y + i) {
			copy(a.band[plane][i*a.x.Src:], r.Row(i, a.x.Src))
		}
	}
}

// source takes the next source row of every plane: row i of the bands, and alpha.
func (a *Alpha) source(i int, alpha []byte) error {
	return a.words.Row(func(rows [][]int16) {
		if a.copies {
			a.pick(i, alpha)
			return
		}
		for c := range a.colours {
			a.words.run.premultiply(rows[c], a.band[c][i*a.x.Src:], alpha)
		}
		a.words.run.premultiply(rows[a.colours], alpha, a.full)
	})
}

// finish makes an output row of q, unless pick has, and hands it on.
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

// pick makes an output row by copying row i of the bands, and alpha, with colour 0 where alpha is 0.
func (a *Alpha) pick(i int, alpha []byte) {
	alpha = alpha[a.shift:][:a.x.Dst]
	copy(a.row[a.colours], alpha)
	for c := range a.colours {
		row := a.row[c][:len(alpha)]
		copy(row, a.band[c][i*a.x.Src+a.shift:])
		for k, v := range alpha {
			if v == 0 {
				row[k] = 0
			}
		}
	}
}

// divide makes straight samples of q, whose last plane is alpha.
//
// The division by qa is a multiplication by m = ceil(2^44/qa), which is exact: Σ|c|·Σ|d| below 2.41 keeps q below 2^17 and
// n = 255·qc + qa/2 below 2^25; m·qa exceeds 2^44 by less than qa, and n times that is below 2^44. qa is at least 128
// where a is not 0, so n·m fits int64. m is for the use of divide, and says how many samples there are.
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
