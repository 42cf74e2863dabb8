package vp8

import (
	"context"
	"math"
	"math/bits"
)

// activityUnit is how many steps of activity there are in a doubling of the variance.
const activityUnit = 16

// maxActivity is more than the activity of any macroblock: samples of 8 bits have a variance below
// 2 to the power of 14.
const maxActivity = 15 * activityUnit

// activity returns the logarithm of the variance of a macroblock's luma, mean over its four 8×8
// quarters, in 16ths of a doubling: how much of an error the picture hides.
func (w *Writer) activity(x, y int) int {
	var edge [256]byte
	pix, stride := w.source.samples(0, 16*x, 16*y, 16, &edge)
	sums, squares := quarterSums(pix, stride, w.source.vector)
	total := 0
	for i, sum := range sums {
		total += log2((squares[i]-sum*sum/64)/64 + 1)
	}
	return total / 4
}

// log2 is the logarithm of v, at least 1, in 16ths.
func log2(v uint32) int {
	n := bits.Len32(v) - 1
	frac := v << (31 - n) >> 27 & 15 // linear between powers
	return n*activityUnit + int(frac)
}

// activityWeight is by which power of the variance, in all, the quantiser's step grows.
const activityWeight = 0.13

// coefficientWeights are, in 256ths, about how many coefficients a macroblock has by its activity: as
// integers, so that no sum depends on the machine.
var coefficientWeights = func() (t [maxActivity]int) {
	for a := range t {
		t[a] = int(math.Round(256 * math.Exp2(float64(a)/(2*activityUnit))))
	}
	return t
}()

// maxSegmented is how many macroblocks are divided: with more of them the segments could take what
// the first partition needs for modes. Then all have the quantiser of the picture.
const maxSegmented = 200_000

// segment divides the macroblocks into segments by their activity, and gives each a quantiser: a
// finer one where it is low, for there an error shows. The quantiser of the picture is that of the
// macroblocks that most of the coefficients are in.
func (w *Writer) segment(ctx context.Context) error {
	if w.activities == nil {
		if err := w.measure(ctx); err != nil {
			return err
		}
	}
	var histogram [maxActivity]int
	for _, a := range w.activities {
		histogram[a]++
	}
	var sum, weights int
	for a, n := range histogram {
		weights += n * coefficientWeights[a]
		sum += n * coefficientWeights[a] * a
	}
	mean := float64(sum) / float64(weights)
	centres, of := cluster(histogram[:])
	whole := len(w.activities) > maxSegmented
	if whole {
		of = make([]uint8, maxActivity)
	}
	for i, c := range centres {
		w.indexes[i] = w.index
		if !whole {
			change := math.Exp2(activityWeight * (float64(c) - mean) / activityUnit)
			w.indexes[i] = indexOfStep(float64(acQuant[w.index]) * change)
		}
		w.filterLevels[i] = filterLevelOf(w.indexes[i])
		var s segment
		s.set(w.indexes[i], w.deltas)
		w.tables[i] = newSegmentTables(&s, w.effort)
	}
	for i, a := range w.activities {
		w.rows[i/w.mbw].macroblocks[i%w.mbw].segment = of[a]
	}
	return nil
}

// measure finds the activity of all macroblocks.
func (w *Writer) measure(ctx context.Context) error {
	activities := make([]uint16, 0, w.mbw*w.mbh)
	for y := range w.mbh {
		if err := ctx.Err(); err != nil {
			return err
		}
		for x := range w.mbw {
			activities = append(activities, uint16(w.activity(x, y)))
		}
	}
	w.activities = activities
	return nil
}

// indexOfStep returns the quantiser index whose step for AC coefficients is nearest.
func indexOfStep(step float64) int {
	best := 0
	for i, q := range acQuant {
		if math.Abs(float64(q)-step) < math.Abs(float64(acQuant[best])-step) {
			best = i
		}
	}
	return best
}

// cluster divides the values of a histogram into segments around centres with the least squared
// distances (Lloyd's algorithm), and returns the segment of each value.
func cluster(histogram []int) (centres [maxSegments]int, of []uint8) {
	lo, hi := 0, len(histogram)-1
	for lo < hi && histogram[lo] == 0 {
		lo++
	}
	for hi > lo && histogram[hi] == 0 {
		hi--
	}
	for i := range centres {
		centres[i] = lo + (2*i+1)*(hi-lo)/(2*maxSegments)
	}
	of = make([]uint8, len(histogram))
	for range 8 {
		var sum, n [maxSegments]int
		for v, count := range histogram {
			best := 0
			for i := range centres {
				if max(v-centres[i], centres[i]-v) < max(v-centres[best], centres[best]-v) {
					best = i
				}
			}
			of[v] = uint8(best)
			sum[best] += v * count
			n[best] += count
		}
		for i := range centres {
			if n[i] > 0 {
				centres[i] = sum[i] / n[i]
			}
		}
	}
	return centres, of
}
