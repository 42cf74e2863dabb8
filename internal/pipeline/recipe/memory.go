package recipe

import "fmt"

// defaultMemory is limits.memory where neither the file nor WithMemory sets it, in bytes.
const defaultMemory = 1 << 30

const (
	// program is what a function needs beside pictures: the program, its connections and the object
	// that is read.
	program = 64 << 20
	// largestFunction is the most memory that Lambda gives a function, in MB.
	largestFunction = 10240
	// bytesPerPixel is what a picture takes that has to be held whole, with alpha, at 8 bits.
	bytesPerPixel = 4
)

// DecodingMemory returns how many bytes of a function's memory size the decoding of a picture may
// hold: three fifths of what is left beside the program. The rest is for reduced pictures, encoded
// variants and what the garbage collector has yet to free.
func DecodingMemory(size int64) int64 { return max((size-program)/5*3, 1<<20) }

// functionFor returns the least memory size in MB that leaves so many bytes for decoding, or 0 if no
// function has it.
func functionFor(n int64) int {
	size := n/3*5 + program
	for mb := int(size >> 20); mb <= largestFunction; mb++ {
		if DecodingMemory(int64(mb)<<20) >= n {
			return mb
		}
	}
	return 0
}

// WithMemory returns the recipe for a place with n bytes of memory for the decoding of a picture.
// That is the limit if the file sets none, and a file cannot raise it.
func (r *Recipe) WithMemory(n int64) *Recipe {
	bounded := *r
	if !r.Limits.memoryGiven || r.Limits.Memory > n {
		bounded.Limits.Memory = n
	}
	return &bounded
}

// Misfit says where limits and the memory of a function do not fit each other.
type Misfit struct {
	// Text says what does not fit, in one sentence without its end.
	Text string
	// Fatal means that the function could never hold what the recipe allows.
	Fatal bool

	memory int    // in MB, that would fit; 0 if no function has it
	lower  string // the setting that would fit
}

// Advice returns what to do. Its beginning is what raises the memory, such as "add --memory".
func (m *Misfit) Advice(raise string) string {
	if m.memory == 0 {
		return "lower " + m.lower
	}
	return fmt.Sprintf("%s %d, or lower %s", raise, m.memory, m.lower)
}

// FitsFunction compares the limits with the memory of a function of mb MB. It returns nil if they fit.
func (r *Recipe) FitsFunction(mb int) *Misfit {
	have := DecodingMemory(int64(mb) << 20)
	given := r.Limits.Memory
	if r.Limits.memoryGiven && given > have+have/100 {
		m := &Misfit{memory: functionFor(given), lower: fmt.Sprintf("limits.memory to %dMiB", have>>20)}
		if m.Fatal = given > int64(mb)<<20; m.Fatal {
			m.Text = fmt.Sprintf("limits.memory is %d MiB, and the function has %d MB in all", given>>20, mb)
			return m
		}
		m.Text = fmt.Sprintf("limits.memory is %d MiB, and a function of %d MB has %d MiB for decoding a picture, which is the limit there",
			given>>20, mb, have>>20)
		return m
	}
	limit := r.WithMemory(have).Limits.Memory
	need, pixels := r.Limits.Pixels*bytesPerPixel, limit/bytesPerPixel/1e6
	if need <= limit {
		return nil
	}
	m := &Misfit{lower: fmt.Sprintf("limits.pixels to %dMP", max(pixels, 1))}
	if !r.Limits.memoryGiven || given > limit {
		m.memory = functionFor(need)
	}
	m.Text = fmt.Sprintf("limits.pixels is %d million, and the memory limit of %d MiB holds %d million: larger pictures that must be decoded whole, such as some WebP and progressive JPEG files, will be bad",
		r.Limits.Pixels/1e6, limit>>20, pixels)
	return m
}
