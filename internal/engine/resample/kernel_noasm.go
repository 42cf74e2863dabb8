//go:build purego || !(amd64 || arm64)

package resample

// kernels runs the arithmetic of one Plane or Alpha; in this build always in plain Go.
type kernels struct{ t *table }

func newKernels(t *table, _ int) kernels { return kernels{t} }

// need is the number of samples that must be readable in a source row for the kernels; plain Go
// reads only the row's own.
func (k *kernels) need() int { return 0 }

// horizontal8 computes a row of h from the first width samples of src, which may be longer.
func (k *kernels) horizontal8(dst []int16, src []byte, width int) { horizontal8(dst, src[:width], k.t) }

// horizontal16 computes a row of h from values p-32768.
func (k *kernels) horizontal16(dst, src []int16) { horizontal16(dst, src, k.t) }

// vertical8 computes an output row of samples from the rows of h.
func (k *kernels) vertical8(dst []byte, h []int16, stride int, coef []int16) {
	vertical8(dst, h, stride, coef)
}

// vertical16 computes an output row of q from the rows of h.
func (k *kernels) vertical16(dst []int32, h []int16, stride int, coef []int16) {
	vertical16(dst, h, stride, coef)
}

// premultiply computes len(dst) values p-32768 from colour and alpha.
func (k *kernels) premultiply(dst []int16, colour, alpha []byte) { premultiply(dst, colour, alpha) }
