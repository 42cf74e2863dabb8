package encode

import (
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/jpeg/jpegtest"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

const benchW, benchH = 1600, 1200

// stdImage converts a 4:2:0 picture to the standard library's type, without a copy.
func stdImage(p *plane.Picture) *image.YCbCr {
	return &image.YCbCr{
		Y: p.Pix[0], Cb: p.Pix[1], Cr: p.Pix[2], YStride: p.Stride[0], CStride: p.Stride[1],
		SubsampleRatio: image.YCbCrSubsampleRatio420, Rect: image.Rect(0, 0, p.Width(), p.Height()),
	}
}

func BenchmarkEncode(b *testing.B) {
	p := jpegtest.YCbCr(jpegtest.Scene(benchW, benchH), 2, 2)
	for _, o := range []Options{
		{Quality: 80}, {Quality: 95}, {Quality: 80, Progressive: true},
		{Quality: 80, Progressive: true, Threads: 2}, {Quality: 80, Progressive: true, Effort: High},
		{Quality: 80, Progressive: true, Effort: High, Threads: 2},
	} {
		name := fmt.Sprintf("q%d/progressive=%v/high=%v/threads=%d", o.Quality, o.Progressive, o.Effort == High, max(o.Threads, 1))
		b.Run(name, func(b *testing.B) {
			b.SetBytes(benchW * benchH * 3 / 2)
			for b.Loop() {
				if err := Encode(b.Context(), io.Discard, p, o); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkStandard runs the standard library's encoder, which does not optimise Huffman tables, on
// the same picture.
func BenchmarkStandard(b *testing.B) {
	m := stdImage(jpegtest.YCbCr(jpegtest.Scene(benchW, benchH), 2, 2))
	b.SetBytes(benchW * benchH * 3 / 2)
	for b.Loop() {
		if err := jpeg.Encode(io.Discard, m, &jpeg.Options{Quality: 80}); err != nil {
			b.Fatal(err)
		}
	}
}
