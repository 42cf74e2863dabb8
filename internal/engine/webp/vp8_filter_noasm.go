//go:build !amd64 || purego

package webp

func useVector() bool { return false }

// filterVector is filterNormal: in this build there are no vector kernels.
func (f *loopFilter) filterVector(b *band, x int, e *edges, top bool) { f.filterNormal(b, x, e, top) }
