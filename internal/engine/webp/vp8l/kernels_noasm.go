//go:build !amd64 || purego

package vp8l

// In this build there are no vector kernels.

func useVector() bool { return false }

func predictVector(mode uint8, row, out, upper []uint32) { predictRun(mode, row, out, upper) }

func colourWhole([]uint32, []uint32, [3]int8) int { return 0 }

func subtractGreenWhole([]uint32, []uint32) int { return 0 }

func separateWhole(_, _, _, _ []byte, _ []uint32) int { return 0 }

func (b *blockResidues) rowWhole(int, []uint32, []uint32) int { return 0 }

func correlationCostWhole([]byte, []byte, int8) (uint64, int) { return 0, 0 }

func subtractCorrelatedWhole(_, _, _ []byte, _ int8) int { return 0 }
