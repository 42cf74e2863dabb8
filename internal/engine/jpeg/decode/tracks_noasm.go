//go:build purego || !(amd64 || arm64)

package decode

const maxTracks = 1

type (
	tracks     struct{}
	trackCodes struct{}
)

func (m *mcu) trackable() bool { return false }

func newTracks(*mcu) *tracks { return nil }

func (t *tracks) another() *tracks { return nil }

func (t *tracks) useless() bool { return true }

func (t *tracks) walk(*walker, []*stretch) {}

func (t *tracks) reserve(*walker, *stretch) int { return 0 }
