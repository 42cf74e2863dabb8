//go:build (amd64 || arm64) && !purego

package dct

import (
	"runtime"
	"testing"

	"github.com/imgmill/imgmill/internal/cpu"
	features "golang.org/x/sys/cpu"
)

// needVector skips a test of kernels that the processor has not, and fails if it has them and they are not used.
func needVector(t *testing.T) {
	t.Helper()
	has := features.X86.HasAVX2
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
