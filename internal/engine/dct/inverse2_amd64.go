//go:build !purego

package dct

import "github.com/imgmill/imgmill/internal/engine/cpu"

//go:noescape
func inverse2Vector(dst *byte, stride, step int, coef *int16, size, fours int)

// inverse2Blocks transforms four blocks at a time with vectors, and the rest in plain Go.
func inverse2Blocks(dst []byte, stride, step int, b *Blocks) {
	done := 0
	if fours := b.N / 4; fours > 0 && cpu.Vector() {
		done = 4 * fours
		samples, coef := dst[:(done-1)*step+stride+2], b.Coef[:(done-1)*b.Size+4]
		inverse2Vector(&samples[0], stride, step, &coef[0], b.Size, fours)
	}
	rest := *b
	if rest.N -= done; rest.N > 0 {
		rest.Coef = rest.Coef[done*b.Size:]
		inverse2BlocksGo(dst[done*step:], stride, step, &rest)
	}
}
