package vp8

import (
	"bytes"
	"context"
	"math"
	"sync"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// Writer encodes a picture as a VP8 key frame (RFC 6386): segments by activity, then modes and
// levels a row of macroblocks at a time, and at last the bit stream, whose probabilities depend on
// all of them.
type Writer struct {
	source        planeSource
	effort        codec.Effort
	width, height int
	mbw, mbh      int
	index         int              // quantiser index of the picture
	indexes       [maxSegments]int // and of its segments
	deltas        quantDeltas      // of the planes
	filterLevels  [maxSegments]int // of the loop filter
	tables        [maxSegments]*segmentTables
	activities    []uint16 // of the macroblocks; nil until they are measured
	rows          []codedRow
	flagSkipped   bool        // macroblocks without coefficients have a flag instead
	prepared      []sync.Once // of each group of rows
	groups        [2]rowGroup // in work, by the parity of their numbers
	counted       tokenCounts // in groups before those

	// What macroblocks need of those above, by column.
	top    []blockContext
	bmodes []uint8
}

// codedRow is a row of macroblocks whose modes and levels are chosen.
type codedRow struct {
	macroblocks []macroblock
	levels      []byte        // of the blocks of macroblocks that are not skipped, packed
	progress    chan struct{} // has an element for every stride macroblocks, and for the last
}

// maxFirstPartition is more than the length of the first partition, which is stored in 19 bits
// (section 9.1).
const maxFirstPartition = 1 << 19

// modeBudget is how much of the first partition modes may take, in 1/256 of a bit. The rest is for
// segments and the header. Pictures above 10 megapixels can reach it.
const modeBudget = maxFirstPartition * 8 * 256 / 10 * 8

// maxFlagged is how many macroblocks may say in the first partition that they have no coefficients:
// beside the cheapest modes, these flags take up to a bit each.
const maxFlagged = 900_000

// stride is how many macroblocks a row reports at a time.
const stride = 8

// groupRows is how many rows share the costs of tokens. Those follow from what groups before the last
// one came to, so that two groups can be in work, and bytes do not depend on threads.
const groupRows = 4

// rowGroup is what rows of a group share.
type rowGroup struct {
	costs  tokenCosts
	counts [groupRows]tokenCounts
}

// dcDeltas are added to the quantiser index for DC, by effort. SSIMULACRA2, which sees colour and looks at
// several scales, prefers errors in AC. With fast effort, luma takes more bits than it could, and finer
// chroma restores the balance; with high effort, bytes are left for the DC of all planes.
var dcDeltas = map[codec.Effort]quantDeltas{
	codec.FastEffort: {uvdc: -4},
	codec.HighEffort: {y1dc: -2, y2dc: -3, uvdc: -4},
}

// dcDeltaIndex is the quantiser index from which on one more makes up, with high effort, for the finer
// steps of DC. Below it, one more would change too much.
const dcDeltaIndex = 16

// NewWriter prepares to encode a gray or YCbCr picture with 4:2:0 chroma.
func NewWriter(p *plane.Picture, e codec.Effort) *Writer {
	w := &Writer{source: newPlaneSource(p), effort: e, width: p.Width(), height: p.Height(), deltas: dcDeltas[e]}
	w.mbw, w.mbh = (w.width+15)/16, (w.height+15)/16
	w.rows = make([]codedRow, w.mbh)
	w.flagSkipped = w.mbw*w.mbh <= maxFlagged
	for y := range w.rows {
		w.rows[y].macroblocks = make([]macroblock, w.mbw)
	}
	return w
}

// Encode returns the frame at a quality from 1 to 100.
func (w *Writer) Encode(ctx context.Context, quality, threads int) ([]byte, error) {
	w.index = quantiserIndex(quality)
	if w.effort == codec.HighEffort && w.index >= dcDeltaIndex {
		w.index++ // to make up for the finer steps of DC
	}
	if err := w.segment(ctx); err != nil {
		return nil, err
	}
	if err := w.search(ctx, threads); err != nil {
		return nil, err
	}
	return w.file(ctx, threads)
}

// quantiserIndex returns the quantiser index for a quality from 1 to 100. The curve is libwebp's, so
// that the same number means about the same loss there and here: a cube root, with three quarters
// in the middle.
func quantiserIndex(quality int) int {
	q := float64(quality) / 100
	if q < 0.75 {
		q *= 2. / 3
	} else {
		q = 2*q - 1
	}
	return int(math.Round(127 * (1 - math.Cbrt(q))))
}

// LogStep is the logarithm of the step by which a quality quantises coefficients.
func LogStep(quality int) float64 { return math.Log(float64(acQuant[quantiserIndex(quality)])) }

// filterStrength is the level of the loop filter in 64ths of the quantiser's step.
const filterStrength = 20

// filterLevelOf returns the level of the loop filter for a quantiser index.
func filterLevelOf(index int) int { return min(63, int(acQuant[index])*filterStrength/64) }

// search chooses modes and levels of the whole picture. Threads take rows in turn, each as far as
// the row above has come.
func (w *Writer) search(ctx context.Context, threads int) error {
	w.top = make([]blockContext, w.mbw)
	w.bmodes = make([]uint8, 4*w.mbw)
	w.prepared = make([]sync.Once, (w.mbh+groupRows-1)/groupRows)
	w.groups, w.counted = [2]rowGroup{}, tokenCounts{}
	for y := range w.rows {
		w.rows[y].progress = make(chan struct{}, w.mbw/stride+1)
		w.rows[y].levels = nil
	}
	above := newReconstruction(w.mbw)
	threads = min(max(threads, 1), groupRows)
	return together(ctx, threads, func(shared context.Context, t int) error {
		s := &rowSearch{reconstruction: above, w: w}
		for y := t; y < w.mbh; y += threads {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := s.row(shared, y); err != nil {
				return err
			}
		}
		return nil
	})
}

// prepareGroup computes the costs of group i from the tokens of those before the last one, whose
// rows are finished: there are no more threads than rows in a group.
func (w *Writer) prepareGroup(i int) {
	g := &w.groups[i%2] // still group i-2
	for r := range g.counts {
		w.counted.addAll(&g.counts[r])
		g.counts[r] = tokenCounts{}
	}
	probs := &defaultCoeffProbs
	if i > 1 {
		best := w.counted.best()
		probs = &best
	}
	g.costs.set(probs)
}

// total counts the tokens of all rows.
func (w *Writer) total() *tokenCounts {
	sum := w.counted
	for i := range w.groups {
		for r := range w.groups[i].counts {
			sum.addAll(&w.groups[i].counts[r])
		}
	}
	return &sum
}

// row searches row y.
func (s *rowSearch) row(ctx context.Context, y int) error {
	w, row := s.w, &s.w.rows[y]
	i := y / groupRows
	w.prepared[i].Do(func() { w.prepareGroup(i) })
	g := &w.groups[i%2]
	s.costs, s.counts = &g.costs, &g.counts[y%groupRows]
	s.y, s.left, s.bmodes = y, blockContext{}, [4]uint8{}
	s.budget = w.mbw * (modeBudget / (w.mbw * w.mbh))
	s.packed = s.packed[:0]
	ready := 0 // macroblocks of the row above
	for x := range row.macroblocks {
		if x%stride == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		for y > 0 && ready < min(x+2, w.mbw) {
			select {
			case <-w.rows[y-1].progress:
				ready += stride
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		s.macroblock(x, &row.macroblocks[x])
		if (x+1)%stride == 0 || x+1 == w.mbw {
			row.progress <- struct{}{}
		}
	}
	row.levels = bytes.Clone(s.packed)
	return nil
}

// together runs f in several threads, numbered from 0, the caller's among them, and waits for all.
// The first error or panic ends the context of the others, and is passed on.
func together(ctx context.Context, threads int, f func(ctx context.Context, t int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	panics := make([]any, threads)
	run := func(t int) {
		defer func() {
			if panics[t] = recover(); panics[t] != nil {
				cancel(context.Canceled)
			}
		}()
		if err := f(ctx, t); err != nil {
			cancel(err)
		}
	}
	var others sync.WaitGroup
	for t := 1; t < threads; t++ {
		others.Go(func() { run(t) })
	}
	run(0)
	others.Wait()
	for _, p := range panics {
		if p != nil {
			panic(p)
		}
	}
	return context.Cause(ctx)
}
