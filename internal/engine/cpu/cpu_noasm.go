//go:build purego || !(amd64 || arm64)

package cpu

// Name is the instruction set that vector kernels use here, or empty if there is none.
func Name() string { return "" }
