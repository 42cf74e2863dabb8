package jpeg

import (
	"bytes"
	"errors"
	"fmt"
	"math"

	"github.com/imgmill/imgmill/internal/engine/plane"
)

// ErrTooLarge reports that a picture does not fit even at the lowest allowed quality. It is
// returned as a *SizeError.
var ErrTooLarge = errors.New("picture is too large at the lowest allowed quality")

// SizeError reports by how much a picture exceeds the limit. It matches ErrTooLarge.
type SizeError struct {
	Limit    int // largest allowed size of the file in bytes
	Smallest int // its size in bytes at the lowest allowed quality
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("encode jpeg: %d bytes at the lowest allowed quality, the limit is %d",
		e.Smallest, e.Limit)
}

// Is reports whether target is ErrTooLarge.
func (e *SizeError) Is(target error) bool { return target == ErrTooLarge }

// maxTrials limits the number of encodes per Fit.
const maxTrials = 6

// Fit writes p at the highest quality in lo..hi that needs at most maxBytes, and returns that
// quality. The other options are those of o. It encodes at most six times; if that does not settle
// the question, it returns the best fitting file found. If lo does not fit, the error is a
// *SizeError.
func Fit(p *plane.Picture, o Options, maxBytes, lo, hi int) (file []byte, quality int, err error) {
	if lo < 1 || hi > 100 || lo > hi {
		return nil, 0, fmt.Errorf("encode jpeg: invalid quality range %d to %d, want 1 to 100", lo, hi)
	}
	e, err := NewEncoder(p)
	if err != nil {
		return nil, 0, err
	}
	f := fitting{e: e, o: o, limit: maxBytes}
	return f.search(lo, hi)
}

// fitting is the search for a quality.
type fitting struct {
	e     *Encoder
	o     Options
	limit int
	best  []byte // the largest file that fits so far
	least int    // size of the smallest file so far, in bytes
}

// try encodes at a quality, keeps the file if it fits, and returns the natural logarithm of its
// size divided by the limit.
func (f *fitting) try(quality int) (over float64, err error) {
	var b bytes.Buffer
	f.o.Quality = quality
	if err := f.e.Encode(&b, f.o); err != nil {
		return 0, err
	}
	if b.Len() <= f.limit {
		f.best = b.Bytes()
	}
	if f.least == 0 || b.Len() < f.least {
		f.least = b.Len()
	}
	return math.Log(float64(b.Len()) / math.Max(float64(f.limit), 1)), nil
}

// search narrows the range between fits, the best quality known to fit, and tooBig, the lowest
// known not to. It guesses the next quality to try from the previous ones.
func (f *fitting) search(lo, hi int) ([]byte, int, error) {
	over, err := f.try(hi)
	if err != nil || f.best != nil {
		return f.best, hi, err
	}
	near := trial{hi, over} // the trial closest to the limit; before is the previous one
	var before trial
	tooBig, fits := hi, lo-1
	for n := 2; n <= maxTrials && tooBig-fits > 1; n++ {
		q := min(max(guess(near, before), fits+1), tooBig-1)
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
		return nil, 0, &SizeError{Limit: f.limit, Smallest: f.least}
	}
	return f.best, fits, nil
}

// trial is a quality, and the logarithm of the size of its file divided by the limit.
type trial struct {
	quality int
	over    float64
}

// logScale is the logarithm of the table's scale, adjusted for the finest tables, whose entries
// cannot fall below 1.
func logScale(quality int) float64 { return math.Log(float64(qualityScale(quality)) + 4) }

// guess returns the highest quality that fits if the logarithm of the size is a linear function of
// that of the table's scale: through two trials or, if there is only one, with the slope usual for
// photographs.
func guess(a, b trial) int {
	slope := -0.62
	if b.quality != 0 && (a.over-b.over)*float64(a.quality-b.quality) > 0 {
		slope = (a.over - b.over) / (logScale(a.quality) - logScale(b.quality))
	}
	want := logScale(a.quality) - a.over/slope
	q := 1
	for q < 100 && logScale(q+1) >= want {
		q++
	}
	return q
}
