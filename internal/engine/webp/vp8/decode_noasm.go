//go:build !amd64 || purego

package vp8

// In this build there are no vector kernels.

func useVector() bool { return false }

func addPair(ws *workspace, at int, a, b *[16]int16) {
	addDCT(ws, at, a)
	addDCT(ws, at+4, b)
}

func stretchWhole([]byte, []byte, bool) int { return 0 }

var zeroBlock [16]int16

func (f *loopFilter) filterVector(b *band, x int, e *edges, top bool) { f.filterNormal(b, x, e, top) }
