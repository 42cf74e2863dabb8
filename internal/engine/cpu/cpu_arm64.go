//go:build !purego

package cpu

import "golang.org/x/sys/cpu"

// Name returns the instruction set that the vector kernels use on this processor, or "" if none.
func Name() string {
	if cpu.ARM64.HasASIMD {
		return "neon"
	}
	return ""
}
