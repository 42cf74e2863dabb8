//go:build purego || !(amd64 || arm64)

package decode

// blocksRun is the state of kernels, of which there are none.
type blocksRun struct{}

func (s *progressiveScan) newBlocksRun(*decodeTable, *coefficients) *blocksRun { return nil }

func (s *progressiveScan) kernel(*blocksRun, []int16, []uint64) int { return 0 }
