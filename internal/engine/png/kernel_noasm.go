//go:build purego || !amd64

package png

// Without vector kernels, plain Go runs.

func vectorPaeth(_, _, _ []byte, _, _ int) bool { return false }

func vectorNarrow(_, _ []byte) int { return 0 }

func vectorLookUp(_, _ []byte, _ *table) int { return 0 }

func vectorAdler(a, b uint64, _ []byte) (uint64, uint64, int) { return a, b, 0 }

func vectorDifferences(_, _, _, _, _, _ []byte, _ int) bool { return false }

func vectorNearest(_, _, _, _, _ []byte, _ int) bool { return false }

func vectorCost([]byte) (sum, n int) { return 0, 0 }

func vectorInflate(_ *inflater, _ []byte, _, at, _ int) int { return at }
