//go:build (amd64 || arm64) && !purego

package dct

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/cpu"
	"github.com/imgmill/imgmill/internal/engine/cpu/cputest"
)

// TestForwardVector compares the vector kernel with plain Go, bit for bit, on its own and through
// Forward, at every alignment and for counts that leave an odd block.
func TestForwardVector(t *testing.T) {
	cputest.NeedVector(t)
	r := rand.New(rand.NewPCG(3, 4))
	src := forwardBlocks(r, 4000)
	want, got := make([]int16, 64*4000), make([]int16, 64*4000)
	forwardGo(want, src, 8*4000, 4000)
	forwardPairs(&got[0], &src[0], 8*4000, 2000)
	if !slices.Equal(got, want) {
		t.Fatal("the vector kernel differs from plain Go")
	}
	for n := range 20 {
		for shift := range 4 {
			const guard = -30000
			stride := 8*n + 3*shift
			picture := make([]byte, shift+7*stride+8*n)
			for i := range picture {
				picture[i] = byte(r.Uint32())
			}
			want, got := make([]int16, 64*n+shift), make([]int16, 64*n+shift+1)
			for i := range got {
				got[i] = guard
			}
			forwardGo(want[shift:], picture[shift:], stride, n)
			Forward(got[shift:], picture[shift:], stride, n)
			if !slices.Equal(got[shift:64*n+shift], want[shift:]) {
				t.Errorf("%d blocks, shift %d: differs from plain Go", n, shift)
			}
			if got[64*n+shift] != guard {
				t.Errorf("%d blocks, shift %d: written past the end", n, shift)
			}
		}
	}
}

// TestForwardVectorRuns distinguishes the implementations by a source that is one sample short
// within a longer buffer: plain Go panics, whereas the kernels rely on Forward to check lengths.
func TestForwardVectorRuns(t *testing.T) {
	cputest.NeedVector(t)
	for n := 2; n <= 3; n++ {
		src, dst := make([]byte, 64*n), make([]int16, 64*n)
		panics := func() (yes bool) {
			defer func() { yes = recover() != nil }()
			forward(dst, src[:64*n-1:64*n-1], 8*n, n)
			return
		}
		if panics() {
			t.Errorf("%d blocks: the vector kernel did not run", n)
		}
		restore := cpu.Plain()
		if !panics() {
			t.Errorf("%d blocks: plain Go did not run", n)
		}
		restore()
	}
}

// TestQuantiseVectorRuns clears the factors that only plain Go uses.
func TestQuantiseVectorRuns(t *testing.T) {
	cputest.NeedVector(t)
	table := [64]uint8{}
	for i := range table {
		table[i] = 1
	}
	d := NewDivisors(&table, Nearest, 0)
	clear(d.wide[:])
	src, dst, nonzero := slices.Repeat([]int16{800}, 64), make([]int16, 64), make([]uint64, 1)
	Quantise(dst, src, nonzero, d)
	if want := slices.Repeat([]int16{100}, 64); !slices.Equal(dst, want) || nonzero[0] != math.MaxUint64 {
		t.Errorf("the vector kernel did not run, or 800/8 is wrong: %v", dst)
	}
}

// TestQuantiseVectorAnyValue checks the kernels against the 16-bit method of Divisors on every
// 16-bit value, including those that Forward never returns, so that the kernels agree there too.
func TestQuantiseVectorAnyValue(t *testing.T) {
	cputest.NeedVector(t)
	src, got := make([]int16, 1<<16), make([]int16, 1<<16)
	for i := range src {
		src[i] = int16(i)
	}
	nonzero := make([]uint64, len(src)/64)
	for q := 1; q <= 255; q++ {
		d := NewDivisors((*[64]uint8)(slices.Repeat([]uint8{uint8(q)}, 64)), Nearest, 0)
		bias, recip, scale := uint32(d.bias[1]), uint32(d.recip[0]), uint32(d.scale[0])
		quantiseVector(&got[0], &src[0], &nonzero[0], len(nonzero), &d.bias[0], &d.recip[0],
			&d.scale[0])
		for i, c := range src {
			want := int16(((uint32(max(int(c), -int(c))) + bias) * recip >> 16) * scale >> 16)
			if c < 0 {
				want = -want
			}
			if got[i] != want || nonzero[i/64]>>(i%64)&1 == 1 != (want != 0) {
				t.Fatalf("%d by 8·%d: %d, want %d", c, q, got[i], want)
			}
		}
	}
}

func TestQuantiseVector(t *testing.T) {
	cputest.NeedVector(t)
	r := rand.New(rand.NewPCG(5, 6))
	for n := 1; n < 300; n += 1 + n/5 {
		var table [64]uint8
		for i := range table {
			table[i] = uint8(1 + r.IntN(255)>>(n%8))
		}
		d := NewDivisors(&table, n%(Nearest+1), n%3*(n%(Nearest+1))/3)
		src := make([]int16, 64*n)
		for i := range src {
			src[i] = int16(r.IntN(2*8192)-8192) >> r.IntN(14)
		}
		want, got := make([]int16, 64*n), make([]int16, 64*n)
		wantBits, gotBits := make([]uint64, n), make([]uint64, n)
		quantiseGo(want, src, wantBits, d)
		quantiseVector(&got[0], &src[0], &gotBits[0], n, &d.bias[0], &d.recip[0], &d.scale[0])
		if !slices.Equal(got, want) || !slices.Equal(gotBits, wantBits) {
			t.Fatalf("%d blocks: the vector kernel differs from plain Go", n)
		}
	}
}

// TestKernelsExhaustive repeats the exhaustive tests in plain Go; on their own they use whichever
// kernel is active.
func TestKernelsExhaustive(t *testing.T) {
	cputest.NeedVector(t)
	restore := cpu.Plain()
	defer restore()
	t.Run("plain", TestQuantiseExhaustive)
	t.Run("plain formula", TestForwardNearFormula)
}

func BenchmarkForwardPlain(b *testing.B) {
	defer cpu.Plain()()
	BenchmarkForward(b)
}

func BenchmarkQuantisePlain(b *testing.B) {
	defer cpu.Plain()()
	BenchmarkQuantise(b)
}
