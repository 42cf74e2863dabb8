package dct

import (
	"math"
	"math/rand/v2"
	"testing"
)

// order is the zigzag order, generated along the diagonals.
var order = func() (z [64]int) {
	k := 0
	for d := range 15 {
		for i := range d + 1 {
			u, v := i, d-i
			if d%2 == 0 {
				u, v = v, u
			}
			u, v = v, u
			if u < 8 && v < 8 {
				z[k] = v*8 + u
				k++
			}
		}
	}
	return z
}()

// exactInverse evaluates the formula in floating point, without rounding.
func exactInverse(n int, block *[64]int16) []float64 {
	c := func(k int) float64 {
		if k == 0 {
			return math.Sqrt2 / 2
		}
		return 1
	}
	out, cos := make([]float64, n*n), cosines(n)
	for y := range n {
		for x := range n {
			sum := 0.0
			for v := range n {
				for u := range n {
					sum += c(u) * c(v) * float64(block[8*v+u]) * cos[x][u] * cos[y][v]
				}
			}
			out[y*n+x] = min(max(128+sum/4, 0), 255)
		}
	}
	return out
}

// randomBlock returns a block like those of photographs: amplitudes fall with frequency, and all
// coefficients after index last are zero.
func randomBlock(r *rand.Rand, last int) *[64]int16 {
	b := new([64]int16)
	b[0] = int16(r.IntN(1600) - 800)
	for k := 1; k <= last; k++ {
		b[order[k]] = int16(r.NormFloat64() * 400 / float64(k+2))
	}
	return b
}

func TestExtent(t *testing.T) {
	cols, rows := 0, 0
	for k, z := range order {
		cols, rows = max(cols, z%8+1), max(rows, z/8+1)
		if int(extent[k].cols) != cols || int(extent[k].rows) != rows {
			t.Errorf("first %d coefficients: got %d×%d, want %d×%d",
				k+1, extent[k].cols, extent[k].rows, cols, rows)
		}
	}
}

// TestInverseAccuracy checks each size against its error bound, and requires a mean square error
// far below that of rounding to 8 bits twice.
func TestInverseAccuracy(t *testing.T) {
	for n := 1; n <= 8; n++ {
		r := rand.New(rand.NewPCG(1, uint64(n)))
		worst, square, count := 0.0, 0.0, 0
		for i := range 3000 {
			b := randomBlock(r, i%64)
			got := make([]byte, 64)
			Inverse(n, got, n, b, i%64)
			for j, want := range exactInverse(n, b) {
				e := math.Abs(float64(got[j]) - want)
				worst = max(worst, e)
				square += e * e
				count++
			}
		}
		mse := square / float64(count)
		t.Logf("n=%d: worst %.3f, PSNR %.1f dB", n, worst, 10*math.Log10(255*255/mse))
		if worst > 0.75 {
			t.Errorf("n=%d: a sample is off by %.3f", n, worst)
		}
		if mse > 0.1 {
			t.Errorf("n=%d: mean square error %.4f; rounding alone causes 1/12", n, mse)
		}
		if n <= 2 && worst > 0.5+1e-9 {
			t.Errorf("n=%d: differs from the rounded formula: off by %.3f", n, worst)
		}
	}
}

// TestInverseShortcuts checks that the value of last does not change the result.
func TestInverseShortcuts(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for n := 1; n <= 8; n++ {
		for last := range 64 {
			for range 20 {
				b := randomBlock(r, last)
				b[0] <<= r.IntN(2) * r.IntN(8) // exceeds the range of a picture, too
				var got, want [64]byte
				Inverse(n, got[:], n, b, last)
				Inverse(n, want[:], n, b, 63)
				if got != want {
					t.Fatalf("n=%d last=%d: got %v, want %v as with last=63", n, last, got, want)
				}
			}
		}
	}
}

// TestInverseBounds checks that only n×n samples are written.
func TestInverseBounds(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for n := 1; n <= 8; n++ {
		for _, last := range []int{0, 9, 63} {
			const stride = 11
			buf := make([]byte, stride*(n-1)+n)
			for i := range buf {
				buf[i] = 7
			}
			b := randomBlock(r, last)
			b[0] = 1000 // far from 7
			Inverse(n, buf, stride, b, last)
			for i, v := range buf {
				if i%stride >= n && v != 7 {
					t.Errorf("n=%d last=%d: sample %d,%d was written", n, last, i%stride, i/stride)
				}
				if i%stride < n && v == 7 {
					t.Errorf("n=%d last=%d: sample %d,%d was not written", n, last, i%stride, i/stride)
				}
			}
		}
	}
}

// TestInverseHostile runs coefficients that no 8-bit picture has through all sizes.
func TestInverseHostile(t *testing.T) {
	for _, v := range []int16{math.MaxInt16, math.MinInt16} {
		b := new([64]int16)
		for i := range b {
			b[i] = v
		}
		for n := 1; n <= 8; n++ {
			Inverse(n, make([]byte, 64), 8, b, 63)
		}
	}
	if Flat(math.MaxInt16) != 255 || Flat(math.MinInt16) != 0 || Flat(0) != 128 {
		t.Error("flat blocks are not clamped")
	}
}

func BenchmarkInverse(b *testing.B) {
	for _, c := range []struct {
		name    string
		n, last int
	}{
		{"8/full", 8, 63}, {"8/half", 8, 9}, {"8/flat", 8, 0},
		{"7", 7, 63}, {"4", 4, 24}, {"3", 3, 12}, {"2", 2, 4},
	} {
		b.Run(c.name, func(b *testing.B) {
			block := randomBlock(rand.New(rand.NewPCG(1, 1)), c.last)
			dst := make([]byte, 64)
			for b.Loop() {
				Inverse(c.n, dst, 8, block, c.last)
			}
		})
	}
}
