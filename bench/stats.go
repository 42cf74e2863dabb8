package main

import "slices"

// median is the middle value, or the mean of the two in the middle; 0 of none. It leaves v as it is.
func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(v))
	n := len(s)
	return (s[(n-1)/2] + s[n/2]) / 2
}

// pairedRatio is the median of a[i]/b[i]. A disturbance that lasts longer than a pair falls on both and cancels, which it
// does not in the ratio of two medians.
func pairedRatio(a, b []float64) float64 {
	ratios := make([]float64, 0, len(a))
	for i := range min(len(a), len(b)) {
		ratios = append(ratios, a[i]/b[i])
	}
	return median(ratios)
}
