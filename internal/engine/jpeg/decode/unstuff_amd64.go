//go:build !purego

package decode

import "github.com/imgmill/imgmill/internal/engine/cpu"

// unstuffKernel copies entropy-coded data without the zeros stuffed after 0xFF, until it comes to
// another byte after 0xFF, which it does not copy, or near to the end of dst or src. It may overwrite
// the rest of dst.
//
//go:noescape
func unstuffKernel(dst, src []byte) (written, read int)

// unstuffMost copies what unstuffKernel can copy.
func unstuffMost(dst, src []byte) (written, read int) {
	if !cpu.Vector() {
		return 0, 0
	}
	return unstuffKernel(dst, src)
}
