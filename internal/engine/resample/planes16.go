package resample

import "fmt"

// Planes16 resizes several planes of 16-bit values in step; all have the same size. Each call
// passes in one source row of every plane, and each output row of all planes leaves as soon as it
// can be computed. A Planes16 is not safe for concurrent use.
type Planes16 struct {
	out      func(y int, q [][]int32) error
	src      int // rows of the source
	received int // source rows received
	run      kernels
	ring     ring
	inputs   rowsOf[int16] // padded to what the kernels read
	rows     [][]int16
	q        rowsOf[int32] // padded to whole blocks
}

// rowsOf holds a row of each plane: the padded row, and the part of it that carries values.
type rowsOf[T any] struct{ padded, values [][]T }

func newRows[T any](planes, padded, values int) (r rowsOf[T]) {
	for range planes {
		row := make([]T, max(padded, values))
		r.padded, r.values = append(r.padded, row), append(r.values, row[:values])
	}
	return r
}

// NewPlanes16 returns a Planes16 that resizes planes of x.Src×y.Src values 0 to 65535 to
// x.Dst×y.Dst. It calls out with row y of every plane at once, from the top. q is the q of
// kernel.go: it is not clamped, so values may lie outside 0 to 65535, and it is valid until out
// returns. The errors are those of NewPlane.
func NewPlanes16(
	x, y Axis, f Filter, planes int, out func(y int, q [][]int32) error,
) (*Planes16, error) {
	if planes < 1 {
		return nil, fmt.Errorf("resample: %d planes of 16-bit values, want at least 1", planes)
	}
	if err := validate(x, y, f); err != nil {
		return nil, err
	}
	return newPlanes16(tableOf(x, f), tableOf(y, f), x, y, planes, out), nil
}

func newPlanes16(tx, ty *table, x, y Axis, planes int, out func(y int, q [][]int32) error) *Planes16 {
	w := &Planes16{out: out, src: y.Src, run: newKernels(tx, 2), ring: newRing(ty, x.Dst)}
	w.inputs = newRows[int16](planes, w.run.need(), x.Src)
	w.q = newRows[int32](planes, blocks(x.Dst), x.Dst)
	for range planes {
		w.rows = append(w.rows, w.ring.rows())
	}
	return w
}

// Row processes the next source row. fill must write x.Src values of each plane, each less 32768;
// it is not called for a row that no output row needs. After the last source row all output rows
// have been passed to out. An error from out is returned unchanged; the Planes16 must not be used
// after that.
func (w *Planes16) Row(fill func(rows [][]int16)) error {
	y := w.received
	if y >= w.src {
		return fmt.Errorf("resample: got row %d of a source of %d rows", y, w.src)
	}
	w.received++
	if !w.ring.needs(y) {
		return nil
	}
	fill(w.inputs.values)
	for p, row := range w.inputs.padded {
		w.run.horizontal16(w.rows[p][w.ring.offset(y):], row)
	}
	for w.ring.ready(y + 1) {
		next := w.ring.next
		w.ring.advance()
		for p, rows := range w.rows {
			w.run.vertical16(w.q.padded[p], rows, w.ring.stride, w.ring.coef)
		}
		if err := w.out(next, w.q.values); err != nil {
			return err
		}
	}
	return nil
}
