//go:build !purego

package vp8

import "github.com/imgmill/imgmill/internal/engine/cpu"

//go:generate go -C ../_asm run ./lossy -out ../vp8/decode_amd64.s -pkg vp8

func useVector() bool { return cpu.Vector() }

// addPairVector does what addDCT does for two blocks that lie side by side in the workspace.
//
//go:noescape
func addPairVector(dst *byte, a, b *int16)

// stretchLumaVector and stretchChromaVector do what stretch does with the tables for luma and
// chroma.
//
//go:noescape
func stretchLumaVector(dst, src *byte, sixteens int)

//go:noescape
func stretchChromaVector(dst, src *byte, sixteens int)

// zeroBlock is a block without coefficients.
var zeroBlock [16]int16

// addPair adds the inverse transforms of two blocks side by side.
func addPair(ws *workspace, at int, a, b *[16]int16) {
	p := ws[at : at+3*wsStride+8]
	addPairVector(&p[0], &a[0], &b[0])
}

// stretchWhole maps whole groups of samples, and returns how many those are.
func stretchWhole(dst, src []byte, chroma bool) int {
	n := len(dst) / 16
	if n == 0 {
		return 0
	}
	src = src[:len(dst)]
	if chroma {
		stretchChromaVector(&dst[0], &src[0], n)
	} else {
		stretchLumaVector(&dst[0], &src[0], n)
	}
	return 16 * n
}
