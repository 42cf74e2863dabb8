//go:build purego || !amd64

package ssimulacra2

// Without vector kernels, no row is theirs.
func vector() bool { return false }

func rootVector(_, _, _, _ *float32, _ *[4]float32, _ *[3]float32, _ int)                      {}
func differencesVector(_, _, _, _, _ *float32, _ int)                                          {}
func acrossVector(_, _ *float32, _ *[reach + 1]float32, _ int)                                 {}
func downVector(_ *float32, _ *[window]*float32, _ *[reach + 1]float32, _ int)                 {}
func mapsVector(_ *[norms * maps][lanes]float32, _, _, _, _, _, _ *float32, _ *float32, _ int) {}
