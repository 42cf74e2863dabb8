//go:build purego || !amd64

package jpeg

func (q *quantiser) dropRow(coef, raw []int16, nonzero []uint64) { q.dropRowGo(coef, raw, nonzero) }
