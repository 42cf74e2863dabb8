//go:build purego || !(amd64 || arm64)

package jpeg

type (
	tracksRun  struct{}
	trackCodes struct{}
)

func (m *mcu) trackable() bool { return false }

func newTracks(*mcu) *tracksRun { return nil }

func (w *walker) walkTracks([]*stretch) {}
