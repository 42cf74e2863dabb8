package gif

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

// drawn is a picture of random rectangles in some of the first n of fixed colours, or transparent.
func drawn(rnd *rand.Rand, l plane.Layout, n int) *plane.Picture {
	p := plane.New(l)
	for range 6 {
		paint(rnd, p, n)
	}
	return p
}

// paint draws one rectangle.
func paint(rnd *rand.Rand, p *plane.Picture, n int) {
	x0, y0 := rnd.IntN(p.Width()), rnd.IntN(p.Height())
	x1, y1 := x0+1+rnd.IntN(p.Width()-x0), y0+1+rnd.IntN(p.Height()-y0)
	c := rnd.IntN(n)
	value := []byte{byte(c * 37), byte(c * 59), byte(c >> 8 * 91), 255}
	if alpha, ok := p.Alpha(); ok {
		if value[3] = 255; rnd.IntN(4) == 0 {
			value = []byte{0, 0, 0, 0}
		}
		value[alpha] = value[3]
	}
	for i := range p.Planes {
		for y := y0; y < y1; y++ {
			for x := x0; x < x1; x++ {
				p.Row(i, y)[x] = value[i]
			}
		}
	}
}

func clone(p *plane.Picture) *plane.Picture {
	q := plane.New(p.Layout)
	for i := range p.Pix {
		copy(q.Pix[i], p.Pix[i])
	}
	return q
}

// shot is a frame as it is shown.
type shot struct {
	p     *plane.Picture
	delay int
}

