//go:build purego || !amd64

package encode

func (s *sequentialTokens) wholeMCUs(*Encoder, []*grid, int) int { return 0 }

func (p *progressiveTokens) rowByKernel(*grid, *scan, int) bool { return false }

func (g *grid) splitRow(i int) { g.splitRowGo(i) }
