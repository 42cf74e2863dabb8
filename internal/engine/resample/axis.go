package resample

// Axis maps the samples of one axis: output sample i is centred at Start + (i+0.5)*Step, in source samples from the edge of
// the plane (source sample k is centred at k+0.5). Samples asked for outside 0..Src-1 repeat the edge.
type Axis struct {
	Src, Dst    int
	Start, Step float64
}

// Copies tells whether f does no more on this axis than pick samples, each the neighbour of the one before.
func (a Axis) Copies(f Filter) bool {
	if validate(a, a, f) != nil {
		return false
	}
	_, ok := tableOf(a, f).shift()
	return ok
}
