//go:build (amd64 || arm64) && !purego

package resample

import (
	"unsafe"

	"github.com/imgmill/imgmill/internal/engine/cpu"
)

//go:generate sh -c "cd _asm && go run . -pkg resample -out ../kernel_amd64.s"

// The vector kernels: AVX2 on amd64, written by _asm; NEON on arm64, by hand. They compute what kernel.go says, in whole
// blocks of 16 output values, so what they write must have room for that. Buffers need no alignment.

// spread makes 16*groups values of h from spread lanes. step is the size of two source samples in bytes; start and shift
// are those of kernel.go.
//
//go:noescape
func spread(dst *int16, src unsafe.Pointer, base *int32, mask *byte, coef *int16, groups, pairs, step int, start, shift int32)

// dotBytes makes 4*fours values of h from dot lanes and samples.
//
//go:noescape
func dotBytes(dst *int16, src *byte, base *int32, coef *int16, fours, chunks int)

// dotWords makes 4*fours values of h from dot lanes and values p-32768.
//
//go:noescape
func dotWords(dst *int16, src *int16, base *int32, coef *int16, fours, chunks int)

// verticalBytesVector makes 16*blocks samples from 2*pairs rows of h, stride bytes apart.
//
//go:noescape
func verticalBytesVector(dst *byte, h *int16, stride int, coef *int16, pairs, blocks int)

// verticalWideVector makes 16*blocks values q from 2*pairs rows of h, stride bytes apart.
//
//go:noescape
func verticalWideVector(dst *int32, h *int16, stride int, coef *int16, pairs, blocks int)

// premultiplyVector makes 16*blocks values p-32768.
//
//go:noescape
func premultiplyVector(dst *int16, colour, alpha *byte, blocks int)

// kernels runs the arithmetic of one Plane or Alpha, on vector instructions if the processor has them.
type kernels struct {
	t     *table
	lanes *lanes // nil to run plain Go
	tail  []byte // a copy of a row of bytes that ends too early for lanes
}

// newKernels prepares for rows weighed by t, of source samples of size bytes.
func newKernels(t *table, size int) kernels {
	k := kernels{t: t}
	if !cpu.Vector() {
		return k
	}
	k.lanes = t.lanes[size-1]()
	if size == 1 {
		k.tail = make([]byte, k.lanes.need)
	}
	return k
}

// need is how many source samples the kernels may read of a row, the last ones without using them.
func (k *kernels) need() int {
	if k.lanes == nil {
		return 0
	}
	return k.lanes.need
}

// bytes makes a row of h from the first width samples of src, which may go on.
func (k *kernels) bytes(dst []int16, src []byte, width int) {
	l := k.lanes
	if l == nil {
		horizontalBytes(dst, src[:width], k.t)
		return
	}
	if len(src) < l.need {
		copy(k.tail, src[:width])
		src = k.tail
	}
	dst = dst[:16*l.groups]
	if l.mask != nil {
		spread(&dst[0], unsafe.Pointer(&src[0]), &l.base[0], &l.mask[0], &l.coef[0], l.groups, l.steps, 2, byteStart, byteShift)
		return
	}
	dotBytes(&dst[0], &src[0], &l.base[0], &l.coef[0], 4*l.groups, l.steps)
}

// words makes a row of h from values p-32768, at least need of them.
func (k *kernels) words(dst, src []int16) {
	l := k.lanes
	if l == nil {
		horizontalWords(dst, src, k.t)
		return
	}
	dst, src = dst[:16*l.groups], src[:l.need]
	if l.mask != nil {
		spread(&dst[0], unsafe.Pointer(&src[0]), &l.base[0], &l.mask[0], &l.coef[0], l.groups, l.steps, 4, wordStart, wordShift)
		return
	}
	dotWords(&dst[0], &src[0], &l.base[0], &l.coef[0], 4*l.groups, l.steps)
}

// levels makes an output row of samples, a multiple of 16, from the rows of h.
func (k *kernels) levels(dst []byte, h []int16, stride int, coef []int16) {
	if k.lanes == nil {
		verticalBytes(dst, h, stride, coef)
		return
	}
	h = h[:len(coef)*stride]
	verticalBytesVector(&dst[0], &h[0], 2*stride, &coef[0], len(coef)/2, len(dst)/16)
}

// wide makes an output row of q, a multiple of 16, from the rows of h.
func (k *kernels) wide(dst []int32, h []int16, stride int, coef []int16) {
	if k.lanes == nil {
		verticalWide(dst, h, stride, coef)
		return
	}
	h = h[:len(coef)*stride]
	verticalWideVector(&dst[0], &h[0], 2*stride, &coef[0], len(coef)/2, len(dst)/16)
}

// premultiply makes p-32768 of colour and alpha, as many as dst has.
func (k *kernels) premultiply(dst []int16, colour, alpha []byte) {
	whole := 0
	if k.lanes != nil {
		whole = len(dst) &^ 15
	}
	if whole > 0 {
		colour, alpha = colour[:len(dst)], alpha[:len(dst)]
		premultiplyVector(&dst[0], &colour[0], &alpha[0], whole/16)
	}
	premultiply(dst[whole:], colour[whole:], alpha[whole:])
}
