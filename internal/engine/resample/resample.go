package resample

import (
	"fmt"

	"github.com/imgmill/imgmill/internal/engine/plane"
)

// Plane changes the size of one plane. Not for concurrent use.
type Plane struct {
	x, y  Axis
	out   func(y int, row []byte) error
	came  int // source rows seen
	run   kernels
	ring  ring
	rows  []int16
	row   []byte
	shift int // with copies: column of the source that becomes column 0
	// copies is set if neither axis does more than pick samples one after the other.
	copies bool
}

// NewPlane prepares to resample a plane of x.Src×y.Src samples to x.Dst×y.Dst. out gets each output row once, from the
// top; row holds x.Dst samples, is valid until out returns and must not be written. The error reports an unknown filter, an axis
// without samples, or one that reaches further outside the source than the source is long.
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
		return fmt.Errorf("there is no filter %q", f)
	}
	if err := x.validate("horizontal"); err != nil {
		return err
	}
	return y.validate("vertical")
}

// Rows takes source rows y to y+r.N-1, the next ones that have not come yet, and gives every output row that they
// complete to out; with the last source row that is all of them. An error of out stops it and is returned unchanged;
// the Plane is then of no further use.
func (p *Plane) Rows(y int, r plane.Rows) error {
	if err := checkRows(y, r, p.came, p.x.Src, p.y.Src); err != nil {
		return err
	}
	p.came += r.N
	for i := range r.N {
		if !p.ring.wants(y + i) {
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
		p.run.bytes(p.rows[p.ring.at(y+i):], r.Pix[i*r.Stride:], p.x.Src)
		for p.ring.ready(y + i + 1) {
			next := p.ring.next
			p.ring.turn()
			p.run.levels(p.row, p.rows, p.ring.stride, p.ring.coef)
			if err := p.out(next, p.row[:p.x.Dst]); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkRows reports rows that do not follow the ones that came, are more than the source has, or are not all there.
func checkRows(y int, r plane.Rows, came, width, height int) error {
	if y != came || r.N < 0 || y+r.N > height {
		return fmt.Errorf("resample: rows %d to %d after %d of %d", y, y+r.N, came, height)
	}
	if r.N > 0 && (r.Stride < 0 || (r.N-1)*r.Stride+width > len(r.Pix)) {
		return fmt.Errorf("resample: %d rows of %d samples at stride %d in %d bytes", r.N, width, r.Stride, len(r.Pix))
	}
	return nil
}
