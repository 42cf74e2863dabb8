package main

import (
	"fmt"
	"slices"
)

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
func pairedRatio(a, b []float64) float64 { return pairedSpread(a, b).Median }

// spread is the median of values and the quartiles around it.
type spread struct {
	Low    float64 `json:"low"`
	Median float64 `json:"median"`
	High   float64 `json:"high"`
}

func (s spread) String() string { return fmt.Sprintf("%.2f (%.2f–%.2f)", s.Median, s.Low, s.High) }

// pairedSpread is the spread of a[i]/b[i].
func pairedSpread(a, b []float64) spread {
	ratios := make([]float64, 0, len(a))
	for i := range min(len(a), len(b)) {
		ratios = append(ratios, a[i]/b[i])
	}
	slices.Sort(ratios)
	n := len(ratios)
	return spread{median(ratios[:(n+1)/2]), median(ratios), median(ratios[n/2:])} // the middle one is in both halves
}
