//go:build purego || !(amd64 || arm64)

package resample

// kernels runs the arithmetic of one Plane or Alpha, here always in plain Go.
type kernels struct{ t *table }

func newKernels(t *table, _ int) kernels { return kernels{t} }

// need is how many source samples the kernels may read of a row beyond its own.
func (k *kernels) need() int { return 0 }

// bytes makes a row of h from the first width samples of src, which may go on.
func (k *kernels) bytes(dst []int16, src []byte, width int) { horizontalBytes(dst, src[:width], k.t) }

// words makes a row of h from values p-32768.
func (k *kernels) words(dst, src []int16) { horizontalWords(dst, src, k.t) }

// levels makes an output row of samples from the rows of h.
func (k *kernels) levels(dst []byte, h []int16, stride int, coef []int16) {
	verticalBytes(dst, h, stride, coef)
}

// wide makes an output row of q from the rows of h.
func (k *kernels) wide(dst []int32, h []int16, stride int, coef []int16) {
	verticalWide(dst, h, stride, coef)
}

// premultiply makes p-32768 of colour and alpha, as many as dst has.
func (k *kernels) premultiply(dst []int16, colour, alpha []byte) { premultiply(dst, colour, alpha) }
