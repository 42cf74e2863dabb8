package codec

import (
	"context"
	"errors"
	"math"
	"testing"
)

// curves are ways in which a score may rise with the quality.
var curves = map[string]func(q int) float64{
	"usual":     func(q int) float64 { return float64(q) },
	"easy":      func(q int) float64 { return 60 + 0.4*float64(q) },
	"hard":      func(q int) float64 { return -80 + 1.7*float64(q) },
	"bent":      func(q int) float64 { return 95 - 1500/float64(q) },
	"saturated": func(q int) float64 { return min(0.9*float64(q), 78.2) },
	"steps":     func(q int) float64 { return float64(q / 10 * 10) },
	"one jump":  func(q int) float64 { return 40 + 60*float64(q/83) },
	"wavy":      func(q int) float64 { return float64(q) + 1.5*math.Sin(float64(q)) },
	"flat":      func(int) float64 { return 50 },
}

func TestReachMeetsTheTarget(t *testing.T) {
	for name, curve := range curves {
		for target := 20.0; target < 100; target++ {
			s := &sizes{}
			for q := range s.bytes {
				s.bytes[q] = q
			}
			score := func(_ context.Context, file []byte) (float64, error) { return curve(len(file)), nil }
			f, err := Reach(t.Context(), s, score, target)
			if err != nil {
				t.Fatal(err)
			}
			if f.Encodes != len(s.tried) || f.Encodes > maxReach {
				t.Fatalf("%s, %g: %d encodes, tried %v", name, target, f.Encodes, s.tried)
			}
			if len(f.File) != f.Quality || f.Score != curve(f.Quality) {
				t.Fatalf("%s, %g: %d bytes of quality %d, score %g", name, target, len(f.File), f.Quality, f.Score)
			}
			want := target
			if curve(100) < target && name != "wavy" {
				want = curve(100) - shortfall
			}
			if f.Score < want-1e-9 {
				t.Errorf("%s, %g: score %g at quality %d, tried %v", name, target, f.Score, f.Quality, s.tried)
			}
			if want == target && f.Score >= want+slack && f.Quality > LowestQuality && curve(f.Quality-1) >= want && name != "wavy" {
				t.Errorf("%s, %g: score %g at quality %d, one less has %g; tried %v",
					name, target, f.Score, f.Quality, curve(f.Quality-1), s.tried)
			}
		}
	}
}

func TestReachEndsWithAnError(t *testing.T) {
	failed := errors.New("no score")
	score := func(context.Context, []byte) (float64, error) { return 0, failed }
	if _, err := Reach(t.Context(), &sizes{}, score, 70); err != failed {
		t.Errorf("error %v, want that of the score", err)
	}
	good := func(_ context.Context, file []byte) (float64, error) { return 0, nil }
	if _, err := Reach(t.Context(), &sizes{failAt: 72}, good, 71.5); err != errEncode {
		t.Errorf("error %v, want that of the encoder", err)
	}
}
