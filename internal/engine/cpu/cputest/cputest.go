// Package cputest is what the tests of kernels share. It never tests anything by itself.
package cputest

import (
	"runtime"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/cpu"
	features "golang.org/x/sys/cpu"
)

// NeedVector skips a test of kernels that the processor has not, and fails if it has them and they are not used.
func NeedVector(t testing.TB) {
	t.Helper()
	has := features.X86.HasAVX2 && features.X86.HasBMI1 && features.X86.HasBMI2
	if runtime.GOARCH == "arm64" {
		has = features.ARM64.HasASIMD
	}
	if !has {
		t.Skip("the processor has no such instructions")
	}
	if !cpu.Vector() {
		t.Fatal("the processor has vector instructions, but plain Go would run")
	}
}
