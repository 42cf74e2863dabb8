// Package cpu says whether vector kernels can be used here: AVX2, BMI1 and BMI2 on amd64 (Intel's Software Developer's Manual, CPUID
// leaf 7, and the operating system keeps the registers), Advanced SIMD, known as NEON, on arm64 (Arm ARM, ID_AA64PFR0_EL1).
//
// It never chooses a kernel; packages with kernels ask once when they set up a piece of work. With the build tag purego
// there are no vector kernels.
package cpu

import "sync/atomic"

var plain atomic.Bool

// Vector reports whether new pieces of work should use the vector kernels of Name.
func Vector() bool { return Name() != "" && !plain.Load() }

// Plain makes Vector false until restore is called. Tests compare implementations with it; it is for the whole process, so
// such tests do not run in parallel.
func Plain() (restore func()) {
	before := plain.Swap(true)
	return func() { plain.Store(before) }
}
