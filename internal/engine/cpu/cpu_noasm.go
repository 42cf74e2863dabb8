//go:build purego || !(amd64 || arm64)

package cpu

// Name returns the instruction set that the vector kernels use on this processor, or "" if none.
func Name() string { return "" }
