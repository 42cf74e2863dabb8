//go:build purego || !(amd64 || arm64)

package decode

func (c *stretch) walkMCUs(m *mcu, w window, end uint, limit int) window {
	return c.walkMCUsGo(m, w, end, limit)
}

func (m *mcu) ready() {}
