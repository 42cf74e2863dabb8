// Package imgmill makes pictures smaller: it reads JPEG, PNG, GIF, WebP, HEIC, TIFF, BMP, ICO, PNM, QOI
// and PSD, and writes JPEG, PNG, GIF and WebP, in pure Go, without a native library.
//
// An Engine opens a stream: it reads the header, and refuses a picture that exceeds a limit before a
// pixel is decoded. The Picture then makes any number of variants from one decode:
//
//	var engine imgmill.Engine // one for the whole program
//
//	picture, err := engine.Open(ctx, file)
//	outputs, err := picture.Render(ctx,
//		imgmill.Variant{Width: 1600},
//		imgmill.Variant{Width: 200, Height: 200, Fit: "cover"},
//	)
//
// A JPEG is decoded at the smallest scale that suffices, while it is still being read. Unless it is
// progressive, only a few of its rows are in memory at a time. Equal pictures and variants result in
// equal bytes, on every machine and with any number of threads.
//
// Variants are upright and in sRGB. Unless you ask for it, no picture is enlarged, and no metadata is
// copied, such as the place where a photograph was taken. Of an animation, the first frame is shown;
// GIF and WebP can keep them all.
//
// The package reads nothing but the stream: no file, network, environment or clock. It is the engine
// of the command imgmill, which does the same to pictures in S3 buckets.
package imgmill