// animate writes frames with an encoder of some settings.
func animate(t testing.TB, v setting.Values, loops int, shots ...shot) []byte {
	t.Helper()
	w, err := newEncoder(v).(codec.FrameEncoder).Animate(shots[0].p.Layout, loops, codec.EncodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range shots {
		if err := w.WriteFrame(t.Context(), s.p, s.delay); err != nil {
			t.Fatal(err)
		}
	}
	file, err := w.Close(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// shots reads an animation with our decoder.
func shots(t testing.TB, file []byte) (all []shot, loops int) {
	t.Helper()
	d, err := openFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for {
		delay, err := d.NextFrame(t.Context())
		if errors.Is(err, io.EOF) {
			return all, d.Loops()
		}
		if err != nil {
			t.Fatal(err)
		}
		p := plane.New(d.Shrink(0, 0))
		if _, err := d.Decode(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		all = append(all, shot{p, delay})
	}
}

// rgba returns a pixel of a picture with or without alpha. A transparent one has no colour.
func rgba(p *plane.Picture, x, y int) (c [4]byte) {
	s := samples(p, x, y)
	if c[3] = 255; p.HasAlpha() {
		c[3] = s[len(s)-1]
	}
	if c[3] > 0 {
		copy(c[:3], s)
	}
	return c
}

// sameShot reports where two pictures differ.
func sameShot(p, q *plane.Picture) error {
	if p.Width() != q.Width() || p.Height() != q.Height() {
		return fmt.Errorf("%d×%d, not %d×%d", p.Width(), p.Height(), q.Width(), q.Height())
	}
	for y := range p.Height() {
		for x := range p.Width() {
			if a, b := rgba(p, x, y), rgba(q, x, y); a != b {
				return fmt.Errorf("pixel %d,%d is %v, not %v", x, y, a, b)
			}
		}
	}
	return nil
}

// merged returns frames as they are written: one that shows what the one before it shows prolongs it.
func merged(all []shot) (m []shot) {
	for _, s := range all {
		if n := len(m); n > 0 && sameShot(m[n-1].p, s.p) == nil {
			m[n-1].delay += s.delay
			continue
		}
		m = append(m, s)
	}
	return m
}

// TestRandomAnimationsRoundTrip: pictures with few colours are kept as they are, by whatever frames and
// tables they are written.
func TestRandomAnimationsRoundTrip(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range 300 {
		l := plane.NewLayout(plane.RGB, i%2 == 0, 1+rnd.IntN(40), 1+rnd.IntN(40), 1, 1)
		n := 1 + rnd.IntN(400)
		p := drawn(rnd, l, n)
		var want []shot
		for range 1 + rnd.IntN(8) {
			want = append(want, shot{clone(p), 10 * (2 + rnd.IntN(50))})
			for range rnd.IntN(4) {
				paint(rnd, p, n)
			}
		}
		file := animate(t, nil, i%4, want...)
		got, loops := shots(t, file)
		want = merged(want)
		if len(got) != len(want) {
			t.Fatalf("animation %d: %d frames, not %d", i, len(got), len(want))
		}
		if len(want) > 1 && loops != i%4 {
			t.Errorf("animation %d: %d loops", i, loops)
		}
		for k := range want {
			if err := sameShot(got[k].p, want[k].p); err != nil {
				t.Fatalf("animation %d, frame %d: %v", i, k, err)
			}
			if len(want) > 1 && got[k].delay != want[k].delay {
				t.Fatalf("animation %d, frame %d: %d ms, not %d", i, k, got[k].delay, want[k].delay)
			}
		}
		if g, err := gif.DecodeAll(bytes.NewReader(file)); err != nil || len(g.Image) != len(want) ||
			g.Config.Width != l.Width() || g.Image[0].Rect != image.Rect(0, 0, l.Width(), l.Height()) {
			t.Fatalf("animation %d: another library reads %v", i, err)
		}
	}
}

// TestPhotographs: what has too many colours is near them, with every kind of dithering.
func TestPhotographs(t *testing.T) {
	for _, c := range []struct {
		v    setting.Values
		most int // mean difference, in tenths of a level
	}{
		{nil, 40}, {setting.Values{"dither": "ordered"}, 50}, {setting.Values{"dither": "none"}, 30},
		{setting.Values{"colours": "16"}, 180}, {setting.Values{"colours": "2", "dither": "none"}, 500},
	} {
		p := smooth(80, 60, false)
		file, err := newEncoder(c.v).Encode(t.Context(), p, codec.EncodeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		q, err := decodeFile(t, file)
		if err != nil || q.HasAlpha() {
			t.Fatalf("%v: alpha %t, %v", c.v, q.HasAlpha(), err)
		}
		sum := 0
		for i := range 3 {
			for k, v := range p.Pix[i] {
				sum += max(int(v)-int(q.Pix[i][k]), int(q.Pix[i][k])-int(v))
			}
		}
		if off := 10 * sum / (3 * 80 * 60); off > c.most || off == 0 {
			t.Errorf("%v: off by %d tenths, more than %d", c.v, off, c.most)
		}
		m, err := gif.Decode(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		seen := map[byte]bool{}
		for _, v := range m.(*image.Paletted).Pix {
			seen[v] = true
		}
		if most := int(c.v.Int(coloursSetting, 256)); len(seen) > most || len(seen) < most/2 {
			t.Errorf("%v: %d colours", c.v, len(seen))
		}
	}
}

// smooth is a picture of more colours than a table has.
func smooth(w, h int, alpha bool) *plane.Picture {
	p := plane.New(plane.NewLayout(plane.RGB, alpha, w, h, 1, 1))
	for y := range h {
		for x := range w {
			p.Row(0, y)[x] = byte(x * 255 / w)
			p.Row(1, y)[x] = byte(y * 255 / h)
			p.Row(2, y)[x] = byte((x + y) * 127 / (w + h))
			if alpha {
				p.Row(3, y)[x] = 255
			}
		}
	}
	return p
}

// TestUnchangedPixelsDoNotFlicker: a part changes, and all others stay as they were, dithered or not.
func TestUnchangedPixelsDoNotFlicker(t *testing.T) {
	for _, dither := range []string{"diffusion", "ordered", "none"} {
		p := smooth(60, 40, false)
		all := []shot{{clone(p), 100}}
		for i := range 4 {
			for y := 10; y < 20; y++ {
				for x := 10; x < 30; x++ {
					p.Row(0, y)[x] = byte(x*y + 40*i)
				}
			}
			all = append(all, shot{clone(p), 100})
		}
		got, _ := shots(t, animate(t, setting.Values{"dither": dither}, 0, all...))
		for i, s := range got {
			for y := range 40 {
				for x := range 60 {
					inside := x >= 10 && x < 30 && y >= 10 && y < 20
					if a, b := rgba(s.p, x, y), rgba(got[0].p, x, y); !inside && a != b {
						t.Fatalf("%s: frame %d, pixel %d,%d turns from %v to %v", dither, i, x, y, b, a)
					}
				}
			}
		}
	}
}

// TestDelays: delays are rounded so that their sum stays, and none is so short that browsers take it for
// a mistake.
func TestDelays(t *testing.T) {
	for name, c := range map[string]struct{ given, want []int }{
		"thirds of a second": {[]int{33, 33, 33, 34, 33, 33}, []int{30, 40, 30, 30, 40, 30}},
		"11 ms are shown":    {[]int{11, 11, 11, 300}, []int{20, 20, 20, 300}},
		"the longest":        {[]int{655_350, 100}, []int{655_350, 100}},
		"longer":             {[]int{655_351, 100}, []int{327_680, 327_670, 100}},
		"an hour":            {[]int{3_600_000}, []int{450_000, 450_000, 450_000, 450_000, 450_000, 450_000, 450_000, 450_000}},
	} {
		var all []shot
		for i, delay := range c.given {
			p := plane.New(plane.NewLayout(plane.Gray, false, 2, 2, 1, 1))
			p.Pix[0][0] = byte(i + 1)
			all = append(all, shot{p, delay})
		}
		got, _ := shots(t, animate(t, nil, 0, all...))
		if len(got) != len(c.want) {
			t.Fatalf("%s: %d frames, not %d", name, len(got), len(c.want))
		}
		for i, s := range got {
			if s.delay != c.want[i] {
				t.Errorf("%s: frame %d lasts %d ms, not %d", name, i, s.delay, c.want[i])
			}
		}
	}
	black, white := smooth(3, 3, false), plane.New(plane.NewLayout(plane.RGB, false, 3, 3, 1, 1))
	got, _ := shots(t, animate(t, nil, 0, shot{black, 400_000}, shot{black, 400_000}, shot{white, 50}))
	if len(got) != 3 || got[0].delay != 400_000 || got[1].delay != 400_000 {
		t.Errorf("a frame cannot last 800 seconds: %d frames", len(got))
	}
}

// TestLoops: the file holds repetitions, one less than the animation plays.
func TestLoops(t *testing.T) {
	a, b := smooth(3, 3, false), plane.New(plane.NewLayout(plane.RGB, false, 3, 3, 1, 1))
	for plays, want := range map[int]int{0: 0, 1: 1, 2: 2, 65535: 65535, 65536: 65536, 99999: 65536} {
		file := animate(t, nil, plays, shot{a, 100}, shot{b, 100})
		if _, loops := shots(t, file); loops != want {
			t.Errorf("%d plays become %d", plays, loops)
		}
		if bytes.Contains(file, []byte("NETSCAPE")) == (plays == 1) {
			t.Errorf("%d plays: a block of loops is there or not", plays)
		}
	}
}

func TestEncodeErrors(t *testing.T) {
	wide := plane.NewLayout(plane.Gray, false, 65536, 1, 1, 1)
	if _, err := newEncoder(nil).Encode(t.Context(), plane.New(wide), codec.EncodeOptions{}); !errors.Is(err, codec.ErrUnsupported) {
		t.Errorf("too wide: %v", err)
	}
	p := smooth(300, 300, false)
	w, err := newEncoder(nil).(codec.FrameEncoder).Animate(p.Layout, 0, codec.EncodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Close(t.Context()); !errors.Is(err, codec.ErrUnsupported) {
		t.Errorf("no frames: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.WriteFrame(ctx, p, 100); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if err := w.WriteFrame(t.Context(), p, 100); err != nil {
		t.Error(err)
	}
	if _, err := w.Close(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestXMPRoundTrip reads the packet back where it was written.
func TestXMPRoundTrip(t *testing.T) {
	o := codec.EncodeOptions{Metadata: codec.Metadata{XMP: []byte("<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")}}
	file, err := newEncoder(nil).Encode(t.Context(), smooth(9, 9, false), o)
	if err != nil {
		t.Fatal(err)
	}
	d, err := openFile(file)
	if err != nil || string(d.Header().XMP) != string(o.XMP) {
		t.Errorf("%q, %v", d.Header().XMP, err)
	}
	if _, err := gif.Decode(bytes.NewReader(file)); err != nil {
		t.Error(err)
	}
}

// FuzzCodes writes indexes and reads them back.
func FuzzCodes(f *testing.F) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for _, n := range []int{1, 5, 300, 70_000, 300_000} {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rnd.IntN(1 + i>>10))
		}
		f.Add(b, uint8(rnd.IntN(8)))
	}
	f.Fuzz(func(t *testing.T, indexes []byte, size uint8) {
		if len(indexes) == 0 {
			return
		}
		bits := uint(size%8 + 1)
		for i := range indexes {
			indexes[i] &= 1<<bits - 1
		}
		out, err := new(coder).appendData(t.Context(), nil, indexes, bits)
		if err != nil {
			t.Fatal(err)
		}
		file := &file{size: len(out)}
		for rest := out; ; rest = rest[pieceSize:] {
			file.pieces = append(file.pieces, rest[:min(pieceSize, len(rest))])
			if len(rest) <= pieceSize {
				break
			}
		}
		z := new(codes)
		if !z.start(file, 0, len(indexes)) {
			t.Fatal("bad code size")
		}
		at := z.decode(literals, len(indexes), len(indexes))
		if got := z.out[at:z.p]; !bytes.Equal(got, indexes) {
			t.Fatalf("%d indexes come back as %d", len(indexes), len(got))
		}
		if z.i != len(out)-1 && !z.ended {
			if z.refill(); z.i != len(out)-1 {
				t.Errorf("the data ends at %d of %d", z.i, len(out))
			}
		}
	})
}
