//go:build (amd64 || arm64) && !purego

package dct

import "github.com/imgmill/imgmill/internal/engine/cpu"

//go:generate go -C _asm run ./forward -out ../forward_amd64.s -pkg dct
//go:generate go -C _asm run ./inverse -out ../inverse_amd64.s -pkg dct

// The vector kernels: AVX2 on amd64, written by _asm; NEON on arm64, by hand. The inverse ones write n×n samples of count
// blocks, step apart, whose coefficients are size apart, and read whole blocks, wherever their coefficients end: to know it would
// save them less than the branch costs.

//go:noescape
func forwardPairs(dst *int16, src *byte, stride, pairs int)

//go:noescape
func quantiseVector(dst, src *int16, nonzero *uint64, n int, bias, recip, scale *uint16)

//go:noescape
func inverse3Vector(dst *byte, stride, step int, coef *int16, size, count int)

//go:noescape
func inverse4Vector(dst *byte, stride, step int, coef *int16, size, count int)

//go:noescape
func inverse5Vector(dst *byte, stride, step int, coef *int16, size, count int)

//go:noescape
func inverse6Vector(dst *byte, stride, step int, coef *int16, size, count int)

//go:noescape
func inverse7Vector(dst *byte, stride, step int, coef *int16, size, count int)

//go:noescape
func inverse8Vector(dst *byte, stride, step int, coef *int16, size, count int)

// forward does two blocks at a time in vectors, an odd last one together with the one before it, and one alone in plain Go.
func forward(dst []int16, src []byte, stride, n int) {
	if n < 2 || !cpu.Vector() {
		forwardGo(dst, src, stride, n)
		return
	}
	forwardPairs(&dst[0], &src[0], stride, n/2)
	if n%2 == 1 {
		forwardPairs(&dst[64*(n-2)], &src[8*(n-2)], stride, 1)
	}
}

func quantise(dst, src []int16, nonzero []uint64, d *Divisors) {
	if !cpu.Vector() {
		quantiseGo(dst, src, nonzero, d)
		return
	}
	quantiseVector(&dst[0], &src[0], &nonzero[0], len(nonzero), &d.bias[0], &d.recip[0], &d.scale[0])
}

func inverse(n int, dst []byte, stride int, block *[64]int16, last int) {
	if n < 3 || !cpu.Vector() {
		inverseGo(n, dst, stride, block, last)
		return
	}
	dst = dst[:(n-1)*stride+n]
	inverseVector(n, dst, stride, 0, block[:], 0, 1)
}

func inverseBlocks(n int, dst []byte, stride, step int, b *Blocks) {
	if n < 3 || !cpu.Vector() {
		inverseBlocksGo(n, dst, stride, step, b)
		return
	}
	dst = dst[:(b.N-1)*step+(n-1)*stride+n]
	inverseVector(n, dst, stride, step, b.Coef[:(b.N-1)*b.Size+64], b.Size, b.N)
}

func inverseVector(n int, dst []byte, stride, step int, coef []int16, size, count int) {
	switch n {
	case 3:
		inverse3Vector(&dst[0], stride, step, &coef[0], size, count)
	case 4:
		inverse4Vector(&dst[0], stride, step, &coef[0], size, count)
	case 5:
		inverse5Vector(&dst[0], stride, step, &coef[0], size, count)
	case 6:
		inverse6Vector(&dst[0], stride, step, &coef[0], size, count)
	case 7:
		inverse7Vector(&dst[0], stride, step, &coef[0], size, count)
	case 8:
		inverse8Vector(&dst[0], stride, step, &coef[0], size, count)
	}
}
