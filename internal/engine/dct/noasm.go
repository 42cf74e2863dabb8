//go:build purego || !(amd64 || arm64)

package dct

func forward(dst []int16, src []byte, stride, n int) { forwardGo(dst, src, stride, n) }

func quantise(dst, src []int16, nonzero []uint64, d *Divisors) { quantiseGo(dst, src, nonzero, d) }

func inverse(n int, dst []byte, stride int, block *[64]int16, last int) {
	inverseGo(n, dst, stride, block, last)
}

func inverseBlocks(n int, dst []byte, stride, step int, b *Blocks) {
	inverseBlocksGo(n, dst, stride, step, b)
}
