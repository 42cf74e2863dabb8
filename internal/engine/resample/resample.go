package resample

import (
	"fmt"

	"github.com/imgmill/imgmill/internal/engine/plane"
)

// Plane resizes one plane. It is not safe for concurrent use.
type Plane struct {
	x, y     Axis
	out      func(y int, row []byte) error
	received int // source rows received
	run      kernels
	ring     ring
	rows     []int16
	row      []byte

	// copies is set if both axes only copy samples; shift is then the source column of column 0.
	copies bool
	shift  int
}

// NewPlane returns a Plane that resizes x.Src×y.Src samples to x.Dst×y.Dst. It calls out once for
// each output row, from the top; row holds x.Dst samples, is valid until out returns and must not
// be modified. NewPlane returns an error for an unknown filter, for an axis without samples, and
// for one that extends further beyond the source than the source is long.
func NewPlane(x, y Axis, f Filter, out func(y int, row []byte) error) (*Plane, error) {
	if err := validate(x, y, f); err != nil {
		return nil, err
	}
	tx, ty := tableOf(x, f), tableOf(y, f)
	p := &Plane{x: x, y: y, out: out}
	var down bool
	p.shift, p.copies = tx.shift()
	if _, down = ty.shift(); p.copies && down {
		p.ring = ring{t: ty}
		return p, nil
	}
	p.copies = false
	p.run = newKernels(tx, 1)
	p.ring = newRing(ty, x.Dst)
	p.rows, p.row = p.ring.rows(), make([]byte, blocks(x.Dst))
	return p, nil
}

func validate(x, y Axis, f Filter) error {
	switch f {
	case "", Lanczos3, CatmullRom, Mitchell, Linear, Box:
	default:
		return fmt.Errorf("resample: unknown filter %q", f)
	}
	if err := x.validate("horizontal"); err != nil {
		return err
	}
	return y.validate("vertical")
}

// Rows accepts source rows y to y+r.N-1, which must follow those of the previous call, and passes
// each output row that has become computable to out; after the last source row all of them have
// been. An error from out stops the work and is returned unchanged; the Plane must not be used
// after that.
func (p *Plane) Rows(y int, r plane.Rows) error {
	if err := checkRows(y, r, p.received, p.x.Src, p.y.Src); err != nil {
		return err
	}
	p.received += r.N
	for i := range r.N {
		if !p.ring.needs(y + i) {
			continue
		}
		if p.copies {
			next := p.ring.next
			p.ring.next++
			if err := p.out(next, r.Row(i, p.x.Src)[p.shift:][:p.x.Dst]); err != nil {
				return err
			}
			continue
		}
		p.run.horizontal8(p.rows[p.ring.offset(y+i):], r.Pix[i*r.Stride:], p.x.Src)
		for p.ring.ready(y + i + 1) {
			next := p.ring.next
			p.ring.advance()
			p.run.vertical8(p.row, p.rows, p.ring.stride, p.ring.coef)
			if err := p.out(next, p.row[:p.x.Dst]); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkRows returns an error for rows that do not directly follow the received ones, that exceed
// the height of the source, or that do not fit their buffer.
func checkRows(y int, r plane.Rows, received, width, height int) error {
	if y != received || r.N < 0 || y+r.N > height {
		return fmt.Errorf("resample: got rows %d to %d after %d of %d source rows",
			y, y+r.N, received, height)
	}
	if r.N > 0 && (r.Stride < 0 || (r.N-1)*r.Stride+width > len(r.Pix)) {
		return fmt.Errorf("resample: %d rows of %d samples at stride %d do not fit %d bytes",
			r.N, width, r.Stride, len(r.Pix))
	}
	return nil
}
