package resample

import "math"

// Filter names the function that weights source samples by their distance from the position of an
// output sample. The zero value means Lanczos3.
type Filter string

const (
	// Lanczos3 is sinc windowed by the central lobe of a sinc three times as wide: sharp, with
	// slight ringing.
	Lanczos3 Filter = "lanczos3"
	// CatmullRom is the Mitchell-Netravali cubic with B=0, C=1/2: it interpolates and is sharper
	// than Mitchell.
	CatmullRom Filter = "catmull-rom"
	// Mitchell is the Mitchell-Netravali cubic with B=C=1/3: smooth, with almost no ringing.
	Mitchell Filter = "mitchell"
	// Linear is a triangle two samples wide: bilinear interpolation when enlarging.
	Linear Filter = "linear"
	// Box averages the samples within the step; when enlarging, it picks the nearest sample.
	Box Filter = "box"
)

// kernel returns the weight as a function of the distance in samples, and the distance beyond which
// the weight is zero.
func (f Filter) kernel() (weight func(x float64) float64, radius float64) {
	switch f {
	case Box:
		return box, 0.5
	case Linear:
		return linear, 1
	case CatmullRom:
		return catmullRom, 2
	case Mitchell:
		return mitchell, 2
	}
	return lanczos3, 3
}

// The functions below, and all other code that contributes to a weight, convert each product to
// float64 before adding to it. The conversion stops the compiler from fusing the two operations (Go
// specification, Floating-point operators), so that architectures with fused multiply-add compute
// the same weights as those without.

// box includes only one of its two ends, so that a sample exactly between two windows counts once.
func box(x float64) float64 {
	if x > -0.5 && x <= 0.5 {
		return 1
	}
	return 0
}

func linear(x float64) float64 {
	return max(0, 1-math.Abs(x))
}

func catmullRom(x float64) float64 { return cubic(x, 0, 0.5) }

func mitchell(x float64) float64 { return cubic(x, 1.0/3, 1.0/3) }

// cubic is k(x) of Mitchell and Netravali, equation 8, in Horner's form.
func cubic(x, b, c float64) float64 {
	x = math.Abs(x)
	switch {
	case x < 1:
		p := float64(x*(12-float64(9*b)-float64(6*c))) + (float64(12*b) + float64(6*c) - 18)
		return (float64(float64(p*x)*x) + (6 - float64(2*b))) / 6
	case x < 2:
		p := float64(x*(-b-float64(6*c))) + (float64(6*b) + float64(30*c))
		p = float64(p*x) - (float64(12*b) + float64(48*c))
		return (float64(p*x) + (float64(8*b) + float64(24*c))) / 6
	}
	return 0
}

// lanczos3 is sinc(x)·sinc(x/3) for |x| < 3, where sinc(x) is sin(πx)/(πx). Both sines follow from
// s = sin(πx/3), because sin 3a = sin a·(3 - 4 sin² a).
func lanczos3(x float64) float64 {
	x = math.Abs(x)
	if x >= 3 {
		return 0
	}
	if x < 1e-8 {
		return 1
	}
	s := sinPi(x / 3)
	ss := float64(s * s)
	return float64(ss*(3-float64(4*ss))) * 3 / (float64(math.Pi*x) * float64(math.Pi*x))
}

// sineTerms are (-1)^k π^(2k+1)/(2k+1)!, the Taylor series of sin(πx). At x = 1/2 the first omitted
// term is below 1e-17.
var sineTerms = [...]float64{
	3.14159265358979311600e+00,
	-5.16771278004997025590e+00,
	2.55016403987734552317e+00,
	-5.99264529320792105338e-01,
	8.21458866111282326461e-02,
	-7.37043094571435044443e-03,
	4.66302805767612553716e-04,
	-2.19153534478302172922e-05,
	7.95205400147551261113e-07,
	-2.29484289972698730364e-08,
	5.39266466260812895167e-10,
	-1.05184717169320651159e-11,
}

// sinPi is sin(πx) for x in 0..1. Unlike math.Sin, it uses only operations that produce the same
// bits on every architecture.
func sinPi(x float64) float64 {
	if x > 0.5 {
		x = 1 - x
	}
	xx := float64(x * x)
	var s float64
	for i := len(sineTerms) - 1; i >= 0; i-- {
		s = float64(s*xx) + sineTerms[i]
	}
	return float64(s * x)
}
