//go:build (amd64 || arm64) && !purego

package dct

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/imgmill/imgmill/internal/cpu"
)

var inverseKernels = map[int]func(dst *byte, stride int, block *[64]int16){
	3: inverse3Vector, 4: inverse4Vector, 5: inverse5Vector, 6: inverse6Vector, 7: inverse7Vector, 8: inverse8Vector,
}

// hostileBlock has coefficients of any size, many of them at the ends of the range.
func hostileBlock(r *rand.Rand) *[64]int16 {
	b := new([64]int16)
	for i := range b {
		switch r.IntN(4) {
		case 0:
			b[i] = math.MaxInt16
		case 1:
			b[i] = math.MinInt16
		default:
			b[i] = int16(r.Uint32()) >> r.IntN(16)
		}
	}
	return b
}

// TestInverseVector compares each kernel with plain Go, bit for bit, on blocks like those of photographs and on hostile
// ones, at every alignment, and checks that it stays within n×n samples.
func TestInverseVector(t *testing.T) {
	needVector(t)
	for n, kernel := range inverseKernels {
		r := rand.New(rand.NewPCG(7, uint64(n)))
		for i := range 6000 {
			block := randomBlock(r, i%64)
			switch i % 3 {
			case 1:
				block = hostileBlock(r)
			case 2: // one coefficient, which finds a wrong factor
				block = new([64]int16)
				block[i/3%64] = int16(r.IntN(2048) - 1024)
			}
			shift, stride := i%17, n+i%5
			size := shift + stride*(n-1) + n
			got, want := bytes.Repeat([]byte{201}, size+16), bytes.Repeat([]byte{201}, size+16)
			inverseGo(n, want[shift:], stride, block, 63)
			kernel(&got[shift], stride, block)
			if !bytes.Equal(got, want) {
				t.Fatalf("n=%d block %v: got %v, plain Go gives %v", n, block, got, want)
			}
		}
	}
}

// TestInverseVectorRuns tells the implementations apart by a block that lies about its last coefficient: plain Go
// believes it.
func TestInverseVectorRuns(t *testing.T) {
	needVector(t)
	block := new([64]int16)
	block[63] = 500
	run := func() (out [64]byte) {
		Inverse(8, out[:], 8, block, 9)
		return out
	}
	fast := run()
	restore := cpu.Plain()
	slow := run()
	restore()
	if fast == slow {
		t.Error("the vector kernel did not run")
	}
}

// TestInversePlain runs the tests of the transform on plain Go; on their own they meet whatever kernel is in use.
func TestInversePlain(t *testing.T) {
	needVector(t)
	defer cpu.Plain()()
	t.Run("accuracy", TestInverseAccuracy)
	t.Run("shortcuts", TestInverseShortcuts)
	t.Run("stays", TestInverseStays)
	t.Run("hostile", TestInverseHostile)
}

// TestInverseShort checks that a destination that is too short panics before anything is written past its end.
func TestInverseShort(t *testing.T) {
	needVector(t)
	for n := range inverseKernels {
		buf := bytes.Repeat([]byte{201}, 11*n)
		short := buf[: 11*(n-1)+n-1 : 11*(n-1)+n-1]
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("n=%d: a destination one byte short was accepted", n)
				}
			}()
			Inverse(n, short, 11, hostileBlock(rand.New(rand.NewPCG(1, 1))), 63)
		}()
		if buf[len(short)] != 201 {
			t.Errorf("n=%d: written past the end", n)
		}
	}
}

func BenchmarkInversePlain(b *testing.B) {
	defer cpu.Plain()()
	BenchmarkInverse(b)
}
