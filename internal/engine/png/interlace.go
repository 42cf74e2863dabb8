package png

import "github.com/imgmill/imgmill/internal/engine/plane"

// weave puts together the passes of an interlaced picture. All passes but the last fill the even
// rows, which are kept; those of the last pass are the odd rows, in order. The memory is that of half
// the picture, allocated as rows arrive.
type weave struct {
	*expander
	w, h, planes int
	sink         plane.Sink
	slabs        [][]byte // of perSlab even rows each, the planes of a row one after another
	perSlab      int
	reduced      [][]byte // a row of each plane, in the columns of a pass
	pushed       int      // rows of the picture
	err          error    // of sink
}

// slabSize is about how many bytes of even rows are allocated at a time.
const slabSize = 64 << 10

func newWeave(f *format, w, h int, sink plane.Sink) *weave {
	n := len(f.layout(w, 1).Planes)
	t := &weave{expander: newExpander(f), w: w, h: h, planes: n, sink: sink, reduced: make([][]byte, n)}
	t.perSlab = max(1, min(slabSize/(n*w), (h+1)/2))
	t.slabs = make([][]byte, ((h+1)/2+t.perSlab-1)/t.perSlab)
	return t
}

// even returns the planes of an even row, one after another.
func (t *weave) even(y int) []byte {
	slab := &t.slabs[y/2/t.perSlab]
	if *slab == nil {
		*slab = make([]byte, t.perSlab*t.planes*t.w)
	}
	return (*slab)[y/2%t.perSlab*t.planes*t.w:][:t.planes*t.w]
}

func (t *weave) row(b *batch, i int, row []byte) {
	if t.err != nil {
		return
	}
	for p := range t.reduced {
		if len(t.reduced[p]) < b.w {
			t.reduced[p] = make([]byte, b.w)
		}
	}
	t.expander.row(t.reduced, row, b.w)
	y := b.pass.y + (b.y+i)*b.dy
	if y%2 == 0 {
		all := t.even(y)
		for p, r := range t.reduced {
			spread(all[p*t.w+b.x:(p+1)*t.w], r[:b.w], b.dx)
		}
		return
	}
	if t.pushEven(); t.err == nil {
		for p, r := range t.reduced {
			t.push(p, r)
		}
		t.pushed++
	}
}

// spread writes the samples of src to every step-th place of dst.
func spread(dst, src []byte, step int) {
	for i, v := range src {
		dst[i*step] = v
	}
}

// pushEven pushes the next row, an even one.
func (t *weave) pushEven() {
	all := t.even(t.pushed)
	for p := range t.planes {
		t.push(p, all[p*t.w:][:t.w])
	}
	if n := t.pushed/2 + 1; n%t.perSlab == 0 { // the last row of a slab
		t.slabs[n/t.perSlab-1] = nil
	}
	t.pushed++
}

func (t *weave) push(p int, row []byte) {
	if t.err == nil {
		t.err = t.sink.Rows(p, t.pushed, plane.Rows{Pix: row, Stride: t.w, N: 1})
	}
}

func (t *weave) end(*batch) error { return t.err }

func (t *weave) finish() error {
	if t.pushed < t.h { // the last row is an even one
		t.pushEven()
	}
	return t.err
}
