package webp

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// fixture returns the chunks of a file of testdata that make its picture.
func fixture(t testing.TB, name string) (body []byte) {
	t.Helper()
	file, err := os.ReadFile(filepath.Join("testdata", name+".webp"))
	if err != nil {
		t.Fatal(err)
	}
	for k := range chunks(file[12:], 12) {
		switch k.kind {
		case "ALPH", "VP8 ", "VP8L":
			body = appendChunk(body, k.kind, k.data)
		}
	}
	return body
}

func le24(v int) []byte { return []byte{byte(v), byte(v >> 8), byte(v >> 16)} }

// vp8x returns a VP8X chunk.
func vp8x(flags byte, w, h int) []byte {
	data := append([]byte{flags, 0, 0, 0}, le24(w-1)...)
	return appendChunk(nil, "VP8X", append(data, le24(h-1)...))
}

// anmf returns a frame at x, y (even) of the size of the fixtures.
func anmf(x, y, delay int, flags byte, body []byte) []byte {
	var data []byte
	for _, v := range []int{x / 2, y / 2, 61 - 1, 43 - 1, delay} {
		data = append(data, le24(v)...)
	}
	return appendChunk(nil, "ANMF", append(append(data, flags), body...))
}

func openFile(t testing.TB, file []byte) codec.Decoder {
	t.Helper()
	d, err := codec.Set{Format}.Open(bytes.NewReader(file), codec.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func decodeFile(t testing.TB, d codec.Decoder) *plane.Picture {
	t.Helper()
	p := plane.New(d.Header().Layout)
	if _, err := d.Decode(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestLenient reads files that browsers show although they are not quite right.
func TestLenient(t *testing.T) {
	lossy, lossless := fixture(t, "landscape"), fixture(t, "lossless")
	exifChunk := appendChunk(nil, "EXIF", []byte("Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00"))
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	wrongSize := riffOf(lossy)
	wrongSize[4], wrongSize[5], wrongSize[6] = 0xff, 0xff, 0xff
	trim := func(b []byte) []byte { return bytes.TrimSuffix(b, []byte{0}) }
	for name, c := range map[string]struct {
		file        []byte
		model       plane.Model
		alpha       bool
		orientation int
	}{
		"simple":                {riffOf(lossy), plane.YCbCr, false, 1},
		"no padding at the end": {trim(riffOf(lossless)), plane.RGB, false, 1},
		"data behind the end":   {append(riffOf(lossy), "something else that is long enough"...), plane.YCbCr, false, 1},
		"wrong size":            {wrongSize, plane.YCbCr, false, 1},
		"alpha flag, no ALPH":   {riffOf(join(vp8x(flagAlpha, 61, 43), lossy)), plane.YCbCr, false, 1},
		"ALPH, no flag":         {riffOf(join(vp8x(0, 61, 43), fixture(t, "lossy-alpha"))), plane.YCbCr, false, 1},
		"unknown chunks":        {riffOf(join(vp8x(0, 61, 43), appendChunk(nil, "ABCD", []byte{1, 2, 3}), lossy)), plane.YCbCr, false, 1},
		"EXIF":                  {riffOf(join(vp8x(flagEXIF, 61, 43), lossy, exifChunk)), plane.YCbCr, false, 6},
		"EXIF, no flag":         {riffOf(join(vp8x(0, 61, 43), lossy, exifChunk)), plane.YCbCr, false, 1},
		"EXIF, simple file":     {riffOf(join(lossy, exifChunk)), plane.YCbCr, false, 1},
		"animation flag, still": {riffOf(join(vp8x(flagAnimation, 61, 43), lossless)), plane.RGB, false, 1},
		"one frame":             {riffOf(join(vp8x(flagAnimation, 61, 43), anmf(0, 0, 100, 0, lossy))), plane.RGB, false, 1},
		"two frames, no flag":   {riffOf(join(vp8x(0, 61, 43), anmf(0, 0, 100, 0, lossy), anmf(0, 0, 100, 0, lossless))), plane.RGB, false, 1},
		"frame on a canvas":     {riffOf(join(vp8x(flagAnimation, 101, 83), anmf(40, 40, 100, 0, lossy))), plane.RGB, true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			d := openFile(t, c.file)
			h := d.Header()
			if h.Layout.Model != c.model || h.Layout.HasAlpha() != c.alpha || int(h.Orientation) != c.orientation {
				t.Errorf("%v, alpha %t, orientation %d", h.Layout.Model, h.Layout.HasAlpha(), h.Orientation)
			}
			decodeFile(t, d)
		})
	}
}

// TestAnnounced reads a profile and metadata only if a flag announces them, as other readers do.
func TestAnnounced(t *testing.T) {
	for _, flags := range []byte{0, flagICC, flagEXIF, flagXMP, flagICC | flagEXIF | flagXMP} {
		body := vp8x(flags, 61, 43)
		body = appendChunk(body, "ICCP", []byte("profile"))
		body = append(body, fixture(t, "landscape")...)
		body = appendChunk(appendChunk(body, "EXIF", []byte("MM\x00*")), "XMP ", []byte("<x/>"))
		h := openFile(t, riffOf(body)).Header()
		if icc := h.Layout.Space.ICC != nil; icc != (flags&flagICC != 0) {
			t.Errorf("flags %#x: profile %v", flags, icc)
		}
		if h.EXIF != nil != (flags&flagEXIF != 0) || h.XMP != nil != (flags&flagXMP != 0) {
			t.Errorf("flags %#x: EXIF %q, XMP %q", flags, h.EXIF, h.XMP)
		}
	}
}

// TestRefused refuses what browsers do not show, and says why.
func TestRefused(t *testing.T) {
	lossy := fixture(t, "landscape")
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for reason, file := range map[string][]byte{
		"no picture in the file":        riffOf(vp8x(0, 61, 43)),
		"a VP8X chunk that is not the":  riffOf(join(lossy, vp8x(0, 61, 43))),
		"a picture of (61,43) in a":     riffOf(join(vp8x(0, 60, 43), lossy)),
		"a frame at (40,0)-(101,43) on": riffOf(join(vp8x(flagAnimation, 100, 43), anmf(40, 0, 0, 0, lossy))),
		"an invalid VP8L header":        riffOf(appendChunk(nil, "VP8L", []byte{1, 2, 3, 4, 5})),
		"without its start code":        riffOf(appendChunk(nil, "VP8 ", make([]byte, 10)[:10:10])),
	} {
		if strings.Contains(reason, "start code") {
			file[20] = 0x10 // a key frame that is shown
		}
		d, err := codec.Set{Format}.Open(bytes.NewReader(file), codec.OpenOptions{})
		if err == nil {
			_, err = d.Decode(t.Context(), discard{})
		}
		if !errors.Is(err, codec.ErrCorrupt) || !strings.Contains(err.Error(), reason) {
			t.Errorf("%v, want %q", err, reason)
		}
	}
}

// TestTruncated cuts pictures at every byte: both the file, and the data in a file that is whole.
func TestTruncated(t *testing.T) {
	for _, name := range []string{"landscape", "lossless", "lossy-alpha", "lossless-alpha"} {
		body := fixture(t, name)
		file := riffOf(append(vp8x(0, 61, 43), body...))
		for n := range file[:len(file)-1] {
			d, err := codec.Set{Format}.Open(bytes.NewReader(file[:n]), codec.OpenOptions{})
			if err == nil {
				_, err = d.Decode(t.Context(), discard{})
			}
			if n >= 12 && !errors.Is(err, codec.ErrCorrupt) {
				t.Fatalf("%s cut at %d of %d: %v", name, n, len(file), err)
			}
		}
		for k := range chunks(body, 0) {
			for n := range k.data[:len(k.data)-1] {
				if k.kind == "ALPH" {
					continue
				}
				d, err := codec.Set{Format}.Open(bytes.NewReader(riffOf(appendChunk(nil, k.kind, k.data[:n]))), codec.OpenOptions{})
				if err == nil {
					_, err = d.Decode(t.Context(), discard{})
				}
				// The last bytes of a VP8 frame may be padding of its arithmetic code.
				if !errors.Is(err, codec.ErrCorrupt) && !(k.kind == "VP8 " && n >= len(k.data)-4) {
					t.Fatalf("%s: %s of %d bytes cut to %d: %v", name, k.kind, len(k.data), n, err)
				}
			}
		}
	}
}

// TestFrames composes an animation: delays, loops, offsets, blending and disposal.
func TestFrames(t *testing.T) {
	opaque, half := fixture(t, "lossless"), fixture(t, "lossless-alpha")
	const w, h = 101, 83
	file := riffOf(bytes.Join([][]byte{
		vp8x(flagAnimation, w, h),
		appendChunk(nil, "ANIM", []byte{1, 2, 3, 4, 7, 0}), // a background that nobody uses, 7 loops
		anmf(0, 0, 40, 0, opaque),
		anmf(40, 40, 50, 0, half),     // blended
		anmf(0, 0, 60, 2|1, half),     // replaces, and is disposed of
		anmf(40, 40, 70, 0, opaque),   // over a hole
		anmf(0, 0, 16777215, 2, half), // the longest delay
	}, nil))
	d := openFile(t, file).(codec.FrameDecoder)
	if d.Loops() != 7 || d.Header().Frames != 5 || !d.Header().Layout.HasAlpha() {
		t.Fatalf("%d loops, %d frames, alpha %t", d.Loops(), d.Header().Frames, d.Header().Layout.HasAlpha())
	}
	var delays []int
	var frames []*plane.Picture
	for {
		delay, err := d.NextFrame(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		delays = append(delays, delay)
		frames = append(frames, decodeFile(t, d))
	}
	if len(delays) != 5 || delays[0] != 40 || delays[3] != 70 || delays[4] != 16777215 {
		t.Fatalf("delays %v", delays)
	}
	first := decode(t, "lossless")
	at := func(frame, x, y int) [4]byte {
		p := frames[frame]
		return [4]byte{p.Row(0, y)[x], p.Row(1, y)[x], p.Row(2, y)[x], p.Row(3, y)[x]}
	}
	drawn := func(x, y int) [4]byte {
		return [4]byte{first.Row(0, y)[x], first.Row(1, y)[x], first.Row(2, y)[x], 255}
	}
	clear := [4]byte{}
	alphaAt := func(x int) byte { return byte(x * 255 / 60) }
	for _, c := range []struct {
		name string
		got  [4]byte
		want [4]byte
	}{
		{"the first frame", at(0, 10, 10), drawn(10, 10)},
		{"the canvas behind it", at(0, 90, 70), clear},
		{"what a frame does not cover stays", at(1, 10, 10), drawn(10, 10)},
		{"a transparent pixel over another", at(1, 40, 42), drawn(40, 42)},
		{"a replaced pixel", at(2, 0, 5), clear},
		{"beside a replaced area", at(2, 90, 70), at(1, 90, 70)},
		{"a cleared area", at(3, 5, 5), clear},
		{"over a cleared area", at(3, 40, 40), drawn(0, 0)},
	} {
		if c.got != c.want && !(c.got[3] == 0 && c.want[3] == 0) {
			t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
		}
	}
	if a := at(1, 70, 70)[3]; a != alphaAt(30) {
		t.Errorf("alpha over nothing is %d, want %d", a, alphaAt(30))
	}
	// Where both overlap, the opaque frame shows through.
	x, y := 60, 42
	over, below, a := drawn(x-40, y-40), drawn(x, y), int(alphaAt(x-40))
	for i := range 3 {
		want := (int(over[i])*a + int(below[i])*(255-a)) / 255
		if got := int(at(1, x, y)[i]); got < want-1 || got > want+1 {
			t.Errorf("blended component %d is %d, want %d", i, got, want)
		}
	}
}

// TestFirstFrameStreams decodes the first frame of an animation as a still.
func TestFirstFrameStreams(t *testing.T) {
	file := riffOf(append(vp8x(flagAnimation, 101, 83), anmf(40, 20, 0, 0, fixture(t, "lossless"))...))
	still, animated := openFile(t, file), openFile(t, file).(codec.FrameDecoder)
	if _, err := animated.NextFrame(t.Context()); err != nil {
		t.Fatal(err)
	}
	a, b := decodeFile(t, still), decodeFile(t, animated)
	for i := range a.Pix {
		if !bytes.Equal(a.Pix[i], b.Pix[i]) {
			t.Errorf("plane %d differs", i)
		}
	}
}

// TestFrameLimit shows the first frame of an animation with more frames than are allowed, and does
// not play it to the end.
func TestFrameLimit(t *testing.T) {
	body := vp8x(flagAnimation, 61, 43)
	for range 5 {
		body = append(body, anmf(0, 0, 10, 0, fixture(t, "landscape"))...)
	}
	o := codec.OpenOptions{Limits: codec.Limits{Frames: 3}}
	d, err := codec.Set{Format}.Open(bytes.NewReader(riffOf(body)), o)
	if err != nil {
		t.Fatal(err)
	}
	if d.Header().Frames != 5 {
		t.Errorf("%d frames, want 5", d.Header().Frames)
	}
	n := 0
	for err == nil {
		if _, err = d.(codec.FrameDecoder).NextFrame(t.Context()); err == nil {
			n++
		}
	}
	if n != 3 || !errors.Is(err, codec.ErrLimit) {
		t.Errorf("%v after %d frames", err, n)
	}
}
