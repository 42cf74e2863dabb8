package dct

import (
	"math"
	"math/rand/v2"
	"testing"
)

// cosines returns cos((2x+1)uπ/2n) at [x][u].
func cosines(n int) (c [8][8]float64) {
	for x := range n {
		for u := range n {
			c[x][u] = math.Cos(float64((2*x+1)*u) * math.Pi / float64(2*n))
		}
	}
	return c
}

// exactForward evaluates the formula of T.81 A.3.3, times 8.
func exactForward(src []byte, stride int) (f [64]float64) {
	cos := cosines(8)
	for v := range 8 {
		for u := range 8 {
			sum := 0.0
			for y := range 8 {
				for x := range 8 {
					sum += (float64(src[y*stride+x]) - 128) * cos[x][u] * cos[y][v]
				}
			}
			for _, k := range []int{u, v} {
				if k == 0 {
					sum /= math.Sqrt2
				}
			}
			f[8*v+u] = 2 * sum
		}
	}
	return f
}

// forwardBlocks returns blocks that reach the limits of the range: noise, black and white, waves of
// one frequency.
func forwardBlocks(r *rand.Rand, n int) []byte {
	src := make([]byte, 64*n)
	for i := range n {
		u, v := r.Float64()*8, r.Float64()*8
		kind, amplitude := i%4, r.Float64()*140
		for y := range 8 {
			for x := range 8 {
				s := 0.0
				switch kind {
				case 0:
					s = float64(r.IntN(256))
				case 1:
					s = float64(255 * r.IntN(2))
				case 2:
					s = 128 + amplitude*wave(x, y, u, v)
				case 3:
					if wave(x, y, math.Floor(u), math.Floor(v)) > 0 {
						s = 255
					}
				}
				src[y*8*n+8*i+x] = byte(math.Round(min(max(s, 0), 255)))
			}
		}
	}
	return src
}

// wave returns the value at (x, y) of a basis function of the transform.
func wave(x, y int, u, v float64) float64 {
	return math.Cos((2*float64(x)+1)*u*math.Pi/16) * math.Cos((2*float64(y)+1)*v*math.Pi/16)
}

func TestForwardNearFormula(t *testing.T) {
	const n = 2000
	src := forwardBlocks(rand.New(rand.NewPCG(1, 2)), n)
	got := make([]int16, 64*n)
	Forward(got, src, 8*n, n)
	worst, square := 0.0, 0.0
	for i := range n {
		want := exactForward(src[8*i:], 8*n)
		for k, w := range want {
			d := math.Abs(float64(got[64*i+k]) - w)
			worst = max(worst, d)
			square += d * d
		}
	}
	rms := math.Sqrt(square / (64 * n))
	if worst > 4 || rms > 0.5 {
		t.Errorf("worst error %.2f, root mean square %.3f, in eighths", worst, rms)
	}
	t.Logf("worst error %.2f, root mean square %.3f, in eighths", worst, rms)
}

func TestForwardFlat(t *testing.T) {
	var src [64]byte
	var dst [64]int16
	for s := range 256 {
		for i := range src {
			src[i] = byte(s)
		}
		Forward(dst[:], src[:], 8, 1)
		if want := int16(64 * (s - 128)); dst[0] != want {
			t.Errorf("flat %d: DC %d, want %d", s, dst[0], want)
		}
		for i, c := range dst[1:] {
			if c != 0 {
				t.Errorf("flat %d: coefficient %d is %d", s, i+1, c)
			}
		}
	}
}

// TestQuantiseExhaustive divides every coefficient by every possible table entry.
func TestQuantiseExhaustive(t *testing.T) {
	for _, c := range [][2]int{{Nearest, 0}, {31, 0}, {26, 10}, {20, 20}, {0, 0}} {
		quantiseExhaustive(t, c[0], c[1])
	}
}

func quantiseExhaustive(t *testing.T, round, fall int) {
	t.Helper()
	for q := 1; q <= 255; q++ {
		var table [64]uint8
		for i := range table {
			table[i] = uint8(q)
		}
		d := NewDivisors(&table, round, fall)
		src, dst := make([]int16, 2*8192), make([]int16, 2*8192)
		for i := range src {
			src[i] = int16(i - 8192)
		}
		nonzero := make([]uint64, len(src)/64)
		Quantise(dst, src, nonzero, d)
		for i, c := range src {
			bias := (8*q*(14*round-fall*(i%8+i/8%8)) + 14*8*(i%64*5%8)) / (14 * 64)
			if i%64 == 0 {
				bias = 4 * q
			}
			want := (max(c, -c) + int16(bias)) / int16(8*q)
			if c < 0 {
				want = -want
			}
			if dst[i] != want {
				t.Fatalf("%d by 8·%d, rounded up from %d: %d, want %d", c, q, bias, dst[i], want)
			}
			if set := nonzero[i/64]>>(i%64)&1 == 1; set != (want != 0) {
				t.Fatalf("%d by 8·%d: bit in nonzero is %v", c, q, set)
			}
		}
	}
}

func BenchmarkForward(b *testing.B) {
	const n = 100
	src := forwardBlocks(rand.New(rand.NewPCG(1, 2)), n)
	dst := make([]int16, 64*n)
	b.SetBytes(64 * n)
	for b.Loop() {
		Forward(dst, src, 8*n, n)
	}
}

func BenchmarkQuantise(b *testing.B) {
	const n = 100
	src := forwardBlocks(rand.New(rand.NewPCG(1, 2)), n)
	coef, dst, nonzero := make([]int16, 64*n), make([]int16, 64*n), make([]uint64, n)
	Forward(coef, src, 8*n, n)
	var table [64]uint8
	for i := range table {
		table[i] = uint8(5 + i)
	}
	d := NewDivisors(&table, Nearest, 0)
	b.SetBytes(64 * n)
	for b.Loop() {
		Quantise(dst, coef, nonzero, d)
	}
}
