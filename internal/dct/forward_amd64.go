//go:build !purego

package dct

import "github.com/imgmill/imgmill/internal/cpu"

//go:generate go -C _asm run ./forward -out ../forward_amd64.s -pkg dct

//go:noescape
func forwardPairs(dst *int16, src *byte, stride, pairs int)

//go:noescape
func quantiseVector(dst, src *int16, nonzero *uint64, n int, half, recip, scale *uint16)

// forward does two blocks at a time in vectors and an odd last one in plain Go.
func forward(dst []int16, src []byte, stride, n int) {
	if n < 2 || !cpu.Vector() {
		forwardGo(dst, src, stride, n)
		return
	}
	forwardPairs(&dst[0], &src[0], stride, n/2)
	if n%2 == 1 {
		forwardGo(dst[64*(n-1):], src[8*(n-1):], stride, 1)
	}
}

func quantise(dst, src []int16, nonzero []uint64, d *Divisors) {
	if !cpu.Vector() {
		quantiseGo(dst, src, nonzero, d)
		return
	}
	quantiseVector(&dst[0], &src[0], &nonzero[0], len(nonzero), &d.half[0], &d.recip[0], &d.scale[0])
}
