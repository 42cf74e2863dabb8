//go:build (amd64 || arm64) && !purego

package dct

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/cpu"
	"github.com/imgmill/imgmill/internal/engine/cpu/cputest"
)

var inverseKernels = map[int]func(dst *byte, stride, step int, coef *int16, size, count int){
	3: inverse3Vector, 4: inverse4Vector, 5: inverse5Vector, 6: inverse6Vector, 7: inverse7Vector,
	8: inverse8Vector,
}

// extremes returns blocks with one value everywhere, with one value of alternating sign, and with
// one value in a single position.
func extremes() (blocks []*[64]int16) {
	for _, v := range []int16{math.MaxInt16, math.MinInt16, -1, 1} {
		even, alternating := new([64]int16), new([64]int16)
		for i := range even {
			even[i] = v
			alternating[i] = v
			if (i+i/8)%2 == 1 {
				alternating[i] = ^v
			}
			one := new([64]int16)
			one[i] = v
			blocks = append(blocks, one)
		}
		blocks = append(blocks, even, alternating)
	}
	return blocks
}

// hostileBlock returns coefficients of any size, many of them at the limits of the range.
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

// TestInverseVector compares each kernel with plain Go, bit for bit, on blocks like those of
// photographs and on hostile ones, at every alignment, and checks that it writes only n×n samples.
func TestInverseVector(t *testing.T) {
	cputest.NeedVector(t)
	for n, kernel := range inverseKernels {
		r := rand.New(rand.NewPCG(7, uint64(n)))
		blocks := extremes()
		for i := range 2000 {
			one := new([64]int16) // a single coefficient reveals a wrong factor
			one[i%64] = int16(r.IntN(2048) - 1024)
			blocks = append(blocks, randomBlock(r, i%64), hostileBlock(r), one)
		}
		for i, block := range blocks {
			shift, stride := i%17, n+i%5
			size := shift + stride*(n-1) + n
			got, want := bytes.Repeat([]byte{201}, size+16), bytes.Repeat([]byte{201}, size+16)
			inverseGo(n, want[shift:], stride, block, 63)
			coef := block
			if n <= 4 {
				coef = repitch(block, 8, Pitch(n))
			}
			kernel(&got[shift], stride, 0, &coef[0], 0, 1)
			if !bytes.Equal(got, want) {
				t.Fatalf("n=%d block %v: got %v, plain Go returns %v", n, block, got, want)
			}
		}
	}
}

// TestInverseBlocks compares runs of blocks with plain Go on single blocks: odd and even numbers of
// them, adjacent and apart.
func TestInverseBlocks(t *testing.T) {
	cputest.NeedVector(t)
	r := rand.New(rand.NewPCG(9, 9))
	for n := 1; n <= 8; n++ {
		for count := range 9 {
			stride, step, size := 9*n+count, n+count%3, Pitch(n)*n+count%2
			coef, last := make([]int16, count*size+64), make([]uint8, 2*count)
			blocks := make([]*[64]int16, count)
			for i := range blocks {
				b := randomBlock(r, 63)
				for v := range n {
					copy(coef[i*size+v*Pitch(n):], b[8*v:8*v+n])
				}
				blocks[i], last[2*i] = b, 63
			}
			got, want := bytes.Repeat([]byte{201}, 9*stride), bytes.Repeat([]byte{201}, 9*stride)
			InverseBlocks(n, got, stride, step, Blocks{coef, size, last, 2, count})
			for i, b := range blocks {
				inverseGo(n, want[i*step:], stride, b, 63)
			}
			if !bytes.Equal(got, want) {
				t.Fatalf("n=%d, %d blocks: %v, plain Go returns %v", n, count, got, want)
			}
		}
	}
}

// TestInverseVectorLast compares Inverse with plain Go on hostile blocks that end at each index,
// for which plain Go has shortcuts.
func TestInverseVectorLast(t *testing.T) {
	cputest.NeedVector(t)
	r := rand.New(rand.NewPCG(8, 8))
	for n := 1; n <= 8; n++ {
		for last := range 64 {
			for range 20 {
				block := hostileBlock(r)
				for _, z := range order[last+1:] {
					block[z] = 0
				}
				var got, want [64]byte
				Inverse(n, got[:], n, block, last)
				restore := cpu.Plain()
				Inverse(n, want[:], n, block, last)
				restore()
				if got != want {
					t.Fatalf("n=%d last=%d block %v: got %v, plain Go returns %v",
						n, last, block, got, want)
				}
			}
		}
	}
}

// TestInverseVectorRuns distinguishes the implementations by a block with a coefficient after last,
// which only plain Go ignores.
func TestInverseVectorRuns(t *testing.T) {
	cputest.NeedVector(t)
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

// TestInversePlain repeats the tests of the transform in plain Go; on their own they use whichever
// kernel is active.
func TestInversePlain(t *testing.T) {
	cputest.NeedVector(t)
	defer cpu.Plain()()
	t.Run("accuracy", TestInverseAccuracy)
	t.Run("shortcuts", TestInverseShortcuts)
	t.Run("bounds", TestInverseBounds)
	t.Run("hostile", TestInverseHostile)
}

// TestInverseShort checks that a destination that is too short causes a panic before anything is
// written past its end.
func TestInverseShort(t *testing.T) {
	cputest.NeedVector(t)
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
