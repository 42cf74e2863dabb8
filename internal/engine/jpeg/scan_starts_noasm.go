//go:build purego || !(amd64 || arm64)

package jpeg

type (
	startTables struct{}
	readTables  struct{}
	startCodes  struct{}
)

func (m *mcu) readyStarts() {}

func (c *stretch) findStarts(*mcu, uint) {}

func (c *stretch) readBlocks(*mcu, []uint32) {}
