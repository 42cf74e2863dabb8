package render

import (
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/resample"
)

// aligner is a Sink that brings every plane to the grid of plane 0 and passes on one row of all
// planes at a time.
type aligner struct {
	planes  planes
	pending [][][]byte // rows of each plane that wait for those of others
	spare   [][]byte   // rows for reuse
	rows    [][]byte   // one of each plane
	next    func(rows [][]byte) error
}

// newAligner consumes rows of layout src. next gets the rows in order from the top; they are valid
// until it returns.
func newAligner(src plane.Layout, next func(rows [][]byte) error) (*aligner, error) {
	a := &aligner{pending: make([][][]byte, len(src.Planes)), next: next}
	grid := src.Planes[0]
	for i, s := range src.Planes {
		x := resample.Axis{Src: s.Width, Dst: grid.Width, Step: s.SpanX / grid.SpanX}
		y := resample.Axis{Src: s.Height, Dst: grid.Height, Step: s.SpanY / grid.SpanY}
		p, err := resample.NewPlane(x, y, resample.Linear, func(_ int, row []byte) error { return a.add(i, row) })
		if err != nil {
			return nil, err
		}
		a.planes = append(a.planes, p)
	}
	return a, nil
}

func (a *aligner) Rows(p, y int, r plane.Rows) error { return a.planes.Rows(p, y, r) }

// add keeps the next row of a plane until all planes have it.
func (a *aligner) add(p int, row []byte) error {
	var kept []byte
	if n := len(a.spare); n > 0 {
		kept, a.spare = a.spare[n-1], a.spare[:n-1]
	}
	a.pending[p] = append(a.pending[p], append(kept[:0], row...))
	for _, waiting := range a.pending {
		if len(waiting) == 0 {
			return nil
		}
	}
	a.rows = a.rows[:0]
	for i, waiting := range a.pending {
		a.rows = append(a.rows, waiting[0])
		a.pending[i] = waiting[1:]
	}
	a.spare = append(a.spare, a.rows...)
	return a.next(a.rows)
}
