// Package resample resizes planes of 8-bit samples. Source rows are pushed in from the top, each
// output row leaves as soon as its window is complete, and memory grows with the width of the
// picture, not with its area.
//
// Each output sample is a weighted sum of the source samples in a window around its position. The
// convolution is separable and runs horizontally first. When reducing, the filter is stretched by
// the step, which removes the frequencies that the smaller grid cannot carry; when enlarging, it is
// used unstretched and interpolates. Weights that fall outside the plane are added to the nearest
// edge sample. The weights of one output sample always add up to exactly one, so a flat plane stays
// flat to the bit.
//
// The package never reorders, converts or linearises colour, never starts a goroutine, and never
// processes samples in floating point: weights are rounded to fixed point once, by arithmetic that
// compilers may not contract, and everything after that is integer. The result is therefore the
// same, bit for bit, on every architecture, with or without vector instructions.
//
// Sources: K. Turkowski, Filters for Common Resampling Tasks (1990), for stretched filters and
// Lanczos windows; D. Mitchell and A. Netravali, Reconstruction Filters in Computer Graphics
// (SIGGRAPH 1988), for the two cubics.
package resample
