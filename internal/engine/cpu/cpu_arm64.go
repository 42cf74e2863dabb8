//go:build !purego

package cpu

import "golang.org/x/sys/cpu"

// Name is the instruction set that vector kernels use here, or empty if there is none.
func Name() string {
	if cpu.ARM64.HasASIMD {
		return "neon"
	}
	return ""
}
