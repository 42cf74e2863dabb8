//go:build purego || !amd64

package encode

func (q *quantiser) dropRow(coef, raw []int16, nonzero []uint64) { q.dropRowGo(coef, raw, nonzero) }
