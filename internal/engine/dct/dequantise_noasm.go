//go:build purego || !amd64

package dct

func dequantise([]int16, *[64]int16) int { return 0 }
