//go:build !purego

package cpu

import "golang.org/x/sys/cpu"

// Name is the instruction set that vector kernels use here, or empty if there is none.
func Name() string {
	if cpu.X86.HasAVX2 && cpu.X86.HasBMI1 && cpu.X86.HasBMI2 {
		return "avx2"
	}
	return ""
}
