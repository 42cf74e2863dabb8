package resample

// ring schedules the vertical pass: which source rows are kept, in ring buffers of as many rows as
// a window spans, and when an output row can be computed. Source row y is stored in slot y modulo
// slots. Rows never move; the weights are rotated to match instead.
type ring struct {
	t             *table
	slots, stride int     // number of rows, and distance from one to the next in int16s
	next          int     // first output row not yet computed
	coef          []int16 // weights by slot of the row that advance has prepared
}

// newRing returns a ring for rows of width samples. The number of slots is even and rows are padded
// to whole blocks of 16 samples, as the vector kernels require. Rows are 8n+3 cache lines (of 32
// samples) apart, which spreads a column of many rows over all sets of a cache; rows 4096 bytes
// apart would evict each other.
func newRing(t *table, width int) ring {
	lines := (width + 31) / 32
	lines += (3 - lines) & 7
	slots := (t.taps + 1) &^ 1
	return ring{t: t, slots: slots, stride: lines * 32, coef: make([]int16, slots)}
}

// blocks rounds width up to the whole blocks that vector kernels write.
func blocks(width int) int { return (width + 15) &^ 15 }

// rows allocates the rows of one ring buffer.
func (r *ring) rows() []int16 { return make([]int16, r.slots*r.stride) }

// offset is the offset of source row y in a ring buffer.
func (r *ring) offset(y int) int { return y % r.slots * r.stride }

// needs reports whether any output row not yet computed may need source row y.
func (r *ring) needs(y int) bool { return r.next < len(r.t.first) && y >= int(r.t.first[r.next]) }

// ready reports whether the next output row can be computed from the first n source rows.
func (r *ring) ready(n int) bool { return r.next < len(r.t.last) && n >= int(r.t.last[r.next]) }

// advance sets coef for the next output row and moves next to the row after it.
func (r *ring) advance() {
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
