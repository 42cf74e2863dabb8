// Package cputest holds helpers that the tests of vector kernels share. It contains no tests
// itself.
package cputest

import (
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/cpu"
	features "golang.org/x/sys/cpu"
)

// NeedVector skips a test of vector kernels if the processor lacks the instructions, and fails the
// test if the processor has them but the kernels would not be used.
func NeedVector(t testing.TB) {
	t.Helper()
	has := features.X86.HasAVX2 && features.X86.HasBMI1 && features.X86.HasBMI2
	if runtime.GOARCH == "arm64" {
		has = features.ARM64.HasASIMD
	}
	if !has {
		t.Skip("the processor lacks the vector instructions")
	}
	if !cpu.Vector() {
		t.Fatal("the processor has the vector instructions, but plain Go would run")
	}
}

// Noise returns bytes that are random, or change slowly, so that filters take all their paths.
func Noise(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	v, step := r.IntN(256), 1+r.IntN(60)
	for i := range b {
		v += r.IntN(2*step+1) - step
		b[i] = byte(max(0, min(255, v)))
	}
	return b
}
