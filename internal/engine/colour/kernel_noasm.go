//go:build purego || !amd64

package colour

// Without vector kernels, no block is theirs.
func blocks(int) int { return 0 }

func toRGBVector(_, _, _, _, _, _ *byte, _ int)            {}
func toYCbCrVector(_, _, _, _, _, _ *byte, _ int)          {}
func lumaVector(_, _, _, _ *byte, _ int)                   {}
func doubleVector(_, _ *byte, _ int)                       {}
func meanVector(_, _, _ *byte, _ int)                      {}
func mixVector(_, _, _ *uint16, _ *int32, _ uint64, _ int) {}
func lookUpVector(_ *uint16, _ *byte, _ *uint16, _ int)    {}
func levelsVector(_ *byte, _, _ *uint16, _ int)            {}
