package png

// pass is one of the reduced pictures that an interlaced file stores one after another (section
// 8.2), or the whole of another file.
type pass struct {
	x, y   int // of its first pixel in the picture
	dx, dy int // between its pixels
	w, h   int // pixels
	rowLen int // bytes of a row, with its filter type
}

// adam7 is x, y, dx and dy of the seven passes.
var adam7 = [7][4]int{
	{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2},
}

// passes returns the passes of a w×h picture that have pixels.
func (f *format) passes(w, h int) []pass {
	if !f.interlaced {
		return []pass{{0, 0, 1, 1, w, h, f.rowLen(w) + 1}}
	}
	var all []pass
	for _, a := range adam7 {
		p := pass{x: a[0], y: a[1], dx: a[2], dy: a[3]}
		p.w, p.h = (w-p.x+p.dx-1)/p.dx, (h-p.y+p.dy-1)/p.dy
		if p.w > 0 && p.h > 0 {
			p.rowLen = f.rowLen(p.w) + 1
			all = append(all, p)
		}
	}
	return all
}

// batchSize is about how many bytes of filtered rows are decompressed at a time.
const batchSize = 128 << 10

// batchRows is the number of rows of a whole batch.
func (p *pass) batchRows() int { return max(1, min(batchSize/p.rowLen, p.h)) }

// span is a batch of rows: n of a pass, from row y of the pass on.
type span struct {
	*pass
	y, n int
}

// spans walks through the batches of all passes.
type spans struct {
	passes []pass
	y      int
}

// next returns the next batch; ok is false after the last.
func (s *spans) next() (b span, ok bool) {
	if len(s.passes) == 0 {
		return span{}, false
	}
	p := &s.passes[0]
	b = span{p, s.y, min(p.batchRows(), p.h-s.y)}
	if s.y += b.n; s.y == p.h {
		s.passes, s.y = s.passes[1:], 0
	}
	return b, true
}
