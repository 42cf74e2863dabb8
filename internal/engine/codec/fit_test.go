package codec

import (
	"context"
	"errors"
	"math"
	"testing"
)

// sizes is Trials of a picture whose file has sizes[q] bytes at quality q.
type sizes struct {
	bytes  [101]int
	tried  []int
	failAt int // quality at which Encode fails; 0 for none
}

var errEncode = errors.New("encoder failed")

func (s *sizes) Quality() int { return 100 }

func (s *sizes) Encode(_ context.Context, quality int) ([]byte, error) {
	s.tried = append(s.tried, quality)
	if quality == s.failAt {
		return nil, errEncode
	}
	return make([]byte, s.bytes[quality]), nil
}

func (s *sizes) UsualScore(quality int) float64 { return float64(quality) }

func (s *sizes) LogStep(quality int) float64 { return math.Log(101 - float64(quality)) }

// shapes are ways in which a file may grow with its quality.
var shapes = map[string]func(q int) int{
	"photograph": func(q int) int { return int(40000 * math.Pow(101-float64(q), -0.62)) },
	"steep":      func(q int) int { return 500 + q*q*q/3 },
	"flat":       func(int) int { return 3000 },
	"steps":      func(q int) int { return 1000 * (1 + q/25) },
	"one jump":   func(q int) int { return 1000 + 50000*(q/97) },
}

func TestFitKeepsTheLimit(t *testing.T) {
	for name, shape := range shapes {
		for _, between := range [][2]int{{10, 80}, {1, 100}, {10, 11}, {80, 80}} {
			lo, hi := between[0], between[1]
			for limit := int64(-1); limit < 70000; limit = limit*5/4 + 2 {
				s := &sizes{}
				for q := range s.bytes {
					s.bytes[q] = shape(q)
				}
				file, quality, err := Fit(t.Context(), s, limit, lo, hi)
				if len(s.tried) > maxTrials {
					t.Fatalf("%s, %d bytes: %d trials", name, limit, len(s.tried))
				}
				if fits := int64(s.bytes[lo]) <= limit; (err == nil) != fits || err != nil && !errors.Is(err, ErrTooLarge) {
					t.Fatalf("%s, %d bytes, quality %d to %d: %v, tried %v", name, limit, lo, hi, err, s.tried)
				}
				if err != nil {
					continue
				}
				if quality < lo || quality > hi || len(file) != s.bytes[quality] || int64(len(file)) > limit {
					t.Fatalf("%s, %d bytes, quality %d to %d: quality %d, %d bytes", name, limit, lo, hi, quality, len(file))
				}
				for _, q := range s.tried {
					if q > quality && int64(s.bytes[q]) <= limit {
						t.Fatalf("%s, %d bytes: quality %d fits, but %d was returned", name, limit, q, quality)
					}
				}
			}
		}
	}
}

// TestFitFindsThePhotographsQuality checks that the search is exact, or off by one, where the size
// follows the rule that it is built on.
func TestFitFindsThePhotographsQuality(t *testing.T) {
	s := &sizes{}
	for q := range s.bytes {
		s.bytes[q] = shapes["photograph"](q)
	}
	for want := 10; want <= 100; want++ {
		_, quality, err := Fit(t.Context(), s, int64(s.bytes[want]), 10, 100)
		if err != nil || quality < want-1 || s.bytes[quality] > s.bytes[want] {
			t.Errorf("quality %d, %v; %d fits", quality, err, want)
		}
	}
}

func TestFitReturnsErrors(t *testing.T) {
	for _, between := range [][2]int{{0, 80}, {10, 101}, {80, 10}} {
		if _, _, err := Fit(t.Context(), &sizes{}, 1, between[0], between[1]); err == nil {
			t.Errorf("qualities %v are accepted", between)
		}
	}
	s := &sizes{failAt: 10}
	for q := range s.bytes {
		s.bytes[q] = 1000
	}
	if _, _, err := Fit(t.Context(), s, 5, 10, 100); !errors.Is(err, errEncode) {
		t.Errorf("%v", err)
	}
}
