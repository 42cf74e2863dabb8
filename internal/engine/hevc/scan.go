package hevc

// position is a place in a block.
type position struct{ x, y uint8 }

// Scans of 4×4 positions (6.5.3 to 6.5.5); of 8×8 there is the diagonal one alone.
var (
	diagonal4 = diagonalScan(4)
	diagonal8 = diagonalScan(8)
)

// diagonalScan lists the positions of a block of size columns in the up-right diagonal scan (6.5.3).
func diagonalScan(size int) []position {
	var scan []position
	for sum := range 2*size - 1 {
		for y := min(sum, size-1); y >= 0 && sum-y < size; y-- {
			scan = append(scan, position{uint8(sum - y), uint8(y)})
		}
	}
	return scan
}
