package tiff

import (
	"bytes"
	"context"
	"image"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/sample"
)

// seeds are files of every compression and division, small.
func seeds(t testing.TB) (files [][]byte) {
	for _, c := range []int{uncompressed, packBits, lzw, deflate, zstandard, faxRLE, faxRLEW, faxT4, faxT6} {
		for form := range 4 {
			d := drawing{w: 21, h: 19, rows: 5, compression: c, photometric: rgb, samples: 3, at: wave(8, unsigned)}
			if isFax(c) {
				d.samples, d.bits, d.photometric, d.at, d.t4 = 1, 1, form&1, wave(1, unsigned), form
			}
			d.planar, d.big, d.atEnd = form == 1, form == 2, form == 3
			if form == 2 {
				d.tileW, d.tileH = 16, 16
			}
			files = append(files, d.file(t))
		}
	}
	for _, d := range []drawing{
		{photometric: yCbCr, samples: 3, subX: 2, subY: 2, rows: 4}, {photometric: cieLab, samples: 3, bits: 16},
		{photometric: rgb, samples: 4, bits: 16, tags: []tag{{tagExtraSamples, []uint16{associated}}}},
		{photometric: palette, bits: 2, tags: []tag{{tagColorMap, make([]uint16, 12)}}},
		{photometric: separated, samples: 4}, {bits: 32, format: float, predictor: 3, compression: lzw},
		{photometric: blackIsZero, bits: 12, samples: 2}, {compression: lzw, oldLZW: true, lsbFirst: true},
	} {
		d.w, d.h = 21, 19
		d.at = wave(max(d.bits, 8), d.format)
		files = append(files, d.file(t))
	}
	for _, d := range []drawing{{samples: 3, rows: 5}, {samples: 4, tileW: 16, tileH: 16}} {
		d.w, d.h, d.photometric, d.compression, d.at = 21, 19, rgb, webpFile, wave(8, unsigned)
		files = append(files, d.file(t))
	}
	for _, name := range []string{"drawing.xz", "drawing-delta.xz"} {
		files = append(files, xzDrawing(t, name).file(t))
	}
	m := sample.Landscape(40, 30)
	files = append(files, jpegFileOf(t, m, true, true, 16, 16), jpegFileOf(t, m, false, false, 0, 16))
	if dir := os.Getenv("IMGMILL_CORPUS"); dir != "" {
		names, _ := filepath.Glob(filepath.Join(dir, "mixed", "tiff", "*", "*.tif*"))
		for _, name := range names {
			if b, err := os.ReadFile(name); err == nil && len(b) < 20000 {
				files = append(files, b)
			}
		}
	}
	return append(files, rawFile(t, image.Rect(0, 0, 32, 24), 32, true))
}

// FuzzDecode checks that no file makes the decoder panic, push rows outside the layout, hold much
// more memory than it announces, or work long for few bytes.
func FuzzDecode(f *testing.F) {
	for _, b := range seeds(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		var r io.Reader = bytes.NewReader(b)
		if len(b)%2 == 0 { // cannot be read at any place
			r = struct{ io.Reader }{r}
		}
		d, err := codec.Set{Format}.Open(r, codec.OpenOptions{Limits: codec.Limits{Pixels: 1 << 20}})
		if err != nil {
			return
		}
		limits := codec.Limits{Memory: 64 << 20}
		if limits.CheckMemory(d) != nil {
			return
		}
		memory := d.Memory()
		s := newStrict(d.Header().Layout)
		var picture int64
		for _, p := range s.Pix {
			picture += int64(len(p))
		}
		start := time.Now()
		report, err := d.Decode(context.Background(), s)
		runtime.ReadMemStats(&after)
		if taken := time.Since(start); taken > 5*time.Second {
			t.Errorf("%d bytes took %v", len(b), taken)
		}
		if own, ok := d.(*decoder); ok && own.jpeg == nil {
			// Everything that was allocated on the way, garbage too.
			if n := int64(after.TotalAlloc-before.TotalAlloc) - picture; n > 2*memory+1<<20 {
				t.Errorf("%d bytes were allocated, %d announced", n, memory)
			}
		}
		for p, n := range s.next {
			if err == nil && report.Damage == nil && n != s.Planes[p].Height {
				t.Errorf("plane %d has %d rows of %d", p, n, s.Planes[p].Height)
			}
		}
		if err != nil && !codec.Permanent(err) {
			t.Errorf("the error is of no known kind: %v", err)
		}
	})
}
