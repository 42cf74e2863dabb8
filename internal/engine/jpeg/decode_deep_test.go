package jpeg

import (
	"math"
	"testing"
)

// TestDeepCosines checks that no entry is so close to the middle of two numbers that another
// machine's arithmetic could round it otherwise.
func TestDeepCosines(t *testing.T) {
	for n := 1; n <= 8; n++ {
		for x := range n {
			for u := range n {
				if f := deepCosine(n, x, u); math.Abs(f-math.Floor(f)-0.5) < 1e-6 {
					t.Errorf("n=%d, x=%d, u=%d: %v", n, x, u, f)
				}
			}
		}
	}
}

// TestDeepSequential compares extended sequential pictures of 12 bits with the formula, at every
// scale.
func TestDeepSequential(t *testing.T) {
	for _, c := range []struct {
		interval int
		sampling [][2]int
	}{
		{0, [][2]int{{1, 1}}}, {5, [][2]int{{1, 1}}},
		{0, [][2]int{{2, 2}, {1, 1}, {1, 1}}}, {3, [][2]int{{2, 1}, {1, 1}, {1, 1}}},
		{0, [][2]int{{1, 1}, {1, 1}, {1, 1}, {1, 1}}},
	} {
		f := newFixture(75, 43, 5, c.sampling...)
		f.interval = c.interval
		f.deepen()
		for n := 1; n <= 8; n++ {
			f.compare(t, decodeAt(t, f.bytes(), n), n, onlyLuma)
		}
	}
}
