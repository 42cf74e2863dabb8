package resample

import (
	"fmt"
	"math"
	"runtime"
	"sync"
	"weak"
)

// Weights are integers in units of 1/one. The largest sum of |weights| of one output sample, that
// of Lanczos3 halfway between two samples, is below 1.55 times one. The bounds in kernel.go rely on
// that, and a test checks it.
const (
	fraction = 14
	one      = 1 << fraction
)

// table holds the weights of every output sample of one axis: output i is the sum over k of
// coef[i*taps+k] times source sample first[i]+k. All windows have the same length and lie inside
// the source: 0 <= first[i], first[i]+taps <= src. first never decreases. Neither does last, the
// exclusive end of the nonzero weights of a window.
type table struct {
	taps        int
	first, last []int32
	coef        []int16
	// lanes returns the weights arranged for vector kernels, for source samples of one byte or two.
	lanes [2]func() *lanes
}

type tableKey struct {
	axis   Axis
	filter Filter
}

// tables shares the weights of planes that are in use at the same time: the two axes of a square,
// two chroma planes, successive uploads of the same size. It holds weak pointers and keeps no table
// alive.
var tables struct {
	sync.Mutex
	live map[tableKey]weak.Pointer[table]
}

// tableOf returns the table of a valid axis, shared with every other user of the same axis and
// filter.
func tableOf(a Axis, f Filter) *table {
	if f == "" {
		f = Lanczos3
	}
	key := tableKey{a, f}
	tables.Lock()
	defer tables.Unlock()
	if t := tables.live[key].Value(); t != nil {
		return t
	}
	t := newTable(a, f)
	if tables.live == nil {
		tables.live = map[tableKey]weak.Pointer[table]{}
	}
	p := weak.Make(t)
	tables.live[key] = p
	runtime.AddCleanup(t, func(key tableKey) {
		tables.Lock()
		defer tables.Unlock()
		if tables.live[key] == p {
			delete(tables.live, key)
		}
	}, key)
	return t
}

// validate returns an error for an axis that has no samples, or that extends so far outside the
// source that the work would not be bounded by the sizes of source and result.
func (a Axis) validate(name string) error {
	const largest = 1 << 26
	switch {
	case a.Src < 1 || a.Src > largest || a.Dst < 1 || a.Dst > largest:
		return fmt.Errorf("resample: %s axis: resizes %d to %d samples, want both in 1 to %d",
			name, a.Src, a.Dst, largest)
	case !(a.Step > 0) || math.IsInf(a.Step, 0):
		return fmt.Errorf("resample: %s axis: step %v is not a positive number", name, a.Step)
	case !(a.Start >= -float64(a.Src)) || !(a.Start+float64(a.Dst)*a.Step <= float64(2*a.Src)):
		return fmt.Errorf("resample: %s axis: %v to %v is too far outside 0 to %d",
			name, a.Start, a.Start+float64(a.Dst)*a.Step, a.Src)
	}
	return nil
}

// newTable computes the weights of an axis.
func newTable(a Axis, f Filter) *table {
	t := &table{first: make([]int32, a.Dst), last: make([]int32, a.Dst)}
	weight, radius := f.kernel()
	scale := max(1, a.Step)
	reach := radius * scale
	var loose []int16 // windows of varying length, one after another
	starts := make([]int, a.Dst)
	window := make([]float64, 0, int(2*reach)+3)
	for i := range a.Dst {
		centre := a.Start + float64((float64(i)+0.5)*a.Step)
		var first int
		first, window = weigh(window[:0], a.Src, centre, reach, scale, weight)
		starts[i] = len(loose)
		first, loose = quantise(loose, first, window)
		t.first[i], t.last[i] = int32(first), int32(first+len(loose)-starts[i])
	}
	lows := append([]int32(nil), t.first...)
	for i := a.Dst - 2; i >= 0; i-- {
		t.first[i] = min(t.first[i], t.first[i+1])
	}
	for i := range a.Dst {
		t.last[i] = max(t.last[i], t.last[max(i, 1)-1])
		t.taps = max(t.taps, int(t.last[i]-t.first[i]))
	}
	t.coef = make([]int16, a.Dst*t.taps)
	for i := range a.Dst {
		t.first[i] = min(t.first[i], int32(a.Src-t.taps))
		end := len(loose)
		if i+1 < a.Dst {
			end = starts[i+1]
		}
		copy(t.coef[i*t.taps+int(lows[i]-t.first[i]):], loose[starts[i]:end])
	}
	for i := range t.lanes {
		t.lanes[i] = sync.OnceValue(func() *lanes { return newLanes(t, i+1) })
	}
	return t
}

// weigh appends the weights, normalised, that the samples around centre have in one output sample,
// and returns the index of the first of these samples. The weights of positions outside 0..src-1
// are added to the edge sample.
func weigh(
	w []float64, src int, centre, reach, scale float64, weight func(float64) float64,
) (first int, weights []float64) {
	lo, hi := int(math.Ceil(centre-reach-0.5)), int(math.Floor(centre+reach-0.5))
	first = min(max(lo, 0), src-1)
	for k := lo; k <= hi; k++ {
		at := min(max(k, 0), src-1) - first
		if at == len(w) {
			w = append(w, 0)
		}
		w[at] += weight((float64(k) + 0.5 - centre) / scale)
	}
	var sum float64
	for _, v := range w {
		sum += v
	}
	if sum == 0 {
		// Rounding made a box miss its only sample.
		nearest := min(max(int(math.Floor(centre)), 0), src-1)
		return nearest, append(w[:0], 1)
	}
	for i := range w {
		w[i] /= sum
	}
	return first, w
}

// quantise appends the weights as integers, without the zeros around them, and returns the index of
// the first sample with a weight. Each integer is the difference of two rounded partial sums, so
// the integers add up to exactly one, none is off by more than one unit, and the errors of
// neighbours cancel instead of accumulating.
func quantise(to []int16, first int, w []float64) (int, []int16) {
	var sum, before float64
	start, end := len(to), len(to)
	for i, v := range w {
		sum += v
		upTo := math.Floor(sum*one + 0.5) // one is a power of two: the product is exact, fused or not
		if i == len(w)-1 {
			upTo = one
		}
		c := int16(upTo - before)
		before = upTo
		if c == 0 && start == len(to) {
			first++
			continue
		}
		to = append(to, c)
		if c != 0 {
			end = len(to)
		}
	}
	return first, to[:end]
}

// shift returns the source sample of output sample 0 if the axis only copies consecutive samples.
func (t *table) shift() (at int, ok bool) {
	if t.taps != 1 {
		return 0, false
	}
	for i, first := range t.first {
		if int(first) != int(t.first[0])+i {
			return 0, false
		}
	}
	return int(t.first[0]), true
}
