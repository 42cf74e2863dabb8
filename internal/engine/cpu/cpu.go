// Package cpu reports whether vector kernels can run on this processor: AVX2, BMI1 and BMI2 on
// amd64 (Intel Software Developer's Manual, CPUID leaf 7, provided that the operating system saves
// the registers), and Advanced SIMD, known as NEON, on arm64 (Arm ARM, ID_AA64PFR0_EL1).
//
// It never chooses a kernel: packages with kernels query it when they set up a piece of work. With
// the build tag purego there are no vector kernels.
package cpu

import "sync/atomic"

var plain atomic.Bool

// Vector reports whether new work should use the vector kernels for the instruction set of Name.
func Vector() bool { return Name() != "" && !plain.Load() }

// Plain makes Vector return false until restore is called, so that tests can compare the
// implementations. It affects the whole process; tests that use it must not run in parallel.
func Plain() (restore func()) {
	before := plain.Swap(true)
	return func() { plain.Store(before) }
}
