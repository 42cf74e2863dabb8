package webp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

// checkingSink fails when rows leave the layout or come out of order.
type checkingSink struct {
	layout plane.Layout
	next   [4]int
}

func (s *checkingSink) Rows(p, y int, r plane.Rows) error {
	size := s.layout.Planes[p]
	if y != s.next[p] || r.N <= 0 || y+r.N > size.Height {
		return fmt.Errorf("plane %d: rows %d to %d of %d, want row %d", p, y, y+r.N, size.Height, s.next[p])
	}
	r.Row(r.N-1, size.Width)
	s.next[p] += r.N
	return nil
}

// whole reports whether all rows of all planes have come.
func (s *checkingSink) whole() bool {
	for i, size := range s.layout.Planes {
		if s.next[i] != size.Height {
			return false
		}
	}
	return true
}

func FuzzDecode(f *testing.F) {
	paths, err := filepath.Glob("testdata/*.webp")
	if err != nil {
		f.Fatal(err)
	}
	var bodies [][]byte
	for _, path := range paths {
		file, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(file)
		for k := range chunks(file[12:], 12) {
			if k.kind == "VP8 " || k.kind == "VP8L" {
				bodies = append(bodies, appendChunk(nil, k.kind, k.data))
			}
		}
	}
	animation := vp8x(flagAnimation|flagAlpha, 101, 83)
	for i, body := range bodies {
		animation = append(animation, anmf(4*i, 2*i, 40, byte(i&3), body)...)
	}
	f.Add(riffOf(animation))
	for _, file := range giants() {
		file[21], file[22] = 99, 0 // the width and a part of the height
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		for threads := 1; threads <= 2; threads++ {
			fuzzOne(t, file, threads)
		}
	})
}

// mostRecoded is the number of pixels up to which FuzzDecode encodes what it has decoded.
const mostRecoded = 64 * 64

// recode decodes and encodes a file as a still and as an animation, and decodes what comes of it.
func recode(t *testing.T, file []byte, threads int) {
	limits := codec.Limits{Pixels: 20 * mostRecoded, Frames: 20}
	all := render.Variant{Name: "all", Format: Format, Frames: render.AllFrames}
	lossless := render.Variant{Name: "lossless", Format: Format, Encoding: setting.Values{"lossless": "true"}}
	auto := render.Variant{Name: "auto", Format: Format, Frames: render.AllFrames, Encoding: setting.Values{"lossless": "auto"}}
	engine := &render.Engine{Formats: codec.Set{Format}, Threads: threads}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, outputs, err := engine.Make(t.Context(), bytes.NewReader(file), limits, []render.Variant{all, lossless, auto})
	runtime.ReadMemStats(&after)
	if err != nil && (!codec.Permanent(err) || strings.Contains(err.Error(), "failed on it")) {
		t.Fatal(err)
	}
	if used, most := after.TotalAlloc-before.TotalAlloc, 8<<20+100*uint64(len(file)); used > most {
		t.Fatalf("%d bytes were allocated, at most %d are expected", used, most)
	}
	for _, o := range outputs {
		if h, _ := decodeBytes(t, o.Data); h.Width != o.Width || h.Height != o.Height {
			t.Fatalf("%s: %d×%d became %d×%d", o.Variant.Name, o.Width, o.Height, h.Width, h.Height)
		}
	}
}

func fuzzOne(t *testing.T, file []byte, threads int) {
	limits := codec.Limits{Pixels: 1 << 20, Memory: 64 << 20}
	d, err := codec.Set{Format}.Open(bytes.NewReader(file), codec.OpenOptions{Limits: limits, Threads: threads})
	if err != nil {
		if !codec.Permanent(err) {
			t.Fatal(err)
		}
		return
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s := &checkingSink{layout: d.Header().Layout}
	_, err = d.Decode(t.Context(), s)
	runtime.ReadMemStats(&after)
	if err != nil && !codec.Permanent(err) || err == nil && !s.whole() {
		t.Fatalf("%v after rows %v of %+v", err, s.next, s.layout)
	}
	// Tables of prefix codes grow with the file.
	if used, most := int64(after.TotalAlloc-before.TotalAlloc), d.Memory()*5/4+1<<20+100*int64(len(file)); used > most {
		t.Fatalf("%d bytes were allocated, at most %d were promised", used, most)
	}
	animation, err := codec.Set{Format}.Open(bytes.NewReader(file), codec.OpenOptions{Limits: limits, Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	if size := d.Header().Width * d.Header().Height; err == nil && size <= mostRecoded {
		recode(t, file, threads)
	}
	for range 20 {
		_, err := animation.(codec.FrameDecoder).NextFrame(t.Context())
		if errors.Is(err, io.EOF) {
			return
		}
		if err == nil {
			s := &checkingSink{layout: animation.Header().Layout}
			_, err = animation.Decode(t.Context(), s)
		}
		if err != nil && !codec.Permanent(err) {
			t.Fatal(err)
		}
	}
}
