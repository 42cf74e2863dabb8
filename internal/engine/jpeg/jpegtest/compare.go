package jpegtest

import (
	"bytes"
	"image"
	"image/jpeg"
	"math"
	"testing"
)

// Standard decodes with the standard library into planes, clipped to the picture.
func Standard(t testing.TB, file []byte) [][]byte {
	t.Helper()
	m, err := jpeg.Decode(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	cut := func(pix []byte, stride, w, h int) (b []byte) {
		for y := range h {
			b = append(b, pix[y*stride:][:w]...)
		}
		return b
	}
	w, h := m.Bounds().Dx(), m.Bounds().Dy()
	switch m := m.(type) {
	case *image.Gray:
		return [][]byte{cut(m.Pix, m.Stride, w, h)}
	case *image.YCbCr:
		cw, ch := w, h
		switch m.SubsampleRatio {
		case image.YCbCrSubsampleRatio420:
			cw, ch = (w+1)/2, (h+1)/2
		case image.YCbCrSubsampleRatio422:
			cw = (w + 1) / 2
		case image.YCbCrSubsampleRatio440:
			ch = (h + 1) / 2
		}
		return [][]byte{
			cut(m.Y, m.YStride, w, h), cut(m.Cb, m.CStride, cw, ch), cut(m.Cr, m.CStride, cw, ch),
		}
	}
	t.Fatalf("decoded to %T", m)
	return nil
}

// PSNR returns by how much samples differ, in decibels.
func PSNR(a, b []byte) float64 {
	sum := 0.0
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		sum += d * d
	}
	return 10 * math.Log10(255*255*float64(len(a))/math.Max(sum, 1e-9))
}

// FirstDifference returns where two texts differ first, or the length of the shorter one.
func FirstDifference(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}
