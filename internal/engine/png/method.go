package png

import (
	"context"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/deflate"
)

// method is how the rows of a picture are compressed.
type method struct {
	filters filters
	level   deflate.Level
}

// Most photographs have few matches: filtered, they take about as many bytes without any, in a third of
// the time. Matches have to save more than a part of leastGain. The normal level takes up to three times
// as long as the fast one where matches are short, and no longer where they are long: where samples take
// less than one of quickPart bytes. It is also for palettes, whose neighbours tell nothing of one another,
// and for pictures of no more than smallSize bytes. At high effort, pictures of more than hugeSize bytes
// get passesOfHuge passes. High effort costs nothing in pictures of no more than tinySize bytes.
const (
	leastGain    = 0.1
	quickPart    = 12
	smallSize    = 64 << 10
	tinySize     = 4 << 10
	hugeSize     = 8 << 20
	passesOfHuge = 2
)

// Samples by which the method is chosen: bands of rows, spread over the picture, of so many bytes
// together. They are all of a small picture. Whether matches are worth it shows in a few rows, but what
// filters do to them only in bands that are high enough for vertical matches.
const (
	sampleBands = 4
	sampleLow   = 64 << 10
	samplePart  = 64 // one of so many bytes of a large picture, up to sampleHigh
	sampleHigh  = 256 << 10
	sampleMost  = 1 << 20 // at high effort
)

// choose compresses samples with several methods and returns the best one for the picture. It
// depends on nothing but the picture.
func (w *worker) choose(ctx context.Context) (m method, err error) {
	if w.effort == codec.HighEffort || w.effort == codec.NormalEffort && (w.n+1)*w.height <= tinySize {
		return w.chooseFilters(ctx)
	}
	size := w.deflatedSizes(ctx, &err)
	low := min(max(sampleLow, (w.n+1)*w.height/samplePart), sampleHigh)
	filtered, plain := w.samples(low, adaptive), w.samples(low, unfiltered)
	with, none := size(filtered, deflate.Fast), size(plain, deflate.Fast)
	if without := size(filtered, deflate.Entropy); float64(min(with, none)) > (1-leastGain)*float64(without) {
		return method{adaptive, deflate.Entropy}, err
	}
	m.level = deflate.Fast
	small := (w.n+1)*w.height <= smallSize
	if w.effort == codec.NormalEffort && (small || w.indexed || min(with, none) < len(plain)/quickPart) {
		m.level = deflate.Normal
		with = size(w.samples(sampleHigh, adaptive), deflate.Normal)
		none = size(w.samples(sampleHigh, unfiltered), deflate.Normal)
	}
	if with < none {
		m.filters = adaptive
	}
	if w.effort == codec.NormalEffort && (small || w.indexed) {
		m.level = deflate.Deep
	}
	return m, err
}

// chooseFilters returns the filters with which samples take the fewest bytes at the normal level or, of a
// small picture, at the optimal one.
func (w *worker) chooseFilters(ctx context.Context) (m method, err error) {
	size := w.deflatedSizes(ctx, &err)
	least, level := -1, deflate.Normal
	if (w.n+1)*w.height <= smallSize {
		level = deflate.Optimal
	}
	for f := range everyFilter + 1 {
		if n := size(w.samples(sampleMost, f), level); least < 0 || n < least {
			m, least = method{f, deflate.Optimal}, n
		}
	}
	return m, err
}

// samples returns about size bytes of rows, or all if there are fewer, filtered.
func (w *worker) samples(size int, f filters) (sample []byte) {
	rows := (size/sampleBands + w.n) / (w.n + 1)
	for i := range sampleBands {
		first, end := w.height*i/sampleBands, w.height*(i+1)/sampleBands
		last := min(first+rows, end)
		if first < last {
			sample = w.filterRows(sample, first, last, f)
		}
	}
	return sample
}

// deflatedSizes returns a function that compresses data and returns its size in bytes; an error becomes
// that of the choice.
func (w *worker) deflatedSizes(ctx context.Context, failed *error) func(data []byte, l deflate.Level) int {
	return func(data []byte, l deflate.Level) int {
		out, err := w.Append(ctx, w.scratch[:0], data, 0, l, false)
		if err != nil {
			*failed = err
			return 0
		}
		w.scratch = out
		return len(out)
	}
}
