package resample

// Axis maps the samples of one axis. Output sample i is centred at Start + (i+0.5)*Step, measured
// in source samples from the edge of the plane; source sample k is centred at k+0.5. Positions
// outside 0..Src-1 repeat the edge sample.
type Axis struct {
	Src, Dst    int
	Start, Step float64
}

// Copies reports whether resampling this axis with f only copies a run of consecutive samples.
func (a Axis) Copies(f Filter) bool {
	if validate(a, a, f) != nil {
		return false
	}
	_, ok := tableOf(a, f).shift()
	return ok
}
