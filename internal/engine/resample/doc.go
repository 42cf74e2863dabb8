// Package resample changes the size of planes of 8-bit samples: rows of the source come in from the top, rows of the
// result go out as soon as they can be made, and memory follows the width of the picture, not its area.
//
// Every output sample is a weighted sum of source samples in a window around its place: separable convolution, horizontal
// first, with a kernel that is stretched by the step when reducing (so that what the smaller grid cannot carry is filtered
// away) and used as it is when enlarging (interpolation). Weights outside the plane go to the nearest edge sample. The
// weights of one output sample always add up to exactly one, so that a flat plane stays flat to the bit.
//
// The package never reorders, converts or linearises colour, never starts a goroutine, and never uses floating point on
// samples: the weights are rounded once to fixed point, in arithmetic that no compiler may contract, and from there all is
// integer. The result is therefore the same, bit for bit, on every architecture and with or without vector instructions.
//
// Sources: K. Turkowski, Filters for Common Resampling Tasks (1990), for stretched kernels and Lanczos windows;
// D. Mitchell and A. Netravali, Reconstruction Filters in Computer Graphics (SIGGRAPH 1988), for the two cubics.
package resample
