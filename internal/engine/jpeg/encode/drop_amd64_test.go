//go:build !purego

package encode

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/cpu"
	"github.com/imgmill/imgmill/internal/engine/cpu/cputest"
	"github.com/imgmill/imgmill/internal/engine/dct"
	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
)

// TestDropKernel compares the kernel with plain Go on blocks of every activity, with few and with many
// coefficients, and tables of every quality.
func TestDropKernel(t *testing.T) {
	cputest.NeedVector(t)
	rng := rand.New(rand.NewPCG(9, 10))
	dropped, kept := 0, 0
	for round := range 2000 {
		q := &newQuantisers(&Options{Quality: 1 + round%100})[rng.IntN(2)]
		n := 1 + rng.IntN(9)
		raw, coef, nonzero := make([]int16, 64*n), make([]int16, 64*n), make([]uint64, n)
		for i := range raw {
			high := 14 - min(rng.IntN(2+i%64), 9) // the higher the frequency, the smaller
			raw[i] = int16(rng.IntN(2<<(high-1)+1)-1<<(high-1)) >> rng.IntN(6)
			raw[i] = max(min(raw[i], 8191), -8192)
		}
		if round%10 == 0 { // no quotients: any value may be anywhere
			for i := range coef {
				coef[i] = int16(1+rng.IntN(1024)>>rng.IntN(11)) * int16(1-2*rng.IntN(2))
			}
			for j := range nonzero {
				nonzero[j] = rng.Uint64() & rng.Uint64()
			}
		} else {
			dct.Quantise(coef, raw, nonzero, q.divisors)
			for j := range nonzero {
				nonzero[j] = toZigzag(nonzero[j])
			}
		}
		got, want := slices.Clone(nonzero), slices.Clone(nonzero)
		q.dropRow(coef, raw, got)
		q.dropRowGo(coef, raw, want)
		if !slices.Equal(got, want) {
			t.Fatalf("round %d, %d blocks: the kernel keeps %x of %x, plain Go %x", round, n, got, nonzero, want)
		}
		for j := range got {
			if got[j] != nonzero[j] {
				dropped++
			} else {
				kept++
			}
		}
	}
	if min(dropped, kept) < 1000 {
		t.Errorf("%d blocks with and %d without dropped coefficients", dropped, kept)
	}
}

// TestDropKernelRuns clears what only plain Go uses.
func TestDropKernelRuns(t *testing.T) {
	cputest.NeedVector(t)
	q := &newQuantisers(&Options{Quality: 80})[0]
	coef, raw := make([]int16, 64), make([]int16, 64)
	k := stream.Zigzag[40]
	coef[k], raw[k] = 1, q.steps[k]/2+1
	clear(q.step[:])
	for _, plain := range []bool{false, true} {
		if plain {
			defer cpu.Plain()()
		}
		nonzero := []uint64{1 << 40}
		if q.dropRow(coef, raw, nonzero); nonzero[0] == 0 == plain {
			t.Errorf("plain %t: kept %x", plain, nonzero)
		}
	}
}
