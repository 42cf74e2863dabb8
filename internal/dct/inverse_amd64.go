//go:build !purego

package dct

import "github.com/imgmill/imgmill/internal/cpu"

//go:generate go -C _asm run ./inverse -out ../inverse_amd64.s -pkg dct

// The vector kernels write n×n samples and read the whole block. They take no shortcuts: knowing where the coefficients
// end would save them less than the branch costs.

//go:noescape
func inverse3Vector(dst *byte, stride int, block *[64]int16)

//go:noescape
func inverse4Vector(dst *byte, stride int, block *[64]int16)

//go:noescape
func inverse5Vector(dst *byte, stride int, block *[64]int16)

//go:noescape
func inverse6Vector(dst *byte, stride int, block *[64]int16)

//go:noescape
func inverse7Vector(dst *byte, stride int, block *[64]int16)

//go:noescape
func inverse8Vector(dst *byte, stride int, block *[64]int16)

func inverse(n int, dst []byte, stride int, block *[64]int16, last int) {
	if n < 3 || !cpu.Vector() {
		inverseGo(n, dst, stride, block, last)
		return
	}
	dst = dst[:(n-1)*stride+n]
	switch n {
	case 3:
		inverse3Vector(&dst[0], stride, block)
	case 4:
		inverse4Vector(&dst[0], stride, block)
	case 5:
		inverse5Vector(&dst[0], stride, block)
	case 6:
		inverse6Vector(&dst[0], stride, block)
	case 7:
		inverse7Vector(&dst[0], stride, block)
	case 8:
		inverse8Vector(&dst[0], stride, block)
	}
}
