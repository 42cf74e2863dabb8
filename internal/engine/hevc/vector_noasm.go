//go:build purego || !(amd64 || arm64)

package hevc

// In this build there are no vector kernels.

func useVector() bool { return false }

const intraKernels = false

func (r *residual) addInverse([]uint16, int, int, bool) {}

func (in *intra) angularVector([]uint16, int, int, int, bool) {}

func planarVector([]uint16, int, int, *[80]uint16, *[80]uint16) {}
