package main

import "testing"

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		of   []float64
		want float64
	}{{nil, 0}, {[]float64{7}, 7}, {[]float64{9, 1, 5}, 5}, {[]float64{4, 1, 100, 2}, 3}} {
		before := append([]float64(nil), c.of...)
		if got := median(c.of); got != c.want {
			t.Errorf("median of %v is %v, want %v", c.of, got, c.want)
		}
		for i := range before {
			if c.of[i] != before[i] {
				t.Errorf("median modified %v to %v", before, c.of)
			}
		}
	}
}

// TestPairedRatioIgnoresLoad checks that a machine that is three times slower during one pair does
// not change the ratio.
func TestPairedRatioIgnoresLoad(t *testing.T) {
	a, b := []float64{20, 60, 22}, []float64{10, 30, 11}
	if got := pairedRatio(a, b); got != 2 {
		t.Errorf("ratio %v, want 2", got)
	}
	if got := pairedRatio([]float64{10, 30, 50}, []float64{10, 10, 10}); got != 3 {
		t.Errorf("ratio %v, want the middle one of 1, 3, 5", got)
	}
	if got := pairedRatio(a, b[:1]); got != 2 {
		t.Errorf("ratio %v of the only pair, want 2", got)
	}
}

func TestPairedSpread(t *testing.T) {
	ones := []float64{1, 1, 1, 1, 1}
	if got := pairedSpread([]float64{9, 1, 5, 3, 7}, ones); got != (spread{3, 5, 7}) || got.String() != "5.00 (3.00–7.00)" {
		t.Errorf("got %v, want 5 between 3 and 7", got)
	}
	if got := pairedSpread([]float64{4, 2, 1, 3}, ones); got != (spread{1.5, 2.5, 3.5}) {
		t.Errorf("got %v, want 2.5 between 1.5 and 3.5", got)
	}
	if got := pairedSpread(nil, ones); got != (spread{}) {
		t.Errorf("got %v of no pairs", got)
	}
}
