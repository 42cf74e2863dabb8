//go:build !amd64 || purego

package jpeg

// refineRun is the state of a kernel, of which there is none.
type refineRun struct{}

func (s *progressiveScan) newRefineRun(*decodeTable, *coefficients) *refineRun { return nil }

func (s *progressiveScan) refineSome(*refineRun, []int16, []uint64) int { return 0 }
