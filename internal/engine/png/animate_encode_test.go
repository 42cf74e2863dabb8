package png

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"image/png"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// shot is a frame as it is shown.
type shot struct {
	p     *plane.Picture
	delay int
}

// animate writes an animation.
func animate(t testing.TB, loops int, o codec.EncodeOptions, all ...shot) []byte {
	t.Helper()
	return animateWith(t, encoder{}, loops, o, all...)
}

func animateWith(t testing.TB, e encoder, loops int, o codec.EncodeOptions, all ...shot) []byte {
	t.Helper()
	w, err := e.Animate(all[0].p.Layout, loops, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
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

// shots reads an animation.
func shots(t testing.TB, file []byte) (all []shot, loops int) {
	t.Helper()
	d := openBytes(t, file, 1).(codec.FrameDecoder)
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

// pixels returns the pixels of a picture.
func pixels(t testing.TB, p *plane.Picture) []pixel {
	t.Helper()
	all := make([]pixel, p.Width()*p.Height())
	if err := pack(t.Context(), all, p); err != nil {
		t.Fatal(err)
	}
	return all
}

// sameShots reports where frames as they are read differ from those that were written. One that shows what
// the one before it shows prolongs it.
func sameShots(t testing.TB, got, want []shot) error {
	t.Helper()
	var merged []shot
	for _, s := range want {
		if n := len(merged); n > 0 && bytes.Equal(rgba(t, merged[n-1].p), rgba(t, s.p)) {
			merged[n-1].delay += s.delay
			continue
		}
		merged = append(merged, s)
	}
	if len(got) != len(merged) {
		return fmt.Errorf("%d frames, not %d", len(got), len(merged))
	}
	for i, s := range merged {
		if !bytes.Equal(rgba(t, got[i].p), rgba(t, s.p)) {
			return fmt.Errorf("frame %d has other pixels", i)
		}
		if got[i].delay != s.delay && len(got) > 1 {
			return fmt.Errorf("frame %d is shown for %d ms, not %d", i, got[i].delay, s.delay)
		}
	}
	return nil
}

// rgba returns the samples of a picture; of transparent pixels, all are 0.
func rgba(t testing.TB, p *plane.Picture) (all []byte) {
	for _, c := range pixels(t, p) {
		all = append(all, byte(c), byte(c>>8), byte(c>>16), byte(c.alpha()))
	}
	return all
}

// scene is an animation of rectangles that come, go and move over a background, in up to n colours.
func scene(rnd *rand.Rand, l plane.Layout, n, frames int) (all []shot) {
	ground := plane.New(l)
	for range 3 {
		paint(rnd, ground, n)
	}
	for range frames {
		if rnd.IntN(3) == 0 {
			paint(rnd, ground, n)
		}
		p := plane.New(l)
		for i := range p.Pix {
			copy(p.Pix[i], ground.Pix[i])
		}
		for range rnd.IntN(3) {
			paint(rnd, p, n)
		}
		all = append(all, shot{p, 11 + rnd.IntN(500)})
	}
	return all
}

// paint draws one rectangle.
func paint(rnd *rand.Rand, p *plane.Picture, n int) {
	x0, y0 := rnd.IntN(p.Width()), rnd.IntN(p.Height())
	x1, y1 := x0+1+rnd.IntN(p.Width()-x0), y0+1+rnd.IntN(p.Height()-y0)
	c := rnd.IntN(n)
	value := []byte{byte(c * 37), byte(c * 59), byte(c >> 8 * 91)}[:p.Model.Colours()]
	value = append(value, []byte{255, 255, 255, 0, 90, 200}[rnd.IntN(6)])
	for i := range p.Planes {
		for y := y0; y < y1; y++ {
			for x := x0; x < x1; x++ {
				p.Row(i, y)[x] = value[i]
			}
		}
	}
}

// TestRandomAnimationsReturn: whatever frames become, with a table of colours and without, and where the
// table fills up on the way, they are shown as they were written.
func TestRandomAnimationsReturn(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	kinds, ways := map[byte]int{}, map[[2]byte]int{}
	n := 400
	if testing.Short() {
		n = 100
	}
	for i := range n {
		l := plane.NewLayout(plane.RGB, i%2 == 0, 1+rnd.IntN(40), 1+rnd.IntN(40), 1, 1)
		if i%8 > 5 {
			l = plane.NewLayout(plane.Gray, i%2 == 0, 1+rnd.IntN(40), 1+rnd.IntN(40), 1, 1)
			l.Space.ICC = make([]byte, i%3*200)
			copy(l.Space.ICC[min(16, len(l.Space.ICC)):], "GRAY")
		}
		want := scene(rnd, l, 1+rnd.IntN(400), 1+rnd.IntN(8))
		if i%5 == 0 { // the table fills up
			for k := range want[len(want)-1].p.Pix[0] {
				want[len(want)-1].p.Pix[0][k] = byte(k)
				want[len(want)-1].p.Pix[len(l.Planes)-1][k] = byte(255 - k>>8)
			}
		}
		e := encoder{effort: codec.FastEffort}
		if i%4 == 0 { // frames this small get much effort, which takes most of the time
			e.effort = codec.NormalEffort
		}
		file := animateWith(t, e, i%4, codec.EncodeOptions{Threads: 1 + i%3, Poster: i % 7}, want...)
		got, loops := shots(t, file)
		if err := sameShots(t, got, want); err != nil {
			t.Fatalf("animation %d: %v", i, err)
		}
		if len(got) > 1 && loops != i%4 {
			t.Errorf("animation %d: %d loops, not %d", i, loops, i%4)
		}
		if h := openBytes(t, file, 1).Header(); !bytes.Equal(h.Layout.Space.ICC, l.Space.For(h.Layout.Model).ICC) {
			t.Errorf("animation %d: a profile of %d bytes", i, len(h.Layout.Space.ICC))
		}
		kinds[file[25]]++
		for _, way := range waysOf(t, file) {
			ways[way]++
		}
		// Another library reads the default image: the poster or the first frame.
		m, err := png.Decode(bytes.NewReader(file))
		if err != nil {
			t.Fatalf("animation %d: %v", i, err)
		}
		shown := want[0].p
		if i%7 < len(want) && len(got) > 1 {
			shown = want[i%7].p
		}
		for k, c := range pixels(t, shown) {
			r, g, b, a := m.At(k%l.Width(), k/l.Width()).RGBA()
			if c == 0 && a != 0 || c.alpha() == 255 && c != pixel(r>>8|g>>8<<8|b>>8<<16|a>>8<<24) {
				t.Fatalf("animation %d: the default image has %x at %d, not %x", i, []uint32{r, g, b, a}, k, c)
			}
		}
	}
	if kinds[typePalette] < n/8 || kinds[typeRGBA] < n/20 || kinds[typeGrayAlpha] < n/40 {
		t.Errorf("colour types: %v", kinds)
	}
	for _, way := range [][2]byte{
		{disposeNone, blendSource}, {disposeNone, blendOver}, {disposeBackground, blendSource},
		{disposeBackground, blendOver}, {disposePrevious, blendSource},
	} {
		if ways[way] < n/80 {
			t.Errorf("disposal and blending %v: %d frames", way, ways[way])
		}
	}
	if n := ways[[2]byte{disposePrevious, blendOver}]; n > 0 {
		t.Errorf("%d frames are drawn over what is to be put back", n)
	}
}

// TestHalfTransparentOverNothing: in a file with a table, only opaque pixels are drawn over what is shown.
func TestHalfTransparentOverNothing(t *testing.T) {
	for alpha, want := range map[byte]byte{255: blendOver, 128: blendSource} {
		var all []shot
		for i := range 2 {
			p := plane.New(plane.NewLayout(plane.RGB, true, 40, 40, 1, 1))
			for y := range 40 {
				for x := 10; x < 30; x++ { // a pattern that stays
					p.Row(0, y)[x], p.Row(3, y)[x] = byte((x^y)&1*200), 255
				}
			}
			if i > 0 { // and a point on either side of it
				p.Row(3, 0)[0], p.Row(3, 39)[39] = alpha, alpha
			}
			all = append(all, shot{p, 100})
		}
		file := animate(t, 0, codec.EncodeOptions{}, all...)
		if ways := waysOf(t, file); file[25] != typePalette || len(ways) != 2 || ways[1][1] != want {
			t.Errorf("alpha %d: colour type %d, disposal and blending %v", alpha, file[25], ways)
		}
		got, _ := shots(t, file)
		if err := sameShots(t, got, all); err != nil {
			t.Errorf("alpha %d: %v", alpha, err)
		}
	}
}

// waysOf returns disposal and blending of each frame. Another library decompresses the pixels of them all.
func waysOf(t testing.TB, file []byte) (ways [][2]byte) {
	t.Helper()
	var data []byte
	finish := func() {
		if len(data) == 0 {
			return
		}
		z, err := zlib.NewReader(bytes.NewReader(data))
		if err == nil {
			_, err = io.Copy(io.Discard, z)
		}
		if err != nil {
			t.Errorf("frame %d: %v", len(ways), err)
		}
		data = nil
	}
	for rest := file[len(signature):]; len(rest) > 0; {
		n := binary.BigEndian.Uint32(rest)
		kind, body := string(rest[4:8]), rest[8:][:n]
		switch kind {
		case "fcTL":
			finish()
			ways = append(ways, [2]byte(body[24:]))
		case "IDAT":
			data = append(data, body...)
		case "fdAT":
			data = append(data, body[4:]...)
		}
		rest = rest[12+n:]
	}
	finish()
	return ways
}

// TestLargeFramesReturn writes frames of several strips, with matches from strip to strip.
func TestLargeFramesReturn(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for _, n := range []int{50, 5000} {
		want := scene(rnd, plane.NewLayout(plane.RGB, true, 700, 500, 1, 1), n, 6)
		for x := range want[1].p.Pix[0] {
			want[1].p.Pix[0][x] = byte(x*x>>7) & 3 * 60
		}
		file := animate(t, 0, codec.EncodeOptions{Threads: 2, Poster: 2}, want...)
		got, _ := shots(t, file)
		if err := sameShots(t, got, want); err != nil {
			t.Errorf("%d colours: %v", n, err)
		}
		if ways := waysOf(t, file); len(ways) != len(got) {
			t.Errorf("%d colours: %d frames, not %d", n, len(ways), len(got))
		}
	}
}

// TestDelaysOfFrames: times beyond 65 seconds are rounded to what the 16 bits of a fraction hold.
func TestDelaysOfFrames(t *testing.T) {
	l := plane.NewLayout(plane.RGB, false, 3, 2, 1, 1)
	a, b := plane.New(l), plane.New(l)
	b.Pix[1][3] = 9
	for delay, want := range map[int]int{
		11: 11, 100: 100, 65535: 65535, 65536: 65540, 655350: 655350, 655356: 655400, 16777215: 16777000, maxDelay: maxDelay,
	} {
		got, _ := shots(t, animate(t, 1, codec.EncodeOptions{}, shot{a, delay}, shot{b, 50}))
		if len(got) != 2 || got[0].delay != want || got[1].delay != 50 {
			t.Errorf("%d ms become %+v", delay, got)
		}
	}
	// What exceeds the longest time is another frame with the same pixels.
	got, _ := shots(t, animate(t, 1, codec.EncodeOptions{}, shot{a, maxDelay}, shot{a, 50}))
	if len(got) != 2 || got[0].delay != maxDelay || got[1].delay != 50 || !bytes.Equal(rgba(t, got[1].p), rgba(t, a)) {
		t.Errorf("a longer time becomes %d frames", len(got))
	}
}

// TestAnimationsOfOneFrame: equal frames are a still, with the bytes of one.
func TestAnimationsOfOneFrame(t *testing.T) {
	for _, m := range []plane.Model{plane.Gray, plane.RGB} {
		p := picture(m, false, 30, 20)
		o := codec.EncodeOptions{Poster: 1}
		want, err := encoder{}.Encode(t.Context(), p, o)
		if err != nil {
			t.Fatal(err)
		}
		if got := animate(t, 0, o, shot{p, 50}, shot{p, 70}); !bytes.Equal(got, want) {
			t.Errorf("%v: %d bytes, not the %d of a still", m, len(got), len(want))
		}
	}
	w, err := encoder{}.Animate(plane.NewLayout(plane.RGB, false, 3, 2, 1, 1), 0, codec.EncodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Close(t.Context()); !errors.Is(err, codec.ErrUnsupported) {
		t.Errorf("no frames: %v", err)
	}
}

// TestMemoryOfAnimations: it does not grow with the number of frames.
func TestMemoryOfAnimations(t *testing.T) {
	l := plane.NewLayout(plane.RGB, true, 400, 300, 1, 1)
	p := plane.New(l)
	w, err := encoder{}.Animate(l, 0, codec.EncodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var early uint64
	for i := range 60 {
		p.Row(i%3, i)[i] = byte(i)
		if err := w.WriteFrame(t.Context(), p, 40); err != nil {
			t.Fatal(err)
		}
		if i == 5 {
			early = heap()
		}
	}
	if late := heap(); late > early+200_000 {
		t.Errorf("%d bytes are in use after 6 frames, %d after 60", early, late)
	}
	runtime.KeepAlive(w)
}
