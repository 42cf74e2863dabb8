package main

import (
	"cmp"
	"errors"
	"math"
	"slices"
)

// The Bjøntegaard delta compares two encoders by curves over the range that both reach: of ln(bytes) over a
// score for the mean difference of bytes at equal scores, or of a score over ln(bytes) (G. Bjøntegaard,
// ITU-T VCEG-M33, 2001). Curves pass through the points as piecewise cubic Hermite polynomials, as the
// ITU's technical paper HSTP-VID-WPOM (2020) has it, because a cubic fitted to all of them may overshoot. C.
// Herglotz et al., The Bjøntegaard Bible (IEEE Transactions on Image Processing 33, 2024), compare the ways
// to interpolate.

// point is a point of a curve.
type point struct{ x, y float64 }

// curve is a monotone piecewise cubic through points of ascending x: F. N. Fritsch and J. Butland, A Method
// for Constructing Local Monotone Piecewise Cubic Interpolants (SIAM J. Sci. Stat. Comput. 5:2, 1984).
type curve struct {
	at    []point
	slope []float64
}

// newCurve makes a curve of at least two points. Points of equal x become their mean.
func newCurve(points []point) (curve, error) {
	sorted := slices.SortedFunc(slices.Values(points), func(a, b point) int { return cmp.Compare(a.x, b.x) })
	var c curve
	for i := 0; i < len(sorted); {
		sum, n := 0.0, 0
		for ; i+n < len(sorted) && sorted[i+n].x-sorted[i].x < 1e-9; n++ {
			sum += sorted[i+n].y
		}
		c.at = append(c.at, point{sorted[i].x, sum / float64(n)})
		i += n
	}
	if len(c.at) < 2 {
		return c, errors.New("a curve needs two points")
	}
	n := len(c.at) - 1
	h, d := make([]float64, n), make([]float64, n)
	for i := range n {
		h[i] = c.at[i+1].x - c.at[i].x
		d[i] = (c.at[i+1].y - c.at[i].y) / h[i]
	}
	c.slope = make([]float64, n+1)
	if n == 1 {
		c.slope[0], c.slope[1] = d[0], d[0]
		return c, nil
	}
	for i := 1; i < n; i++ {
		if d[i-1]*d[i] > 0 {
			a, b := 2*h[i]+h[i-1], h[i]+2*h[i-1]
			c.slope[i] = (a + b) / (a/d[i-1] + b/d[i])
		}
	}
	c.slope[0], c.slope[n] = endSlope(h[0], h[1], d[0], d[1]), endSlope(h[n-1], h[n-2], d[n-1], d[n-2])
	return c, nil
}

// endSlope is the slope at an end, from the two intervals next to it: that of a parabola, unless the curve
// were not monotone then.
func endSlope(h0, h1, d0, d1 float64) float64 {
	s := ((2*h0+h1)*d0 - h0*d1) / (h0 + h1)
	switch {
	case s*d0 <= 0:
		return 0
	case d0*d1 <= 0 && math.Abs(s) > 3*math.Abs(d0):
		return 3 * d0
	}
	return s
}

// value returns the curve's value in interval i.
func (c curve) value(i int, x float64) float64 {
	a, b := c.at[i], c.at[i+1]
	h := b.x - a.x
	t := (x - a.x) / h
	return a.y*(1+2*t)*(1-t)*(1-t) + h*c.slope[i]*t*(1-t)*(1-t) + b.y*t*t*(3-2*t) + h*c.slope[i+1]*t*t*(t-1)
}

// mean returns the curve's mean between two values of x within its range, by Simpson's rule, which is exact
// for cubics.
func (c curve) mean(from, to float64) float64 {
	sum := 0.0
	for i := range len(c.at) - 1 {
		a, b := max(from, c.at[i].x), min(to, c.at[i+1].x)
		if a < b {
			sum += (b - a) / 6 * (c.value(i, a) + 4*c.value(i, (a+b)/2) + c.value(i, b))
		}
	}
	return sum / (to - from)
}

// bjontegaard returns by how much the curve of theirs is above that of ours in the mean, over the x that both reach,
// and what part of our range that is.
func bjontegaard(ours, theirs []point) (delta, part float64, err error) {
	a, err := newCurve(ours)
	if err != nil {
		return 0, 0, err
	}
	b, err := newCurve(theirs)
	if err != nil {
		return 0, 0, err
	}
	first, last := a.at[0].x, a.at[len(a.at)-1].x
	from, to := max(first, b.at[0].x), min(last, b.at[len(b.at)-1].x)
	if from >= to {
		return 0, 0, errors.New("no score is reached by both encoders")
	}
	return b.mean(from, to) - a.mean(from, to), (to - from) / (last - first), nil
}
