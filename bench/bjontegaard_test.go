package main

import (
	"math"
	"testing"
)

// The figures are those of the package bjontegaard 1.3.0 on PyPI, method pchip, which is not ours.
func TestBjontegaard(t *testing.T) {
	for _, c := range []struct {
		name                               string
		ourRate, ourScore, rates, theScore []float64
		percent, score                     float64
	}{
		{
			"video", []float64{9487.76, 4593.60, 2486.44, 1358.24}, []float64{40.037, 38.615, 36.845, 34.851},
			[]float64{9787.80, 4469.00, 2451.52, 1356.24}, []float64{40.121, 38.651, 36.970, 34.987},
			-4.417485350589045, 0.11969278542479489,
		},
		{
			"six points", []float64{10, 14, 19, 30, 44, 61}, []float64{50, 58, 63, 71, 76, 80},
			[]float64{9, 12, 18, 25, 41, 70}, []float64{51, 57, 65, 70, 78, 84},
			-13.874934424243325, 2.5388088545424154,
		},
	} {
		points := func(rates, scores []float64, swap bool) (list []point) {
			for i, r := range rates {
				p := point{scores[i], math.Log(r)}
				if swap {
					p.x, p.y = p.y, p.x
				}
				list = append(list, p)
			}
			return list
		}
		delta, _, err := bjontegaard(points(c.ourRate, c.ourScore, false), points(c.rates, c.theScore, false))
		if got := 100 * math.Expm1(delta); err != nil || math.Abs(got-c.percent) > 1e-9 {
			t.Errorf("%s: %v %% of bytes, %v; want %v", c.name, got, err, c.percent)
		}
		delta, _, err = bjontegaard(points(c.ourRate, c.ourScore, true), points(c.rates, c.theScore, true))
		if err != nil || math.Abs(delta-c.score) > 1e-9 {
			t.Errorf("%s: score %v, %v; want %v", c.name, delta, err, c.score)
		}
	}
}

func TestBjontegaardRanges(t *testing.T) {
	ours := []point{{0, 1}, {10, 2}}
	delta, part, err := bjontegaard(ours, []point{{5, 3.5}, {5, 3.5}, {9, 3.9}})
	if err != nil || math.Abs(delta-2) > 1e-9 || math.Abs(part-0.4) > 1e-9 {
		t.Errorf("lines at a distance of 2 over 5 to 9 of 0 to 10: %v, %v, %v", delta, part, err)
	}
	// The range excludes what only one of the curves has.
	if _, _, err := bjontegaard(ours, []point{{10, 1}, {20, 2}}); err == nil {
		t.Error("ranges that only touch: no error")
	}
	if _, _, err := bjontegaard(ours, []point{{3, 1}, {3, 2}}); err == nil {
		t.Error("a curve of one point: no error")
	}
	// Where a curve turns, it is flat, and stays within its points.
	turning, err := newCurve([]point{{0, 0}, {1, 2}, {2, 1}, {3, 3}})
	if err != nil || turning.slope[1] != 0 || turning.slope[2] != 0 || math.Abs(turning.mean(1, 2)-1.5) > 1e-9 {
		t.Errorf("got %+v, %v", turning, err)
	}
}
