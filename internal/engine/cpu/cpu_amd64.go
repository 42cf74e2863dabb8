//go:build !purego

package cpu

import "golang.org/x/sys/cpu"

// Name returns the instruction set that the vector kernels use on this processor, or "" if none.
func Name() string {
	if cpu.X86.HasAVX2 && cpu.X86.HasBMI1 && cpu.X86.HasBMI2 {
		return "avx2"
	}
	return ""
}
