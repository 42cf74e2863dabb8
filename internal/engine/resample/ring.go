package resample

// ring plans the vertical pass: which source rows are kept, in rings of as many rows as a window spans, and when an output
// row can be made. Source row y lives in slot y modulo slots; instead of the rows, the weights are turned to fit.
type ring struct {
	t             *table
	slots, stride int     // rows, and int16 from one to the next
	next          int     // first output row not yet made
	coef          []int16 // weight by slot for output row next, after turn
}

// newRing is a ring for rows of width samples. Slots come in pairs and rows have room for whole blocks of 16 samples, as
// vector kernels take them. Rows are 8n+3 cache lines (of 32 samples) apart: one column of many rows is then spread over
// all sets of a cache, where rows 4096 bytes apart would push each other out.
func newRing(t *table, width int) ring {
	lines := (width + 31) / 32
	lines += (3 - lines) & 7
	slots := (t.taps + 1) &^ 1
	return ring{t: t, slots: slots, stride: lines * 32, coef: make([]int16, slots)}
}

// blocks is width rounded up to what vector kernels write.
func blocks(width int) int { return (width + 15) &^ 15 }

// rows allocates the rows of one ring.
func (r *ring) rows() []int16 { return make([]int16, r.slots*r.stride) }

// at is where source row y is in the rows of a ring.
func (r *ring) at(y int) int { return y % r.slots * r.stride }

// wants reports whether an output row still to be made may need source row y.
func (r *ring) wants(y int) bool { return r.next < len(r.t.first) && y >= int(r.t.first[r.next]) }

// ready reports whether the next output row can be made once n source rows have come.
func (r *ring) ready(n int) bool { return r.next < len(r.t.last) && n >= int(r.t.last[r.next]) }

// turn sets coef for the next output row, and goes on to the one after it.
func (r *ring) turn() {
	clear(r.coef)
	slot := int(r.t.first[r.next]) % r.slots
	for _, c := range r.t.coef[r.next*r.t.taps:][:r.t.taps] {
		r.coef[slot] = c
		if slot++; slot == r.slots {
			slot = 0
		}
	}
	r.next++
}
