package resample

import "fmt"

// Words changes the size of several planes of 16-bit values, all of one size and in step: a source row of each goes in, and
// as soon as it can be made, a result row of each comes out. Not for concurrent use.
type Words struct {
	out    func(y int, q [][]int32) error
	src    int // rows of the source
	came   int // of which have come
	run    kernels
	ring   ring
	inputs rowsOf[int16] // room for what kernels read beyond a row
	rows   [][]int16
	q      rowsOf[int32] // room for whole blocks
}

// rowsOf is a row of each plane, and the part of it that counts.
type rowsOf[T any] struct{ whole, part [][]T }

func newRows[T any](planes, whole, part int) (r rowsOf[T]) {
	for range planes {
		row := make([]T, max(whole, part))
		r.whole, r.part = append(r.whole, row), append(r.part, row[:part])
	}
	return r
}

// NewWords prepares to resample planes of x.Src×y.Src values 0 to 65535 to x.Dst×y.Dst. out gets row y of every plane at
// once, from the top: q of kernel.go, which may lie outside 0 to 65535; it is valid until out returns. Errors are those of
// NewPlane.
func NewWords(x, y Axis, f Filter, planes int, out func(y int, q [][]int32) error) (*Words, error) {
	if planes < 1 {
		return nil, fmt.Errorf("resample: %d planes", planes)
	}
	if err := validate(x, y, f); err != nil {
		return nil, err
	}
	return newWords(tableOf(x, f), tableOf(y, f), x, y, planes, out), nil
}

func newWords(tx, ty *table, x, y Axis, planes int, out func(y int, q [][]int32) error) *Words {
	w := &Words{out: out, src: y.Src, run: newKernels(tx, 2), ring: newRing(ty, x.Dst)}
	w.inputs = newRows[int16](planes, w.run.need(), x.Src)
	w.q = newRows[int32](planes, blocks(x.Dst), x.Dst)
	for range planes {
		w.rows = append(w.rows, w.ring.rows())
	}
	return w
}

// Row takes the next source row. fill is to write x.Src values of each plane, less 32768; it is not called for a row that
// no result row needs. With the last source row all result rows have gone to out. An error of out is returned unchanged;
// the Words is then of no further use.
func (w *Words) Row(fill func(rows [][]int16)) error {
	y := w.came
	if y >= w.src {
		return fmt.Errorf("resample: row %d of %d", y, w.src)
	}
	w.came++
	if !w.ring.wants(y) {
		return nil
	}
	fill(w.inputs.part)
	for p, row := range w.inputs.whole {
		w.run.words(w.rows[p][w.ring.at(y):], row)
	}
	for w.ring.ready(y + 1) {
		next := w.ring.next
		w.ring.turn()
		for p, rows := range w.rows {
			w.run.wide(w.q.whole[p], rows, w.ring.stride, w.ring.coef)
		}
		if err := w.out(next, w.q.part); err != nil {
			return err
		}
	}
	return nil
}
