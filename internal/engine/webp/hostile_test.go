package webp

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// bitWriter writes VP8L bit streams.
type bitWriter struct {
	data []byte
	n    uint
}

func (w *bitWriter) bits(v, n int) {
	for i := range n {
		if w.n&7 == 0 {
			w.data = append(w.data, 0)
		}
		w.data[len(w.data)-1] |= byte(v>>i&1) << (w.n & 7)
		w.n++
	}
}

// constant writes a prefix code of one symbol, which takes no bits. Symbols over 255 take a normal
// code length code.
func (w *bitWriter) constant(symbol, alphabet int) {
	if symbol < 256 {
		w.bits(1, 1)
		w.bits(0, 1)
		w.bits(1, 1)
		w.bits(symbol, 8)
		return
	}
	w.bits(0, 1)
	w.bits(8-4, 4) // code lengths of 17, 18, 0, 1, ... : two symbols, 18 and 1
	for _, s := range []int{17, 18, 0, 1, 2, 3, 4, 5} {
		l := 0
		if s == 18 || s == 1 {
			l = 1
		}
		w.bits(l, 3)
	}
	w.bits(0, 1) // no bound on the symbols
	for at := 0; at < alphabet; {
		zeros := symbol - at
		if at > symbol {
			zeros = alphabet - at
		}
		if zeros == 0 {
			w.bits(0, 1) // 1
			at++
			continue
		}
		n := min(zeros, 138)
		if rest := zeros - n; rest > 0 && rest < 11 {
			n -= 11
		}
		w.bits(1, 1) // 18
		w.bits(n-11, 7)
		at += n
	}
}

// image writes an entropy-coded image of one symbol of green, without a cache.
func (w *bitWriter) image(green int, main bool) {
	w.bits(0, 1)
	if main {
		w.bits(0, 1)
	}
	w.constant(green, 256+24)
	w.constant(7, 256)
	w.constant(9, 256)
	w.constant(200, 256)
	w.constant(0, 40)
}

// lossless returns a file of a w×h VP8L picture.
func lossless(width, height int, write func(w *bitWriter)) []byte {
	w := &bitWriter{data: []byte{0x2f}, n: 8}
	w.bits(width-1, 14)
	w.bits(height-1, 14)
	w.bits(1, 1)
	w.bits(0, 3)
	write(w)
	return riffOf(appendChunk(nil, "VP8L", w.data))
}

func riffOf(body []byte) []byte {
	return append(append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(4+len(body))), "WEBP"...), body...)
}

// Transforms of VP8L (section 4).
const (
	predictorTransform = iota
	colourTransform
	subtractGreenTransform
)

// giants are files of a few bytes that declare as many pixels as the default limit allows.
func giants() map[string][]byte {
	const side = 14142
	tiles := func(w *bitWriter, kind, green int) {
		w.bits(1, 1)
		w.bits(kind, 2)
		w.bits(0, 3) // blocks of 4×4
		w.image(green, false)
	}
	return map[string][]byte{
		"constant": lossless(side, side, func(w *bitWriter) {
			w.bits(0, 1)
			w.image(33, true)
		}),
		"predicted": lossless(side, side, func(w *bitWriter) {
			tiles(w, predictorTransform, 13)
			tiles(w, colourTransform, 5)
			w.bits(1, 1)
			w.bits(subtractGreenTransform, 2)
			w.bits(0, 1)
			w.image(33, true)
		}),
		"copied": lossless(side, side, func(w *bitWriter) {
			w.bits(0, 1)
			w.image(256, true) // copies one pixel from above, but there is none
		}),
	}
}

func TestGiantsAreCheap(t *testing.T) {
	if testing.Short() {
		t.Skip("decodes 400 million pixels")
	}
	for name, file := range giants() {
		t.Run(name, func(t *testing.T) {
			d, err := codec.Set{Format}.Open(bytes.NewReader(file), codec.OpenOptions{})
			if err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			_, err = d.Decode(t.Context(), discard{})
			if name == "copied" != errors.Is(err, codec.ErrCorrupt) || name != "copied" && err != nil {
				t.Error(err)
			}
			runtime.ReadMemStats(&after)
			used := int64(after.TotalAlloc - before.TotalAlloc)
			t.Logf("%d bytes: %v, %d MB allocated, %d MB promised", len(file), time.Since(start), used>>20, d.Memory()>>20)
			if used > d.Memory()*5/4 || used > 128<<20 {
				t.Errorf("%d MB allocated, %d MB promised", used>>20, d.Memory()>>20)
			}
		})
	}
}

// TestCancelled stops in the middle of a picture that takes no bits.
func TestCancelled(t *testing.T) {
	for _, name := range []string{"constant", "predicted"} {
		d, err := codec.Set{Format}.Open(bytes.NewReader(giants()[name]), codec.OpenOptions{Threads: 2})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		rows := 0
		_, err = d.Decode(ctx, sinkFunc(func(int, int, plane.Rows) error {
			if rows++; rows == 100 {
				cancel()
			}
			return nil
		}))
		if !errors.Is(err, context.Canceled) || rows > 1000 {
			t.Errorf("%s: %v after %d bands", name, err, rows)
		}
	}
}

type sinkFunc func(int, int, plane.Rows) error

func (f sinkFunc) Rows(p, y int, r plane.Rows) error { return f(p, y, r) }
