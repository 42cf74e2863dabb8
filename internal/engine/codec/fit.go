package codec

import (
	"context"
	"fmt"
	"math"
)

// LowestQuality is where a search for few bytes stops: below it a picture is hardly one.
const LowestQuality = 10

// maxTrials bounds the encodes of one Fit.
const maxTrials = 6

// Fit returns the file of the highest quality from lo to hi that has no more than maxBytes, and
// that quality. It encodes at most six times; where that does not settle the question, it returns
// the best file found that fits. If the file of quality lo does not fit, the error wraps
// ErrTooLarge and says how many bytes it has.
func Fit(ctx context.Context, t Trials, maxBytes int64, lo, hi int) (file []byte, quality int, err error) {
	if lo < 1 || hi > 100 || lo > hi {
		return nil, 0, fmt.Errorf("qualities %d to %d are not within 1 to 100", lo, hi)
	}
	f := fitting{ctx: ctx, t: t, limit: maxBytes}
	return f.search(lo, hi)
}

// fitting is the search for a quality.
type fitting struct {
	ctx      context.Context
	t        Trials
	limit    int64
	best     []byte // the last file that fits, which has the highest quality of those
	smallest int    // bytes of the smallest file made
}

// try encodes at a quality, keeps the file if it fits, and returns the natural logarithm of its
// size over the limit.
func (f *fitting) try(quality int) (over float64, err error) {
	file, err := f.t.Encode(f.ctx, quality)
	if err != nil {
		return 0, err
	}
	if int64(len(file)) <= f.limit {
		f.best = file
	}
	if f.smallest == 0 || len(file) < f.smallest {
		f.smallest = len(file)
	}
	return math.Log(float64(len(file)) / math.Max(float64(f.limit), 1)), nil
}

// search keeps fits < q <= tooBig around the answer and guesses between them.
func (f *fitting) search(lo, hi int) ([]byte, int, error) {
	over, err := f.try(hi)
	if err != nil || f.best != nil {
		return f.best, hi, err
	}
	near := trial{hi, over} // the one closest to the limit so far
	var before trial        // another one, to guess with; its quality is 0 if there is none
	tooBig, fits := hi, lo-1
	for n := 2; n <= maxTrials && tooBig-fits > 1; n++ {
		q := min(max(f.guess(near, before), fits+1), tooBig-1)
		if n == maxTrials && f.best == nil {
			q = lo
		}
		if over, err = f.try(q); err != nil {
			return nil, 0, err
		}
		if over <= 0 {
			fits = q
		} else {
			tooBig = q
		}
		if now := (trial{q, over}); math.Abs(over) <= math.Abs(near.over) {
			near, before = now, near
		} else {
			before = now
		}
	}
	if f.best == nil {
		return nil, 0, fmt.Errorf("%w: %d bytes at the lowest quality allowed, the limit is %d; raise max_bytes, or ask for fewer pixels",
			ErrTooLarge, f.smallest, f.limit)
	}
	return f.best, fits, nil
}

// trial is a quality and the logarithm of its file's size over the limit.
type trial struct {
	quality int
	over    float64
}

// usualSlope is by how much the logarithm of a photograph's size falls when that of the quantiser's
// step rises by one.
const usualSlope = -0.62

// guess returns the highest quality that fits if the logarithm of the size is linear in that of the
// quantiser's step: through two trials or, before there are two, at the usual slope.
func (f *fitting) guess(a, b trial) int {
	slope := usualSlope
	if b.quality != 0 && (a.over-b.over)*float64(a.quality-b.quality) > 0 {
		slope = (a.over - b.over) / (f.t.LogStep(a.quality) - f.t.LogStep(b.quality))
	}
	want := f.t.LogStep(a.quality) - a.over/slope
	q := 1
	for q < 100 && f.t.LogStep(q+1) >= want {
		q++
	}
	return q
}
