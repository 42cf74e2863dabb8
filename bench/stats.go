package main

import "slices"

// median returns the middle value, or the mean of the two middle values, and 0 if there are none.
// It does not modify v.
func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(v))
	n := len(s)
	return (s[(n-1)/2] + s[n/2]) / 2
}

// pairedRatio returns the median of a[i]/b[i]. A disturbance that lasts longer than a pair affects
// both values and cancels out, which it does not in the ratio of two medians.
func pairedRatio(a, b []float64) float64 {
	ratios := make([]float64, 0, len(a))
	for i := range min(len(a), len(b)) {
		ratios = append(ratios, a[i]/b[i])
	}
	return median(ratios)
}
