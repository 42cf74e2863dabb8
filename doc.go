// Package imgmill makes pictures smaller: it reads JPEG, PNG, GIF, WebP, TIFF and BMP, and writes JPEG
// and PNG, in pure Go, without a native library.
//
// An Engine opens a stream, so that limits hold before a pixel is decoded; a Picture then makes any
// number of variants from one decode:
//
//	var engine imgmill.Engine // one for the whole program
//
//	picture, err := engine.Open(ctx, file)
//	outputs, err := picture.Render(ctx,
//		imgmill.Variant{Width: 1600},
//		imgmill.Variant{Width: 200, Height: 200, Fit: "cover"},
//	)
//
// JPEGs are decoded at the smallest scale that suffices, while they are still being read, in memory
// that does not depend on the height of the picture. Equal pictures and variants give equal bytes, on
// every machine and with any number of threads.
//
// Variants are upright, never larger than the picture, and without private metadata, unless asked
// otherwise. Their colours are converted to sRGB. Of an animation, the first
// frame is shown.
//
// The package reads only the stream that it is given: no file, network, environment or clock. It is
// the engine of the command imgmill, which does the same to pictures in S3 buckets.
package imgmill
